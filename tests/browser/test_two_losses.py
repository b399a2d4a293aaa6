"""Cars dragged away from two lines, the page's lines and pulls against torch."""

from __future__ import annotations

import itertools
import re

import pytest
import torch
from explorable_page import as_number, drag

from course_explorables.base import joined_module
from course_explorables.two_losses import TwoLosses
from course_lib.foundations.linear_regression import solve_least_squares

MODULE = ("base.mjs", "frame.mjs", "plane.mjs", "two_losses.mjs")


def absolute_errors(points, line):
    x, y = torch.tensor(points, dtype=torch.float64).T
    return (line[0] * x + line[1] - y).abs().mean().item()


def smallest_absolute_error(points):
    """Over all lines through two points, by Cramer's rule in the points' own coordinates."""
    errors = []
    for (x1, y1), (x2, y2) in itertools.combinations(points, 2):
        if x1 != x2:
            errors.append(absolute_errors(points, [(y2 - y1) / (x2 - x1), (x2 * y1 - x1 * y2) / (x2 - x1)]))
    return min(errors)


def readings(shown, key):
    """A row's number, and the numbers in the remark behind it."""
    note = shown.root.locator(".xp-row", has=shown.page.locator(f'[data-reading="{key}"]')).locator(
        ".xp-note"
    )
    return shown.number(key), [as_number(found) for found in re.findall(r"−?\d+\.\d+", note.text_content())]


def compare(shown):
    """Lines, losses and pulls on screen are torch's for the cars in the printed code."""
    names: dict = {}
    exec(shown.code(), names)
    x, y = names["x"], names["y"]
    points = torch.stack([x, y], dim=1).tolist()
    w, b = (each.squeeze().item() for each in solve_least_squares(x[:, None], y))
    line = torch.tensor([w, b], dtype=torch.float64, requires_grad=True)
    each = (line[0] * x + line[1] - y).square()
    slope, [level, error] = readings(shown, "w2")
    assert (slope, level, error) == pytest.approx((w, b, each.mean().item()), abs=5.1e-5)
    each.sum().backward()
    pull, [together] = readings(shown, "pull2")
    pulls = 2 * (w * x + b - y)
    assert abs(pull) == pytest.approx(pulls.abs().max().item(), abs=5.1e-5)
    assert together == pytest.approx(line.grad[1].item(), abs=5.1e-5) == pytest.approx(0, abs=5.1e-5)
    slope, [level, error] = readings(shown, "w1")
    assert error == pytest.approx(smallest_absolute_error(points), abs=5.1e-5)
    assert absolute_errors(points, (slope, level)) == pytest.approx(error, abs=5e-4)
    return w, slope, level


def test_both_lines_in_the_page_are_torchs(run_module, chance):
    module = joined_module(MODULE) + (
        "const all = (sets) => sets.map((points) => [leastSquares(points), leastAbsolute(points)]);"
    )
    sets = [
        [[chance.uniform(0.6, 2.4), chance.uniform(0, 24)] for _ in range(size)]
        for size in (2, 3, 5, *[12] * 30)
    ]
    for points, (squares, absolute) in zip(sets, run_module(module, "all", sets), strict=True):
        x, y = torch.tensor(points, dtype=torch.float64).T
        w, b = (each.squeeze().item() for each in solve_least_squares(x[:, None], y))
        assert squares == pytest.approx([w, b], rel=1e-9, abs=1e-9)
        assert absolute_errors(points, absolute) == pytest.approx(
            smallest_absolute_error(points), rel=1e-9, abs=2e-9
        )


def test_the_pulls_are_autograds(run_module, chance):
    points = [[chance.uniform(0.6, 2.4), chance.uniform(0, 24)] for _ in range(7)]
    lines = [[chance.uniform(-5, 15), chance.uniform(-5, 15)] for _ in range(2)]
    found = run_module(joined_module(MODULE), "pulls", points, *lines)
    x, y = torch.tensor(points, dtype=torch.float64).T
    for pulls, (w, b), loss in zip(found, lines, (torch.square, torch.abs), strict=True):
        levels = torch.full_like(x, b).requires_grad_()
        loss(w * x + levels - y).sum().backward()
        assert pulls == pytest.approx(levels.grad.tolist(), rel=1e-9)


@pytest.mark.parametrize("width", [360, 700])
def test_cars_moved_by_mouse_and_keys_equal_torch(width, show, chance):
    shown = show(TwoLosses(), width=width)
    compare(shown)
    for k in chance.sample(range(1, 9), 3):
        car = shown.root.get_by_role("slider", name=f"car {k}")
        before = shown.everything()
        drag(shown.page, car.locator(".xp-mark"), chance.uniform(4, 20), chance.uniform(-50, -10))
        assert shown.everything() != before
        compare(shown)
        car.focus()
        for key in chance.choices(["ArrowUp", "ArrowDown", "ArrowRight", "PageDown"], k=3):
            shown.page.keyboard.press(key)
        compare(shown)
    shown.reset()
    compare(shown)
    shown.assert_sound()


def test_a_car_beside_the_dashed_line_halves_one_slope_and_leaves_the_other(show):
    shown = show(TwoLosses())
    slope, dashed, level = compare(shown)
    assert shown.root.locator(".xp-goals .reached").count() == 0
    shown.root.get_by_role("slider", name="car 7").focus()
    for _ in range(3):
        shown.page.keyboard.press("PageDown")
    after = compare(shown)
    assert after[0] < slope / 2
    assert after[1:] == (dashed, level)
    assert shown.root.locator(".xp-goals .reached").count() == 1
    shown.root.get_by_role("slider", name="car 4").focus()
    shown.page.keyboard.press("PageDown")
    assert compare(shown)[1] != dashed
    assert shown.root.locator(".xp-goals .reached").count() == 0


def test_cars_in_one_column_have_a_level_and_no_slope(run_module, show):
    points = [[1.2, 3.0], [1.2, 8.0], [1.2, 20.0]]
    assert run_module(joined_module(MODULE), "leastSquares", points) == pytest.approx([0, 31 / 3])
    assert run_module(joined_module(MODULE), "leastAbsolute", points) == [0, 8.0]
    shown = show(TwoLosses([(1.2, 3.0), (1.3, 8.0)]))
    shown.root.get_by_role("slider", name="car 1").focus()
    shown.page.keyboard.press("End")
    shown.root.get_by_role("slider", name="car 2").focus()
    shown.page.keyboard.press("End")
    assert shown.number("w2") == shown.number("w1") == 0
    shown.assert_sound()
