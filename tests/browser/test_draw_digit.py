"""Draw a digit: the page's network equals PyTorch's on real digits, and reads digits drawn by mouse."""

from __future__ import annotations

import math

import pytest
import torch

from course_explorables.base import joined_module
from course_explorables.draw_digit import DrawDigit
from course_lib.data.digits import load_digits
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.pretrained.digit_network import digit_network


def arc(x, y, rx, ry, start, end, count=18):
    """Points of an ellipse's arc; angles in degrees, 0 to the right, growing downwards."""
    angles = [math.radians(start + (end - start) * k / (count - 1)) for k in range(count)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


# One way to write each digit, as strokes in the unit square; no pixel of the training set went into them.
STROKES = {
    0: [arc(0.5, 0.5, 0.2, 0.33, -90, 270, 30)],
    1: [[(0.54, 0.15), (0.5, 0.5), (0.47, 0.85)]],
    2: [[*arc(0.48, 0.33, 0.2, 0.19, -170, 40), (0.5, 0.62), (0.28, 0.83), (0.42, 0.82), (0.74, 0.82)]],
    3: [[*arc(0.46, 0.32, 0.2, 0.17, -150, 90), *arc(0.46, 0.66, 0.22, 0.18, -90, 140)]],
    4: [[(0.36, 0.18), (0.3, 0.36), (0.27, 0.52), (0.45, 0.53), (0.7, 0.5)],
        [(0.66, 0.18), (0.62, 0.5), (0.58, 0.86)]],
    5: [[(0.34, 0.2), (0.32, 0.44), *arc(0.47, 0.62, 0.2, 0.2, -120, 140)], [(0.34, 0.2), (0.7, 0.18)]],
    6: [[(0.6, 0.14), (0.44, 0.32), (0.34, 0.55), *arc(0.5, 0.67, 0.17, 0.18, 180, -170, 24)]],
    7: [[(0.26, 0.22), (0.48, 0.21), (0.72, 0.2), (0.6, 0.45), (0.5, 0.65), (0.44, 0.87)]],
    8: [[*arc(0.5, 0.33, 0.15, 0.17, 60, -240, 24), *arc(0.5, 0.68, 0.18, 0.18, -120, 240, 26),
         (0.58, 0.48)]],
    9: [[*arc(0.5, 0.34, 0.18, 0.18, 0, -350, 24), (0.68, 0.4), (0.66, 0.6), (0.6, 0.87)]],
}  # fmt: skip


def draw(shown, strokes, *, size=1.0, at=(0.0, 0.0)):
    """Draw strokes by mouse, scaled and moved within the square."""
    surface = shown.root.locator(".xp-surface")
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    for stroke in strokes:
        points = [
            (box["x"] + box["width"] * (at[0] + size * x), box["y"] + box["height"] * (at[1] + size * y))
            for x, y in stroke
        ]
        shown.page.mouse.move(*points[0])
        shown.page.mouse.down()
        for point in points[1:]:
            shown.page.mouse.move(*point)
        shown.page.mouse.up()


def clear(shown):
    shown.root.get_by_role("button", name="Clear").click()


def reached(shown):
    """Whether each goal is ticked."""
    return [goal.get_attribute("class") == "reached" for goal in shown.root.locator(".xp-goals li").all()]


def seen(shown):
    """What the network sees, from the printed code's pixels: (28, 28), whole numbers to 255."""
    names: dict = {}
    exec(shown.code(), names)
    return names["image"] * 255, names["probabilities"]


def test_logits_equal_torch_on_a_hundred_real_digits(run_module, chance):
    widget = DrawDigit()
    images, _ = load_digits("test")
    chosen = torch.tensor(chance.sample(range(len(images)), 100))
    pixels = (images[chosen] * 255).round().to(torch.uint8)
    module = joined_module(("base.mjs", "frame.mjs", "network.mjs")) + (
        "const all = (layers, weights, images) => {"
        " const network = unpack(layers, weights);"
        " return images.map((image) => logitsOf(network, image)); };"
    )
    found = run_module(
        module, "all", widget.layers, {"bytes": list(widget.weights)}, pixels.flatten(1).tolist()
    )
    with torch.no_grad():
        model = digit_network()
        expected = model(pixels.float() / 255)
    assert_same_up_to_rounding(torch.tensor(found), expected, terms=additions(model))


def test_ten_digits_drawn_by_mouse_are_read(show):
    shown = show(DrawDigit(-1))
    read = {}
    for digit, strokes in STROKES.items():
        clear(shown)
        draw(shown, strokes)
        read[digit] = shown.text("prediction")
    right = [digit for digit, text in read.items() if text == str(digit)]
    assert len(right) >= 9, read
    shown.assert_sound()


@pytest.mark.parametrize(("size", "at"), [(0.45, (0.02, 0.03)), (0.5, (0.48, 0.45))])
def test_small_drawings_in_a_corner_are_read_too(size, at, show):
    shown = show(DrawDigit(-1))
    right = 0
    for digit, strokes in STROKES.items():
        clear(shown)
        draw(shown, strokes, size=size, at=at)
        right += shown.text("prediction") == str(digit)
    assert right >= 9


def test_the_drawing_is_prepared_as_mnist_was(show):
    shown = show(DrawDigit(-1))
    draw(shown, STROKES[5], size=0.4, at=(0.05, 0.5))
    image, _ = seen(shown)
    rows, columns = (image > 127).nonzero(as_tuple=True)
    assert 18 <= max(rows.max() - rows.min(), columns.max() - columns.min()) + 1 <= 21
    where = torch.arange(28.0)
    mass = image.sum()
    assert (image.sum(1) @ where / mass).item() == pytest.approx(13.5, abs=0.6)
    assert (image.sum(0) @ where / mass).item() == pytest.approx(13.5, abs=0.6)


def test_probabilities_on_screen_equal_torch_on_the_same_pixels(show, chance):
    shown = show(DrawDigit(-1))
    draw(shown, STROKES[chance.randrange(10)], size=chance.uniform(0.5, 0.9))
    image, _ = seen(shown)
    with torch.no_grad():
        expected = digit_network()(image.view(1, 1, 28, 28) / 255).softmax(1)[0]
    for digit in range(10):
        assert shown.number(f"p{digit}") == pytest.approx(expected[digit].item(), abs=5.1e-5)


def test_examples_by_buttons_and_keys_are_real_digits(show):
    shown = show(DrawDigit())
    images, labels = load_digits("test")
    for digit in range(10):
        if digit % 2:
            shown.root.get_by_role("button", name=f"Example {digit}").click()
        else:
            shown.root.locator(".xp-surface").focus()
            shown.page.keyboard.press(str(digit))
        image, _ = seen(shown)
        expected = (images[labels == digit][0, 0] * 255).round()
        assert torch.equal(image.round(), expected)
    shown.reset()
    assert shown.text("prediction") == "3"
    shown.assert_sound()


def test_a_digit_can_be_drawn_with_keys_alone(show):
    shown = show(DrawDigit(-1))
    shown.root.locator(".xp-surface").focus()
    assert shown.text("prediction") == "·"
    shown.page.keyboard.press("Space")
    for _ in range(14):
        shown.page.keyboard.press("ArrowDown")
    shown.page.keyboard.press("Space")
    assert shown.text("prediction") == "1"
    shown.page.keyboard.press("Delete")
    assert shown.text("prediction") == "·"
    shown.assert_sound()


def test_a_goal_waits_for_the_end_of_a_stroke(show):
    shown = show(DrawDigit(-1))
    surface = shown.root.locator(".xp-surface")
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in STROKES[7][0]]
    shown.page.mouse.move(*points[0])
    shown.page.mouse.down()
    for point in points[1:]:
        shown.page.mouse.move(*point)
        shown.page.wait_for_timeout(50)
        assert reached(shown) == [False, False]
    assert shown.number("p7") >= 0.99
    shown.page.mouse.up()
    shown.page.wait_for_timeout(100)
    assert reached(shown) == [True, False]
