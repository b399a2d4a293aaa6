"""Tokenizers: against an independent trainer of ours, against ``tokenizers``, and there and back."""

from __future__ import annotations

from collections import Counter

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, models, pre_tokenizers

from course_lib.data.text import load_moby_dick, load_tang
from course_lib.text.tokenizers import (
    PIECES,
    BytePairTokenizer,
    CharacterTokenizer,
    join_pair,
    learn_merges,
    split_pieces,
    tokenizer_from_json,
)

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module")
def trained() -> BytePairTokenizer:
    return BytePairTokenizer.train(load_moby_dick()[:200_000], 700)


@pytest.fixture(scope="module")
def reference(trained: BytePairTokenizer) -> tokenizers.Tokenizer:
    """The library ``tokenizers`` with our merges, in its own alphabet of printable stand-ins for bytes."""
    # The stand-ins: printable bytes stand for themselves, the others for 256, 257, … in order.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [value for value in range(256) if value not in printable]
    names = {value: chr(value) for value in printable}
    names |= {value: chr(256 + place) for place, value in enumerate(others)}
    assert set(names.values()) == set(pre_tokenizers.ByteLevel.alphabet())
    pieces = [names[value] for value in range(256)]
    merges = []
    for left, right in trained.merges:
        merges.append((pieces[left], pieces[right]))
        pieces.append(pieces[left] + pieces[right])
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    found = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
    found.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES.pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return found


def strings() -> list[str]:
    """More than 500 strings: English, Chinese, odd spaces, emoji, accents, rare scripts, nothing."""
    book = load_moby_dick("validation")
    found = [book[start : start + 1 + start % 97] for start in range(0, 60_000, 150)]
    found += ["\n".join(quatrain) for quatrain in load_tang("validation")[:100]]
    found += [
        "",
        " ",
        "\n",
        "\t\t \r\n",
        "  two  spaces ",
        "naïve café — “quoted”",
        "🎉 🐳🐳 👩‍🚀",
        "e\u0301",
        "１２３",
    ]
    found += [
        "don't DON'T 3.14159, 1,000!",
        "Ω≈ç√∫˜µ",
        "العربية हिन्दी 한국어",
        "\x00\x01\x7f",
        "a\u00a0b\u2003c",
        "\U0010ffff",
    ]
    return found


def test_ids_equal_those_of_the_tokenizers_library(trained, reference):
    compared = strings()
    assert len(compared) >= 500
    for text in compared:
        assert trained.encode(text) == reference.encode(text).ids, text


@given(ANY_TEXT)
def test_ids_equal_on_any_text(trained, reference, text):
    assert trained.encode(text) == reference.encode(text).ids


@given(ANY_TEXT)
def test_there_and_back_is_the_same_text(trained, text):
    ids = trained.encode(text)
    assert trained.decode(ids) == text
    assert len(ids) <= len(text.encode())
    assert "".join(split_pieces(text)) == text


def slow_merges(text: str, count: int) -> list[tuple[int, int]]:
    """Byte-pair training in its plainest form: count all pairs anew before each merge."""
    rows = [list(match.group().encode()) for match in PIECES.finditer(text)]
    merges = []
    for new in range(256, 256 + count):
        pairs = Counter((row[i], row[i + 1]) for row in rows for i in range(len(row) - 1))
        if not pairs:
            break
        most = max(pairs.values())
        best = min(pair for pair, number in pairs.items() if number == most)
        merges.append(best)
        for row in rows:
            i = 0
            while i < len(row) - 1:
                if (row[i], row[i + 1]) == best:
                    row[i : i + 2] = [new]
                i += 1
    return merges


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (load_moby_dick()[30_000:42_000], 120),
        ("".join("".join(quatrain) for quatrain in load_tang()[:60]), 80),
        ("aaaaaaa aaa aaaa", 20),
        ("ab ba ab ba cd dc", 20),
        ("", 5),
    ],
)
def test_fast_training_learns_what_plain_training_learns(text, count):
    assert learn_merges(text, count) == slow_merges(text, count)


@given(st.text("ab c1", max_size=40))
def test_training_agrees_on_small_alphabets(text):
    assert learn_merges(text, 10) == slow_merges(text, 10)


def test_ties_go_to_the_smaller_ids():
    assert learn_merges("cd ab", 1) == [(ord(" "), ord("a"))]  # ' a', 'ab' and 'cd' occur once each
    assert learn_merges("cd\nab", 1) == [(ord("a"), ord("b"))]


def test_training_twice_gives_the_same(trained):
    assert BytePairTokenizer.train(load_moby_dick()[:200_000], 700).merges == trained.merges


def test_a_text_without_pairs_gives_fewer_tokens():
    assert BytePairTokenizer.train("a b", 1000).vocab_size == 257  # ' b' alone
    assert BytePairTokenizer.train("", 256).merges == []


def test_tokens_are_printable(trained):
    assert trained.tokens[65] == "A"
    assert trained.tokens[10] == "\\n"
    assert trained.tokens[0xE2] == "\\xe2"
    assert " the" in trained.tokens
    assert len(trained.tokens) == trained.vocab_size == 700
    assert CharacterTokenizer("a\n風").tokens == ["a", "\\n", "風"]


def test_joining_goes_from_left_to_right():
    assert join_pair([1, 1, 1, 2, 1, 1], (1, 1), 9) == [9, 1, 2, 9]
    assert join_pair([], (1, 1), 9) == []


def test_characters_there_and_back():
    tokenizer = CharacterTokenizer.from_text("hello 風")
    assert tokenizer.alphabet == " ehlo風"
    assert tokenizer.encode("風 hole") == [5, 0, 2, 4, 3, 1]
    assert tokenizer.decode(tokenizer.encode("hello 風")) == "hello 風"
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""


def test_an_unknown_character_is_named_with_its_place():
    tokenizer = CharacterTokenizer("ab")
    with pytest.raises(ValueError, match=r"text has the character 'é' at position 2, .* alphabet of 2"):
        tokenizer.encode("abéé")


@pytest.mark.parametrize("kind", ["characters", "byte pairs"])
def test_ids_out_of_range_and_texts_of_another_type_are_refused(kind, trained):
    tokenizer = CharacterTokenizer("ab") if kind == "characters" else trained
    for bad in (-1, tokenizer.vocab_size):
        with pytest.raises(ValueError, match=rf"ids\[1\] must be from 0 to \d+, got {bad}"):
            tokenizer.decode([0, bad])
    with pytest.raises(TypeError, match="text must be a string, got bytes"):
        tokenizer.encode(b"ab")


@pytest.mark.parametrize("alphabet", ["a", 'ab\n"\\風🐳'])
def test_characters_survive_json(alphabet):
    again = tokenizer_from_json(CharacterTokenizer(alphabet).to_json())
    assert isinstance(again, CharacterTokenizer)
    assert again.alphabet == alphabet


def test_byte_pairs_survive_json(trained):
    again = tokenizer_from_json(trained.to_json())
    assert isinstance(again, BytePairTokenizer)
    assert again.merges == trained.merges
    assert again.encode("Call me Ishmael.") == trained.encode("Call me Ishmael.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "content must be JSON"),
        ("[1]", r"must be of kind .*, got \[1\]"),
        ('{"kind": "words"}', "must be of kind 'characters' with .*'byte-pairs' with .*\"words\""),
        ('{"kind": "byte-pairs"}', "must be of kind .*'byte-pairs' with merges"),
        ('{"kind": "byte-pairs", "merges": 3}', "merges as a list of pairs"),
        ('{"kind": "byte-pairs", "merges": [3]}', "merges as a list of pairs"),
        ('{"kind": "characters", "merges": []}', "'characters' with an alphabet"),
        ('{"kind": "byte-pairs", "merges": [[97, 256]]}', r"merges\[0\] must be two ids below 256"),
        ('{"kind": "characters", "alphabet": 3}', "alphabet must be a string"),
        ('{"kind": "characters", "alphabet": "aba"}', "has 'a' twice"),
    ],
)
def test_damaged_json_is_refused(content, message):
    with pytest.raises((ValueError, TypeError), match=message):
        tokenizer_from_json(content)


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        ([(97, 98), (256, 257)], r"merges\[1\] must be two ids below 257, got \(256, 257\)"),
        ([(97,)], r"merges\[0\] must be two ids below 256"),
        ([(-1, 98)], r"merges\[0\] must be two ids"),
        ([(97, 98), (97, 98)], r"merges\[1\] repeats the pair \(97, 98\)"),
    ],
)
def test_impossible_merges_are_refused(merges, message):
    with pytest.raises(ValueError, match=message):
        BytePairTokenizer(merges)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="alphabet must hold at least one character"):
        CharacterTokenizer("")
    with pytest.raises(ValueError, match="text must hold at least one character"):
        CharacterTokenizer.from_text("")
    with pytest.raises(ValueError, match="vocab_size must be at least 256, the bytes, got 255"):
        BytePairTokenizer.train("abc", 255)
    with pytest.raises(ValueError, match="count must be at least 0, got -1"):
        learn_merges("abc", -1)
    with pytest.raises(TypeError, match="text must be a string, got NoneType"):
        BytePairTokenizer.train(None, 300)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        BytePairTokenizer([]).encode("\ud800")


def test_half_a_character_is_shown_as_such():
    assert BytePairTokenizer([]).decode([0xE9, 0xA2]) == "\ufffd"
