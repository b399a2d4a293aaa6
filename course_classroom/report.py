"""Turn marks into the table a learning platform takes: ``python -m course_classroom report``.

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
import difflib
import io
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from course_classroom.late import LatePolicy
from course_classroom.marks import UNDECIDED, file_name, no_formula, with_formulas
from course_lib.command_line import OneLineParser
from course_lib.files import write_in_one_step

SCHEMA = 1
PLATFORMS = ("gradescope", "moodle", "canvas")
OWN_VALUES = ("student", "handed_in", "points", "written", "days_late", "total", "of", "note")
Row = dict[str, str]


def report(marks: Path, mapping: Path | None, columns: dict[str, str] | None = None) -> tuple[str, list[str]]:
    """Make the table of a class.

    total = (points of the exercises + points of the written parts) · share that counts, to two decimals

    Args:
        marks: the ``marks.csv`` that `grade` wrote.
        mapping: the JSON file described above; None where `columns` are given and nothing else is wanted.
        columns: in the place of the mapping's.

    Returns:
        The table as CSV, a row for each student of the roster, or of `marks` where there is none; and a line
        for each total that is still empty.

    Raises:
        OSError: if a file cannot be opened; a table of written parts is made where there is none.
        ValueError: naming what is wrong in which file.
    """
    wanted = {"columns": columns} if mapping is None else _mapping(mapping)
    mapping = marks if mapping is None else mapping
    wanted["columns"] = columns or wanted["columns"]
    students = {
        with_formulas(row["student"]): row for row in _rows(marks, ("student", "handed_in", "total", "of"))
    }
    roster = _roster(mapping, wanted.get("roster"))
    late = _late(mapping, wanted.get("late"))
    _known_columns(mapping, wanted["columns"], students.values(), roster)
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
        table.writerow([no_formula(values.get(source, "")) for source in wanted["columns"].values()])
    return text.getvalue(), waiting


def for_platform(platform: str, marks: Path, mapping: Path | None) -> tuple[dict[str, str], list[str]]:
    """Make what one learning platform imports: file names and contents.

    Args:
        platform: "moodle" or "canvas", a CSV of totals; or "gradescope", a ``results.json`` per student.
        marks: the ``marks.csv`` that `grade` wrote; for Gradescope, ``marks.json`` lies beside it.
        mapping: as for `report`, of which roster, late policy and written parts count; or None.

    Returns:
        The files, and a line for each total that is still empty; such a student is left out.

    Raises:
        OSError, ValueError: as `report`.
    """
    columns = {name: name for name in ("student", "total", "of", "note")}
    table, waiting = report(marks, mapping, columns)
    rows = [row for row in csv.DictReader(io.StringIO(table)) if row["total"] != ""]
    if platform == "gradescope":
        return _gradescope(marks, {with_formulas(row["student"]): row["total"] for row in rows}), waiting
    if platform == "moodle":
        head = ["Username", "Grade", "Feedback comments"]
        lines = [[row["student"], row["total"], row["note"]] for row in rows]
    else:
        name = json.loads(marks.with_suffix(".json").read_text("utf-8"))["assignment"]
        head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", name]
        most = max((row["of"] for row in rows), key=float, default="")
        lines = [["    Points Possible", "", "", "", "", most]]
        lines += [[row["student"], "", "", row["student"], "", row["total"]] for row in rows]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *lines])
    return {"": text.getvalue()}, waiting


def _gradescope(marks: Path, totals: dict[str, str]) -> dict[str, str]:
    """By "student/results.json": the total, and a test per exercise with what was said of it."""
    students = json.loads(marks.with_suffix(".json").read_text("utf-8"))["students"]
    files = {}
    for student in (s for s in students if s["student"] in totals):
        tests = [
            {"name": m["exercise"], "score": m["points"], "max_score": m["of"], "output": m["message"]}
            for m in student["marks"]
        ]
        content = {"score": float(totals[student["student"]]), "tests": tests}
        files[f"{file_name(student['student'])}/results.json"] = json.dumps(content, indent=1) + "\n"
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if every total is there, 1 if some wait for a person, 2 for a wrong input."""
    parser = OneLineParser(prog="python -m course_classroom report", description=__doc__)
    parser.add_argument("marks", type=Path, help="the marks.csv that grade wrote")
    parser.add_argument(
        "mapping", type=Path, nargs="?", help="JSON: columns, roster, late policy, written parts"
    )
    parser.add_argument("out", type=Path, help="the CSV to write; for gradescope, a folder")
    parser.add_argument("--format", choices=PLATFORMS, help="write what this platform imports")
    given = parser.parse_args(arguments)
    try:
        if given.format is None:
            if given.mapping is None:
                raise ValueError("mapping must be given where --format is not")
            table, waiting = report(given.marks, given.mapping)
            files = {"": table}
        else:
            files, waiting = for_platform(given.format, given.marks, given.mapping)
        for name, content in files.items():
            path = given.out / name if name else given.out
            path.parent.mkdir(parents=True, exist_ok=True)
            write_in_one_step(path, content.encode())
    except (ValueError, TypeError, OSError) as error:
        print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    for line in waiting:
        print(line, file=sys.stderr)
    print(f"{given.out}: written; {len(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for a person")
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
    unknown_time = late is not None and not row["handed_in"]
    if late is not None and not unknown_time:
        handed_in = _time(row["handed_in"], f"handed_in of {name}")
        values["days_late"], share = late.days_late(handed_in), late.share(handed_in)
    if unknown_time:  # for a person to say; nobody else's total waits for it
        values["days_late"] = ""
        values["note"] = "; ".join(part for part in (values["note"], "no time of hand-in is known") if part)
    undecided = [
        status for column, status in row.items() if column.endswith(" status") and status in UNDECIDED
    ]
    if not undecided and not unknown_time and written is not None:
        values["total"] = f"{round((points + values['written']) * share, 2):g}"
    return values


def _known_columns(
    mapping: Path, columns: dict[str, str], rows: Iterable[Row], roster: dict[str, Row]
) -> None:
    """Refuse a column that shows what there is not, and say what it may have meant."""
    known = {*OWN_VALUES, *(column for row in rows for column in row)}
    known |= {f"roster:{column}" for row in roster.values() for column in row}
    for source in columns.values():
        if source not in known:
            near = difflib.get_close_matches(source, known, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"{mapping}: columns must show one of {', '.join(OWN_VALUES)}, roster:NAME, "
                f"or a column of the marks, got {source!r}{meant}"
            )


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
