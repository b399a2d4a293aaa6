"""The chapters that train a reader of dates train the one its band was made with."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import nbformat
import pytest

from studies import recipes_sequences as recipes

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SHOWN = {
    "dates.seq2seq.exact_match": ("08_sequences", recipes.train_seq2seq, r"Seq2Seq\([^=]*(embedding[^)]*)\)"),
    "dates.attention.exact_match": (
        "08_sequences",
        recipes.train_attention,
        r"Seq2Seq\([^=]*(embedding[^)]*attention=True)\)",
    ),
    "dates.transformer.exact_match": (
        "10_transformer",
        recipes.train_transformer,
        r"Transformer\([^=]*(d_model[^)]*)\)",
    ),
}


def code(chapter: str) -> list[str]:
    cells = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def training(source: str) -> dict[str, set[str]]:
    """What makes a training: batch size, optimiser, schedule, clipping, loss."""
    return {
        "batch_size": set(re.findall(r"batch_size=(\d+)", source)),
        "optimizer": set(re.findall(r"torch\.optim\.(SGD|AdamW|Adam)\(", source)),
        "schedule": set(re.findall(r"OneCycleLR\(", source)),
        "clip_norm": set(re.findall(r"clip_norm\"?[=:] ?([\d.]+)", source)),
        "loss": set(re.findall(r"token_cross_entropy", source)),
    }


def test_every_recipe_is_shown():
    assert SHOWN.keys() == recipes.RECIPES.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_the_chapter_trains_the_same_model_in_the_same_way(name):
    chapter, train, pattern = SHOWN[name]
    cells = code(chapter)
    (checked,) = [i for i, source in enumerate(cells) if f'bands.check("{name}"' in source]
    before = "\n".join(cells[: checked + 1])
    recipe = inspect.getsource(train)
    (sizes,) = {found.strip() for found in re.findall(pattern, spaced(recipe))}
    assert sizes in [found.strip(" ,") for found in re.findall(pattern, spaced(before))]
    trains = cells[checked]
    if "train(" in trains:  # the chapter's own function, perhaps with other epochs
        trains += next(source for source in cells if "def train(" in source)
    elif "OneCycleLR(" not in trains:
        trains = next(source for source in reversed(cells[:checked]) if "OneCycleLR(" in source)
    trains = re.sub(r"exact_match\(.*", "", trains)
    assert training(trains) == training(inspect.getsource(recipes._trained))
    (epochs,) = re.findall(r"epochs=(\d+)", recipe)
    assert set(re.findall(r"epochs\"?[=:] ?(\d+)", trains)) == {epochs}
    rates = {float(rate) for rate in re.findall(r"(?:lr=|optimizer, )(\d[\d.e-]*)", spaced(trains))}
    assert rates == {recipes.RECIPES[name].learning_rate}


@pytest.mark.parametrize("chapter", sorted({chapter for chapter, _, _ in SHOWN.values()}))
def test_the_chapter_draws_the_same_dates(chapter):
    drawn = r'load_dates\( ?(\d+), split="(\w+)", generator=torch\.Generator\(\)\.manual_seed\((\d+)\)'
    made = {
        pair
        for function in (recipes.dates_to_train_on, recipes.measure_exact_match)
        for pair in re.findall(drawn, spaced(inspect.getsource(function)))
    }
    assert {split for _, split, _ in made} == {"train", "test"}
    assert set(re.findall(drawn, spaced("\n".join(code(chapter))))) == made
