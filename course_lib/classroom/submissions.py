"""Finding what was handed in, and reading it without believing it."""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from course_lib.classroom.assignment import Assignment

LARGEST_NOTEBOOK = 20 * 2**20
MOST_CELLS = 1000


class Unreadable(ValueError):
    """A file that is no notebook of this assignment; the message says why."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes:
        student: the id, as the folder or the file is named.
        path: the notebook, or None where there is not exactly one.
        handed_in: when, in UTC; None if nobody knows.
        status: "unreadable" or "missing" where it cannot be marked at all, else None.
        problem: why, in words.
    """

    student: str
    path: Path | None
    handed_in: datetime.datetime | None = None
    status: Literal["unreadable", "missing"] | None = None
    problem: str = ""

    @property
    def when(self) -> str:
        """The time in ISO 8601, or "" where nobody knows."""
        return "" if self.handed_in is None else self.handed_in.isoformat()


@dataclass(frozen=True)
class Cell:
    """A code cell: its number among all cells from 1, its source, and the exercise it answers, if any."""

    number: int
    source: str
    exercise: str | None


def find(folder: Path, name: str, times: dict[str, datetime.datetime] | None = None) -> list[Submission]:
    """List the submissions below a folder, one a student, in the order of their ids.

    A student is a folder that holds ``<name>.ipynb``, ``<name>/<name>.ipynb`` or one notebook of any name, or
    is a file ``<student>.ipynb``. Hidden files are passed over; nothing else is.

    Args:
        folder: the folder of submissions.
        name: the assignment's.
        times: by student, when they handed in; by default, when the file was last written.

    Raises:
        ValueError: if `folder` is no folder, or holds no submission.

    Taught in: "For instructors".
    """
    if not folder.is_dir():
        raise ValueError(f"submissions must be a folder, got {folder}")
    found: dict[str, list[Submission]] = {}
    for entry in sorted(folder.iterdir()):
        if not entry.name.startswith((".", "__MACOSX")):
            submission = _of_entry(entry, name, times or {})
            key = unicodedata.normalize("NFC", submission.student).casefold()
            found.setdefault(key, []).append(submission)
    if not found:
        raise ValueError(f"submissions must hold at least one, {folder} is empty")
    return [_only(same_student, folder) for _, same_student in sorted(found.items())]


def read_times(path: Path) -> dict[str, datetime.datetime]:
    """Read when students handed in, from a CSV with the columns ``student`` and ``handed_in`` (ISO 8601).

    A time without a zone is taken as UTC.

    Raises:
        OSError: if the file cannot be opened.
        ValueError: naming the line that is wrong.
    """
    times = {}
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"student", "handed_in"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} must have the columns student and handed_in, got {rows.fieldnames}")
        for row in rows:
            try:
                time = datetime.datetime.fromisoformat(row["handed_in"])
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"{path}, line {rows.line_num}: handed_in must be a time such as 2027-01-31T23:59:00Z, "
                    f"got {row['handed_in']!r}"
                ) from error
            times[row["student"]] = time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
    return times


def read_notebook(path: Path, assignment: Assignment) -> tuple[list[Cell], str]:
    """The code cells of a submission, checks left out, and the SHA-256 of the file.

    Args:
        path: a regular file of at most 20 MiB.
        assignment: what it should be a notebook of.

    Raises:
        Unreadable: if it is a link or no plain file, too large, no JSON, no notebook of format 4, of another
            assignment, or has more than 1000 cells.

    Taught in: "For instructors".
    """
    content = _bytes(path)
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path.name} is not a notebook: it is not JSON") from error
    if (
        not isinstance(notebook, dict)
        or notebook.get("nbformat") != 4
        or _is_not(list, notebook.get("cells"))
    ):
        raise Unreadable(f"{path.name} is not a notebook of format 4")
    if len(notebook["cells"]) > MOST_CELLS:
        raise Unreadable(f"{path.name} has {len(notebook['cells'])} cells; {MOST_CELLS} is the most")
    names = {item.exercise for item in assignment.items}
    cells = [_cell(number, cell, names) for number, cell in enumerate(notebook["cells"], start=1)]
    given = _course(notebook).get("assignment")
    if given != assignment.name and not (given is None and any(c and c.exercise for c in cells)):
        what = "no assignment's" if given is None else f"assignment {str(given)[:60]!r}"
        raise Unreadable(f"{path.name} is {what}, not {assignment.name!r}")
    return [cell for cell in cells if cell is not None], hashlib.sha256(content).hexdigest()


def _of_entry(entry: Path, name: str, times: dict[str, datetime.datetime]) -> Submission:
    if entry.is_dir() and not entry.is_symlink():
        named = [path for path in (entry / f"{name}.ipynb", entry / name / f"{name}.ipynb") if path.exists()]
        notebooks = named or [
            p for p in sorted(entry.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts
        ]
        if not notebooks:
            return Submission(entry.name, None, status="missing", problem="the folder holds no notebook")
        if len(notebooks) > 1:
            listed = ", ".join(str(path.relative_to(entry)) for path in notebooks[:5])
            problem = f"several notebooks were handed in: {listed}"
            return Submission(entry.name, None, status="unreadable", problem=problem)
        return _dated(entry.name, notebooks[0], times)
    if entry.suffix == ".ipynb":
        return _dated(entry.stem, entry, times)
    problem = f"{entry.name} is neither a notebook nor a folder"
    return Submission(entry.stem, None, status="unreadable", problem=problem)


def _dated(student: str, path: Path, times: dict[str, datetime.datetime]) -> Submission:
    written = datetime.datetime.fromtimestamp(int(path.lstat().st_mtime), datetime.UTC)
    return Submission(student, path, times.get(student, written))


def _only(submissions: list[Submission], folder: Path) -> Submission:
    if len(submissions) == 1:
        return submissions[0]
    places = [str(s.path.relative_to(folder)) if s.path else s.student for s in submissions]
    problem = f"handed in {len(submissions)} times under one id: {', '.join(places)}"
    return Submission(submissions[0].student, None, status="unreadable", problem=problem)


def _bytes(path: Path) -> bytes:
    """All of a regular file; a link, or a pipe that would never end, is not opened."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        reason = "is a link" if path.is_symlink() else f"cannot be opened ({error.strerror})"
        raise Unreadable(f"{path.name} {reason}") from error
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable(f"{path.name} is not a file")
        if about.st_size > LARGEST_NOTEBOOK:
            size = about.st_size // 2**20
            raise Unreadable(f"{path.name} has {size} MiB; {LARGEST_NOTEBOOK // 2**20} MiB is the most")
        return file.read()


def _is_not(kind: type, value: Any) -> bool:
    return not isinstance(value, kind)


def _course(thing: dict[str, Any]) -> dict[str, Any]:
    """The course's own part of the metadata of a notebook or cell; empty where there is none."""
    part: Any = thing
    for key in ("metadata", "course_lib"):
        part = part.get(key) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else {}


def _cell(number: int, cell: Any, names: set[str]) -> Cell | None:
    """The code cell, or None for what is not run: text, and the checks that the student was given."""
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return None
    source, course = cell.get("source"), _course(cell)
    source = "".join(map(str, source)) if isinstance(source, list) else source
    if not isinstance(source, str) or course.get("role") in ("check", "question"):
        return None
    exercise = course.get("exercise")
    is_answer = course.get("role") == "answer" and isinstance(exercise, str) and exercise in names
    return Cell(number, source, exercise if is_answer else None)
