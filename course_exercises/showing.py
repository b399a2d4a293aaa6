"""A wrong answer shown in full: what went in, what came out, what was wanted. In a reader's notebook only."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_exercises.forms import agrees

SMALL = 24  # numbers that are still shown one by one
LONGEST = 500  # characters of one value


@dataclass(frozen=True)
class Asked:
    """What is known of a question.

    Attributes:
        cases: the arguments of each case.
        names: of the arguments.
        predicted: whether the answer is a value worked out by hand.
        decimals: places after the point that a prediction is asked to.
        about: what the exercise is about, in its own words.
        in_full: whether the reader may see an input and what is wanted.
        closed: whether what is wanted is known by its form alone, since no answer that opens it was given:
            then none is right.
    """

    cases: Sequence[tuple[Any, ...]] = ()
    names: Sequence[str] = ()
    predicted: bool = False
    decimals: int | None = None
    about: str = ""
    in_full: bool = False
    closed: bool = False


def smallest(asked: Asked, right: Sequence[bool]) -> int:
    """Of the cases that are wrong, the first of those with the fewest numbers."""
    wrong = [i for i, ok in enumerate(right) if not ok]
    return min(wrong, key=lambda i: (sum(_count(x) for x in asked.cases[i]) if asked.cases else 0, i))


def in_full(seen: str, asked: Asked, i: int, given: Any, wanted: Any, tolerance: float) -> str:
    """What was seen, and below it one case; of a prediction, no answer is given away.

    Args:
        seen: what is said already.
        asked: the question.
        i: the case to show, counted from 0.
        given: what the answer gave on it.
        wanted: what is right.
        tolerance: of the exercise.
    """
    if asked.predicted or not asked.cases:
        return seen
    lines = [
        f"  {name}: {shown(value)}"
        for name, value in itertools.zip_longest(asked.names, asked.cases[i], fillvalue="argument")
    ]
    return "\n".join([seen, "For", *lines, *_outcomes(given, wanted, tolerance)])


def shown(value: Any) -> str:
    """A value in one line if it is small; else its shape and dtype, or its length."""
    if isinstance(value, Tensor):
        if value.numel() > SMALL:
            return f"a tensor of shape {tuple(value.shape)}, {str(value.dtype).removeprefix('torch.')}"
        return str(_rounded(value))
    if isinstance(value, list | tuple):
        inside = [shown(v) if isinstance(v, Tensor | list | tuple) else _plain(v) for v in value]
        text = ", ".join(inside)
        text = f"({text})" if isinstance(value, tuple) else f"[{text}]"
        return text if len(text) <= LONGEST else f"a {type(value).__name__} of {len(value)}"
    if callable(value) and not isinstance(value, type):
        return (
            _cut(repr(value))
            if not hasattr(value, "__name__")
            else f"the function {value.__name__.lstrip('_')}"
        )
    return _plain(value)


def _outcomes(given: Any, wanted: Any, tolerance: float) -> list[str]:
    """The two side by side; where they are large, their first difference."""
    several = (
        isinstance(given, list | tuple) and isinstance(wanted, list | tuple) and len(given) == len(wanted) > 1
    )
    if several and any(isinstance(w, Tensor) for w in wanted):
        lines = []
        for place, (g, w) in enumerate(zip(given, wanted, strict=True)):
            ok = agrees(g, w, tolerance)
            lines += [f"value {place}: right"] if ok else [f"value {place}:", *_outcomes(g, w, tolerance)]
        return lines
    if isinstance(given, Exception):
        return [f"wanted: {shown(wanted)}"]
    both = isinstance(given, Tensor) and isinstance(wanted, Tensor)
    if both and given.shape == wanted.shape and given.numel() > SMALL:
        differ = ~torch.isclose(
            given.detach().double(), wanted.detach().double(), rtol=tolerance, atol=tolerance, equal_nan=True
        )
        if differ.any():
            place = tuple(differ.nonzero()[0].tolist())
            return [
                f"the first of {int(differ.sum())} differences, at {list(place)}:",
                f"given:  {_plain(given[place].item())}",
                f"wanted: {_plain(wanted[place].item())}",
            ]
    return [f"given:  {shown(given)}", f"wanted: {shown(wanted)}"]


def _rounded(tensor: Tensor) -> Any:
    def plain(x: Any) -> Any:
        if isinstance(x, list):
            return "[" + ", ".join(plain(y) for y in x) + "]"
        return _plain(x)

    return plain(tensor.detach().tolist())


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _count(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.numel()
    return sum(_count(v) for v in value) if isinstance(value, list | tuple) else 1
