"""Evaluating a language model: cross-entropy in nats, bits per byte, n-gram baselines, and its samples."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.text.windows import consecutive_windows

_WORD = re.compile(r"[A-Za-z]+")


@torch.no_grad()
def model_loss(model: nn.Module, ids: Tensor, *, context: int, batch_size: int = 16) -> float:
    r"""Measure a model's mean cross-entropy on a row of ids, read in windows side by side.

    $$L = -\frac{1}{n - 1} \sum_{i=2}^{n} \ln p(t_i \mid \text{the tokens before it in its window})$$

    The model is in eval mode meanwhile, and afterwards in the mode it came in.

    Args:
        model: ids (batch, seq) to logits (batch, seq, vocabulary).
        ids: int64, (n,), n at least 2.
        context: tokens per window, at least 1.
        batch_size: windows per call, at least 1.

    Returns:
        L, nats per token.

    Raises:
        ValueError: as ``consecutive_windows``.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    total = 0.0
    for inputs, targets in consecutive_windows(ids, context=context, batch_size=batch_size):
        logits = model(inputs.to(device))
        total += F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten(), reduction="sum").item()
    model.train(was_training)
    return total / (len(ids) - 1)


def bits_per_byte(nats_per_token: float, tokens: int, text: str) -> float:
    r"""Bits per byte: turn a loss per token into one that does not depend on the tokenizer.

    $$\text{bits per byte} = \frac{L \cdot \text{tokens}}{\ln 2 \cdot \text{bytes of the text in UTF-8}}$$

    Args:
        nats_per_token: L, mean loss, nats.
        tokens: into how many the text was cut, at least 1.
        text: the text, not empty.

    Returns:
        Bits per byte; 8 is no knowledge at all.

    Raises:
        ValueError: if ``tokens`` < 1 or ``text`` is empty.
    """
    if tokens < 1:
        raise ValueError(f"tokens must be at least 1, got {tokens}")
    if not text:
        raise ValueError("text must hold at least one character, got ''")
    return nats_per_token * tokens / (math.log(2) * len(text.encode("utf-8")))


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


def quatrain_share(sample: str) -> float:
    """Measure the share, 0 to 1, of a sample's poems that are four lines of seven characters.

    Poems stand between empty lines, as in ``data.text.quatrains_as_text``; the last one counts only if an
    empty line follows it, since the sample may end within it.

    Raises:
        ValueError: if no poem ends in ``sample``.
    """
    poems = sample.split("\n\n")[:-1]
    if not poems:
        raise ValueError(f"sample must hold a poem and the empty line after it, got {sample[:40]!r}")
    return sum([len(line) for line in poem.split("\n")] == [7, 7, 7, 7] for poem in poems) / len(poems)


def unigram_loss(train_ids: Tensor, test_ids: Tensor, vocab_size: int) -> float:
    r"""Unigram baseline: the loss of guessing each token by how often it occurred, whatever came before.

    $$p(t) = \frac{\operatorname{count}(t) + 1}{n + V}$$

    Args:
        train_ids: int64, (n,), counted; each from 0 to V − 1.
        test_ids: int64, (m,), m at least 2, guessed but for the first, as a model's are.
        vocab_size: V.

    Returns:
        Mean over the m − 1 targets of −ln p, nats per token.

    Raises:
        ValueError: if an input is not (n,), too short, or holds an id out of range.

    Source: P. S. Laplace's rule of succession (add one).
    """
    _check("train_ids", train_ids, vocab_size, least=1)
    _check("test_ids", test_ids, vocab_size, least=2)
    log_p = _unigram(train_ids, vocab_size).log()
    return -log_p[test_ids[1:]].mean().item()


def bigram_loss(train_ids: Tensor, test_ids: Tensor, vocab_size: int) -> float:
    r"""Bigram baseline: the loss of guessing each token from the one before it.

    $$p(t \mid s) = \frac{\operatorname{count}(st) + d_s\,p(t)}{\operatorname{count}(s) + d_s}$$

    where d_s is the number of different tokens seen after s, and p(t) the unigram guess: a pair never seen
    falls back on it, the more so the more various the tokens after s are.

    Args:
        train_ids, test_ids, vocab_size: as for ``unigram_loss``, but n at least 2.

    Returns:
        Mean over the m − 1 targets of −ln p, nats per token.

    Raises:
        ValueError: as ``unigram_loss``.

    Source: I. H. Witten and T. C. Bell, "The zero-frequency problem", IEEE Transactions on Information Theory
        37 (4), 1991, method C, interpolated.
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
