"""Cells in, slides out: what is shown, what is shown later, what only the speaker reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_markdown_cell

from zero_slides.leads import lead_to, legend_of
from zero_slides.markdown import BOXES, Block, blocks_of
from zero_slides.tags import place_of

LONGEST_CODE = 18  # lines; of longer code only what it prints is shown, if it prints anything
SHOWN = {"formula", "box", "claim", "table", "code"}
FOR_THE_READER = ("*Before you start", "*Time", "**Sources.", "**Next:")


@dataclass
class Slide:
    """One slide.

    Attributes:
        kind: "slide" where a section begins, else "subslide".
        look: "title", "closing", "section" (it has a heading of its own) or "continued".
        shown: cells in sight from the beginning.
        later: groups of cells, each shown at a press of a key.
        notes: Markdown for the speaker.
        kinds: of the blocks of text on it.
    """

    kind: str
    look: str = "continued"
    shown: list[NotebookNode] = field(default_factory=list)
    later: list[list[NotebookNode]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)


def slides_of(notebook: NotebookNode) -> list[Slide]:
    """Lay out a chapter.

    Args:
        notebook: a chapter, whose first cell holds its title; nothing in it is changed.

    Returns:
        Its slides, the title first. The last one shows the first paragraph of the chapter's last text.

    Raises:
        ValueError: if a cell has two tags for slides, a text has an open fence, or the first cell no title.
    """
    layout = _Layout([block.title for block in _texts(notebook) if block.kind == "exercise"])
    first, *others, last = notebook.cells
    layout.open_with(blocks_of(first.source))
    for cell in others:
        place = place_of(cell)
        if place == "skip":
            continue
        if cell.cell_type == "code":
            layout.add_code(cell, place)
        else:
            layout.add_text(blocks_of(cell.source), place)
    layout.close_with(blocks_of(last.source))
    return layout.slides


def _texts(notebook: NotebookNode) -> list[Block]:
    return [b for cell in notebook.cells if cell.cell_type == "markdown" for b in blocks_of(cell.source)]


class _Layout:
    """The slides so far, and the section they are in."""

    def __init__(self, exercises: list[str]) -> None:
        self.slides: list[Slide] = []
        self.section = ""
        self.lead = ""
        self.exercises = exercises

    @property
    def slide(self) -> Slide:
        return self.slides[-1]

    def open_with(self, blocks: list[Block]) -> None:
        if not blocks or blocks[0].kind != "heading":
            raise ValueError("the notebook's first cell has no heading; expected the chapter's title")
        self.section = blocks[0].text
        paragraphs = [block.text for block in blocks[1:]]
        said = [text for text in paragraphs if not text.startswith(FOR_THE_READER)]
        text = "\n\n".join(['<p class="eyebrow">PyTorch from Zero</p>', f"# {self.section}", *said])
        notes = [text for text in paragraphs if text not in said]
        self.slides.append(Slide("slide", "title", [new_markdown_cell(text)], notes=notes))

    def begin(self, kind: str) -> None:
        """Open a slide that continues the section until a heading says otherwise."""
        head = f'<div class="running-head">\n\n{self.section}\n\n</div>'
        self.slides.append(Slide(kind, shown=[new_markdown_cell(head)]))

    def add_code(self, cell: NotebookNode, place: str) -> None:
        cell = from_dict(cell)
        tags = cell.metadata.get("tags", [])
        cell.outputs = [] if "remove-output" in tags else [_short(output) for output in cell.outputs]
        long = len(cell.source.splitlines()) > LONGEST_CODE and cell.outputs
        if place in {"slide", "subslide"}:
            self.begin(place)
        if "hide-input" not in tags and (place == "notes" or long):
            self.slide.notes.append(f"```python\n{cell.source}\n```")
        if place != "notes":
            live = is_live(cell)
            bare = bool(live or long or "hide-input" in tags)
            cell.metadata["transient"] = {"remove_source": bare}
            lead = [words(self.lead)] if self.lead and not live else []
            self._show([*lead, cell], "slide" if live else place)
        self.lead = ""

    def add_text(self, blocks: list[Block], place: str) -> None:
        if place in {"slide", "subslide"}:
            cut = next((i for i, block in enumerate(blocks) if block.kind in {"heading", "claim"}), 0)
            self._add_blocks(blocks[:cut], "fragment")
            self.begin(place)
            blocks = blocks[cut:]
        self._add_blocks(blocks, place)
        self.lead = lead_to(blocks[-1].text) if blocks[-1].kind == "prose" else ""

    def close_with(self, blocks: list[Block]) -> None:
        """The last slide shows the first paragraph: what the chapter comes to."""
        self.begin("slide")
        self.slide.look = "closing"
        said = next(block for block in blocks if block.kind == "prose")
        for block in blocks:
            if block.kind == "heading":
                self.slide.shown[0] = new_markdown_cell(f"## {block.text}")
            elif block is said:
                self._show([new_markdown_cell(block.text)], "slide")
            else:
                self.slide.notes.append(markdown_of(block))

    def _add_blocks(self, blocks: list[Block], place: str) -> None:
        for before, block, after in zip([None, *blocks], blocks, [*blocks[1:], None], strict=False):
            if block.kind == "heading":
                self.section = block.text
                if place != "notes":
                    self._set_heading(block)
            elif block.kind == "exercise" and place != "notes":
                self._list_exercises()
                self.slide.notes.append(f"**{block.title}.** {block.text}")
            elif place != "notes" and is_for_all(block):
                self._make_room(block, place)
                cells, when = [new_markdown_cell(markdown_of(block))], place
                if block.kind == "formula":
                    when = "fragment" if "formula" in self.slide.kinds else place
                    lead = lead_to(before.text) if before and before.kind == "prose" else ""
                    legend = legend_of(after.text) if after and after.kind == "prose" else ""
                    if after and legend and legend in lead_to(after.text):
                        legend = ""  # it leads on, and is said there
                    cells = [*([words(lead)] if lead else []), *cells, *([words(legend)] if legend else [])]
                self._show(cells, when, block.kind)
            else:
                self.slide.notes.append(markdown_of(block))

    def _make_room(self, block: Block, place: str) -> None:
        """A box wants a slide with nothing but a heading, what follows a box another; so does the title."""
        crowded = len(self.slide.shown) > 1 if block.kind == "box" else "box" in self.slide.kinds
        if self.slide.look == "title" or (place in {"slide", "subslide"} and crowded):
            self.begin("subslide")

    def _set_heading(self, block: Block) -> None:
        if self.slide.look != "continued" or len(self.slide.shown) > 1 or self.slide.later:
            self.begin("slide")
        self.slide.shown[0] = new_markdown_cell(f"## {block.text}")
        self.slide.look = "section"

    def _list_exercises(self) -> None:
        if self.exercises:
            lines = [f"{place}. {title}" for place, title in enumerate(self.exercises, start=1)]
            self._show([new_markdown_cell("\n".join(lines))], "slide")
            self.exercises = []

    def _show(self, cells: list[NotebookNode], place: str, kind: str = "") -> None:
        self.slide.kinds.add(kind)
        if place == "fragment":
            self.slide.later.append(cells)
        else:
            self.slide.shown.extend(cells)


def is_for_all(block: Block) -> bool:
    """Whether a block stands on the slide: of boxes, those that the book gives a meaning."""
    return block.kind in SHOWN and (block.kind != "box" or block.name in BOXES)


def is_live(cell: NotebookNode) -> bool:
    """Whether a cell's output is an explorable, which waits for nobody."""
    return any('class="explorable"' in output.get("data", {}).get("text/html", "") for output in cell.outputs)


def words(text: str) -> NotebookNode:
    """A text cell for a line of prose."""
    return new_markdown_cell(f'<div class="words">\n\n{text}\n\n</div>')


def markdown_of(block: Block) -> str:
    """A block as Markdown that needs no directive: a box is a div, prose is itself."""
    if block.kind == "box":
        return f'<div class="book-box {block.name}">\n\n**{block.title}**\n\n{block.text}\n\n</div>'
    if block.kind == "exercise":
        return f"**{block.title}.** {block.text}"
    if block.kind == "code":
        return f"```{block.name}\n{block.text}\n```"
    return block.text


def _short(output: NotebookNode) -> NotebookNode:
    """An output as it is; an error without its traceback."""
    if output.output_type == "error":
        output.traceback = [f"{output.ename}: {output.evalue}"]
    return output
