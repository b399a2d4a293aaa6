"""What counts as the same answer: the form it may take, and how far a prediction may be rounded."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from course_exercises.comparison import same

DIGITS = 3  # significant digits that are enough for a prediction, unless its question says otherwise


def agrees(
    given: Any, wanted: Any, tolerance: float, *, predicted: bool = False, decimals: int | None = None
) -> bool:
    """Whether an answer is the wanted one, in any form that holds it.

    Args:
        given: the answer.
        wanted: what it is held against.
        tolerance: relative and absolute, for floating-point numbers.
        predicted: whether it was worked out by hand, so that it may be rounded: to `decimals` places, or
            where these are None to three significant digits. Whole numbers are not rounded.
        decimals: places after the point that the question asks for; the tolerance does not count then.
    """
    given = as_wanted(given, wanted)
    if type(given) is int and type(wanted) is int:
        return given == wanted
    if not predicted:
        return same(given, wanted, tolerance) or _same_in_float32(given, wanted)
    if isinstance(wanted, list | tuple) and isinstance(given, list | tuple):
        return len(given) == len(wanted) and all(
            agrees(g, w, tolerance, predicted=True, decimals=decimals)
            for g, w in zip(given, wanted, strict=True)
        )
    value, right = number(given), number(wanted)
    if value is None or right is None or not math.isfinite(value) or not math.isfinite(right):
        return same(given, wanted, tolerance)
    if decimals is not None and right != round(right):
        return abs(value - right) <= 0.5 * 10.0**-decimals * (1 + 1e-6)
    return math.isclose(value, right, rel_tol=max(tolerance, 1e-9), abs_tol=1e-9) or value in roundings(right)


def _same_in_float32(given: Any, wanted: Any) -> bool:
    """Whether float32 is all that a double-precision answer lacks."""
    if isinstance(given, list | tuple) and isinstance(wanted, list | tuple):
        pairs = list(zip(given, wanted, strict=False))
        return len(given) == len(wanted) > 0 and all(
            same(g, w, 1e-9) or _same_in_float32(g, w) for g, w in pairs
        )
    if not isinstance(given, Tensor) or not isinstance(wanted, Tensor) or not wanted.numel():
        return False
    if given.dtype != torch.float32 or wanted.dtype != torch.float64 or given.shape != wanted.shape:
        return False
    size = float(wanted.detach().nan_to_num(posinf=0, neginf=0).abs().max())
    return torch.allclose(
        given.detach().double(), wanted.detach(), rtol=1e-5, atol=2e-7 * size, equal_nan=True
    )


def as_wanted(given: Any, wanted: Any) -> Any:
    """The answer in the form of the wanted one where nothing but the container differs.

    NumPy's arrays and numbers, also such an `Array` as travelled, become tensors and numbers, a list of numbers a tensor and the other way round.
    """
    if (type(given).__module__ == "numpy" and hasattr(given, "tolist")) or type(given).__name__ == "Array":
        numbers = given.tolist()
        given = _tensor(numbers) if isinstance(numbers, list) else numbers
    if isinstance(wanted, Tensor) and wanted.is_floating_point() and number(given) is not None:
        return given if isinstance(given, Tensor) else torch.tensor(number(given), dtype=torch.float64)
    if isinstance(wanted, Tensor) and isinstance(given, list | tuple):
        return _tensor(given)
    if isinstance(wanted, list | tuple):
        if isinstance(given, Tensor) and given.ndim and len(given) == len(wanted):
            given = given.unbind() if given.ndim > 1 else given.tolist()
        if isinstance(given, list | tuple) and len(given) == len(wanted):
            return [as_wanted(g, w) for g, w in zip(given, wanted, strict=True)]
    return given


def number(value: Any) -> float | None:
    """A value as a float, if it is a single number and not a truth value."""
    if isinstance(value, Tensor) and value.ndim == 0 and value.dtype != torch.bool and not value.is_complex():
        return float(value.detach())
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_short(wanted: Any) -> bool:
    """Whether rounding to three significant digits leaves every number of an answer as it is."""
    if isinstance(wanted, list | tuple):
        return all(is_short(w) for w in wanted)
    value = number(wanted)
    return (
        value is None
        or value == round(value)
        or math.isclose(value, _to_digits(value, DIGITS), rel_tol=1e-12)
    )


def roundings(value: float) -> set[float]:
    """What a number that is not whole is when rounded to three significant digits or more; a tie either way."""
    if value == round(value):
        return set()
    return {
        _to_digits(value * nudge, digits)
        for digits in range(DIGITS, 12)
        for nudge in (1 - 1e-13, 1, 1 + 1e-13)
    }


def _to_digits(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")


def _tensor(values: list[Any] | tuple[Any, ...]) -> Any:
    """The values as one tensor, if they are numbers or tensors of one shape; else as they were."""
    try:
        if values and all(isinstance(v, Tensor) for v in values):
            return torch.stack(list(values))
        tensor = torch.tensor(values, dtype=None)
        return torch.tensor(values, dtype=torch.float64) if tensor.is_floating_point() else tensor
    except (RuntimeError, ValueError, TypeError):
        return values
