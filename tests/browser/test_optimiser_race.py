"""The optimiser race at settings drawn at run time: every step against torch.optim and the library."""

from __future__ import annotations

import math

import pytest
import torch
from explorable_page import as_number, drag, slide

from course_explorables.base import joined_module
from course_explorables.optimiser_race import RECIPES, SURFACES, OptimiserRace
from course_lib.foundations import optimizers

MODULE = ("base.mjs", "frame.mjs", "plane.mjs", "update_rules.mjs", "optimiser_race.mjs")
QUADRATIC = ("ravine", "turned ravine")


def height(surface, theta):
    """J at θ, from the formula the page prints."""
    return eval(SURFACES[surface]["expression"], {"x": theta[0], "y": theta[1]})


def walk(surface, kind, options, start, steps):
    """Every point an optimiser passes, up to the last whose J is a number."""
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = kind([theta], **options)
    points = [theta.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        height(surface, theta).backward()
        optimizer.step()
        if not height(surface, theta).isfinite():
            break
        points.append(theta.detach().clone())
    return torch.stack(points)


def by_torch(surface, name, rate, start, steps):
    kind, options = eval(f"({RECIPES[name].replace('RATE', repr(rate))})", {"torch": torch})
    return walk(surface, kind, options, start, steps)


def by_hand(surface, name, rate, start, steps):
    kind, options = eval(f"({RECIPES[name].replace('RATE', repr(rate))})", {"torch": torch})
    return walk(surface, getattr(optimizers, kind.__name__), options, start, steps)


def drawn_start(chance, surface):
    return [chance.uniform(*SURFACES[surface][axis]) for axis in ("xs", "ys")]


@pytest.mark.parametrize("surface", SURFACES)
def test_every_racers_every_step_equals_torch_and_the_library(surface, run_module, chance):
    module = joined_module(MODULE) + "const all = (races) => races.map((each) => run(...each));"
    # Beyond a bowl a large rate may make a walk chaotic, and then the last digit decides where it goes.
    rates = (0.001, 0.5) if surface in QUADRATIC else (0.001, 0.03)
    races = []
    for name in RECIPES:
        for _ in range(3):
            rate = math.exp(chance.uniform(*map(math.log, rates)))
            races.append([surface, name, drawn_start(chance, surface), rate, 100])
    for (_, name, start, rate, steps), found in zip(races, run_module(module, "all", races), strict=True):
        points = torch.tensor(found, dtype=torch.float64)
        for path in (
            by_torch(surface, name, rate, start, steps),
            by_hand(surface, name, rate, start, steps),
        ):
            assert len(points) == len(path), (name, rate)
            torch.testing.assert_close(points, path, rtol=1e-5, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("surface", SURFACES)
def test_the_pages_heights_and_gradients_are_those_of_the_printed_formula(surface, run_module, chance):
    places = [drawn_start(chance, surface) for _ in range(20)]
    module = joined_module(MODULE) + (
        "const both = (name, places) => places.map((place) => SURFACES[name].map((f) => f(...place)));"
    )
    for place, (value, slope) in zip(places, run_module(module, "both", surface, places), strict=True):
        theta = torch.tensor(place, dtype=torch.float64, requires_grad=True)
        expected = height(surface, theta)
        expected.backward()
        assert value == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)
        assert slope == pytest.approx(theta.grad.tolist(), rel=1e-12, abs=1e-12)


def compare(shown, surface, steps):
    """Each racing row's J and verdict are torch's, for the start and rates on the page."""
    start = eval(shown.code().split("torch.tensor(")[1].split(", dtype")[0])
    raced = 0
    for name in RECIPES:
        button = shown.root.get_by_role("button", name=name, exact=False).first
        if button.get_attribute("aria-pressed") != "true":
            assert shown.text(f"loss-{name}") == ""
            continue
        raced += 1
        rate = float(shown.text(f"rate-{name}"))
        path = by_torch(surface, name, rate, start, steps)
        losses = [height(surface, theta).item() for theta in path]
        assert as_number(shown.text(f"loss-{name}")) == pytest.approx(losses[-1], rel=6e-3, abs=1e-12), name
        first = next((step for step, loss in enumerate(losses) if loss < 1e-3), 0)
        if len(path) <= steps or losses[-1] > 1e3 * max(1, losses[0]):
            expected = "diverged"
        elif losses[-1] > losses[0]:
            expected = "higher"
        else:
            expected = f"step {first}" if first else "not yet"
        assert shown.text(f"note-{name}") == expected, name
    return raced


@pytest.mark.parametrize("width", [360, 700])
def test_starts_rates_and_racers_by_mouse_and_keys_equal_torch(width, show, chance):
    shown = show(OptimiserRace(), width=width)
    assert compare(shown, "ravine", 60) == 4
    for name in ("N Nesterov", "G Adagrad"):
        shown.root.get_by_role("button", name=name).click()
    assert compare(shown, "ravine", 60) == 6
    drag(shown.page, shown.root.locator(".xp-mark"), chance.uniform(20, 90), chance.uniform(-20, 20))
    compare(shown, "ravine", 60)
    for key in chance.choices(["ArrowLeft", "ArrowUp", "PageDown", "ArrowRight"], k=4):
        shown.page.keyboard.press(key)
    compare(shown, "ravine", 60)
    for name in RECIPES:
        word = chance.choice(["smaller", "larger"])
        shown.root.get_by_role("button", name=f"{name}: {word} learning rate").click()
    compare(shown, "ravine", 60)
    shown.root.get_by_role("button", name="turned ravine").press("Enter")
    compare(shown, "turned ravine", 60)
    shown.root.get_by_label("Steps").focus()
    shown.page.keyboard.press("ArrowRight")
    compare(shown, "turned ravine", 61)
    slide(shown.page, shown.root.get_by_label("Steps"), chance.uniform(0.02, 0.9))
    steps = int(shown.root.locator(".xp-number").text_content())
    compare(shown, "turned ravine", steps)
    shown.root.get_by_role("button", name="A Adam").click()
    assert compare(shown, "turned ravine", steps) == 5
    shown.reset()
    assert compare(shown, "ravine", 60) == 4
    shown.assert_sound()


@pytest.mark.parametrize("surface", ["banana", "saddle"])
def test_the_other_surfaces_start_where_python_says(surface, show):
    shown = show(OptimiserRace())
    shown.root.get_by_role("button", name=surface).click()
    assert f"torch.tensor({SURFACES[surface]['start']}" in shown.code()
    compare(shown, surface, 60)
    shown.assert_sound()


def test_large_rates_end_in_the_word_diverged(show):
    shown = show(OptimiserRace(steps=200, shown=tuple(RECIPES)))
    for name in RECIPES:
        larger = shown.root.get_by_role("button", name=f"{name}: larger learning rate")
        while larger.is_enabled():
            larger.press("Enter")
    for surface in SURFACES:
        shown.root.get_by_role("button", name=surface, exact=True).click()
        assert shown.text("note-SGD") == shown.text("note-momentum") == "diverged"
        if surface in QUADRATIC:
            assert compare(shown, surface, 200) == 6
        shown.assert_sound()


def test_both_goals_are_within_reach(show):
    quick = show(OptimiserRace(rates={"Nesterov": 0.02, "Adagrad": 1, "RMSprop": 1}, shown=tuple(RECIPES)))
    goals = quick.root.locator(".xp-goals li")
    assert "reached" in goals.nth(0).get_attribute("class")
    assert all(
        int(quick.text(f"note-{name}").split()[1]) <= 40 for name in ("Nesterov", "Adagrad", "RMSprop")
    )
    close = show(OptimiserRace(rates={"momentum": 0.05, "Adam": 0.2}, steps=100))
    assert [goal.get_attribute("class") for goal in close.root.locator(".xp-goals li").all()] == [
        None,
        "reached",
    ]
    compare(close, "ravine", 100)
    assert show(OptimiserRace()).root.locator(".xp-goals .reached").count() == 0


@pytest.mark.parametrize("surface", SURFACES)
def test_the_code_on_the_page_is_pythons(surface, show):
    widget = OptimiserRace(surface, shown=("Adam", "SGD"))
    shown = show(widget)
    assert shown.code() == widget.code()
