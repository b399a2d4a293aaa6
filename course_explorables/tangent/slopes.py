"""The slope of a function of one number at one place, three ways, as the tangent explorable reads it out."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

Function = Callable[[torch.Tensor], torch.Tensor]

STEPS: tuple[float, ...] = tuple(float(f"{10 ** (-16 + k / 4):.3g}") for k in range(61))
"""The steps h the error is drawn for: 1e-16 to 1e-1, four a decade, three digits each."""


def value(function: Function, x: float) -> float:
    """Evaluate f(x) in float64 without recording it.

    Args:
        function: f, from a float64 tensor of shape () to one of as many elements.
        x: the place.

    Returns:
        f(x), finite or not.

    Raises:
        TypeError: if the function does not return a real tensor.
        ValueError: if it returns more than one number.
    """
    with torch.no_grad():
        return _one(function(torch.tensor(x, dtype=torch.float64)))


def slope_by_autograd(function: Function, x: float) -> float:
    """Differentiate f at x by a backward pass; 0.0, the slope, where the result does not depend on x.

    Args, Returns and Raises as for `value`.
    """
    place = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        result = function(place)
    _one(result)
    if not result.requires_grad:
        return 0.0
    (slope,) = torch.autograd.grad(result.sum(), place, allow_unused=True)
    return 0.0 if slope is None else slope.item()


def slope_by_central_difference(function: Function, x: float, h: float) -> float:
    r"""Estimate the slope from two values, without a derivative.

    $$f'(x) \approx \frac{f(x+h) - f(x-h)}{2h}$$

    Args:
        function: as for `value`.
        x: the place.
        h: the step, positive, in the units of x.

    Returns:
        The quotient as float64 arithmetic gives it: off by about $h^2 f'''(x)/6$ (truncation), and by
        rounding in f, which the division by 2h magnifies.

    Raises:
        ValueError: if h is not positive and finite; otherwise as for `value`.
    """
    if not (math.isfinite(h) and h > 0):
        raise ValueError(f"h must be positive and finite, got {h}")
    return (value(function, x + h) - value(function, x - h)) / (2 * h)


def _one(result: object) -> float:
    if not isinstance(result, torch.Tensor) or result.is_complex():
        kind = result.dtype if isinstance(result, torch.Tensor) else type(result).__name__
        raise TypeError(f"function must return a real tensor, got {kind}")
    if result.numel() != 1:
        raise ValueError(f"function must return one number for one number, got shape {tuple(result.shape)}")
    return float(result.detach())
