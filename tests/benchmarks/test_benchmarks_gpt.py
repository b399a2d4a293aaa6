"""The GPT's benchmarks: the baseline is the same model and makes the same update; no time is asserted."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from benchmarks import __main__ as command
from benchmarks import gpt as benchmark
from benchmarks.nano_gpt import NanoGPT, NanoStep
from benchmarks.pairs import Comparison
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.models.gpt import GPT
from course_lib.pretraining.training import update
from course_lib.records import load_record
from course_lib.training.steps import adamw

SHAPE = {"context": 16, "heads": 2, "layers": 2}
NAMES = {
    "wte": "token_embedding",
    "wpe": "position_embedding",
    "ln_f": "final_norm",
    "lm_head": "token_embedding",
}
BLOCK_NAMES = {
    "ln_1": "attention_norm",
    "attn.c_attn": "attention.qkv_proj",
    "attn.c_proj": "attention.output_proj",
    "ln_2": "feed_forward_norm",
    "mlp.c_fc": "expand",
    "mlp.c_proj": "contract",
}


def ours(name: str) -> str:
    """Our name of one of the baseline's parameters."""
    head, _, kind = name.rpartition(".")
    if head.startswith("h."):
        _, index, part = head.split(".", 2)
        return f"blocks.{index}.{BLOCK_NAMES[part]}.{kind}"
    return f"{NAMES[head]}.{kind}"


@pytest.fixture
def twins() -> tuple[GPT, NanoGPT]:
    torch.manual_seed(0)
    model = GPT(30, d_model=24, **SHAPE)
    nano = NanoGPT(30, width=24, bias=True, **SHAPE)
    nano.load_state_dict({name: model.state_dict()[ours(name)] for name in nano.state_dict()})
    return model, nano


def test_the_baseline_is_the_same_model_but_for_gelus_form(twins):
    model, nano = twins
    for block in nano.h:
        block.mlp.gelu = nn.GELU(approximate="tanh")
    ids = torch.randint(30, (3, 16))
    logits, loss = nano(ids, ids)
    assert_same_up_to_rounding(logits, model(ids), terms=additions(model))
    assert loss.item() == pytest.approx(
        nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten()).item()
    )
    assert sum(p.numel() for p in nano.parameters()) == sum(p.numel() for p in model.parameters())


def test_both_steps_make_the_same_update(twins, monkeypatch):
    model, nano = twins
    for block in nano.h:
        block.mlp.gelu = nn.GELU(approximate="tanh")
    # In float32 Adam would blow up the rounding errors of the key biases, whose gradient is 0.
    model.double()
    nano.double()
    ids = torch.randint(30, (200,))
    step = NanoStep(nano, ids, context=16, batch_size=4, learning_rate=0.01)
    batch = step.batch()
    assert batch[0].shape == batch[1].shape == (4, 16)
    assert torch.equal(batch[0][:, 1:], batch[1][:, :-1])
    monkeypatch.setattr(step, "batch", lambda: batch)
    optimizer = adamw(model.parameters(), learning_rate=0.01, weight_decay=0.1)
    for _ in range(3):
        assert step().item() == pytest.approx(update(model, optimizer, *batch).item(), rel=1e-5)
    state = model.state_dict()
    for name, tensor in nano.state_dict().items():
        torch.testing.assert_close(tensor, state[ours(name)], rtol=1e-6, atol=1e-6)


def test_without_biases_there_are_none():
    nano = NanoGPT(30, width=24, bias=False, **SHAPE)
    assert not [name for name, _ in nano.named_parameters() if name.endswith("bias")]


def test_the_comparisons_run_at_the_stated_shapes(monkeypatch):
    monkeypatch.setattr(benchmark, "training_text", lambda: (torch.randint(80, (1000,)), 80))
    found = benchmark.training_against_nano(pairs=1, updates=1)
    found += benchmark.cache_against_none(pairs=1, lengths=(3, 20))
    assert [(row.baseline, row.candidate) for row in found] == [
        ("nanoGPT, bias=True", "models.gpt"),
        ("nanoGPT, bias=False", "models.gpt"),
        ("whole window each time", "key-value cache"),
        ("whole window each time", "key-value cache"),
    ]
    assert [row.name for row in found][::2] == ["GPT training, 768 tokens", "GPT writing 3 tokens"]


def test_groups_are_chosen_by_name(tmp_path, monkeypatch, capsys):
    measured = [Comparison("demo", "slow way", "fast way", (0.4,), (0.1,))]
    for name in command.GROUPS:
        group = command.GROUPS[name]._replace(measure=command.compared(lambda pairs: measured * pairs))
        monkeypatch.setitem(command.GROUPS, name, group)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--pairs", "2", "--output", str(tmp_path)])
    command.main()
    assert {"digit_training", "gpt", "compile", "shipping"} <= command.GROUPS.keys()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.json" for name in command.GROUPS}
    monkeypatch.setattr(sys, "argv", ["benchmarks", "speed"])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code == 2
    assert f"group must be one of {', '.join(command.GROUPS)}, got 'speed'" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--pairs", "0"])
    with pytest.raises(SystemExit):
        command.main()
    assert "--pairs must be at least 1, got 0" in capsys.readouterr().err


@pytest.mark.parametrize("name", command.GROUPS)
def test_committed_records_were_taken_on_one_thread_as_the_book_says(name):
    assert load_record(name)["machine"]["threads"] == 1
