"""Six optimisers on one surface from one start, a learning rate each: who arrives, who diverges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable

_CODE = """\
import torch


def J(theta):
    x, y = theta
    return «expression»


racers = {
«racers»
}
for name, (kind, settings) in racers.items():
    theta = torch.tensor(«start», dtype=torch.float64, requires_grad=True)
    optimizer = kind([theta], **settings)
    for step in range(«steps»):
        optimizer.zero_grad()
        J(theta).backward()
        optimizer.step()
    loss = J(theta)
    print(f"{name:9}", f"J {loss.item():.6e}" if loss.isfinite() else "diverged")
"""
_STEPS = 200

SURFACES: dict[str, dict[str, object]] = {
    "ravine": {
        "expression": "0.5 * (x**2 + 25 * y**2)",
        "xs": [-3.0, 3.0],
        "ys": [-2.0, 2.0],
        "start": [-2.4, 1.2],
    },
    "turned ravine": {
        "expression": "0.25 * ((x + y) ** 2 + 25 * (x - y) ** 2)",
        "xs": [-3.0, 3.0],
        "ys": [-2.0, 2.0],
        "start": [-2.4, -0.8],
    },
    "banana": {
        "expression": "0.5 * (1 - x) ** 2 + 2.5 * (y - x**2) ** 2",
        "xs": [-2.25, 2.25],
        "ys": [-1.0, 2.0],
        "start": [-1.4, 0.4],
    },
    "saddle": {
        "expression": "0.5 * x**2 - 0.5 * y**2 + 0.25 * y**4 + 0.25",
        "xs": [-3.0, 3.0],
        "ys": [-2.0, 2.0],
        "start": [-2.4, 0.01],
    },
}
"""The surfaces: J in x and y as Python writes it, the frame it is drawn in, where a race on it starts."""

RECIPES: dict[str, str] = {
    "SGD": 'torch.optim.SGD, {"lr": RATE}',
    "momentum": 'torch.optim.SGD, {"lr": RATE, "momentum": 0.9}',
    "Nesterov": 'torch.optim.SGD, {"lr": RATE, "momentum": 0.9, "nesterov": True}',
    "Adagrad": 'torch.optim.Adagrad, {"lr": RATE}',
    "RMSprop": 'torch.optim.RMSprop, {"lr": RATE}',
    "Adam": 'torch.optim.Adam, {"lr": RATE}',
}
"""Each racer's class in torch.optim and its settings, RATE standing for the learning rate."""

_RATES = {"SGD": 0.02, "momentum": 0.02, "Nesterov": 0.02, "Adagrad": 0.5, "RMSprop": 0.02, "Adam": 0.05}


class OptimiserRace(Explorable):
    """Race optimisers over a surface: pick it, drag the start, step each racer's learning rate.

    Every step is what the racer's namesake in ``torch.optim`` takes in float64, with torch's defaults beside
    the learning rate and momentum 0.9 where there is one. Muon, which is for matrices, does not race.

    Args:
        surface: a key of `SURFACES`.
        start: (x, y) within the surface's frame; the default is the surface's own.
        steps: from 0 to 200.
        rates: learning rates by racer, each from 0.001 to 5, of those that are to differ from the default.
        shown: the racers that race, keys of `RECIPES`.
        title: what to try.

    Raises:
        ValueError: if the surface or a racer is unknown, the start lies outside the frame, or steps or a rate
            lies outside its range.
        TypeError: if steps is not a whole number.

    Source: for each racer see its class in `course_lib.foundations.optimizers`.
    """

    modules: ClassVar[tuple[str, ...]] = ("plane.mjs", "update_rules.mjs", "optimiser_race.mjs")
    settings: ClassVar[tuple[str, ...]] = ("surface", "start", "steps", "rates", "shown")

    surfaces = traitlets.Dict().tag(sync=True, own=True)
    recipes = traitlets.Dict().tag(sync=True, own=True)
    surface = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    start = traitlets.List().tag(sync=True, own=True, echo_update=False)
    steps = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    rates = traitlets.Dict().tag(sync=True, own=True, echo_update=False)
    shown = traitlets.List().tag(sync=True, own=True, echo_update=False)

    def __init__(
        self,
        surface: str = "ravine",
        start: Sequence[float] | None = None,
        *,
        steps: int = 60,
        rates: Mapping[str, float] | None = None,
        shown: Sequence[str] = ("SGD", "momentum", "RMSprop", "Adam"),
        title: str = "Give every racer the learning rate that suits it",
    ) -> None:
        if surface not in SURFACES:
            raise ValueError(f"surface must be one of {', '.join(SURFACES)}, got {surface!r}")
        if type(steps) is not int:
            raise TypeError(f"steps must be a whole number, got {steps!r}")
        if not 0 <= steps <= _STEPS:
            raise ValueError(f"steps must lie between 0 and {_STEPS}, got {steps}")
        for name, names in (("rates", rates or {}), ("shown", shown)):
            unknown = [each for each in names if each not in RECIPES]
            if unknown:
                raise ValueError(f"{name} names {unknown[0]!r}; expected racers among {', '.join(RECIPES)}")
        for racer, rate in (rates or {}).items():
            if not (math.isfinite(rate) and 0.001 <= rate <= 5):
                raise ValueError(f"rates[{racer!r}] must lie between 0.001 and 5, got {rate}")
        super().__init__(
            title=title,
            surfaces=SURFACES,
            recipes=RECIPES,
            surface=surface,
            start=_checked_start(surface, start),
            steps=steps,
            rates={**_RATES, **(rates or {})},
            shown=list(shown),
            code_template=_CODE,
        )

    def code_values(self) -> dict[str, object]:
        """Return the surface's formula and one line for each racer that races."""
        lines = [
            f'    "{name}": ({RECIPES[name].replace("RATE", str(self.rates[name]))}),'
            for name in RECIPES
            if name in self.shown
        ]
        return {"expression": SURFACES[self.surface]["expression"], "racers": "\n".join(lines)}


def _checked_start(surface: str, start: Sequence[float] | None) -> list[float]:
    frame = SURFACES[surface]
    if start is None:
        return list(frame["start"])
    places = [float(place) for place in start]
    inside = len(places) == 2 and all(
        low <= place <= high for place, (low, high) in zip(places, (frame["xs"], frame["ys"]), strict=True)
    )
    if not inside:
        raise ValueError(f"start must lie within x {frame['xs']} and y {frame['ys']}, got {tuple(places)}")
    return places
