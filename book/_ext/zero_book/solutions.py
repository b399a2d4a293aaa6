"""What stands below an exercise: its solution, and in the instructor's edition how it is marked.

A notebook holds the exercise's text, a stub and its check. An exercise labelled `ex-autograd-central-slope`
is the entry "central_slope" of `course_exercises.autograd.EXERCISES`; its reference is shown, folded,
after the code cells that follow the exercise. The student edition shows nothing there.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx_exercise.nodes import is_exercise_node

from course_classroom import standalone_source
from zero_book import answers
from zero_book.edition import Edition
from zero_book.marking import marking_of

PACKAGE = "course_exercises"
PREFIX = "ex-"

logger = logging.getLogger(__name__)


def name_of(label: str, package: str = PACKAGE) -> str:
    """The exercise that a label names, as "topic/name".

    Args:
        label: "ex-<topic>-<name>", with dashes where the topic's module and the name have underscores.
        package: the package whose modules hold `EXERCISES` dictionaries.

    Returns:
        The topic's module and the name in it.

    Raises:
        LookupError: if no split of the label names a module of `package` and an exercise in it.
    """
    parts = label.removeprefix(PREFIX).split("-")
    for cut in range(1, len(parts)):
        topic, name = "_".join(parts[:cut]), "_".join(parts[cut:])
        module = f"{package}.{topic}"
        if importlib.util.find_spec(module) and name in importlib.import_module(module).EXERCISES:
            return f"{topic}/{name}"
    raise LookupError(f"exercise {label!r}: no module of {package} holds it")


def find_exercise(label: str, package: str = PACKAGE) -> Any:
    """The exercise itself that a label names; raises LookupError as `name_of` does."""
    topic, _, name = name_of(label, package).partition("/")
    return importlib.import_module(f"{package}.{topic}").EXERCISES[name]


def solution_of(label: str) -> tuple[nodes.Element, str | None]:
    """A folded admonition with source that runs by itself, and the file it came from.

    Of a prediction the value comes first, then the reason.
    """
    exercise = find_exercise(label)
    reference = exercise.reference
    source = standalone_source.shown(answers.stub_of(name_of(label)).item(1))
    block = nodes.literal_block(source, source, language="python")
    box = nodes.admonition("", nodes.title("", "Solution"), block, classes=["dropdown", "solution"])
    if exercise.kind == "predict":
        value = written(reference(*exercise.cases()[0]), exercise.decimals)
        box.insert(1, nodes.paragraph("", "", nodes.strong("", value), nodes.Text(f". {exercise.reason}")))
    return box, inspect.getsourcefile(reference)


def written(value: Any, decimals: int | None = None) -> str:
    """A prediction as one would write it: to so many places, or to three digits; whole numbers in full."""
    if isinstance(value, list | tuple):
        return f"({', '.join(written(part, decimals) for part in value)})"
    if isinstance(value, float) and value != round(value):
        return (
            f"{value:.{decimals}f}" if decimals else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
        )
    return f"{value:,.0f}" if isinstance(value, int | float) and abs(value) >= 10_000 else f"{value:g}"


def boxes_below(label: str, edition: Edition) -> tuple[list[nodes.Element], str | None]:
    """What an edition shows below an exercise, and the file it came from; for students, nothing.

    Raises:
        LookupError: if the label names no exercise.
    """
    name = name_of(label)
    if edition == "student":
        return [], None
    box, source = solution_of(label)
    return [box, marking_of(name, find_exercise(label))] if edition == "instructor" else [box], source


def add_solutions(app: Sphinx, doctree: nodes.document) -> None:
    """Insert what belongs below each exercise after the run of code cells that follows it."""
    for exercise in list(doctree.findall(is_exercise_node)):
        label = exercise.get("label", "")
        if not label.startswith(PREFIX):
            logger.warning("exercise without a label that begins with %r", PREFIX, location=exercise)
            continue
        try:
            boxes, source = boxes_below(label, app.config.book_edition)
        except LookupError as error:
            logger.warning("%s", error, location=exercise)
            continue
        if source:
            app.env.note_dependency(source)
        siblings = exercise.parent
        place = siblings.index(exercise) + 1
        while place < len(siblings) and not answers.is_code_cell(siblings[place]):
            if isinstance(siblings[place], nodes.section) or is_exercise_node(siblings[place]):
                break
            place += 1
        while place < len(siblings) and answers.is_code_cell(siblings[place]):
            place += 1
        kind = find_exercise(label).kind
        here = (
            [answers.box(name_of(label), kind)] if answers.answerable(kind, app.config.book_edition) else []
        )
        siblings.insert(place, [*here, *boxes])


def register(app: Sphinx) -> None:
    """Fill in solutions once a page is read."""
    app.connect("doctree-read", add_solutions)
