"""Cars to drag, a line to drag, and gradient descent on the mean squared error between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable
from course_lib.data.cars import load_cars

_CODE = """\
import torch
import torch.nn.functional as F

x = torch.tensor(«x», dtype=torch.float64)  # weight, t
y = torch.tensor(«y», dtype=torch.float64)  # litres per 100 km
w = torch.tensor(«w», dtype=torch.float64)
b = torch.tensor(«b», dtype=torch.float64)
if «standardise»:  # the same line, written for z = (x - mean) / std
    if x.amin() == x.amax():
        raise ValueError("x has no variance")
    mean, std = x.mean(), x.std(correction=0)
    x, w, b = (x - mean) / std, w * std, b + w * mean
w.requires_grad_()
b.requires_grad_()
optimizer = torch.optim.SGD([w, b], lr=«learning_rate»)

for step in range(1, «steps» + 1):
    optimizer.zero_grad()
    F.mse_loss(w * x + b, y).backward()
    optimizer.step()
    if not (w.isfinite() and b.isfinite()):
        raise FloatingPointError(f"diverged in step {step}")

optimizer.zero_grad()
loss = F.mse_loss(w * x + b, y)
loss.backward()
print(f"MSE {loss.item():.6f}, w {w.item():.6f}, b {b.item():.6f}, gradient {w.grad:.6f}, {b.grad:.6f}")
"""
_WEIGHTS, _LITRES, _STEPS, _CARS = (0.6, 2.4), (0.0, 24.0), 200, 8


class FitLine(Explorable):
    r"""Drag points, the line, or its place on the loss surface; train it in the page, step by step.

    $$\mathrm{MSE}(w, b) = \frac1n \sum_i (w x_i + b - y_i)^2, \qquad
      (w, b) \leftarrow (w, b) - \eta\,\nabla \mathrm{MSE}$$

    Every step is what ``torch.optim.SGD`` takes in float64. With *Standardise x* the line is written for
    z = (x − mean)/std, of which it is the same line, and the bowl's condition number becomes 1.

    Args:
        points: two to twelve (weight in t from 0.6 to 2.4, fuel use in litres per 100 km from 0 to 24); the
            default is eight cars of ``load_cars``, one from each eighth of the table sorted by weight.
        w: slope at the start, in litres per 100 km per t, from −100 to 100.
        b: intercept at the start, in litres per 100 km, from −100 to 100.
        learning_rate: η, from 0.001 to 3.2.
        steps: taken from there, from 0 to 200.
        standardise: whether to train on z.
        title: what to try.

    Raises:
        ValueError: if there are too few or too many points, or a number lies outside its range.
        TypeError: if steps is not a whole number.

    Source: A. M. Legendre, *Nouvelles méthodes pour la détermination des orbites des comètes*, 1805.
    """

    modules: ClassVar[tuple[str, ...]] = ("plane.mjs", "line_descent.mjs", "fit_line.mjs")
    settings: ClassVar[tuple[str, ...]] = ("points", "w", "b", "learning_rate", "steps", "standardise")

    points = traitlets.List().tag(sync=True, own=True, echo_update=False)
    w = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    b = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    learning_rate = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    steps = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    standardise = traitlets.Bool().tag(sync=True, own=True, echo_update=False)

    def __init__(
        self,
        points: Sequence[tuple[float, float]] | None = None,
        *,
        w: float = 0.0,
        b: float = 4.0,
        learning_rate: float = 0.1,
        steps: int = 0,
        standardise: bool = False,
        title: str = "Fit the line by hand, then let gradient descent do it",
    ) -> None:
        for name, value, low, high in (
            ("w", w, -100, 100),
            ("b", b, -100, 100),
            ("learning_rate", learning_rate, 0.001, 3.2),
        ):
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} must lie between {low} and {high}, got {value}")
        if type(steps) is not int:
            raise TypeError(f"steps must be a whole number, got {steps!r}")
        if not 0 <= steps <= _STEPS:
            raise ValueError(f"steps must lie between 0 and {_STEPS}, got {steps}")
        super().__init__(
            title=title,
            points=eight_cars() if points is None else checked_points(points),
            w=float(w),
            b=float(b),
            learning_rate=float(learning_rate),
            steps=steps,
            standardise=bool(standardise),
            code_template=_CODE,
        )

    def code_values(self) -> dict[str, object]:
        """Return the points' coordinates, one list each."""
        return {"x": [x for x, _ in self.points], "y": [y for _, y in self.points]}


def eight_cars() -> list[list[float]]:
    """The car in the middle of each eighth of the table, by weight: (t, litres per 100 km)."""
    cars = load_cars()
    order = cars.weight_kg.argsort(stable=True)
    chosen = [order[(2 * k + 1) * len(order) // (2 * _CARS)] for k in range(_CARS)]
    return [
        [round(cars.weight_kg[k].item() / 1000, 2), round(cars.litres_per_100km[k].item(), 1)] for k in chosen
    ]


def checked_points(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Points as lists of two numbers.

    Args:
        points: two to twelve (x, y), x from 0.6 to 2.4 and y from 0 to 24.

    Raises:
        ValueError: if there are too few or too many, or a number lies outside its range.
    """
    if not 2 <= len(points) <= 12:
        raise ValueError(f"points must be two to twelve, got {len(points)}")
    for place, (x, y) in enumerate(points):
        if not (_WEIGHTS[0] <= x <= _WEIGHTS[1] and _LITRES[0] <= y <= _LITRES[1]):
            raise ValueError(
                f"points[{place}] must lie within {_WEIGHTS} t and {_LITRES} litres, got {(x, y)}"
            )
    return [[float(x), float(y)] for x, y in points]
