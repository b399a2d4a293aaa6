"""Four ways: each is broken in turn, and the other three convict it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from course_lib.foundations import gradcheck
from course_lib.foundations.gradcheck import (
    WAYS,
    autograd_gradient,
    central_difference,
    compare_four_ways,
    four_ways,
)

POINT = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)


def function(x: Tensor) -> Tensor:
    return (torch.sin(x) * x).sum()


def formula(x: Tensor) -> Tensor:
    return x.cos() * x + x.sin()


def by_hand(x: Tensor) -> Tensor:
    return torch.tensor([math.cos(v) * v + math.sin(v) for v in x.tolist()], dtype=torch.float64)


def test_four_right_ways_agree():
    report = four_ways(function, POINT, formula=formula, by_hand=by_hand)
    assert report.agree
    assert report.odd_one_out is None
    assert set(report.gradients) == set(WAYS)
    assert "all four agree to 1e-06" in repr(report)
    assert report.distance("formula", "autograd") < 1e-14
    assert 0 < report.distance("finite difference", "autograd") < 1e-8


class WrongBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (torch.sin(x) * x).sum()

    @staticmethod
    def backward(ctx, upstream):
        (x,) = ctx.saved_tensors
        return -upstream * formula(x)


def off_by_sign(f):
    return lambda *args, **kwargs: -f(*args, **kwargs)


@pytest.mark.parametrize("broken", WAYS)
def test_each_way_broken_in_turn_stands_alone(broken, monkeypatch):
    ways = {"formula": formula, "by hand": by_hand}
    f = function
    if broken in ways:
        ways[broken] = off_by_sign(ways[broken])
    elif broken == "autograd":
        f = WrongBackward.apply
    else:
        right = gradcheck.central_difference
        monkeypatch.setattr(gradcheck, "central_difference", lambda *a: tuple(-g for g in right(*a)))
    report = compare_four_ways(f, POINT, formula=ways["formula"], by_hand=ways["by hand"])
    assert not report.agree
    assert report.odd_one_out == broken
    with pytest.raises(AssertionError, match=f"“{broken}” stands against them"):
        four_ways(f, POINT, formula=ways["formula"], by_hand=ways["by hand"])


def test_two_wrong_ways_leave_no_single_suspect():
    report = compare_four_ways(function, POINT, formula=off_by_sign(formula), by_hand=lambda x: 0 * x)
    assert report.odd_one_out is None
    assert "disagree with each other" in repr(report)


def test_a_gradient_of_another_shape_or_nan_is_no_agreement():
    wrong_shape = compare_four_ways(function, POINT, formula=formula, by_hand=lambda x: by_hand(x)[None])
    assert wrong_shape.odd_one_out == "by hand"
    nan = compare_four_ways(function, POINT, formula=formula, by_hand=lambda x: x * float("nan"))
    assert nan.odd_one_out == "by hand"


def test_the_hand_written_way_runs_without_autograd():
    with pytest.raises(RuntimeError, match="does not require grad"):
        four_ways(
            function,
            POINT,
            formula=formula,
            by_hand=lambda x: torch.autograd.grad(function(x.requires_grad_()), x)[0],
        )


def test_several_inputs_of_several_shapes():
    a, b = torch.randn(2, 3, dtype=torch.float64), torch.randn((), dtype=torch.float64)
    report = four_ways(
        lambda a, b: (a**2).sum() * b,
        a,
        b,
        formula=lambda a, b: (2 * a * b, (a**2).sum()),
        by_hand=lambda a, b: (
            torch.tensor([[2 * v * b.item() for v in row] for row in a.tolist()]),
            torch.tensor(sum(v * v for row in a.tolist() for v in row)),
        ),
    )
    assert "… and 3 more" in repr(report)


def test_central_difference_has_the_error_of_its_formula():
    x = torch.tensor([1.3], dtype=torch.float64)
    for h in (1e-2, 1e-3):
        (slope,) = central_difference(lambda x: (x**3).sum(), x, step=h)
        assert (slope - 3 * 1.3**2).item() == pytest.approx(h**2, rel=1e-4)


def test_inputs_are_left_as_they_were():
    x = POINT.clone()[::2]
    before = x.clone()
    (slope,) = central_difference(function, x)
    torch.testing.assert_close(slope, formula(x), atol=1e-8, rtol=0)
    assert torch.equal(x, before)
    matrix = torch.randn(2, 3, dtype=torch.float64).T
    (slope,) = central_difference(lambda m: (m**2).sum(), matrix)
    torch.testing.assert_close(slope, 2 * matrix, atol=1e-8, rtol=0)


def test_an_unused_input_has_gradient_zero():
    (one, other) = autograd_gradient(lambda a, b: (a**2).sum(), POINT, POINT)  # noqa: ARG005
    assert torch.equal(other, torch.zeros(3, dtype=torch.float64))
    assert torch.equal(one, 2 * POINT)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: central_difference(function, POINT.float()), TypeError, r"inputs\[0\] must be float64"),
        (lambda: central_difference(function, POINT, step=0.0), ValueError, "step must be above zero, got 0"),
        (lambda: central_difference(torch.sin, POINT), ValueError, r"one element, got shape \(3,\)"),
        (lambda: autograd_gradient(function, POINT.long()), TypeError, r"inputs\[0\] must be a floating"),
        (lambda: autograd_gradient(lambda x: 1.0, POINT), ValueError, "one element, got float"),  # noqa: ARG005
        (
            lambda: four_ways(function, POINT, formula=lambda x: (x, x), by_hand=by_hand),
            ValueError,
            "formula must return 1 gradient",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
