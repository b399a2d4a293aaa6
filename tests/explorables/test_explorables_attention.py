"""The attention explorable's Python side: its heads do what their names say, its printed code runs."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from course_explorables.attention import HEADS, LETTERS, Attention, queries_and_keys, values
from course_explorables.base.palettes import palette
from course_lib.models.attention import attention, causal_mask


def weights_of(text, head, *, scale=None, mask=None):
    return attention(*queries_and_keys(text, head), values(text), scale=scale, mask=mask)[1]


def test_same_letter_looks_at_its_own_kind():
    weights = weights_of("mississippi", "same letter")
    for row, column in itertools.product(range(11), repeat=2):
        same = "mississippi"[row] == "mississippi"[column]
        others = weights[row][[letter != "mississippi"[row] for letter in "mississippi"]]
        assert (weights[row, column] > 2 * others.max()) == same


def test_every_letter_but_the_first_finds_the_one_before():
    weights = weights_of("abcdefghijkl", "the letter before")
    assert weights[1:].argmax(dim=1).tolist() == list(range(11))
    assert weights[1:].diagonal().min() > 0.8
    assert weights[0].max() - weights[0].min() < 0.01, "the first finds nobody, and looks at all alike"


def test_vowels_ask_consonants_and_consonants_ask_nobody():
    weights = weights_of("banana", "vowels ask consonants")
    torch.testing.assert_close(weights[1], weights[3])
    assert weights[1, ::2].sum() > 0.97
    torch.testing.assert_close(weights[0], torch.full((6,), 1 / 6))


def test_a_random_head_has_scores_of_variance_d_and_scaling_saves_it():
    query, key = queries_and_keys("thequickbrow", "random")
    products = query @ key.T
    assert products.std().item() == pytest.approx(8, rel=0.25)
    entropies = [
        torch.special.entr(weights_of("thequickbrow", "random", scale=scale)).sum(1).mean().item()
        for scale in (None, 1.0)
    ]
    assert entropies[0] > 1.7, "of log 12 = 2.48 nats"
    assert entropies[1] < 0.7


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("head", HEADS)
def test_the_printed_code_is_the_softmax_of_its_settings(head, scaled, masked, capsys):
    widget = Attention("transformer", head, scaled=scaled, masked=masked, cell=(7, 3))
    names: dict = {}
    exec(widget.code(), names)
    query, key = queries_and_keys("transformer", head)
    scores = query @ key.T / (8 if scaled else 1)
    if masked:
        scores = scores.masked_fill(~causal_mask(11), -math.inf)
    torch.testing.assert_close(names["weights"], scores.softmax(dim=1))
    torch.testing.assert_close(names["output"], scores.softmax(dim=1) @ values("transformer"))
    row = scores.softmax(dim=1)[7]
    entropy = torch.distributions.Categorical(row).entropy()
    assert f"weight {row[3]:.6f}, entropy {entropy:.4f}"[:24] in capsys.readouterr().out
    assert names["entropy"].item() == pytest.approx(entropy.item(), abs=1e-5)


def test_a_shorter_text_keeps_the_cell_within_it():
    widget = Attention("mississippi", cell=(10, 9))
    widget.text = "ab"
    assert "row, column = 1, 1" in widget.code()
    exec(widget.code(), {})


def test_values_are_the_letters_themselves():
    assert [LETTERS[k] for k in values("cab").argmax(dim=1)] == ["c", "a", "b"]
    assert values("cab").sum().item() == 3


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Attention(""), "text must be 1 to 12 letters from a to z, got ''"),
        (lambda: Attention("a" * 13), "text must be 1 to 12 letters"),
        (lambda: Attention("Ab"), "text must be .* got 'Ab'"),
        (lambda: Attention("é"), "text must be .* got 'é'"),
        (lambda: Attention(head="nobody"), "head must be one of same letter, .*, got 'nobody'"),
        (lambda: Attention("abc", cell=(3, 0)), r"cell must be a row and a column from 0 to 2, got \(3, 0\)"),
        (lambda: Attention("abc", cell=(0,)), r"cell must be a row and a column"),
        (lambda: queries_and_keys("a b", "random"), "text must be"),
        (lambda: values("1"), "text must be"),
        (lambda: palette("cividis", 1), "stops must be at least 2, got 1"),
        (lambda: palette("rainbow of mine"), "name must be 'signed' or one of matplotlib's"),
    ],
)
def test_errors_name_the_parameter(make, text):
    with pytest.raises(ValueError, match=text):
        make()
