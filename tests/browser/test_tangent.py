"""The tangent, moved by mouse and keys, against torch computing the same slopes in this test."""

from __future__ import annotations

import re

import pytest
import torch
from explorable_page import as_number, drag, slide

from course_explorables.tangent import Tangent


def wave(x):
    return torch.sin(x) + 0.1 * x**2


CURVES = {"default": (wave, (-5.0, 5.0)), "sigmoid": (lambda x: 4 * torch.sigmoid(2 * x) - x, (-3.0, 3.0))}


def derivative(function, x):
    place = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    function(place).backward()
    return place.grad.item()


def compare(shown, function):
    """Every reading equals torch at the x and h on screen; returns x."""
    handle = shown.root.locator(".xp-handle")
    x = float(handle.get_attribute("aria-valuenow"))
    h = as_number(shown.root.locator(".xp-number").text_content())
    with torch.no_grad():
        at = lambda place: function(torch.tensor(place, dtype=torch.float64)).item()  # noqa: E731
        value, quotient = at(x), (at(x + h) - at(x - h)) / (2 * h)
    assert shown.number("y") == pytest.approx(value, abs=1e-6)
    assert shown.number("autograd") == pytest.approx(derivative(function, x), abs=1e-6)
    # Rounding in f differs in the last place between mathematical libraries, and 1/2h magnifies it.
    slack = 1e-6 + 4 * torch.finfo(torch.float64).eps * max(1, abs(value)) / h
    assert shown.number("difference") == pytest.approx(quotient, abs=slack)
    return x


@pytest.mark.parametrize("name", CURVES)
def test_dragged_and_keyed_readings_equal_torch(name, show, chance):
    function, domain = CURVES[name]
    start = 0.2 * (domain[0] + 3 * domain[1])
    shown = show(Tangent(function, start, domain=domain))
    handle = shown.root.locator(".xp-handle")
    before = compare(shown, function)
    drag(shown.page, handle.locator(".xp-mark"), chance.uniform(-200, -30), chance.uniform(-40, 40))
    dragged = compare(shown, function)
    assert dragged < before
    presses = chance.randint(2, 9)
    for _ in range(presses):
        shown.page.keyboard.press("ArrowRight")
    step = (domain[1] - domain[0]) / 100
    assert compare(shown, function) == pytest.approx(dragged + presses * step, abs=1e-9)
    slider = shown.root.get_by_label("Step h")
    slider.focus()
    shown.page.keyboard.press("Home")
    assert shown.number("difference") == 0 or abs(shown.number("difference")) > 0.01
    for _ in range(chance.randint(14, 58)):
        shown.page.keyboard.press("ArrowRight")
    compare(shown, function)
    slide(shown.page, slider, chance.uniform(0.3, 0.95))
    compare(shown, function)
    handle.focus()
    for key, end in (("Home", domain[0]), ("End", domain[1])):
        shown.page.keyboard.press(key)
        assert compare(shown, function) == end
    shown.reset()
    assert compare(shown, function) == before
    shown.assert_sound()


def test_error_falls_as_h_squared_then_rises_as_one_over_h(show):
    shown = show(Tangent())
    slider = shown.root.get_by_label("Step h")
    errors = {}
    for index, h in ((56, 1e-2), (52, 1e-3), (16, 1e-12), (8, 1e-14)):
        slider.fill(str(index))
        assert as_number(shown.root.locator(".xp-number").text_content()) == pytest.approx(h)
        note = shown.root.locator(".xp-row", has_text="difference").locator(".xp-note").text_content()
        errors[h] = float(re.search(r"error (\S+)", note)[1])
    third = abs(-torch.cos(torch.tensor(2.4)).item())  # f''' of sin x + x²/10
    assert errors[1e-2] == pytest.approx(third * 1e-4 / 6, rel=0.1)
    assert errors[1e-3] == pytest.approx(errors[1e-2] / 100, rel=0.1)
    assert errors[1e-14] > errors[1e-12] > 10 * errors[1e-3] / 100


def test_the_goal_is_reached_by_keys_alone(show):
    shown = show(Tangent(lambda x: (x - 1) ** 2, 2.0, domain=(-3, 3)))
    goal = shown.root.locator(".xp-goals li").first
    assert goal.get_attribute("class") != "reached"
    shown.root.locator(".xp-handle").focus()
    for _ in range(60):
        if shown.number("autograd") < 0.1:
            break
        shown.page.keyboard.press("ArrowLeft")
    for _ in range(60):
        if goal.get_attribute("class") == "reached":
            break
        shown.page.keyboard.press("Shift+ArrowLeft" if shown.number("autograd") > 0 else "Shift+ArrowRight")
    assert goal.get_attribute("class") == "reached"
    assert abs(shown.number("autograd")) < 0.1


def test_formula_is_compared_and_a_wrong_one_is_called_unequal(show):
    right = show(Tangent(torch.sin, 1.0, formula_derivative=torch.cos))
    assert right.number("formula") == pytest.approx(0.540302, abs=1e-6)
    assert "= autograd" in right.root.locator(".xp-readout").text_content()
    wrong = show(Tangent(torch.sin, 1.0, formula_derivative=lambda x: -torch.cos(x)))
    assert "≠ autograd" in wrong.root.locator(".xp-readout").text_content()


def test_places_without_a_value_are_said_in_words(show):
    shown = show(Tangent(lambda x: torch.log(x), 1.0, domain=(-2, 2), title="Drag the point left of zero"))
    shown.root.locator(".xp-handle").focus()
    for key in ("Home", "PageUp", "PageUp", "PageUp", "PageUp", "PageUp"):
        shown.page.keyboard.press(key)
        shown.assert_sound()
    shown.page.keyboard.press("Home")
    assert shown.text("y") == "not finite"


def test_a_function_torch_fx_cannot_follow_comes_from_torchs_table(show):
    def bent(x):
        return torch.where(x > 0, torch.erf(x), 0.2 * x**3)

    shown = show(Tangent(bent, 1.0, domain=(-2, 2)))
    drag(shown.page, shown.root.locator(".xp-mark"), -300, 0)
    x = float(shown.root.locator(".xp-handle").get_attribute("aria-valuenow"))
    assert shown.number("autograd") == pytest.approx(derivative(bent, x), abs=2e-3)
    assert shown.text("difference") == "needs a kernel"
    shown.assert_sound()


def test_printed_code_runs_and_gives_the_numbers_on_screen(show, chance):
    shown = show(Tangent())
    drag(shown.page, shown.root.locator(".xp-mark"), chance.uniform(-250, 100), 0)
    names: dict = {}
    exec(shown.code(), names)
    for name in ("autograd", "difference", "formula"):
        assert shown.number(name) == pytest.approx(names[name], abs=1e-6)
