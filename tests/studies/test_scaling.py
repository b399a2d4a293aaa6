"""The measured scaling of loss with size and tokens, and the command that measures it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course_lib.models.gpt import GPT
from course_lib.pretraining.pretrain import CORPORA
from studies import scaling


def test_the_command_writes_a_row_a_run(tmp_path: Path, capsys):
    path = tmp_path / "scaling.json"
    scaling.write_scaling(path, widths=(4, 8), budgets=(2048,), seed=3)
    found = json.loads(path.read_text())
    assert [row["d_model"] for row in found["rows"]] == [4, 8]
    for row in found["rows"]:
        model = GPT(1024, context=64, d_model=row["d_model"], heads=2, layers=2)
        assert row["parameters"] == sum(parameter.numel() for parameter in model.parameters())
        blocks = sum(parameter.numel() for parameter in model.blocks.parameters())
        assert row["block_parameters"] == blocks
        assert row["tokens"] == 2048
        assert 6.5 < row["validation_loss"] < 7.0  # two updates: about ln 1024 = 6.93
    assert found["seed"] == 3
    assert found["data_sha256"] == CORPORA["moby"]
    assert "2,048 tokens, width   8: 6." in capsys.readouterr().out


def test_too_few_tokens_are_refused():
    with pytest.raises(ValueError, match="tokens must be at least 1024, one update, got 1000"):
        scaling.measure(8, 1000, 0)


def test_the_committed_losses_fall_with_size_and_with_tokens():
    found = json.loads(scaling.SCALING_FILE.read_text())
    assert found["data_sha256"] == CORPORA["moby"]
    losses = {(row["d_model"], row["tokens"]): row["validation_loss"] for row in found["rows"]}
    assert set(losses) == {(width, tokens) for width in scaling.WIDTHS for tokens in scaling.BUDGETS}
    few, many = scaling.BUDGETS
    for width in scaling.WIDTHS:
        assert losses[width, many] < losses[width, few] - 0.1
    for tokens in scaling.BUDGETS:
        column = [losses[width, tokens] for width in scaling.WIDTHS]
        assert column == sorted(column, reverse=True)
