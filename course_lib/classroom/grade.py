"""Mark a folder of submissions: ``python -m course_lib.classroom grade assignment.json submissions out``."""

from __future__ import annotations

import hashlib
import importlib
import json
import queue
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from course_lib.classroom import feedback, overview
from course_lib.classroom.assignment import Assignment, read
from course_lib.classroom.marking import Question, mark, questions
from course_lib.classroom.marks import StudentMarks, as_csv, nothing_marked
from course_lib.classroom.sandbox import Limits, Sandbox, SandboxError
from course_lib.classroom.submissions import Cell, Submission, Unreadable, find, read_notebook, read_times
from course_lib.commands.one_line_parser import OneLineParser
from course_lib.files import write_in_one_step

SOURCES = (
    "exercises.exercise",
    "exercises.comparison",
    "classroom.marking",
    "classroom.keeper",
    "classroom.wire",
    "exercises.judging",
    "classroom.worker",
)


def grade(
    assignment: Assignment,
    submissions: Sequence[Submission],
    out: Path,
    sandbox: Sandbox,
    *,
    workers: int = 2,
    fresh: bool = False,
) -> list[StudentMarks]:
    """Mark every submission, keep each one's marks as soon as they are known, and write all pages.

    A submission whose file, assignment, exercises and marking are those of its kept marks is not marked
    again, so a run that was interrupted goes on where it stopped.

    Args:
        assignment: the instructor's copy.
        submissions: from `find`, at least one.
        out: folder for ``marks.csv``, the overview, ``feedback/`` and ``records/``; made where missing.
        sandbox: where students' code runs.
        workers: how many at a time.
        fresh: mark all again.

    Returns:
        Marks of every student, in the order given.

    Raises:
        ValueError: if `workers` is below 1, there is no submission, or the assignment cannot be marked.
        SandboxError: if no worker can be started.
        OSError: if `out` cannot be written.

    Taught in: "For instructors".
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if not submissions:
        raise ValueError("submissions must hold at least one, got none")
    asked = questions(assignment)
    marking = _fingerprint(assignment, sandbox)
    for folder in (out / "records", out / "feedback"):
        folder.mkdir(parents=True, exist_ok=True)
    done: dict[str, StudentMarks] = {}
    to_mark: list[tuple[Submission, list[Cell], Path, str]] = []
    for submission in submissions:
        if submission.status is not None or submission.path is None:
            status = submission.status or "missing"
            done[submission.student] = nothing_marked(
                assignment, submission.student, submission.when, status, submission.problem
            )
            continue
        try:
            cells, content = read_notebook(submission.path, assignment)
        except Unreadable as error:
            done[submission.student] = nothing_marked(
                assignment, submission.student, submission.when, "unreadable", str(error)
            )
            continue
        record, key = out / "records" / f"{submission.student}.json", f"{content} {submission.when} {marking}"
        kept = None if fresh else _kept(record, key)
        if kept is not None:
            done[submission.student] = kept
        else:
            to_mark.append((submission, cells, record, key))
    for student in _mark_all(to_mark, asked, sandbox, workers, already=len(done)):
        done[student.student] = student
    everyone = [done[submission.student] for submission in submissions]
    write_pages(assignment, everyone, out)
    return everyone


def write_pages(assignment: Assignment, everyone: Sequence[StudentMarks], out: Path) -> None:
    """Write the table of marks, the overview with its figure, and a feedback page a student."""
    write_in_one_step(out / "marks.csv", as_csv(assignment, everyone).encode())
    write_in_one_step(out / "overview.md", overview.as_markdown(assignment, everyone).encode())
    write_in_one_step(out / "overview.html", overview.as_html(assignment, everyone).encode())
    write_in_one_step(out / overview.FIGURE_NAME, overview.figure(everyone))
    for student in everyone:
        for ending, text in (("md", feedback.as_markdown), ("html", feedback.as_html)):
            path = out / "feedback" / f"{student.student}.{ending}"
            write_in_one_step(path, text(assignment, student).encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was marked, 1 if something needs a person, 2 for an input that is wrong."""
    parser = OneLineParser(prog="python -m course_lib.classroom grade", description=__doc__)
    parser.add_argument("assignment", type=Path, help="the instructor's assignment.json")
    parser.add_argument(
        "submissions", type=Path, help="a folder with a notebook or a folder for each student"
    )
    parser.add_argument("out", type=Path, help="folder for marks.csv, overview and feedback")
    parser.add_argument("--times", type=Path, help="CSV with the columns student and handed_in")
    parser.add_argument("--workers", type=int, default=2, help="submissions at a time (default 2)")
    for name, what in (("cell", "a cell"), ("call", "a call of an answer")):
        default = getattr(Limits, f"{name}_seconds")
        parser.add_argument(
            f"--{name}-seconds", type=float, default=default, help=f"processor time of {what}"
        )
    parser.add_argument(
        "--patience",
        type=float,
        default=Limits.patience,
        help="seconds by the clock for each second of processor time (default 10)",
    )
    parser.add_argument("--fresh", action="store_true", help="mark all again, also what has not changed")
    parser.add_argument(
        "--without-isolation",
        action="store_true",
        help="run students' code with your own rights, where it can read, write and send what you can",
    )
    given = parser.parse_args(arguments)
    try:
        assignment = read(given.assignment)
        if given.out.resolve().is_relative_to(given.submissions.resolve()):
            raise ValueError(f"out must not lie in the folder of submissions, got {given.out}")
        times = read_times(given.times) if given.times else None
        found = find(given.submissions, assignment.name, times)
        limits = Limits(
            cell_seconds=given.cell_seconds, call_seconds=given.call_seconds, patience=given.patience
        )
        hidden = (given.assignment.parent, given.submissions, given.out)
        with _sandbox(limits, hidden, isolated=not given.without_isolation) as sandbox:
            everyone = grade(assignment, found, given.out, sandbox, workers=given.workers, fresh=given.fresh)
    except (ValueError, TypeError, OSError, SandboxError) as error:
        print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    needs = sum(bool(student.needs_a_person) for student in everyone)
    print(
        f"{len(everyone)} submissions: {len(everyone) - needs} marked, {needs} need a person; see {given.out}"
    )
    return 1 if needs else 0


def _sandbox(limits: Limits, hidden: Sequence[Path], *, isolated: bool) -> Sandbox:
    try:
        return Sandbox(limits, isolated=isolated, hidden=hidden)
    except SandboxError as error:
        raise SandboxError(
            f"{error}. Mark in a Linux container that may make namespaces, or say --without-isolation to run "
            "students' code with your own rights"
        ) from error


def _mark_all(
    to_mark: list[tuple[Submission, list[Cell], Path, str]],
    asked: list[Question],
    sandbox: Sandbox,
    workers: int,
    already: int,
) -> list[StudentMarks]:
    """Mark side by side; each student's record is on the disk before the bar moves on."""
    places: queue.SimpleQueue[int] = queue.SimpleQueue()
    for place in range(workers):
        places.put(place)

    def one(submission: Submission, cells: list[Cell], record: Path, key: str) -> StudentMarks:
        place = places.get()
        try:
            marks, notes = mark(cells, asked, sandbox, place)
        finally:
            places.put(place)
        student = StudentMarks(submission.student, submission.when, tuple(marks), notes=tuple(notes))
        if not any(mark.status == "busy" for mark in marks):  # else the next run marks it again
            write_in_one_step(record, json.dumps({"key": key, "marks": student.as_data()}).encode())
        return student

    bar = tqdm(total=already + len(to_mark), initial=already, unit="submission", disable=None)
    with bar, ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(one, *work) for work in to_mark]
        try:
            marked = []
            for future in as_completed(futures):
                marked.append(future.result())
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return marked


def _kept(record: Path, key: str) -> StudentMarks | None:
    """The marks kept for this very submission and marking, or None."""
    try:
        content = json.loads(record.read_text("utf-8"))
        return StudentMarks.from_data(content["marks"]) if content["key"] == key else None
    except (OSError, ValueError, TypeError, KeyError):  # absent, or cut off: mark again
        return None


def _fingerprint(assignment: Assignment, sandbox: Sandbox) -> str:
    """A hash of all that marks depend on besides the notebook."""
    names = {f"exercises.{item.exercise.partition('/')[0]}" for item in assignment.items} | set(SOURCES)
    content = hashlib.sha256(repr((assignment, sandbox.limits, sandbox.isolated)).encode())
    for name in sorted(names):
        content.update(Path(importlib.import_module(f"course_lib.{name}").__file__).read_bytes())
    return content.hexdigest()
