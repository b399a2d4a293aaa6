"""The one judge: chapters, the checker that students get, and the marking all ask it what an answer is."""

from __future__ import annotations

import ast
import dis
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from course_lib.exercises.comparison import describe_difference, right_in_another_form, same

Status = Literal["right", "wrong", "unanswered"]
FORGOTTEN_RETURN = "Your function returned None: did you forget `return`?"


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        status: "right", "wrong" or "unanswered".
        message: what the reader is told.
        misconception: the recognised misconception's name, if one was.
        case: of a wrong answer, the first case on which it differs, counted from 0.
        right_cases: how many cases it is right on.
        form_only: whether a wrong answer holds the right numbers, such as `"0.5"` for 0.5.
    """

    status: Status
    message: str
    misconception: str | None = None
    case: int | None = None
    right_cases: int = 0
    form_only: bool = False


def judge(
    title: str,
    said: dict[str | None, str],
    given: list[Any],
    wanted: list[Any],
    mistaken: dict[str, list[Any]],
    tolerance: float,
) -> Verdict:
    """Say what an answer is, from what came of each case.

    Args:
        title: the exercise's.
        said: what to say by misconception; under None, what comes next once the answer is right.
        given: the answer's outcomes: a value, or the exception it ended in, for each case.
        wanted: the reference's.
        mistaken: the outcomes of each misconception, by its name.
        tolerance: relative and absolute, for floating-point numbers.
    """
    right = [same(g, w, tolerance) for g, w in zip(given, wanted, strict=True)]
    count = sum(right)
    if all(right):
        return Verdict("right", f"{title}: right. {said[None]}".rstrip(), right_cases=count)
    first = right.index(False)
    for name, outcomes in mistaken.items():
        if all(same(g, o, tolerance) for g, o in zip(given, outcomes, strict=True)):
            return Verdict("wrong", said[name], name, first, count)
    if given[first] is None:
        return Verdict("wrong", f"{title}: not yet. {FORGOTTEN_RETURN}", case=first, right_cases=count)
    difference = describe_difference(given[first], wanted[first], tolerance)
    form_only = all(right_in_another_form(g, w, tolerance) for g, w in zip(given, wanted, strict=True))
    return Verdict("wrong", f"{title}: not yet. {difference}", None, first, count, form_only)


def left_blank(answer: Callable[..., Any]) -> bool:
    """Whether a function still is the stub: `...` stands in it, or there is nothing in it at all."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(answer)))
    except (OSError, TypeError, SyntaxError, ValueError):
        code = getattr(answer, "__code__", None)
        if code is None:
            return False
        nothing = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
        return {instruction.opname for instruction in dis.get_instructions(code)} <= nothing
    statements = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    if any(isinstance(value, ast.Constant) and value.value is ... for value in statements):
        return True
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return bool(functions) and all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in functions[0].body
    )
