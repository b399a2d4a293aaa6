"""Releasing an assignment: the student's notebook and zip, nbgrader's source, the instructor's copy."""

from __future__ import annotations

import argparse
import hashlib
import secrets
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from course_classroom import assignment as assignments
from course_classroom import checker_builder, nbgrader_source, release_notebook
from course_classroom.assignment import Assignment, counted
from course_classroom.chapter_exercises import CHAPTERS, Stub, find_stubs, load, own_stubs, select
from course_lib.command_line import OneLineParser

DATA_NOTE = """# Data

This assignment needs no data set and no network. Its inputs are random numbers and small tensors, drawn with
seed {seed} from the generators in `course_exercises`; those that the checks use are inside `checker.py`,
as compressed JSON. Nothing here was measured on people.

`checker.py` needs Python 3.11 or newer and PyTorch, and nothing else. It holds the judge that marks, and what
is right on its own inputs; functions are marked on others. The answer to a prediction is encrypted, with a
coarsely rounded answer as the key.
"""


def seed_of(name: str, group: str) -> int:
    """The seed of a class's own variants: of the same name and group always the same, below 2³¹."""
    return int.from_bytes(hashlib.sha256(f"{name}\n{group}".encode()).digest()[:4], "big") >> 1


def release(
    name: str,
    stubs: list[Stub],
    out: Path,
    *,
    seed: int = 0,
    marking_seed: int | None = None,
    points: Mapping[str, int] | None = None,
    released: str = "",
) -> Assignment:
    """Write everything that one assignment needs.

    Args:
        name: the assignment's.
        stubs: of the exercises, in the order they shall have.
        out: a folder, made here; gets `student/`, `<name>.zip` of it, `nbgrader/` and `instructor/`.
        seed: of what students see, at least 0.
        marking_seed: of the inputs that marks are given on; drawn here by default. Keep it to yourself.
        points: by exercise, where they are other than its own.
        released: when it is handed out, ISO 8601; no hand-in can be older.

    Returns:
        The instructor's assignment, as written to `instructor/assignment.json`.

    Raises:
        ValueError: if the name, a seed or the selection is no good.
        FileExistsError: if `out` holds anything: a second release would have other seeds.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"out must be a new or empty folder, got {out}")
    items = tuple(stub.item(place) for place, stub in enumerate(stubs, start=1))
    drawn = secrets.randbelow(2**31) if marking_seed is None else marking_seed
    given = dict(points or {})
    items = tuple(replace(item, points=given.pop(item.exercise, item.points)) for item in items)
    if given:
        raise ValueError(f"points must be of exercises of the assignment, got {next(iter(given))!r}")
    full = Assignment(name, items, seed, drawn, released)
    checker = checker_builder.one_file(full)
    student, instructor = out / "student", out / "instructor"
    for folder in (student, instructor):
        folder.mkdir(parents=True)
        (folder / "checker.py").write_text(checker, "utf-8")
    blank = release_notebook.notebook(full, stubs, "student")
    (student / f"{name}.ipynb").write_bytes(release_notebook.as_bytes(blank))
    (student / "DATA.md").write_text(DATA_NOTE.format(seed=full.seed), "utf-8")
    _zip(student, out / f"{name}.zip", name)
    solved = release_notebook.notebook(full, stubs, "instructor")
    (instructor / f"{name}.ipynb").write_bytes(release_notebook.as_bytes(solved))
    assignments.write(full, instructor / "assignment.json")
    if all(stub.number for stub in stubs):  # nbgrader's hidden tests import the exercises from the library
        nbgrader_source.write_course(full, stubs, checker, out / "nbgrader")
    return full


def _zip(folder: Path, path: Path, name: str) -> None:
    """Pack a folder's files below `name/`; the same files always make the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(f"{name}/{file.name}", date_time=(2026, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, file.read_bytes())


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = OneLineParser(
        prog="python -m course_classroom release",
        description="Write an assignment: what students get, what nbgrader reads, and your own copy.",
        epilog="example: release week3 --chapter 9 --exercises sequences/padded_loss --group tuesday",
    )
    made.add_argument("name", help="the assignment's, and its notebook's")
    made.add_argument("--exercises", nargs="+", default=[], metavar="TOPIC/NAME", help="in this order, first")
    made.add_argument(
        "--chapter", nargs="+", type=int, default=[], metavar="N", help="all exercises of these"
    )
    made.add_argument(
        "--module", type=Path, metavar="FILE", help="your own exercises; all of them, unless some are named"
    )
    made.add_argument("--list", action="store_true", help="print the exercises there are, and write nothing")
    made.add_argument("--out", type=Path, help="folder to be made; by default, the assignment's name")
    seeds = made.add_mutually_exclusive_group()
    seeds.add_argument("--seed", type=int, help="of what students see")
    seeds.add_argument("--group", default="", help="a class's name: each gets variants of its own")
    made.add_argument("--marking-seed", type=int, help="of what is marked; drawn by default")
    made.add_argument(
        "--points", nargs="+", default=[], metavar="TOPIC/NAME=N", help="points other than an exercise's own"
    )
    made.add_argument("--released", default="", metavar="TIME", help="when it is handed out, ISO 8601")
    made.add_argument("--notebooks", type=Path, default=CHAPTERS, help=argparse.SUPPRESS)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: 0 once written; ends with status 2 and one line where something is wrong."""
    command = parser()
    given = command.parse_args(arguments)
    try:
        stubs = find_stubs(given.notebooks)
        own = own_stubs(given.module) if given.module else []
        stubs += own
        if given.list:
            print(f"ch  {'exercise':42} {'kind':9} points  title")
            for stub in stubs:
                exercise = load(stub.exercise)
                print(
                    f"{stub.number:2}  {stub.exercise:42} {exercise.kind:9} {exercise.points:6}  {stub.title}"
                )
            return 0
        named = given.exercises or ([] if given.chapter else [stub.exercise for stub in own])
        chosen = select(stubs, named, given.chapter)
        seed = seed_of(given.name, given.group) if given.seed is None else given.seed
        out = given.out or Path(given.name)
        made = release(
            given.name, chosen, out, seed=seed, marking_seed=given.marking_seed,
            points=_points(given.points), released=given.released,
        )  # fmt: skip
    except (ValueError, OSError) as error:
        command.error(str(error))
    points = counted(sum(item.points for item in made.items), "point")
    print(f"{made.name}: {counted(len(made.items), 'exercise')}, {points}, seed {made.seed}")
    print(f"hand out  {out / made.name}.zip")
    print(f"keep      {out / 'instructor'} (solutions, and the seed that marks are given with)")
    if (out / "nbgrader").exists():
        print(f"nbgrader  {out / 'nbgrader'}")
    return 0


def _points(given: Sequence[str]) -> dict[str, int]:
    """Points by exercise, from texts such as "attention/attend=5"."""
    points = {}
    for text in given:
        exercise, _, number = text.partition("=")
        if not number.isdecimal():
            raise ValueError(f"points must be TOPIC/NAME=N, got {text!r}")
        points[exercise] = int(number)
    return points
