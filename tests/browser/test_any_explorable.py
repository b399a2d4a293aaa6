"""What holds for every explorable, on a page of its own: touch, keys, names, contrast, themes, widths."""

from __future__ import annotations

import chromium
import pytest
from explorable_page import Shown, page_of
from touch_everything import by_keys, by_mouse, small_targets

from course_explorables import ALL, explorable
from course_explorables.base import STILL
from course_explorables.graph_stepper import GraphStepper
from course_explorables.softmax import Softmax
from course_explorables.strides import Strides
from course_explorables.tangent import Tangent

# The GPT in the page brings weights and a slow engine: test_gpt_visits and test_gpt_page visit it.
KINDS = {name.split(":")[0]: explorable(name) for name in ALL if name != "gpt_page:GPTInPage"}


@pytest.mark.parametrize("width", [360, 900])
@pytest.mark.parametrize("kind", KINDS)
def test_moves_by_mouse_and_by_keys(kind, width, show):
    shown = show(KINDS[kind](), width=width)
    start = shown.everything()
    assert by_mouse(shown) >= 1
    shown.reset()
    assert shown.everything() == start
    assert by_keys(shown) >= 1
    shown.reset()
    assert shown.everything() == start
    assert small_targets(shown) == []
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown.assert_sound()


@pytest.mark.parametrize("kind", KINDS)
def test_works_from_a_server_too(kind, offline_page, tmp_path):
    (tmp_path / "page.html").write_text(page_of(KINDS[kind]().to_html()), encoding="utf-8")
    with chromium.serve(tmp_path) as address:
        watched = offline_page()
        watched.page.goto(f"{address}/page.html")
        shown = Shown(watched, watched.page.locator(".explorable"))
        shown.root.locator(".xp-buttons").wait_for()
        assert by_keys(shown) >= 1
        shown.assert_sound()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_serious(kind, theme, show):
    shown = show(KINDS[kind](), theme=theme)
    shown.code()
    found = chromium.serious(shown.page)
    assert not found, found


def test_several_on_one_page_do_not_touch_each_other(show):
    first = show(Tangent(), Softmax(), Tangent(), Tangent(x=0.0), GraphStepper())
    roots = first.page.locator(".explorable")
    others = [Shown(first.watched, roots.nth(place)) for place in range(1, 5)]
    before = [other.everything() for other in others]
    assert by_mouse(first) == 2
    assert [other.everything() for other in others] == before
    assert by_mouse(others[1]) == 2, "the second of two equal ones must live too"
    ids = first.page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    first.assert_sound()


def test_one_page_may_hold_one_of_each_kind(show):
    shown = show(*(kind() for kind in KINDS.values()))
    roots = shown.page.locator(".explorable")
    assert roots.count() == len(KINDS)
    ids = shown.page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    shown.assert_sound()


@pytest.mark.parametrize("kind", KINDS)
def test_no_animation_runs_unasked(kind, offline_page, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page_of(KINDS[kind]().to_html()), encoding="utf-8")
    watched = offline_page(reduced_motion="reduce")
    watched.page.goto(file.as_uri())
    watched.page.locator(".xp-buttons").wait_for()
    still = "document.getAnimations().length === 0 && [...document.querySelectorAll('.explorable *')]"
    still += ".every(node => parseFloat(getComputedStyle(node).transitionDuration) === 0)"
    assert watched.page.evaluate(still)


@pytest.mark.parametrize("kind", KINDS)
def test_focus_can_be_seen(kind, show):
    shown = show(KINDS[kind]())
    for _ in range(4):
        shown.page.keyboard.press("Tab")
        ringed = shown.page.evaluate(
            "() => { const node = document.activeElement; const ring = node.querySelector('.xp-ring');"
            " const paper = node.querySelector('.xp-paper'); if (ring) return getComputedStyle(ring).stroke"
            " !== 'rgba(0, 0, 0, 0)'; if (paper) return parseFloat(getComputedStyle(paper).strokeWidth) >= 3;"
            " return parseFloat(getComputedStyle(node).outlineWidth) >= 2; }"
        )
        assert ringed


def test_a_page_without_javascript_says_what_to_allow(offline_page, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page_of(Strides().to_html()), encoding="utf-8")
    page = offline_page(java_script_enabled=False).page
    page.goto(file.as_uri())
    assert page.locator(".explorable p").all_inner_texts() == [Strides().title, STILL]
    assert "on a web page, allow JavaScript" in STILL
    assert "In a notebook, run this cell" in STILL
