"""Language models that only count: what a trained network has to beat."""

from __future__ import annotations

from collections import Counter, defaultdict

import torch
from torch import Tensor


def unigram_loss(train_ids: Tensor, test_ids: Tensor, vocab_size: int) -> float:
    r"""Measure the loss of guessing each token by how often it occurred, whatever came before.

    $$p(t) = \frac{\operatorname{count}(t) + 1}{n + V}$$

    Args:
        train_ids: int64, (n,), counted; each from 0 to V − 1.
        test_ids: int64, (m,), m at least 2, guessed but for the first, as a model's are.
        vocab_size: V.

    Returns:
        Mean over the m − 1 targets of −ln p, nats a token.

    Raises:
        ValueError: if an input is not (n,), too short, or holds an id out of range.

    Source: P. S. Laplace's rule of succession (add one).

    Taught in: "Pretraining a GPT".
    """
    _check("train_ids", train_ids, vocab_size, least=1)
    _check("test_ids", test_ids, vocab_size, least=2)
    log_p = _unigram(train_ids, vocab_size).log()
    return -log_p[test_ids[1:]].mean().item()


def bigram_loss(train_ids: Tensor, test_ids: Tensor, vocab_size: int) -> float:
    r"""Measure the loss of guessing each token from the one before it.

    $$p(t \mid s) = \frac{\operatorname{count}(st) + d_s\,p(t)}{\operatorname{count}(s) + d_s}$$

    where d_s is the number of different tokens seen after s, and p(t) the unigram guess: a pair never seen
    falls back on it, the more so the more various the tokens after s are.

    Args:
        train_ids: int64, (n,), n at least 2, counted.
        test_ids: int64, (m,), m at least 2, guessed but for the first.
        vocab_size: V.

    Returns:
        Mean over the m − 1 targets of −ln p, nats a token.

    Raises:
        ValueError: if an input is not (n,), too short, or holds an id out of range.

    Source: I. H. Witten and T. C. Bell, "The zero-frequency problem", IEEE Transactions on Information Theory
        37 (4), 1991, method C, interpolated.

    Taught in: "Pretraining a GPT".
    """
    _check("train_ids", train_ids, vocab_size, least=2)
    _check("test_ids", test_ids, vocab_size, least=2)
    unigram = _unigram(train_ids, vocab_size)
    pairs, counts = torch.unique(train_ids[:-1] * vocab_size + train_ids[1:], return_counts=True)
    firsts = pairs // vocab_size
    followed = torch.zeros(vocab_size, dtype=torch.float64).index_add_(0, firsts, counts.double())
    kinds = torch.bincount(firsts, minlength=vocab_size).double()

    before, after = test_ids[:-1], test_ids[1:]
    wanted = before * vocab_size + after
    place = torch.searchsorted(pairs, wanted).clamp_max(len(pairs) - 1)
    seen = torch.where(pairs[place] == wanted, counts[place], 0).double()
    total = followed[before] + kinds[before]
    # A token that nothing ever followed tells nothing: the unigram guess stands.
    interpolated = (seen + kinds[before] * unigram[after]) / total
    p = torch.where(total > 0, interpolated, unigram[after])
    return -p.log().mean().item()


class CharacterBigrams:
    """Writes text whose pairs of neighbouring characters are as frequent as in a text, and nothing more.

    The control for "it writes words": letters in a likely order, without a memory of the word.

    Args:
        text: counted; at least two characters.

    Raises:
        ValueError: if ``text`` is shorter.

    Source: C. E. Shannon, "A Mathematical Theory of Communication", 1948, section 3.

    Taught in: "Pretraining a GPT".
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
        """Draw characters one after the other.

        Args:
            length: characters to draw, at least 0.
            start: the character before the first; it is not in the result.
            generator: draws them.

        Returns:
            ``length`` characters.

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


def _unigram(ids: Tensor, vocab_size: int) -> Tensor:
    counts = torch.bincount(ids, minlength=vocab_size).double()
    return (counts + 1) / (len(ids) + vocab_size)


def _check(name: str, ids: Tensor, vocab_size: int, *, least: int) -> None:
    if ids.ndim != 1 or len(ids) < least:
        raise ValueError(f"{name} must be (n,) with n at least {least}, got {tuple(ids.shape)}")
    if ids.min() < 0 or ids.max() >= vocab_size:
        raise ValueError(
            f"{name} must be from 0 to {vocab_size - 1}, got {ids.min().item()} … {ids.max().item()}"
        )
