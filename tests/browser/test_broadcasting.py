"""The broadcasting explorable, its shapes typed and stepped, against torch's views and torch's own errors."""

from __future__ import annotations

import math

import pytest
import torch
from explorable_page import drag

from course_explorables.base import joined_module
from course_explorables.broadcasting import Broadcasting
from course_lib.foundations.strided import broadcast_strides, contiguous_strides

MODULE = ("base.mjs", "frame.mjs", "lattice.mjs", "shape_table.mjs", "broadcasting.mjs")


def python_tuple(text):
    """The tuple at the end of a line of the read-out."""
    return tuple(int(size) for size in text.strip("() ").split(",") if size.strip())


def by_torch(a, b):
    """What torch makes of two shapes: the views it reads, or its error's words."""
    tensors = [torch.arange(math.prod(shape)).reshape(shape) for shape in (a, b)]
    try:
        return tensors, torch.broadcast_tensors(*tensors), None
    except RuntimeError as error:
        return tensors, None, str(error)


def type_shapes(shown, a, b):
    for name, shape in (("a", a), ("b", b)):
        field = shown.root.get_by_label(f"{name}.shape")
        field.fill(str(tuple(shape)))
        field.press("Tab")


def compare(shown, a, b):
    """Shape, strides, picked element and every drawn number are torch's; or the error is."""
    _, views, error = by_torch(a, b)
    if error is not None:
        assert shown.text("result") == f"RuntimeError: {error}"
        return
    result = views[0] - views[1]
    assert python_tuple(shown.text("result").split("=")[1].split(":")[0]) == tuple(result.shape)
    strides = shown.text("strides").removeprefix("strides as read: a ").split(", b ")
    assert [python_tuple(each) for each in strides] == [view.stride() for view in views]
    for back in range(1, result.dim() + 1):
        assert int(shown.text(f"size-{back}")) == result.shape[-back]
        assert int(shown.text(f"stride-a-{back}")) == views[0].stride(-back)
        assert int(shown.text(f"stride-b-{back}")) == views[1].stride(-back)
    if result.numel() == 0:
        assert shown.text("element") == ""
        return
    where, reads = shown.text("element").split(": ")
    index = () if where == "[()]" else python_tuple(where.strip("[]"))
    assert reads.split("= ")[1].replace("−", "-") == str(result[index].item())
    assert f"cell {views[0][index].item()} of a, cell {views[1][index].item()} of b" in reads
    drawn = [text.replace("−", "-") for text in shown.root.locator("svg g g text").all_text_contents()]
    corner = (*index[:-2], *[slice(None)] * min(2, result.dim()))
    if max(result.shape[-2:], default=1) <= 8 and result.abs().max() < 100:
        numbers = [each for view in (*views, result) for each in view[corner].flatten().tolist()]
        assert [int(text) for text in drawn] == numbers


@pytest.mark.parametrize("width", [360, 700])
def test_typed_shapes_give_torchs_shape_strides_and_elements_or_its_error(width, show, chance):
    shown = show(Broadcasting(), width=width)
    compare(shown, (4, 1), (4,))
    for _ in range(8):
        a, b = ([chance.choice([1, 1, 2, 3]) for _ in range(chance.randint(0, 5))] for _ in range(2))
        type_shapes(shown, a, b)
        compare(shown, a, b)
    for a, b in (((3, 0), (1,)), ((5,), (2, 3, 4)), ((999, 1, 1), (1, 40)), ((), ())):
        type_shapes(shown, a, b)
        compare(shown, a, b)
        assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shown.assert_sound()


def test_the_pages_rule_is_torchs_on_many_shapes(run_module, chance):
    module = joined_module(MODULE) + (
        "const all = (pairs) => pairs.map(([a, b]) => { const { shape, error } = meet(a, b);"
        " return error ?? [shape, spread(a, shape), spread(b, shape)]; });"
    )
    pairs = [
        [[chance.choice([0, 1, 1, 2, 3]) for _ in range(chance.randint(0, 5))] for _ in range(2)]
        for _ in range(300)
    ]
    refused = 0
    for (a, b), found in zip(pairs, run_module(module, "all", pairs), strict=True):
        _, views, error = by_torch(a, b)
        if error is not None:
            refused += 1
            assert found == error
            continue
        shape = tuple(views[0].shape)
        assert [tuple(each) for each in found] == [shape, views[0].stride(), views[1].stride()]
        for own, strides in zip((a, b), found[1:], strict=True):
            by_hand = broadcast_strides(own, contiguous_strides(own), shape)
            assert [s for s, n in zip(strides, shape, strict=True) if n != 1] == [
                s for s, n in zip(by_hand, shape, strict=True) if n != 1
            ]
    assert 30 < refused < 270


def test_stepping_sizes_by_mouse_and_by_key_reaches_both_goals(show):
    shown = show(Broadcasting())
    goals = shown.root.locator(".xp-goals li")
    shown.root.get_by_role("button", name="b[..., None]").click()
    compare(shown, (4, 1), (4, 1))
    assert [goal.get_attribute("class") for goal in goals.all()] == ["reached", None]
    larger = shown.root.get_by_role("button", name="b, dimension −2: one larger")
    larger.focus()
    shown.page.keyboard.press("Enter")
    shown.page.keyboard.press("Enter")
    compare(shown, (4, 1), (6, 1))
    assert "reached" in goals.nth(1).get_attribute("class")
    shown.root.get_by_role("button", name="b, dimension −2: one smaller").click(click_count=5)
    compare(shown, (4, 1), (1, 1))
    assert shown.root.get_by_role("button", name="b, dimension −2: one smaller").is_disabled()
    shown.root.get_by_role("button", name="b.squeeze()").click()
    compare(shown, (4, 1), ())
    shown.root.get_by_role("button", name="a[None]").click()
    compare(shown, (1, 4, 1), ())
    shown.reset()
    compare(shown, (4, 1), (4,))
    shown.assert_sound()


def test_the_picked_element_follows_mouse_and_keys(show, chance):
    a, b = (2, 3, 1), (4,)
    shown = show(Broadcasting(a, b))
    point = shown.root.locator(".xp-handle")
    for _ in range(4):
        drag(shown.page, point.locator(".xp-mark"), chance.uniform(-90, 90), chance.uniform(-60, 60))
        compare(shown, a, b)
    for key, element in (("End", 23), ("ArrowRight", 23), ("ArrowUp", 19), ("Home", 0), ("ArrowDown", 4)):
        shown.page.keyboard.press(key)
        assert int(point.get_attribute("aria-valuenow")) == element
        compare(shown, a, b)


@pytest.mark.parametrize("text", ["(4, x)", "-1", "1000", "1.5", "1,1,1,1,1,1", "999,999,2", "<b>", "(2"])
def test_what_is_no_shape_is_said_and_changes_nothing(text, show):
    shown = show(Broadcasting())
    field = shown.root.get_by_label("a.shape")
    field.fill(text)
    assert "expected" in shown.root.locator(".xp-problem").first.text_content()
    assert field.get_attribute("aria-invalid") == "true"
    compare(shown, (4, 1), (4,))
    field.press("Tab")
    assert field.input_value() == "(4, 1)"
    assert field.get_attribute("aria-invalid") == "false"
    shown.assert_sound()


@pytest.mark.parametrize(
    ("a", "b"), [((4, 1), (4,)), ((4, 3), (2, 3)), ((0, 1), (3,)), ((), ()), ((2, 3), ())]
)
def test_the_code_on_the_page_is_pythons_and_says_what_the_page_says(a, b, show, capsys):
    widget = Broadcasting(a, b, element=2)
    shown = show(widget)
    assert shown.code() == widget.code()
    exec(widget.code(), {})
    printed = capsys.readouterr().out
    _, views, error = by_torch(a, b)
    if error is not None:
        assert error in printed
    else:
        assert str(tuple(views[0].shape)) in printed
    compare(shown, a, b)
