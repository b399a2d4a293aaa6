"""How much of a language model's samples is words, and a control: text of the same pairs of characters."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection

import torch

_WORD = re.compile(r"[A-Za-z]+")


def words(text: str) -> list[str]:
    """The words of an English text, in order: runs of letters A–Z, in small letters."""
    return [word.lower() for word in _WORD.findall(text)]


def known_word_share(sample: str, vocabulary: Collection[str]) -> float:
    """Measure the share, 0 to 1, of a sample's words that a vocabulary knows.

    Args:
        sample: a text with at least one word.
        vocabulary: words in small letters, best a set; e.g. ``set(words(corpus))``.

    Raises:
        ValueError: if ``sample`` holds no word.
    """
    found = words(sample)
    if not found:
        raise ValueError(f"sample must hold at least one word, got {sample[:40]!r}")
    return sum(word in vocabulary for word in found) / len(found)


class CharacterBigrams:
    """Writes text whose pairs of neighbouring characters are as frequent as in a text, and nothing more.

    The control for "it writes words": letters in a likely order, without a memory of the word.

    Args:
        text: counted; at least two characters.

    Raises:
        ValueError: if ``text`` is shorter.

    Source: C. E. Shannon, "A Mathematical Theory of Communication", 1948, section 3.
    """

    def __init__(self, text: str) -> None:
        if len(text) < 2:
            raise ValueError(f"text must hold at least two characters, got {text!r}")
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for before, after in zip(text, text[1:] + text[0], strict=True):  # round the end, so none is last
            counts[before][after] += 1
        self._followers = {
            before: ("".join(after), torch.tensor(list(after.values()), dtype=torch.float64))
            for before, after in counts.items()
        }

    def write(self, length: int, *, start: str, generator: torch.Generator) -> str:
        """Draw ``length`` characters, at least 0, one after the other.

        Args:
            length: how many.
            start: the character before the first; it is not in the result.
            generator: draws them.

        Raises:
            ValueError: if ``length`` < 0, or ``start`` is not one of the text's characters.
        """
        if length < 0:
            raise ValueError(f"length must be at least 0, got {length}")
        if start not in self._followers:
            raise ValueError(f"start must be a character of the text, got {start!r}")
        written, last = [], start
        for _ in range(length):
            characters, weights = self._followers[last]
            last = characters[int(torch.multinomial(weights, 1, generator=generator))]
            written.append(last)
        return "".join(written)
