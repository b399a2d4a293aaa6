"""nbgrader's own commands, run on the source that a release writes: they pass, and give the same marks."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from released import release_some, some_stubs, sources

from course_classroom import release_notebook
from course_classroom.chapter_exercises import load
from course_classroom.grade import grade
from course_classroom.sandbox import Limits, Sandbox
from course_classroom.submissions import find

FORWARD = "def central_slope(f, x, h):\n    return (f(x + h) - f(x)) / h"


def nbgrader(course: Path, *arguments: str) -> str:
    """Run one of nbgrader's commands in a course's folder; its output, once it has ended well."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    places = {name: str(course / ".jupyter") for name in own}
    places["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ["PATH"]]
    )  # it calls alembic
    ran = subprocess.run(
        command, cwd=course, capture_output=True, text=True, env=os.environ | places, check=False, timeout=500
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> tuple[Path, dict[str, float], dict[str, float]]:
    """A course after all of nbgrader's commands: its folder, nbgrader's totals, and ours."""
    out = tmp_path_factory.mktemp("course") / "out"
    assignment = release_some(out)
    folder = out / "nbgrader"
    nbgrader(folder, "generate_assignment", "week1")
    released = nbformat.read(folder / "release" / "week1" / "week1.ipynb", as_version=4)
    for student, answers in honest(assignment).items():
        handed_in = nbformat.from_dict(json.loads(nbformat.writes(released)))
        for cell in handed_in.cells:
            course_part = cell.metadata.get("course_lib", {})
            if course_part.get("role") == "answer" and course_part["exercise"] in answers:
                cell.source = answers[course_part["exercise"]]
        path = folder / "submitted" / student / "week1" / "week1.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(handed_in, path)
    nbgrader(folder, "autograde", "week1")
    nbgrader(folder, "generate_feedback", "week1")
    nbgrader(folder, "export", "--to", "grades.csv")
    with (folder / "grades.csv").open(newline="") as file:
        theirs = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    with Sandbox(Limits()) as sandbox:
        everyone = grade(assignment, find(folder / "submitted", "week1"), out / "marks", sandbox)
    return folder, theirs, {student.student: float(student.total) for student in everyone}


def honest(assignment) -> dict[str, dict[str, str]]:
    """What four honest students write: everything right, nothing, a known mistake, and half."""
    right = {
        item.exercise: release_notebook.solved(item, stub, assignment.seed)
        for item, stub in zip(assignment.items, some_stubs(), strict=True)
    }
    half = dict(list(right.items())[:2])
    return {"ann": right, "bob": {}, "cem": right | {"autograd/central_slope": FORWARD}, "dot": half}


def test_all_of_nbgraders_commands_pass_and_everybody_is_in_the_table(course):
    folder, theirs, _ = course
    assert sorted(theirs) == ["ann", "bob", "cem", "dot"]
    for student in theirs:
        feedback = (folder / "feedback" / student / "week1" / "week1.html").read_text("utf-8")
        assert "week1" in feedback


def test_nbgrader_and_the_classroom_give_honest_students_the_same_marks(course):
    _, theirs, ours = course
    points = {exercise: load(exercise).points for exercise in (s.exercise for s in some_stubs())}
    full = sum(points.values())
    half = sum(list(points.values())[:2])
    assert theirs == {"ann": full, "bob": 0, "cem": full - points["autograd/central_slope"], "dot": half}
    assert ours == theirs


def test_the_released_notebook_holds_no_solution_no_hidden_test_and_no_marking_seed(course):
    folder, _, _ = course
    text = sources(folder / "release" / "week1" / "week1.ipynb")
    for secret in ("SOLUTION", "HIDDEN", "4711", "course_exercises", "f(x - h)", "math.ceil"):
        assert secret not in text
    assert "def central_slope(f, x, h):\n    # your answer here\n    ..." in text
    assert "answer_1 = ..." in text
    assert (folder / "release" / "week1" / "checker.py").exists()


def test_the_feedback_gives_the_hint(course):
    folder, _, _ = course
    hint = load("autograd/central_slope").misconceptions["forward difference"].hint
    feedback = (folder / "feedback" / "cem" / "week1" / "week1.html").read_text("utf-8")
    assert hint.partition(".")[0] in feedback
