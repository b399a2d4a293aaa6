"""Positional encoding at settings drawn at run time, against course_lib.models.positions."""

from __future__ import annotations

import pytest
import torch
from explorable_page import as_number, drag, slide

from course_explorables.base import joined_module
from course_explorables.positional_encoding import POSITIONS, WIDTHS, PositionalEncoding, query_and_key
from course_lib.models.positions import rotate, sinusoidal

MODULE = ("base.mjs", "frame.mjs", "heat.mjs", "positional_encoding.mjs")


def by_torch(kind, m, n, width, base):
    """Scores of position alone, and of word and position together."""
    query, key = query_and_key(width)
    if kind == "RoPE":
        turned = rotate(torch.stack([query, key]), torch.tensor([m, n]), base)
        return (turned[0] @ turned[1]).item(), (turned[0] @ turned[1]).item()
    places = sinusoidal(POSITIONS, width, base=base, dtype=torch.float64)
    return (places[m] @ places[n]).item(), ((query + places[m]) @ (key + places[n])).item()


def test_encodings_and_rotations_equal_the_librarys(run_module, chance):
    asked = [
        [chance.choice(WIDTHS), 10 ** chance.uniform(2, 5), chance.randrange(POSITIONS)] for _ in range(30)
    ]
    words = {width: query_and_key(width)[0].tolist() for width in WIDTHS}
    module = joined_module(MODULE) + (
        "const all = (asked, words) => asked.map(([width, base, p]) => { const omegas = speeds(width, base);"
        " return [sinusoid(p, omegas), rotated(words[width], p, omegas)]; });"
    )
    for (width, base, p), answer in zip(asked, run_module(module, "all", asked, words), strict=True):
        found = torch.tensor(answer, dtype=torch.float64)
        query = query_and_key(width)[0][None]
        expected = [
            sinusoidal(POSITIONS, width, base=base, dtype=torch.float64)[p],
            rotate(query, torch.tensor([p]), base)[0],
        ]
        torch.testing.assert_close(found, torch.stack(expected), rtol=0, atol=1e-9)


def on_screen(shown):
    """Kind, query, key, width and base: from the buttons, the handles and the printed code."""
    pressed = shown.root.locator("[aria-pressed=true]").all_text_contents()
    m, n = (int(each.get_attribute("aria-valuenow")) for each in shown.root.locator(".xp-handle").all())
    base = float(shown.code().split("width, base = ")[1].split("\n")[0].split(", ")[1])
    return pressed[0], m, n, int(pressed[1]), base


def compare(shown):
    setting = on_screen(shown)
    score, words = by_torch(*setting)
    assert shown.number("score") == pytest.approx(score, abs=1e-5)
    assert shown.number("words") == pytest.approx(words, abs=1e-5)
    assert shown.number("point") == pytest.approx(score, abs=5.1e-4)
    assert shown.number("distance") == setting[2] - setting[1]
    return setting


@pytest.mark.parametrize("width", [360, 700])
def test_positions_widths_and_bases_by_mouse_and_keys_equal_torch(width, show, chance):
    shown = show(PositionalEncoding(), width=width)
    assert compare(shown) == ("sinusoid", 12, 20, 64, 10000)
    for kind in ("RoPE", "sinusoid"):
        shown.root.get_by_role("button", name=kind).click()
        shown.root.get_by_role("button", name=str(chance.choice(WIDTHS)), exact=True).press("Enter")
        for handle in shown.root.locator(".xp-handle").all():
            before = on_screen(shown)
            inwards = 1 if int(handle.get_attribute("aria-valuenow")) < POSITIONS / 2 else -1
            drag(shown.page, handle.locator(".xp-mark"), inwards * chance.uniform(30, 50), 0)
            assert compare(shown) != before
            for key in chance.choices(["ArrowLeft", "ArrowUp", "PageDown", "PageUp"], k=3):
                shown.page.keyboard.press(key)
            compare(shown)
        slide(shown.page, shown.root.get_by_label("Base"), chance.uniform(0, 1))
        assert compare(shown)[0] == kind
    shown.reset()
    assert compare(shown) == ("sinusoid", 12, 20, 64, 10000)
    shown.assert_sound()


@pytest.mark.parametrize("kind", ["sinusoid", "RoPE"])
def test_shifting_both_leaves_the_score_and_only_the_rotation_leaves_the_words(kind, show, chance):
    shown = show(PositionalEncoding(kind, query=20, key=11, width=chance.choice(WIDTHS)))
    score, words = shown.text("score"), shown.text("words")
    chart = shown.root.locator(".xp-curve").first.get_attribute("d")
    assert shown.root.locator(".xp-goals .reached").count() == 0
    slider = shown.root.get_by_label("Shift both")
    slider.focus()
    for _ in range(20 + chance.randrange(20)):
        shown.page.keyboard.press("ArrowRight")
    assert shown.text("score") == score
    assert (shown.text("words") == words) == (kind == "RoPE")
    assert shown.root.locator(".xp-curve").first.get_attribute("d") == chart
    assert "reached" in shown.root.locator(".xp-goals li").first.get_attribute("class")
    assert compare(shown)[2] - on_screen(shown)[1] == -9
    for key, expected in (("End", (63, 54)), ("Home", (9, 0))):
        slider.focus()
        shown.page.keyboard.press(key)
        assert compare(shown)[1:3] == expected
    shown.assert_sound()


def test_a_press_on_the_chart_puts_the_key_at_that_distance(show, chance):
    shown = show(PositionalEncoding("RoPE", query=30))
    chart = shown.root.locator("svg").nth(1)
    box = chart.bounding_box()
    wanted = chance.randrange(-25, 25)
    left, right = 44, box["width"] - 12
    shown.page.mouse.click(
        box["x"] + left + (wanted + 63) / 126 * (right - left), box["y"] + box["height"] / 2
    )
    assert compare(shown)[1:3] == (30, 30 + wanted)


def test_the_picture_is_the_encoding_in_the_colours_it_says(show):
    shown = show(PositionalEncoding(width=32))
    pixels = shown.page.evaluate(
        "async () => { const image = new Image(); image.src = document.querySelector('.xp-pixels')"
        ".getAttribute('href'); await image.decode(); const canvas = document.createElement('canvas');"
        " [canvas.width, canvas.height] = [image.width, image.height];"
        " const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);"
        " const { data, width, height } = context.getImageData(0, 0, image.width, image.height);"
        " return [width, height, [...data]]; }"
    )
    assert pixels[:2] == [64, 32]
    colours = torch.tensor(pixels[2], dtype=torch.float64).view(32, 64, 4)
    expected = sinusoidal(64, 32, dtype=torch.float64).T
    orange = colours[..., 0] - colours[..., 2]  # more red than blue where the number is positive
    assert torch.equal(orange[expected > 0.2] > 0, torch.ones(int((expected > 0.2).sum()), dtype=torch.bool))
    assert torch.equal(
        orange[expected < -0.2] < 0, torch.ones(int((expected < -0.2).sum()), dtype=torch.bool)
    )


def test_the_second_goal_needs_a_smaller_base(show):
    shown = show(PositionalEncoding())
    goal = shown.root.locator(".xp-goals li").nth(1)
    assert goal.get_attribute("class") is None
    shown.root.get_by_label("Base").focus()
    shown.page.keyboard.press("Home")
    assert goal.get_attribute("class") == "reached"
    base = on_screen(shown)[4]
    far = max(by_torch("sinusoid", 0, n, 64, base)[0] for n in range(10, 64))
    assert far < by_torch("sinusoid", 0, 0, 64, base)[0] / 2
    assert as_number(shown.text("wave")) == pytest.approx(2 * torch.pi * 100 ** (62 / 64), abs=0.051)


def test_the_code_on_the_page_is_pythons_and_prints_what_is_on_screen(show, chance, capsys):
    widget = PositionalEncoding("RoPE", query=chance.randrange(64), key=chance.randrange(64), base=1234.0)
    shown = show(widget)
    assert shown.code() == widget.code()
    exec(shown.code(), {})
    printed = capsys.readouterr().out
    assert f"RoPE: {shown.number('score'):.6f}\n" in printed
