"""Exercises as the chapters' notebooks pose them: the question, the stub, the title."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_classroom.assignment import Item, add_module
from course_exercises.exercise import Exercise

CHAPTERS = Path(__file__).resolve().parents[1] / "notebooks"
_BLOCK = re.compile(
    r"^:::\{exercise\} (?P<title>.+)\n(?::\w+: .*\n)*\n*(?P<text>[\s\S]*?)\n*^:::$", re.MULTILINE
)
_TOPIC = re.compile(r"^from course_exercises\.(?P<topic>\w+) import EXERCISES$", re.MULTILINE)
_DISPLAY = re.compile(r"\$\$(?:(?!\$\$)[\s\S])+?\$\$")
_TAG = re.compile(r"\\tag\{(\d+\.\d+\w?)\}")
_REFERENCE = re.compile(r"\((\d+\.\d+\w?)\)")
_NUMBER = re.compile(r"(?P<number>\d\d)_\w+\.ipynb")


@dataclass(frozen=True)
class Stub:
    """One exercise as a chapter poses it.

    Attributes:
        exercise: "topic/name".
        number: the chapter's.
        chapter: the chapter's title.
        title: the exercise's, as in the chapter.
        text: of the question, Markdown.
        symbol: what the chapter's stub calls the answer.
        source: the stub's code, without the check.
    """

    exercise: str
    number: int
    chapter: str
    title: str
    text: str
    symbol: str
    source: str

    def item(self, place: int) -> Item:
        """The stub as an assignment's entry; a prediction is called after its `place` there, from 1."""
        topic, _, name = self.exercise.partition("/")
        exercise = load(self.exercise)
        symbol = f"answer_{place}" if exercise.kind == "predict" else self.symbol
        return Item(f"{topic}/{name}", symbol, exercise.kind, exercise.points, self.chapter)


def load(exercise: str) -> Exercise:
    """The exercise that "topic/name" names.

    Raises:
        ValueError: if there is none.
    """
    for kind in ("implement", "predict"):
        try:
            return Item(exercise, "answer", kind, 1, "").load()
        except ValueError as error:
            if not str(error).startswith("kind"):
                raise
    raise AssertionError("unreachable: an exercise is of one kind or the other")


def find_stubs(folder: Path = CHAPTERS) -> list[Stub]:
    """All exercises of the chapters in a folder, in the book's order.

    Args:
        folder: holds the chapters' notebooks, `NN_topic.ipynb`.

    Returns:
        A stub for each exercise.

    Raises:
        ValueError: if `folder` holds no chapter, or a stub in one cannot be read.
    """
    paths = sorted(path for path in Path(folder).glob("*.ipynb") if _NUMBER.fullmatch(path.name))
    if not paths:
        raise ValueError(f"folder must hold chapters named NN_topic.ipynb, got {folder}")
    return [stub for path in paths for stub in _stubs_of(path)]


def own_stubs(path: Path) -> list[Stub]:
    """The stubs of an instructor's own exercises: the text is the exercise's, the parameters its reference's.

    Args:
        path: of the module; see `assignment.add_module`.

    Raises:
        ValueError: as `add_module`, or if an exercise has no text.
    """
    topic = add_module(path)
    module = importlib.import_module(f"course_exercises.{topic}")
    chapter = (inspect.getdoc(module) or topic).splitlines()[0].rstrip(".")
    stubs = []
    for name, exercise in module.EXERCISES.items():
        if not exercise.text:
            raise ValueError(f"text of {topic}/{name} must hold the question, got none")
        parameters = ", ".join(inspect.signature(exercise.reference).parameters)
        source = f"def {name}({parameters}):\n    ..."
        stubs.append(Stub(f"{topic}/{name}", 0, chapter, exercise.title, exercise.text, name, source))
    return stubs


def select(stubs: Sequence[Stub], exercises: Sequence[str] = (), chapters: Sequence[int] = ()) -> list[Stub]:
    """Choose exercises: those named, in the order given, then all of the chapters named.

    Args:
        stubs: of the book.
        exercises: "topic/name" each.
        chapters: numbers.

    Returns:
        The stubs chosen, none twice.

    Raises:
        ValueError: naming an exercise or a chapter that the book has not, or if nothing is chosen.
    """
    by_name = {stub.exercise: stub for stub in stubs}
    numbers = sorted({stub.number for stub in stubs})
    for name in exercises:
        if name not in by_name:
            raise ValueError(f"exercises must be among the chapters' {len(by_name)}, got {name!r}")
    for number in chapters:
        if number not in numbers:
            raise ValueError(f"chapters must be among {', '.join(map(str, numbers))}, got {number}")
    chosen = {name: by_name[name] for name in exercises}
    chosen |= {
        stub.exercise: stub
        for number in chapters
        for stub in stubs
        if stub.number == number and stub.exercise not in chosen
    }
    if not chosen:
        raise ValueError("exercises or chapters must name at least one exercise")
    return list(chosen.values())


def _stubs_of(path: Path) -> list[Stub]:
    """The stubs of one chapter."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    chapter = sources[0].splitlines()[0].lstrip("# ").strip()
    topics = [match["topic"] for source in sources for match in _TOPIC.finditer(source)]
    equations = _equations(sources)
    found, block = [], None
    for cell, source in zip(cells, sources, strict=True):
        if cell["cell_type"] == "markdown":
            block = (list(_BLOCK.finditer(source)) or [block])[-1]
        elif block is not None and (checked := _check(source)) is not None:
            name, symbol, line = checked
            topic = next((t for t in topics if _has(f"{t}/{name}")), None)
            if topic is None:
                raise ValueError(f"{path.name}: the stub of {name!r} belongs to no exercise that is imported")
            stub = "\n".join(source.splitlines()[: line - 1]).rstrip()
            number = int(_NUMBER.fullmatch(path.name)["number"])
            exercise = f"{topic}/{name}"
            text = _with_equations(_without_values(block["text"], load(exercise)), equations, chapter)
            found.append(Stub(exercise, number, chapter, block["title"], text, symbol, stub))
            block = None
    return found


def _without_values(text: str, exercise: Exercise) -> str:
    """The question without the paragraph that asks for the book's own values; an assignment has others."""
    return text.removesuffix(exercise.posed()).rstrip() if exercise.kind == "predict" else text


def _equations(sources: Sequence[str]) -> dict[str, str]:
    """A chapter's numbered equations by their numbers, such as "7.4", each as display mathematics."""
    displays = [display for source in sources for display in _DISPLAY.findall(source)]
    return {number: display for display in displays for number in _TAG.findall(display)}


def _with_equations(text: str, equations: dict[str, str], chapter: str) -> str:
    """The question, with the equations below it that it refers to and that do not stand in it."""
    numbers = dict.fromkeys(_REFERENCE.findall(text))
    wanted = {equations[n]: n for n in numbers if n in equations and equations[n] not in text}
    if not wanted:
        return text
    return "\n\n".join([text, f"From the chapter *{chapter}*:", *wanted])


def _check(source: str) -> tuple[str, str, int] | None:
    """Of a cell that ends in `EXERCISES["name"].check(symbol)`: name, symbol, and the line; else None."""
    if ".check(" not in source:
        return None
    try:
        last: Any = ast.parse(source).body[-1]
        call = last.value
        name, (answer,) = call.func.value.slice.value, call.args
        known = call.func.attr == "check" and call.func.value.value.id == "EXERCISES"
        return (name, answer.id, last.lineno) if known else None
    except (SyntaxError, AttributeError, IndexError, ValueError):
        return None


def _has(exercise: str) -> bool:
    try:
        load(exercise)
    except ValueError:
        return False
    return True
