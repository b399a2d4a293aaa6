"""A page of explorables in a real browser: where things stand, and how a hand or a key moves them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from chromium import Watched
from playwright.sync_api import Locator, Page

_PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Explorables</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ margin: 8px; background: {ground}; color: {ink} }}</style></head>
<body><main><h1>Explorables</h1>{body}</main></body></html>"""
# A book page's header covers what merely scrolls into view.
_TO_THE_MIDDLE = "node => node.scrollIntoView({ block: 'center', behavior: 'instant' })"
_FORBIDDEN = re.compile(r"\bNaN\b|undefined|Infinity|\bnull\b|\[object")


def page_of(*fragments: str, theme: str = "light") -> str:
    """A whole page holding the given pieces of html."""
    ground, ink = ("#14181e", "#ced6dd") if theme == "dark" else ("#fff", "#222832")
    return _PAGE.format(theme=theme, ground=ground, ink=ink, body="\n".join(fragments))


def as_number(text: str) -> float:
    """The number a reading shows."""
    return float(text.replace("−", "-"))


@dataclass
class Shown:
    """One explorable on a page.

    Attributes:
        watched: the page, with everything it did wrong.
        root: the explorable's element.
    """

    watched: Watched
    root: Locator
    _ticked: list[bool] | None = (
        None  # when the goals were last looked at; None of a page opened or reset since
    )

    @property
    def page(self) -> Page:
        """The page it stands on."""
        return self.watched.page

    def text(self, key: str) -> str:
        """What the reading of that name shows."""
        return self.root.locator(f'[data-reading="{key}"]').text_content()

    def number(self, key: str) -> float:
        """The number the reading of that name shows."""
        return as_number(self.text(key))

    def everything(self) -> str:
        """All the text in sight, and where the handles stand."""
        return self.root.evaluate(
            "root => root.textContent + [...root.querySelectorAll('.xp-handle')]"
            ".map(each => each.getAttribute('transform')).join()"
        )

    def code(self) -> str:
        """The PyTorch code for the present settings, after pressing its button if it is hidden."""
        button = self.root.get_by_role("button", name="Show the PyTorch code")
        if button.count():
            button.click()
        return self.root.locator(".xp-code code").text_content()

    def reset(self) -> None:
        """Press Reset."""
        self.root.get_by_role("button", name="Reset").click()
        self._ticked = None

    def assert_goals(self, *reached: bool) -> None:
        """What is reached is ticked, and what was ticked stays; a page opened or reset has no other tick."""
        ticked = [
            goal.get_attribute("class") == "reached" for goal in self.root.locator(".xp-goals li").all()
        ]
        if self._ticked is None:
            assert ticked == list(reached)
        else:
            stays = [now or before for now, before in zip(reached, self._ticked, strict=True)]
            assert all(tick >= due for tick, due in zip(ticked, stays, strict=True)), (ticked, stays)
        self._ticked = ticked

    def assert_sound(self) -> None:
        """No outside request, no error, no word for a missing number on screen."""
        self.watched.assert_clean()
        found = _FORBIDDEN.search(self.everything().split("import torch")[0])
        assert found is None, f"the page shows {found[0]!r}"


def drag(page: Page, target: Locator, across: float, down: float, *, start: Callable | None = None) -> None:
    """Press the mouse on the middle of `target` (or where `start(box)` says), move it so far, let go."""
    target.evaluate(_TO_THE_MIDDLE)
    box = target.bounding_box()
    x, y = start(box) if start else (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=6)
    page.mouse.up()


def slide(page: Page, slider: Locator, to: float) -> None:
    """Drag a range input's thumb by mouse to a share of its track, 0 to 1."""
    slider.evaluate(_TO_THE_MIDDLE)
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * to, y, steps=5)
    page.mouse.up()
