"""The pretraining command: it learns, a killed run goes on bit for bit, and bad arguments leave no trace."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_pretraining import SMALL, few_quatrains
from torch import nn

from course_lib.data.text import load_tang, quatrains_as_text
from course_lib.pretraining import pretrain
from course_lib.pretraining.pretrain import corpus_text, encode_split
from course_lib.pretraining.training import Progress, Run, train, update
from course_lib.text.tokenizers import CharacterTokenizer
from course_lib.training import checkpoint
from course_lib.training.steps import adamw


@pytest.fixture(autouse=True)
def short_corpus() -> Iterator[None]:
    with few_quatrains():
        yield


def run(out: Path, *words: str) -> int:
    return pretrain.main([*SMALL, "--out", str(out), *words])


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def result(folder: Path) -> dict[str, object]:
    return json.loads((folder / "result.json").read_text("utf-8"))


def test_a_run_learns_and_leaves_all_it_promised(tmp_path: Path, capsys):
    assert run(tmp_path / "new" / "run", "--steps", "60", "--learning-rate", "0.01") == 0
    folder = tmp_path / "new" / "run"
    assert files(folder) == [
        "best.safetensors",
        "checkpoint.safetensors",
        "result.json",
        "settings.json",
        "tokenizer.json",
    ]
    found = result(folder)
    assert [row["step"] for row in found["history"]] == [25, 50, 60]
    losses = [row["validation_loss"] for row in found["history"]]
    vocabulary = len(json.loads((folder / "tokenizer.json").read_text("utf-8"))["alphabet"])
    assert losses[-1] < math.log(vocabulary) - 0.5
    assert losses == sorted(losses, reverse=True)
    assert found["validation_loss"] == losses[-1]
    assert found["machine"]["threads"] == 1
    shown = capsys.readouterr().out
    assert f"{losses[-1]:.4f} nats per token, {found['bits_per_byte']:.4f} bits per byte" in shown
    # The best parameters are those whose loss the row states.
    tokenizer = CharacterTokenizer(json.loads((folder / "tokenizer.json").read_text("utf-8"))["alphabet"])
    model = pretrain.GPT(tokenizer.vocab_size, context=16, d_model=8, heads=2, layers=1)
    model.load_state_dict(load_file(folder / "best.safetensors"))
    ids = encode_split(tokenizer, corpus_text("tang", "validation")).ids
    assert pretrain.model_loss(model, ids, context=16) == pytest.approx(losses[-1], rel=1e-6)


def same_run(one: Path, other: Path) -> None:
    assert result(one)["history"] == result(other)["history"]
    for name in ("best.safetensors", "checkpoint.safetensors"):
        ours, theirs = load_file(one / name), load_file(other / name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours), name


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, monkeypatch):
    assert run(tmp_path / "whole", "--steps", "60") == 0

    calls = []

    def interrupted(*arguments: object, **keywords: object) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 38:  # after the checkpoint of update 30, within the interval of a loss
            raise KeyboardInterrupt
        return update(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr("course_lib.pretraining.training.update", interrupted)
        assert run(tmp_path / "parts", "--steps", "60") == 130
    torch.manual_seed(999)
    assert run(tmp_path / "parts", "--steps", "60", "--resume") == 0
    same_run(tmp_path / "whole", tmp_path / "parts")


def test_a_killed_process_goes_on_bit_for_bit(tmp_path: Path):
    # A process has no patched corpus; English has fewer characters, and so cheaper losses.
    # 17 windows of 32 are enough positions for the maps to be computed as convolutions.
    words = ["--corpus", "moby", "--steps", "90", "--evaluate-every", "45", "--checkpoint-every", "3"]
    words += ["--batch-size", "17", "--context", "32"]
    command = [sys.executable, "-m", "course_lib.pretraining", *SMALL, *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    victim = subprocess.Popen([*command, "--out", str(tmp_path / "killed")], env=environment)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "killed" / "checkpoint.safetensors").exists():
            assert victim.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "result.json").exists()
    assert run(tmp_path / "killed", *words, "--resume") == 0
    assert run(tmp_path / "whole", *words) == 0
    same_run(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--heads", "3"], "--d-model must be a multiple of --heads, got 8 and 3"),
        (["--steps", "0"], "--steps must be at least 1, got 0"),
        (["--batch-size", "-2"], "--batch-size must be at least 1, got -2"),
        (["--learning-rate", "0"], "--learning-rate must be finite and above 0, got 0.0"),
        (["--learning-rate", "nan"], "--learning-rate must be finite and above 0, got nan"),
        (["--weight-decay", "-1"], "--weight-decay must be finite and at least 0, got -1.0"),
        (["--dropout", "1"], "--dropout must be from 0 to below 1, got 1.0"),
        (["--warmup", "9", "--steps", "8"], "--warmup must be at most --steps = 8, got 9"),
        (["--vocab-size", "255"], "--vocab-size must be at least 256, got 255"),
        (["--threads", "0"], "--threads must be at least 1, got 0"),
        (["--context", "9999"], "n above the context of 9999"),
        (["--device", "abacus"], "preference must name a torch device, got 'abacus'"),
        (["--corpus", "bible"], "argument --corpus: invalid choice: 'bible'"),
        (["--steps", "many"], "argument --steps: invalid int value: 'many'"),
        (["--resume"], "--resume finds no checkpoint in"),
    ],
)
def test_bad_arguments_are_one_line_and_leave_no_trace(tmp_path: Path, capsys, words, message):
    try:
        status = run(tmp_path / "run", *words)
    except SystemExit as stopped:  # argparse's own
        status = stopped.code
    assert status == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("pretrain: ")
    assert shown.out == ""
    assert files(tmp_path) == []


def test_an_old_run_is_neither_overwritten_nor_resumed_with_other_settings(tmp_path: Path, capsys):
    assert run(tmp_path / "run", "--steps", "5") == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    assert run(tmp_path / "run", "--steps", "5") == 2
    assert "holds a run already: add --resume" in capsys.readouterr().err
    assert run(tmp_path / "run", "--steps", "5", "--resume", "--seed", "7") == 2
    assert "--seed must be 0 as in" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file", "--steps", "5") == 2
    assert "--out must be a folder" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_corrupt_checkpoint_is_refused_by_name(tmp_path: Path, capsys):
    assert run(tmp_path / "run", "--steps", "5") == 0
    path = tmp_path / "run" / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert run(tmp_path / "run", "--steps", "5", "--resume") == 2
    shown = capsys.readouterr().err
    assert "checkpoint.safetensors is corrupt or truncated: expected SHA-256" in shown


def test_a_run_that_diverges_says_so_and_can_be_looked_at(tmp_path: Path, capsys):
    words = ["--steps", "60", "--learning-rate", "1e30", "--warmup", "0", "--checkpoint-every", "1"]
    assert run(tmp_path / "run", *words) == 1
    found = re.fullmatch(
        r"pretrain: the loss is (nan|inf) at update (\d+): it diverged\n", capsys.readouterr().err
    )
    tensors = load_file(tmp_path / "run" / "checkpoint.safetensors")
    assert tensors["/optimizer/state/state/0/step"].item() == int(found[2]) - 1
    assert not (tmp_path / "run" / "result.json").exists()


class Bag(nn.Module):
    """The smallest next-token model: logits from the last token alone."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 5)
        self.bias = nn.Parameter(torch.zeros(5))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.table(ids) + self.bias


def test_matrices_decay_and_biases_do_not():
    model = Bag()
    optimizer = adamw(model.parameters(), learning_rate=0.1, weight_decay=0.3)
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decay == {id(model.table.weight): 0.3, id(model.bias): 0.0}
    assert all(group["betas"] == (0.9, 0.95) for group in optimizer.param_groups)


def test_an_update_clips_and_returns_the_loss_before_it():
    torch.manual_seed(0)
    model, (inputs, targets) = Bag(), torch.randint(5, (2, 3, 4))
    plain = torch.optim.SGD(model.parameters(), lr=1.0)
    expected = nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    before = [parameter.detach().clone() for parameter in model.parameters()]
    loss = update(model, plain, inputs, targets, clip_norm=0.01)
    assert loss.item() == pytest.approx(expected.item())
    moved = [(b - p.detach()).norm() for b, p in zip(before, model.parameters(), strict=True)]
    assert torch.stack(moved).norm().item() == pytest.approx(0.01, rel=1e-3)


def test_the_learning_rate_rises_then_falls_to_a_tenth(tmp_path: Path):
    model, rates = Bag(), []
    optimizer = adamw(model.parameters(), learning_rate=1.0, weight_decay=0.0)
    ids = torch.randint(5, (2, 3))

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        rates.append({group["lr"] for group in optimizer.param_groups})
        return ids, ids

    run_ = Run(model, optimizer, draw, torch.Generator(), lambda: 1.0)
    numbers = {"steps": 20, "learning_rate": 0.5, "warmup": 5, "evaluate_every": 20, "checkpoint_every": 20}
    train(run_, Progress(), tmp_path, **numbers, show=False)
    assert all(len(rate) == 1 for rate in rates)
    found = [rate.pop() for rate in rates]
    assert found[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert found[4:] == sorted(found[4:], reverse=True)
    assert 0.05 < found[-1] < 0.06
    saved = checkpoint.load(tmp_path / "checkpoint.safetensors", model=Bag())
    assert saved.step == 20


def test_a_rows_training_loss_is_the_mean_since_the_row_before(tmp_path: Path, monkeypatch):
    losses = iter([5.0, 3.0, 4.0, 2.0, 1.0])
    monkeypatch.setattr("course_lib.pretraining.training.update", lambda *_, **__: torch.tensor(next(losses)))
    validation = iter([2.0, 3.0, 1.5])
    model = Bag()
    run_ = Run(
        model,
        adamw(model.parameters(), learning_rate=1.0, weight_decay=0.0),
        lambda: (torch.zeros(1, 1), torch.zeros(1, 1)),
        torch.Generator(),
        lambda: next(validation),
    )
    numbers = {"steps": 5, "learning_rate": 0.5, "warmup": 1, "evaluate_every": 2, "checkpoint_every": 5}
    progress = train(run_, Progress(), tmp_path, **numbers, show=False)
    assert [tuple(row.values()) for row in progress.history] == [(2, 4.0, 2.0), (4, 3.0, 3.0), (5, 1.0, 1.5)]
    assert progress.best == 1.5


def test_poems_with_unknown_characters_are_left_out_and_counted():
    tokenizer = CharacterTokenizer.from_text(quatrains_as_text(load_tang()[:3]))
    known, unknown = load_tang()[1], load_tang()[500]
    encoded = encode_split(tokenizer, quatrains_as_text([known, unknown, known]))
    assert encoded.left_out == 1
    assert encoded.text == quatrains_as_text([known, known])
    assert tokenizer.decode(encoded.ids.tolist()) == encoded.text


def test_unknown_corpora_are_refused():
    with pytest.raises(ValueError, match="name must be one of moby, tang, got 'bible'"):
        corpus_text("bible", "train")
