"""The instructor's box below an exercise: what it earns, and what it tells whom."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

from docutils import nodes

from course_exercises.exercise import Exercise

SHORT = 100  # characters of an answer that is still taken in at a glance
_MARKUP = re.compile(r"(`[^`\n]+`|\*[^*\n]+\*)")


@functools.cache
def _expressions(file: str) -> dict[int, list[tuple[str, str]]]:
    """By the line it begins on: each function's key and source, of those that are a single expression."""
    found: dict[int, list[tuple[str, str]]] = {}
    with open(file, encoding="utf-8") as opened:
        tree = ast.parse(opened.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            found.setdefault(node.lineno, []).append((_shape(node.args), ast.unparse(node)))
        elif isinstance(node, ast.FunctionDef) and not node.decorator_list:
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
                made = ast.unparse(ast.Lambda(_bare(node.args), body[0].value))
                found.setdefault(node.lineno, []).append((_shape(node.args), made))
    return found


def _shape(arguments: ast.arguments) -> str:
    """The names of a function's parameters: enough to tell two of one line apart."""
    return ", ".join(argument.arg for argument in [*arguments.posonlyargs, *arguments.args])


def _bare(arguments: ast.arguments) -> ast.arguments:
    """A copy of a function's parameters without annotations."""
    copy = ast.parse(f"def f({ast.unparse(arguments)}): ...").body[0].args
    for argument in [*copy.posonlyargs, *copy.args, *copy.kwonlyargs]:
        argument.annotation = None
    return copy


def expression_of(function: Callable[..., Any]) -> str | None:
    """A function that is one short expression, as a lambda; None for any other."""
    if not inspect.isfunction(function) or function.__code__.co_freevars:
        return None
    code = function.__code__
    names = ", ".join(code.co_varnames[: code.co_argcount])
    here = _expressions(code.co_filename).get(code.co_firstlineno, [])
    matching = [source for shape, source in here if shape == names]
    return matching[0] if len(matching) == 1 and len(matching[0]) <= SHORT else None


def value_of(function: Callable[..., Any], exercise: Exercise) -> str | None:
    """What a function predicts for the book's own draw, to six digits; None where that is long."""
    try:
        text = _digits(function(*exercise.cases()[0]))
    except Exception as error:  # a misconception may well end in one
        text = type(error).__name__
    return text if len(text) <= SHORT else None


def _digits(value: Any) -> str:
    if isinstance(value, tuple):
        inner = ", ".join(map(_digits, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return f"{value:.6g}" if type(value) is float else repr(value)


def recognised(function: Callable[..., Any], exercise: Exercise) -> str | None:
    """The answer that shows a misconception: a prediction's value or a function's expression, where short."""
    return value_of(function, exercise) if exercise.kind == "predict" else expression_of(function)


def words(text: str) -> list[nodes.Node]:
    """A hint with its `code` and *emphasis*."""
    made: list[nodes.Node] = []
    for piece in filter(None, _MARKUP.split(text)):
        if _MARKUP.fullmatch(piece):
            kind = nodes.literal if piece.startswith("`") else nodes.emphasis
            made.append(kind(piece, piece[1:-1]))
        else:
            made.append(nodes.Text(piece))
    return made


def marking_of(name: str, exercise: Exercise) -> nodes.Element:
    """A folded admonition: points, kind, the name to release it by, and each misconception with its hint.

    Args:
        name: "topic/name".
        exercise: of that name.

    Returns:
        The box.
    """
    points = f"{exercise.points} point{'s' * (exercise.points != 1)}"
    head = nodes.paragraph("", "", nodes.Text("Released as "), nodes.literal("", name), nodes.Text("."))
    if exercise.kind == "predict" and (right := value_of(exercise.reference, exercise)):
        head += [nodes.Text(" Right in this book: "), nodes.literal("", right), nodes.Text(".")]
    entries = nodes.definition_list()
    for title, misconception in exercise.misconceptions.items():
        told = nodes.paragraph("", "", *words(misconception.hint))
        definition = nodes.definition("", told)
        if answer := recognised(misconception.function, exercise):
            definition += nodes.paragraph("", "", nodes.Text("Answer: "), nodes.literal("", answer))
        entries += nodes.definition_list_item("", nodes.term("", title), definition)
    title = nodes.title("", f"For marking · {points} · {exercise.kind}")
    return nodes.admonition("", title, head, entries, classes=["dropdown", "marking"])
