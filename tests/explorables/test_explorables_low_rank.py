"""The low rank explorable's Python side: its matrix, its printed code, its errors."""

from __future__ import annotations

import math
import re

import pytest
import torch
from safetensors.torch import load

from course_explorables import low_rank
from course_explorables.low_rank import LARGEST, LowRank, shipped_change

PRINTED = re.compile(r"relative error (\S+), squared norm kept (\S+)\n(\d+) numbers instead of (\d+)\n")


def by_eigenvalues(change, rank):
    """Relative error of the nearest matrix of that rank, from the eigenvalues of ΔWᵀΔW."""
    squares = torch.linalg.eigvalsh(change.double().T @ change.double()).clamp(min=0).flip(0)
    return math.sqrt(squares[rank:].sum() / squares.sum())


def drawn(rows, columns, seed=0):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def test_the_shipped_change_is_a_real_one_and_both_goals_lie_ahead():
    change = shipped_change()
    assert change.shape == (128, 128)
    assert change.isfinite().all()
    kept = [1 - by_eigenvalues(change, rank) ** 2 for rank in range(129)]
    assert kept[32] >= 0.9  # half of the numbers: 32 · 256 = 128 · 128 / 2
    assert kept[8] < 0.9
    noise = drawn(128, 128)
    assert kept[8] > 2 * (1 - by_eigenvalues(noise, 8) ** 2)


def test_the_page_carries_the_matrix_bit_by_bit_in_the_narrowest_type_that_can():
    assert torch.equal(load(LowRank().change)["change"], shipped_change())
    for change, dtype in (
        (drawn(7, 4).half(), torch.float16),
        (drawn(7, 4).half().double().T, torch.float16),
        (drawn(7, 4), torch.float32),
        (torch.tensor([[1e-7, 3.0]]), torch.float32),
        (torch.tensor([[1e5, 0.0]]), torch.float32),
        (torch.arange(6).view(2, 3), torch.float16),
    ):
        held = load(LowRank(change).change)["change"]
        assert held.dtype == dtype
        assert torch.equal(held.double(), change.double())


def test_a_corrupt_file_is_named(tmp_path, monkeypatch):
    broken = tmp_path / "low_rank_change.safetensors"
    broken.write_bytes(low_rank.CHANGE_FILE.read_bytes()[:-2] + b"ab")
    monkeypatch.setattr(low_rank, "CHANGE_FILE", broken)
    with pytest.raises(ValueError, match=r"low_rank_change\.safetensors is corrupt or truncated"):
        LowRank()


@pytest.mark.parametrize("rank", [0, 8, 37, 128])
def test_the_printed_code_runs_and_prints_error_norm_and_numbers(rank, capsys):
    exec(LowRank(rank=rank).code(), {})
    error, kept, stored, whole = map(float, PRINTED.fullmatch(capsys.readouterr().out).groups())
    expected = by_eigenvalues(shipped_change(), rank)
    assert error == pytest.approx(expected, abs=2e-6)
    assert kept == pytest.approx(1 - expected**2, abs=2e-6)
    assert (stored, whole) == (rank * 256, 16384)


@pytest.mark.parametrize("change", [drawn(5, 3), drawn(3, 160), torch.zeros(4, 4), torch.ones(1, 1)])
def test_the_printed_code_takes_the_readers_matrix(change, capsys):
    widget = LowRank(change, rank=1)
    names = {"change": change}
    exec(widget.code(), names)
    assert torch.linalg.matrix_rank(names["nearest"]) <= 1
    error, _, stored, whole = map(float, PRINTED.fullmatch(capsys.readouterr().out).groups())
    assert error == pytest.approx(by_eigenvalues(change, 1) if change.any() else 0, abs=2e-6)
    assert (stored, whole) == (sum(change.shape), change.numel())


def test_the_rank_is_eight_or_all_there_is():
    assert LowRank().rank == 8
    assert LowRank(drawn(30, 5)).rank == 5
    assert LowRank(drawn(30, 5), rank=0).rank == 0
    assert repr(LowRank()) == "LowRank(rank=8)"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"change": [[1.0]]}, TypeError, "change must be a tensor, got list"),
        ({"change": torch.ones(2, 2, dtype=torch.complex64)}, TypeError, "real numbers, got torch.complex64"),
        ({"change": torch.ones(2, 2, dtype=torch.bool)}, TypeError, "real numbers, got torch.bool"),
        ({"change": torch.ones(3)}, ValueError, r"change must be a matrix of 1 to 160 .* got shape \(3,\)"),
        ({"change": torch.ones(0, 3)}, ValueError, r"change must be .* got shape \(0, 3\)"),
        ({"change": torch.ones(2, LARGEST + 1)}, ValueError, r"change must be .* got shape \(2, 161\)"),
        (
            {"change": torch.tensor([[1.0, math.nan]])},
            ValueError,
            "change must be finite in float32, got NaN",
        ),
        ({"change": torch.tensor([[1e39]]).double() * 1e3}, ValueError, "change must be finite in float32"),
        ({"rank": 129}, ValueError, "rank must be a whole number from 0 to 128, got 129"),
        ({"rank": -1}, ValueError, "rank must be a whole number from 0 to 128, got -1"),
        ({"rank": 2.5}, ValueError, "rank must be a whole number from 0 to 128, got 2.5"),
        ({"change": drawn(9, 4), "rank": 5}, ValueError, "rank must be a whole number from 0 to 4, got 5"),
    ],
)
def test_errors_name_the_parameter(options, error, text):
    with pytest.raises(error, match=text):
        LowRank(**options)
