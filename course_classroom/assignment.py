"""Assignments: a selection of exercises, a seed for what students see, and one for marking."""

from __future__ import annotations

import datetime
import importlib
import importlib.util
import json
import pkgutil
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import course_exercises
from course_exercises.exercise import Exercise
from course_exercises.judging import Verdict
from course_lib.files import write_in_one_step

SCHEMA = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TOPIC = re.compile(r"[a-z][a-z0-9_]*")
_EXERCISE = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Item:
    """One exercise of an assignment.

    Attributes:
        exercise: "topic/name": the file in `course_exercises`, and the key in its `EXERCISES`.
        symbol: the name of the function, or of the answer, in the student's notebook.
        kind: "implement" or "predict".
        points: at least 1.
        chapter: the title of the chapter it belongs to.
        by_case: whether a wrong answer earns the share of the inputs on which it is right.
        for_misconception: the share of the points, 0 to 1, that a recognised misconception earns.
    """

    exercise: str
    symbol: str
    kind: Literal["implement", "predict"]
    points: int
    chapter: str
    by_case: bool = False
    for_misconception: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.exercise, str) or not _EXERCISE.fullmatch(self.exercise):
            raise ValueError(f"exercise must be 'topic/name', got {self.exercise!r}")
        if not isinstance(self.symbol, str) or not self.symbol.isidentifier():
            raise ValueError(f"symbol of {self.exercise} must be a Python name, got {self.symbol!r}")
        if self.kind not in ("implement", "predict"):
            raise ValueError(f"kind of {self.exercise} must be 'implement' or 'predict', got {self.kind!r}")
        if type(self.points) is not int or self.points < 1:
            raise ValueError(f"points of {self.exercise} must be a whole number from 1, got {self.points!r}")
        if not isinstance(self.chapter, str):
            raise ValueError(f"chapter of {self.exercise} must be text, got {self.chapter!r}")
        if type(self.by_case) is not bool:
            raise ValueError(f"by_case of {self.exercise} must be true or false, got {self.by_case!r}")
        for name, share in self.for_misconception:
            if type(share) not in (int, float) or not 0 <= share <= 1:
                raise ValueError(
                    f"for_misconception of {self.exercise} must be shares from 0 to 1, "
                    f"got {share!r} for {name!r}"
                )

    def credit(self, verdict: Verdict) -> float:
        """Points for an answer: all if it is right; else the larger share that the item grants it, or 0."""
        if verdict.status == "right":
            return self.points
        shares = [dict(self.for_misconception).get(verdict.misconception, 0)]
        if self.by_case and verdict.status == "wrong":
            shares.append(verdict.right_cases / (1 if self.kind == "predict" else self.load().draws))
        points = round(self.points * max(shares), 2)
        return int(points) if points == int(points) else points

    def load(self) -> Exercise:
        """The exercise itself: its inputs, reference and misconceptions.

        Raises:
            ValueError: if there is none of that name, or its kind is another.
        """
        topic, _, name = self.exercise.partition("/")
        try:
            known = importlib.import_module(f"course_exercises.{topic}").EXERCISES
        except (ImportError, AttributeError) as error:
            raise ValueError(f"exercise {self.exercise!r} names no topic of course_exercises") from error
        if name not in known:
            raise ValueError(f"exercise must be one of {', '.join(known)} in {topic}, got {name!r}")
        exercise = known[name]
        if exercise.kind != self.kind:
            raise ValueError(f"kind of {self.exercise} must be {exercise.kind!r}, got {self.kind!r}")
        for misconception, _ in self.for_misconception:
            if misconception not in exercise.misconceptions:
                raise ValueError(
                    f"for_misconception of {self.exercise} must name one of "
                    f"{', '.join(exercise.misconceptions)}, got {misconception!r}"
                )
        return exercise


@dataclass(frozen=True)
class Assignment:
    """What is handed out and marked together.

    Attributes:
        name: of the notebook's file, without its ending.
        items: in the notebook's order.
        seed: of the questions that students see.
        marking_seed: of the inputs that answers are run on; None in every copy but the instructor's.
        released: when it was handed out, ISO 8601, or "": no hand-in can be older.
    """

    name: str
    items: tuple[Item, ...]
    seed: int
    marking_seed: int | None = None
    released: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(f"name must be letters, digits, '.', '_' and '-', got {self.name!r}")
        if not self.items:
            raise ValueError("items must be at least one exercise")
        for what in ("exercise", "symbol"):
            names = [getattr(item, what) for item in self.items]
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise ValueError(f"items must each have their own {what}, got {twice[0]!r} twice")
        for what in ("seed", "marking_seed"):
            value = getattr(self, what)
            if not (type(value) is int and 0 <= value < 2**63) and (what, value) != ("marking_seed", None):
                raise ValueError(f"{what} must be a whole number from 0, got {value!r}")
        try:
            self.released_at  # noqa: B018
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"released must be a time such as 2027-01-11T08:00:00Z, got {self.released!r}"
            ) from error

    @property
    def released_at(self) -> datetime.datetime | None:
        """When it was handed out; without a zone, in UTC. None where nobody knows."""
        if not self.released:
            return None
        time = datetime.datetime.fromisoformat(self.released)
        return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def add_module(path: Path) -> str:
    """Make an instructor's own exercises known: those of one file with a dictionary `EXERCISES`.

    Args:
        path: a Python file outside the library; its name, without ".py", is the topic.

    Returns:
        The topic.

    Raises:
        ValueError: if the file cannot be imported, holds no exercises, or is called like a topic of the book.
    """
    topic = path.stem
    name = f"{course_exercises.__name__}.{topic}"
    if not path.is_file() or path.suffix != ".py" or not _TOPIC.fullmatch(topic):
        raise ValueError(f"module must be a file such as my_exercises.py, got {path}")
    if any(module.name == topic for module in pkgutil.iter_modules(course_exercises.__path__)):
        raise ValueError(f"module must not be called like a topic of the book, got {topic!r}")
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(name, path))
    sys.modules[name] = module
    try:
        module.__spec__.loader.exec_module(module)
        found = module.EXERCISES
        good = found and all(isinstance(e, Exercise) and e.name == key for key, e in found.items())
    except Exception as error:
        del sys.modules[name]
        raise ValueError(f"module {path} cannot be imported: {type(error).__name__}: {error}") from error
    if not good:
        raise ValueError(f"module {path} must hold EXERCISES, Exercise objects by their own names")
    return topic


def counted(number: float, thing: str) -> str:
    """A number and a thing, in the plural unless it is one: "1 exercise", "2 exercises"."""
    return f"{number:g} {thing}{'' if number == 1 else 's'}"


def write(assignment: Assignment, path: Path) -> None:
    """Write an assignment as JSON, `assignment.json`, in one step."""
    content = {"schema": SCHEMA} | asdict(assignment)
    if not assignment.released:
        del content["released"]
    for item in content["items"]:
        item["for_misconception"] = dict(item["for_misconception"])
        for name in ("by_case", "for_misconception"):  # optional: a file without them is as good
            if not item[name]:
                del item[name]
    write_in_one_step(Path(path), (json.dumps(content, indent=1) + "\n").encode())


def read(path: Path) -> Assignment:
    """Read what `write` wrote.

    Args:
        path: an `assignment.json`.

    Returns:
        The assignment.

    Raises:
        OSError: if the file cannot be opened.
        ValueError: if it is not an assignment of schema 1, naming the file and what is wrong.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
        return _assignment(content)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is not an assignment: {error}") from error


def _assignment(content: Any) -> Assignment:
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ValueError(f"schema must be {SCHEMA}")
    fields = {name: value for name, value in content.items() if name not in ("schema", "items")}
    items = content.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("items must be a list of exercises")
    return Assignment(items=tuple(map(_item, items)), **fields)


def _item(data: dict[str, Any]) -> Item:
    shares = data.get("for_misconception", {})
    if not isinstance(shares, dict):
        raise ValueError("for_misconception must be shares by the names of misconceptions")
    return Item(**data | {"for_misconception": tuple(shares.items())})
