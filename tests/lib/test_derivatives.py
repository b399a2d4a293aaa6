"""No derivative without its four ways: one table of all of them, and each way broken in turn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import derivative_table
import pytest
import torch
from derivative_catalogue import DERIVATIVES as UP_TO_CHAPTER_7
from derivative_catalogue import Derivative
from derivatives_of_fine_tuning import FINE_TUNING_DERIVATIVES
from derivatives_of_sequences import SEQUENCE_DERIVATIVES

from course_lib.foundations import gradcheck
from course_lib.foundations.gradcheck import WAYS, FourWays, compare_four_ways

DERIVATIVES = UP_TO_CHAPTER_7 + SEQUENCE_DERIVATIVES + FINE_TUNING_DERIVATIVES
ROOT = Path(__file__).resolve().parents[2]
every_derivative = pytest.mark.parametrize("derivative", DERIVATIVES, ids=lambda d: d.name.replace(" ", "-"))


def four_ways_of(derivative: Derivative, **replaced: Callable) -> FourWays:
    """The one helper: compare the four ways of a derivative, some of them replaced."""
    ways = {name: getattr(derivative, name) for name in ("function", "formula", "by_hand")} | replaced
    return compare_four_ways(
        ways["function"], *derivative.inputs, formula=ways["formula"], by_hand=ways["by_hand"]
    )


@every_derivative
def test_all_four_agree(derivative, record_property):
    report = four_ways_of(derivative)
    record_property(derivative_table.PROPERTY, derivative_table.row(derivative, report))
    assert report.agree, repr(report)
    # Only finite differences are allowed to be inexact.
    assert max(report.distance(way, "autograd") for way in ("formula", "by hand")) < 1e-13
    assert any(g.any() for g in report.gradients["autograd"])


def off(gradients):
    """The same gradients, the first of them wrong by a tenth and a thousandth."""
    first, *rest = (gradients,) if isinstance(gradients, torch.Tensor) else gradients
    return (1.1 * first + 1e-3, *rest)


def wrong_backward(derivative: Derivative) -> Callable:
    """The function with its right value, and a backward pass that torch believes."""

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *inputs):
            ctx.save_for_backward(*inputs)
            return derivative.function(*inputs)

        @staticmethod
        def backward(ctx, upstream):
            right = derivative.formula(*ctx.saved_tensors)
            return tuple(upstream * g for g in off(right))

    return Wrong.apply


@pytest.mark.parametrize("broken", WAYS)
@every_derivative
def test_each_way_broken_in_turn_stands_alone(derivative, broken, monkeypatch):
    replaced = {}
    if broken == "formula":
        replaced["formula"] = lambda *inputs: off(derivative.formula(*inputs))
    elif broken == "by hand":
        replaced["by_hand"] = lambda *inputs: off(derivative.by_hand(*inputs))
    elif broken == "autograd":
        replaced["function"] = wrong_backward(derivative)
    else:
        right = gradcheck.central_difference
        monkeypatch.setattr(gradcheck, "central_difference", lambda *a: off(right(*a)))
    report = four_ways_of(derivative, **replaced)
    assert not report.agree
    assert report.odd_one_out == broken


def test_every_chapter_of_derivatives_is_there():
    assert {d.chapter for d in DERIVATIVES} == {*range(2, 11), 12, 13}
    assert len({d.name for d in DERIVATIVES}) == len(DERIVATIVES)


@pytest.mark.parametrize("name", ["formula", "by_hand"])
@every_derivative
def test_the_written_ways_use_no_autograd(derivative, name, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("autograd was called")

    for target, attribute in (
        (torch.autograd, "grad"),
        (torch.autograd, "backward"),
        (torch.func, "grad"),
        (torch.func, "jacrev"),
        (torch.func, "jacfwd"),
    ):
        monkeypatch.setattr(target, attribute, refuse)
    with torch.no_grad():
        getattr(derivative, name)(*derivative.inputs)


def test_the_table_names_the_way_that_stands_alone():
    derivative = DERIVATIVES[0]
    good = derivative_table.row(derivative, four_ways_of(derivative))
    bad = derivative_table.row(derivative, four_ways_of(derivative, formula=lambda x: 0 * x))
    lines = derivative_table.lines([bad | {"name": "broken"}, good])
    assert len(lines) == 3
    agreeing, disagreeing = sorted(lines[1:], key=lambda line: "broken" in line)
    assert "agree" in agreeing
    assert derivative.reads in agreeing
    assert "formula" not in agreeing
    assert "ALONE: formula" in disagreeing


def test_the_table_stands_in_the_terminal_though_workers_ran_the_tests():
    command = ["-m", "pytest", "-q", "-n", "2", "--dist", "loadscope", str(Path(__file__)), "-k", "all_four"]
    result = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    for derivative in DERIVATIVES:
        (line,) = [line for line in result.stdout.splitlines() if f" {derivative.name} " in line]
        assert line.split()[0] == str(derivative.chapter)
        assert derivative.reads in line
        assert line.endswith("agree")
