"""Evaluating a language model: cross-entropy in nats, bits per byte, n-gram baselines, and its poems."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_at_least, check_ids, check_sizes


def consecutive_windows(
    ids: Tensor, *, context: int, batch_size: int = 16
) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut a row of ids, (n,), n at least 2, into windows side by side: each but the first is a target once.

    Yields ``(inputs, targets)``, int64, (batch, seq) each; the last window may be shorter than ``context``.
    """
    check_sizes(context=context, batch_size=batch_size)
    if ids.ndim != 1 or len(ids) < 2:
        raise ValueError(f"ids must be (n,) with n at least 2, got {tuple(ids.shape)}")
    inputs, targets = ids[:-1], ids[1:]
    whole = len(inputs) // context * context
    if whole:
        rows = zip(
            inputs[:whole].view(-1, context).split(batch_size),
            targets[:whole].view(-1, context).split(batch_size),
            strict=True,
        )
        yield from rows
    if whole < len(inputs):
        yield inputs[None, whole:], targets[None, whole:]


@torch.no_grad()
def model_loss(model: nn.Module, ids: Tensor, *, context: int, batch_size: int = 16) -> float:
    r"""Measure a model's mean cross-entropy L, nats per token, on a row of ids, int64 (n,), n at least 2.

    $$L = -\frac{1}{n - 1} \sum_{i=2}^{n} \ln p(t_i \mid \text{the tokens before it in its window})$$

    The model, ids (batch, seq) to logits (batch, seq, vocabulary), reads windows of ``context`` tokens side
    by side, ``batch_size`` at a time. It is in eval mode meanwhile, and afterwards in the mode it came in.
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
    r"""Bits per byte: turn a loss L per token into one that does not depend on the tokenizer.

    $$\text{bits per byte} = \frac{L \cdot \text{tokens}}{\ln 2 \cdot \text{bytes of the text in UTF-8}}$$

    8 is no knowledge at all. ``ValueError`` if there are no tokens, or no text that was cut into them.
    """
    check_at_least(1, tokens=tokens)
    if not text:
        raise ValueError("text must hold at least one character, got ''")
    return nats_per_token * tokens / (math.log(2) * len(text.encode("utf-8")))


def quatrain_share(sample: str) -> float:
    """Measure the share, 0 to 1, of a sample's poems that are four lines of seven characters.

    Poems stand between empty lines, as in ``data.text.quatrains_as_text``; the last one counts only if an
    empty line follows it, since the sample may end within it. ``ValueError`` if no poem ends in ``sample``.
    """
    poems = sample.split("\n\n")[:-1]
    if not poems:
        raise ValueError(f"sample must hold a poem and the empty line after it, got {sample[:40]!r}")
    return sum([len(line) for line in poem.split("\n")] == [7, 7, 7, 7] for poem in poems) / len(poems)


def unigram_loss(train_ids: Tensor, test_ids: Tensor, vocab_size: int) -> float:
    r"""Unigram baseline: the loss of guessing each token by how often it occurred, whatever came before.

    $$p(t) = \frac{\operatorname{count}(t) + 1}{n + V}$$

    It is the mean of −ln p, nats per token, over ``test_ids``, int64 (m,), m at least 2, but for the first,
    which no model guesses; ``train_ids``, (n,), are counted. ``ValueError`` if an input is another or too
    short, or an id is not from 0 to V − 1, V = ``vocab_size``.

    Source: P. S. Laplace's rule of succession (add one).
    """
    _check("train_ids", train_ids, vocab_size, least=1)
    _check("test_ids", test_ids, vocab_size, least=2)
    log_p = _unigram(train_ids, vocab_size).log()
    return -log_p[test_ids[1:]].mean().item()


def bigram_loss(train_ids: Tensor, test_ids: Tensor, vocab_size: int) -> float:
    r"""Bigram baseline: the loss of guessing each token from the one before it; else as ``unigram_loss``.

    $$p(t \mid s) = \frac{\operatorname{count}(st) + d_s\,p(t)}{\operatorname{count}(s) + d_s}$$

    where d_s is the number of different tokens seen after s, and p(t) the unigram guess: a pair never seen
    falls back on it, the more so the more various the tokens after s are.

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


def _unigram(ids: Tensor, vocab_size: int) -> Tensor:
    counts = torch.bincount(ids, minlength=vocab_size).double()
    return (counts + 1) / (len(ids) + vocab_size)


def _check(name: str, ids: Tensor, vocab_size: int, *, least: int) -> None:
    if ids.ndim != 1 or len(ids) < least:
        raise ValueError(f"{name} must be (n,) with n at least {least}, got {tuple(ids.shape)}")
    check_ids(ids, vocab_size, name)
