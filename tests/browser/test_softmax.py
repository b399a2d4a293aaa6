"""The softmax, its logits dragged and its sliders moved, against torch.nn.functional."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from explorable_page import as_number, drag, slide
from playwright.sync_api import expect

from course_explorables.base import joined_module
from course_explorables.softmax import Softmax

CLASSES = 4


def on_screen(shown):
    logits = torch.tensor([shown.number(f"z{k}") for k in range(CLASSES)], dtype=torch.float64)
    temperature = as_number(
        shown.root.locator(".xp-slider", has_text="Temperature").locator(".xp-number").text_content()
    )
    pressed = [
        button.get_attribute("aria-pressed") for button in shown.root.locator(".xp-choices button").all()
    ]
    return logits, temperature, pressed.index("true")


def compare(shown):
    """Probabilities, gradient and loss on screen equal torch's: bars to four digits, read-out to six."""
    logits, temperature, target = on_screen(shown)
    logits.requires_grad_()
    loss = F.cross_entropy(logits / temperature, torch.tensor(target))
    loss.backward()
    probabilities = (logits / temperature).softmax(dim=0)
    for k in range(CLASSES):
        assert shown.number(f"p{k}") == pytest.approx(probabilities[k].item(), abs=5.1e-5)
        assert shown.number(f"g{k}") == pytest.approx(logits.grad[k].item(), abs=5.1e-5)
    assert shown.number("loss") == pytest.approx(loss.item(), abs=1e-6)
    assert shown.number("logsum") == pytest.approx(torch.logsumexp(logits / temperature, 0).item(), abs=1e-6)
    return [shown.text(f"p{k}") for k in range(CLASSES)]


def test_logits_dragged_by_mouse_and_moved_by_keys_equal_torch(show, chance):
    shown = show(Softmax())
    compare(shown)
    handles = shown.root.locator(".xp-handle")
    for k in range(CLASSES):
        before = shown.number(f"z{k}")
        drag(
            shown.page, handles.nth(k).locator(".xp-mark"), 0, chance.choice([-1, 1]) * chance.uniform(20, 90)
        )
        dragged = shown.number(f"z{k}")
        assert dragged != before
        shown.page.keyboard.press("ArrowUp")
        assert shown.number(f"z{k}") == pytest.approx(min(10, dragged + 0.5))
        compare(shown)
    for name in ("owl", "cat"):
        shown.root.get_by_role("button", name=name).click()
        compare(shown)
    shown.reset()
    assert [shown.number(f"z{k}") for k in range(CLASSES)] == [2.0, 1.0, 0.1, -1.5]
    shown.assert_sound()


def test_probabilities_do_not_feel_a_shift(show, chance):
    shown = show(Softmax())
    before = compare(shown)
    slider = shown.root.get_by_label("Add c to all")
    slide(shown.page, slider, chance.uniform(0.1, 0.4))
    assert shown.number("z0") != 2.0
    assert compare(shown) == before
    slider.focus()
    shown.page.keyboard.press("End")
    assert shown.number("z0") == 102
    assert compare(shown) == before
    shown.assert_sound()


def test_temperature_by_keys(show, chance):
    shown = show(Softmax())
    slider = shown.root.get_by_label("Temperature T")
    slider.focus()
    for key in ["ArrowLeft"] * chance.randint(1, 9) + ["ArrowRight"] * chance.randint(1, 25):
        shown.page.keyboard.press(key)
    compare_rounded_temperature(shown)
    for key, end in (("Home", "min"), ("End", "max")):
        slider.focus()  # looking at the code took the keys away
        shown.page.keyboard.press(key)
        expect(slider).to_have_value(slider.get_attribute(end))
        compare(shown)
    shown.assert_sound()


def compare_rounded_temperature(shown):
    """The slider shows two decimals of a temperature with three digits: take it from the printed code."""
    names: dict = {}
    exec(shown.code(), names)
    assert shown.number("loss") == pytest.approx(names["loss"].item(), abs=1e-6)
    for k in range(CLASSES):
        assert shown.number(f"p{k}") == pytest.approx(names["probabilities"][k].item(), abs=5.1e-5)
        assert shown.number(f"g{k}") == pytest.approx(names["logits"].grad[k].item(), abs=5.1e-5)


@pytest.mark.parametrize("shift", [-100, 100])
def test_what_overflows_float32_is_said_as_torch_finds_it(shift, show):
    shown = show(Softmax(temperature=1.0, shift=shift))
    logits, _, target = on_screen(shown)
    powers = logits.float().exp()
    naive = (powers / powers.sum())[target].item()
    assert (naive != naive) == ("∞" in shown.text("naive") or "/" in shown.text("naive"))
    hostile = show(Softmax((1e4, -1e4, 0.0, 3.0), temperature=0.1, shift=shift, target=1))
    compare(hostile)
    hostile.assert_sound()


def test_the_goal_is_reached_by_keys_alone(show):
    shown = show(Softmax())
    shown.root.get_by_role("slider", name="logit of dog").focus()
    shown.page.keyboard.press("End")
    assert shown.root.locator(".xp-goals li").get_attribute("class") == "reached"
    compare(shown)


def test_the_pages_softmax_equals_torch_to_the_last_digits(run_module, chance):
    module = joined_module(("base.mjs", "frame.mjs", "softmax.mjs"))
    for size in (1, 30, 3000):
        logits = [chance.gauss(0, size) for _ in range(7)]
        temperature = chance.uniform(0.1, 10)
        found = run_module(module, "distribution", logits, temperature)
        expected = F.log_softmax(torch.tensor(logits, dtype=torch.float64) / temperature, dim=0)
        torch.testing.assert_close(
            torch.tensor(found["logs"], dtype=torch.float64), expected, rtol=1e-12, atol=1e-12
        )
