"""A bowl to walk down: where gradient descent goes from any start, with any rate, until it diverges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable

_CODE = """\
import torch

H = torch.diag(torch.tensor([1, «condition_number»], dtype=torch.float64))
theta = torch.tensor(«start», dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.SGD([theta], lr=«learning_rate», momentum=«momentum»)

for step in range(1, «steps» + 1):
    optimizer.zero_grad()
    loss = 0.5 * theta @ H @ theta
    loss.backward()
    optimizer.step()
    if not theta.isfinite().all():
        raise FloatingPointError(f"diverged in step {step}")

largest = torch.linalg.eigvalsh(H).max()
print(f"theta {theta.tolist()}, J {0.5 * theta.detach() @ H @ theta.detach():.6f}, 2/L {2 / largest:.4f}")
"""
_ACROSS, _UP, _STEPS = 3.0, 2.0, 60


class DescentMap(Explorable):
    r"""Drag the start, set rate, condition number and momentum; the page walks down the bowl.

    $$J(\theta) = \tfrac12 (\theta_1^2 + \kappa\,\theta_2^2), \qquad
      v \leftarrow \mu v + \nabla J, \quad \theta \leftarrow \theta - \eta v$$

    Every step is what ``torch.optim.SGD`` takes in float64. Without momentum the walk shrinks as long as
    η < 2/L with L = κ, with it as long as η < 2(1 + μ)/L.

    Args:
        start: (θ₁, θ₂), θ₁ from −3 to 3 and θ₂ from −2 to 2.
        learning_rate: η, from 0.001 to 3.2.
        condition_number: κ, from 1 to 100.
        momentum: μ, from 0 (off) to 0.95.
        steps: from 0 to 60.
        title: what to try.

    Raises:
        ValueError: if a setting lies outside its range or is not finite.
        TypeError: if steps is not a whole number.

    Source: B. T. Polyak, *USSR Comp. Math.* 4, 1964, for the momentum.
    """

    modules: ClassVar[tuple[str, ...]] = ("plane.mjs", "descent_map.mjs")
    settings: ClassVar[tuple[str, ...]] = ("start", "learning_rate", "condition_number", "momentum", "steps")

    start = traitlets.List().tag(sync=True, own=True, echo_update=False)
    learning_rate = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    condition_number = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    momentum = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    steps = traitlets.Int().tag(sync=True, own=True, echo_update=False)

    def __init__(
        self,
        start: Sequence[float] = (-2.4, 1.2),
        *,
        learning_rate: float = 0.05,
        condition_number: float = 10.0,
        momentum: float = 0.0,
        steps: int = 30,
        title: str = "Find the learning rate that reaches the bottom in 30 steps",
    ) -> None:
        places = [float(place) for place in start]
        if len(places) != 2 or not (abs(places[0]) <= _ACROSS and abs(places[1]) <= _UP):
            raise ValueError(f"start must be two numbers within ±3 and ±2, got {tuple(places)}")
        for name, value, low, high in (
            ("learning_rate", learning_rate, 0.001, 3.2),
            ("condition_number", condition_number, 1, 100),
            ("momentum", momentum, 0, 0.95),
        ):
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} must lie between {low} and {high}, got {value}")
        if type(steps) is not int:
            raise TypeError(f"steps must be a whole number, got {steps!r}")
        if not 0 <= steps <= _STEPS:
            raise ValueError(f"steps must lie between 0 and {_STEPS}, got {steps}")
        super().__init__(
            title=title,
            start=places,
            learning_rate=float(learning_rate),
            condition_number=float(condition_number),
            momentum=float(momentum),
            steps=steps,
            code_template=_CODE,
        )
