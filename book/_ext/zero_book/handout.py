"""In the student edition, each chapter's exercises as an assignment: a zip that holds no solution.

The zip is the one that `python -m course_classroom release` makes with the name, the chapter and the
seed below, so an instructor who runs that command can mark what students took from the book.
"""

from __future__ import annotations

import html
import tempfile
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx_exercise.nodes import is_exercise_node

from course_classroom.chapter_exercises import Stub, find_stubs, load
from course_classroom.release import release
from course_exercises.exercise import BOOK_SEED
from zero_book import learner
from zero_book.travelling import number_of

HOW = (
    "Unpack it, open the notebook beside <code>checker.py</code>, put an answer in the place of each "
    "<code>...</code>, run the check below it, and hand the notebook in. It needs PyTorch and nothing else."
)


def name_of(docname: str) -> str:
    """What a chapter's assignment is called."""
    return f"{Path(docname).name}_exercises"


def stubs_by_chapter(app: Sphinx) -> dict[str, list[Stub]]:
    """The exercises of each page that poses any, in the page's order."""
    found = find_stubs(Path(app.srcdir) / "notebooks")
    pages = {docname: number_of(docname) for docname in sorted(app.env.found_docs)}
    chosen = {
        page: [stub for stub in found if stub.number == number] for page, number in pages.items() if number
    }
    return {page: stubs for page, stubs in chosen.items() if stubs}


def write_zip(docname: str, stubs: list[Stub], folder: Path) -> Path:
    """Release a chapter's exercises and keep what students get.

    Args:
        docname: of the chapter.
        stubs: of its exercises.
        folder: for the zip; made here.

    Returns:
        The zip's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name_of(docname)}.zip"
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        # The instructor's copy goes with the folder, and with it the seed for marking: any will do.
        release(name_of(docname), stubs, out, seed=BOOK_SEED, marking_seed=BOOK_SEED)
        path.write_bytes((out / path.name).read_bytes())
    return path


def box(docname: str, stubs: list[Stub]) -> nodes.raw:
    """What a chapter says above its first exercise: the zip, and what to do with it."""
    points = sum(load(stub.exercise).points for stub in stubs)
    address = f"{'../' * docname.count('/')}{learner.FOLDER}/{name_of(docname)}.zip"
    link = f'<a href="{html.escape(address)}" download>{html.escape(name_of(docname))}.zip</a>'
    size = f"{len(stubs)} exercise{'s' * (len(stubs) != 1)}, {points} point{'s' * (points != 1)}"
    said = f"<strong>To hand in:</strong> {link}, {size}. {HOW}"
    return nodes.raw("", f'<p class="handout">{said}</p>', format="html")


def offer(app: Sphinx, doctree: nodes.document) -> None:
    """Put the box above a chapter's first exercise."""
    first = next(iter(doctree.findall(is_exercise_node)), None)
    if app.config.book_edition == "student" and first is not None:
        stubs = stubs_by_chapter(app).get(app.env.docname)
        if stubs:
            first.parent.insert(first.parent.index(first), box(app.env.docname, stubs))


def write_zips(app: Sphinx, exception: Exception | None) -> None:
    """Write every chapter's zip into the built site."""
    if exception is None and app.config.book_edition == "student" and app.builder.format == "html":
        for docname, stubs in stubs_by_chapter(app).items():
            write_zip(docname, stubs, Path(app.outdir) / learner.FOLDER)


def register(app: Sphinx) -> None:
    """Offer the zips, and write them when the build ends."""
    app.connect("doctree-read", offer)
    app.connect("build-finished", write_zips)
