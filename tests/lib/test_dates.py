"""Dates and words to translate: right answers, no test date in training, ids that read back."""

from __future__ import annotations

import datetime
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.dates import LANGUAGES, READ, WRITTEN, load_dates, spellings
from course_lib.data.string_pairs import (
    END,
    LETTERS,
    PAD,
    START,
    Alphabet,
    StringPairs,
    encode_pairs,
    reversal_pairs,
)

BEGINNINGS = "jan fev feb mar apr avr mai may juin jun jul juil aug aou sep oct okt nov dec dez"
NUMBERS = (1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 10, 10, 11, 12, 12)
MONTHS = tuple(zip(BEGINNINGS.split(), NUMBERS, strict=True))
PLAIN = str.maketrans("äéèûÉ", "aeeue")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def read(text: str) -> datetime.date:
    """An independent reader: numbers by their size and order, months by their first letters."""
    numbers = [int(n) for n in re.findall(r"\d+", text)]
    year = max(numbers)
    numbers.remove(year)
    if len(numbers) == 2:
        day, month = numbers
    else:
        (day,) = numbers
        words = re.findall(r"[a-z]+", text.lower().translate(PLAIN))
        (month,) = {number for word in words for start, number in MONTHS if is_month(word, start)}
    return datetime.date(year, month, day)


def is_month(word: str, start: str) -> bool:
    """Not the weekdays of the same beginning: mardi is no March."""
    return word.startswith(start) and word != "mardi"


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)))
def test_every_spelling_means_its_date(day):
    written = spellings(day)
    assert len(written) == 12
    for text in written:
        assert read(text) == day, text
        READ.encode(text)


def test_the_weekdays_of_a_week():
    """From Monday, the first of June 1970; each weekday stands first in its spelling."""
    week = [spellings(datetime.date(1970, 6, day)) for day in range(1, 8)]
    for place, names in (
        (3, "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
        (6, "lundi mardi mercredi jeudi vendredi samedi dimanche"),
        (9, "Montag, Dienstag, Mittwoch, Donnerstag, Freitag, Samstag, Sonntag,"),
    ):
        assert [written[place].split()[0] for written in week] == names.split()


def test_a_known_date_in_all_its_spellings():
    assert spellings(datetime.date(1987, 3, 3)) == [
        "3 March 1987",
        "March 3, 1987",
        "Mar 3, 1987",
        "Tuesday 3 March 1987",
        "3 mars 1987",
        "le 3 mars 1987",
        "mardi 3 mars 1987",
        "03/03/1987",
        "3. März 1987",
        "Dienstag, 3. März 1987",
        "03.03.1987",
        "3.3.1987",
    ]
    assert "le 1er mai 1945" in spellings(datetime.date(1945, 5, 1))


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_targets_are_the_dates_of_the_sources(split):
    pairs = load_dates(500, split=split, generator=seeded(3))
    for source, target in zip(*pairs, strict=True):
        assert read(source).isoformat() == target


def test_no_test_date_is_ever_trained_on():
    train = load_dates(20_000, split="train", generator=seeded(1))
    test = load_dates(5_000, split="test", generator=seeded(2))
    assert not set(train.target) & set(test.target)
    assert not set(train.source) & set(test.source)
    assert all(datetime.date.fromisoformat(day).toordinal() % 10 == 0 for day in test.target)


def test_every_spelling_and_year_is_drawn():
    pairs = load_dates(5_000, split="train", generator=seeded(1))
    shares = torch.zeros(4 * len(LANGUAGES))
    for source, target in zip(*pairs, strict=True):
        written = spellings(datetime.date.fromisoformat(target))
        shares[[i for i, text in enumerate(written) if text == source]] += 1 / written.count(source)
    torch.testing.assert_close(shares / 5_000, torch.full_like(shares, 1 / 12), rtol=0.2, atol=0)
    years = {target[:4] for target in pairs.target}
    assert {min(years), max(years), len(years)} == {"1900", "2099", 200}


def test_draws_follow_the_generator_alone():
    torch.manual_seed(0)
    first = load_dates(20, split="test", generator=seeded(5))
    torch.manual_seed(1)
    assert load_dates(20, split="test", generator=seeded(5)) == first
    assert load_dates(20, split="test", generator=seeded(6)) != first
    assert load_dates(20, split="train", generator=seeded(5)) != first
    torch.manual_seed(7)
    drawn = load_dates(5, split="train")
    torch.manual_seed(7)
    assert load_dates(5, split="train") == drawn


def test_words_come_back_backwards():
    pairs = reversal_pairs(300, (2, 9), seeded(0))
    assert {len(word) for word in pairs.source} == set(range(2, 10))
    assert all("".join(reversed(source)) == target for source, target in zip(*pairs, strict=True))
    assert set("".join(pairs.source)) == set(LETTERS.characters)
    fixed = reversal_pairs(50, 7, seeded(0))
    assert {len(word) for word in fixed.source} == {7}
    assert reversal_pairs(50, 7, seeded(0)) == fixed


def test_encoded_pairs_line_up():
    pairs = StringPairs(["ab", "c"], ["a", "cba"])
    encoded = encode_pairs(pairs, Alphabet("abc"), Alphabet("cba"))
    assert encoded.source.tolist() == [[3, 4], [5, PAD]]
    assert encoded.lengths.tolist() == [2, 1]
    assert encoded.target_in.tolist() == [[START, 5, PAD, PAD], [START, 3, 4, 5]]
    assert encoded.target_out.tolist() == [[5, END, PAD, PAD], [3, 4, 5, END]]


@given(st.text("0123456789-", max_size=12))
def test_ids_read_back(text):
    ids = WRITTEN.encode(text)
    assert WRITTEN.decode(ids) == text
    assert WRITTEN.decode([START, *ids, END, PAD, *ids]) == text
    assert WRITTEN.decode(torch.tensor([*ids, END], dtype=torch.int64)) == text
    assert all(END < i < len(WRITTEN) for i in ids)


def test_what_start_pad_and_end_share_with_no_character():
    assert (PAD, START, END, len(Alphabet("xyz"))) == (0, 1, 2, 6)
    assert repr(Alphabet("xyz")) == "Alphabet('xyz')"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load_dates(0, split="train"), "count must be an int of at least 1, got 0"),
        (lambda: load_dates(2.5, split="train"), "count must be an int of at least 1, got 2.5"),
        (lambda: load_dates(1, split="validation"), "split must be 'train' or 'test', got 'validation'"),
        (lambda: spellings(datetime.date(999, 1, 1)), "day must lie in the years .* got 0999-01-01"),
        (lambda: reversal_pairs(0, 3), "count must be an int of at least 1"),
        (lambda: reversal_pairs(2, 0), "length must be an int of at least 1 .*, got 0"),
        (lambda: reversal_pairs(2, (3, 2)), r"length must be a pair in rising order, got \(3, 2\)"),
        (lambda: reversal_pairs(2, (1, 2, 3)), r"length must be an int .*, got \(1, 2, 3\)"),
        (lambda: READ.encode("3 März 1987 ☃"), "got '☃' at position 12 of"),
        (lambda: READ.encode("3 Mars 1987\n"), r"got '\\n' at position 11"),
        (lambda: WRITTEN.decode([3, 14]), "ids must lie in 0 … 13, got 14"),
        (lambda: WRITTEN.decode([-1]), "ids must lie in 0 … 13, got -1"),
        (lambda: Alphabet(""), "characters must hold at least one character"),
        (lambda: Alphabet("abca"), "characters must all be different, 'a' occurs more than once"),
        (lambda: encode_pairs(StringPairs([], []), READ, WRITTEN), "at least one pair, got none"),
        (
            lambda: encode_pairs(StringPairs(["1"], []), READ, WRITTEN),
            "a target for each source, got 1 and 0",
        ),
        (lambda: encode_pairs(StringPairs(["1", ""], ["1", "1"]), READ, WRITTEN), r"source\[1\] must not be"),
        (lambda: encode_pairs(StringPairs(["1"], ["May"]), READ, WRITTEN), "got 'M' at position 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
