"""The forgetting experiment: what each plan trains and reads, what is written, and the committed losses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from exit_status import exit_status
from safetensors import safe_open
from torch import Tensor

from course_lib.data.reviews import EMBEDDED_SHA256
from course_lib.models.gpt import GPT
from course_lib.models.lora import adapters
from course_lib.pretrained.gpts import SHIPPED, Pretrained, load
from course_lib.pretraining.pretrain import CORPORA
from course_lib.text.evaluation import model_loss
from course_lib.text.tokenizers import CharacterTokenizer
from studies import forgetting
from studies.continued_pretraining import HELD_OUT_TOKENS, TARGETS, Plan, Texts, go_on, load_texts
from studies.forgetting import CHANGE_NAME, CHANGED_BY, CHANGED_WEIGHT, FORGETTING_FILE, PLANS

VOCABULARY, CONTEXT = 12, 16


def walk(step: int, seed: int, length: int = 600) -> Tensor:
    """A row of ids that mostly goes on by a fixed step: one sort of text a step."""
    generator = torch.Generator().manual_seed(seed)
    noise = (torch.rand(length, generator=generator) < 0.05) * torch.randint(
        VOCABULARY, (length,), generator=generator
    )
    return (torch.arange(length) * step + noise.cumsum(0)) % VOCABULARY


TEXTS = Texts(new=walk(5, 0), old=walk(1, 1), new_held_out=walk(5, 2, 200), old_held_out=walk(1, 3, 200))


def small_model(seed: int = 0) -> GPT:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT(VOCABULARY, context=CONTEXT, d_model=16, heads=2, layers=3, dropout=0.1).eval()


@pytest.fixture(scope="module")
def pretrained_state() -> dict[str, Tensor]:
    """A small model that knows the old text: trained on it as if it were the new one."""
    model = small_model()
    known = TEXTS._replace(new=TEXTS.old, new_held_out=TEXTS.old_held_out)
    history = go_on(model, Plan("plain", 1e-2), known, steps=60, evaluate_every=60, seed=0)
    assert history[-1]["moby_loss"] < 0.5 * history[0]["moby_loss"]
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.fixture
def pretrained(pretrained_state) -> GPT:
    model = small_model()
    model.load_state_dict(pretrained_state)
    return model


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, pretrained_state) -> None:
    """The command with a small model and small texts in place of the shipped ones."""

    def load_small(name: str) -> Pretrained:
        assert name == "moby"
        model = small_model()
        model.load_state_dict(pretrained_state)
        return Pretrained(model, CharacterTokenizer("ab"), {})

    monkeypatch.setattr(forgetting, "load", load_small)
    monkeypatch.setattr(forgetting, "load_texts", lambda _: TEXTS)


def run(output: Path, *words: str) -> int:
    return forgetting.main(["--output", str(output), "--steps", "5", "--evaluate-every", "2", *words])


def test_a_model_that_goes_on_learns_the_new_and_forgets_the_old(pretrained):
    history = go_on(pretrained, Plan("plain", 1e-2), TEXTS, steps=40, evaluate_every=20, seed=0)
    assert [row["step"] for row in history] == [0, 20, 40]
    assert history[-1]["reviews_loss"] < history[0]["reviews_loss"] - 0.5
    assert history[-1]["moby_loss"] > history[0]["moby_loss"] + 0.5
    assert history[-1]["moby_loss"] == model_loss(pretrained, TEXTS.old_held_out, context=CONTEXT)
    assert history[-1]["reviews_loss"] == model_loss(pretrained, TEXTS.new_held_out, context=CONTEXT)


def test_rehearsal_keeps_more_of_the_old(pretrained, pretrained_state):
    plain = go_on(pretrained, Plan("plain", 1e-2), TEXTS, steps=40, evaluate_every=40, seed=0)
    pretrained.load_state_dict(pretrained_state)
    mixed = go_on(
        pretrained, Plan("rehearsal", 1e-2, rehearsed=2), TEXTS, steps=40, evaluate_every=40, seed=0
    )
    assert mixed[0] == plain[0]
    assert mixed[-1]["moby_loss"] < plain[-1]["moby_loss"] - 0.5


@pytest.mark.parametrize(("rehearsed", "old_rows"), [(0, 0), (2, 2), (8, 8)])
def test_a_batch_holds_as_many_old_windows_as_the_plan_says(rehearsed, old_rows, monkeypatch):
    batches = []

    def watch(_model, _optimizer, inputs, targets):
        batches.append((inputs, targets))
        return torch.zeros(())

    monkeypatch.setattr("studies.continued_pretraining.update", watch)
    marked = TEXTS._replace(new=torch.zeros(100, dtype=torch.int64), old=torch.ones(100, dtype=torch.int64))
    go_on(small_model(), Plan("any", 1e-3, rehearsed=rehearsed), marked, steps=3, evaluate_every=3, seed=0)
    assert len(batches) == 3
    for inputs, targets in batches:
        assert inputs.shape == targets.shape == (8, CONTEXT)
        assert inputs.float().mean(1).sum() == old_rows


def test_adapters_are_all_that_changes(pretrained, pretrained_state):
    go_on(pretrained, Plan("lora", 1e-2, rank=2), TEXTS, steps=3, evaluate_every=3, seed=0)
    assert len(adapters(pretrained)) == 3 * len(TARGETS)
    now = {name.replace(".base", ""): tensor for name, tensor in pretrained.state_dict().items()}
    assert all(torch.equal(tensor, now[name]) for name, tensor in pretrained_state.items())
    assert all(layer.B.any() for layer in adapters(pretrained).values())


def test_a_seed_decides_everything_and_leaves_torchs_own_random_numbers_alone(pretrained_state):
    histories = []
    for seed in (1, 1, 2):
        model = small_model()
        model.load_state_dict(pretrained_state)
        state = torch.random.get_rng_state()
        histories.append(
            go_on(model, Plan("lora", 1e-2, rank=2), TEXTS, steps=4, evaluate_every=4, seed=seed)
        )
        assert torch.equal(state, torch.random.get_rng_state())
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


def test_a_loss_that_is_not_a_number_stops_it(pretrained):
    torch.nn.init.constant_(pretrained.final_norm.weight, torch.nan)
    with pytest.raises(FloatingPointError, match="the loss is nan at update 1: it diverged"):
        go_on(pretrained, Plan("plain", 1e-3), TEXTS, steps=2, evaluate_every=2, seed=0)


@pytest.mark.usefixtures("small")
def test_the_command_writes_a_run_a_plan_and_seed(tmp_path, capsys):
    path = tmp_path / "forgetting.json"
    assert run(path, "--seeds", "2") == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["forgetting.json", CHANGE_NAME]
    found = json.loads(path.read_text("utf-8"))
    assert found["command"].endswith("forgetting --steps 5 --evaluate-every 2 --seeds 2")
    assert found["data_sha256"] == {"moby": CORPORA["moby"], "reviews": EMBEDDED_SHA256}
    assert found["weights_sha256"] == SHIPPED["moby"][0]
    assert found["machine"]["torch"] == torch.__version__.split("+")[0]
    plans = [(r["name"], r["learning_rate"], r["rank"], r["rehearsed"], r["seed"]) for r in found["runs"]]
    assert plans == [(*plan, seed) for plan in PLANS for seed in (0, 1)]
    every = sum(parameter.numel() for parameter in small_model().parameters())
    in_and_out = 3 * ((16 + 48) + (16 + 16) + (16 + 64) + (64 + 16))
    for r in found["runs"]:
        assert [row["step"] for row in r["history"]] == [0, 2, 4, 5]
        assert r["history"][0] == found["runs"][0]["history"][0]
        assert r["trainable_parameters"] == (8 * in_and_out if r["name"] == "lora" else every)
    assert capsys.readouterr().out.count("Moby-Dick") == 2 * len(PLANS)


@pytest.mark.usefixtures("small")
def test_the_change_is_what_plain_training_did_to_the_weight(tmp_path, pretrained):
    assert run(tmp_path / "forgetting.json", "--seeds", "1") == 0
    before = pretrained.get_parameter(CHANGED_WEIGHT).detach().clone()
    go_on(pretrained, CHANGED_BY, TEXTS, steps=5, evaluate_every=5, seed=0)
    with safe_open(tmp_path / CHANGE_NAME, framework="pt") as file:
        change, metadata = file.get_tensor("change"), file.metadata()
    assert change.dtype == torch.float16
    assert change.any()
    assert torch.equal(change, (pretrained.get_parameter(CHANGED_WEIGHT).detach() - before).half())
    assert metadata["weight"] == CHANGED_WEIGHT
    assert metadata["weights_sha256"] == SHIPPED["moby"][0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "0"], "steps must be at least 1, got 0"),
        (["--evaluate-every", "-1"], "evaluate-every must be at least 1, got -1"),
        (["--seeds", "0"], "seeds must be at least 1, got 0"),
        (["--steps", "many"], "argument --steps: invalid int value: 'many'"),
    ],
)
def test_bad_arguments_end_with_status_2_and_one_line(words, message, tmp_path, capsys):
    status = exit_status(run, tmp_path / "out.json", *words)
    error = capsys.readouterr().err
    assert status == 2
    assert error == f"forgetting: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path, capsys):
    assert run(tmp_path / "no" / "out.json") == 2
    assert "output must be in a folder that is there" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_a_diverging_run_writes_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("studies.continued_pretraining.update", lambda *_: torch.tensor(float("inf")))
    assert run(tmp_path / "out.json") == 1
    assert "the loss is inf at update 1: it diverged" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_texts_are_those_of_their_splits():
    tokenizer = load("moby").tokenizer
    texts = load_texts(tokenizer)
    assert len(texts.new_held_out) == len(texts.old_held_out) == HELD_OUT_TOKENS
    assert len(texts.old) == load("moby").card["training"]["training_tokens"]
    held_out = tokenizer.decode(texts.new_held_out[:200].tolist())
    assert held_out not in tokenizer.decode(texts.new.tolist())


def test_the_committed_losses_show_forgetting_and_what_reduces_it():
    found = json.loads(FORGETTING_FILE.read_text("utf-8"))
    assert found["weights_sha256"] == SHIPPED["moby"][0]
    assert found["data_sha256"] == {"moby": CORPORA["moby"], "reviews": EMBEDDED_SHA256}
    assert [(r["name"], r["learning_rate"], r["rank"], r["rehearsed"]) for r in found["runs"][::2]] == [
        *PLANS
    ]
    start = found["runs"][0]["history"][0]
    ends = {(r["name"], r["learning_rate"], r["seed"]): r["history"][-1] for r in found["runs"]}
    for seed in (0, 1):
        bold = ends["plain", 3e-3, seed]
        assert bold["moby_loss"] > start["moby_loss"] + 0.3
        for plan in PLANS:
            end = ends[plan.name, plan.learning_rate, seed]
            assert end["reviews_loss"] < start["reviews_loss"] - 0.4
            assert end["moby_loss"] <= bold["moby_loss"]
        rehearsed = ends["rehearsal", 3e-3, seed]
        assert rehearsed["moby_loss"] < bold["moby_loss"] - 0.2
        assert rehearsed["reviews_loss"] < ends["plain", 3e-4, seed]["reviews_loss"]


def test_the_committed_change_is_nearer_to_low_rank_than_noise():
    path = FORGETTING_FILE.with_name(CHANGE_NAME)
    assert path.stat().st_size <= 40_000
    with safe_open(path, framework="pt") as file:
        change, metadata = file.get_tensor("change").float(), file.metadata()
    assert change.shape == (128, 128)
    assert metadata["weights_sha256"] == SHIPPED["moby"][0]

    def share(matrix: Tensor) -> float:
        squares = torch.linalg.svdvals(matrix) ** 2
        return (squares[:8].sum() / squares.sum()).item()

    noise = torch.randn(128, 128, generator=torch.Generator().manual_seed(0))
    assert share(change) > 2 * share(noise)
