"""A folder of submissions becomes marks: all of them, with reasons, and the same after an interruption."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from small_submissions import ASSIGNMENT, BLANK, FORCING, LOSS, PREDICTION, RIGHT, RNN, hand_in, notebook

from course_classroom import grade as grading
from course_classroom.assignment import write
from course_classroom.grade import main
from course_classroom.marks import NOT_MARKED
from course_classroom.sandbox import Sandbox, SandboxError
from course_lib.plots import INK

NASTY = "<script>alert('x')</script> [click](javascript:x)"


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """A class in which everything happens once, marked by the command; holds submissions/ and out/."""
    folder = tmp_path_factory.mktemp("class")
    class_of = folder / "submissions"
    hand_in(class_of, "ada", notebook(RIGHT))
    hand_in(class_of, "ben", notebook(BLANK))
    wrong = {
        FORCING: "def teacher_forcing(t, s):\n    return t, t",
        RNN: f"def rnn_step(*a):\n    raise ValueError({NASTY!r})",
        PREDICTION: "steps = 0",
    }
    hand_in(class_of, "cyd", notebook(RIGHT | wrong))
    without = {item: source for item, source in RIGHT.items() if item is not LOSS}
    hand_in(class_of, "deleted", notebook(without))
    hand_in(class_of, "another", notebook(RIGHT, name="week2"))
    hand_in(class_of / "hand_in_again", "week1", notebook(RIGHT))
    hand_in(class_of, "hand_in_again", notebook(RIGHT))
    hand_in(class_of / "by_nbgrader", "week1", notebook(RIGHT))
    (class_of / "fay.ipynb").write_text(json.dumps(notebook(RIGHT)), "utf-8")
    (class_of / "Fay").mkdir()
    shutil.copy(class_of / "ada" / "week1.ipynb", class_of / "Fay" / "renamed by a browser (1).ipynb")
    (class_of / "empty").mkdir()
    (class_of / "zipped.zip").write_bytes(b"PK\x03\x04" + bytes(1000))
    (class_of / "bomb.ipynb").write_text("[" * 100_000, "utf-8")
    (class_of / "huge.ipynb").touch()
    os.truncate(class_of / "huge.ipynb", 2**30)
    (class_of / "old.ipynb").write_text('{"nbformat": 3, "worksheets": []}', "utf-8")
    (class_of / "linked").mkdir()
    (class_of / "linked" / "week1.ipynb").symlink_to(class_of / "ada" / "week1.ipynb")
    (class_of / "piped").mkdir()
    os.mkfifo(class_of / "piped" / "week1.ipynb")
    (class_of / ".DS_Store").touch()
    write(ASSIGNMENT, folder / "assignment.json")
    assert main([str(folder / name) for name in ("assignment.json", "submissions", "out")]) == 1
    return folder


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "out" / "marks.csv").open(newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def statuses(row: dict[str, str]) -> list[str]:
    return [row[f"{item.exercise} status"] for item in ASSIGNMENT.items]


def test_nobody_is_lost(graded):
    names = {path.stem if path.is_file() else path.name for path in (graded / "submissions").glob("[!.]*")}
    assert {name.casefold() for name in rows(graded)} == {name.casefold() for name in names}


@pytest.mark.parametrize(
    ("student", "expected", "total"),
    [
        ("ada", ["ok"] * 4, "8"),
        ("ben", ["unanswered"] * 4, "0"),
        ("cyd", ["wrong", "wrong", "wrong", "ok"], "3"),
        ("deleted", ["ok", "ok", "ok", "missing"], "5"),
        ("by_nbgrader", ["ok"] * 4, "8"),
    ],
)
def test_each_exercise_has_its_status(graded, student, expected, total):
    row = rows(graded)[student]
    assert statuses(row) == expected
    assert (row["total"], row["of"]) == (total, "8")


@pytest.mark.parametrize(
    ("student", "status", "reason"),
    [
        ("another", "unreadable", "belongs to assignment 'week2', not 'week1'"),
        ("hand_in_again", "unreadable", "several notebooks were handed in: week1.ipynb, week1/week1.ipynb"),
        ("Fay", "unreadable", "handed in 2 times under one id"),
        ("empty", "missing", "the folder holds no notebook"),
        ("zipped", "unreadable", "zipped.zip is not a zip that can be read"),
        ("bomb", "unreadable", "it is not JSON"),
        ("huge", "unreadable", "huge.ipynb has 1024 MiB; 20 MiB is the most"),
        ("old", "unreadable", "not a notebook of format 4"),
        ("linked", "unreadable", "week1.ipynb is a link"),
        ("piped", "unreadable", "week1.ipynb is not a file"),
    ],
)
def test_what_cannot_be_marked_is_listed_with_its_reason(graded, student, status, reason):
    row = rows(graded)[student]
    assert statuses(row) == [status] * 4
    assert reason in row["note"]
    assert "could not be marked" in (graded / "out" / "feedback" / f"{student}.md").read_text()
    overview = (graded / "out" / "overview.md").read_text().replace("\\", "")
    assert f"- {student}: " in overview
    assert reason in overview


def test_a_deleted_answer_needs_a_person(graded):
    assert "its cell is gone" in rows(graded)["deleted"]["note"]
    assert {"missing", "crash", "unreadable", "look"} == set(NOT_MARKED)


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.tags.add(tag)


def test_feedback_gives_the_hint_but_no_test(graded):
    for ending in ("md", "html"):
        page = (graded / "out" / "feedback" / f"cyd.{ending}").read_text()
        assert "The decoder reads the very token it is asked for" in page
        assert "3 of 8 points" in page
        for secret in ("4711", "the answer leaks", "def ", "reference", "lambda"):
            assert secret not in page, secret


def test_what_a_student_wrote_is_shown_and_not_run(graded):
    page = (graded / "out" / "feedback" / "cyd.html").read_text()
    assert "alert(" in page
    assert "script" not in _Tags(page).tags
    markdown = (graded / "out" / "feedback" / "cyd.md").read_text()
    assert "<script" not in markdown.replace("\\<", "")
    assert "[click](" not in markdown


def test_the_overview_counts_misconceptions_and_draws_them(graded):
    page = (graded / "out" / "overview.md").read_text()
    assert "- 1 × sequences/teacher_forcing, the answer leaks: The decoder reads" in page
    assert "| sequences/padded_loss | 3 | 3 | 0 | 1 | 0 | 0 | 2 | 9 | 0 | 0 | 0 |" in page
    assert "the answer leaks" in (graded / "out" / "overview.svg").read_text()
    html = (graded / "out" / "overview.html").read_text()
    assert 'src="overview.svg"' in html
    for link in re.findall(r'<a href="([^"]+)"', html):
        assert (graded / "out" / unquote(link)).is_file()
    assert html.count("<a href") == len(rows(graded))
    assert "1 × sequences/rnn_step: It raised ValueError" in page.replace("\\", "")
    drawing = (graded / "out" / "overview.svg").read_text()
    titles = re.findall(r'<text style="([^"]*)"[^>]*>(?:Half the class|Commonest)', drawing)
    assert len(titles) == 2
    assert all(f"fill: {INK}" in style for style in titles)


def test_feedback_reads_as_people_write(graded):
    page = (graded / "out" / "feedback" / "ada.md").read_text()
    assert re.search(r"handed in on \d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC", page)
    title = LOSS.load().title
    assert f"## {title}\n\nRight." in page
    assert f"{title}: right" not in page


def test_a_second_run_marks_only_what_changed(graded, monkeypatch):
    table = (graded / "out" / "marks.csv").read_text()
    marked = []
    monkeypatch.setattr(
        grading, "mark", lambda cells, *_: marked.append(cells) or pytest.fail("marked again")
    )
    arguments = [str(graded / name) for name in ("assignment.json", "submissions", "out")]
    assert main(arguments) == 1
    assert marked == []
    assert (graded / "out" / "marks.csv").read_text() == table
    monkeypatch.undo()
    real = grading.mark
    monkeypatch.setattr(grading, "mark", lambda *given: marked.append(given) or real(*given))
    path = graded / "submissions" / "ben" / "week1.ipynb"
    before = path.stat().st_mtime
    hand_in(graded / "submissions", "ben", notebook(BLANK | {PREDICTION: RIGHT[PREDICTION]}))
    assert main(arguments) == 1
    assert len(marked) == 1
    assert rows(graded)["ben"]["total"] == "1"
    hand_in(graded / "submissions", "ben", notebook(BLANK))
    os.utime(path, (before, before))
    assert main(arguments) == 1
    assert (graded / "out" / "marks.csv").read_text() == table


def test_killed_half_way_and_resumed_gives_the_same_marks(tmp_path):
    for number in range(3):
        path = hand_in(tmp_path / "submissions", f"s{number}", notebook(RIGHT | {RNN: BLANK[RNN]}))
        os.utime(path, (1.8e9 - 4e7, 1.8e9 - 4e7))
    write(ASSIGNMENT, tmp_path / "assignment.json")
    command = [
        sys.executable,
        "-c",
        "import sys; from course_classroom.grade import main; sys.exit(main())",
    ]
    command += [str(tmp_path / name) for name in ("assignment.json", "submissions", "out")]
    records = tmp_path / "out" / "records"
    process = subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.DEVNULL)
    while not list(records.glob("s*.json")) and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.wait()
    done = sorted(path.name for path in records.glob("s*.json"))
    assert 1 <= len(done) < 3
    assert not (tmp_path / "out" / "marks.csv").exists()
    kept = {name: (records / name).stat().st_mtime_ns for name in done}
    assert subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    assert {name: (records / name).stat().st_mtime_ns for name in done} == kept
    resumed = (tmp_path / "out" / "marks.csv").read_text()
    assert len(resumed.splitlines()) == 4
    command[-1] += " at once"
    assert subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    assert Path(command[-1], "marks.csv").read_text() == resumed


def test_without_isolation_it_says_so_and_asks(tmp_path, monkeypatch, capsys):
    hand_in(tmp_path / "submissions", "ada", notebook(RIGHT))
    write(ASSIGNMENT, tmp_path / "assignment.json")
    monkeypatch.setattr(Sandbox, "_why_not", lambda _: "this machine does not let students' code be isolated")
    arguments = [str(tmp_path / name) for name in ("assignment.json", "submissions", "out")]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "container" in said
    assert "--without-isolation" in said
    with pytest.raises(SandboxError):
        Sandbox()
    assert main([*arguments, "--without-isolation"]) == 0
    assert rows(tmp_path)["ada"]["total"] == "8"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: shutil.rmtree(f / "submissions"), "submissions must be a folder"),
        (lambda f: shutil.rmtree(f / "submissions" / "ada"), "is empty"),
        (lambda f: (f / "assignment.json").write_text("{"), "is not an assignment"),
        (lambda f: (f / "assignment.json").unlink(), "No such file"),
        (lambda f: write(replace(ASSIGNMENT, marking_seed=None), f / "assignment.json"), "a student's copy"),
    ],
)
def test_a_wrong_input_is_one_line(tmp_path, capsys, change, message):
    hand_in(tmp_path / "submissions", "ada", notebook(RIGHT))
    write(ASSIGNMENT, tmp_path / "assignment.json")
    change(tmp_path)
    assert main([str(tmp_path / name) for name in ("assignment.json", "submissions", "out")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_out_may_not_lie_among_the_submissions(tmp_path, capsys):
    hand_in(tmp_path / "submissions", "ada", notebook(RIGHT))
    write(ASSIGNMENT, tmp_path / "assignment.json")
    places = ("assignment.json", "submissions", "submissions/out")
    assert main([str(tmp_path / name) for name in places]) == 2
    assert "out must not lie in the folder of submissions" in capsys.readouterr().err
