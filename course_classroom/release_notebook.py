"""An assignment's notebook, built cell by cell: the student's, the solved one, and nbgrader's source."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

from course_classroom import standalone_source
from course_classroom.assignment import SCHEMA, Assignment, Item, counted
from course_classroom.chapter_exercises import Stub

Edition = Literal["student", "instructor", "nbgrader"]
Answer = Callable[[Item, Stub], str]

SETUP = "import math\n\nimport torch\nimport torch.nn.functional as F\nfrom torch import Tensor, nn"
CHECKER = """try:
    from checker import check
except ModuleNotFoundError as missing:
    if missing.name != "checker":
        raise

    def check(exercise, answer):
        print(f"{exercise}: put checker.py beside this notebook and restart to see your answer checked.")"""

ABOUT = """# {name}

{exercises}, {points}. Replace each `...` by your answer, run its cell, then the check below it. Keep
the names of functions and answers, and leave the cells in place; add your own between them wherever you like.

The check tells you what your answer looks like from a few inputs. Your marks come from running it on others,
so what counts is an answer that is right for every input. In Colab, first put `checker.py` beside the
notebook (the folder icon on the left)."""


def blank(item: Item, stub: Stub) -> str:
    """The answer's cell as a student finds it."""
    return f"{item.symbol} = ..." if item.kind == "predict" else stub.source


def notebook(
    assignment: Assignment, stubs: list[Stub], edition: Edition = "student", answer: Answer | None = None
) -> dict[str, Any]:
    """Build an assignment's notebook.

    Args:
        assignment: what is asked.
        stubs: of its items, in their order.
        edition: "student" has blanks; "instructor" the solutions, and the misconceptions with their hints;
            "nbgrader" the solutions between its markers, and hidden tests.
        answer: gives the source of an answer's cell; by default the edition's own.

    Returns:
        The notebook, format 4.5, without outputs.

    Raises:
        ValueError: if `edition` is none of these, `stubs` are not the items' own, or nbgrader's source is
            asked of an assignment without a seed for marking.
    """
    if edition not in _ANSWERS:
        raise ValueError(f"edition must be one of {', '.join(_ANSWERS)}, got {edition!r}")
    if [stub.exercise for stub in stubs] != [item.exercise for item in assignment.items]:
        raise ValueError(f"stubs must be those of the items of {assignment.name!r}, in their order")
    if edition == "nbgrader" and assignment.marking_seed is None:
        raise ValueError("assignment must have a marking_seed for nbgrader's hidden tests")
    graded = edition == "nbgrader"
    cells = [_text("about", _about(assignment), locked=graded)]
    cells += [
        _code("setup", SETUP, "setup", locked=graded),
        _code("checker", CHECKER, "check", locked=graded),
    ]
    for place, (item, stub) in enumerate(zip(assignment.items, stubs, strict=True), start=1):
        make = answer or (lambda i, s: _ANSWERS[edition](i, s, assignment.seed))
        name, exercise = item.exercise.partition("/")[2], item.exercise
        cells.append(
            _text(f"{name}-question", _question(place, item, stub, assignment), exercise, locked=graded)
        )
        cells.append(_code(name, make(item, stub), "answer", exercise, solution=graded))
        check = f'check("{exercise}", {item.symbol})'
        cells.append(_code(f"{name}-check", check, "check", exercise, locked=graded))
        if graded:
            cells.append(
                _code(f"{name}-marks", _hidden(item, assignment), "check", exercise, points=item.points)
            )
        if edition == "instructor":
            cells.append(_text(f"{name}-misconceptions", _misconceptions(item)))
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    metadata["course_lib"] = {"assignment": assignment.name, "schema": SCHEMA}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def as_bytes(content: dict[str, Any]) -> bytes:
    """A notebook as its file holds it."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def solved(item: Item, stub: Stub, seed: int) -> str:
    """The answer's cell with the reference put in."""
    if item.kind == "predict":
        return standalone_source.computed(item, seed)
    return standalone_source.standalone(item, stub.source)


def marked_solution(item: Item, stub: Stub, seed: int) -> str:
    """The answer's cell with the reference between nbgrader's markers, below what the student keeps."""
    begin, end = "### BEGIN SOLUTION", "### END SOLUTION"
    if item.kind == "predict":
        return f"{item.symbol} = ...\n{begin}\n{standalone_source.computed(item, seed)}\n{end}"
    return standalone_source.standalone(item, stub.source, begin, end)


_ANSWERS: dict[str, Callable[[Item, Stub, int], str]] = {
    "student": lambda item, stub, _seed: blank(item, stub),
    "instructor": solved,
    "nbgrader": marked_solution,
}


def _about(assignment: Assignment) -> str:
    points = sum(item.points for item in assignment.items)
    return ABOUT.format(
        name=assignment.name,
        exercises=counted(len(assignment.items), "exercise"),
        points=counted(points, "point"),
    )


def _question(place: int, item: Item, stub: Stub, assignment: Assignment) -> str:
    head = f"## {place}. {stub.title}\n\n*{stub.chapter} · {counted(item.points, 'point')}*"
    asked = item.load().ask(assignment.seed) if item.kind == "predict" else ""
    return "\n\n".join(part for part in (head, stub.text, asked) if part)


def _misconceptions(item: Item) -> str:
    told = [f"*{name}*: {m.hint}" for name, m in item.load().misconceptions.items()]
    return "**What goes wrong here, and what is said then.**\n\n" + "\n\n".join(told)


def _hidden(item: Item, assignment: Assignment) -> str:
    topic, _, name = item.exercise.partition("/")
    seed = assignment.seed if item.kind == "predict" else assignment.marking_seed
    return (
        f"### BEGIN HIDDEN TESTS\nfrom course_exercises.{topic} import EXERCISES\n\n"
        f'verdict = EXERCISES["{name}"].judge({item.symbol}, seed={seed})\n'
        'assert verdict.status == "right", verdict.message\n### END HIDDEN TESTS'
    )


def _nbgrader(grade_id: str, **settings: Any) -> dict[str, Any]:
    plain = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    return plain | {"grade_id": grade_id} | settings


def _text(name: str, source: str, exercise: str | None = None, *, locked: bool = False) -> dict[str, Any]:
    course = {"role": "question", "exercise": exercise} if exercise else {}
    metadata: dict[str, Any] = {"course_lib": course} if course else {}
    if locked:
        metadata["nbgrader"] = _nbgrader(name, locked=True)
    return {"cell_type": "markdown", "id": name[:64], "metadata": metadata, "source": _lines(source)}


def _code(
    name: str,
    source: str,
    role: str,
    exercise: str | None = None,
    *,
    locked: bool = False,
    solution: bool = False,
    points: int = 0,
) -> dict[str, Any]:
    course = {"role": role} | ({"exercise": exercise} if exercise else {})
    metadata: dict[str, Any] = {"course_lib": course}
    if points:
        metadata["nbgrader"] = _nbgrader(name, locked=True, grade=True, points=points)
    elif locked or solution:
        metadata["nbgrader"] = _nbgrader(name, locked=locked, solution=solution)
    return {
        "cell_type": "code",
        "id": name[:64],
        "metadata": metadata,
        "source": _lines(source),
        "outputs": [],
        "execution_count": None,
    }


def _lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)
