"""Instructions: right answers by an independent reader, disjoint splits, demonstrations, and two measures."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.instructions import (
    COURTESY,
    KINDS,
    SPLITS,
    answer_occurs,
    demonstrations,
    draw_instructions,
    exact_match,
    instruct,
    number_pairs,
    words,
)
from course_lib.data.text import load_moby_dick

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
CAPITALS = dict(zip("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=True))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def right(prompt: str) -> str:
    """Answer a prompt letter by letter."""
    kind, *operands = prompt.split()
    if kind in ("larger", "add"):
        a, b = map(int, operands)
        return f"{a + b if kind == 'add' else a if a > b else b}\n"
    (word,) = operands
    letters = list(word)
    if kind == "reverse":
        letters.reverse()
    if kind == "upper":
        letters = [CAPITALS[letter] for letter in letters]
    if kind == "first":
        del letters[1:]
    if kind == "last":
        del letters[:-1]
    if kind == "count":
        letters = [str(sum(1 for _ in word))]
    return "".join(letters) + "\n"


def test_one_of_each_kind():
    assert [instruct(kind, "whale")[:2] for kind in KINDS[:6]] == [
        ("repeat whale\n", "whale\n"),
        ("upper whale\n", "WHALE\n"),
        ("reverse whale\n", "elahw\n"),
        ("first whale\n", "w\n"),
        ("last whale\n", "e\n"),
        ("count whale\n", "5\n"),
    ]
    assert instruct("larger", (17, 25)) == ("larger 17 25\n", "25\n", "larger")
    assert instruct("add", (98, 17)) == ("add 98 17\n", "115\n", "add")


@given(WORDS, st.integers(0, 999), st.integers(0, 999))
def test_answers_are_right(word, a, b):
    for kind in KINDS:
        prompt, answer, named = instruct(kind, (a, b) if kind in ("larger", "add") else word)
        assert named == kind
        assert answer == right(prompt)


@pytest.mark.parametrize(
    ("kind", "operand", "message"),
    [
        ("shout", "whale", "kind must be one of repeat, .*, got 'shout'"),
        ("reverse", "", "operand must be a word for 'reverse', got ''"),
        ("reverse", (1, 2), r"operand must be a word for 'reverse', got \(1, 2\)"),
        ("add", "12", "operand must be two whole numbers for 'add', got '12'"),
        ("add", (1, 2, 3), r"operand must be two whole numbers for 'add', got \(1, 2, 3\)"),
        ("larger", (1, True), r"operand must be two whole numbers for 'larger', got \(1, True\)"),
    ],
)
def test_what_cannot_be_asked_is_refused(kind, operand, message):
    with pytest.raises(ValueError, match=message):
        instruct(kind, operand)


def test_no_word_and_no_pair_is_in_two_splits():
    every_word = [word for split in SPLITS for word in words(split)]
    every_pair = [pair for split in SPLITS for pair in number_pairs(split)]
    assert len(every_word) == len(set(every_word))
    assert len(every_pair) == len(set(every_pair)) == 90 * 89
    book = Counter(re.findall(r"(?<!\w)[a-z]+(?!\w)", load_moby_dick("train")))
    assert set(every_word) == {w for w, times in book.items() if times >= 2 and 3 <= len(w) <= 5}
    for part in (words, number_pairs):
        sizes = {split: len(part(split)) for split in SPLITS}
        assert 0.08 < sizes["test"] / sum(sizes.values()) < 0.12
        assert 0.08 < sizes["validation"] / sum(sizes.values()) < 0.12


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_asks_of_its_own_words_and_pairs_all_kinds_alike(split):
    drawn = draw_instructions(4000, split=split, generator=seeded(0))
    for prompt, answer, _ in drawn:
        kind, *operands = prompt.split()
        assert answer == right(prompt)
        if kind in ("larger", "add"):
            assert tuple(map(int, operands)) in number_pairs(split)
        else:
            assert operands[0] in words(split)
    counts = Counter(instruction.kind for instruction in drawn)
    assert counts.keys() == set(KINDS)
    assert max(counts.values()) < 1.25 * min(counts.values())
    lengths = Counter(len(i.prompt.split()[1]) for i in drawn if i.kind == "repeat")
    assert lengths.keys() == {3, 4, 5}


def test_a_generator_decides_what_is_drawn_and_torchs_own_is_left_alone():
    state = torch.random.get_rng_state()
    one, again, other = (draw_instructions(20, split="test", generator=seeded(s)) for s in (3, 3, 4))
    assert one == again
    assert one != other
    assert torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(5)
    first = draw_instructions(20, split="test")
    assert draw_instructions(20, split="test") != first
    assert {i.kind for i in draw_instructions(50, split="test", kinds=["add"])} == {"add"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count must be an int of at least 1, got 0"),
        ({"count": True}, "count must be an int of at least 1, got True"),
        ({"split": "exam"}, "split must be one of train, validation, test, got 'exam'"),
        ({"kinds": []}, r"kinds must be among repeat, .*, got \[\]"),
        ({"kinds": ["add", "shout"]}, r"kinds must be among repeat, .*, got \['add', 'shout'\]"),
    ],
)
def test_bad_draws_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_instructions(**({"count": 3, "split": "test"} | arguments))


@pytest.mark.parametrize("courteous", [0.0, 0.3, 1.0])
def test_demonstrations_are_right_and_so_many_of_them_courteous(courteous):
    drawn = draw_instructions(3000, split="train", generator=seeded(0))
    shown = demonstrations(drawn, courteous=courteous, generator=seeded(1))
    assert [text.removeprefix(COURTESY) for text in shown] == [i.answer for i in drawn]
    assert sum(text.startswith(COURTESY) for text in shown) / len(shown) == pytest.approx(courteous, abs=0.03)
    assert shown == demonstrations(drawn, courteous=courteous, generator=seeded(1))


def test_a_share_is_from_0_to_1():
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="courteous must be from 0 to 1"):
            demonstrations([], courteous=share)


def test_exact_is_exact_and_occurring_is_not():
    asked = [instruct("count", "whale"), instruct("first", "whale"), instruct("repeat", "sea")] * 2
    given = ["5\n", "w\n", "sea\n", "OK: 5\n", "whale\n", "sea"]
    assert exact_match(given, asked) == 3 / 6
    assert answer_occurs(given, asked) == 1.0
    assert answer_occurs(["4\n", "", "se a\n"] * 2, asked) == exact_match(["4\n"] * 6, asked) == 0.0


@pytest.mark.parametrize("measure", [exact_match, answer_occurs])
def test_measures_want_an_answer_each(measure):
    asked = [instruct("count", "whale")]
    with pytest.raises(ValueError, match="answers must be one for each instruction, got 2 for 1"):
        measure(["5\n", "5\n"], asked)
    with pytest.raises(ValueError, match="got 0 for 0"):
        measure([], [])
