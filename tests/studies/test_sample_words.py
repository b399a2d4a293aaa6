"""What is counted in a model's samples, and the control that only counts pairs of characters."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import torch

from studies.sample_words import CharacterBigrams, known_word_share, words


def test_known_words_are_counted_without_regard_to_case():
    assert words("Call me--Ishmael's 3 WHALES") == ["call", "me", "ishmael", "s", "whales"]
    assert known_word_share("The whale, THE wahle!", {"the", "whale"}) == 0.75
    with pytest.raises(ValueError, match="must hold at least one word"):
        known_word_share("3, 4!", {"the"})


def test_character_bigrams_follow_the_counts():
    writer = CharacterBigrams("abac" * 5)
    text = writer.write(6000, start="b", generator=torch.Generator().manual_seed(1))
    pairs = Counter(itertools.pairwise(text))
    assert set(pairs) == {("a", "b"), ("b", "a"), ("a", "c"), ("c", "a")}
    assert pairs["a", "b"] / (pairs["a", "b"] + pairs["a", "c"]) == pytest.approx(0.5, abs=0.04)
    again = writer.write(6000, start="b", generator=torch.Generator().manual_seed(1))
    assert again == text
    with pytest.raises(ValueError, match="start must be a character of the text, got 'z'"):
        writer.write(3, start="z", generator=torch.Generator())
    with pytest.raises(ValueError, match="length must be at least 0, got -1"):
        writer.write(-1, start="a", generator=torch.Generator())
    with pytest.raises(ValueError, match="at least two characters"):
        CharacterBigrams("a")
