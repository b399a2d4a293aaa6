"""What a cell's tag says about slides. A cell carries one of these tags or none."""

from __future__ import annotations

from nbformat import NotebookNode

SLIDE_TAGS = {
    "slide": "a slide begins here: at the first heading of a text, else at its beginning",
    "subslide": "a slide begins here too, within the same section",
    "fragment": "joins the slide before it, at the next press of a key",
    "notes": "the speaker reads it, below the slide before it; a cell without a tag is treated so",
    "skip": "is no part of the deck",
}
DEFAULT = "notes"


def place_of(cell: NotebookNode) -> str:
    """The place that a cell's tag gives it.

    Args:
        cell: of a notebook, nbformat 4.

    Returns:
        A key of `SLIDE_TAGS`: "notes" where no tag of the cell is one.

    Raises:
        ValueError: if two of the cell's tags are.
    """
    found = [tag for tag in cell.metadata.get("tags", []) if tag in SLIDE_TAGS]
    if len(found) > 1:
        raise ValueError(f"cell {cell.get('id')!r} is tagged {found}; expected one of {list(SLIDE_TAGS)}")
    return found[0] if found else DEFAULT
