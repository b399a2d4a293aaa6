"""The attention explorable at settings drawn at run time, against course_lib.models.attention."""

from __future__ import annotations

import matplotlib
import pytest
import torch
from explorable_page import as_number, drag

from course_explorables.attention import HEADS, LETTERS, Attention, queries_and_keys, values
from course_explorables.base import joined_module
from course_lib.models.attention import attention, causal_mask

MODULE = ("base.mjs", "frame.mjs", "heat.mjs", "attention.mjs")


def drawn_text(chance, low=1):
    return "".join(chance.choices("aeinrstx", k=chance.randint(low, 12)))


def expected(text, head, scaled, masked):
    query, key = queries_and_keys(text, head)
    mask = causal_mask(len(text)) if masked else None
    scale = None if scaled else 1.0
    output, weights = attention(query.double(), key.double(), values(text).double(), mask=mask, scale=scale)
    return query.double() @ key.double().T, weights, output


def on_screen(shown):
    """The settings the page stands at, read from its buttons, its field and its handle."""
    pressed = shown.root.locator("[aria-pressed=true]").all_text_contents()
    head = next(name for name in pressed if name in HEADS)
    text = shown.root.locator(".xp-text").input_value()
    place = int(shown.root.locator(".xp-handle").get_attribute("aria-valuenow"))
    return text, head, "scale 1/√64" in pressed, "causal mask" in pressed, divmod(place, len(text))


def compare(shown):
    """Bars, read-out, mixture and colours are those of models.attention for what the page stands at."""
    text, head, scaled, masked, (row, column) = on_screen(shown)
    products, weights, output = expected(text, head, scaled, masked)
    for n in range(len(text)):
        if masked and n > row:
            assert shown.text(f"w{n}") == "masked"
        else:
            assert shown.number(f"w{n}") == pytest.approx(weights[row, n].item(), abs=5.1e-5)
    assert shown.number("product") == pytest.approx(products[row, column].item(), abs=5.1e-5)
    if masked and column > row:
        assert shown.text("score") == "masked"
    else:
        scores = products[row, column].item() / (8 if scaled else 1)
        assert shown.number("score") == pytest.approx(scores, abs=5.1e-5)
    assert shown.number("weight") == pytest.approx(weights[row, column].item(), abs=1e-6)
    entropy = torch.special.entr(weights[row]).sum().item()
    assert shown.number("entropy") == pytest.approx(entropy, abs=1e-6)
    share, letter = shown.text("output").split(" ")[:2]
    assert as_number(share) == pytest.approx(output[row].max().item(), abs=5.1e-4)
    assert output[row][LETTERS.index(letter)].item() == pytest.approx(output[row].max().item(), abs=1e-9)


def test_products_and_weights_equal_the_librarys(run_module, chance):
    widget = Attention()
    settings = [
        (drawn_text(chance), head, scaled, masked)
        for head in HEADS
        for scaled in (True, False)
        for masked in (True, False)
    ]
    module = joined_module(MODULE) + (
        "const all = (tables, settings) => settings.map(([text, offsets, scaled, masked]) =>"
        " attend(queriesAndKeys(tables, offsets, text), { scaled, masked }));"
    )
    offsets = dict(widget.heads)
    asked = [[text, offsets[head], scaled, masked] for text, head, scaled, masked in settings]
    found = run_module(module, "all", {"bytes": list(widget.tables)}, asked)
    for each, answer in zip(settings, found, strict=True):
        products, weights, _ = expected(*each)
        for name, tensor in (("products", products), ("weights", weights)):
            there = torch.tensor(answer[name], dtype=torch.float64)
            torch.testing.assert_close(there, tensor, rtol=0, atol=1e-9, msg=lambda m, e=each: f"{e}: {m}")


@pytest.mark.parametrize("width", [360, 700])
def test_text_heads_scale_and_mask_by_mouse_and_keys_equal_torch(width, show, chance):
    shown = show(Attention(), width=width)
    compare(shown)
    for head in chance.sample(HEADS, 4):
        shown.root.get_by_role("button", name=head).click()
        shown.root.locator(".xp-text").fill(drawn_text(chance, low=4))
        for name in ("scale", "causal"):
            if chance.random() < 0.6:
                shown.root.get_by_role("button", name=name).press("Enter")
        shown.root.locator(".xp-handle").focus()
        for key in chance.choices(["ArrowLeft", "ArrowUp", "ArrowDown", "ArrowRight", "End", "PageUp"], k=4):
            shown.page.keyboard.press(key)
        compare(shown)
    drag(shown.page, shown.root.locator(".xp-mark"), chance.uniform(-60, 60), chance.uniform(-60, 60))
    compare(shown)
    shown.reset()
    assert on_screen(shown) == ("mississippi", "same letter", True, False, (4, 1))
    compare(shown)
    shown.assert_sound()


def test_the_mouse_over_a_cell_reads_it_out_and_a_click_keeps_it(show, chance):
    shown = show(Attention())
    products, weights, _ = expected("mississippi", "same letter", True, False)
    for act in ("hover", "click"):
        row, column = chance.randrange(11), chance.randrange(11)
        cell = shown.root.locator(f'[data-cell="{row} {column}"]')
        box = cell.bounding_box()
        shown.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if act == "click":
            shown.page.mouse.down()
            shown.page.mouse.up()
        assert shown.number("product") == pytest.approx(products[row, column].item(), abs=5.1e-5)
        assert shown.number("weight") == pytest.approx(weights[row, column].item(), abs=1e-6)
        shown.page.mouse.move(5, 5)
        kept = (row, column) if act == "click" else (4, 1)
        assert on_screen(shown)[4] == kept
        compare(shown)
    shown.assert_sound()


def test_the_colours_are_cividis_of_the_weights(show, chance):
    shown = show(Attention("banana", "random"))
    _, weights, _ = expected("banana", "random", True, False)
    row, column = chance.randrange(6), chance.randrange(6)
    fill = shown.root.locator(f'[data-cell="{row} {column}"]').get_attribute("fill")

    wanted = matplotlib.colormaps["cividis"](weights[row, column].item())
    found = [int(channel) for channel in fill.removeprefix("rgb(").removesuffix(")").split()]
    assert found == pytest.approx([255 * channel for channel in wanted[:3]], abs=8)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", "mississippi"),
        ("🙂🙂 42", "mississippi"),
        ("A-B c", "abc"),
        ("<img src=x onerror=alert(1)>" * 300, "imgsrcxonerr"),
        ("\u202e\u0000zz", "zz"),
        ("ÀÉ ß ſ K", "k"),
    ],
)
def test_what_is_no_letter_is_said_and_left_out(typed, kept, show):
    shown = show(Attention())
    field = shown.root.locator(".xp-text")
    field.fill(typed)
    assert shown.root.locator(".xp-problem").text_content() != ""
    assert field.get_attribute("aria-invalid") == "true"
    field.blur()
    assert field.input_value() == kept
    assert shown.root.locator(".xp-problem").text_content() == ""
    compare(shown)
    shown.assert_sound()


def test_both_goals_are_within_reach(show):
    shown = show(Attention())
    goals = shown.root.locator(".xp-goals li")
    assert [goal.get_attribute("class") for goal in goals.all()] == [None, None]
    shown.root.get_by_role("button", name="scale").click()
    assert goals.nth(0).get_attribute("class") == "reached"
    shown.reset()
    shown.root.get_by_role("button", name="vowels ask consonants").click()
    assert [(goal.get_attribute("class") or "") == "reached" for goal in goals.all()] == [False, True]
    compare(shown)


def test_the_code_on_the_page_is_pythons_and_gives_the_weights_on_screen(show, chance):
    text = drawn_text(chance)
    widget = Attention(text, chance.choice(HEADS), scaled=False, masked=True, cell=(len(text) - 1, 0))
    shown = show(widget)
    assert shown.code() == widget.code()
    names: dict = {}
    exec(shown.code(), names)
    assert shown.number("weight") == pytest.approx(names["weights"][len(text) - 1, 0].item(), abs=1e-5)
