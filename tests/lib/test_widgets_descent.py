"""Explorables that train in the page, the Python side: code that runs, errors that name the parameter."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.foundations.descent import Quadratic, descend
from course_lib.widgets.descent_map import DescentMap


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_descent_map_code_walks_as_the_library_does(momentum):
    widget = DescentMap((1.5, -0.5), learning_rate=0.03, condition_number=40.0, momentum=momentum, steps=17)
    names: dict = {}
    exec(widget.code(), names)
    start = torch.tensor([1.5, -0.5], dtype=torch.float64)
    path = descend(Quadratic((1.0, 40.0)).gradient, start, 0.03, 17, momentum=momentum)
    torch.testing.assert_close(names["theta"].detach(), path[-1], rtol=1e-12, atol=1e-12)


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
    ],
)
def test_errors_name_the_parameter(make, error, text):
    with pytest.raises(error, match=text):
        make()
