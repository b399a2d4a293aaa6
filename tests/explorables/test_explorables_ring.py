"""The ring's Python side: its printed code sums and times, and its errors name the parameter."""

from __future__ import annotations

import pytest
import torch

from course_explorables.ring_all_reduce import RingAllReduce


def printed(capsys, **settings):
    names: dict = {}
    exec(RingAllReduce(**settings).code(), names)
    return names, capsys.readouterr().out


@pytest.mark.parametrize("n", range(2, 9))
def test_the_printed_code_reduces_scatters_and_gathers(n, capsys):
    start, _ = printed(capsys, processes=n, step=0)
    whole = start["held"].sum(dim=0)
    assert len(start["held"].unique(dim=0)) == n, "equal rows would hide which one was sent"
    scattered, text = printed(capsys, processes=n, step=n - 1)
    assert torch.equal((scattered["held"] == whole).sum(dim=1), torch.ones(n, dtype=torch.int64))
    assert f"{n} of {n * n} pieces" in text
    gathered, text = printed(capsys, processes=n, step=2 * (n - 1))
    assert torch.equal(gathered["held"], whole.expand(n, n))
    assert f"{n * n} of {n * n} pieces" in text


def test_the_ring_wins_by_n_where_messages_are_large_and_loses_where_they_are_small(capsys):
    names, _ = printed(capsys, processes=8, step=0, numbers=10**9)
    assert names["all_to_one"] / names["ring"] == pytest.approx(8, rel=1e-3)
    names, text = printed(capsys, processes=8, step=0, numbers=100)
    assert names["ring"] / names["all_to_one"] == pytest.approx(7, rel=0.05)
    assert f"ring {names['ring']:.3e} s" in text


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"processes": 9}, ValueError, "processes must lie between 2 and 8, got 9"),
        ({"processes": 2.0}, TypeError, r"processes must be a whole number, got 2\.0"),
        ({"step": 7}, ValueError, "step must lie between 0 and 6, got 7"),
        ({"step": True}, TypeError, "step must be a whole number, got True"),
        ({"numbers": 99}, ValueError, "numbers must lie between 100 and 1000000000, got 99"),
        ({"numbers": 1e3}, TypeError, r"numbers must be a whole number, got 1000\.0"),
    ],
)
def test_errors_name_the_parameter(options, error, text):
    with pytest.raises(error, match=text):
        RingAllReduce(**options)
