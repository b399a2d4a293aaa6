"""The chapter on fine-tuning trains live what its bands were made with."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from course_lib import fine_tuning
from studies import recipes_fine_tuning as recipes

CHAPTER = Path(__file__).resolve().parents[2] / "notebooks" / "12_fine_tuning.ipynb"


def code() -> str:
    cells = nbformat.read(CHAPTER, as_version=4).cells
    return re.sub(r"\s+", " ", "\n".join(cell.source for cell in cells if cell.cell_type == "code"))


def source(function: Callable[..., object]) -> str:
    return re.sub(r"\s+", " ", inspect.getsource(function))


def part(text: str, first: str, last: str) -> str:
    """What stands from the first mark to the last, in one of the two."""
    return text[text.index(first) : text.index(last, text.index(first))]


def test_both_recipes_are_judged_in_the_chapter():
    assert set(re.findall(r'bands\.check\( ?"([^"]+)"', code())) == recipes.RECIPES.keys()


@pytest.mark.parametrize(
    "pattern",
    [
        r"add_lora\( ?[^,]+, reader\.targets, (\d+, [\d.]+)",
        r"max_length=(\d+)",
        r"length_batches\( ?\w+, (\d+), torch\.Generator\(\)",
        r"length_batches\(.*?epochs=(\d+)",
        r"torch\.optim\.(\w+)\( ?\[p for p in model\.parameters\(\) if p\.requires_grad\]",
    ],
)
def test_the_adapter_is_trained_as_in_the_recipe(pattern):
    live = part(code(), "TextClassifier(adapted", "bands.check") + part(
        code(), "adapted = load_encoder().model lora.add_lora", "TextClassifier(adapted"
    )
    found = set(re.findall(pattern, live))
    assert found == set(re.findall(pattern, source(recipes.train_adapter)))
    assert len(found) == 1


def test_the_adapters_learning_rate_and_snippets():
    live = part(code(), "TextClassifier(adapted", "bands.check")
    rate = recipes.RECIPES["snippets.lora.accuracy"].learning_rate
    assert [float(lr) for lr in re.findall(r"lr=([\de.-]+)", live)] == [rate]
    drawn = re.findall(r'some_snippets\( ?"train", (\d+)\), some_snippets\( ?"validation", (\d+)\)', code())
    assert drawn == [(str(recipes.SNIPPETS), str(fine_tuning.UNSEEN))]


def test_digits_are_transferred_as_in_the_recipe():
    first = part(code(), "pretrained = ConvNet()", "def learn_the_rest")
    second = part(code(), "def learn_the_rest", "results = {}")
    whole = source(recipes.train_transferred)
    cut = whole.index("model.linear.reset_parameters")
    for live, made in ((first, whole[:cut]), (second, whole[cut:])):
        for pattern in (r"batch_size=(\d+)", r"epochs=(\d+)", r"torch\.optim\.(\w+)\("):
            (setting,) = set(re.findall(pattern, made))
            assert set(re.findall(pattern, live)) == {setting}
    assert re.findall(r"lr=([\de.-]+)", first) == re.findall(r"lr=([\de.-]+)", whole[:cut])
    (rate,) = re.findall(
        r"tuned = score\( ?learn_the_rest\( ?count, start=pretrained, rate=([\de.-]+)", code()
    )
    assert float(rate) == recipes.RECIPES["digits.transfer.accuracy"].learning_rate
    (count,) = re.findall(r"\[:(\d+), 0\]", whole)
    assert f"results[{count}][2]" in code()
