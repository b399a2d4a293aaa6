"""Every deck in a browser, from its file: it fits, it is alive, and it asks nobody for anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from zero_slides.folder import NOTEBOOKS, write_decks

NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
THEMES = ("light", "dark")
SIZE = {"width": 1280, "height": 720}
SMALLEST = 0.7  # of the slide's type: what has to be set smaller belongs on two slides
MARKS = re.compile(r":::|\{(?:numref|cite|term|eq|doc|ref|prediction|exercise)[\w:]*\}|\$\$")

STEP_THROUGH = """
async () => {
  const seen = [];
  for (const slide of deck.getSlides()) {
    const { h, v } = deck.getIndices(slide);
    deck.slide(h, v);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const box = slide.getBoundingClientRect();
    const beyond = (at) => Math.max(at.bottom - box.bottom, at.right - box.right, box.left - at.left);
    const boxes = [...slide.children].map((child) => child.getBoundingClientRect());
    const live = (each) => each.querySelector(".xp-buttons") !== null
      && Number(each.querySelector("svg").getAttribute("width")) > 0;
    const size = (element) => parseFloat(getComputedStyle(element).fontSize);
    const code = [...slide.querySelectorAll(".highlight pre")].filter((pre) => !pre.closest(".notes"));
    seen.push({
      words: slide.innerText,
      high: slide.scrollHeight - slide.clientHeight,
      wide: slide.scrollWidth - slide.clientWidth,
      outside: boxes.filter((at) => at.width > 0 && beyond(at) > 1).length,
      fit: Number(slide.style.getPropertyValue("--fit")),
      code: Math.max(0, ...code.map((pre) => size(pre) / size(slide))),
      figures: [...slide.querySelectorAll("img.figure")].map((image) => image.getBoundingClientRect().height),
      live: [...slide.querySelectorAll(".explorable")].map(live),
      broken: slide.querySelectorAll("mjx-merror, [data-mjx-error]").length,
    });
  }
  return seen;
}
"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory) -> Path:
    """A site that holds nothing but the decks, and what they need."""
    site = tmp_path_factory.mktemp("site")
    write_decks(site)
    return site / "slides"


def opened(offline_page, file: Path, **options):
    watched = offline_page(viewport=SIZE, **options)
    watched.page.goto(file.as_uri())
    watched.page.evaluate("window.deckReady")
    return watched


@pytest.mark.parametrize("name", NAMES)
def test_every_slide_fits_and_is_alive(name, decks, offline_page):
    theme = THEMES[NAMES.index(name) % 2]
    watched = opened(offline_page, decks / f"{name}.html", color_scheme=theme)
    slides = watched.page.evaluate(STEP_THROUGH)
    assert 10 <= len(slides) <= 30
    for slide in slides:
        assert slide["high"] <= 1, slide
        assert slide["wide"] <= 1, slide
        assert slide["outside"] == 0, slide
        assert slide["fit"] >= SMALLEST - 0.001, slide
        assert slide["code"] <= 0.601, slide
        assert all(height <= 0.6 * SIZE["height"] + 1 for height in slide["figures"]), slide
        assert all(slide["live"]), slide
        assert not slide["broken"], slide
        assert MARKS.search(slide["words"]) is None, slide
    ground = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 27)"}[theme]
    watched.assert_clean()


def test_keys_step_through_fragments_and_slides(decks, offline_page):
    watched = opened(offline_page, decks / "09_attention.html")
    place, keyboard = "deck.getIndices()", watched.page.keyboard
    hidden = "deck.getCurrentSlide().querySelectorAll('.fragment:not(.visible)').length"
    keyboard.press("ArrowRight")
    assert watched.page.evaluate(place)["h"] == 1
    assert watched.page.evaluate(hidden) == 1
    keyboard.press("Space")
    assert watched.page.evaluate(place)["h"] == 1
    assert watched.page.evaluate(hidden) == 0
    keyboard.press("ArrowRight")
    assert watched.page.evaluate("deck.getSlidePastCount()") == 2
    keyboard.press("End")
    watched.page.wait_for_function("deck.isLastSlide()")
    assert watched.page.locator("section.present a", has_text="Back to the chapter").is_visible()
    watched.assert_clean()


def test_a_point_is_dragged_where_the_pointer_is_on_a_large_screen(decks, offline_page):
    watched = offline_page(viewport={"width": 1920, "height": 1080})
    page = watched.page
    page.goto((decks / "02_autograd.html").as_uri())
    page.evaluate("window.deckReady")
    page.evaluate(
        "(() => { const at = document.querySelector('.explorable').closest('section');"
        " const { h, v } = deck.getIndices(at); deck.slide(h, v); })()"
    )
    mark = page.locator("section.present .xp-handle .xp-mark").first
    box = mark.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y, steps=4)
    page.mouse.up()
    moved = mark.bounding_box()
    assert abs(moved["x"] + moved["width"] / 2 - (x - 60)) < 4
    before = page.evaluate("deck.getIndices()")
    mark.locator("..").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("deck.getIndices()") == before, "keys that move the point do not turn the page"
    watched.assert_clean()


def test_the_speaker_reads_the_prose_with_its_formulas(decks, offline_page):
    watched = opened(offline_page, decks / "09_attention.html")
    watched.page.keyboard.press("ArrowRight")
    with watched.page.context.expect_page() as opening:
        watched.page.keyboard.press("s")
    notes = opening.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("Resemblance is the dot product").wait_for()
    watched.page.keyboard.press("ArrowRight")
    watched.page.keyboard.press("ArrowRight")
    notes.get_by_text("With a row for each query").wait_for()
    assert notes.locator("math").count() >= 3
    assert "$" not in notes.inner_text()
    assert not watched.outside


def test_the_list_of_decks_leads_to_each(decks, offline_page):
    watched = offline_page(viewport=SIZE)
    watched.page.goto((decks / "index.html").as_uri())
    links = watched.page.locator("main li a").all()
    assert [link.get_attribute("href") for link in links] == [f"{name}.html" for name in NAMES]
    links[2].click()
    assert watched.page.title() == "3 · Gradient descent, derived · slides"
    watched.assert_clean()
