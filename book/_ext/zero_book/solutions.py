"""The dropdown below an exercise, filled from the reference's source.

A notebook holds the exercise's text, a stub and its check. An exercise labelled `ex-autograd-central-slope`
is the entry "central_slope" of `course_lib.exercises.autograd.EXERCISES`; its reference is shown, folded,
after the code cells that follow the exercise.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import textwrap
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx_exercise.nodes import is_exercise_node

PACKAGE = "course_lib.exercises"
PREFIX = "ex-"

logger = logging.getLogger(__name__)


def find_exercise(label: str, package: str = PACKAGE) -> Any:
    """The exercise that a label names.

    Args:
        label: "ex-<topic>-<name>", with dashes where the topic's module and the name have underscores.
        package: the package whose modules hold `EXERCISES` dictionaries.

    Returns:
        The exercise.

    Raises:
        LookupError: if no split of the label names a module of `package` and an exercise in it.
    """
    parts = label.removeprefix(PREFIX).split("-")
    for cut in range(1, len(parts)):
        module = f"{package}.{'_'.join(parts[:cut])}"
        if importlib.util.find_spec(module):
            exercises = importlib.import_module(module).EXERCISES
            name = "_".join(parts[cut:])
            if name in exercises:
                return exercises[name]
    raise LookupError(f"exercise {label!r}: no module of {package} holds it")


def solution_of(label: str) -> tuple[nodes.Element, str | None]:
    """A folded admonition with the reference's source, and the file it came from."""
    reference = find_exercise(label).reference
    source = textwrap.dedent(inspect.getsource(reference)).rstrip()
    block = nodes.literal_block(source, source, language="python")
    box = nodes.admonition("", nodes.title("", "Solution"), block, classes=["dropdown", "solution"])
    return box, inspect.getsourcefile(reference)


def is_code_cell(node: nodes.Node) -> bool:
    """Whether a node is a notebook's code cell."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def add_solutions(app: Sphinx, doctree: nodes.document) -> None:
    """Insert each exercise's solution after the run of code cells that follows it."""
    for exercise in list(doctree.findall(is_exercise_node)):
        label = exercise.get("label", "")
        if not label.startswith(PREFIX):
            logger.warning("exercise without a label that begins with %r", PREFIX, location=exercise)
            continue
        try:
            box, source = solution_of(label)
        except LookupError as error:
            logger.warning("%s", error, location=exercise)
            continue
        if source:
            app.env.note_dependency(source)
        siblings = exercise.parent
        place = siblings.index(exercise) + 1
        while place < len(siblings) and not is_code_cell(siblings[place]):
            if isinstance(siblings[place], nodes.section) or is_exercise_node(siblings[place]):
                break
            place += 1
        while place < len(siblings) and is_code_cell(siblings[place]):
            place += 1
        siblings.insert(place, box)


def register(app: Sphinx) -> None:
    """Fill in solutions once a page is read."""
    app.connect("doctree-read", add_solutions)
