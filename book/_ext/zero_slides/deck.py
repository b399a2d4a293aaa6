"""The step of nbconvert that lays out a notebook as slides, named in the template's conf.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_markdown_cell

from zero_slides.slides import Slide, slides_of

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
TEMPLATE = "slides"
WAYS_ON = """<p class="ways-on">
<a href="../notebooks/{name}.html">Back to the chapter</a> <a href="index.html">All slides</a></p>"""


def cells_of(slide: Slide) -> list[NotebookNode]:
    """A slide's cells, marked as nbconvert's slides want them.

    The notes stand before what is shown later: inside of a fragment they would be lost with it.
    """
    cells = []
    for place, cell in enumerate(slide.shown):
        cells.append(_marked(cell, slide.kind if place == 0 else "-", look=slide.look))
    if slide.notes:
        cells.append(_marked(new_markdown_cell("\n\n".join(slide.notes)), "notes"))
    for group in slide.later:
        cells.extend(_marked(cell, "fragment" if i == 0 else "-") for i, cell in enumerate(group))
    return cells


def _marked(cell: NotebookNode, slide_type: str, **data: str) -> NotebookNode:
    cell.metadata["slideshow"] = from_dict({"slide_type": slide_type, "data": data})
    return cell


class ChapterDeck(Preprocessor):
    """Replaces a chapter's cells by those of its slides."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Lay out `nb`; the last slide leads to the page that `resources` names the chapter by."""
        deck = from_dict({**nb, "metadata": {**nb.metadata}})
        slides = slides_of(nb)
        slides[-1].shown.append(new_markdown_cell(WAYS_ON.format(name=resources["metadata"]["name"])))
        deck.cells = [cell for slide in slides for cell in cells_of(slide)]
        deck.metadata["title"] = nb.cells[0].source.splitlines()[0].lstrip("# ")
        return deck, resources
