"""Number formats at numbers drawn at run time, against torch's casts and the hand-written rounding."""

from __future__ import annotations

import math
import re
import struct

import pytest
import torch
from explorable_page import drag

from course_explorables.base import joined_module
from course_explorables.number_formats import NumberFormats
from course_lib.foundations.number_formats import FORMATS, FP32, TF32, bit_text, decode, encode, round_to

MODULE = ("base.mjs", "frame.mjs", "rounding.mjs")
IN_TURN = (
    "const inTurn = (rows, values) => formats(rows).map((form) => values.map((value) => {"
    " const code = encodeBits(value, form); const number = decodeBits(code, form);"
    " return [code, Number.isNaN(number) ? 'none' : Number.isFinite(number) ? number : String(number)]; }));"
)
BETWEEN = (
    "const between = (rows, name, value) =>"
    " neighbours(value, formats(rows).find((each) => each.name === name), 2);"
)


def tensor(value):
    return torch.tensor(value, dtype=torch.float64)


def drawn(chance, count):
    """float64 of every size a format knows and beyond, ties of each format, zeros."""
    values = [chance.uniform(-2, 2) * 2.0 ** chance.randrange(-160, 132) for _ in range(count)]
    for form in FORMATS.values():
        for _ in range(count // 4):
            code = chance.randrange(form.beyond - 1)
            low, high = decode(torch.tensor([code, code + 1]), form).tolist()
            values += [low, (low + high) / 2, -(low + high) / 2, math.nextafter((low + high) / 2, math.inf)]
    return [*values, 0.0, -0.0, 65520.0, 464.0, 465.0]


def test_the_page_rounds_as_the_hand_and_torch_do(run_module, chance):
    rows = NumberFormats().formats
    values = drawn(chance, 300)
    found = run_module(joined_module(MODULE) + IN_TURN, "inTurn", rows, values)
    x = torch.tensor(values, dtype=torch.float64)
    for form, answers in zip(FORMATS.values(), found, strict=True):
        codes = torch.tensor([code for code, _ in answers])
        assert torch.equal(codes, encode(x, form))
        numbers = [float(str(number).replace("Infinity", "inf")) for _, number in answers]
        assert torch.equal(torch.tensor(numbers, dtype=torch.float64), round_to(x, form))
        if form.dtype is not None:
            narrow = x.float()
            same = narrow.double() == x
            assert torch.equal(round_to(x, form)[same], narrow.to(form.dtype).double()[same])


def test_neighbours_are_the_next_numbers(run_module, chance):
    rows = NumberFormats().formats
    for name, form in FORMATS.items():
        code = chance.randrange(3, form.beyond - 3)
        value = decode(torch.tensor(code), form).item()
        found = run_module(joined_module(MODULE) + BETWEEN, "between", rows, name, -value)
        assert [float(each) for each in found] == (
            -decode(torch.arange(code + 2, code - 3, -1), form)
        ).tolist()


def compare(shown):
    """Everything on screen against the rounding in Python, at the number in the box; returns the number."""
    value = float(shown.root.locator(".xp-typed-number").input_value())
    form = FORMATS[shown.root.locator('.xp-formats button[aria-pressed="true"]').text_content()]
    bits = "".join(shown.root.locator(".xp-bit").all_text_contents())
    assert bits == bit_text(encode(tensor(value), form).item(), form).replace(" ", "")
    for each in FORMATS.values():
        expected = round_to(tensor(value), each).item()
        text = shown.text(f"becomes-{each.name}")
        error = shown.text(f"error-{each.name}")
        if math.isinf(expected):
            assert text == ("infinite" if expected > 0 else "−infinite")
            assert error == "too large"
        else:
            assert shown.number(f"becomes-{each.name}") == pytest.approx(expected, rel=1e-8)
            if expected == value:
                assert error == "none"
            else:
                assert shown.number(f"error-{each.name}") == pytest.approx(
                    abs(expected / value - 1), rel=6e-3
                )
    assert shown.text("rounded") == shown.text(f"becomes-{form.name}")
    bf16, fp16 = (round_to(tensor(value), FORMATS[name]).item() for name in ("bf16", "fp16"))
    tie = math.isfinite(bf16) and round_to(tensor(value), FORMATS["bf16"]).item() != value
    if tie:
        step = 2.0 ** (max(math.frexp(value)[1] - 1, -126) - 7)
        tie = abs(value) / step % 1 == 0.5
    shown.assert_goals(math.isinf(fp16) and math.isfinite(bf16), tie)
    return value


@pytest.mark.parametrize("width", [360, 700])
def test_dragging_keys_bits_and_typing_round_as_python_does(width, show, chance):
    shown = show(NumberFormats(), width=width)
    assert compare(shown) == 0.1
    size, fine = (shown.root.locator(".xp-handle").nth(k) for k in range(2))
    drag(shown.page, size.locator(".xp-mark"), chance.uniform(12, 30), 0)
    first = compare(shown)
    assert first > 8
    drag(shown.page, fine.locator(".xp-mark"), chance.uniform(30, 60), 0)
    second = compare(shown)
    assert 1 < second / first < 1.05
    for form in chance.sample(list(FORMATS), 3):
        shown.root.get_by_role("button", name=form, exact=True).click()
        compare(shown)
    box = shown.root.locator(".xp-typed-number")
    for _ in range(4):
        value = chance.uniform(-2, 2) * 2.0 ** chance.randrange(-20, 20)
        box.fill(repr(value))
        assert compare(shown) == value
    size.focus()
    for key in ("Home", "End", "PageDown", "ArrowLeft"):
        shown.page.keyboard.press(key)
        compare(shown)
    fine.focus()
    for key in ("ArrowRight", "Shift+ArrowLeft", "PageUp", "End", "Home"):
        shown.page.keyboard.press(key)
        compare(shown)
    shown.reset()
    assert compare(shown) == 0.1
    shown.assert_sound()


@pytest.mark.parametrize("form", FORMATS)
def test_switching_a_bit_gives_the_number_with_that_bit_switched(form, show, chance):
    shown = show(NumberFormats(chance.uniform(0.5, 2), form))
    fields = FORMATS[form]
    for _ in range(5):
        value = compare(shown)
        code = encode(tensor(value), fields).item()
        place = chance.randrange(fields.bits)
        flipped = decode(torch.tensor(code ^ (1 << (fields.bits - 1 - place))), fields).item()
        button = shown.root.locator(".xp-bit").nth(place)
        if math.isfinite(flipped):
            button.click()
            assert compare(shown) == flipped
        else:
            assert button.is_disabled()
    shown.assert_sound()


def test_a_tie_of_bf16_is_reached_by_keys(show):
    shown = show(NumberFormats(1.0))
    fine = shown.root.locator(".xp-handle").nth(1)
    fine.focus()
    for _ in range(4):
        shown.page.keyboard.press("ArrowRight")
    assert compare(shown) == 1 + 2.0**-8
    assert shown.number("rounded") == 1
    assert "reached" in shown.root.locator(".xp-goals li").nth(1).text_content()


@pytest.mark.parametrize("value", [1e-40, 2.0**-148, 0.1, -3e38])
def test_sliders_say_plain_decimals_of_any_size(value, show):
    shown = show(NumberFormats(value))
    for slider in shown.root.locator(".xp-handle").all():
        numbers = [slider.get_attribute(f"aria-value{which}") for which in ("min", "now", "max")]
        assert all(re.fullmatch(r"-?\d+(\.\d+)?", number) for number in numbers), numbers
        low, now, high = map(float, numbers)
        assert low <= now <= high
    assert compare(shown) == value


def test_what_is_no_number_is_refused_and_said(show):
    shown = show(NumberFormats(), width=360)
    box = shown.root.locator(".xp-typed-number")
    for text in ("", "abc", "1e60", "inf", "1e-80"):
        box.fill(text)
        assert box.get_attribute("aria-invalid") == "true"
        assert "a number from" in shown.root.locator(".xp-problem").text_content()
        shown.assert_sound()
    box.fill("-3.25")
    assert box.get_attribute("aria-invalid") == "false"
    assert compare(shown) == -3.25


@pytest.mark.parametrize("value", [0.1, 1e16, -2.5, 5e-5, 3.4e38, 0.0])
def test_the_code_on_the_page_is_pythons(value, show):
    widget = NumberFormats(value, "tf32")
    shown = show(widget)
    assert shown.code() == widget.code()
    shown.assert_sound()


def test_fp32_and_tf32_share_a_ruler_but_not_a_fraction():
    """The picture's claim: the same exponents, thirteen bits fewer."""
    assert FP32.exponent_bits == TF32.exponent_bits
    assert FP32.fraction_bits - TF32.fraction_bits == 13
    assert struct.calcsize("f") * 8 == FP32.bits
