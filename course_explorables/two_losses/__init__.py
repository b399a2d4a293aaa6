"""One car pulls two lines: the one with the smallest squares, the one with the smallest absolute errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable
from course_explorables.fit_line import checked_points, eight_cars

_CODE = """\
from itertools import combinations

import torch

x = torch.tensor(«x», dtype=torch.float64)  # weight, t
y = torch.tensor(«y», dtype=torch.float64)  # litres per 100 km

table = torch.stack([x, torch.ones_like(x)], dim=1)
squares = torch.linalg.lstsq(table, y[:, None]).solution[:, 0]

# A line with the smallest sum of absolute errors passes through two of the points: try them all.
pairs = torch.tensor([pair for pair in combinations(range(len(x)), 2) if x[pair[0]] != x[pair[1]]])
lines = torch.linalg.solve(table[pairs], y[pairs])  # (pairs, 2)
errors = (lines @ table.T - y).abs().sum(dim=1)
absolute = lines[errors.argmin()]

for name, (w, b) in {"squares": squares, "absolute errors": absolute}.items():
    residual = w * x + b - y
    print(f"{name:15} w {w:.4f}, b {b:.4f}, squares {residual.square().mean():.4f}, "
          f"absolute {residual.abs().mean():.4f}")
"""


class TwoLosses(Explorable):
    r"""Drag a car; see where the squares pull their line, where absolute errors leave theirs, and why.

    $$J_2 = \tfrac1n \sum_i r_i^2, \qquad J_1 = \tfrac1n \sum_i |r_i|$$
    $$\frac{\partial J_2}{\partial b} = \tfrac1n \sum_i 2 r_i, \qquad
      \frac{\partial J_1}{\partial b} = \tfrac1n \sum_i \operatorname{sign} r_i$$

    The first line solves the normal equations. The second is the best of all lines through two of the points,
    among which there is always one with the smallest sum of absolute errors.

    Args:
        points: two to twelve (x, y), x from 0.6 to 2.4 t and y from 0 to 24 litres per 100 km; the default
            is the eight cars of ``FitLine``.
        title: what to try.

    Raises:
        ValueError: if points are too few or too many, lie outside their range or all at one x.

    Source: P. Bloomfield and W. L. Steiger, *Least Absolute Deviations*, 1983, section 1.3.
    """

    modules: ClassVar[tuple[str, ...]] = ("plane.mjs", "two_losses.mjs")
    settings: ClassVar[tuple[str, ...]] = ("points",)

    points = traitlets.List().tag(sync=True, own=True, echo_update=False)

    def __init__(
        self,
        points: Sequence[tuple[float, float]] | None = None,
        *,
        title: str = "Halve the solid line's slope while the dashed line stays",
    ) -> None:
        checked = eight_cars() if points is None else checked_points(points)
        if len({x for x, _ in checked}) == 1:
            raise ValueError(f"points must not all lie at one x, got {checked}")
        super().__init__(title=title, points=checked, code_template=_CODE)

    def code_values(self) -> dict[str, object]:
        """Return the points' coordinates, one list each."""
        return {"x": [x for x, _ in self.points], "y": [y for _, y in self.points]}
