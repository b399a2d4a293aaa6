"""Marks: of an exercise, of a student, and as a table."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from course_classroom.assignment import Assignment

LONGEST_NAME = 120  # bytes
_FORMULA = re.compile(r"((?:^|[;,\t|\r\n])\s*)([=+\-@])")
Status = Literal[
    "ok", "wrong", "unanswered", "timeout", "crash", "missing", "unreadable", "look", "busy", "decided"
]
STATUSES: tuple[Status, ...] = get_args(Status)
NOT_MARKED = ("crash", "missing", "unreadable", "look")  # a person has to look at these
UNDECIDED = (*NOT_MARKED, "busy")  # and these have to be marked again: neither is a zero


@dataclass(frozen=True)
class Mark:
    """What one exercise got.

    Attributes:
        exercise: "topic/name".
        status: "ok"; "wrong"; "unanswered"; "timeout", it did not end; "crash", it took its process with it;
            "missing", there is no such answer; "unreadable", the notebook is none; "look", a person has to
            say; "busy", the machine was too busy to tell, and it has to be marked again;
            "decided", a person has said.
        points: all of them if ok; else 0, or the part of them that the assignment grants, or a person did.
        of: how many there were.
        message: what the student is told.
        misconception: the name of the one that was recognised, if one was.
        case: the first input on which the answer is wrong, or did not end, counted from 1.
        cases: how many inputs there were.
    """

    exercise: str
    status: Status
    points: float
    of: int
    message: str
    misconception: str | None = None
    case: int | None = None
    cases: int = 0

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status must be one of {', '.join(STATUSES)}, got {self.status!r}")
        if not (self.points == self.of if self.status == "ok" else 0 <= self.points <= self.of):
            raise ValueError(
                f"points must be {self.of} where the status is ok and else less, got {self.points}"
            )


@dataclass(frozen=True)
class StudentMarks:
    """All the marks of one student.

    Attributes:
        student: the id.
        handed_in: ISO 8601 in UTC, or "" where nobody knows.
        marks: one per exercise, in the assignment's order.
        problem: why nothing could be marked, or "".
        notes: what else happened as the notebook ran.
        doubt: what is odd about the time of the hand-in, or "".
    """

    student: str
    handed_in: str
    marks: tuple[Mark, ...]
    problem: str = ""
    notes: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def total(self) -> float:
        """Points of all exercises."""
        return sum(mark.points for mark in self.marks)

    @property
    def of(self) -> int:
        """Points there were."""
        return sum(mark.of for mark in self.marks)

    @property
    def needs_a_person(self) -> list[str]:
        """A line for each thing that could not be marked; empty if all could."""
        doubts = [self.doubt] if self.doubt else []
        undecided = [m for m in self.marks if m.status in UNDECIDED]
        if self.problem and undecided:
            return [self.problem, *doubts]
        return [f"{m.exercise}: {m.status}. {m.message}" for m in undecided] + doubts

    @property
    def decisions(self) -> list[str]:
        """A line for each mark that a person set."""
        return [
            f"{m.exercise}: {m.points:g} of {m.of} by decision{f': {m.message}' if m.message else ''}"
            for m in self.marks
            if m.status == "decided"
        ]

    def as_data(self) -> dict[str, Any]:
        """Plain data, from which `from_data` makes the same marks."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> StudentMarks:
        """Make the marks that `as_data` took apart.

        Raises:
            ValueError, TypeError, KeyError: if they were not made by it.
        """
        marks = tuple(Mark(**mark) for mark in data["marks"])
        return cls(**(data | {"marks": marks, "notes": tuple(data["notes"])}))


def nothing_marked(
    assignment: Assignment, student: str, handed_in: str, status: Status, problem: str, doubt: str = ""
) -> StudentMarks:
    """The marks of a student whose submission cannot be marked at all."""
    marks = tuple(Mark(item.exercise, status, 0, item.points, problem) for item in assignment.items)
    return StudentMarks(student, handed_in, marks, problem, doubt=doubt)


def as_csv(assignment: Assignment, everyone: Sequence[StudentMarks]) -> str:
    """The table of marks: one row per student; of each exercise status and points; total, maximum, and notes.

    A text that a spreadsheet would take for a formula is preceded by an apostrophe.
    """
    columns = [f"{item.exercise} {what}" for item in assignment.items for what in ("status", "points")]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    table.writerow(["student", "handed_in", *columns, "total", "of", "note"])
    for student in everyone:
        cells = [value for mark in student.marks for value in (mark.status, mark.points)]
        note = "; ".join([*student.needs_a_person, *student.decisions])
        row = [student.student, student.handed_in, *cells, student.total, student.of, note]
        table.writerow([no_formula(value) for value in row])
    return text.getvalue()


def no_formula(value: object) -> object:
    """The value, as a text that no spreadsheet runs, whichever character it takes for a separator.

    Numbers are left alone.
    """
    return _FORMULA.sub(r"\1'\2", value) if isinstance(value, str) else value


def with_formulas(text: str) -> str:
    """The text that `no_formula` made safe, as it was."""
    before = re.sub(r"((?:^|[;,\t|\r\n])\s*)'(?=[=+\-@])", r"\1", text)
    return before if no_formula(before) == text else text


def file_name(student: str) -> str:
    """A student's id as the name of a file: shortened, with a hash, where it is too long for one."""
    if len(student.encode()) <= LONGEST_NAME and "/" not in student and student not in (".", ".."):
        return student
    start = re.sub(r"[^\w-]", "_", student).encode()[: LONGEST_NAME // 2].decode(errors="ignore")
    return f"{start}-{hashlib.sha256(student.encode()).hexdigest()[:12]}"
