"""Shows explorables on a page of their own, from a file or from a server, with the network cut."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from explorable_page import Shown, page_of

from course_explorables.base import Explorable


@pytest.fixture
def show(offline_page, tmp_path: Path) -> Callable[..., Shown]:
    """`show(widget, ..., theme="light", width=700)` opens a page holding the widgets; returns the first."""
    numbers = itertools.count()

    def open_widgets(*widgets: Explorable, theme: str = "light", width: int = 700) -> Shown:
        file = tmp_path / f"explorables-{next(numbers)}.html"
        file.write_text(page_of(*(widget.to_html() for widget in widgets), theme=theme), encoding="utf-8")
        watched = offline_page(viewport={"width": width, "height": 900})
        watched.page.goto(file.as_uri())
        roots = watched.page.locator(".explorable")
        for place in range(len(widgets)):
            roots.nth(place).locator(".xp-buttons").wait_for()
            watched.page.wait_for_function(
                "([roots, place]) => roots[place].querySelector('svg').hasAttribute('width')",
                arg=[roots.element_handles(), place],
            )
        return Shown(watched, roots.first)

    return open_widgets


@pytest.fixture
def run_module(offline_page, tmp_path: Path) -> Callable[..., object]:
    """`run_module(text, "name", *arguments)` calls a function of a joined module in the browser."""

    def call(text: str, name: str, *arguments: object) -> object:
        watched = offline_page()
        file = tmp_path / "module.html"
        script = text.replace("export default { render };", "")
        file.write_text(page_of(f'<script type="module">{script}\nwindow.tested = {{ {name} }};</script>'))
        watched.page.goto(file.as_uri())
        watched.page.wait_for_function("window.tested !== undefined")
        answer = watched.page.evaluate(
            f"given => window.tested.{name}(...given.map(each => each?.bytes"
            " ? new DataView(Uint8Array.from(each.bytes).buffer) : each))",
            list(arguments),
        )
        watched.assert_clean()
        return answer

    return call


@pytest.fixture(scope="session")
def chance() -> random.Random:
    """Settings drawn anew in every run; the seed is printed where a test fails."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"browser tests draw their settings with seed {seed}")
    return random.Random(seed)
