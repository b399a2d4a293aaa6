"""What a wrong answer is of the arguments, and of what is wanted: one of them, a part, a step of another length."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_exercises.forms import agrees, number

Outcomes = Sequence[Any]
Cases = Sequence[tuple[Any, ...]]
CLOSE = 1e-5
SUMS: dict[str, Callable[[Tensor, int], Any]] = {
    "right result adds up to 1": lambda x, d: (x.sum(d) - 1).abs().max() < 1e-4,
    "right result has mean 0": lambda x, d: x.mean(d).abs().max() < 1e-4,
    "right result has deviation 1": lambda x, d: (x.std(d, correction=0) - 1).abs().max() < 1e-4,
}


@dataclass(frozen=True)
class Slip:
    """What was seen.

    Attributes:
        family: its name, such as "sign" or "factor".
        text: one or two sentences for the reader.
    """

    family: str
    text: str


def given_back(given: Outcomes, cases: Cases, names: Sequence[str]) -> Slip | None:
    """An argument for an answer.

    Args:
        given: the answer's outcomes.
        cases: the arguments of each case.
        names: of the arguments.
    """
    for name, column in _arguments(cases, names):
        if all(quietly(lambda g=g, a=a: agrees(g, a, 1e-9)) for g, a in zip(given, column, strict=True)):
            return Slip(
                "given back",
                f"That is `{name}`, just as it came in. Does what you work out reach the `return`?",
            )
    return None


def part_of(given: Outcomes, wanted: Outcomes) -> Slip | None:
    """Some lines of what is wanted, or the place of its largest entry."""
    if not all(isinstance(x, Tensor) for x in (*given, *wanted)):
        return None
    shapes = f"the shape is {tuple(given[0].shape)}, and {tuple(wanted[0].shape)} is wanted"
    for dim in range(wanted[0].ndim):
        if (
            _everywhere(given, wanted, lambda g, w, d=dim: agrees(g, w.argmax(d), CLOSE))
            and wanted[0].is_floating_point()
        ):
            return Slip("place", "Those are the places of the largest of what is wanted. Return the values.")
        for name, cut in (("first", _from_start), ("last", _from_end)):
            if any(g.ndim == w.ndim and g.shape == w.shape for g, w in zip(given, wanted, strict=True)):
                continue
            if _everywhere(given, wanted, lambda g, w, d=dim, c=cut: agrees(g, c(w, g, d), CLOSE)):
                return Slip(
                    "a part",
                    f"That is only a part of what is wanted, the {name} along dimension {dim}; {shapes}.",
                )
    return None


def in_pieces(given: Outcomes, wanted: Outcomes) -> Slip | None:
    """Tensors that make up the wanted one."""
    if not all(
        isinstance(g, list | tuple) and g and all(isinstance(p, Tensor) for p in g) for g in given
    ) or not all(isinstance(w, Tensor) and w.ndim for w in wanted):
        return None
    if _everywhere(given, wanted, lambda g, w: agrees(torch.cat([torch.atleast_1d(p) for p in g]), w, CLOSE)):
        return Slip(
            "in pieces",
            f"The values are right, in {len(given[0])} pieces where one tensor is wanted: join them with `torch.cat`.",
        )
    return None


def marked(given: Outcomes, wanted: Outcomes) -> Slip | None:
    """Two numbers for True and False."""
    if not all(isinstance(x, Tensor) for x in (*given, *wanted)) or any(
        g.shape != w.shape or g.dtype == torch.bool for g, w in zip(given, wanted, strict=True)
    ):
        return None
    sides = [
        torch.cat([(g[w] if side else g[~w]).flatten() for g, w in zip(given, wanted, strict=True)]).unique()
        for side in (True, False)
    ]
    if any(len(side) != 1 for side in sides) or sides[0] == sides[1]:
        return None
    yes, no = (f"{side.item():g}" for side in sides)
    return Slip(
        "marked",
        f"The right places, marked with {yes} and {no}. True and False are wanted: leave the mask as it is.",
    )


def moved(given: Outcomes, wanted: Outcomes, cases: Cases, names: Sequence[str]) -> Slip | None:
    """An argument too much or too little, or a step from one that is too short, too long or the wrong way."""
    for name, column in _arguments(cases, names):
        if not all(_has_shape_of(a, w) for a, w in zip(column, wanted, strict=True)):
            continue
        a, g, w = (
            torch.cat([torch.as_tensor(x).detach().double().flatten() for x in xs])
            for xs in (column, given, wanted)
        )
        if len(g) < 3 or not all(x.isfinite().all() for x in (a, g, w)):
            continue
        scale = float(torch.stack([a, g, w]).abs().max()) * CLOSE
        for sign, text in (
            (-1, "less `{}`: was it left out?"),
            (1, "plus `{}`: was it added once too often?"),
        ):
            if (g - w - sign * a).abs().max() <= scale < a.abs().max():
                return Slip("one term", f"Your result is what is wanted, {text.format(name)}")
        step = w - a
        big = step.abs() > 1e-3 * step.abs().max()
        ratio = float(((g - a)[big] / step[big]).median()) if big.any() else 0.0
        if ratio and abs(ratio - 1) > 1e-3 and (g - a - ratio * step).abs().max() <= scale:
            if math.isclose(ratio, -1, rel_tol=1e-4):
                text = "as far as you should, in the opposite direction. Which sign belongs there?"
            else:
                text = f"{ratio:.3g} times as far as you should. What is that step multiplied by?"
            return Slip("step", f"From `{name}` you go {text}")
    return None


def softmaxed(given: Outcomes, wanted: Outcomes) -> Slip | None:
    """A softmax too many or too few."""
    if not all(isinstance(x, Tensor) and x.ndim and x.is_floating_point() for x in (*given, *wanted)):
        return None
    for dim in range(wanted[0].ndim):
        if _everywhere(given, wanted, lambda g, w, d=dim: agrees(g, w.softmax(d), CLOSE)):
            return Slip(
                "softmax",
                f"That is the softmax over dimension {dim} of what is wanted: one softmax too many.",
            )
        if _everywhere(given, wanted, lambda g, w, d=dim: agrees(g.softmax(d), w, CLOSE)):
            return Slip(
                "softmax", f"A softmax over dimension {dim} is missing: with it, your result is right."
            )
    return None


def lacking(given: Outcomes, wanted: Outcomes) -> Slip | None:
    """A property of what is wanted that a wrong answer of the same shapes lacks: its sums, means, deviations."""
    if not all(isinstance(x, Tensor) and x.is_floating_point() and x.ndim for x in (*given, *wanted)) or any(
        g.shape != w.shape for g, w in zip(given, wanted, strict=True)
    ):
        return None
    for dim in range(wanted[0].ndim):
        if any(w.shape[dim] < 2 for w in wanted):
            continue
        for what, value in SUMS.items():
            holds = [quietly(lambda x=x, d=dim, v=value: v(x.double(), d)) for x in (*wanted, *given)]
            if all(holds[: len(wanted)]) and not any(holds[len(wanted) :]):
                return Slip("property", f"Along dimension {dim} the {what}; yours does not.")
    return None


def _from_start(wanted: Tensor, given: Tensor, dim: int) -> Tensor:
    if given.ndim < wanted.ndim:
        return wanted.select(dim, 0)
    return wanted.narrow(dim, 0, given.shape[dim])


def _from_end(wanted: Tensor, given: Tensor, dim: int) -> Tensor:
    if given.ndim < wanted.ndim:
        return wanted.select(dim, -1)
    return wanted.narrow(dim, wanted.shape[dim] - given.shape[dim], given.shape[dim])


def _everywhere(given: Outcomes, wanted: Outcomes, fits: Callable[[Any, Any], Any]) -> bool:
    """Whether `fits` holds of what was given and what is wanted, in every case."""
    return all(quietly(lambda g=g, w=w: fits(g, w)) for g, w in zip(given, wanted, strict=True))


def _has_shape_of(argument: Any, wanted: Any) -> bool:
    if isinstance(argument, Tensor) and isinstance(wanted, Tensor):
        return argument.shape == wanted.shape and argument.dtype != torch.bool
    return number(argument) is not None and number(wanted) is not None


def _arguments(cases: Cases, names: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """Each argument's name, and its values over the cases."""
    for place in range(len(cases[0]) if cases else 0):
        name = names[place] if place < len(names) else f"argument {place}"
        yield name, [case[place] for case in cases]


def quietly(question: Callable[[], Any]) -> bool:
    """Its answer, or False where it cannot be asked of such values."""
    try:
        return bool(question())
    except (
        RuntimeError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
        OverflowError,
        ZeroDivisionError,
        SyntaxError,
        RecursionError,
    ):
        return False
