"""What every explorable must bear: each control moved by mouse and by keys, each movement seen on screen."""

from __future__ import annotations

from explorable_page import Shown, drag, slide
from playwright.sync_api import Locator


def controls(shown: Shown) -> tuple[list[Locator], list[Locator], list[Locator]]:
    """Everything to be dragged in sight: handles, drawing squares, sliders."""
    kinds = (".xp-handle", ".xp-surface", "input[type=range]")
    return tuple([each for each in shown.root.locator(kind).all() if each.is_visible()] for kind in kinds)  # type: ignore[return-value]


def by_mouse(shown: Shown) -> int:
    """Drag every control; assert that what is on screen changes each time. Returns how many there were."""
    handles, surfaces, sliders = controls(shown)
    for handle in handles:
        _changes(shown, lambda handle=handle: drag(shown.page, handle.locator(".xp-mark"), -34, 26))
    for surface in surfaces:
        _changes(shown, lambda surface=surface: drag(shown.page, surface, 30, 60))
    for slider in sliders:
        before = slider.input_value()
        low, high = float(slider.get_attribute("min")), float(slider.get_attribute("max"))
        to = 0.2 if float(before) > (low + high) / 2 else 0.8
        _changes(shown, lambda slider=slider, to=to: slide(shown.page, slider, to))
    return len(handles) + len(surfaces) + len(sliders)


def by_keys(shown: Shown) -> int:
    """Move every control by keys; assert that what is on screen changes. Returns how many there were."""
    handles, surfaces, sliders = controls(shown)
    for control in (*handles, *sliders):
        control.focus()
        for key in ("End", "Home", "ArrowRight"):
            _changes(shown, lambda key=key: shown.page.keyboard.press(key))
    for surface in surfaces:
        surface.focus()
        for key in ("7", "Delete"):
            _changes(shown, lambda key=key: shown.page.keyboard.press(key))
        shown.page.keyboard.press("Space")
        _changes(shown, lambda: shown.page.keyboard.press("ArrowDown"))
    return len(handles) + len(surfaces) + len(sliders)


def small_targets(shown: Shown) -> list[str]:
    """Buttons, sliders and handles narrower or lower than 24 px."""
    small = []
    for each in shown.root.locator("button, input, .xp-handle").all():
        if each.is_visible():
            box = each.bounding_box()
            if min(box["width"], box["height"]) < 24:
                small.append(f"{each.evaluate('node => node.outerHTML')[:120]} {box}")
    return small


def _changes(shown: Shown, act: object) -> None:
    before = shown.everything()
    act()
    assert shown.everything() != before, "nothing on screen changed"
