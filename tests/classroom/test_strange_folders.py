"""Whatever lies among the submissions, the others' marks are the same, and no link leads anywhere."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import random
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_submissions import ASSIGNMENT, BLANK, RIGHT, RNN, hand_in, notebook

from course_classroom import grade as grading
from course_classroom.assignment import write
from course_classroom.grade import grade, main
from course_classroom.sandbox import Limits, Sandbox
from course_classroom.submissions import Unreadable, find, look_through, read_notebook

SOLVED = json.dumps(notebook(RIGHT)).encode()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(cell_seconds=8, call_seconds=6)) as made:
        yield made


def zipped(files: dict[str, bytes], links: tuple[str, ...] = ()) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, date_time=(2026, 3, 1, 12, 0, 0))
            entry.external_attr = ((stat.S_IFLNK if name in links else stat.S_IFREG) | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return content.getvalue()


def strange(folder: Path, kind: int, student: str) -> None:
    """Put one strange thing in the place of a student's submission."""
    place = folder / student
    if kind == 0:
        (place / "week1.ipynb").mkdir(parents=True)
    elif kind == 1:
        folder.joinpath(("x" * 200 + student)[-230:] + ".ipynb").write_bytes(b"[" * 5000)
    elif kind == 2:
        (place / "week1").mkdir(parents=True)
        (place / "week1" / "week1.ipynb").symlink_to("/etc/passwd")
    elif kind == 3:
        place.symlink_to(folder.parent)
    elif kind == 4:
        place.mkdir()
        (place / "week1").symlink_to(folder / "ada")
    elif kind == 5:
        os.mkdir(os.fsencode(place) + b"\xff\xfe")
    elif kind == 6:
        place.mkdir()
        os.mkfifo(place / "week1.ipynb")
    elif kind == 7:
        hand_in(folder, student, {"nbformat": 4, "cells": [{"cell_type": "code", "source": {"a": 1}}, 7]})
    elif kind == 8:
        (folder / f"{student}.zip").write_bytes(zipped({"../week1.ipynb": SOLVED, "/a.ipynb": SOLVED}))
    elif kind == 9:
        (folder / f"{student}.zip").write_bytes(b"PK\x03\x04" + bytes(500))
    elif kind == 10:
        hand_in(folder, student + "\n=1+1;,\t'\"<b>", notebook(BLANK))
    else:
        deep = place.joinpath(*"abcdefghijklmnop")
        deep.mkdir(parents=True)
        (deep / "week1.ipynb").write_bytes(SOLVED)


KINDS = 12


@pytest.mark.parametrize("seed", range(3))
def test_strange_folders_change_nobody_elses_marks(sandbox, tmp_path, seed):
    draw = random.Random(seed)
    folder = tmp_path / "submissions"
    hand_in(folder, "ada", notebook(RIGHT))
    hand_in(folder, "ben", notebook(RIGHT | {RNN: BLANK[RNN]}))
    for number, kind in enumerate(draw.sample(range(KINDS), 7 if seed else KINDS)):
        strange(folder, kind, f"s{draw.randrange(1000)}-{number}")
    everyone = grade(ASSIGNMENT, find(folder, "week1"), tmp_path / "out", sandbox)
    totals = {student.student: student.total for student in everyone}
    assert (totals.pop("ada"), totals.pop("ben")) == (8, 6)
    assert not any(totals.values()), totals
    assert len(totals) == (7 if seed else KINDS)
    for student in everyone[:-2]:
        assert student.needs_a_person or student.student in ("ada", "ben") or not student.problem
    with (tmp_path / "out" / "marks.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(everyone)
    assert len(list((tmp_path / "out" / "feedback").glob("*.html"))) == len(everyone)


@pytest.mark.parametrize("link", ["week1", "week1/week1.ipynb", "week1.ipynb", "."])
def test_no_link_is_followed_on_any_part_of_a_path(tmp_path, link):
    hand_in(tmp_path / "kept", "week1", notebook(RIGHT))
    folder = tmp_path / "submissions"
    hand_in(folder, "ada", notebook(RIGHT))
    place = folder / "eve" if link == "." else folder / "eve" / link
    place.parent.mkdir(parents=True, exist_ok=True)
    target = tmp_path / "kept" / "week1"
    place.symlink_to(target / "week1.ipynb" if link.endswith("ipynb") else target)
    found = {s.student: s for s in find(folder, "week1")}
    if found["eve"].file is not None:
        with pytest.raises(Unreadable, match="link"):
            read_notebook(found["eve"].file, ASSIGNMENT)
    else:
        assert "link" in found["eve"].problem


def test_a_folder_that_becomes_a_link_after_it_was_listed_is_not_followed(tmp_path):
    folder = tmp_path / "submissions"
    hand_in(folder / "eve", "inner", notebook(RIGHT))
    (submission,) = find(folder, "week1")
    (folder / "eve" / "inner").rename(tmp_path / "moved")
    (folder / "eve" / "inner").symlink_to(tmp_path / "moved")
    with pytest.raises(Unreadable, match="is a link"):
        submission.file.read()


def test_zips_are_read_where_they_lie(tmp_path):
    folder = tmp_path / "submissions"
    folder.mkdir()
    mac = {"week1/week1.ipynb": SOLVED, "__MACOSX/week1/._week1.ipynb": b"x", "week1/checker.py": b""}
    (folder / "ada.zip").write_bytes(zipped(mac))
    (folder / "ben").mkdir()
    (folder / "ben" / "week1.zip").write_bytes(zipped(mac))
    linked = zipped({"week1.ipynb": b"/etc/passwd"}, links=("week1.ipynb",))
    (folder / "eve.zip").write_bytes(linked)
    (folder / "bomb.zip").write_bytes(zipped({"week1.ipynb": bytes(30 * 2**20)}))
    found = {s.student: s for s in find(folder, "week1")}
    for student in ("ada", "ben"):
        assert len(read_notebook(found[student].file, ASSIGNMENT)[0]) == 5
    for student, said in (("eve", "link"), ("bomb", "20 MiB")):
        with pytest.raises(Unreadable, match=said):
            read_notebook(found[student].file, ASSIGNMENT)
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(
        ["submissions", "ada.zip", "ben", "week1.zip", "eve.zip", "bomb.zip"]
    )


def test_what_macos_leaves_behind_is_no_notebook_at_any_depth(tmp_path):
    hand_in(tmp_path / "ada", "deep", notebook(RIGHT))
    for place in ("ada/__MACOSX/deep", "ada/deep/__MACOSX"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "._week1.ipynb").write_bytes(b"\0")
    (tmp_path / "ada" / "deep" / "._answers.ipynb").write_bytes(b"\0")
    (submission,) = find(tmp_path, "week1")
    assert submission.status is None


def test_names_of_learning_platforms_are_recognised(tmp_path):
    for name in ("lovelaceada_12345_678901_week1-1.ipynb", "hoppergrace_LATE_77_88_week1.ipynb"):
        (tmp_path / name).write_bytes(SOLVED)
    for name in ("Alan Turing_4711_assignsubmission_file_", "Ann Lee_1_assignsubmission_file_",
                 "Ann Lee_2_assignsubmission_file_"):  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "my week.ipynb").write_bytes(SOLVED)
    assert [s.student for s in find(tmp_path, "week1")] == [
        "Alan Turing", "Ann Lee_1", "Ann Lee_2", "hoppergrace", "lovelaceada",
    ]  # fmt: skip


def test_a_pattern_and_a_zip_of_the_whole_class(tmp_path, capsys):
    write(ASSIGNMENT, tmp_path / "assignment.json")
    files = {
        "u-ada-2027/week1.ipynb": SOLVED,
        "u-ben-2027/w.zip": zipped({"week1.ipynb": SOLVED}),
        "x.txt": b"",
    }
    (tmp_path / "class.zip").write_bytes(zipped(files))
    arguments = [str(tmp_path / name) for name in ("assignment.json", "class.zip", "out")]
    assert main([*arguments, "--pattern", "u-(?P<student>[a-z]+)-"]) == 0
    said = capsys.readouterr()
    assert "2 submissions: 2 marked, 0 need a person" in said.out
    assert "passed over: 'x.txt'" in said.err
    for bad, message in (("(", "pattern must be a regular expression"), ("a", "must have a group")):
        assert main([*arguments, "--pattern", bad]) == 2
        assert message in capsys.readouterr().err


def test_times_that_cannot_be_and_files_of_nobody_are_told(tmp_path):
    for student, when in (("ada", 0), ("ben", 4e9), ("cyd", None)):
        path = hand_in(tmp_path, student, notebook(RIGHT))
        if when is not None:
            os.utime(path, (when, when))
    for name in ("readme.txt", "Thumbs.db", "solution.py"):
        (tmp_path / name).touch()
    now = datetime.datetime.now(datetime.UTC)
    found = look_through(tmp_path, "week1", {"ADA": now}, released=now - datetime.timedelta(days=3))
    doubts = {s.student: s.doubt for s in found.submissions}
    assert "before the assignment was released" in doubts["ada"]
    assert "in the future" in doubts["ben"]
    assert "no time is given" in doubts["cyd"]
    assert found.passed_over == ["Thumbs.db", "readme.txt", "solution.py"]
    assert found.without_student == ["ADA"]
    assert look_through(tmp_path, "week1", {"cyd": now}).submissions[2].doubt == ""


def test_a_decision_survives_the_next_marking_and_one_can_be_marked_again(sandbox, tmp_path, monkeypatch):
    folder, out = tmp_path / "submissions", tmp_path / "out"
    hand_in(folder, "ada", notebook(RIGHT | {RNN: "def rnn_steps(*a):\n    return a"}))
    hand_in(folder, "ben", notebook(RIGHT))
    found = find(folder, "week1")
    assert grade(ASSIGNMENT, found, out, sandbox)[0].needs_a_person
    (out / "decisions.csv").write_text(
        "student,exercise,points,note\nada,sequences/rnn_step,1.5,renamed function\n", "utf-8"
    )
    for _ in range(2):
        ada = grade(ASSIGNMENT, found, out, sandbox)[0]
        assert (ada.total, ada.needs_a_person) == (7.5, [])
    assert "1.5 of 2 by decision: renamed function" in (out / "marks.csv").read_text()
    assert "renamed function" in (out / "feedback" / "ada.html").read_text()
    assert "renamed function" in (out / "overview.html").read_text()

    marked = []

    real = grading.mark
    monkeypatch.setattr(grading, "mark", lambda *given: marked.append(1) or real(*given))
    grade(ASSIGNMENT, found, out, sandbox, only=["ben"])
    assert len(marked) == 1
    with pytest.raises(ValueError, match="only must name students who handed in, got 'bob'"):
        grade(ASSIGNMENT, found, out, sandbox, only=["bob"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bob,sequences/rnn_step,1,", "line 2: student must be one of those who handed in, got 'bob'"),
        ("ada,sequences/rnn,1,", "line 2: exercise must be one of"),
        ("ada,sequences/rnn_step,3,", r"line 2: points must lie in 0 … 2, got 3"),
        ("ada,sequences/rnn_step,many,", "line 2: points must be a number, got 'many'"),
        ("ada,sequences/rnn_step,1,\nada,sequences/rnn_step,1,", "line 3: .* must be decided once"),
    ],
)
def test_a_wrong_decision_is_named(sandbox, tmp_path, line, message):
    hand_in(tmp_path / "submissions", "ada", notebook(RIGHT))
    (tmp_path / "d.csv").write_text(f"student,exercise,points,note\n{line}\n", "utf-8")
    found = find(tmp_path / "submissions", "week1")
    with pytest.raises(ValueError, match=message):
        grade(ASSIGNMENT, found, tmp_path / "out", sandbox, decisions=tmp_path / "d.csv")
