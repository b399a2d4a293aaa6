"""How long a class takes to mark: 60 submissions of four exercises.

The class: right answers, blank ones, every misconception of the four exercises in turn, one endless loop and
one answer that kills its process.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections import Counter
from pathlib import Path

from course_classroom import release_notebook
from course_classroom.assignment import Assignment
from course_classroom.chapter_exercises import find_stubs, select
from course_classroom.grade import grade
from course_classroom.sandbox import Sandbox
from course_classroom.selftest import submissions
from course_classroom.submissions import find

STUDENTS = 60
WORKERS = 2
EXERCISES = (
    "sequences/rnn_step",
    "sequences/teacher_forcing",
    "sequences/padded_loss",
    "sequences/steps_until_a_hundredth",
)
ATTACKS = ("while True: pass", "import os\nos.kill(os.getpid(), 9)")


def hand_in(folder: Path, assignment: Assignment, students: int) -> None:
    """Write the submissions of a class, the same each time."""
    stubs = select(find_stubs(), EXERCISES)
    kinds = list(submissions(assignment, stubs).values())
    for number in range(students):
        path = folder / f"student-{number:03}" / f"{assignment.name}.ipynb"
        path.parent.mkdir(parents=True)
        content = copy.deepcopy(kinds[number % len(kinds)])
        if number < len(ATTACKS):
            answers = [c for c in content["cells"] if _role(c) == "answer"]
            answers[0]["source"] = ATTACKS[number]
        path.write_bytes(release_notebook.as_bytes(content))


def _role(cell: dict) -> str | None:
    return cell["metadata"].get("course_lib", {}).get("role")


def measure(students: int = STUDENTS, workers: int = WORKERS) -> dict[str, object]:
    """Seconds to mark a class and to mark it again, and the statuses given."""
    items = tuple(stub.item(n) for n, stub in enumerate(select(find_stubs(), EXERCISES), start=1))
    assignment = Assignment("benchmark", items, seed=2024, marking_seed=7)
    with tempfile.TemporaryDirectory() as scratch, Sandbox() as sandbox:
        folder = Path(scratch)
        hand_in(folder / "submissions", assignment, students)
        found = find(folder / "submissions", assignment.name)
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            everyone = grade(assignment, found, folder / "out", sandbox, workers=workers)
            seconds.append(round(time.perf_counter() - start, 2))
    statuses = Counter(mark.status for student in everyone for mark in student.marks)
    return {
        "students": students,
        "exercises": list(EXERCISES),
        "workers": workers,
        "seconds": seconds[0],
        "seconds_again": seconds[1],
        "statuses": dict(sorted(statuses.items())),
    }
