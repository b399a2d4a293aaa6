"""Fit a line: points, line and loss surface dragged, the page's training against torch and the library."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from explorable_page import drag, slide

from course_explorables.base import joined_module
from course_explorables.fit_line import FitLine
from course_lib.foundations.linear_regression import Standardiser, mse_gradient, solve_least_squares

MODULE = ("base.mjs", "frame.mjs", "plane.mjs", "line_descent.mjs", "fit_line.mjs")


def by_torch(x, y, w, b, rate, steps):
    """Every (w, b) torch.optim.SGD passes through, up to the last with a finite loss."""
    theta = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (w, b)]
    optimizer = torch.optim.SGD(theta, lr=rate)
    path = [[w, b]]
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(theta[0] * x + theta[1], y).backward()
        optimizer.step()
        if not F.mse_loss(theta[0] * x + theta[1], y).isfinite():
            break
        path.append([each.item() for each in theta])
    return torch.tensor(path, dtype=torch.float64)


def settings(shown):
    """The points and settings in the page's printed code."""
    lines = dict(line.split(" = ", 1) for line in shown.code().splitlines() if " = torch.tensor(" in line)
    x, y, w, b = (eval(lines[name].split(")")[0].split("(")[1].split(", dtype")[0]) for name in "xywb")
    code = shown.code()
    rate = float(code.split("lr=")[1].split(")")[0])
    steps = int(code.split("range(1, ")[1].split(" +")[0])
    x, y = (torch.tensor(each, dtype=torch.float64) for each in (x, y))
    return x, y, w, b, rate, steps, "if True:" in code


def close(value, scale=1.0):
    return pytest.approx(value, rel=1.1e-5, abs=1.1e-6 * scale)


def compare(shown):
    """Loss, line, gradient and 2/L on screen are what torch and the library find for the printed settings."""
    x, y, w, b, rate, steps, standardise = settings(shown)
    z = x.unsqueeze(1)
    if standardise:
        scaler = Standardiser.fit(z)
        w, b = w * scaler.scale.item(), b + w * scaler.mean.item()
        z = scaler.transform(z)
    path = by_torch(z[:, 0], y, w, b, rate, steps)
    end_w, end_b = path[-1]
    losses = [F.mse_loss(each[0] * z[:, 0] + each[1], y).item() for each in path]
    slope = mse_gradient(z, y, end_w.reshape(1), end_b)
    assert shown.number("w") == close(end_w.item())
    assert shown.number("b") == close(end_b.item())
    assert shown.number("loss") == close(losses[-1])
    assert shown.number("dw") == close(slope[0].item(), 2)
    assert shown.number("db") == close(slope[1].item(), 2)
    design = torch.cat([z, torch.ones_like(z)], dim=1)
    curvatures = torch.linalg.eigvalsh(2 * design.T @ design / len(z))
    assert shown.number("bound") == pytest.approx(2 / curvatures[-1].item(), abs=5.1e-5)
    best_w, best_b = solve_least_squares(z, y)
    least = F.mse_loss(z @ best_w + best_b, y).item()
    note = shown.root.locator(".xp-row", has_text="MSE").first.locator(".xp-note").text_content()
    assert float(note.split()[-1]) == pytest.approx(least, abs=1e-6)
    diverged = len(path) <= steps or losses[-1] > losses[0]
    assert (shown.text("verdict") == "diverged") == diverged
    return losses, least


def test_every_step_in_the_page_equals_torch(run_module, chance):
    module = joined_module(MODULE) + (
        "const all = (walks) => walks.map(([points, line, rate, standard]) => {"
        " const z = feature(points, standard); const ys = points.map(([, y]) => y);"
        " return train(z.values, ys, inward(line, z), rate, 200); });"
    )
    walks = []
    for standardise in (False, True, False, True):
        points = [[chance.uniform(0.6, 2.4), chance.uniform(0, 24)] for _ in range(chance.randint(2, 12))]
        line = [chance.uniform(-20, 20), chance.uniform(-10, 20)]
        walks += [[points, line, rate, standardise] for rate in (0.01, 0.25, chance.uniform(1.2, 3))]
    for (points, (w, b), rate, standardise), found in zip(
        walks, run_module(module, "all", walks), strict=True
    ):
        table = torch.tensor(points, dtype=torch.float64)
        x, y = table[:, :1], table[:, 1]
        if standardise:
            scaler = Standardiser.fit(x)
            w, b = w * scaler.scale.item(), b + w * scaler.mean.item()
            x = scaler.transform(x)
        path = by_torch(x[:, 0], y, w, b, rate, 200)
        points = torch.tensor(found, dtype=torch.float64)
        assert len(points) == len(path)
        torch.testing.assert_close(points, path, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("width", [360, 700])
def test_points_line_and_surface_moved_by_mouse_and_keys_equal_torch(width, show, chance):
    shown = show(FitLine(), width=width)
    compare(shown)
    handles = shown.root.locator(".xp-handle")
    for name in ("car 3", "car 6", "left end of the line", "right end of the line", "w and b of the line"):
        point = shown.root.get_by_role("slider", name=name)
        before = shown.everything()
        drag(shown.page, point.locator(".xp-mark"), chance.uniform(4, 20), chance.uniform(-50, -10))
        assert shown.everything() != before
        compare(shown)
        point.focus()
        for key in chance.choices(["ArrowUp", "ArrowDown", "ArrowRight", "PageDown"], k=3):
            shown.page.keyboard.press(key)
        compare(shown)
    assert handles.count() == 11
    for share in (0.1, chance.uniform(0.2, 0.9)):
        slide(shown.page, shown.root.get_by_label("Steps"), share)
        compare(shown)
        slide(shown.page, shown.root.get_by_label("Learning rate"), chance.uniform(0, 1))
        compare(shown)
        shown.root.get_by_role("button", name="Standardise x").click()
        compare(shown)
    shown.reset()
    losses, _ = compare(shown)
    assert len(losses) == 1
    shown.assert_sound()


def test_a_handle_moved_after_training_takes_the_trained_line_along(show):
    shown = show(FitLine(steps=30, learning_rate=0.2))
    trained = shown.number("w"), shown.number("b")
    shown.root.get_by_role("slider", name="right end of the line").focus()
    shown.page.keyboard.press("ArrowUp")
    x, _, w, b, *_ = settings(shown)
    assert len(x) == 8
    assert settings(shown)[5] == 0
    assert w * 0.66 + b == pytest.approx(trained[0] * 0.66 + trained[1], abs=2e-3)
    assert w * 2.34 + b == pytest.approx(trained[0] * 2.34 + trained[1] + 0.5, abs=2e-3)
    compare(shown)


def test_steps_by_key_lower_the_loss_and_both_goals_are_within_reach(show):
    shown = show(FitLine())
    goals = shown.root.locator(".xp-goals li")
    step = shown.root.get_by_role("button", name="Step ▶")
    step.focus()
    for _ in range(3):
        shown.page.keyboard.press("Enter")
    losses, _ = compare(shown)
    assert len(losses) == 4
    assert losses[3] < losses[0] / 2
    shown.root.get_by_role("button", name="Standardise x").press("Enter")
    shown.root.get_by_label("Learning rate").focus()
    for _ in range(20):
        shown.page.keyboard.press("ArrowRight")
    shown.root.get_by_label("Steps").focus()
    for _ in range(12):
        shown.page.keyboard.press("ArrowRight")
    losses, least = compare(shown)
    assert losses[-1] <= 1.01 * least
    assert "reached" in goals.nth(1).get_attribute("class")
    assert shown.text("verdict") == "arrived"
    by_hand = show(FitLine(w=7.9, b=1.0))
    assert "reached" in by_hand.root.locator(".xp-goals li").first.get_attribute("class")
    losses, least = compare(by_hand)
    assert losses[0] <= 1.1 * least


def test_a_learning_rate_that_is_too_large_ends_in_the_word_diverged(show):
    shown = show(FitLine())
    shown.root.get_by_label("Learning rate").focus()
    shown.page.keyboard.press("End")
    assert shown.text("verdict") == "will diverge"
    for steps in ("ArrowRight", "PageUp", "End"):
        shown.root.get_by_label("Steps").focus()
        shown.page.keyboard.press(steps)
        compare(shown)
        assert shown.text("verdict") == "diverged"
        shown.assert_sound()
    shown.root.get_by_role("button", name="Standardise x").click()
    compare(shown)
    shown.assert_sound()


def test_points_in_one_column_have_no_variance_and_the_page_says_so(show):
    shown = show(FitLine([(1.1, 3), (1.1, 9), (1.1, 5)], steps=5))
    assert "κ is infinite" in shown.root.locator(".xp-readout").text_content()
    shown.assert_sound()
    shown.root.get_by_role("button", name="Standardise x").click()
    assert shown.text("verdict") == "no variance"
    shown.assert_sound()


def test_residuals_of_a_line_far_away_end_at_the_frame(show):
    shown = show(FitLine(w=90.0, b=-100.0))
    low, high, numbers = shown.root.evaluate(
        """(root) => {
          const of = (name) => (line) => Number(line.getAttribute(name));
          const ends = [...root.querySelectorAll("line[stroke-dasharray]")].map(of("y2"));
          const axis = root.querySelector(".xp-grid").parentNode;
          const below = [...axis.querySelectorAll("text[text-anchor=middle]")].map(of("y"));
          return [Math.min(...ends), Math.max(...ends), Math.min(...below)];
        }"""
    )
    assert low < high < numbers - 10, "no residual runs over the numbers of the axis"
