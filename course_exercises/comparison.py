"""Whether two answers are the same, and in what they differ."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class InputChanged(Exception):
    """The answer modified the arguments it was given."""

    def __str__(self) -> str:
        return "Your function changed its input in place; the caller still needs it."


def same(given: Any, wanted: Any, tolerance: float) -> bool:
    """Whether two answers are equal: in kind, shape and, for floating point, up to `tolerance`.

    Tensors must share shape and be both floating point, both integer or both boolean; two exceptions are
    the same if their types' names are, which is all that travels of a type; a Python number equals a tensor
    without dimensions.
    """
    if isinstance(given, Exception) or isinstance(wanted, Exception):
        return type(given).__name__ == type(wanted).__name__
    if isinstance(given, str | bool | None) or isinstance(wanted, str | bool | None):
        return type(given) is type(wanted) and given == wanted
    if isinstance(given, list | tuple) or isinstance(wanted, list | tuple):
        return (
            isinstance(given, list | tuple)
            and isinstance(wanted, list | tuple)
            and len(given) == len(wanted)
            and all(same(g, w, tolerance) for g, w in zip(given, wanted, strict=True))
        )
    if isinstance(given, dict) and isinstance(wanted, dict):
        return given.keys() == wanted.keys() and all(same(given[k], wanted[k], tolerance) for k in wanted)
    if isinstance(given, Tensor) or isinstance(wanted, Tensor):
        return _same_tensor(given, wanted, tolerance)
    if isinstance(given, int | float) and isinstance(wanted, int | float):
        try:
            both = math.isnan(given) and math.isnan(wanted)
            return both or math.isclose(given, wanted, rel_tol=tolerance, abs_tol=tolerance)
        except OverflowError:  # a whole number that no float holds
            return given == wanted
    try:
        return type(given) is type(wanted) and bool(given == wanted)
    except (RuntimeError, ValueError, TypeError):
        return False


def right_in_another_form(given: Any, wanted: Any, tolerance: float) -> bool:
    """Whether an answer holds the right numbers, but not as what is wanted: as text, or in a list."""
    if same(given, wanted, tolerance):
        return True
    number = isinstance(wanted, int | float) or (isinstance(wanted, Tensor) and wanted.ndim == 0)
    if not number or isinstance(wanted, bool):
        return False
    if isinstance(given, list | tuple) and len(given) == 1:
        given = given[0]
    try:
        return same(float(given), float(wanted), tolerance)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return False


def describe_difference(given: Any, wanted: Any, tolerance: float = 1e-5) -> str:
    """One sentence on how an answer differs from the right one, without printing the right one's values."""
    several = isinstance(given, list | tuple) and isinstance(wanted, list | tuple)
    if several and len(given) == len(wanted) > 1:
        for place, (g, w) in enumerate(zip(given, wanted, strict=True), start=1):
            if not same(g, w, tolerance):
                return f"Value {place} of {len(wanted)}: {describe_difference(g, w, tolerance)}"
    elif form := describe_form(given, wanted):
        return form
    if isinstance(wanted, Tensor):
        if wanted.numel() == 1 and given.numel() == 1 and bool(torch.isfinite(given).all()):
            return "A single number, as is wanted, but another one."
        if wanted.numel() and wanted.dtype != torch.bool:
            return f"The shape is right; {_gap(given, wanted, tolerance)}."
        return "The shape and dtype are right, the values are not."
    return f"{shortly(given)} is not the answer."


def describe_form(given: Any, wanted: Any) -> str | None:
    """One sentence on how an answer's form differs from the right one's; None if only values can differ."""
    if isinstance(given, InputChanged):
        return str(given)
    if isinstance(given, Exception):
        return f"It raised {type(given).__name__}: {given}"
    if isinstance(wanted, Tensor):
        if not isinstance(given, Tensor):
            return f"A tensor of shape {tuple(wanted.shape)} is wanted; this is {_kind(given)}."
        if given.shape != wanted.shape:
            return f"The shape is {tuple(given.shape)} where {tuple(wanted.shape)} is wanted."
        if _family(given) != _family(wanted):
            return f"The dtype is {given.dtype} where {wanted.dtype} is wanted."
    if isinstance(wanted, list | tuple):
        if not isinstance(given, list | tuple):
            return f"{len(wanted)} values are wanted, in a tuple; this is {_kind(given)}."
        if len(given) != len(wanted):
            return f"{len(wanted)} values are wanted; these are {len(given)}."
        inside = (
            (place, describe_form(g, w)) for place, (g, w) in enumerate(zip(given, wanted, strict=True), 1)
        )
        place, form = next(((place, form) for place, form in inside if form), (0, None))
        return form and f"Value {place} of {len(wanted)}: {form}"
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        if isinstance(given, Tensor) and given.numel() != 1:
            return f"A single number is wanted; this is {_kind(given)}."
        if not isinstance(given, int | float | Tensor) or isinstance(given, bool):
            return f"A number is wanted; this is {_kind(given)}."
        if isinstance(given, Tensor) and given.ndim:
            return f"A single number is wanted; this is {_kind(given)}."
    return None


def shortly(value: Any) -> str:
    """A value as Python writes it, a tensor's one number as a number; "This" if that is long or odd."""
    try:
        shown = repr(value.item() if isinstance(value, Tensor) and value.ndim == 0 else value)
    except Exception:  # a number of thousands of digits, or an object whose own text fails
        return "This"
    return shown if len(shown) <= 76 and shown.isprintable() else "This"


def _kind(value: Any) -> str:
    """What a value is, in words: "a text (in quotes)", "a tensor of shape (1,)"."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if value is None:
        return "None"
    names = {"str": "text in quotes", "bool": "True or False", "function": "a function"}
    name = type(value).__name__.rpartition(".")[2]
    return names.get(name, f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}")


def _gap(given: Tensor, wanted: Tensor, tolerance: float) -> str:
    """How many numbers differ by more than the tolerance, and by how much at most."""
    a, b = given.detach().cpu().double(), wanted.detach().cpu().double()
    differ = ~torch.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    count = f"{int(differ.sum())} of {wanted.numel()} differ"
    undefined = int((a.isnan() & ~b.isnan()).sum())
    if undefined:
        return f"{count}, and {undefined} of yours {'is' if undefined == 1 else 'are'} NaN"
    gap = (a - b).abs()[differ]
    if gap.numel() == 0 or not gap.isfinite().all():
        return count
    rounding = tolerance < 1e-6 and given.dtype != torch.float64 and gap.max() < 1e-4
    hint = f"; yours is {str(given.dtype).removeprefix('torch.')}, which rounds more than is allowed here"
    return f"{count}, by up to {gap.max():.3g}{hint if rounding else ''}"


def _same_tensor(given: Any, wanted: Any, tolerance: float) -> bool:
    if not isinstance(given, Tensor | int | float) or not isinstance(wanted, Tensor | int | float):
        return False
    a, b = torch.as_tensor(given).detach(), torch.as_tensor(wanted).detach()
    if a.shape != b.shape or _family(a) != _family(b):
        return False
    if not a.is_floating_point():
        return torch.equal(a.to(b.dtype), b)
    return torch.allclose(a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=True)


def _family(x: Tensor) -> str:
    if x.dtype == torch.bool:
        return "boolean"
    return "floating point" if x.is_floating_point() else "integer"
