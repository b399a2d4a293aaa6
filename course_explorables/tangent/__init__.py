"""A curve, a point to drag along it, and the slope there: by formula, autograd and finite differences."""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Callable
from typing import Any, ClassVar

import torch
import traitlets

from course_explorables.base import Explorable, rounded
from course_explorables.base.fx_trace import expression, record
from course_explorables.tangent.slopes import (
    STEPS,
    Function,
    slope_by_autograd,
    slope_by_central_difference,
    value,
)

_SAMPLES = 241
_CODE = """\
import torch


{definitions}


x = torch.tensor(«x», dtype=torch.float64, requires_grad=True)
h = «h»

f(x).backward()
autograd = x.grad.item()
with torch.no_grad():
    difference = ((f(x + h) - f(x - h)) / (2 * h)).item()
{formula}print(f"autograd {{autograd:.6f}}, central difference {{difference:.6f}}")
"""


def _wave(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(x) + 0.1 * x**2


def _wave_slope(x: torch.Tensor) -> torch.Tensor:
    return torch.cos(x) + 0.2 * x


class Tangent(Explorable):
    """Drag a point along f; read its slope three ways, and see how the finite difference errs with its step.

    With a kernel, torch recomputes everything at every move, for any function. Without one, the page replays
    the elementary steps torch.fx saw in `f` (see `base.fx_trace`); a function it could not follow is drawn
    from a table.

    Args:
        f: the function, from a real tensor to a tensor of the same shape, elementwise; the default is
            sin x + 0.1 x².
        x: where the point starts, within `domain`.
        h: the finite difference's first step, one of `slopes.STEPS` (1e-16 to 1e-1, four a decade).
        domain: the ends (low, high) of the x axis.
        formula_derivative: f′ as you derived it, if it is to be compared; the default has one.
        title: what to try.

    Raises:
        TypeError: if `f` or `formula_derivative` is not callable, or returns no real tensor.
        ValueError: if the domain is not two finite numbers in order, x lies outside it, h is not offered, f
            returns more than one number for one, or f is finite nowhere on the domain.
    """

    modules: ClassVar[tuple[str, ...]] = ("tape.mjs", "tangent.mjs")
    settings: ClassVar[tuple[str, ...]] = ("x", "h")

    x = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    h = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    domain = traitlets.List().tag(sync=True, own=True)
    curve = traitlets.List().tag(sync=True, own=True)
    slopes = traitlets.List().tag(sync=True, own=True)
    heights = traitlets.List().tag(sync=True, own=True)
    tolerance = traitlets.Float().tag(sync=True, own=True)
    programs = traitlets.Dict().tag(sync=True, own=True)
    steps = traitlets.List().tag(sync=True, own=True)
    has_formula = traitlets.Bool().tag(sync=True, own=True)
    reading = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        f: Function | None = None,
        x: float = 2.4,
        *,
        h: float = 1e-3,
        domain: tuple[float, float] = (-5.0, 5.0),
        formula_derivative: Function | None = None,
        title: str = "Drag the point until the slope is zero",
    ) -> None:
        low, high = _checked_domain(domain)
        if not low <= x <= high:
            raise ValueError(f"x must lie in the domain [{low:g}, {high:g}], got {x}")
        if h not in STEPS:
            raise ValueError(f"h must be one of slopes.STEPS (1e-16 to 1e-1, four a decade), got {h}")
        for name, function in (("f", f), ("formula_derivative", formula_derivative)):
            if function is not None and not callable(function):
                raise TypeError(f"{name} must be a function of a tensor, got {type(function).__name__}")
        if f is None:
            f, formula_derivative = _wave, formula_derivative or _wave_slope
        self._f, self._formula = f, formula_derivative

        places = [low + (high - low) * k / (_SAMPLES - 1) for k in range(_SAMPLES)]
        heights = [value(f, place) for place in places]
        if not any(math.isfinite(height) for height in heights):
            raise ValueError(
                f"f must be finite somewhere on the domain [{low:g}, {high:g}], got no finite value"
            )
        slopes = [slope_by_autograd(f, place) for place in places]
        program = record(f)
        formula_program = record(formula_derivative) if formula_derivative else None
        replayed = program is not None and (formula_derivative is None or formula_program is not None)
        super().__init__(
            title=title,
            x=float(x),
            h=float(h),
            domain=[low, high],
            curve=[rounded(height) for height in heights],
            slopes=[] if replayed else [rounded(slope) for slope in slopes],
            heights=_visible(heights),
            tolerance=_tolerance(slopes),
            programs={"f": program, "formula": formula_program} if replayed else {},
            steps=list(STEPS),
            has_formula=formula_derivative is not None,
            code_template=_code(f, program, formula_derivative, formula_program),
        )
        self._read()
        self.observe(self._read, names=["x", "h"])

    def _read(self, _change: object = None) -> None:
        f, x = self._f, self.x
        exact = slope_by_autograd(f, x)
        errors = [slope_by_central_difference(f, x, step) - exact for step in STEPS]
        readings = {
            "y": value(f, x),
            "autograd": exact,
            "difference": slope_by_central_difference(f, x, self.h),
        }
        if self._formula is not None:
            readings["formula"] = value(self._formula, x)
        # JSON has no NaN: what is not finite travels as None, and the page says so in words.
        self.reading = {
            "x": x,
            "h": self.h,
            **{name: number if math.isfinite(number) else None for name, number in readings.items()},
            "errors": [abs(error) if math.isfinite(error) else None for error in errors],
        }


def _checked_domain(domain: Any) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in domain)
    except (TypeError, ValueError):
        raise ValueError(f"domain must be two numbers (low, high), got {domain!r}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"domain must be finite with low < high, got {domain!r}")
    return low, high


def _visible(heights: list[float]) -> list[float]:
    """The y axis: all the curve, unless a pole dwarfs the rest; then its middle nine tenths, doubled."""
    ordered = sorted(height for height in heights if math.isfinite(height))
    low, high = ordered[0], ordered[-1]
    inner_low, inner_high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
    if high - low > 8 * (inner_high - inner_low) > 0:
        spread = inner_high - inner_low
        low, high = inner_low - spread / 2, inner_high + spread / 2
    margin = 0.1 * (high - low) or max(1.0, abs(low))
    return [rounded(low - margin, 4) or 0.0, rounded(high + margin, 4) or 0.0]


def _tolerance(slopes: list[float]) -> float:
    """A hundredth of a steep slope of this curve, to one digit: what a mouse can reach."""
    sizes = sorted(abs(slope) for slope in slopes if math.isfinite(slope))
    steep = sizes[int(0.9 * (len(sizes) - 1))] if sizes else 0.0
    return rounded(0.01 * steep, 1) or 0.01


def _code(
    f: Function,
    program: list | None,
    formula: Function | None,
    formula_program: list | None,
) -> str:
    definitions = [_definition("f", f, program)]
    if formula is not None:
        definitions.append(_definition("slope_of_f", formula, formula_program))
    line = "formula = slope_of_f(x).item()\n" if formula is not None else ""
    return _CODE.format(definitions="\n\n\n".join(definitions), formula=line)


def _definition(name: str, function: Callable[..., Any], program: list | None) -> str:
    if program is not None:
        return f"def {name}(x):\n    return {expression(program)}"
    try:
        source = textwrap.dedent(inspect.getsource(function)).strip()
    except (OSError, TypeError):
        source = ""
    if source.startswith("def "):
        own = getattr(function, "__name__", name)
        return source if own == name else f"{source}\n\n\n{name} = {own}"
    return f"# {name}: the function you gave to Tangent; torch.fx could not follow it to print it here"
