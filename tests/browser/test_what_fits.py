"""What fits at settings drawn at run time, against the formulas in Python."""

from __future__ import annotations

import random

import pytest
from explorable_page import drag, slide

from course_explorables.base import joined_module
from course_explorables.what_fits import MODELS, WhatFits

GIB = 2**30
NAMES = ("layers", "width", "batch", "seq", "precision", "optimizer", "sharding", "devices")
BUDGETS = "const budgets = (choices, settings) => settings.map((each) => budget(each, choices));"
PARTS = ("weights", "gradients", "optimizer", "activations", "working")
WORDS = {"none": "nothing", "optimizer": "optimiser", "gradients": "+ gradients", "weights": "+ weights"}


def drawn(chance: random.Random) -> dict:
    choices = WhatFits().choices
    settings = {name: chance.choice(choices[name]) for name in NAMES}
    return {**settings, "checkpointing": chance.random() < 0.5, "memory": chance.randrange(4, 257)}


def test_the_page_counts_the_bytes_python_counts(run_module, chance):
    settings = [drawn(chance) for _ in range(300)]
    module = joined_module(("base.mjs", "frame.mjs", "budget.mjs"))
    found = run_module(module + BUDGETS, "budgets", WhatFits().choices, settings)
    for each, answer in zip(settings, found, strict=True):
        assert answer == WhatFits(**each).budget()


def moments(counts):
    """Both bars, part by part."""
    state = [counts["weights"]], [counts["optimizer"]]
    fullest = counts["fullest"]
    first = [fullest["gradients"]], [fullest["activations"], fullest["working"]]
    return state[0] + first[0] + state[1] + first[1], state[0] + [counts["gradients"]] + state[1]


def compare(shown, settings):
    """Every number on screen, both bars, the verdict and both goals against Python."""
    counts = WhatFits(**settings).budget()
    for part in PARTS:
        shows(shown, part, counts["fullest"]["working"] if part == "working" else counts[part])
    peak = max(map(sum, moments(counts)))
    labels = shown.root.locator("svg .xp-strong").all_text_contents()
    assert [each.partition(":")[0] for each in labels] == [counts["fullest"]["moment"], "at the update"]
    shows(shown, "peak", peak)
    limit = settings["memory"] * GIB
    verdict = shown.root.locator('.xp-row:has([data-reading="peak"]) .xp-note').text_content()
    assert verdict.startswith("fits" if peak <= limit else "does not fit")
    widths = [float(each.get_attribute("width")) for each in shown.root.locator(".xp-part").all()]
    sizes = [size for bar in moments(counts) for size in bar]
    for width, size in zip(widths, sizes, strict=True):
        assert width / max(widths) == pytest.approx(size / max(sizes), abs=0.02 / max(widths))
    whole = max(map(sum, moments(WhatFits(**{**settings, "checkpointing": False}).budget())))
    shown.assert_goals(
        counts["parameters"] >= 6e9 and peak <= limit and settings["memory"] <= 80,
        settings["checkpointing"] and 2 * peak <= whole,
    )


def shows(shown, key, size):
    digits = len(shown.text(key).split()[0].partition(".")[2])
    assert digits == (3 if size / GIB < 10 else 2 if size / GIB < 1000 else 1)
    assert float(shown.text(key).split()[0]) == pytest.approx(size / GIB, abs=0.51 * 10**-digits)


@pytest.mark.parametrize("width", [360, 700])
def test_settings_by_buttons_sliders_and_the_line_equal_python(width, show, chance):
    start = {name: getattr(WhatFits(), name) for name in (*NAMES, "checkpointing", "memory")}
    shown = show(WhatFits(), width=width)
    compare(shown, start)
    now = dict(start)

    def press(group, text):
        shown.root.get_by_role("group", name=group).get_by_role("button", name=text, exact=True).click()

    name = chance.choice(list(MODELS))
    press("Model", name)
    now["layers"], now["width"] = MODELS[name]
    compare(shown, now)
    for group, key in (("Precision", "precision"), ("Optimiser", "optimizer"), ("Devices share", "sharding")):
        now[key] = chance.choice(WhatFits().choices[key])
        press(group, WORDS.get(now[key], now[key]) if key == "sharding" else now[key])
        compare(shown, now)
    press("Blocks", "recompute")
    now["checkpointing"] = True
    compare(shown, now)
    for label, key in (
        ("Batch per device", "batch"),
        ("Tokens", "seq"),
        ("Devices", "devices"),
        ("Layers", "layers"),
    ):
        field = shown.root.get_by_label(label, exact=True)
        slide(shown.page, field, chance.uniform(0.1, 0.9))
        now[key] = WhatFits().choices[key][int(field.input_value())]
        compare(shown, now)
    grip = shown.root.locator(".xp-handle")
    drag(shown.page, grip.locator(".xp-mark"), -chance.uniform(30, 45), 0)
    moved = int(grip.get_attribute("aria-valuenow"))
    assert moved < now["memory"]
    compare(shown, {**now, "memory": moved})
    grip.focus()
    for key, memory in (("Home", 4), ("ArrowRight", 5), ("PageUp", 15), ("End", 256), ("ArrowLeft", 255)):
        shown.page.keyboard.press(key)
        compare(shown, {**now, "memory": memory})
    shown.reset()
    compare(shown, start)
    shown.assert_sound()


def test_the_lines_place_follows_the_hand_while_it_is_dragged(show):
    shown = show(WhatFits())
    grip = shown.root.locator(".xp-handle")
    before = grip.locator(".xp-mark").bounding_box()
    drag(shown.page, grip.locator(".xp-mark"), -200, 0)
    # The scale was kept from press to release: 200 px were worth 200 px.
    left, right = (float(x) for x in (24, shown.root.locator(".xp-handle").get_attribute("aria-valuenow")))
    scale = 24 * 1.08 / (before["x"] and shown.root.locator("svg").first.bounding_box()["width"] - 22)
    assert left - right == pytest.approx(200 * scale, abs=1)
    shown.assert_sound()


def test_the_first_goal_is_eighty_gibibytes_and_no_more(show):
    settings = {"layers": 32, "width": 4096, "sharding": "weights", "devices": 8, "checkpointing": True}
    shown = show(WhatFits(**settings, memory=80))
    goal = shown.root.locator(".xp-goals li").first
    assert goal.get_attribute("class") == "reached"
    shown.root.locator(".xp-handle").press("ArrowRight")
    assert goal.get_attribute("class") == "reached", "what was reached stays ticked"
    more = show(WhatFits(**settings, memory=81))
    assert more.root.locator(".xp-goals li").first.get_attribute("class") is None


@pytest.mark.parametrize("seed", range(3))
def test_the_code_on_the_page_is_pythons(seed, show, chance):
    settings = drawn(chance)
    widget = WhatFits(**settings)
    shown = show(widget)
    assert shown.code() == widget.code(), seed
    compare(shown, settings)
    shown.assert_sound()
