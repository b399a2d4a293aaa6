"""The descent map, dragged and slid to settings drawn at run time, against torch and the library."""

from __future__ import annotations

import math

import pytest
import torch
from explorable_page import as_number, drag, slide

from course_explorables.base import joined_module
from course_explorables.descent_map import DescentMap
from course_lib.foundations.descent import Quadratic, descend

MODULE = ("base.mjs", "frame.mjs", "plane.mjs", "descent_map.mjs")


def by_torch(start, rate, kappa, momentum, steps):
    """Every point of the way torch.optim.SGD takes, up to the last that is a number."""
    hessian = torch.diag(torch.tensor([1.0, kappa], dtype=torch.float64))
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=rate, momentum=momentum)
    path = [theta.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * theta @ hessian @ theta).backward()
        optimizer.step()
        if not (theta @ hessian @ theta).isfinite():
            break
        path.append(theta.detach().clone())
    return torch.stack(path)


def settings(shown):
    """What the page says its settings are: the handle's place, and the values in its printed code."""
    names: dict = {}
    try:
        exec(shown.code(), names)
    except FloatingPointError:
        names["diverged"] = True
    rate = names["optimizer"].param_groups[0]["lr"]
    momentum = names["optimizer"].param_groups[0]["momentum"]
    steps = int(slider_text(shown, "Steps"))
    start = [float(part) for part in shown.code().split("torch.tensor([")[2].split("]")[0].split(", ")]
    return start, rate, names["H"][1, 1].item(), momentum, steps


def slider_text(shown, label):
    return shown.root.locator(".xp-slider", has_text=label).locator(".xp-number").text_content()


def close(value):
    return pytest.approx(value, rel=1.1e-5, abs=1e-6)


def compare(shown):
    """The end of the path, its height, 2/L and the factor are torch's and the library's."""
    start, rate, kappa, momentum, steps = settings(shown)
    path = by_torch(start, rate, kappa, momentum, steps)
    bowl = Quadratic((1.0, kappa))
    assert shown.number("theta1") == close(path[-1, 0].item())
    assert shown.number("theta2") == close(path[-1, 1].item())
    assert shown.number("loss") == close(bowl(path[-1]).item())
    assert shown.number("bound") == pytest.approx(bowl.largest_stable_rate, abs=5.1e-5)
    if momentum == 0:
        assert shown.number("factor") == pytest.approx(bowl.contraction(rate), abs=5.1e-5, rel=1e-5)
    diverged = len(path) <= steps or bowl(path[-1]) > bowl(path[0])
    assert (shown.text("verdict") == "diverged") == bool(diverged)
    return path


def test_every_step_in_the_page_equals_torch_and_the_library(run_module, chance):
    module = joined_module(MODULE) + "const all = (walks) => walks.map((walk) => descend(...walk));"
    walks = []
    for momentum in (0.0, 0.9, chance.uniform(0.1, 0.95)):
        start, kappa = [chance.uniform(-3, 3), chance.uniform(-2, 2)], 10 ** chance.uniform(0, 2)
        rates = (0.3 / kappa, 1.9 / kappa, chance.uniform(2.5, 6) / kappa)
        walks += [[[1, kappa], start, rate, momentum, 60] for rate in rates]
    for (curvatures, start, rate, momentum, _), found in zip(
        walks, run_module(module, "all", walks), strict=True
    ):
        points = torch.tensor(found, dtype=torch.float64)
        assert len(points) == 61
        path = by_torch(start, rate, curvatures[1], momentum, 60)
        torch.testing.assert_close(points, path, rtol=1e-9, atol=1e-9)
        origin = torch.tensor(start, dtype=torch.float64)
        by_hand = descend(Quadratic(curvatures).gradient, origin, rate, 60, momentum=momentum)
        torch.testing.assert_close(points, by_hand, rtol=1e-9, atol=1e-9)


def test_the_factor_is_the_largest_eigenvalue_of_a_step(run_module, chance):
    module = joined_module(MODULE) + "const all = (cases) => cases.map((each) => factor(...each));"
    cases = [
        [[1, 10 ** chance.uniform(0, 2)], chance.uniform(0, 3), chance.uniform(0, 0.95)] for _ in range(20)
    ]
    for (curvatures, rate, momentum), found in zip(cases, run_module(module, "all", cases), strict=True):
        sizes = []
        for curvature in curvatures:
            step = [[1 + momentum - rate * curvature, -momentum], [1.0, 0.0]]
            sizes.append(torch.linalg.eigvals(torch.tensor(step, dtype=torch.float64)).abs().max().item())
        assert found == pytest.approx(max(sizes), rel=1e-7)


@pytest.mark.parametrize("width", [360, 700])
def test_dragged_and_slid_settings_show_what_torch_computes(width, show, chance):
    shown = show(DescentMap(), width=width)
    compare(shown)
    for _ in range(2):
        drag(shown.page, shown.root.locator(".xp-mark"), chance.uniform(-30, 120), chance.uniform(-20, 60))
        compare(shown)
        for key in chance.choices(["ArrowRight", "ArrowUp", "PageDown", "ArrowLeft"], k=3):
            shown.page.keyboard.press(key)
        compare(shown)
        for label in ("Learning rate", "Condition number", "Momentum", "Steps"):
            slide(shown.page, shown.root.get_by_label(label), chance.uniform(0, 1))
            compare(shown)
            shown.page.keyboard.press(chance.choice(["ArrowRight", "ArrowLeft"]))
            compare(shown)
        shown.assert_sound()
    shown.reset()
    assert len(compare(shown)) == 31


def test_a_press_on_the_map_moves_the_start_there(show):
    shown = show(DescentMap())
    box = shown.root.locator("rect.xp-target").bounding_box()
    shown.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    assert settings(shown)[0] == pytest.approx([1.5, 1.0], abs=0.03)
    compare(shown)


def test_beyond_two_over_l_it_says_diverged_and_exactly_on_it_never_arrives(show):
    shown = show(DescentMap((-2.4, 1.2), learning_rate=0.2, condition_number=10.0))
    assert shown.text("verdict") == "never arrives"
    compare(shown)
    slider = shown.root.get_by_label("Learning rate")
    slider.focus()
    shown.page.keyboard.press("ArrowRight")
    assert shown.text("verdict") in ("diverged", "will diverge")
    shown.page.keyboard.press("End")
    assert shown.text("verdict") == "diverged"
    for label in ("Condition number", "Momentum", "Steps"):
        shown.root.get_by_label(label).focus()
        shown.page.keyboard.press("End")
        compare(shown)
        shown.assert_sound()
    assert shown.text("verdict") == "diverged"
    assert as_number(shown.text("loss")) > 1e100


def test_a_walk_beyond_float64_ends_in_the_word(run_module):
    points = run_module(joined_module(MODULE), "descend", [1, 1e9], [1, 1], 1e9, 0.0, 60)
    assert 2 < len(points) < 30
    assert all(math.isfinite(value) for point in points for value in point)


def test_both_goals_are_within_reach_of_the_keys(show):
    shown = show(DescentMap())
    goals = shown.root.locator(".xp-goals li")
    assert [goal.get_attribute("class") for goal in goals.all()] == [None, None]
    shown.root.get_by_label("Learning rate").focus()
    for _ in range(22):
        shown.page.keyboard.press("ArrowRight")
    assert "reached" in goals.nth(0).get_attribute("class")
    path = compare(shown)
    assert Quadratic((1.0, 10.0))(path).min() < 1e-3
    steep = show(DescentMap(condition_number=50.1, momentum=0.6, learning_rate=0.06))
    assert steep.root.locator(".xp-goals li.reached").count() == 2
    assert Quadratic((1.0, 50.1))(compare(steep)[:31]).min() < 1e-3
    plain = show(DescentMap(condition_number=50.1, learning_rate=2 / 51.1))
    assert plain.root.locator(".xp-goals li.reached").count() == 0
