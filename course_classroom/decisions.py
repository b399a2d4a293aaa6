"""Manual decisions about single marks: the instructor's file, which no marking ever writes over.

A CSV with the columns ``student``, ``exercise``, ``points`` and ``note``, in which each exercise of a student
stands once at most. It is applied after every marking, so a decision survives the next one.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from course_classroom.assignment import Assignment
from course_classroom.marks import StudentMarks, with_formulas

COLUMNS = ("student", "exercise", "points", "note")


@dataclass(frozen=True)
class Decision:
    """The points that a person gives for one exercise of one student, and why."""

    points: float
    note: str


Decisions = dict[tuple[str, str], Decision]


def read_decisions(path: Path, assignment: Assignment, students: Sequence[str]) -> Decisions:
    """Read decisions, by student and exercise.

    Args:
        path: the CSV; where there is none, nothing was decided.
        assignment: whose exercises may be named.
        students: who may be named.

    Raises:
        ValueError: naming the line and the column that is wrong.
    """
    if not path.exists():
        return {}
    most = {item.exercise: item.points for item in assignment.items}
    found: Decisions = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} must have a column {missing[0]!r}, has {rows.fieldnames}")
        for row in rows:
            line = f"{path}, line {rows.line_num}"
            student, exercise = with_formulas(row["student"] or ""), row["exercise"]
            if student not in students:
                raise ValueError(f"{line}: student must be one of those who handed in, got {student!r}")
            if exercise not in most:
                raise ValueError(f"{line}: exercise must be one of {', '.join(most)}, got {exercise!r}")
            if (student, exercise) in found:
                raise ValueError(f"{line}: {exercise} of {student} must be decided once, this is twice")
            found[student, exercise] = Decision(
                _points(row["points"], most[exercise], line), row["note"] or ""
            )
    return found


def decided(student: StudentMarks, decisions: Decisions) -> StudentMarks:
    """The marks with the decisions of a person in the place of what the marking found."""
    marks = tuple(
        replace(mark, status="decided", points=made.points, message=made.note, misconception=None, case=None)
        if (made := decisions.get((student.student, mark.exercise)))
        else mark
        for mark in student.marks
    )
    return replace(student, marks=marks)


def _points(text: str | None, most: int, line: str) -> float:
    try:
        points = float(text or "")
    except ValueError as error:
        raise ValueError(f"{line}: points must be a number, got {text!r}") from error
    if not 0 <= points <= most:
        raise ValueError(f"{line}: points must lie in 0 … {most}, got {text}")
    return int(points) if points == int(points) else points
