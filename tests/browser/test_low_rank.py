"""Low rank at matrices and ranks drawn at run time, against torch.linalg."""

from __future__ import annotations

import pytest
import torch
from explorable_page import drag, slide

from course_explorables.base import joined_module
from course_explorables.low_rank import LowRank, shipped_change

MODULE = ("base.mjs", "frame.mjs", "heat.mjs", "safetensors.mjs", "singular.mjs", "low_rank.mjs")
DECOMPOSED = (
    "const decomposed = (view, rows, columns, ranks) => {"
    " const parts = decompose(parseSafetensors(view).change, rows, columns);"
    " const sums = ranks.map((rank) => Array.from(nearest(parts, rank)));"
    " return [Array.from(parts.sigma), errors(parts.sigma), sums]; };"
)


def drawn(chance, rows, columns):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(chance.randrange(10**6)))


def matrices(chance):
    """The shipped one, and others: tall, wide, poor in rank, equal singular values, tiny, zero …"""
    tall = drawn(chance, chance.randrange(20, 60), chance.randrange(2, 20))
    poor = drawn(chance, 40, 3) @ drawn(chance, 3, 24)
    graded = torch.linalg.qr(drawn(chance, 20, 20))[0] * torch.logspace(0, -5, 20)
    return {
        "shipped": shipped_change(),
        "tall": tall,
        "wide": drawn(chance, 6, 80),
        "poor": poor,
        "equal": torch.eye(12) * 3,
        "graded": graded,
        "tiny": drawn(chance, 9, 9) * 1e-18,
        "zero": torch.zeros(5, 4),
        "one": torch.tensor([[-2.5]]),
    }


@pytest.mark.parametrize(
    "name", ["shipped", "tall", "wide", "poor", "equal", "graded", "tiny", "zero", "one"]
)
def test_decomposition_errors_and_nearest_equal_torchs(name, run_module, chance):
    change = matrices(chance)[name]
    full = min(change.shape)
    ranks = sorted({0, 1, chance.randrange(full + 1), full})
    if name == "equal":
        ranks = [0, full]  # between them many matrices are equally near
    view = {"bytes": list(LowRank(change, rank=0).change)}
    found = run_module(joined_module(MODULE) + DECOMPOSED, "decomposed", view, *change.shape, ranks)
    exact = change.double()
    left, sigma, right = torch.linalg.svd(exact, full_matrices=False)
    reach = sigma[0].item()
    # Rounding leaves singular values that should be 0 near 1e-16 of the largest.
    torch.testing.assert_close(
        torch.tensor(found[0], dtype=torch.float64), sigma, rtol=1e-5, atol=1e-14 * reach
    )
    for rank, nearest in zip(ranks, found[2], strict=True):
        expected = left[:, :rank] * sigma[:rank] @ right[:rank]
        answer = torch.tensor(nearest, dtype=torch.float64).view_as(expected)
        torch.testing.assert_close(answer, expected, rtol=0, atol=1e-7 * reach)
        error = (exact - expected).norm() / exact.norm() if reach else torch.tensor(0.0)
        assert found[1][rank] == pytest.approx(error.item(), abs=1e-7)


@pytest.mark.parametrize(("rows", "columns"), [(160, 160), (160, 40), (60, 150)])
def test_noise_is_what_normal_numbers_give(rows, columns, run_module, chance):
    found = run_module(joined_module(MODULE), "noise", rows, columns, 5.0)
    samples = [torch.linalg.svdvals(drawn(chance, rows, columns).double()) for _ in range(8)]
    mean = torch.stack([each / each.norm() * 5 for each in samples]).mean(0)
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64), mean, rtol=0, atol=0.04 * mean[0].item()
    )


def compare(shown, change):
    """Every number on screen against torch's, at the rank the handle stands at; returns the rank."""
    rank = int(shown.root.locator(".xp-handle").get_attribute("aria-valuenow"))
    assert shown.root.get_by_label("Rank r").input_value() == str(rank)
    sigma = torch.linalg.svdvals(change.double())
    error = (sigma[rank:].norm() / sigma.norm()).item()
    assert shown.number("error") == pytest.approx(error, abs=1e-6)
    assert shown.number("kept") == pytest.approx(1 - error**2, abs=1e-6)
    assert shown.number("stored") == rank * sum(change.shape)
    if rank < len(sigma):
        assert shown.number("left") == pytest.approx(sigma[rank].item(), abs=1e-6)
    else:
        assert shown.text("left") == "none"
    assert shown.root.locator("[data-kept]").get_attribute("d").count("z") == rank
    half = 2 * rank * sum(change.shape) <= change.numel()
    shown.assert_goals(half and 1 - error**2 >= 0.9, rank * sum(change.shape) >= change.numel())
    return rank


@pytest.mark.parametrize("width", [360, 700])
def test_ranks_by_mouse_and_keys_equal_torch(width, show, chance):
    change = shipped_change()
    shown = show(LowRank(), width=width)
    assert compare(shown, change) == 8
    surface, cut = shown.root.locator(".xp-along"), shown.root.locator(".xp-handle")
    wanted = chance.randrange(20, 110)
    drag(
        shown.page, surface, 0, 0,
        start=lambda box: (box["x"] + wanted / 128 * box["width"], box["y"] + 5),
    )  # fmt: skip
    assert compare(shown, change) == wanted
    drag(shown.page, cut.locator(".xp-mark"), -chance.uniform(12, 30), 0)
    assert compare(shown, change) < wanted
    slide(shown.page, shown.root.get_by_label("Rank r"), chance.uniform(0.6, 0.9))
    assert compare(shown, change) > 64
    cut.focus()
    for key, rank in (("Home", 0), ("End", 128), ("ArrowLeft", 127), ("PageDown", 117), ("Home", 0)):
        shown.page.keyboard.press(key)
        assert compare(shown, change) == rank
    for _ in range(3):
        shown.page.keyboard.press("PageUp")
    for rank in (31, 32, 33):
        shown.page.keyboard.press("ArrowRight")
        assert compare(shown, change) == rank
    shown.reset()
    assert compare(shown, change) == 8
    shown.assert_sound()


def pixels(shown, place):
    """The red minus the blue of a picture's pixels, one an entry."""
    width, height, data = shown.page.evaluate(
        "async (place) => { const image = new Image();"
        " image.src = document.querySelectorAll('.xp-pixels')[place].getAttribute('href');"
        " await image.decode(); const canvas = document.createElement('canvas');"
        " [canvas.width, canvas.height] = [image.width, image.height];"
        " const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);"
        " const { width, height, data } = context.getImageData(0, 0, image.width, image.height);"
        " return [width, height, [...data]]; }",
        place,
    )
    colours = torch.tensor(data, dtype=torch.float64).view(height, width, 4)
    return colours[..., 0] - colours[..., 2]


def test_the_pictures_are_the_matrix_and_its_nearest_in_one_scale(show, chance):
    change = drawn(chance, 24, 40)
    rank = chance.randrange(3, 12)
    shown = show(LowRank(change, rank=rank))
    left, sigma, right = torch.linalg.svd(change.double(), full_matrices=False)
    reach = change.abs().max()
    for now in (rank, rank + 1):
        nearest = left[:, :now] * sigma[:now] @ right[:now]
        for place, expected in enumerate((change.double(), nearest)):
            # Along the map red minus blue grows from −178 (#0072b2) through 0 to 213 (#d55e00).
            share = (expected / reach).clamp(-1, 1)
            wanted = torch.where(share > 0, 213 * share, 178 * share)
            found = pixels(shown, place)
            assert found.shape == change.shape
            assert (found - wanted).abs().max() < 6
        shown.root.locator(".xp-handle").press("ArrowRight")
    shown.assert_sound()


@pytest.mark.parametrize("name", ["zero", "one", "tiny", "wide", "tall"])
def test_any_matrix_is_shown_without_a_word_for_a_missing_number(name, show, chance):
    change = matrices(chance)[name]
    shown = show(LowRank(change, rank=1), width=360)
    for key in ("Home", "End", "ArrowLeft"):
        shown.root.locator(".xp-handle").press(key)
        shown.assert_sound()
    if name == "zero":
        assert shown.number("error") == 0
        assert shown.number("kept") == 1
    assert "nine tenths" not in shown.root.locator(".xp-goals").text_content() or name in ("wide", "tall")


def test_the_code_on_the_page_is_pythons_and_prints_what_is_on_screen(show, chance, capsys):
    widget = LowRank(rank=chance.randrange(129))
    shown = show(widget)
    assert shown.code() == widget.code()
    exec(shown.code(), {})
    printed = capsys.readouterr().out
    assert f"relative error {shown.number('error'):.6f}, squared norm kept" in printed
    assert f"{shown.number('stored'):.0f} numbers instead of 16384\n" in printed
