"""The adapter at settings drawn at run time: every step and both gradients against torch."""

from __future__ import annotations

import pytest
import torch
from explorable_page import drag, slide

from course_explorables.adapter import METHODS, Adapter
from course_explorables.base import joined_module

MODULE = ("base.mjs", "frame.mjs", "plane.mjs", "adapter.mjs")
BUTTONS = {"LoRA": "LoRA, B = 0", "both zero": "LoRA, A = B = 0", "full": "full"}


def by_torch(method, targets, steps):
    """Matrices after every step, the losses there, and the gradients at the last, from autograd and SGD."""
    target = torch.tensor(targets, dtype=torch.float64).T
    W = torch.eye(2, dtype=torch.float64)
    start = [0.0, 0.0] if method == "both zero" else [0.6, 0.3]
    A, B = torch.tensor([start], dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64)
    trained = [each.requires_grad_() for each in ([W] if method == "full" else [A, B])]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    matrices, losses = [], []
    for step in range(steps + 1):
        optimizer.zero_grad()
        matrix = W + 2 * B @ A
        loss = 0.5 * (matrix - target).square().sum()
        loss.backward()
        matrices.append(matrix.detach().clone())
        losses.append(loss.item())
        if step < steps:
            optimizer.step()
    return torch.stack(matrices), losses, [each.grad for each in trained]


def drawn_targets(chance):
    return [[round(chance.uniform(-1, 2), 2) for _ in range(2)] for _ in range(2)]


def test_every_step_and_the_least_loss_equal_torch(run_module, chance):
    module = joined_module(MODULE) + (
        "const all = (cases) => cases.map(([method, target, steps]) => [fineTune(method, target, 0.1, steps),"
        " leastAtRankOne(minus(target, IDENTITY))]);"
    )
    cases = [(method, drawn_targets(chance), 150) for method in METHODS for _ in range(4)]
    cases.append(("LoRA", [[1.0, 0.0], [0.0, 1.0]], 20))
    given = [[m, [list(row) for row in zip(*targets, strict=True)], s] for m, targets, s in cases]
    for case, (found, least) in zip(cases, run_module(module, "all", given), strict=True):
        matrices, _, gradients = by_torch(*case)
        torch.testing.assert_close(
            torch.tensor(found["matrices"], dtype=torch.float64), matrices, rtol=1e-9, atol=1e-9
        )
        if case[0] != "full":
            assert found["toA"] == pytest.approx(gradients[0].norm().item(), abs=1e-9)
            assert found["toB"] == pytest.approx(gradients[1].norm().item(), abs=1e-9)
        asked = torch.tensor(case[1], dtype=torch.float64).T - torch.eye(2, dtype=torch.float64)
        assert least == pytest.approx(torch.linalg.svdvals(asked)[1].square().item() / 2, abs=1e-12)


def compare(shown, method, steps):
    """Read-out and goal against torch, for the targets that the printed code holds."""
    names: dict = {}
    exec(shown.code(), names)
    targets = names["target"].T.tolist()
    _, losses, gradients = by_torch(method, targets, steps)
    assert names["loss"]().item() == pytest.approx(losses[-1], abs=1e-12)
    assert shown.number("loss") == pytest.approx(losses[-1], abs=6e-7)
    assert shown.number("least") == pytest.approx(names["least"].item(), abs=6e-7)
    if method == "full":
        assert shown.text("toA") == shown.text("toB") == "none"
    else:
        assert shown.number("toA") == pytest.approx(gradients[0].norm().item(), abs=6e-7)
        assert shown.number("toB") == pytest.approx(gradients[1].norm().item(), abs=6e-7)
    far = (names["target"] - torch.eye(2)).norm(dim=0).min() >= 0.5
    shown.assert_goals(method == "LoRA" and bool(far) and losses[-1] < 1e-3)
    return targets


@pytest.mark.parametrize("width", [360, 700])
def test_targets_ways_and_steps_by_mouse_and_keys(width, show, chance):
    shown = show(Adapter(), width=width)
    first = compare(shown, "LoRA", 60)
    for k, mark in enumerate(shown.root.locator(".xp-handle .xp-mark").all()):
        drag(shown.page, mark, chance.uniform(-25, -10), chance.uniform(-30, 30))
        dragged = compare(shown, "LoRA", 60)
        assert dragged[k] != first[k]
        shown.page.keyboard.press("ArrowRight")
        assert compare(shown, "LoRA", 60)[k][0] == pytest.approx(dragged[k][0] + 0.06)
    for method in METHODS:
        shown.root.get_by_role("button", name=BUTTONS[method], exact=True).press("Enter")
        compare(shown, method, 60)
        steps = shown.root.get_by_label("Steps")
        steps.focus()
        shown.page.keyboard.press("Home")
        compare(shown, method, 0)
        slide(shown.page, steps, 0.3)
        compare(shown, method, int(steps.input_value()))
        steps.focus()
        shown.page.keyboard.press("Home")
        for _ in range(60):
            shown.page.keyboard.press("ArrowRight")
    shown.reset()
    assert compare(shown, "LoRA", 60) == first
    shown.assert_sound()


def test_the_goal_is_reached_by_keys(show):
    shown = show(Adapter(((1.8, 0.4), (-0.8, 0.54))))
    compare(shown, "LoRA", 60)
    shown.root.get_by_role("slider", name="target of (0, 1)").focus()
    shown.page.keyboard.press("ArrowUp")
    shown.root.get_by_label("Steps").focus()
    shown.page.keyboard.press("End")
    compare(shown, "LoRA", 200)
    assert shown.root.locator(".xp-goals li").get_attribute("class") == "reached"
    shown.assert_sound()
    for targets, method in ((((1.4, 0.2), (-0.8, 0.6)), "LoRA"), (((1.8, 0.4), (-0.8, 0.6)), "full")):
        compare(show(Adapter(targets, method=method, steps=200)), method, 200)


@pytest.mark.parametrize("method", METHODS)
def test_the_code_on_the_page_is_pythons(method, show):
    widget = Adapter(((1, 0), (-0.25, 1.5)), method=method, steps=7)
    assert show(widget).code() == widget.code()
