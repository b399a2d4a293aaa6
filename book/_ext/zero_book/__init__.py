"""The book's own Sphinx extension: what Jupyter Book lacks for live pages that stay offline.

boxes.py        prediction, goes wrong, in the library, going further
explorable.py   the directive that puts a live explorable into a prose page
edition.py      for readers, for a course's students, or for its instructor
answers.py      what an exercise needs to be answered in the page
solutions.py    the dropdown below an exercise, filled from the reference's source
marking.py      the instructor's box below it: points, misconceptions, hints
handout.py      the student edition's assignments: a zip for each chapter, without solutions
chapter.py      the line above a chapter's title, the strip below it, numbers by chapter
travelling.py   a chapter's copy for places without MyST: plain Markdown, no outputs
learner.py      the copy a reader downloads
weights.py      the models that run in the pages, and ONNX Runtime, below the site's root
reference.py    every public module of course_lib, without a list kept by hand
glossary.py     links from a chapter's first use of a term to the glossary
performance.py  the tables of what was measured
page.py         small repairs of what the theme puts on every page
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from zero_book import (
    answers,
    boxes,
    chapter,
    edition,
    explorable,
    glossary,
    handout,
    learner,
    page,
    performance,
    reference,
    solutions,
    weights,
)


def fingerprint() -> str:
    """A hash of the extension's own files: pages read by another version of it are read again."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register every part of the extension."""
    for part in (
        edition,
        boxes,
        explorable,
        glossary,
        solutions,
        answers,
        handout,
        chapter,
        learner,
        reference,
        page,
        performance,
        weights,
    ):
        part.register(app)
    return {
        "version": "1",
        "env_version": fingerprint(),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
