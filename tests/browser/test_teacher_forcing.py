"""Teacher forcing at settings drawn at run time: every token and probability against torch."""

from __future__ import annotations

import pytest
import torch
from explorable_page import drag, slide

from course_explorables.base import joined_module
from course_explorables.teacher_forcing import TeacherForcing

MODULE = ("base.mjs", "frame.mjs", "lattice.mjs", "teacher_forcing.mjs")


def chances(teacher: bool, mistake: int, slip_rate: float) -> torch.Tensor:
    """By powers of the decoder's transition matrix, from digit to digit, rather than place by place."""
    steps = torch.full((10, 10), slip_rate / 9, dtype=torch.float64)
    steps[torch.arange(10), (torch.arange(10) + 1) % 10] = 1 - slip_rate
    surely = torch.eye(10, dtype=torch.float64).roll(4, dims=1)  # one on, and three too far
    right = []
    for place in range(1, 13):
        if teacher:
            row = (surely if place == mistake else steps)[(place - 1) % 10]
        elif 0 < mistake <= place:
            to_here = steps.matrix_power(mistake - 1) @ surely @ steps.matrix_power(place - mistake)
            row = to_here[0]
        else:
            row = steps.matrix_power(place)[0]
        right.append(row[place % 10])
    return torch.stack(right)


def test_every_probability_equals_powers_of_the_transition_matrix(run_module, chance):
    module = joined_module(MODULE) + "const all = (cases) => cases.map((each) => chances(...each));"
    cases = [[chance.random() < 0.3, k, chance.uniform(0, 0.2)] for k in range(13)]
    cases += [[teacher, 0, 0] for teacher in (True, False)]
    for case, found in zip(cases, run_module(module, "all", cases), strict=True):
        torch.testing.assert_close(
            torch.tensor(found, dtype=torch.float64), chances(*case), rtol=1e-12, atol=1e-12
        )


def compare(shown, teacher, mistake):
    """Rows, read-out and goals against the printed code and the matrix, at the slip rate on the page."""
    names: dict = {}
    exec(shown.code(), names)
    assert (names["teacher"], names["mistake"]) == (teacher, mistake)
    slip_rate = names["slip_rate"]
    cells = shown.root.locator(".xp-stage svg").first.locator("g g text").all_text_contents()
    tokens = [int(text) for text in cells if text.isdigit()]
    target = names["target"].tolist()
    fed = [0, *(target if teacher else names["written"])][:12]
    assert tokens == [*target, *fed, *names["written"]]
    wrong = sum(a != b for a, b in zip(target, names["written"], strict=True))
    assert shown.text("wrong") == f"{wrong} of 12"
    right, own = (chances(way, mistake, slip_rate).mean().item() for way in (True, False))
    assert names["right"].mean().item() == pytest.approx(right if teacher else own, abs=1e-12)
    assert shown.number("right") == pytest.approx(right, abs=5.1e-5)
    assert shown.number("own") == pytest.approx(own, abs=5.1e-5)
    whole = 0 if mistake else (1 - slip_rate) ** 12
    assert shown.number("whole") == pytest.approx(whole, abs=5.1e-5)
    reached = [wrong >= 10, right >= 0.9 and not mistake and whole < 0.5]
    shown.assert_goals(*reached)
    return slip_rate, reached


@pytest.mark.parametrize("width", [360, 700])
def test_mistake_feed_and_slip_rate_by_mouse_and_keys(width, show, chance):
    shown = show(TeacherForcing(), width=width)
    assert compare(shown, True, 3) == (0.02, [False, False])
    drag(shown.page, shown.root.locator(".xp-mark"), chance.uniform(30, 140), chance.uniform(-20, 20))
    mistake = int(shown.root.get_by_role("slider", name="place of").get_attribute("aria-valuenow"))
    assert mistake > 3
    compare(shown, True, mistake)
    shown.page.keyboard.press("ArrowLeft")
    compare(shown, True, mistake - 1)
    shown.root.get_by_role("button", name="its own token").press("Enter")
    compare(shown, False, mistake - 1)
    slider = shown.root.get_by_label("Slip rate ε")
    slide(shown.page, slider, chance.uniform(0.2, 0.9))
    assert compare(shown, False, mistake - 1)[0] > 0.02
    for key in ("End", "Home"):
        slider.focus()
        shown.page.keyboard.press(key)
        compare(shown, False, mistake - 1)
    shown.reset()
    compare(shown, True, 3)
    shown.assert_sound()


def test_both_goals_are_reached_by_keys(show):
    shown = show(TeacherForcing())
    grip = shown.root.get_by_role("slider", name="place of")
    grip.focus()
    shown.page.keyboard.press("ArrowLeft")
    shown.page.keyboard.press("ArrowLeft")
    shown.root.get_by_role("button", name="its own token").press("Enter")
    assert compare(shown, False, 1)[1] == [True, False]
    grip.focus()
    shown.page.keyboard.press("Home")
    slider = shown.root.get_by_label("Slip rate ε")
    slider.focus()
    for _ in range(10):
        shown.page.keyboard.press("ArrowRight")
    assert compare(shown, False, 0) == (0.07, [False, True])
    shown.assert_sound()
    for slip_rate, mistake in ((0.11, 0), (0.05, 0), (0.07, 12)):
        near = show(TeacherForcing(teacher=False, mistake=mistake, slip_rate=slip_rate))
        assert compare(near, False, mistake)[1] == [False, False]


@pytest.mark.parametrize("slip_rate", [0.0, 0.005, 0.2])
def test_the_code_on_the_page_is_pythons(slip_rate, show):
    widget = TeacherForcing(teacher=False, mistake=5, slip_rate=slip_rate)
    assert show(widget).code() == widget.code()
