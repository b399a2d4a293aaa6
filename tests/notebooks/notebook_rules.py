"""What a chapter's notebook must obey, as functions that look at one notebook."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

# Each tag and why a cell may carry it.
ALLOWED_TAGS = {
    "hide-input": "the cell only draws",
    "hide-output": "the output answers a prediction, and is folded until the reader asks for it",
    "raises-exception": "the cell fails on purpose; nbval compares the error's name and text",
    "nbval-ignore-output": "times and trained networks differ between machines; an assertion follows",
    "remove-output": "the output lives only with a kernel and would be dead in the page",
}
UNCHECKED = "nbval-ignore-output"
ASSERTING_CALLS = re.compile(r"assert_(close|allclose|array_equal|array_almost_equal|equal)$")
INNOCENT = {
    "torch",
    "np",
    "numpy",
    "math",
    "F",
    "nn",
    "plt",
    "bands",
    "len",
    "float",
    "int",
    "range",
    "list",
}


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells of a notebook, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> set[str]:
    """A cell's tags."""
    return set(cell.metadata.get("tags", []))


def line_count(cell: NotebookNode) -> int:
    """Lines of a cell that hold something; a formatter's blank lines do not count."""
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def shows_png(cell: NotebookNode) -> bool:
    """Whether a cell shows a PNG, which nbval does not compare."""
    return any("image/png" in output.get("data", {}) for output in cell.outputs)


def parse(cell: NotebookNode) -> ast.Module:
    """A code cell's syntax tree; lines for the shell or a magic are left out."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in cell.source.splitlines()]
    return ast.parse("\n".join(lines))


def names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Names that a tree stores or loads, the everyday ones left out."""
    found = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }
    return found - INNOCENT


def can_fail(test: ast.expr) -> bool:
    """Whether an assertion's condition says something: not True, `> 0`, `is not None` or mere existence."""
    if isinstance(test, ast.BoolOp):
        verdicts = [can_fail(value) for value in test.values]
        return any(verdicts) if isinstance(test.op, ast.And) else all(verdicts)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Compare | ast.Call | ast.Attribute) and can_fail(test.operand)
    if isinstance(test, ast.Compare):
        zero = any(isinstance(right, ast.Constant) and right.value == 0 for right in test.comparators)
        signs_only = zero and all(isinstance(op, ast.Gt | ast.GtE | ast.NotEq) for op in test.ops)
        against_none = any(isinstance(op, ast.Is | ast.IsNot) for op in test.ops)
        constant = all(isinstance(side, ast.Constant) for side in (test.left, *test.comparators))
        return not (signs_only or against_none or constant)
    if isinstance(test, ast.Call):
        called = test.func.attr if isinstance(test.func, ast.Attribute) else getattr(test.func, "id", "")
        return called in {"equal", "allclose", "all", "any", "issubset"}
    return isinstance(test, ast.Attribute) and test.attr == "inside"


def real_assertions(tree: ast.AST) -> Iterator[ast.AST]:
    """Assertions in a tree that can fail: statements, or calls of torch's and numpy's own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and can_fail(node.test):
            yield node.test
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and ASSERTING_CALLS.match(node.func.attr)
        ):
            yield node


def unguarded(notebook: NotebookNode) -> list[int]:
    """Places (from 0, among code cells) of cells that nbval does not compare and no assertion guards.

    A guard stands in the cell itself or in the next code cell, can fail, and speaks of a name that the cell
    sets or uses.
    """
    cells = code_cells(notebook)
    bare = []
    for place, cell in enumerate(cells):
        if UNCHECKED not in tags(cell) and not shows_png(cell):
            continue
        tree = parse(cell)
        subject = names(tree, ast.Store) | names(tree, ast.Load)
        candidates = [parse(near) for near in cells[place : place + 2]]
        if not any(
            names(guard, ast.Load) & subject for near in candidates for guard in real_assertions(near)
        ):
            bare.append(place)
    return bare


def in_plain_sight(notebook: NotebookNode) -> list[str]:
    """Predictions that no folded output follows before the next, and folded outputs that none precedes."""
    found, asked, answered = [], "", True
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^:::\{prediction\}", cell.source, re.MULTILINE):
            found += [] if answered else [asked]
            asked, answered = cell.source, False
        elif "hide-output" in tags(cell):
            found += [] if asked and cell.outputs else [cell.source]
            answered = True
    return [*found, *([] if answered else [asked])]


FENCE = re.compile(r"^\s*:{3,}.*$|^\s*:\w[\w-]*:.*$", re.MULTILINE)
CODE_BLOCK = re.compile(r"```.*?```", re.DOTALL)
FORMULA = re.compile(r"\$\$.*?\$\$(?:\s*\([\w-]+\))?|\$[^$\n]+\$", re.DOTALL)
CHAPTER_LINK = re.compile(r"\[[^\]]*\]\([^)]*\.ipynb[^)]*\)")
CHAPTER_TITLE = re.compile(r"^# .*$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
WORD = re.compile(r"[^\W\d_][\w'’-]*")


# Forms that every chapter fills in, not prose: what a bug's story is told under, and what a chapter takes.
FORM = re.compile(
    r"the check that would have caught it|^\W*(?:Before you start|Time)\b.*?(?:\n\s*\n|\Z)",
    re.I | re.S | re.M,
)


def prose(notebook: NotebookNode) -> list[str]:
    """The paragraphs of a notebook's text, without fences, code, formulas and link targets."""
    paragraphs: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        text = cell.source
        for pattern in (CODE_BLOCK, FENCE):
            text = pattern.sub("\n", text)
        for pattern in (FORMULA, CHAPTER_LINK, CHAPTER_TITLE, FORM):
            text = pattern.sub(" ¶\n\n" if pattern is FORM else " ¶ ", text)
        text = LINK.sub(r"\1", text)
        text = re.sub(r"`[^`]*`", " ¶ ", text)
        paragraphs += [part for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-*#|]|\d+\.))", text) if part.strip()]
    return paragraphs


def word_count(notebook: NotebookNode) -> int:
    """Words of a notebook's text; formulas and code do not count."""
    return sum(len(WORD.findall(paragraph)) for paragraph in prose(notebook))


def phrases(notebook: NotebookNode, length: int = 6) -> set[tuple[str, ...]]:
    """Every run of `length` words within a sentence of a notebook's text, in lower case."""
    found = set()
    for paragraph in prose(notebook):
        for sentence in re.split(r"[.!?:;¶]", paragraph):
            words = [word.lower() for word in WORD.findall(sentence)]
            found |= {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}
    return found
