"""Sequence-to-sequence data: pairs of strings as padded rows of character ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

PAD, START, END = 0, 1, 2


class StringPairs(NamedTuple):
    """What to read and what to write: ``source[i]`` is to become ``target[i]``."""

    source: list[str]
    target: list[str]


class EncodedPairs(NamedTuple):
    """String pairs as int64 tensors, one row per pair, padded with 0 at the end.

    ``target_in`` is START and the target's characters, ``target_out`` the same characters and END: at each
    position the model reads ``target_in`` up to there and is to say ``target_out``. ``source`` is (pairs,
    longest source), ``lengths`` (pairs,), each at least 1, and either target (pairs, longest target + 1).
    """

    source: Tensor
    lengths: Tensor
    target_in: Tensor
    target_out: Tensor


class Alphabet:
    """Characters numbered from 3 in their order; 0 pads, 1 starts and 2 ends a text.

    ``Alphabet("abc").encode("cab")`` is ``[5, 3, 4]``. ``ValueError`` if there is no character or one occurs
    twice.
    """

    def __init__(self, characters: str) -> None:
        if not characters:
            raise ValueError("characters must hold at least one character, got ''")
        doubled = sorted({c for c in characters if characters.count(c) > 1})
        if doubled:
            raise ValueError(f"characters must all be different, {doubled[0]!r} occurs more than once")
        self.characters = characters
        self._ids = {character: i for i, character in enumerate(characters, start=END + 1)}

    def __len__(self) -> int:
        """Number of ids: the characters, and pad, start and end."""
        return len(self.characters) + END + 1

    def __repr__(self) -> str:
        return f"Alphabet({self.characters!r})"

    def encode(self, text: str) -> list[int]:
        """Number the characters of a text, without start and end; ``ValueError`` names an unknown one."""
        for position, character in enumerate(text):
            if character not in self._ids:
                raise ValueError(
                    f"text must be written in {self.characters!r}, got {character!r} at position {position} "
                    f"of {text!r}"
                )
        return [self._ids[character] for character in text]

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """Read ids up to the first END, without START and padding; ``ValueError`` if one is out of range."""
        text = []
        for number in ids.tolist() if isinstance(ids, Tensor) else ids:
            if number == END:
                break
            if not 0 <= number < len(self):
                raise ValueError(f"ids must lie in 0 … {len(self) - 1}, got {number}")
            if number > END:
                text.append(self.characters[number - END - 1])
        return "".join(text)


def encode_pairs(pairs: StringPairs, source: Alphabet, target: Alphabet) -> EncodedPairs:
    """Encode string pairs as padded ids, for a model that reads one text and writes another.

    ``ValueError`` if there are no pairs, sources and targets differ in number, a source is empty, or a
    character is not in its alphabet.
    """
    if len(pairs.source) != len(pairs.target):
        raise ValueError(
            f"pairs must hold a target for each source, got {len(pairs.source)} and {len(pairs.target)}"
        )
    if not pairs.source:
        raise ValueError("pairs must hold at least one pair, got none")
    if "" in pairs.source:
        raise ValueError(f"pairs.source[{pairs.source.index('')}] must not be empty")
    sources = [source.encode(text) for text in pairs.source]
    targets = [target.encode(text) for text in pairs.target]
    return EncodedPairs(
        _padded(sources),
        torch.tensor([len(ids) for ids in sources]),
        _padded([[START, *ids] for ids in targets]),
        _padded([[*ids, END] for ids in targets]),
    )


def _padded(rows: Sequence[list[int]]) -> Tensor:
    longest = max(len(row) for row in rows)
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


LETTERS = Alphabet("abcdefghijklmnopqrstuvwxyz")


def reversal_pairs(
    count: int, length: int | tuple[int, int], generator: torch.Generator | None = None
) -> StringPairs:
    """Draw words of random letters, and the same words backwards: ``("qfb", "bfq")``.

    A word of n letters carries n·log₂26 ≈ 4.7·n bits, none of which can be guessed from the others.
    ``length`` is letters per word; or the shortest and the longest, to draw lengths uniformly. ``ValueError``
    if ``count`` is not an int of at least 1, or ``length`` is neither such an int nor a pair of them in
    rising order.
    """
    shortest, longest = length if isinstance(length, tuple) and len(length) == 2 else (length, length)
    for name, number in (("count", count), ("length", shortest), ("length", longest)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(
                f"{name} must be an int of at least 1 (length: or a pair of them), got {number!r}"
            )
    if shortest > longest:
        raise ValueError(f"length must be a pair in rising order, got {length}")
    lengths = torch.randint(shortest, longest + 1, (count,), generator=generator).tolist()
    letters = torch.randint(len(LETTERS.characters), (count, longest), generator=generator).tolist()
    words = ["".join(LETTERS.characters[i] for i in row[:n]) for row, n in zip(letters, lengths, strict=True)]
    return StringPairs(words, [word[::-1] for word in words])
