"""Every page as it prints on A4, from the dark theme: light, whole, within the paper, nothing to press."""

from __future__ import annotations

import built_site
import pytest
from chromium import serious, settle

PAGES = built_site.pages()
PAPER = {"width": 718, "height": 1040}  # CSS pixels between the margins of 10 mm that browsers set

# Everything of an article that has a colour, as the eye would find it.
COLOURS = """() => [...document.querySelectorAll("article, article *")].map((each) => {
  const { color, backgroundColor, borderTopColor, fill, stroke } = getComputedStyle(each);
  const colours = [color, backgroundColor, borderTopColor, fill, stroke];
  return `${each.tagName} ${each.getAttribute("class")} ${colours}`;
})"""
TOO_WIDE = """() => [...document.querySelectorAll(
    "article :is(pre, table, div.math, mjx-container[display], .output, .explorable, h1, h2, h3, p, dt)")]
  .filter((box) => box.clientWidth && (box.scrollWidth > box.clientWidth + 1
    || box.getBoundingClientRect().right > innerWidth + 1))
  .map((box) => `${box.tagName}: ${box.textContent.trim().slice(0, 60)}`)"""
# A figure's stage may be made of buttons or hold a prompt: they are what it shows.
TO_PRESS = """() => [...document.querySelectorAll(
    `button, input, textarea, select, summary:not(.sd-summary-title), nav, dialog,
    .headerlink, .answer-here, .run-here, .chapter-actions`)]
  .filter((each) => each.checkVisibility() && !each.closest(".xp-stage"))
  .map((each) => each.outerHTML.slice(0, 100))"""
UNSEEN = """() => [...document.querySelectorAll(
    "article :is(.cell_output, .admonition:not(.above-input), .explorable)")]
  .filter((each) => !each.checkVisibility() || each.offsetHeight < 5)
  .map((each) => `${each.className}: ${each.textContent.trim().slice(0, 60)}`)"""
SCROLLS = """() => [...document.querySelectorAll("article, article *")]
  .filter((each) => ["auto", "scroll"].includes(getComputedStyle(each).overflowY)
    && each.scrollHeight > each.clientHeight + 1)
  .map((each) => each.className)"""


@pytest.fixture
def opened(offline_page, site_server: str):
    """Opens a page of the book as wide as A4, in the dark unless told otherwise."""

    def open_page(name: str, theme: str = "dark"):
        watched = offline_page(color_scheme=theme, viewport=PAPER)
        watched.page.goto(f"{site_server}/{name}")
        settle(watched.page)
        assert watched.page.evaluate("document.documentElement.dataset.theme") == theme
        return watched

    return open_page


def on_paper(page) -> None:
    page.emulate_media(media="print")
    settle(page)


@pytest.mark.parametrize("name", PAGES)
def test_page_on_paper(opened, name: str):
    watched = opened(name)
    page = watched.page
    before = page.evaluate("document.querySelector('article').textContent")
    on_paper(page)
    from_dark = page.evaluate(COLOURS)
    assert not page.evaluate(TOO_WIDE)
    assert not page.evaluate(TO_PRESS)
    assert not page.evaluate(UNSEEN)
    assert not page.evaluate(SCROLLS)
    assert page.locator("article h1").is_visible()
    assert not serious(page, rules=["color-contrast"])

    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelector('article').textContent") == before, "and back again"
    watched.assert_clean()

    page = opened(name, "light").page
    on_paper(page)
    assert page.evaluate(COLOURS) == from_dark, "the theme of the screen does not show on paper"


def test_solutions_stand_at_the_end_and_each_exercise_says_so(opened):
    page = opened("notebooks/02_autograd.html").page
    exercises = page.locator(".exercise").count()
    assert exercises
    assert page.locator(".solutions").count() == 0
    on_paper(page)
    assert page.locator(".solutions .solution:visible").count() == exercises
    assert page.locator("article > .solutions:last-child").count() == 1
    for place in range(exercises):
        title = page.locator(".exercise > .admonition-title").nth(place).text_content().strip()
        assert page.locator(".solution-of").nth(place).text_content() == title
        leads_to = page.locator(".solution-at a").nth(place).get_attribute("href")
        assert page.locator(leads_to).text_content() == title


def test_a_figure_says_where_it_moves(opened):
    page = opened("notebooks/02_autograd.html").page
    on_paper(page)
    figures = page.locator(".explorable")
    assert figures.count() >= 2
    for figure in figures.all():
        said = figure.locator(".xp-alive").text_content()
        assert said == "Alive at “2 · Autograd, by hand and by machine” in the rendered book."
        assert figure.locator("svg").first.is_visible()
        assert not figure.locator(".xp-buttons, .xp-controls, .xp-goals").locator("visible=true").count()


def test_a_browser_that_prints_finds_the_page_ready_and_gives_it_back(opened):
    page = opened("notebooks/02_autograd.html").page
    state = """() => ({
      theme: document.documentElement.dataset.theme,
      folded: document.querySelectorAll("article details:not([open]), .toggle-hidden").length,
      end: document.querySelectorAll(".solutions").length,
    })"""
    before = page.evaluate(state)
    assert before["folded"] > 0
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = ({state})(); }})")
    page.pdf()
    assert page.evaluate("window.printed") == {"theme": "light", "folded": 0, "end": 1}
    assert page.evaluate(state) == before
