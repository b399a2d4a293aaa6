"""The ring at settings drawn at run time: every piece against torch, both times against the formula."""

from __future__ import annotations

import pytest
import torch
from explorable_page import drag, slide

from course_explorables.base import joined_module
from course_explorables.ring_all_reduce import RingAllReduce

MODULE = ("base.mjs", "frame.mjs", "lattice.mjs", "ring_all_reduce.mjs")
UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}


def exchanged(vectors: torch.Tensor, steps: int) -> torch.Tensor:
    """All messages of a step at once: what the rank before has goes into its column, one row down."""
    n = len(vectors)
    ranks, held = torch.arange(n), vectors.clone()
    for step in range(steps):
        columns = (ranks - step) % n
        below, message = (ranks + 1) % n, held[ranks, columns]
        held = held.index_put((below, columns), message, accumulate=step < n - 1)
    return held


def test_every_piece_after_every_step_equals_torch(run_module):
    module = joined_module(MODULE) + (
        "const all = (sizes) => sizes.map((n) => [vectors(n),"
        " Array.from({ length: 2 * n - 1 }, (_, step) => ringAfter(vectors(n), step))]);"
    )
    sizes = list(range(2, 9))
    for n, (start, states) in zip(sizes, run_module(module, "all", sizes), strict=True):
        vectors = torch.tensor(start)
        assert RingAllReduce(n, 0).code_values()["vectors"] == start
        for step, state in enumerate(states):
            values = torch.tensor([[piece["value"] for piece in row] for row in state])
            summands = torch.tensor([[piece["summands"] for piece in row] for row in state])
            assert torch.equal(values, exchanged(vectors, step))
            ones = exchanged(torch.ones(n, n, dtype=torch.int64), step)
            assert torch.equal(summands, ones)
        assert torch.equal(values, vectors.sum(dim=0).expand(n, n))


def seconds(text: str) -> float:
    size, unit = text.split()
    return float(size) * UNITS[unit]


def compare(shown, n, step):
    """Every cell, traffic and both times against the printed code; what was reached once stays ticked."""
    names: dict = {}
    exec(shown.code(), names)
    held = exchanged(torch.tensor(RingAllReduce(n, 0).code_values()["vectors"]), step)
    assert torch.equal(names["held"], held)
    cells = shown.root.locator(".xp-stage svg").first.locator(".xp-digits").all_text_contents()
    assert [int(text) for text in cells] == held.flatten().tolist()
    finished = n * max(0, step - n + 2)  # from the last adding step on, n more in each
    assert shown.text("finished") == f"{finished} of {n * n}"
    assert shown.text("step") == f"{step} of {2 * (n - 1)}"
    assert shown.number("numbers") == names["numbers"]
    assert shown.text("sent") == f"{2 * (n - 1) / n:.3f} P"
    assert seconds(shown.text("ring")) == pytest.approx(names["ring"], rel=6e-3)
    assert seconds(shown.text("star")) == pytest.approx(names["all_to_one"], rel=6e-3)
    reached = [step == 2 * (n - 1), names["all_to_one"] >= 3 * names["ring"]]
    shown.assert_goals(*reached)
    return names["numbers"], reached


@pytest.mark.parametrize("width", [360, 700])
def test_steps_processes_and_size_by_mouse_and_keys(width, show, chance):
    shown = show(RingAllReduce(), width=width)
    assert compare(shown, 4, 1) == (1000, [False, False])
    drag(shown.page, shown.root.locator(".xp-mark"), chance.uniform(15, 90), chance.uniform(-20, 20))
    numbers, _ = compare(shown, 4, 1)
    assert numbers > 1000
    shown.page.keyboard.press("PageUp")
    assert compare(shown, 4, 1)[0] > numbers
    step = shown.root.get_by_label("Step", exact=True)
    step.focus()
    presses = chance.randint(1, 4)
    for _ in range(presses):
        shown.page.keyboard.press("ArrowRight")
    compare(shown, 4, 1 + presses)
    shown.root.get_by_label("Processes n").focus()
    shown.page.keyboard.press("Home")
    compare(shown, 2, min(1 + presses, 2))
    slide(shown.page, shown.root.get_by_label("Processes n"), chance.uniform(0.3, 0.9))
    n = int(shown.root.get_by_label("Processes n").input_value())
    compare(shown, n, 2)
    shown.reset()
    compare(shown, 4, 1)
    shown.assert_sound()


def test_the_goals_are_reached_by_keys(show):
    shown = show(RingAllReduce())
    for label in ("Processes n", "Step"):
        shown.root.get_by_label(label, exact=True).focus()
        shown.page.keyboard.press("End")
    shown.root.get_by_role("slider", name="how many numbers").focus()
    shown.page.keyboard.press("End")
    assert compare(shown, 8, 14) == (10**9, [True, True])
    assert compare(show(RingAllReduce(8, 13, 10**5)), 8, 13)[1] == [False, False]
    assert compare(show(RingAllReduce(4, 6, 10**9)), 4, 6)[1] == [True, True]
    shown.assert_sound()


@pytest.mark.parametrize("n", [2, 5, 8])
def test_the_code_on_the_page_is_pythons(n, show):
    widget = RingAllReduce(n, n, 12345)
    assert show(widget).code() == widget.code()
