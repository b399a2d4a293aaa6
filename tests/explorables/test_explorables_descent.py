"""Explorables that train in the page, the Python side: code that runs, errors that name the parameter."""

from __future__ import annotations

import math

import pytest
import torch

from course_explorables.descent_map import DescentMap
from course_explorables.fit_line import FitLine
from course_explorables.optimiser_race import RECIPES, SURFACES, OptimiserRace
from course_lib.data.cars import load_cars
from course_lib.foundations import optimizers
from course_lib.foundations.descent import Quadratic, descend
from course_lib.foundations.linear_regression import Standardiser, mse_gradient, solve_least_squares


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_descent_map_code_walks_as_the_library_does(momentum):
    widget = DescentMap((1.5, -0.5), learning_rate=0.03, condition_number=40.0, momentum=momentum, steps=17)
    names: dict = {}
    exec(widget.code(), names)
    start = torch.tensor([1.5, -0.5], dtype=torch.float64)
    path = descend(Quadratic((1.0, 40.0)).gradient, start, 0.03, 17, momentum=momentum)
    torch.testing.assert_close(names["theta"].detach(), path[-1], rtol=1e-12, atol=1e-12)


def test_fit_line_starts_with_eight_real_cars_across_the_weights():
    points = torch.tensor(FitLine().points, dtype=torch.float64)
    cars = load_cars()
    table = torch.stack([cars.weight_kg / 1000, cars.litres_per_100km], dim=1)
    assert torch.cdist(points, table).min(dim=1).values.max() < 0.051
    eighths = (table[:, 0] < points[:, :1]).double().mean(dim=1) * 8
    assert eighths.floor().tolist() == list(range(8))


@pytest.mark.parametrize("standardise", [False, True])
def test_fit_line_code_trains_towards_the_least_squares_line(standardise, capsys):
    widget = FitLine(learning_rate=0.3, steps=200, standardise=standardise)
    names: dict = {}
    exec(widget.code(), names)
    points = torch.tensor(widget.points, dtype=torch.float64)
    x, y = points[:, :1], points[:, 1]
    z = Standardiser.fit(x).transform(x) if standardise else x
    w, b = names["w"].detach(), names["b"].detach()
    dw, db = mse_gradient(z, y, w.reshape(1), b)
    assert names["w"].grad.item() == pytest.approx(dw.item(), abs=1e-9)
    assert names["b"].grad.item() == pytest.approx(db.item(), abs=1e-9)
    best = solve_least_squares(z, y)
    assert w.item() == pytest.approx(best[0].item(), abs=1e-6 if standardise else 0.05)
    assert b.item() == pytest.approx(best[1].item(), abs=1e-6 if standardise else 0.07)
    assert capsys.readouterr().out.startswith(f"MSE {names['loss'].item():.6f}, w ")


def test_fit_line_code_says_diverged_or_that_there_is_no_variance():
    with pytest.raises(FloatingPointError, match="diverged in step"):
        exec(FitLine(learning_rate=3.2, steps=200, w=50.0).code().replace("lr=3.2", "lr=320"), {})
    with pytest.raises(ValueError, match="x has no variance"):
        exec(FitLine([(1.1, 3), (1.1, 9), (1.1, 5)], standardise=True, steps=3).code(), {})


@pytest.mark.parametrize("surface", SURFACES)
def test_race_code_prints_where_every_racer_stands(surface, capsys):
    rates = {"SGD": 0.01, "Adam": 0.2}
    widget = OptimiserRace(surface, steps=25, rates=rates, shown=("Adam", "SGD", "Nesterov"))
    names: dict = {}
    exec(widget.code(), names)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["SGD", "Nesterov", "Adam"]
    for line, (kind, options) in zip(
        lines,
        (
            (optimizers.SGD, {"lr": 0.01}),
            (optimizers.SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
            (optimizers.Adam, {"lr": 0.2}),
        ),
        strict=True,
    ):
        theta = torch.tensor(SURFACES[surface]["start"], dtype=torch.float64, requires_grad=True)
        optimizer = kind([theta], **options)
        for _ in range(25):
            optimizer.zero_grad()
            names["J"](theta).backward()
            optimizer.step()
        assert float(line.split()[-1]) == pytest.approx(names["J"](theta).item(), rel=1e-6)


def test_race_code_says_diverged(capsys):
    exec(OptimiserRace("banana", steps=200, rates={"SGD": 5.0}, shown=("SGD",)).code(), {})
    assert capsys.readouterr().out.split() == ["SGD", "diverged"]
    assert set(RECIPES) == set(OptimiserRace().rates)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: DescentMap((1.0,)),
            ValueError,
            r"start must be two numbers within ±3 and ±2, got \(1\.0,\)",
        ),
        (lambda: DescentMap((0, 2.1)), ValueError, "start must be two numbers within"),
        (lambda: DescentMap((math.nan, 0)), ValueError, "start must be two numbers within"),
        (
            lambda: DescentMap(learning_rate=0),
            ValueError,
            "learning_rate must lie between 0.001 and 3.2, got 0",
        ),
        (lambda: DescentMap(learning_rate=math.inf), ValueError, "learning_rate must lie between"),
        (lambda: DescentMap(condition_number=0.5), ValueError, "condition_number must lie between 1 and 100"),
        (lambda: DescentMap(momentum=1.0), ValueError, "momentum must lie between 0 and 0.95, got 1.0"),
        (lambda: DescentMap(steps=61), ValueError, "steps must lie between 0 and 60, got 61"),
        (lambda: DescentMap(steps=3.0), TypeError, "steps must be a whole number, got 3.0"),
        (lambda: FitLine([(1.0, 2.0)]), ValueError, "points must be two to twelve, got 1"),
        (lambda: FitLine([(1.0, 2.0), (3.0, 2.0)]), ValueError, r"points\[1\] must lie within"),
        (lambda: FitLine([(1.0, math.nan), (2.0, 2.0)]), ValueError, r"points\[0\] must lie within"),
        (lambda: FitLine(w=math.inf), ValueError, "w must lie between -100 and 100, got inf"),
        (lambda: FitLine(b=-101), ValueError, "b must lie between -100 and 100, got -101"),
        (lambda: FitLine(learning_rate=4), ValueError, "learning_rate must lie between 0.001 and 3.2, got 4"),
        (lambda: FitLine(steps=201), ValueError, "steps must lie between 0 and 200, got 201"),
        (lambda: FitLine(steps=True), TypeError, "steps must be a whole number, got True"),
        (lambda: OptimiserRace("bowl"), ValueError, "surface must be one of ravine, .*, got 'bowl'"),
        (lambda: OptimiserRace(start=(4.0, 0.0)), ValueError, "start must lie within x .*, got"),
        (lambda: OptimiserRace(start=(math.nan, 0.0)), ValueError, "start must lie within x"),
        (lambda: OptimiserRace(start=(1.0,)), ValueError, "start must lie within x"),
        (lambda: OptimiserRace(steps=201), ValueError, "steps must lie between 0 and 200, got 201"),
        (lambda: OptimiserRace(steps=2.5), TypeError, "steps must be a whole number, got 2.5"),
        (lambda: OptimiserRace(rates={"Muon": 1.0}), ValueError, "rates names 'Muon'; expected racers among"),
        (lambda: OptimiserRace(shown=["adam"]), ValueError, "shown names 'adam'; expected racers among"),
        (lambda: OptimiserRace(rates={"SGD": 9}), ValueError, r"rates\['SGD'\] must lie between 0.001 and 5"),
    ],
)
def test_errors_name_the_parameter(make, error, text):
    with pytest.raises(error, match=text):
        make()
