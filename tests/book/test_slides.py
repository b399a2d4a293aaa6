"""What stands on a chapter's slides, and what only its speaker reads."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import zero_slides
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from zero_slides.deck import cells_of
from zero_slides.folder import NOTEBOOKS, exporter, up_to_date
from zero_slides.leads import lead_to, legend_of
from zero_slides.markdown import blocks_of
from zero_slides.slides import LONGEST_CODE, Slide, is_live, slides_of
from zero_slides.tags import SLIDE_TAGS, place_of

CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
NUMBERED = [path for path in CHAPTERS if path.name[0].isdigit()]
FENCE_OR_ROLE = re.compile(r":::|\{(?:numref|cite|term|eq|doc|ref|prediction|exercise)[\w:]*\}")


def tagged(text: str, *tags: str):
    return new_markdown_cell(text, metadata={"tags": list(tags)})


def code(source: str, *tags: str, prints: str = ""):
    outputs = [new_output("stream", name="stdout", text=prints)] if prints else []
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=outputs)


def layout(*cells) -> list[Slide]:
    """The slides between title and end of a chapter with these cells."""
    ends = (tagged("# 1 · Rows\n\nA promise.\n\n*Time:* an hour."), tagged("## The end\n\nSaid.\n\nMore."))
    return slides_of(new_notebook(cells=[ends[0], *cells, ends[1]]))[1:-1]


def sources(cells) -> str:
    return "\n".join(cell.source for cell in cells)


def everything(slide: Slide):
    return [*slide.shown, *(cell for group in slide.later for cell in group)]


@pytest.fixture(scope="module", params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return nbformat.read(request.param, as_version=4), request.param


def test_each_cell_of_a_chapter_has_at_most_one_place(chapter):
    notebook, _ = chapter
    places = [place_of(cell) for cell in notebook.cells]
    assert places[0] == places[-1] == "slide"
    assert {"slide", "subslide", "fragment", "skip", "notes"} >= set(places)
    first_code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert place_of(first_code) == "skip", "the set-up is for whoever runs the notebook"


def test_a_deck_has_what_a_lecture_needs(chapter):
    notebook, path = chapter
    slides = slides_of(notebook)
    assert 10 <= len(slides) <= 30
    assert [slide.look for slide in slides].count("title") == 1 == [s.look for s in slides].count("closing")
    assert (slides[0].look, slides[-1].look) == ("title", "closing")
    cells = [cell for slide in slides for cell in everything(slide)]
    assert any('class="book-box prediction"' in cell.source for cell in cells)
    if path in NUMBERED:
        drawn = [
            o
            for c in cells
            for o in c.get("outputs", [])
            if {"image/svg+xml", "image/png"} & {*o.get("data", {})}
        ]
        assert drawn or any(is_live(cell) for cell in cells if cell.cell_type == "code")
        texts = [
            block
            for cell in notebook.cells
            if cell.cell_type == "markdown"
            for block in blocks_of(cell.source)
        ]
        exercises = [block.title for block in texts if block.kind == "exercise"]
        assert exercises
        listed = "\n".join(f"{place}. {title}" for place, title in enumerate(exercises, start=1))
        assert [cell.source for cell in cells].count(listed) == 1
    for slide in slides:
        assert len(everything(slide)) > 1 or slide.look == "title", f"an empty slide in {slide.shown}"


def test_nothing_of_the_source_s_own_marks_is_seen(chapter):
    notebook, path = chapter
    body, _ = exporter().from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    page = BeautifulSoup(body, "html.parser")
    loaded = page.find_all(["script", "link", "img"])
    addresses = [address for each in loaded if (address := each.get("src") or each.get("href"))]
    assert "vendor/mathjax/tex-chtml.js" in addresses
    assert not [address for address in addresses if address.startswith(("http:", "https:", "//", "/"))]
    for aside in page.find_all(["pre", "script", "style"]):
        aside.decompose()
    assert FENCE_OR_ROLE.search(page.get_text()) is None
    assert "](" not in page.get_text()
    assert not [
        link["href"]
        for link in page.find_all("a", href=True)
        if ".ipynb" in link["href"] or ".md" in link["href"]
    ]
    last = page.select("section > section")[-1]
    assert last.find("a", href=f"../notebooks/{path.stem}.html")
    assert all(image["alt"] for image in page.find_all("img", class_="figure"))
    assert page.title.get_text().startswith(notebook.cells[0].source.splitlines()[0].lstrip("# "))


def test_prose_goes_to_the_notes_and_formulas_to_the_slide():
    [slide] = layout(
        tagged("## Steps\n\nMuch prose.\n\nHence\n\n$$\na = b\n$$\n\nwith $a$ a row. And more.", "slide")
    )
    shown = sources(slide.shown)
    assert "## Steps" in shown
    assert "$$\na = b\n$$" in shown
    assert "Much prose" not in shown
    assert "Hence" in shown
    assert "with $a$ a row." in shown
    assert "And more" not in shown
    assert "Much prose." in "\n".join(slide.notes)


def test_text_before_a_heading_belongs_to_the_slide_before():
    first, second = layout(
        tagged("## One\n\n$$x$$", "slide"), tagged("Seen?\n\n$$y$$\n\n## Two\n\n$$z$$", "slide")
    )
    assert "Seen?" in "\n".join(first.notes)
    assert "$$y$$" in sources(first.later[0])
    assert "$$z$$" in sources(second.shown)
    assert not second.later


def test_a_second_formula_waits_for_a_key():
    [slide] = layout(tagged("## One\n\n$$x$$\n\n$$y$$", "slide"))
    assert "$$y$$" not in sources(slide.shown)
    assert [sources(group) for group in slide.later] == ["$$y$$"]


def test_what_stands_between_two_formulas_is_said_once():
    [slide] = layout(tagged("## One\n\n$$x$$\n\nand back again. So\n\n$$y$$", "slide"))
    assert sources(everything(slide)).count("and back again") == 1


def test_a_prediction_stands_by_itself_and_the_answer_waits():
    text = "## One\n\n$$x$$\n\n:::{prediction}\n\nWhich?\n\n:::"
    first, second = layout(tagged(text, "slide"), code("print(1)", "fragment", prints="1\n"))
    assert "Which?" not in sources(everything(first))
    assert "Which?" in sources(second.shown)
    assert [cell.source for cell in second.later[0]] == ["print(1)"]


def test_long_code_gives_way_to_what_it_prints():
    long = "\n".join(f"a{i} = {i}" for i in range(LONGEST_CODE + 1))
    first, second = layout(code(long, "slide", prints="sum\n"), code(long, "subslide"))
    assert first.shown[-1].metadata.transient.remove_source
    assert long in "\n".join(first.notes)
    assert not second.shown[-1].metadata.transient.remove_source, "nothing else would be left"


def test_what_has_no_tag_is_for_the_speaker_and_what_is_skipped_for_nobody():
    slides = layout(
        tagged("## One\n\n$$x$$", "slide"), tagged("Aside."), code("b = 1"), code("hidden = 1", "skip")
    )
    assert len(slides) == 1
    assert "Aside." in "\n".join(slides[0].notes)
    assert "b = 1" in "\n".join(slides[0].notes)
    assert "hidden" not in sources(everything(slides[0])) + "\n".join(slides[0].notes)


def test_notes_stand_before_what_comes_later():
    [slide] = layout(tagged("## One\n\nSay.\n\n$$x$$", "slide"), code("1", "fragment"))
    assert [cell.metadata.slideshow.slide_type for cell in cells_of(slide)] == [
        "slide",
        "-",
        "notes",
        "fragment",
    ]


def test_an_error_is_shown_without_its_traceback():
    cell = code("boom()", "slide")
    cell.outputs = [
        new_output("error", ename="NameError", evalue="no boom", traceback=["File x", "NameError"])
    ]
    [slide] = layout(cell)
    assert slide.shown[-1].outputs[0].traceback == ["NameError: no boom"]
    assert cell.outputs[0].traceback == ["File x", "NameError"], "the notebook stays as it was"


def test_directives_roles_and_links_become_plain():
    text = "See {term}`tensor <tensors>` in [one](01_tensors.ipynb#a)."
    [box] = blocks_of(f"(here)=\n:::{{goes-wrong}} Ouch\n:class: x\n{text}\n:::")
    assert (box.kind, box.name, box.title) == ("box", "goes-wrong", "Ouch")
    assert box.text == "See tensor in [one](../notebooks/01_tensors.html#a)."
    assert blocks_of("$$\nx\n$$ (label)")[0].text == "$$\nx\n$$"
    assert blocks_of("\\begin{align}\nx\n\\end{align}")[0].kind == "formula"


@pytest.mark.parametrize("text", [":::{prediction}\nopen", "$$\nx", "```python\nx"])
def test_what_is_never_closed_is_named(text):
    with pytest.raises(ValueError, match="never closes it"):
        blocks_of(text)


def test_two_places_are_refused():
    with pytest.raises(ValueError, match=r"\['slide', 'notes'\]"):
        place_of(tagged("x", "slide", "notes"))
    with pytest.raises(ValueError, match="chapter's title"):
        slides_of(new_notebook(cells=[tagged("No title."), tagged("End.")]))


def test_leads_and_legends():
    assert lead_to("A. The variances add:") == "A. The variances add:"
    assert lead_to("It was so. It ended.") == ""
    assert lead_to("x" * 200 + ":") == ""
    assert legend_of("with $H$ the matrix. More.") == "with $H$ the matrix."
    assert legend_of("With a capital.") == ""


def test_every_tag_is_explained():
    assert set(SLIDE_TAGS) == {"slide", "subslide", "fragment", "notes", "skip"}
    assert all(meaning for meaning in SLIDE_TAGS.values())


def words_of(page: str) -> list[str]:
    read = BeautifulSoup(page, "html.parser")
    for link in read.find_all(class_="anchor-link"):
        link.decompose()
    return read.get_text(" ").split()


def test_nbconvert_s_own_command_makes_the_same_deck(tmp_path: Path, root: Path):
    documented = zero_slides.__doc__.split("PYTHONPATH=book/_ext ")[1].split("\n\n")[0].replace("\\\n", " ")
    words = shlex.split(documented)
    assert words[:4] == ["jupyter", "nbconvert", "--to", "slides"]
    words[words.index("_build/html/slides")] = str(tmp_path)
    subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        check=True,
        env={"PYTHONPATH": "book/_ext", "PATH": "/usr/bin:/bin"},
        capture_output=True,
    )
    made = (tmp_path / "09_attention.slides.html").read_text("utf8")
    notebook = nbformat.read(NOTEBOOKS / "09_attention.ipynb", as_version=4)
    body, _ = exporter().from_notebook_node(notebook, {"metadata": {"name": "09_attention"}})
    assert words_of(made) == words_of(body)


def test_a_deck_is_laid_out_anew_once_its_notebook_is_younger(tmp_path):
    notebook, deck = tmp_path / "a.ipynb", tmp_path / "a.html"
    notebook.write_text("{}")
    assert not up_to_date(deck, notebook)
    deck.write_text("")
    now = deck.stat().st_mtime
    os.utime(deck, (now + 1,) * 2)
    assert up_to_date(deck, notebook)
    os.utime(notebook, (now + 2,) * 2)
    assert not up_to_date(deck, notebook)
    os.utime(notebook, (0, 0))
    os.utime(deck, (1, 1))
    assert not up_to_date(deck, notebook), "the templates are younger"
