"""Marks for a learning platform: late days, written parts, and no total that nobody decided."""

from __future__ import annotations

import csv
import datetime
import io
import json
from pathlib import Path

import pytest

from course_classroom.late import LatePolicy
from course_classroom.marks import no_formula, with_formulas
from course_classroom.report import main, report

MARKS = (
    "student,handed_in,sequences/rnn_step status,sequences/rnn_step points,total,of,note\n"
    "ada,2027-01-31T20:00:00+00:00,ok,2,2,2,\n"
    "ben,2027-02-02T01:00:00+00:00,ok,2,2,2,\n"
    "eve,2027-01-31T20:00:00+00:00,crash,0,0,2,sequences/rnn_step: crash\n"
)
COLUMNS = {"Login": "student", "Week 1": "total", "Days": "days_late", "RNN": "sequences/rnn_step points"}
LATE = {"deadline": "2027-01-31T23:59:00+00:00", "grace_minutes": 15, "off_per_day": 0.25, "most_days": 3}
ROSTER = {"roster": {"file": "roster.csv", "student": "Login"}}
ESSAY = {"written": {"file": "written.csv", "parts": {"Essay": 4}}}


@pytest.fixture
def reported(tmp_path: Path):
    """The table as rows, and what waits, for a mapping; `files` lie beside it."""

    def run(mapping: dict, **files: str) -> tuple[list[dict[str, str]], list[str]]:
        for name, content in files.items():
            (tmp_path / f"{name}.csv").write_text(content, "utf-8")
        (tmp_path / "marks.csv").write_text(MARKS, "utf-8")
        (tmp_path / "mapping.json").write_text(
            json.dumps({"schema": 1, "columns": COLUMNS} | mapping), "utf-8"
        )
        table, waiting = report(tmp_path / "marks.csv", tmp_path / "mapping.json")
        return list(csv.DictReader(io.StringIO(table))), waiting

    return run


def test_totals_are_those_of_the_marks_and_undecided_ones_stay_empty(reported):
    rows, waiting = reported({})
    assert [row["Week 1"] for row in rows] == ["2", "2", ""]
    assert [row["RNN"] for row in rows] == ["2", "2", "0"]
    assert waiting == ["eve: sequences/rnn_step: crash"]


def test_late_days_are_taken_off(reported):
    rows, _ = reported({"late": LATE})
    assert [(row["Week 1"], row["Days"]) for row in rows] == [("2", "0"), ("1", "2"), ("", "0")]


def test_written_parts_wait_for_a_person(reported, tmp_path):
    rows, waiting = reported(ESSAY)
    assert [row["Week 1"] for row in rows] == ["", "", ""]
    assert len(waiting) == 3
    assert (tmp_path / "written.csv").read_text() == "student,Essay\nada,\nben,\neve,\n"
    rows, waiting = reported(ESSAY | {"late": LATE}, written="student,Essay\nada,3.5\nben,\neve,4\n")
    assert [row["Week 1"] for row in rows] == ["5.5", "", ""]
    assert [line.partition(":")[0] for line in waiting] == ["ben", "eve"]


def test_the_roster_gives_the_rows_and_strangers_are_named(reported):
    columns = {"Name": "roster:Name", "Login": "student", "Week 1": "total"}
    rows, waiting = reported(ROSTER | {"columns": columns}, roster='Login,Name\nben,"=cmd|calc"\ncyd,C. D.\n')
    assert [(row["Login"], row["Week 1"]) for row in rows] == [("ben", "2"), ("cyd", "")]
    assert rows[0]["Name"] == "'=cmd|calc"
    assert "cyd: nothing was handed in" in waiting
    assert "ada: handed in, but not on the roster" in waiting


@pytest.mark.parametrize(
    ("after", "days", "share"),
    [
        (datetime.timedelta(days=-3), 0, 1.0),
        (datetime.timedelta(minutes=15), 0, 1.0),
        (datetime.timedelta(minutes=15, seconds=1), 1, 0.75),
        (datetime.timedelta(days=1, minutes=15), 1, 0.75),
        (datetime.timedelta(days=1, minutes=16), 2, 0.5),
        (datetime.timedelta(days=3), 3, 0.25),
        (datetime.timedelta(days=3, minutes=16), 4, 0.0),
    ],
)
def test_the_late_policy_at_its_edges(after, days, share):
    policy = LatePolicy(datetime.datetime(2027, 1, 31, 23, 59, tzinfo=datetime.UTC), 15, 0.25, 3)
    assert policy.days_late(policy.deadline + after) == days
    assert policy.share(policy.deadline + after) == share


def test_a_bad_late_policy_is_refused():
    time = datetime.datetime(2027, 1, 31, tzinfo=datetime.UTC)
    for changes, message in (
        ({"deadline": time.replace(tzinfo=None)}, "deadline must name its time zone"),
        ({"grace_minutes": -1}, "grace_minutes must be at least 0"),
        ({"off_per_day": 1.5}, r"off_per_day must lie in 0 … 1, got 1.5"),
        ({"most_days": 0.5}, "most_days must be a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            LatePolicy(**({"deadline": time} | changes))


@pytest.mark.parametrize(
    ("mapping", "files", "message"),
    [
        ({"schema": 2}, {}, "schema must be 1"),
        ({"columns": {}}, {}, "columns must name"),
        ({"columns": {"A": "nonsense"}}, {}, "columns must show one of student"),
        ({"lates": {}}, {}, "'lates' is none of"),
        ({"late": {"deadline": "tomorrow"}}, {}, "deadline must be a time such as"),
        ({"roster": {"file": "roster.csv"}}, {}, "roster must hold file and student"),
        ({"late": LATE | {"off": 1}}, {}, "late must hold deadline"),
        (ROSTER, {"roster": "Name\nx\n"}, "must have a column 'Login'"),
        (ROSTER, {"roster": "Login\nx\nx\n"}, "every 'Login' must stand once"),
        (ESSAY, {"written": "student,Essay\nada,5\n"}, "Essay of ada must lie in 0 … 4, got 5"),
        (ESSAY, {"written": "student,Essay\nada,good\n"}, "Essay of ada must be a number"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_named(reported, mapping, files, message):
    with pytest.raises(ValueError, match=message):
        reported(mapping, **files)


def test_the_command_says_how_it_went(reported, tmp_path, capsys):
    reported({})
    paths = [str(tmp_path / name) for name in ("marks.csv", "mapping.json", "lms.csv")]
    assert main(paths) == 1
    assert capsys.readouterr().err == "eve: sequences/rnn_step: crash\n"
    (tmp_path / "marks.csv").write_text(MARKS.replace("crash", "wrong"), "utf-8")
    assert main(paths) == 0
    assert (tmp_path / "lms.csv").read_text().splitlines()[1] == "ada,2,0,2"
    assert main([str(tmp_path / "absent.csv"), *paths[1:]]) == 2
    assert "absent.csv" in capsys.readouterr().err


def test_a_mistyped_column_is_named_with_what_it_may_have_meant(reported):
    with pytest.raises(
        ValueError, match="got 'sequences/rn_step points'; did you mean 'sequences/rnn_step points'"
    ):
        reported({"columns": {"A": "sequences/rn_step points"}})
    with pytest.raises(ValueError, match="got 'roster:Nmae'; did you mean 'roster:Name'"):
        reported(ROSTER | {"columns": {"A": "roster:Nmae"}}, roster="Login,Name\nada,A\n")


def test_a_missing_time_keeps_one_total_empty_and_nobody_elses(reported, monkeypatch):
    text = MARKS.replace("ada,2027-01-31T20:00:00+00:00", "ada,")
    monkeypatch.setitem(globals(), "MARKS", text)
    rows, waiting = reported({"late": LATE})
    assert [row["Week 1"] for row in rows] == ["", "1", ""]
    assert waiting[0] == "ada: no time of hand-in is known"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_cell_is_a_formula_whatever_the_separator(reported, separator):
    names = ['semi;=cmd|"x"!A0', "tab\t=1+1", "pipe|@a", "line\n=2", " -3", "+4"]
    roster = io.StringIO()
    csv.writer(roster).writerows([["Login", "Name"], *[[str(n), name] for n, name in enumerate(names)]])
    _, _ = reported(ROSTER | {"columns": {"Name": "roster:Name"}}, roster=roster.getvalue())
    written = io.StringIO()
    csv.writer(written).writerows([[no_formula(name)] for name in names])
    for row in csv.reader(io.StringIO(written.getvalue()), delimiter=separator):
        assert not [cell for cell in row if cell.lstrip()[:1] in ("=", "+", "-", "@")]
    assert [with_formulas(no_formula(name)) for name in names] == names


@pytest.mark.parametrize("platform", ["moodle", "canvas", "gradescope"])
def test_what_platforms_import(reported, tmp_path, platform):
    reported({})
    marks = {"exercise": "sequences/rnn_step", "points": 2, "of": 2, "message": "Right."}
    students = [{"student": name, "marks": [marks]} for name in ("ada", "ben", "eve")]
    (tmp_path / "marks.json").write_text(json.dumps({"assignment": "week1", "students": students}), "utf-8")
    out = tmp_path / "out"
    assert main([str(tmp_path / "marks.csv"), str(out), "--format", platform]) == 1  # eve waits
    if platform == "gradescope":
        assert sorted(p.name for p in out.iterdir()) == ["ada", "ben"]
        result = json.loads((out / "ada" / "results.json").read_text("utf-8"))
        test = {"name": "sequences/rnn_step", "score": 2, "max_score": 2, "output": "Right."}
        assert result == {"score": 2.0, "tests": [test]}
        return
    lines = out.read_text("utf-8").splitlines()
    assert lines == {
        "moodle": ["Username,Grade,Feedback comments", "ada,2,", "ben,2,"],
        "canvas": [
            "Student,ID,SIS User ID,SIS Login ID,Section,week1", "    Points Possible,,,,,2",
            "ada,,,ada,,2", "ben,,,ben,,2",
        ],
    }[platform]  # fmt: skip
