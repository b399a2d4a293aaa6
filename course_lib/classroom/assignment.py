"""What an assignment is: a selection of exercises, a seed for what students see, and one for marking."""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from course_lib.exercises.exercise import Exercise
from course_lib.files import write_in_one_step

SCHEMA = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXERCISE = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Item:
    """One exercise of an assignment.

    Attributes:
        exercise: "topic/name": the file in `course_lib.exercises`, and the key in its `EXERCISES`.
        symbol: the name of the function, or of the answer, in the student's notebook.
        kind: "implement" or "predict".
        points: at least 1.
        chapter: the title of the chapter it belongs to.
    """

    exercise: str
    symbol: str
    kind: Literal["implement", "predict"]
    points: int
    chapter: str

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

    def load(self) -> Exercise:
        """The exercise itself: its inputs, reference and misconceptions.

        Raises:
            ValueError: if there is none of that name, or its kind is another.
        """
        topic, _, name = self.exercise.partition("/")
        try:
            exercises = importlib.import_module(f"course_lib.exercises.{topic}").EXERCISES
        except (ImportError, AttributeError) as error:
            raise ValueError(f"exercise {self.exercise!r} names no topic of course_lib.exercises") from error
        if name not in exercises:
            raise ValueError(f"exercise must be one of {', '.join(exercises)} in {topic}, got {name!r}")
        if exercises[name].kind != self.kind:
            raise ValueError(f"kind of {self.exercise} must be {exercises[name].kind!r}, got {self.kind!r}")
        return exercises[name]


@dataclass(frozen=True)
class Assignment:
    """What is handed out and marked together.

    Attributes:
        name: of the notebook's file, without its ending.
        items: in the notebook's order.
        seed: of the questions that students see.
        marking_seed: of the inputs that answers are run on; None in every copy but the instructor's.
    """

    name: str
    items: tuple[Item, ...]
    seed: int
    marking_seed: int | None = None

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


def write(assignment: Assignment, path: Path) -> None:
    """Write an assignment as JSON, `assignment.json`, in one step."""
    content = {"schema": SCHEMA} | asdict(assignment)
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

    Taught in: "For instructors".
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
    return Assignment(items=tuple(Item(**item) for item in items), **fields)
