"""The gradient's way back through a recurrent network, at radii drawn at run time, against autograd."""

from __future__ import annotations

import pytest
import torch
from explorable_page import drag, slide
from torch import nn

from course_explorables.base import joined_module
from course_explorables.through_time import ThroughTime

MODULE = ("base.mjs", "frame.mjs", "plane.mjs", "through_time.mjs")


def by_autograd(weights, inputs):
    """The size of each step's part of the gradient of W, newest first, and of the whole."""
    copies = [weights.clone().requires_grad_() for _ in inputs]
    states = [torch.zeros(len(weights), dtype=torch.float64)]
    for copy, x in zip(copies, inputs, strict=True):
        states.append(torch.tanh(copy @ states[-1] + x))
    states[-1].square().sum().backward()
    parts = torch.stack([copy.grad for copy in copies])
    slope = 1 - torch.stack(states[1:]).detach() ** 2
    return parts.norm(dim=(1, 2)).flip(0)[:-1], parts.sum(dim=0), slope.mean()


def drawn(widget, radius, size):
    weights = torch.tensor(widget.weights, dtype=torch.float64)
    weights *= radius / torch.linalg.eigvals(weights).abs().max().round(decimals=6)
    return weights, size * torch.tensor(widget.inputs, dtype=torch.float64)


def compare(shown, widget):
    """The numbers on screen are autograd's, and torch's own clipping, for the printed settings."""
    names: dict = {}
    exec(shown.code(), names)
    radius, size = shown.number("radius"), float(shown.root.locator(".xp-number").text_content())
    parts, total, slope = by_autograd(*drawn(widget, radius, size))
    shared = nn.Parameter(torch.zeros_like(total))
    shared.grad = total.clone()
    if shown.root.get_by_role("button", name="Clip").get_attribute("aria-pressed") == "true":
        nn.utils.clip_grad_norm_([shared], 1.0)
    factor = (shared.grad.norm() / total.norm()).item()
    for key, expected in (("newest", parts[0]), ("oldest", parts[-1]), ("total", total.norm())):
        digits = {"rel": 6e-5, "abs": 0} if "e" in shown.text(key) else {"rel": 1e-8, "abs": 5.1e-5}
        assert float(shown.text(key)) == pytest.approx(factor * expected.item(), **digits), key
    assert float(names["sizes"][1]) == pytest.approx(factor * parts[-1].item(), rel=1e-6)
    assert shown.number("slope") == pytest.approx(slope.item(), abs=5.1e-5)
    ratio = (parts[-1] / parts[0]).item()
    assert shown.text("verdict") == ("vanishes" if ratio < 0.1 else "explodes" if ratio > 10 else "reaches")
    shown.assert_goals(0.1 <= ratio <= 10)
    return ratio, factor


def test_every_part_in_the_page_equals_autograd(run_module, chance):
    widget = ThroughTime()
    module = joined_module(MODULE) + "const all = (cases) => cases.map((each) => throughTime(...each));"
    radii = (0.1, chance.uniform(0.2, 1), chance.uniform(1, 2), chance.uniform(2, 3))
    cases = [drawn(widget, radius, chance.uniform(0.1, 2)) for radius in radii]
    found = run_module(module, "all", [[w.tolist(), x.tolist()] for w, x in cases])
    for case, page in zip(cases, found, strict=True):
        parts, total, slope = by_autograd(*case)
        # Beyond a radius of 2 a last digit grows about a million times on the way there and back.
        torch.testing.assert_close(torch.tensor(page["parts"], dtype=torch.float64), parts, rtol=1e-6, atol=0)
        assert page["total"] == pytest.approx(total.norm().item(), rel=1e-6)
        assert page["slope"] == pytest.approx(slope.item(), rel=1e-8)


def test_the_factor_is_that_of_clip_grad_norm(run_module, chance):
    for size in (1e-9, chance.uniform(0.1, 1), 1.0, chance.uniform(1, 1e5)):
        weight = nn.Parameter(torch.zeros(3, dtype=torch.float64))
        weight.grad = torch.full((3,), size / 3**0.5, dtype=torch.float64)
        nn.utils.clip_grad_norm_([weight], 1.0)
        found = run_module(joined_module(MODULE), "clipped", size)
        assert found * size == pytest.approx(weight.grad.norm().item(), rel=1e-9)


@pytest.mark.parametrize("width", [360, 700])
def test_radii_dragged_and_inputs_slid_show_what_autograd_finds(width, show, chance):
    widget = ThroughTime()
    shown = show(widget, width=width)
    compare(shown, widget)
    for _ in range(3):
        drag(shown.page, shown.root.locator(".xp-mark"), chance.uniform(10, 40), 0)
        compare(shown, widget)
        shown.root.get_by_role("slider", name="spectral radius").focus()
        for key in chance.choices(["ArrowUp", "ArrowLeft", "PageDown"], k=2):
            shown.page.keyboard.press(key)
        compare(shown, widget)
        slide(shown.page, shown.root.get_by_label("Size of the inputs"), chance.uniform(0, 1))
        shown.root.get_by_role("button", name="Clip").click()
        compare(shown, widget)
    shown.reset()
    assert shown.text("verdict") == "vanishes"
    shown.assert_sound()


def test_the_goal_is_reached_by_keys_and_clipping_leaves_the_ratio(show):
    widget = ThroughTime()
    shown = show(widget)
    point = shown.root.get_by_role("slider", name="spectral radius")
    point.focus()
    for _ in range(24):
        shown.page.keyboard.press("ArrowRight")
    assert shown.number("radius") == 1.8
    before, factor = compare(shown, widget)
    assert factor == 1
    assert 0.1 <= before <= 10
    shown.root.get_by_role("button", name="Clip").click()
    after, factor = compare(shown, widget)
    assert after == before
    assert factor < 0.1
    point.focus()
    shown.page.keyboard.press("End")
    assert shown.text("verdict") == "explodes"
    compare(shown, widget)
    shown.assert_sound()
