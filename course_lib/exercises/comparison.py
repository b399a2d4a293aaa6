"""Whether two answers are the same, and in what they differ."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class InputChanged(Exception):
    """The answer modified the arguments it was given."""


def same(given: Any, wanted: Any, tolerance: float) -> bool:
    """Whether two answers are equal: in kind, shape and, for floating point, up to `tolerance`.

    Tensors must share shape and be both floating point, both integer or both boolean; two exceptions are
    the same if their types are; a Python number equals a tensor without dimensions.
    """
    if isinstance(given, Exception) or isinstance(wanted, Exception):
        return type(given) is type(wanted)
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
        if math.isnan(given) or math.isnan(wanted):
            return math.isnan(given) and math.isnan(wanted)
        return math.isclose(given, wanted, rel_tol=tolerance, abs_tol=tolerance)
    try:
        return type(given) is type(wanted) and bool(given == wanted)
    except (RuntimeError, ValueError, TypeError):
        return False


def describe_difference(given: Any, wanted: Any) -> str:
    """One sentence on how an answer differs from the right one, without printing the right one's values."""
    if isinstance(given, InputChanged):
        return "Your function changed its input in place; the caller still needs it."
    if isinstance(given, Exception):
        return f"It raised {type(given).__name__}: {given}"
    if isinstance(wanted, Tensor):
        if not isinstance(given, Tensor):
            return f"A tensor of shape {tuple(wanted.shape)} is wanted; this is a {type(given).__name__}."
        if given.shape != wanted.shape:
            return f"The shape is {tuple(given.shape)} where {tuple(wanted.shape)} is wanted."
        if _family(given) != _family(wanted):
            return f"The dtype is {given.dtype} where {wanted.dtype} is wanted."
        if wanted.numel() and wanted.dtype != torch.bool:
            gap = (given.detach().double() - wanted.detach().double()).abs()
            share = int((gap > 1e-5).sum())
            return f"The shape is right; {share} of {wanted.numel()} differ, by up to {gap.max():.3g}."
        return "The shape and dtype are right, the values are not."
    if isinstance(wanted, list | tuple):
        if not isinstance(given, list | tuple):
            return f"{len(wanted)} values are wanted, in a tuple; this is a {type(given).__name__}."
        if len(given) != len(wanted):
            return f"{len(wanted)} values are wanted; these are {len(given)}."
    return f"{given!r} is not the answer."


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
