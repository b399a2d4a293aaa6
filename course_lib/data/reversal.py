"""Words to write backwards: a task that needs the whole word kept, and whose length can be turned up."""

from __future__ import annotations

import torch

from course_lib.data.string_pairs import Alphabet, StringPairs

LETTERS = Alphabet("abcdefghijklmnopqrstuvwxyz")


def reversal_pairs(
    count: int, length: int | tuple[int, int], generator: torch.Generator | None = None
) -> StringPairs:
    """Draw words of random letters, and the same words backwards.

    A word of n letters carries n·log₂26 ≈ 4.7·n bits, none of which can be guessed from the others.

    Args:
        count: pairs, at least 1.
        length: letters a word, at least 1; or the shortest and the longest, to draw lengths uniformly.
        generator: a CPU generator to draw from; ``None`` means torch's global one.

    Returns:
        Pairs such as ``("qfb", "bfq")``.

    Raises:
        ValueError: if ``count`` is not an int of at least 1, or ``length`` is neither such an int nor
            a pair of them in rising order.

    Taught in: "Sequences".
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
