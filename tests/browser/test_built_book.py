"""Every explorable where readers meet it: in the built book, from file and server, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import chromium
import pytest
from explorable_page import Shown
from touch_everything import by_keys, by_mouse, small_targets

from course_explorables import ALL

KINDS = {name.split(":")[1].lower() for name in ALL}

# How a reader comes to the page; between them both themes, both origins and both widths.
VISITS = {
    "file, dark, wide": ("file", {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}}),
    "server, light, phone": ("server", {"color_scheme": "light", "viewport": {"width": 360, "height": 740}}),
}


def pages_with_explorables(site: Path) -> list[Path]:
    """The built pages that hold at least one explorable; the decks of slides have a test of their own."""
    pages = (page for page in sorted(site.rglob("*.html")) if page.parent.name != "slides")
    return [page for page in pages if 'data-explorable="' in page.read_text("utf-8")]


def test_every_kind_stands_in_the_book(site):
    text = "".join(page.read_text("utf-8") for page in pages_with_explorables(site))
    assert {kind for kind in KINDS if f'data-explorable="{kind}-' in text} == KINDS


@pytest.mark.parametrize("visit", VISITS)
def test_every_explorable_moves_by_mouse_and_keys(visit, site, site_server, offline_page):
    origin, options = VISITS[visit]
    pages = pages_with_explorables(site)
    assert pages
    for path in pages:
        watched = offline_page(**options)
        watched.page.goto(path.as_uri() if origin == "file" else f"{site_server}/{path.relative_to(site)}")
        theme = watched.page.evaluate("document.documentElement.dataset.theme")
        assert theme == options["color_scheme"]
        for shown in every_explorable(watched):
            assert by_mouse(shown) >= 1
            assert by_keys(shown) >= 1
            assert small_targets(shown) == []
            shown.assert_sound()
        assert watched.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        found = chromium.serious(watched.page, context=".explorable")
        assert not found, (path, found)


def every_explorable(watched) -> Iterator[Shown]:
    """Each explorable on the page, once it stands."""
    roots = watched.page.locator(".explorable")
    roots.first.locator(".xp-buttons").wait_for()
    for place in range(roots.count()):
        root = roots.nth(place)
        root.locator(".xp-buttons").wait_for()
        watched.page.wait_for_function(
            "([roots, place]) => roots[place].querySelector('svg').hasAttribute('width')",
            arg=[roots.element_handles(), place],
        )
        yield Shown(watched, root)
