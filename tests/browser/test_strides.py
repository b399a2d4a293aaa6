"""The strides explorable, operations stacked and elements picked, against torch's own views and errors."""

from __future__ import annotations

import pytest
import torch
from explorable_page import drag

from course_explorables.base import joined_module
from course_explorables.strides import OPERATIONS, Strides, apply

MODULE = ("base.mjs", "lattice.mjs", "views.mjs")


def by_torch(operations):
    """The view and, where torch refused the last operation, its error; None where a name does not fit."""
    view = torch.arange(24).view(4, 6)
    for name in operations:
        fewest, most = OPERATIONS[name]
        if not fewest <= view.dim() <= most:
            return None
        try:
            view = apply(name, view)
        except (RuntimeError, IndexError) as error:
            return view, f"{type(error).__name__}: {error}"
    return view, None


def drawn_chain(chance, length):
    """Operations that fit one another, drawn at random; it ends where torch refuses."""
    chain: list[str] = []
    while len(chain) < length:
        name = chance.choice(list(OPERATIONS))
        answer = by_torch([*chain, name])
        if answer is not None:
            chain.append(name)
            if answer[1] is not None:
                break
    return chain


def compare(shown, operations):
    """Shape, strides, offset, contiguity, every number in sight and the element's sum are torch's."""
    view, error = by_torch(operations)
    assert shown.text("chain") == f"v = t{''.join(operations)}"
    word = "contiguous" if view.is_contiguous() else "not contiguous"
    summary = f"shape {tuple(view.shape)}, strides {view.stride()}, offset {view.storage_offset()}, {word}"
    assert shown.text("view") == (error or summary)
    texts = shown.root.locator("svg g g text").all_text_contents()
    assert [int(text) for text in texts[:24]] == list(range(24))
    assert [int(text) for text in texts[24:]] == view.flatten().tolist()
    if view.numel() == 0:
        assert shown.text("element") == "no element"
        return
    index = shown.text("element").split("v[")[1].split("]")[0]
    index = tuple(int(i) for i in index.split(", ")) if index != "()" else ()
    assert int(shown.text("element").split("= ")[1]) == view[index].item()


def test_many_chains_of_operations_are_torchs(run_module, chance):
    chains = [drawn_chain(chance, chance.randint(1, 8)) for _ in range(400)]
    module = joined_module(MODULE) + (
        "const all = (chains) => chains.map((each) => {"
        " const v = chain({ shape: [4, 6], strides: [6, 1], offset: 0 }, each);"
        " const error = v.error ? `${v.kind}: ${v.error}` : null;"
        " return [v.shape, v.strides, v.offset, isContiguous(v), error]; });"
    )
    refused = set()
    for operations, found in zip(chains, run_module(module, "all", chains), strict=True):
        view, error = by_torch(operations)
        shape, strides, offset = tuple(view.shape), view.stride(), view.storage_offset()
        assert found == [list(shape), list(strides), offset, view.is_contiguous(), error], operations
        refused.add(error and " ".join(error.split()[:2]))
    assert len(refused) >= 3, "too few kinds of refusal were drawn"


def test_every_operation_torch_knows_the_page_knows(run_module):
    module = (
        joined_module(MODULE) + "const limits = () => Object.entries(OPERATIONS).map(([k, v]) => [k, v[0]]);"
    )
    expected = [[name, [fewest, most]] for name, (fewest, most) in OPERATIONS.items()]
    assert run_module(module, "limits") == expected


@pytest.mark.parametrize("width", [360, 700])
def test_operations_pressed_show_torchs_view(width, show, chance):
    shown = show(Strides(), width=width)
    compare(shown, [])
    for _ in range(4):
        chain = drawn_chain(chance, 5)
        for k, name in enumerate(chain):
            shown.root.get_by_role("button", name=name, exact=True).click()
            compare(shown, chain[: k + 1])
            assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shown.assert_sound()
        shown.root.get_by_role("button", name="Undo").click()
        compare(shown, chain[:-1])
        shown.reset()
        compare(shown, [])


@pytest.mark.parametrize("width", [360, 700])
def test_a_long_run_stays_inside_the_frame_and_every_cell_can_be_picked(width, show):
    shown = show(Strides([".view(-1)"]), width=width)
    compare(shown, [".view(-1)"])
    frame = shown.root.bounding_box()
    cells = shown.root.locator("svg g g rect")
    assert cells.count() == 48
    for k in (24, 35, 36, 47):
        box = cells.nth(k).bounding_box()
        assert frame["x"] < box["x"]
        assert box["x"] + box["width"] < frame["x"] + frame["width"]
        shown.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert shown.text("element").endswith(f"= {k - 24}")


def test_what_follows_a_refused_operation_takes_its_place(show):
    shown = show(Strides([".T", ".view(-1)"]))
    compare(shown, [".T", ".view(-1)"])
    goals = shown.root.locator(".xp-goals li")
    assert [goal.get_attribute("class") for goal in goals.all()] == [None, "reached"]
    shown.root.get_by_role("button", name="[1:]", exact=True).press("Enter")
    compare(shown, [".T", "[1:]"])


def test_the_goal_is_reached_by_keys_alone(show):
    shown = show(Strides())
    chain = ["[1:]", "[..., 1:]", "[..., ::2]", ".T", "[..., ::2]"]
    for name in chain:
        shown.root.get_by_role("button", name=name, exact=True).press("Enter")
    compare(shown, chain)
    assert "reached" in shown.root.locator(".xp-goals li").first.get_attribute("class")


def test_elements_are_picked_by_mouse_by_keys_and_by_hovering(show, chance):
    chain = [".view(2, 3, 4)", ".movedim(0, -1)"]
    shown = show(Strides(chain, element=0))
    view, _ = by_torch(chain)
    point = shown.root.locator(".xp-handle")
    for _ in range(4):
        drag(shown.page, point.locator(".xp-mark"), chance.uniform(-60, 150), chance.uniform(-40, 40))
        compare(shown, chain)
    for key, element in (("End", 23), ("ArrowDown", 23), ("ArrowUp", 21), ("Home", 0), ("ArrowRight", 1)):
        shown.page.keyboard.press(key)
        assert int(point.get_attribute("aria-valuenow")) == element
        shown.page.mouse.move(1, 1)
        compare(shown, chain)
        assert shown.text("element").endswith(f"= {view.flatten()[element].item()}")
    cells = shown.root.locator("svg g g rect")
    for k in (chance.randint(0, 23), 24 + chance.randint(2, 23)):  # one in the buffer, one in the view
        cells.nth(k).hover(force=True)
        expected = k if k < 24 else view.flatten()[k - 24].item()
        assert shown.text("element").endswith(f"= {expected}")
        assert int(point.get_attribute("aria-valuenow")) == 1, "hovering picks nothing"
    shown.page.mouse.move(1, 1)
    assert shown.text("element").endswith(f"= {view.flatten()[1].item()}")


@pytest.mark.parametrize("chain", [["[1]", "[1]"], ["[1:]"] * 4, [".T", ".view(-1)"], [".diagonal()"]])
def test_the_code_on_the_page_is_pythons(chain, show):
    widget = Strides(chain, element=2)
    shown = show(widget)
    compare(shown, chain)
    assert shown.code() == widget.code()
    shown.assert_sound()


def test_a_chain_ends_at_eight(show):
    shown = show(Strides([".T"] * 7))
    shown.root.get_by_role("button", name="[1:]", exact=True).click()
    compare(shown, [".T"] * 7 + ["[1:]"])
    assert shown.root.get_by_role("button", name="[1:]", exact=True).is_disabled()
    shown.root.get_by_role("button", name="Undo").click()
    assert shown.root.get_by_role("button", name="[1:]", exact=True).is_enabled()
