"""The gradients of an epoch's batches, drawn at run time, against a loader and autograd."""

from __future__ import annotations

import re

import pytest
import torch
from explorable_page import as_number, drag, slide
from torch.utils import data

from course_explorables.base import joined_module
from course_explorables.mini_batches import MiniBatches

MODULE = ("base.mjs", "frame.mjs", "plane.mjs", "mini_batches.mjs")


def by_autograd(theta, z, y):
    theta = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    ((theta[0] * z + theta[1] - y) ** 2).mean().backward()
    return theta.grad


def batches_of(widget, size, shuffle, epoch):
    """The batches of that epoch as a DataLoader of torch gives them."""
    z, y = torch.tensor(widget.cars, dtype=torch.float64).T
    draw = torch.Generator().manual_seed(0)
    loader = data.DataLoader(data.TensorDataset(z, y), batch_size=size, shuffle=shuffle, generator=draw)
    for _ in range(epoch):
        batches = list(loader)
    return z, y, batches


def compare(shown, widget):
    """Every number on screen is torch's for the settings on the page."""
    size, epoch = (int(each.text_content()) for each in shown.root.locator(".xp-number").all())
    shuffle = shown.root.get_by_role("button", name="shuffle=True").get_attribute("aria-pressed") == "true"
    theta = eval(re.search(r"theta = torch\.tensor\((\[.*?\])", shown.code())[1])
    z, y, batches = batches_of(widget, size, shuffle, epoch)
    full = by_autograd(theta, z, y)
    parts = torch.stack([by_autograd(theta, *batch) for batch in batches])
    assert shown.text("updates") == str(len(batches))
    assert shown.number("full") == pytest.approx(full.norm().item(), abs=5.1e-5)
    scatter = (parts - full).square().sum(dim=1).mean().sqrt().item()
    assert shown.number("scatter") == pytest.approx(scatter, abs=5.1e-5)
    cosines = torch.cosine_similarity(parts, full[None], dim=1).clamp(-1, 1)
    widest = cosines.acos().rad2deg().max().item()
    assert as_number(shown.text("angle").rstrip("°")) == pytest.approx(widest, abs=0.051)
    if abs(widest - 45) > 1e-6:
        shown.assert_goals(len(batches) >= 3 and widest <= 45)
    return widest, scatter


def test_gradients_in_the_page_equal_autograd(run_module, chance):
    widget = MiniBatches()
    module = joined_module(MODULE) + (
        "const all = (cars, cases) => cases.map(([order, size, theta]) =>"
        " compare(cars, cut(order, size), theta));"
    )
    cases = [
        (chance.randint(1, 24), epoch, [chance.uniform(-6, 14), chance.uniform(3, 17)]) for epoch in (1, 2, 7)
    ]
    given = [[widget.orders[epoch - 1], size, theta] for size, epoch, theta in cases]
    for (size, epoch, theta), found in zip(cases, run_module(module, "all", widget.cars, given), strict=True):
        z, y, batches = batches_of(widget, size, True, epoch)
        full = by_autograd(theta, z, y)
        assert found["full"] == pytest.approx(full.tolist(), rel=1e-9, abs=1e-9)
        for page, batch in zip(found["each"], batches, strict=True):
            assert page == pytest.approx(by_autograd(theta, *batch).tolist(), rel=1e-9, abs=1e-9)


def test_the_expected_scatter_is_that_of_many_random_epochs(run_module):
    widget, size, theta = MiniBatches(), 6, [1.0, 8.0]
    orders = [torch.randperm(24).tolist() for _ in range(3000)]
    module = joined_module(MODULE) + (
        "const all = (cars, orders, size, theta) => orders.map((order) =>"
        " compare(cars, cut(order, size), theta));"
    )
    found = run_module(module, "all", widget.cars, orders, size, theta)
    squares = torch.tensor([each["scatter"] ** 2 for each in found], dtype=torch.float64)
    error = 6 * (squares.std() / len(squares) ** 0.5).item()  # six standard errors
    assert squares.mean().item() == pytest.approx(found[0]["expected"] ** 2, abs=error)


@pytest.mark.parametrize("width", [360, 700])
def test_places_sizes_and_epochs_show_what_torch_computes(width, show, chance):
    widget = MiniBatches()
    shown = show(widget, width=width)
    compare(shown, widget)
    for _ in range(2):
        drag(shown.page, shown.root.locator(".xp-mark"), chance.uniform(-30, 60), chance.uniform(-60, 20))
        compare(shown, widget)
        for key in chance.choices(["ArrowRight", "ArrowUp", "ArrowLeft"], k=3):
            shown.page.keyboard.press(key)
        compare(shown, widget)
        slide(shown.page, shown.root.get_by_label("Batch size"), chance.uniform(0, 1))
        shown.root.get_by_role("button", name="shuffle=True").click()
        slide(shown.page, shown.root.get_by_label("Epoch"), chance.uniform(0, 1))
        compare(shown, widget)
    shown.reset()
    compare(shown, widget)
    shown.assert_sound()


def test_sorted_batches_miss_the_goal_and_shuffled_ones_of_eight_reach_it(show):
    widget = MiniBatches()
    shown = show(widget)
    assert compare(shown, widget)[0] > 80
    shown.root.get_by_label("Batch size").focus()
    for _ in range(2):
        shown.page.keyboard.press("ArrowRight")
    by_weight, wide = compare(shown, widget)
    assert by_weight > 80
    shown.root.get_by_role("button", name="shuffle=True").press("Enter")
    mixed, narrow = compare(shown, widget)
    assert mixed <= 45
    assert narrow < wide / 2
    assert shown.root.locator(".xp-goals .reached").count() == 1


def test_at_the_bottom_the_batches_still_pull(show):
    widget = MiniBatches((4.32, 11.46), batch_size=8, shuffle=True)
    shown = show(widget)
    assert compare(shown, widget)[0] > 45
    assert shown.number("full") < 0.1
    assert shown.number("scatter") > 10 * shown.number("full")
    shown.assert_sound()
