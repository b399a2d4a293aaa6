"""One assignment of every exercise of every chapter, released once for the tests that look at it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from course_classroom.assignment import Assignment
from course_classroom.chapter_exercises import Stub, find_stubs, select
from course_classroom.release import release

SOME = (
    "sequences/steps_until_a_hundredth",
    "autograd/central_slope",
    "sequences/padded_loss",
    "distributed/bubble",
)


def some_stubs() -> list[Stub]:
    """A prediction, a function of a function, one with a helper, and one whose reference is a lambda."""
    return select(find_stubs(), SOME)


def release_some(out: Path, **seeds: int) -> Assignment:
    """Release four exercises of three chapters."""
    return release("week1", some_stubs(), out, **({"seed": 11, "marking_seed": 4711} | seeds))


def unzipped(path: Path) -> dict[str, bytes]:
    """A zip's files by name."""
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def executed(path: Path) -> nbformat.NotebookNode:
    """A notebook, run from the first cell to the last in its own folder; an error in a cell raises."""
    content = nbformat.read(path, as_version=4)
    nbformat.validate(content)
    return NotebookClient(content, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()


def printed(content: nbformat.NotebookNode, role: str) -> dict[str, str]:
    """What the cells of a role printed, by exercise."""
    return {
        cell.metadata.course_lib.exercise: "".join(output.get("text", "") for output in cell.outputs)
        for cell in content.cells
        if cell.metadata.get("course_lib", {}).get("role") == role and "exercise" in cell.metadata.course_lib
    }


def sources(path: Path) -> str:
    """All the text of a notebook's cells."""
    return "\n\n".join("".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"])
