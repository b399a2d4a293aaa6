"""Mark a folder of submissions: ``python -m course_classroom grade assignment.json submissions out``."""

from __future__ import annotations

import hashlib
import importlib
import json
import queue
import re
import sys
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from course_classroom import feedback, overview
from course_classroom.assignment import Assignment, add_module, counted, read
from course_classroom.decisions import decided, read_decisions
from course_classroom.marking import Question, mark, questions
from course_classroom.marks import StudentMarks, as_csv, file_name, nothing_marked
from course_classroom.sandbox import Limits, Sandbox, SandboxError
from course_classroom.submissions import (
    Cell,
    Found,
    Submission,
    Unreadable,
    look_through,
    read_notebook,
    read_times,
)
from course_exercises import MACHINERY
from course_lib.command_line import OneLineParser
from course_lib.files import write_in_one_step

SOURCES = (
    *(f"course_exercises.{name}" for name in MACHINERY),
    "course_classroom.marking",
    "course_classroom.keeper",
    "course_classroom.serialization",
    "course_classroom.worker",
)


def grade(
    assignment: Assignment,
    submissions: Sequence[Submission],
    out: Path,
    sandbox: Sandbox,
    *,
    workers: int = 2,
    fresh: bool = False,
    only: Collection[str] = (),
    decisions: Path | None = None,
    found: Found | None = None,
) -> list[StudentMarks]:
    """Mark every submission, keep each one's marks as soon as they are known, and write all pages.

    A submission whose file, assignment, exercises and marking are those of its kept marks is not marked
    again, so a run that was interrupted goes on where it stopped. Nothing that is the matter with one
    submission keeps another from being marked.

    Args:
        assignment: the instructor's copy.
        submissions: from `find`, at least one.
        out: folder for ``marks.csv``, the overview, ``feedback/`` and ``records/``; made where missing.
        sandbox: where students' code runs.
        workers: how many at a time.
        fresh: mark all again.
        only: mark these students, whether or not anything has changed, and leave the others as they are.
        decisions: a CSV of what a person decided; by default ``decisions.csv`` in `out`, where there is one.
        found: what else lay among the submissions, for the overview.

    Returns:
        Marks of every student, in the order given.

    Raises:
        ValueError: if `workers` is below 1, there is no submission, `only` or `decisions` names somebody who
            handed in nothing, or the assignment cannot be marked.
        SandboxError: if no worker can be started.
        OSError: if `out` cannot be written.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if not submissions:
        raise ValueError("submissions must hold at least one, got none")
    students = [submission.student for submission in submissions]
    strangers = sorted(set(only) - set(students))
    if strangers:
        raise ValueError(f"only must name students who handed in, got {strangers[0]!r}")
    made = read_decisions(decisions or out / "decisions.csv", assignment, students)
    asked = questions(assignment)
    marking = _fingerprint(assignment, sandbox)
    for folder in (out / "records", out / "feedback"):
        folder.mkdir(parents=True, exist_ok=True)
    done: dict[str, StudentMarks] = {}
    to_mark: list[_Work] = []
    for submission in submissions:
        work = _prepared(assignment, submission, out / "records", marking)
        if isinstance(work, StudentMarks):
            done[submission.student] = work
            continue
        again = fresh or submission.student in only
        kept = None if again else _kept(work.record, None if only else work.key)
        if kept is not None:
            done[submission.student] = kept
        elif only and not again:
            told = "not marked yet: run grade without --only"
            done[submission.student] = nothing_marked(
                assignment, submission.student, submission.when, "busy", told, submission.doubt
            )
        else:
            to_mark.append(work)
    for student in _mark_all(to_mark, assignment, asked, sandbox, workers, already=len(done)):
        done[student.student] = student
    everyone = [decided(done[student], made) for student in students]
    write_pages(assignment, everyone, out, found)
    return everyone


@dataclass(frozen=True)
class _Work:
    """A submission that is to be marked, and where its marks are kept under which key."""

    submission: Submission
    cells: list[Cell]
    record: Path
    key: str


def _prepared(
    assignment: Assignment, submission: Submission, records: Path, marking: str
) -> _Work | StudentMarks:
    """What there is to mark; or the marks, where nothing can be."""
    status, problem = submission.status, submission.problem
    if status is None and submission.file is not None:
        try:
            cells, content = read_notebook(submission.file, assignment)
        except Unreadable as error:
            status, problem = "unreadable", str(error)
        except Exception as error:  # one submission never stops the class
            status, problem = "unreadable", f"reading it failed: {type(error).__name__}"
        else:
            key = f"{content} {submission.when} {submission.doubt} {marking}"
            return _Work(submission, cells, records / f"{file_name(submission.student)}.json", key)
    return nothing_marked(
        assignment, submission.student, submission.when, status or "missing", problem, submission.doubt
    )


def write_pages(
    assignment: Assignment, everyone: Sequence[StudentMarks], out: Path, found: Found | None = None
) -> None:
    """Write the table of marks, the overview with its figure, and a feedback page for each student."""
    write_in_one_step(out / "marks.csv", as_csv(assignment, everyone).encode())
    data = {"assignment": assignment.name, "students": [student.as_data() for student in everyone]}
    write_in_one_step(out / "marks.json", (json.dumps(data, indent=1) + "\n").encode())
    also = found or Found([])
    write_in_one_step(out / "overview.md", overview.as_markdown(assignment, everyone, also).encode())
    write_in_one_step(out / "overview.html", overview.as_html(assignment, everyone, also).encode())
    write_in_one_step(out / overview.FIGURE_NAME, overview.figure(everyone))
    for student in everyone:
        for ending, text in (("md", feedback.as_markdown), ("html", feedback.as_html)):
            path = out / "feedback" / f"{file_name(student.student)}.{ending}"
            write_in_one_step(path, text(assignment, student).encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was marked, 1 if something needs a person, 2 for an input that is wrong."""
    parser = OneLineParser(prog="python -m course_classroom grade", description=__doc__)
    parser.add_argument("assignment", type=Path, help="the instructor's assignment.json")
    parser.add_argument(
        "submissions", type=Path, help="a folder, or a zip of one, with a notebook or a folder per student"
    )
    parser.add_argument("out", type=Path, help="folder for marks.csv, overview and feedback")
    parser.add_argument("--module", type=Path, metavar="FILE", help="your own exercises, if some are asked")
    parser.add_argument("--pattern", help="regular expression with a group student, for names of folders")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="STUDENT", help="mark these again, and nobody else"
    )
    parser.add_argument("--decisions", type=Path, help="CSV; by default decisions.csv in out")
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
        if given.module:
            add_module(given.module)
        assignment = read(given.assignment)
        if given.out.resolve().is_relative_to(given.submissions.resolve()):
            raise ValueError(f"out must not lie in the folder of submissions, got {given.out}")
        times = read_times(given.times) if given.times else None
        found = look_through(
            given.submissions, assignment.name, times, _pattern(given.pattern), assignment.released_at
        )
        limits = Limits(
            cell_seconds=given.cell_seconds, call_seconds=given.call_seconds, patience=given.patience
        )
        hidden = (given.assignment.parent, given.submissions, given.out)
        with _sandbox(limits, hidden, isolated=not given.without_isolation) as sandbox:
            everyone = grade(
                assignment, found.submissions, given.out, sandbox, workers=given.workers, fresh=given.fresh,
                only=given.only, decisions=given.decisions, found=found,
            )  # fmt: skip
    except (ValueError, TypeError, OSError, SandboxError) as error:
        print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    needs = sum(bool(student.needs_a_person) for student in everyone)
    for name in found.passed_over:
        print(f"passed over: {name!r} is no student's", file=sys.stderr)
    if found.without_student:
        print(f"times for nobody who handed in: {', '.join(found.without_student)}", file=sys.stderr)
    print(
        f"{counted(len(everyone), 'submission')}: {len(everyone) - needs} marked, {needs} "
        f"{'needs' if needs == 1 else 'need'} a person; see {given.out}"
    )
    return 1 if needs else 0


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ValueError(f"pattern must be a regular expression, got {text!r}: {error}") from error
    if "student" not in pattern.groupindex:
        raise ValueError(f"pattern must have a group (?P<student>…), got {text!r}")
    return pattern


def _sandbox(limits: Limits, hidden: Sequence[Path], *, isolated: bool) -> Sandbox:
    try:
        return Sandbox(limits, isolated=isolated, hidden=hidden)
    except SandboxError as error:
        raise SandboxError(
            f"{error}. Mark in a Linux container that may make namespaces, or say --without-isolation to run "
            "students' code with your own rights"
        ) from error


def _mark_all(
    to_mark: list[_Work],
    assignment: Assignment,
    asked: list[Question],
    sandbox: Sandbox,
    workers: int,
    already: int,
) -> list[StudentMarks]:
    """Mark side by side; each student's record is on the disk before the bar moves on."""
    places: queue.SimpleQueue[int] = queue.SimpleQueue()
    for place in range(workers):
        places.put(place)

    def one(work: _Work) -> StudentMarks:
        place, submission = places.get(), work.submission
        try:
            marks, notes = mark(work.cells, asked, sandbox, place)
        except (SandboxError, MemoryError):
            raise
        except Exception as error:  # one submission never stops the class
            problem = f"the marking itself stopped with {type(error).__name__}; please report it"
            return nothing_marked(
                assignment, submission.student, submission.when, "crash", problem, submission.doubt
            )
        finally:
            places.put(place)
        student = StudentMarks(
            submission.student, submission.when, tuple(marks), notes=tuple(notes), doubt=submission.doubt
        )
        if not any(mark.status == "busy" for mark in marks):  # else the next run marks it again
            content = json.dumps({"key": work.key, "marks": student.as_data()})
            write_in_one_step(work.record, content.encode())
        return student

    bar = tqdm(total=already + len(to_mark), initial=already, unit="submission", disable=None)
    with bar, ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(one, work) for work in to_mark]
        try:
            marked = []
            for future in as_completed(futures):
                marked.append(future.result())
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return marked


def _kept(record: Path, key: str | None) -> StudentMarks | None:
    """The marks kept for this very submission and marking, or None; without a key, whatever is kept."""
    try:
        content = json.loads(record.read_text("utf-8"))
        return StudentMarks.from_data(content["marks"]) if key in (None, content["key"]) else None
    except (OSError, ValueError, TypeError, KeyError):  # absent, or cut off: mark again
        return None


def _fingerprint(assignment: Assignment, sandbox: Sandbox) -> str:
    """A hash of all that marks depend on besides the notebook."""
    names = {f"course_exercises.{item.exercise.partition('/')[0]}" for item in assignment.items} | set(
        SOURCES
    )
    content = hashlib.sha256(repr((assignment, sandbox.limits, sandbox.isolated)).encode())
    for name in sorted(names):
        content.update(Path(importlib.import_module(name).__file__).read_bytes())
    return content.hexdigest()
