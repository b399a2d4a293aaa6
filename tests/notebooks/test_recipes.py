"""The chapter that shows a training recipe shows the one its bands were made with."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import nbformat
import pytest

from studies import recipes

CHAPTER = Path(__file__).resolve().parents[2] / "notebooks" / "06_mnist_classifier.ipynb"
SHOWN = {
    "mnist.softmax.accuracy": ("SoftmaxRegression()", recipes.train_softmax),
    "mnist.mlp.accuracy": ("MLP()", recipes.train_mlp),
    "mnist.convnet.accuracy": ("ConvNet()", recipes.train_convnet),
}


def settings(source: str) -> dict[str, set[str]]:
    """The numbers and names that make a recipe: batch size, epochs, optimiser, schedule."""
    return {
        "batch_size": set(re.findall(r"batch_size=(\d+)", source)),
        "epochs": set(re.findall(r"epochs\"?[=:] ?(\d+)", source)),
        "optimizer": set(re.findall(r"torch\.optim\.(SGD|AdamW|Adam)\(", source)),
        "schedule": set(re.findall(r"OneCycleLR", source)),
        "jitter": set(re.findall(r"Jittered\(", source)),
    }


def test_every_recipe_is_shown():
    assert SHOWN.keys() == recipes.RECIPES.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_the_chapter_and_the_bands_use_the_same_settings(name):
    model, train = SHOWN[name]
    cells = nbformat.read(CHAPTER, as_version=4).cells
    source = next(c.source for c in cells if c.cell_type == "code" and f"= {model}" in c.source)
    source = source.split("evaluate(")[0].split("final =")[0]
    assert settings(source) == settings(inspect.getsource(train))
    rate = recipes.RECIPES[name].learning_rate
    rates = {float(r) for r in re.findall(r"(?:lr=|learning_rate=|optimizer, )(\d[\d.e-]*)", source)}
    assert rates == {rate}
