"""The policy gradient at settings drawn at run time: every step and every number against torch."""

from __future__ import annotations

import pytest
import torch
from explorable_page import drag, slide

from course_explorables.base import joined_module
from course_explorables.policy_gradient import PolicyGradient

MODULE = ("base.mjs", "frame.mjs", "plane.mjs", "policy_gradient.mjs")
REFERENCE = [0.2, 0.7, 0.1]
EXACT = {"rtol": 1e-9, "atol": 1e-9}


def float64(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def objective(log_policy, rewards, beta):
    """E[r] − β KL(π ‖ π₀)."""
    return log_policy.exp() @ (float64(rewards) - beta * (log_policy - float64(REFERENCE).log()))


def by_autograd(rewards, beta, steps):
    """ln π after every step of gradient ascent, the gradient from autograd."""
    z = float64(REFERENCE).log().requires_grad_()
    optimizer = torch.optim.SGD([z], lr=1.0, maximize=True)
    path = [z.detach().log_softmax(0)]
    for _ in range(steps):
        optimizer.zero_grad()
        objective(z.log_softmax(0), rewards, beta).backward()
        optimizer.step()
        path.append(z.detach().log_softmax(0))
    return torch.stack(path)


def best_of(rewards, beta):
    if beta > 0:
        return (float64(REFERENCE).log() + float64(rewards) / beta).log_softmax(0)
    weights = float64(REFERENCE) * (float64(rewards) == max(rewards))
    return (weights / weights.sum()).log()


def test_every_step_and_the_best_policy_equal_torch(run_module, chance):
    module = joined_module(MODULE) + (
        "const all = (cases) => cases.map("
        "([r, p, beta, steps]) => [climb(r, p, beta, 1, steps), bestLogs(r, p, beta)]);"
    )
    cases = []
    for beta in (0, 0.05, *(chance.uniform(0, 2) for _ in range(10))):
        cases.append([[round(chance.uniform(-2, 2), 2) for _ in range(3)], REFERENCE, beta, 200])
    for (rewards, _, beta, steps), (path, best) in zip(cases, run_module(module, "all", cases), strict=True):
        torch.testing.assert_close(float64(path), by_autograd(rewards, beta, steps), **EXACT)
        if beta > 0:
            torch.testing.assert_close(float64(best), best_of(rewards, beta), **EXACT)


def compare(shown, decimals=3):
    """Every number on screen against torch, for the settings that the printed code holds."""
    names: dict = {}
    exec(shown.code(), names)
    rewards, beta = names["reward"].tolist(), names["beta"]
    steps = int(shown.root.get_by_label("Steps").input_value())
    log_policy, best = by_autograd(rewards, beta, steps)[-1], best_of(rewards, beta)
    policy = log_policy.exp()
    torch.testing.assert_close(names["policy"], policy, **EXACT)
    torch.testing.assert_close(names["best"], best.exp(), **EXACT)
    for k in range(3):
        assert shown.number(f"p{k}") == pytest.approx(policy[k].item(), abs=0.51 * 10**-decimals)
    kl = policy @ (log_policy - float64(REFERENCE).log())
    assert shown.number("reward") == pytest.approx((policy @ float64(rewards)).item(), abs=6e-7)
    assert shown.number("moved") == pytest.approx(kl.item(), abs=6e-7)
    assert shown.number("worth") == pytest.approx(objective(log_policy, rewards, beta).item(), abs=6e-7)
    if beta > 0:
        left = (policy @ (log_policy - best)).item()
        assert shown.number("left") == pytest.approx(left, abs=6e-7)
        assert shown.number("best") == pytest.approx(objective(best, rewards, beta).item(), abs=6e-7)
    else:
        left = float("inf")
        assert shown.text("left") == "∞"
        assert shown.number("best") == pytest.approx(max(rewards), abs=6e-7)
    reached = [policy.argmax().item() == 2, steps > 0 and left < 1e-3]
    shown.assert_goals(*reached)
    return rewards, reached


@pytest.mark.parametrize("width", [360, 700])
def test_rewards_price_and_steps_by_mouse_and_keys(width, show, chance):
    shown, decimals = show(PolicyGradient(), width=width), 2 if width == 360 else 3
    first, _ = compare(shown, decimals)
    assert first == [1.0, 0.0, -0.5]
    for k, mark in enumerate(shown.root.locator(".xp-handle .xp-mark").all()):
        drag(shown.page, mark, 0, chance.choice([-1, 1]) * chance.uniform(15, 60))
        dragged, _ = compare(shown, decimals)
        assert dragged[k] != first[k]
        shown.page.keyboard.press("ArrowUp" if dragged[k] < 1.9 else "ArrowDown")
        assert compare(shown, decimals)[0][k] == pytest.approx(
            dragged[k] + (0.1 if dragged[k] < 1.9 else -0.1)
        )
    slide(shown.page, shown.root.get_by_label("Price β"), chance.uniform(0.1, 0.9))
    compare(shown, decimals)
    steps = shown.root.get_by_label("Steps")
    slide(shown.page, steps, chance.uniform(0.1, 0.9))
    compare(shown, decimals)
    for label, key in (("Price β", "Home"), ("Steps", "End"), ("Steps", "Home")):
        shown.root.get_by_label(label).focus()
        shown.page.keyboard.press(key)
        compare(shown, decimals)
    shown.reset()
    assert compare(shown, decimals)[0] == first
    shown.assert_sound()


def test_both_goals_are_reached_by_keys(show):
    shown = show(PolicyGradient())
    shown.root.get_by_role("slider", name="reward of C").focus()
    shown.page.keyboard.press("End")
    shown.root.get_by_label("Steps").focus()
    shown.page.keyboard.press("End")
    assert compare(shown) == ([1.0, 0.0, 2.0], [True, True])
    shown.assert_sound()
    still = PolicyGradient((0.0, 0.0, 0.0), beta=1.0, steps=0)
    assert compare(show(still))[1] == [False, False], "no step, no goal"
    assert compare(show(PolicyGradient(beta=1.0, steps=200)))[1] == [False, True]


@pytest.mark.parametrize("beta", [0.0, 0.05, 1.5])
def test_the_code_on_the_page_is_pythons(beta, show):
    widget = PolicyGradient((0.5, -2.0, 1.25), beta=beta, steps=7)
    assert show(widget).code() == widget.code()
