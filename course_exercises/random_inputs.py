"""What exercises draw their inputs from, and when a draw is good enough to tell right from wrong.

Inputs come from a generator of their own, never the global one. Some draws let a wrong answer pass: 16 is both
2 · 8 and 2⁴, and a mistake at an edge shows only at the edge. Such a draw is thrown away, and the same generator
goes on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from course_exercises.comparison import same

Case = tuple[Any, ...]
Function = Callable[..., Any]
MOST_DRAWS = 2000


def integer(generator: Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=generator))


def float64(generator: Generator, *shape: int) -> Tensor:
    """Standard normal numbers in double precision, of the given shape."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def tell_apart(
    cases: list[Case],
    known: Sequence[Function],
    rivals: Sequence[Function],
    agree: Callable[[Any, Any], bool],
) -> bool:
    """Whether the cases show each wrong answer for what it is.

    Args:
        cases: the arguments of each call.
        known: the reference and the misconceptions. No two may give the same on all cases.
        rivals: further wrong answers. None may give what one of `known` gives.
        agree: whether two outcomes of one case count as the same.

    Returns:
        True if, beyond that, no argument is the same in all of several cases, so that none can be ignored.
    """
    several = len(cases) > 1
    if several and any(all(same(a, column[0], 0.0) for a in column) for column in zip(*cases, strict=True)):
        return False
    found: dict[tuple[int, int], Any] = {}
    functions = [*known, *rivals]

    def give(which: int, at: int) -> Any:
        if (which, at) not in found:
            found[which, at] = outcome(functions[which], cases[at])
        return found[which, at]

    return not any(
        all(agree(give(one, at), give(other, at)) for at in range(len(cases)))
        for one in range(len(functions))
        for other in range(min(one, len(known)))
    )


def outcome(function: Function, case: Case) -> Any:
    """The value of a call on a copy of the arguments, or the exception it ended in."""
    return outcome_on(function, copy.deepcopy(case))


def outcome_on(function: Function, case: Case) -> Any:
    """The value of a call on these very arguments, which it may change, or the exception it ended in."""
    try:
        return function(*case)
    except Exception as error:  # whatever an answer raises is an outcome to be described
        return error
