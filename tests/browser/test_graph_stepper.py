"""The graph stepper, stepped and changed by mouse and keys, against torch's values and gradients."""

from __future__ import annotations

import pytest
import torch
from explorable_page import slide

from course_explorables.graph_stepper import GraphStepper
from course_lib.foundations.scalar_autograd import Value

INPUTS = ("w", "x", "t")


def neuron(w, x, t):
    a = torch.tanh(w * x)
    o = a + x
    return {"a": a, "o": o, "loss": (o - t) ** 2}


def screen_inputs(shown):
    return {name: shown.number(f"value-{name}") for name in INPUTS}


def compare_all(shown):
    """Values and gradients on screen equal torch's; four digits are shown."""
    leaves = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in screen_inputs(shown).items()
    }
    results = neuron(**leaves)
    for node in (results["a"], results["o"]):
        node.retain_grad()
    results["loss"].backward()
    for name, node in {**leaves, **results}.items():
        assert shown.number(f"value-{name}") == pytest.approx(node.item(), abs=5.1e-5)
        expected = 1.0 if name == "loss" else node.grad.item()
        assert shown.number(f"grad-{name}") == pytest.approx(expected, abs=5.1e-5)
    return leaves


def test_stepping_by_key_shows_values_then_gradients(show):
    shown = show(GraphStepper())
    step = shown.root.get_by_role("button", name="Step ▶")
    step.focus()
    assert shown.text("value-loss") == "·"
    for _ in range(5):
        assert shown.text("grad-loss") == ""
        shown.page.keyboard.press("Enter")
    assert shown.number("value-loss") > 0
    shown.page.keyboard.press("Enter")
    assert shown.number("grad-loss") == 1
    assert shown.text("grad-o") == ""
    while step.is_enabled():
        shown.page.keyboard.press("Enter")
    compare_all(shown)
    assert "reached" in shown.root.locator(".xp-goals li").first.text_content()
    shown.root.get_by_role("button", name="Back").click()  # x keeps the share of its other use
    assert shown.number("grad-x") == shown.number("grad-o")
    shown.reset()
    assert shown.text("value-loss") == "·"
    shown.assert_sound()


def test_inputs_moved_by_mouse_and_keys_equal_torch(show, chance):
    shown = show(GraphStepper())
    shown.root.get_by_role("button", name="To the end").click()
    for name in INPUTS:
        before = shown.number(f"value-{name}")
        slider = shown.root.get_by_label(name, exact=True)
        slide(shown.page, slider, chance.choice([0.1, 0.25, 0.92]))
        shown.page.keyboard.press("ArrowRight")
        assert shown.number(f"value-{name}") != before
    leaves = compare_all(shown)
    names: dict = {}
    exec(shown.code(), names)
    for name, leaf in leaves.items():
        assert names[name].item() == pytest.approx(leaf.item())
        assert names[name].grad.item() == pytest.approx(leaf.grad.item())
    shown.assert_sound()


def test_the_step_slider_scrubs_by_mouse(show):
    shown = show(GraphStepper())
    slide(shown.page, shown.root.get_by_label("Step", exact=True), 1.0)
    compare_all(shown)


def test_a_node_used_twice_adds_its_gradients(show):
    a, b = Value(1.5, "a"), Value(-0.5, "b")
    root = (a * b + a).exp() / (a + 3) - b.relu()
    shown = show(GraphStepper(root))
    shown.root.get_by_role("button", name="To the end").click()
    x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (1.5, -0.5))
    (torch.exp(x * y + x) / (x + 3) - torch.relu(y)).backward()
    assert shown.number("grad-a") == pytest.approx(x.grad.item(), abs=5.1e-5)
    assert shown.number("grad-b") == pytest.approx(y.grad.item(), abs=5.1e-5)
    assert [shown.text("grad-" + name) for name in shown_constants(shown)] == [""]


@pytest.mark.parametrize("width", [360, 700])
def test_two_edges_between_the_same_boxes_are_two_curves(show, width):
    a = Value(1.5, "a")
    shown = show(GraphStepper(a * a), width=width)
    shown.root.get_by_role("button", name="To the end").click()
    curves = shown.root.locator("svg path[fill=none]").evaluate_all(
        "all => all.map((p) => p.getAttribute('d'))"
    )
    assert len(curves) == len(set(curves)) == 4, "one edge per use, each with its gradient's way back"
    assert shown.number("grad-a") == 3


def shown_constants(shown):
    nodes = shown.root.locator("[data-node]", has_text="constant")
    return [node.get_attribute("data-node") for node in nodes.all()]


def test_a_pole_is_said_in_words(show):
    a = Value(0.1, "a")
    shown = show(GraphStepper((1 / a).log()))
    shown.root.get_by_role("button", name="To the end").click()
    slider = shown.root.get_by_label("a", exact=True)
    slider.focus()
    shown.page.keyboard.press("ArrowLeft")
    assert shown.number("value-a") == 0
    shown.assert_sound()
    shown.page.keyboard.press("ArrowLeft")
    shown.assert_sound()
    assert "not finite" in shown.everything()
