"""Bands: how they are made, what they say, and that they can fail."""

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib import bands
from course_lib.data.string_pairs import EncodedPairs
from studies import measure_bands
from studies.measure_bands import RECIPES
from studies.recipes import Data, Recipe

ENTRIES = json.loads(bands.BANDS_FILE.read_text(encoding="utf-8"))["bands"]


@pytest.mark.parametrize("name", RECIPES)
def test_each_committed_band_follows_from_its_values(name: str) -> None:
    entry = ENTRIES[name]
    values = entry["values"]
    assert len(set(entry["seeds"])) == len(values) >= 10
    quarter = (max(values) - min(values)) / 4
    assert entry["low"] == pytest.approx(min(values) - quarter, abs=2e-6)  # all are rounded to six digits
    assert entry["high"] == pytest.approx(max(values) + quarter, abs=2e-6)  # all are rounded to six digits
    assert entry["measured"]["data_sha256"] == RECIPES[name].data().sha256
    assert entry["learning_rate"] == RECIPES[name].learning_rate


@pytest.mark.parametrize("name", RECIPES)
def test_a_tenth_of_the_learning_rate_was_outside(name: str) -> None:
    slow = ENTRIES[name]["values_at_a_tenth"]
    assert slow
    for value in slow:
        verdict = bands.check(name, value)
        assert not verdict.inside
        assert "the learning rate is too small or the epochs too few" in verdict.causes


def test_the_convnet_reaches_its_target() -> None:
    """Nine seeds in ten reach 0.985; the median has 0.002, four digits, to spare."""
    values = sorted(ENTRIES["mnist.convnet.accuracy"]["values"])
    assert sum(value >= 0.985 for value in values) >= 0.9 * len(values)
    assert values[len(values) // 2] >= 0.987


def test_every_committed_band_has_its_recipe() -> None:
    assert ENTRIES.keys() == RECIPES.keys()


def test_attention_and_the_transformer_read_dates_that_a_fixed_state_cannot() -> None:
    """Every seed of the one above every seed of the other; nineteen dates in twenty, and not half of them."""
    fixed, attention, transformer = (
        ENTRIES[f"dates.{model}.exact_match"]["values"] for model in ("seq2seq", "attention", "transformer")
    )
    assert max(fixed) < 0.5 < 0.95 < min(*attention, *transformer)


@pytest.mark.parametrize("name", ["mnist.softmax.accuracy", "dates.seq2seq.exact_match"])
def test_training_anew_lands_inside_and_at_a_tenth_of_the_rate_outside(name: str) -> None:
    """The cheapest recipe of each kind, with a seed that made no band."""
    recipe = RECIPES[name]
    examples, _ = recipe.data()
    assert 101 not in ENTRIES[name]["seeds"]
    usual = recipe.measure(recipe.train(examples, 101, recipe.learning_rate))
    slow = recipe.measure(recipe.train(examples, 101, recipe.learning_rate / 10))
    assert bands.check(name, usual).inside
    assert not bands.check(name, slow).inside


def test_the_same_seed_trains_the_same_model() -> None:
    recipe = RECIPES["dates.transformer.exact_match"]
    few = EncodedPairs(*(tensor[:64] for tensor in recipe.data().examples))
    one, again, other = (recipe.train(few, seed, 5e-3).state_dict() for seed in (3, 3, 4))
    torch.testing.assert_close(one, again, rtol=0, atol=0)
    assert not torch.equal(one["output.weight"], other["output.weight"])


@pytest.fixture
def one_band(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"demo": bands.Band(0.5, 0.75, 12, ("too slow",), ("a leak", "luck"))}
    monkeypatch.setattr(bands, "_bands", lambda: made)


@pytest.mark.usefixtures("one_band")
@pytest.mark.parametrize(
    ("value", "inside", "causes"),
    [
        (0.5, True, ()),
        (0.75, True, ()),
        (0.4999, False, ("too slow",)),
        (0.7501, False, ("a leak", "luck")),
        (math.nan, False, ("the loss diverged: try a tenth of the learning rate",)),
        (-math.inf, False, ("too slow",)),
        (torch.tensor(0.625), True, ()),
    ],
)
def test_check(value: float, inside: bool, causes: tuple[str, ...]) -> None:
    verdict = bands.check("demo", value)
    assert (verdict.inside, verdict.causes) == (inside, causes)
    assert verdict.band[:3] == (0.5, 0.75, 12)


@pytest.mark.usefixtures("one_band")
def test_the_verdict_reads_as_a_sentence() -> None:
    assert repr(bands.check("demo", 0.6)) == "demo = 0.6000: inside the band 0.5000 … 0.7500 (12 seeds)"
    assert repr(bands.check("demo", 0.8)).splitlines() == [
        "demo = 0.8000: OUTSIDE the band 0.5000 … 0.7500 (12 seeds)",
        "  perhaps a leak",
        "  perhaps luck",
    ]


@pytest.mark.usefixtures("one_band")
def test_check_names_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="name must be one of demo; got 'dmeo'"):
        bands.check("dmeo", 0.6)
    for value in ("high", None, torch.zeros(2)):
        with pytest.raises(TypeError, match="value must be one number, got"):
            bands.check("demo", value)


@given(st.lists(st.floats(-1e6, 1e6), min_size=10, max_size=30))
def test_a_band_holds_all_its_values_and_is_a_quarter_wider_on_either_side(values: list[float]) -> None:
    low, high = bands.widened(values)
    width = max(values) - min(values)
    assert all(low <= value <= high for value in values)
    assert high - low == pytest.approx(1.5 * width, rel=1e-9, abs=1e-9)
    assert (low + high) / 2 == pytest.approx((max(values) + min(values)) / 2, rel=1e-9, abs=1e-9)


def test_too_few_or_spoilt_values_make_no_band() -> None:
    with pytest.raises(ValueError, match="at least 10 numbers, one per seed, got 9"):
        bands.widened([0.5] * 9)
    with pytest.raises(ValueError, match="values must be finite"):
        bands.widened([0.5] * 9 + [math.nan])


class Says(nn.Module):
    """A pretended model whose accuracy is the number it was made with."""

    def __init__(self, accuracy: float) -> None:
        super().__init__()
        self.accuracy = accuracy


def pretended(at_a_tenth: float) -> Recipe:
    return Recipe(
        lambda offset, seed, rate: Says(offset + seed / 1000 if rate == 0.1 else at_a_tenth),
        0.1,
        12,
        ("low",),
        ("high",),
        lambda: Data(0.9, "a hash"),
        lambda model: model.accuracy,
    )


def test_measure_makes_an_entry() -> None:
    entry = measure_bands.measure(pretended(at_a_tenth=0.5), seeds=tuple(range(11)))
    assert (entry["low"], entry["high"]) == (pytest.approx(0.8975), pytest.approx(0.9125))
    assert entry["values"] == pytest.approx([0.9 + seed / 1000 for seed in range(11)])
    assert entry["values_at_a_tenth"] == [0.5, 0.5]
    assert (entry["causes_below"], entry["causes_above"]) == (["low"], ["high"])
    assert entry["measured"]["data_sha256"] == "a hash"


def test_measure_refuses_a_band_that_lets_a_tenth_of_the_rate_pass() -> None:
    seeds = tuple(range(12))
    with pytest.raises(ValueError, match=r"lets a tenth of the learning rate pass: 0\.9050"):
        measure_bands.measure(pretended(at_a_tenth=0.905), seeds)
    with pytest.raises(ValueError, match="slow_seeds must hold at least one seed"):
        measure_bands.measure(pretended(at_a_tenth=0.5), seeds, slow_seeds=())
    with pytest.raises(ValueError, match="seeds must all be different"):
        measure_bands.measure(pretended(at_a_tenth=0.5), seeds=(1,) * 12)
