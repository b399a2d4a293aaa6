"""Every page in Chromium with the network cut: light, dark and narrow, from a server and from a file."""

from __future__ import annotations

from pathlib import Path

import built_site
import pytest
from chromium import serious, settle

PAGES = built_site.pages()
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}


# What is wider than its box, with everything unfolded; an explorable looks after itself.
CUT_OFF = """() => {
  const all = (selector) => [...document.querySelectorAll(`article ${selector}`)];
  all('details').forEach((each) => { each.open = true; });
  all('.toggle-hidden').forEach((each) => each.classList.remove('toggle-hidden'));
  return all(':is(pre, table, div.math, .output, h1, h2, h3, dt, figure)')
    .filter((box) => !box.closest('.explorable') && box.clientWidth && box.scrollWidth > box.clientWidth + 1)
    .map((box) => ({
      what: box.tagName + ': ' + box.textContent.trim().slice(0, 60),
      scrolls: ['auto', 'scroll'].includes(getComputedStyle(box).overflowX),
      reached: box.tabIndex === 0 || box.querySelector('[tabindex="0"]') !== null,
    }));
}"""

FORMULA_SIZES = """() => [...document.querySelectorAll("article mjx-container")].map((formula) => {
  const size = (node) => parseFloat(getComputedStyle(node).fontSize);
  return Math.round(1000 * size(formula) / size(formula.parentElement)) / 1000;
})"""


@pytest.mark.parametrize("name", PAGES)
def test_page(offline_page, site_server: str, name: str):
    watched = offline_page(color_scheme="light", viewport=DESK)
    page = watched.page
    page.goto(f"{site_server}/{name}")
    settle(page)
    watched.assert_clean()

    typeset, written, failed = page.evaluate(
        """() => ['mjx-container', 'article .math', 'mjx-merror, [data-mjx-error]']
            .map(selector => document.querySelectorAll(selector).length)"""
    )
    assert typeset >= written
    assert failed == 0
    assert set(page.evaluate(FORMULA_SIZES)) <= {1.1}, (
        "every formula is as large beside its text as any other"
    )

    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert not serious(page)
    assert not page.evaluate(CUT_OFF), "on a desk everything fits or wraps"
    # The dark theme changes colours and nothing else.
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.wait_for_function("document.getAnimations().every(each => each.playState === 'finished')")
    assert not serious(page, rules=["color-contrast", "link-in-text-block"])


@pytest.mark.parametrize("name", PAGES)
def test_page_on_a_phone_from_a_file(offline_page, site: Path, name: str):
    watched = offline_page(viewport=PHONE, has_touch=True)
    watched.page.goto((site / name).as_uri())
    settle(watched.page)
    watched.assert_clean()
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    cut_off = watched.page.evaluate(
        """() => [...document.querySelectorAll('article div.math mjx-math')]
            .filter(formula => formula.getBoundingClientRect().left < -1)
            .map(formula => formula.textContent)"""
    )
    assert not cut_off, "a wide formula scrolls from its start"
    watched.page.evaluate(CUT_OFF)
    settle(watched.page)
    lost = [box["what"] for box in watched.page.evaluate(CUT_OFF) if not (box["scrolls"] and box["reached"])]
    assert not lost, "on a phone what does not fit scrolls, by keys as well"


def test_one_faint_word_among_thousands_is_found(offline_page, site_server: str):
    page = offline_page(color_scheme="light", viewport=DESK).page
    page.goto(f"{site_server}/notebooks/02_autograd.html")
    settle(page)
    page.evaluate("() => { [...document.querySelectorAll('article em')].at(-1).style.color = '#aaa'; }")
    assert [found.split(":")[0] for found in serious(page)] == ["color-contrast"]


def test_the_front_door(offline_page, site: Path):
    watched = offline_page(viewport=DESK)
    watched.page.goto((site / "index.html").as_uri())
    watched.page.wait_for_url("**/book/intro.html")
    explorable = watched.page.locator(".hero .explorable").bounding_box()
    assert explorable["y"] < DESK["height"] / 2, "the explorable stands above the fold"
    for door in ("Read", "Run", "Teach"):
        box = watched.page.get_by_role("link", name=door, exact=True).bounding_box()
        assert box["y"] + box["height"] < DESK["height"]
    watched.assert_clean()


def test_search_finds_a_chapter_without_a_network(offline_page, site_server: str):
    watched = offline_page(viewport=DESK)
    watched.page.goto(f"{site_server}/search.html?q=broadcasting")
    watched.page.locator("#search-results li a", has_text="Tensors").first.wait_for(timeout=15_000)
    watched.assert_clean()


def test_a_solution_unfolds_by_key(offline_page, site_server: str):
    watched = offline_page(viewport=DESK)
    page = watched.page
    page.goto(f"{site_server}/notebooks/02_autograd.html")
    settle(page)
    solution = page.locator(".admonition.solution").first
    code = solution.locator("pre").first
    assert not code.is_visible()
    solution.locator(".toggle-button").focus()
    page.keyboard.press("Enter")
    code.wait_for(state="visible", timeout=5_000)
    watched.assert_clean()
