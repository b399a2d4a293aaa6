"""Descent against torch.optim.SGD, against the eigenvalues of a bowl, and past the cliff; the line search."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from course_lib.foundations.descent import Quadratic, backtracking_step, descend

START = torch.tensor([2.0, -1.0], dtype=torch.float64)
curvature = st.floats(0.1, 50.0)
angle = st.floats(-4.0, 4.0)


def as_torch_does(bowl: Quadratic, rate: float, steps: int, momentum: float) -> Tensor:
    theta = START.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=rate, momentum=momentum)
    points = [theta.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        bowl(theta).backward()
        optimizer.step()
        points.append(theta.detach().clone())
    return torch.stack(points)


@given(
    first=curvature,
    second=curvature,
    angle=angle,
    share=st.floats(0.01, 1.05),
    momentum=st.sampled_from([0.0, 0.5, 0.9]),
)
def test_the_path_is_torchs(first, second, angle, share, momentum):
    bowl = Quadratic((first, second), angle)
    rate = share * bowl.largest_stable_rate
    path = descend(bowl.gradient, START, rate, 30, momentum=momentum)
    assert path.shape == (31, 2)
    torch.testing.assert_close(path, as_torch_does(bowl, rate, 30, momentum), rtol=1e-9, atol=1e-9)


@given(first=curvature, second=curvature, angle=angle)
def test_a_bowl_is_its_eigenvalues(first, second, angle):
    bowl = Quadratic((first, second), angle)
    values = torch.linalg.eigvalsh(bowl.hessian)
    torch.testing.assert_close(values, torch.tensor(sorted((first, second)), dtype=torch.float64))
    axis = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    torch.testing.assert_close(bowl.hessian @ axis, first * axis)
    torch.testing.assert_close(bowl.hessian, torch.func.hessian(bowl)(START))
    torch.testing.assert_close(bowl.gradient(START), torch.func.grad(bowl)(START))
    assert bowl.condition_number == pytest.approx(float(values[1] / values[0]))
    assert bowl.largest_stable_rate == pytest.approx(2 / float(values[1]))
    assert bowl.best_rate == pytest.approx(2 / float(values.sum()))


@given(first=curvature, second=curvature, angle=angle, share=st.floats(0.01, 1.2))
def test_no_step_shrinks_less_than_the_contraction(first, second, angle, share):
    bowl = Quadratic((first, second), angle)
    factor = bowl.contraction(share * bowl.largest_stable_rate)
    lengths = descend(bowl.gradient, START, share * bowl.largest_stable_rate, 60).norm(dim=1)
    assert (lengths[1:] <= lengths[:-1] * factor * (1 + 1e-9) + 1e-12).all()
    assert (factor < 1) == (share < 1) or abs(share - 1) < 1e-9


def test_the_cliff_is_where_the_formula_says():
    bowl = Quadratic((1.0, 6.0), 0.5)
    below = descend(bowl.gradient, START, 0.999 * bowl.largest_stable_rate, 4000)
    above = descend(bowl.gradient, START, 1.001 * bowl.largest_stable_rate, 4000)
    assert below[-1].norm() < 1e-3
    assert above[-1].norm() > 1e3
    assert bowl.contraction(bowl.largest_stable_rate) == pytest.approx(1.0)


@given(first=curvature, second=curvature)
def test_no_rate_beats_the_best_rate(first, second):
    bowl = Quadratic((first, second))
    best = bowl.contraction(bowl.best_rate)
    kappa = bowl.condition_number
    assert best == pytest.approx((kappa - 1) / (kappa + 1), abs=1e-12)
    for share in (0.5, 0.9, 0.99, 1.01, 1.1):
        assert bowl.contraction(share * bowl.best_rate) >= best


def test_points_come_in_any_shape_and_their_own_dtype():
    bowl = Quadratic((2.0, 3.0))
    grid = torch.randn(4, 5, 2)
    assert bowl(grid).shape == (4, 5)
    assert bowl(grid).dtype == bowl.gradient(grid).dtype == torch.float32
    torch.testing.assert_close(bowl(grid), grid[..., 0] ** 2 + 1.5 * grid[..., 1] ** 2)
    scalar = descend(lambda x: x**3, torch.tensor(0.5), 0.1, 3)
    assert scalar.shape == (4,)
    assert descend(bowl.gradient, START, 0.1, 0).tolist() == [START.tolist()]


def test_start_is_left_alone_and_needs_no_graph():
    start = START.clone().requires_grad_()
    path = descend(Quadratic().gradient, start, 0.1, 5)
    assert not path.requires_grad
    path[0] += 1
    assert torch.equal(start.detach(), START)


@pytest.mark.parametrize(("rate", "step"), [(0.2, 366), (1e300, 2)])
def test_divergence_is_named_with_its_step_and_rate(rate, step):
    bowl = Quadratic((1.0, 40.0), 0.5)
    start = torch.tensor([2.0, 1.0], dtype=torch.float64)
    with pytest.raises(FloatingPointError, match=f"diverged in step {step} of 500 with learning_rate"):
        descend(bowl.gradient, start, rate, 500)
    before = descend(bowl.gradient, start, rate, step - 1)
    assert before.isfinite().all()


def quartic(theta: Tensor) -> Tensor:
    return (theta**4).sum() / 4


def cube(theta: Tensor) -> Tensor:
    return theta**3


@given(
    start=st.floats(-100, 100),
    other=st.floats(-3, 3),
    shrink=st.floats(0.1, 0.9),
    sufficient=st.floats(1e-5, 0.4),
)
def test_the_first_rate_that_lowers_enough_is_taken(start, other, shrink, sufficient):
    theta = torch.tensor([start, other], dtype=torch.float64)
    if cube(theta).norm() < 1e-6:
        return
    rate, reached = backtracking_step(quartic, cube, theta, shrink=shrink, sufficient=sufficient)

    def enough(rate: float) -> bool:
        lowered = quartic(theta - rate * cube(theta))
        return bool(lowered <= quartic(theta) - sufficient * rate * cube(theta).square().sum())

    torch.testing.assert_close(reached, theta - rate * cube(theta))
    tried = [1.0]
    while tried[-1] > rate:
        tried.append(tried[-1] * shrink)
    assert tried[-1] == rate
    assert enough(rate)
    assert not any(enough(earlier) for earlier in tried[:-1])


def test_a_search_comes_down_where_a_fixed_rate_flies_off():
    theta = torch.tensor([50.0], dtype=torch.float64)
    with pytest.raises(FloatingPointError):
        descend(cube, theta, 1.0, 20)
    for _ in range(40):
        _, theta = backtracking_step(quartic, cube, theta)
    assert theta.abs() < 0.3


def test_an_infinite_height_is_a_rate_too_large():
    theta = torch.tensor([-2.0], dtype=torch.float64)
    rate, reached = backtracking_step(lambda x: x.exp().sum() - x.sum(), lambda x: 1e3 * (x.exp() - 1), theta)
    assert rate < 1
    assert abs(reached.item()) < 2


def test_at_the_bottom_the_step_stays():
    theta = torch.zeros(2, dtype=torch.float64)
    rate, reached = backtracking_step(quartic, cube, theta)
    assert rate == 1.0
    assert torch.equal(reached, theta)


def test_uphill_is_refused_instead_of_standing_still():
    with pytest.raises(ValueError, match="lowers function: gradient is not its gradient"):
        backtracking_step(quartic, lambda x: -cube(x), torch.tensor([2.0], dtype=torch.float64))


NAN = torch.tensor([float("nan"), 1.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Quadratic((1.0, 0.0)), ValueError, r"curvatures must be two .* got \(1.0, 0.0\)"),
        (lambda: Quadratic((1.0,)), ValueError, r"curvatures must be two finite numbers above 0"),
        (lambda: Quadratic((1.0, math.inf)), ValueError, "curvatures must be two finite"),
        (lambda: Quadratic(angle=math.nan), ValueError, "angle must be finite, in radians, got nan"),
        (lambda: Quadratic()(torch.zeros(3)), ValueError, r"theta must have shape .* got \(3,\)"),
        (lambda: Quadratic().gradient(torch.zeros(())), ValueError, r"theta must have shape .* got \(\)"),
        (lambda: descend(cube, [1.0], 0.1, 1), TypeError, "start must be a floating-point tensor, got list"),
        (lambda: descend(cube, torch.arange(2), 0.1, 1), TypeError, "start must be .* got torch.int64"),
        (lambda: descend(cube, NAN, 0.1, 1), ValueError, r"start must be finite, got \[nan, 1.0\]"),
        (lambda: descend(cube, START, -0.1, 1), ValueError, "learning_rate must be .* got -0.1"),
        (lambda: descend(cube, START, math.nan, 1), ValueError, "learning_rate must be finite .* got nan"),
        (lambda: descend(cube, START, 0.1, 1, momentum=-1), ValueError, "momentum must be .* got -1"),
        (lambda: descend(cube, START, 0.1, 1.5), TypeError, "steps must be an int, got 1.5"),
        (lambda: descend(cube, START, 0.1, True), TypeError, "steps must be an int, got True"),
        (lambda: descend(cube, START, 0.1, -1), ValueError, "steps must be at least 0, got -1"),
        (lambda: descend(torch.sum, START, 0.1, 1), ValueError, r"of shape \(2,\), got shape \(\)"),
        (lambda: descend(torch.Tensor.tolist, START, 0.1, 1), ValueError, r"of shape \(2,\), got list"),
        (lambda: backtracking_step(quartic, cube, 1.0), TypeError, "theta must be .* got float"),
        (lambda: backtracking_step(quartic, cube, NAN), ValueError, "must be finite at theta, got J = nan"),
        (lambda: backtracking_step(quartic, cube, START, initial=0.0), ValueError, "initial must be .* 0.0"),
        (lambda: backtracking_step(quartic, cube, START, shrink=1.0), ValueError, "shrink must lie .* 1.0"),
        (
            lambda: backtracking_step(quartic, cube, START, sufficient=1.0),
            ValueError,
            "sufficient must lie between 0 and 1, got 1.0",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
