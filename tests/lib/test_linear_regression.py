"""One line, reached six ways; what a table must not hold; ridge and standardised columns."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from course_lib.data.batches import Batches
from course_lib.data.cars import load_cars
from course_lib.foundations import optimizers, schedules
from course_lib.foundations.descent import descend
from course_lib.foundations.linear_regression import (
    Standardiser,
    mean_squared_error,
    mse_gradient,
    ridge,
    solve_least_squares,
    solve_normal_equations,
)

CLOSED_FORMS = (solve_normal_equations, solve_least_squares)


def table(seed: int, n: int, d: int, noise: float = 0.5) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A random table and the coefficients that made its targets."""
    generator = torch.Generator().manual_seed(seed)
    x, w, b, rest = (
        torch.randn(s, generator=generator, dtype=torch.float64) for s in ((n, d), (d,), (), (n,))
    )
    return x, x @ w + b + noise * rest, w, b


@pytest.fixture(scope="module")
def cars() -> tuple[Tensor, Tensor]:
    """Weight in kg and power in kW; litres over 100 km."""
    loaded = load_cars()
    return torch.stack([loaded.weight_kg, loaded.power_kw], dim=1), loaded.litres_per_100km


@pytest.fixture(scope="module")
def line(cars) -> tuple[Tensor, Tensor]:
    """torch's own least-squares solution for the cars."""
    x, y = cars
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones(len(x), 1)], dim=1), y.unsqueeze(1)).solution
    return solution[:2, 0], solution[2, 0]


def assert_same_line(found: tuple[Tensor, Tensor], line: tuple[Tensor, Tensor], relative: float) -> None:
    torch.testing.assert_close(found, line, rtol=relative, atol=0)


@pytest.mark.parametrize("solve", CLOSED_FORMS)
def test_the_closed_forms_reach_the_line(solve, cars, line):
    x, _ = cars
    condition = torch.linalg.cond(torch.cat([x, torch.ones(len(x), 1)], dim=1)).item()
    # The normal equations square the table's condition number, here 5,210; rounding is amplified by it.
    assert_same_line(solve(*cars), line, condition**2 * torch.finfo(torch.float64).eps)


def test_gradient_descent_reaches_the_line(cars, line):
    x, y = cars
    scaler = Standardiser.fit(x)
    z = scaler.transform(x)
    path = descend(
        lambda theta: torch.cat([g.reshape(-1) for g in mse_gradient(z, y, theta[:2], theta[2])]),
        torch.zeros(3, dtype=torch.float64),
        0.4,
        400,
    )
    assert_same_line(scaler.inverse_coefficients(path[-1, :2], path[-1, 2]), line, 1e-8)


def test_stochastic_descent_reaches_the_line(cars, line):
    x, y = cars
    scaler = Standardiser.fit(x)
    w, b = torch.zeros(2, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    optimizer = optimizers.SGD([w, b], lr=0.05)
    generator = torch.Generator().manual_seed(0)
    batches = Batches(scaler.transform(x), y, batch_size=32, generator=generator)
    epochs, done = 150, 0
    for _ in range(epochs):
        for batch_x, batch_y in batches:
            optimizer.lr = 0.05 * schedules.cosine(done, total=epochs * len(batches))
            w.grad, b.grad = mse_gradient(batch_x, batch_y, w, b)
            optimizer.step()
            done += 1
    assert_same_line(scaler.inverse_coefficients(w, b), line, 0.05)
    best = mean_squared_error(x, y, *line)
    assert mean_squared_error(x, y, *scaler.inverse_coefficients(w, b)) < 1.0001 * best


def test_a_linear_layer_reaches_the_line(cars, line):
    x, y = cars
    scaler = Standardiser.fit(x)
    layer = nn.Linear(2, 1, dtype=torch.float64)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.4)
    for _ in range(400):
        optimizer.zero_grad()
        nn.functional.mse_loss(layer(scaler.transform(x)).squeeze(1), y).backward()
        optimizer.step()
    weight, bias = layer.weight.detach()[0], layer.bias.detach()[0]
    assert_same_line(scaler.inverse_coefficients(weight, bias), line, 1e-8)


def test_without_standardising_the_same_steps_get_nowhere(cars, line):
    """Raw columns: the condition number is in the tens of millions, and 400 steps leave b where it was."""
    x, y = cars
    design = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    curvatures = torch.linalg.eigvalsh(2 * design.T @ design / len(x))
    assert curvatures[-1] / curvatures[0] > 1e7
    path = descend(
        lambda theta: torch.cat([g.reshape(-1) for g in mse_gradient(x, y, theta[:2], theta[2])]),
        torch.zeros(3, dtype=torch.float64),
        float(1 / curvatures[-1]),
        400,
    )
    assert abs(path[-1, 2] - line[1]) > 0.9 * abs(line[1])


@given(seed=st.integers(0, 10_000), n=st.integers(8, 30), d=st.integers(1, 5))
def test_closed_forms_agree_and_the_gradient_vanishes_there(seed, n, d):
    x, y, *_ = table(seed, n, d)
    found = solve_least_squares(x, y)
    assert_same_line(solve_normal_equations(x, y), found, 1e-7)
    assert all(g.abs().max() < 1e-12 for g in mse_gradient(x, y, *found))
    lowest = mean_squared_error(x, y, *found)
    for w, b in ((found[0] + 0.01, found[1]), (found[0], found[1] - 0.01)):
        assert mean_squared_error(x, y, w, b) > lowest


@given(seed=st.integers(0, 10_000), n=st.integers(8, 30), d=st.integers(1, 5))
def test_without_noise_the_coefficients_come_back(seed, n, d):
    x, y, w, b = table(seed, n, d, noise=0.0)
    for solve in CLOSED_FORMS:
        torch.testing.assert_close(solve(x, y), (w, b), rtol=1e-8, atol=1e-10)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 20), d=st.integers(1, 5))
def test_the_gradient_is_autograds(seed, n, d):
    x, y, w, b = table(seed, n, d)
    w, b = (w + 1).requires_grad_(), (b - 1).requires_grad_()
    loss = mean_squared_error(x, y, w, b)
    torch.testing.assert_close(loss, nn.functional.mse_loss(x @ w + b, y))
    torch.testing.assert_close(mse_gradient(x, y, w, b), torch.autograd.grad(loss, (w, b)))


@given(seed=st.integers(0, 10_000), strength=st.floats(1e-3, 10), shift=st.floats(-100, 100))
def test_ridge_minimises_what_it_says_and_spares_the_intercept(seed, strength, shift):
    x, y, *_ = table(seed, 15, 3)
    w, b = ridge(x, y, strength)
    dw, db = mse_gradient(x, y, w, b)
    assert (dw + 2 * strength * w).abs().max() < 1e-10
    assert db.abs() < 1e-10
    moved_w, moved_b = ridge(x, y + shift, strength)
    torch.testing.assert_close(moved_w, w, rtol=1e-7, atol=1e-10)
    torch.testing.assert_close(moved_b, b + shift, rtol=1e-9, atol=1e-9)


def test_ridge_lies_between_least_squares_and_the_mean(cars):
    x, y = Standardiser.fit(cars[0]).transform(cars[0]), cars[1]
    torch.testing.assert_close(ridge(x, y, 1e-12), solve_least_squares(x, y), rtol=1e-9, atol=0)
    lengths = [ridge(x, y, strength)[0].norm() for strength in (1e-12, 0.1, 1.0, 10.0, 1e6)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] < 1e-4
    torch.testing.assert_close(ridge(x, y, 1e9)[1], y.mean())


def test_ridge_mends_a_singular_table():
    x, y, *_ = table(0, 20, 2)
    twice = torch.cat([x, x[:, :1]], dim=1)
    w, b = ridge(twice, y, 1e-6)
    torch.testing.assert_close(w[0], w[2], rtol=1e-6, atol=0)
    torch.testing.assert_close((w[0] + w[2], w[1], b), (*ridge(x, y, 1e-6)[0], b), rtol=1e-4, atol=1e-5)


@given(seed=st.integers(0, 10_000), size=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3))
def test_standardised_columns_and_the_way_back(seed, size, shift):
    x, y, *_ = table(seed, 25, 3)
    x = x * size + shift * size
    scaler = Standardiser.fit(x)
    z = scaler.transform(x)
    torch.testing.assert_close(z.mean(dim=0), torch.zeros(3, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(z.square().mean(dim=0), torch.ones(3, dtype=torch.float64))
    w, b = solve_least_squares(z, y)
    original = scaler.inverse_coefficients(w, b)
    torch.testing.assert_close(x @ original[0] + original[1], z @ w + b, rtol=1e-6, atol=1e-6)


@given(power=st.integers(-20, 20), seed=st.integers(0, 100))
def test_the_verdict_singular_does_not_depend_on_units(power, seed):
    x, y, *_ = table(seed, 12, 2)
    scaled = x * torch.tensor([10.0**power, 1.0], dtype=torch.float64)
    w, b = solve_least_squares(x, y)
    for solve in CLOSED_FORMS:
        found, intercept = solve(scaled, y)
        torch.testing.assert_close(found[0] * 10.0**power, w[0], rtol=1e-5, atol=1e-8)
        torch.testing.assert_close(intercept, b, rtol=1e-5, atol=1e-8)
        with pytest.raises(ValueError, match="XᵀX is singular"):
            solve(torch.cat([scaled, scaled.sum(dim=1, keepdim=True)], dim=1), y)


def test_a_constant_column_is_seen_though_rounding_gives_it_a_variance():
    columns = [
        torch.full((n, 1), value, dtype=torch.float64)
        for n in (3, 6, 7, 13, 100)
        for value in (0.1, 0.7, 1.1)
    ]
    assert max(column.var(dim=0, correction=0).item() for column in columns) > 0
    for column in columns:
        with pytest.raises(ValueError, match=f"column 0 of x has no variance: .* is {column[0].item():g}"):
            Standardiser.fit(column)


def test_half_the_digits_are_lost_by_forming_the_normal_equations():
    """Two columns 1e-9 apart: XᵀX cannot tell them from one, QR can."""
    x, y, *_ = table(3, 30, 2)
    close = torch.stack([x[:, 0], x[:, 0] + 1e-9 * x[:, 1]], dim=1)
    with pytest.raises(ValueError, match="use solve_least_squares or ridge"):
        solve_normal_equations(close, y)
    w, b = solve_least_squares(close, y)
    inner, intercept = solve_least_squares(x, y)
    torch.testing.assert_close((w.sum(), w[1] * 1e-9, b), (*inner, intercept), rtol=1e-5, atol=1e-5)


X, Y, W, B = table(0, 6, 2)
BAD = X.clone()
BAD[4, 1] = math.nan
CONSTANT = torch.cat([X, torch.full((6, 1), 0.1, dtype=torch.float64)], dim=1)
EMPTY, NONE = torch.zeros(0, 2, dtype=torch.float64), torch.zeros(0, dtype=torch.float64)
SCALER = Standardiser.fit(X)


@pytest.mark.parametrize(
    "call",
    [
        solve_normal_equations,
        solve_least_squares,
        lambda x, y: ridge(x, y, 1.0),
        lambda x, y: mean_squared_error(x, y, W, B),
        lambda x, y: mse_gradient(x, y, W, B),
    ],
    ids=["normal equations", "least squares", "ridge", "error", "gradient"],
)
@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (BAD, Y, ValueError, "x must be finite, got nan in row 4, column 1"),
        (X, torch.where(Y.eq(Y[2]), -math.inf, Y), ValueError, "y must be finite, got -inf in row 2"),
        (EMPTY, NONE, ValueError, r"x must hold at least one row and one column, got shape \(0, 2\)"),
        (X, Y.unsqueeze(1), ValueError, r"y must have shape \(6,\), one target a row of x, got \(6, 1\)"),
        (X, Y[:5], ValueError, r"y must have shape \(6,\)"),
        (X[:, 0], Y, ValueError, r"x must have shape \(n, d\), got \(6,\)"),
        (X.long(), Y, TypeError, "x must be a .*tensor.*, got torch.int64"),
        (X, Y.tolist(), TypeError, "y must be a .*tensor.*, got list"),
    ],
)
def test_a_bad_table_is_named_by_row_and_column(call, x, y, error, message):
    with pytest.raises(error, match=message):
        call(x, y)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        *(
            case
            for solve in CLOSED_FORMS
            for case in (
                (lambda s=solve: s(CONSTANT, Y), ValueError, "column 2 of x has no variance: .* is 0.1"),
                (lambda s=solve: s(X[:2], Y[:2]), ValueError, "x has 2 rows for 3 coefficients"),
                (lambda s=solve: s(X.float(), Y), TypeError, "x must be a tensor of torch.float64"),
            )
        ),
        (lambda: mean_squared_error(X, Y, W[:1], B), ValueError, r"shapes \(2,\) and \(\), got \(1,\)"),
        (lambda: mean_squared_error(X, Y, W, W), ValueError, r"got \(2,\) and \(2,\)"),
        (lambda: ridge(X, Y, 0.0), ValueError, "strength must be finite and above 0, got 0.0"),
        (lambda: ridge(X, Y, math.nan), ValueError, "strength must be finite and above 0, got nan"),
        (
            lambda: ridge(torch.ones(3, 2, dtype=torch.float64), Y[:3], 5e-324),
            ValueError,
            "strength 5e-324 is too small",
        ),
        (lambda: Standardiser.fit(CONSTANT), ValueError, "column 2 of x has no variance: every value is 0.1"),
        (lambda: Standardiser.fit(X[:1]), ValueError, "column 0 of x has no variance"),
        (lambda: Standardiser.fit(BAD), ValueError, "got nan in row 4, column 1"),
        (lambda: Standardiser.fit(EMPTY), ValueError, "x must hold at least one row"),
        (lambda: Standardiser.fit(X.float()), TypeError, "x must be a tensor of torch.float64"),
        (lambda: SCALER.transform(CONSTANT), ValueError, "x must have 2 columns, as in fit, got 3"),
        (lambda: SCALER.transform(BAD), ValueError, "got nan in row 4, column 1"),
        (lambda: SCALER.inverse_coefficients(W[:1], B), ValueError, r"got \(1,\) and \(\)"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
