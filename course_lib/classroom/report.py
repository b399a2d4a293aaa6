"""Turn marks into the table a learning platform takes: ``python -m course_lib.classroom report``.

The mapping is a JSON file, all but `columns` optional; files are named relative to it:

    {"schema": 1,
     "columns": {"Login": "student", "Name": "roster:Name", "Week 1": "total", "Comment": "note"},
     "roster": {"file": "roster.csv", "student": "Login"},
     "late": {"deadline": "2027-01-31T23:59:00Z", "grace_minutes": 15, "off_per_day": 0.1, "most_days": 5},
     "written": {"file": "written.csv", "parts": {"Discussion": 4}}}

Written answers are marked by a person: their table is made with empty places, and as long as one is empty,
or something could not be marked, that student's total stays empty too.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_lib.classroom.late import LatePolicy
from course_lib.classroom.marks import UNDECIDED, no_formula, with_formulas
from course_lib.commands.one_line_parser import OneLineParser
from course_lib.files import write_in_one_step

SCHEMA = 1
OWN_VALUES = ("student", "handed_in", "points", "written", "days_late", "total", "of", "note")
Row = dict[str, str]


def report(marks: Path, mapping: Path) -> tuple[str, list[str]]:
    """Make the table of a class.

    total = (points of the exercises + points of the written parts) · share that counts, to two decimals

    Args:
        marks: the ``marks.csv`` that `grade` wrote.
        mapping: the JSON file described above.

    Returns:
        The table as CSV, a row for each student of the roster, or of `marks` where there is none; and a line
        for each total that is still empty.

    Raises:
        OSError: if a file cannot be opened; a table of written parts is made where there is none.
        ValueError: naming what is wrong in which file.

    Taught in: "For instructors".
    """
    wanted = _mapping(mapping)
    students = {
        with_formulas(row["student"]): row for row in _rows(marks, ("student", "handed_in", "total", "of"))
    }
    roster = _roster(mapping, wanted.get("roster"))
    late = _late(mapping, wanted.get("late"))
    names = list(roster) if roster else list(students)
    written = _written(mapping, wanted.get("written"), names)
    strangers = [name for name in students if name not in names]
    waiting = [f"{name}: handed in, but not on the roster" for name in strangers]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(wanted["columns"])
    for name in names:
        values = _values(name, students.get(name), late, written.get(name) if written else {})
        if values["total"] == "":
            waiting.append(f"{name}: {values['note'] or 'a written answer has no points yet'}")
        values |= {f"roster:{column}": value for column, value in roster.get(name, {}).items()}
        table.writerow([no_formula(_value(values, source, mapping)) for source in wanted["columns"].values()])
    return text.getvalue(), waiting


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if every total is there, 1 if some wait for a person, 2 for a wrong input."""
    parser = OneLineParser(prog="python -m course_lib.classroom report", description=__doc__)
    parser.add_argument("marks", type=Path, help="the marks.csv that grade wrote")
    parser.add_argument("mapping", type=Path, help="JSON: columns, roster, late policy, written parts")
    parser.add_argument("out", type=Path, help="the CSV to write")
    given = parser.parse_args(arguments)
    try:
        table, waiting = report(given.marks, given.mapping)
        write_in_one_step(given.out, table.encode())
    except (ValueError, TypeError, OSError) as error:
        print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    for line in waiting:
        print(line, file=sys.stderr)
    print(f"{given.out}: {table.count(chr(10)) - 1} students, {len(waiting)} wait for a person")
    return 1 if waiting else 0


def _values(
    name: str, row: Row | None, late: LatePolicy | None, written: dict[str, float] | None
) -> dict[str, Any]:
    """All that a column may show of one student; an empty total where a person has yet to decide."""
    blank = dict.fromkeys(OWN_VALUES, "") | {"student": name}
    if row is None:
        return blank | {"note": "nothing was handed in"}
    points = _number(row["total"], "total", name)
    values: dict[str, Any] = row | {"student": name, "points": points, "days_late": 0, "total": ""}
    values |= {"written": "" if written is None else sum(written.values()), "note": row.get("note", "")}
    share = 1.0
    if late is not None:
        handed_in = _time(row["handed_in"], f"handed_in of {name}")
        values["days_late"], share = late.days_late(handed_in), late.share(handed_in)
    undecided = [
        status for column, status in row.items() if column.endswith(" status") and status in UNDECIDED
    ]
    if not undecided and written is not None:
        values["total"] = f"{round((points + values['written']) * share, 2):g}"
    return values


def _value(values: dict[str, Any], source: str, mapping: Path) -> Any:
    if (
        source not in values
        and not source.startswith("roster:")
        and not source.endswith((" points", " status"))
    ):
        known = ", ".join(OWN_VALUES)
        raise ValueError(
            f"{mapping}: columns must show one of {known}, roster:NAME, or a column of the marks"
        )
    return values.get(source, "")


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ValueError(f"{path}: schema must be {SCHEMA}")
    unknown = sorted(set(content) - {"schema", "columns", "roster", "late", "written"})
    if unknown:
        raise ValueError(f"{path}: {unknown[0]!r} is none of columns, roster, late, written")
    for part, keys in (("roster", {"file", "student"}), ("written", {"file", "parts"}), ("late", set())):
        value = content.get(part)
        if value is not None and not (isinstance(value, dict) and keys <= set(value)):
            raise ValueError(f"{path}: {part} must hold {' and '.join(sorted(keys)) or 'its settings'}")
    columns = content.get("columns")
    if not isinstance(columns, dict) or not columns or not all(isinstance(v, str) for v in columns.values()):
        raise ValueError(f"{path}: columns must name what each column of the table shows")
    return content


def _rows(path: Path, columns: Sequence[str]) -> list[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} must have a column {missing[0]!r}, has {reader.fieldnames}")
        return [{key: value or "" for key, value in row.items() if key is not None} for row in reader]


def _roster(mapping: Path, wanted: dict[str, str] | None) -> dict[str, Row]:
    if wanted is None:
        return {}
    rows = _rows(mapping.parent / wanted["file"], (wanted["student"],))
    roster = {row[wanted["student"]]: row for row in rows}
    if len(roster) != len(rows):
        raise ValueError(f"{wanted['file']}: every {wanted['student']!r} must stand once")
    return roster


def _late(mapping: Path, wanted: dict[str, Any] | None) -> LatePolicy | None:
    if wanted is None:
        return None
    try:
        return LatePolicy(**(wanted | {"deadline": _time(wanted.get("deadline", ""), "deadline")}))
    except TypeError as error:
        raise ValueError(
            f"{mapping}: late must hold deadline, grace_minutes, off_per_day, most_days"
        ) from error


def _written(
    mapping: Path, wanted: dict[str, Any] | None, names: Sequence[str]
) -> dict[str, dict[str, float] | None] | None:
    """Points of the written parts by student, None where a place is empty; the table is made if need be."""
    if wanted is None:
        return None
    path, parts = mapping.parent / wanted["file"], wanted["parts"]
    if not path.exists():
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["student", *parts])
        table.writerows([no_formula(name), *("" for _ in parts)] for name in names)
        write_in_one_step(path, text.getvalue().encode())
    given = {}
    for row in _rows(path, ("student", *parts)):
        name = with_formulas(row["student"])
        points = {part: _number(row[part], part, name) for part in parts if row[part].strip()}
        over = [part for part in points if not 0 <= points[part] <= parts[part]]
        if over:
            raise ValueError(
                f"{path}: {over[0]} of {name} must lie in 0 … {parts[over[0]]}, got {points[over[0]]:g}"
            )
        given[name] = points if len(points) == len(parts) else None
    return given


def _number(text: str, what: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{what} of {name} must be a number, got {text!r}") from error


def _time(text: str, what: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{what} must be a time such as 2027-01-31T23:59:00+00:00, got {text!r}") from error
