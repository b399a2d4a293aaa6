"""How well a language model does: its loss in nats and bits per byte, and what its samples look like."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.text.windows import consecutive_windows

_WORD = re.compile(r"[A-Za-z]+")


@torch.no_grad()
def model_loss(model: nn.Module, ids: Tensor, *, context: int, batch_size: int = 16) -> float:
    r"""Measure a model's mean loss on a row of ids, read in windows side by side.

    $$L = -\frac{1}{n - 1} \sum_{i=2}^{n} \ln p(t_i \mid \text{the tokens before it in its window})$$

    The model is in eval mode meanwhile, and afterwards in the mode it came in.

    Args:
        model: ids (batch, seq) to logits (batch, seq, vocabulary).
        ids: int64, (n,), n at least 2.
        context: tokens a window, at least 1.
        batch_size: windows a call, at least 1.

    Returns:
        L, nats a token.

    Raises:
        ValueError: as ``consecutive_windows``.

    Taught in: "Pretraining a GPT".
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
    r"""Turn a loss a token into one that does not depend on the tokenizer.

    $$\text{bits per byte} = \frac{L \cdot \text{tokens}}{\ln 2 \cdot \text{bytes of the text in UTF-8}}$$

    Args:
        nats_per_token: L, mean loss, nats.
        tokens: into how many the text was cut, at least 1.
        text: the text, not empty.

    Returns:
        Bits a byte; 8 is no knowledge at all.

    Raises:
        ValueError: if ``tokens`` < 1 or ``text`` is empty.

    Taught in: "Pretraining a GPT".
    """
    if tokens < 1:
        raise ValueError(f"tokens must be at least 1, got {tokens}")
    if not text:
        raise ValueError("text must hold at least one character, got ''")
    return nats_per_token * tokens / (math.log(2) * len(text.encode("utf-8")))


def words(text: str) -> list[str]:
    """Find the words of an English text: runs of letters A–Z, in small letters.

    Args:
        text: any string.

    Returns:
        The words in order, repeats included.

    Taught in: "Pretraining a GPT".
    """
    return [word.lower() for word in _WORD.findall(text)]


def known_word_share(sample: str, vocabulary: Collection[str]) -> float:
    """Measure the share of a sample's words that a vocabulary knows.

    Args:
        sample: a text with at least one word.
        vocabulary: words in small letters, best a set; e.g. ``set(words(corpus))``.

    Returns:
        From 0 to 1.

    Raises:
        ValueError: if ``sample`` holds no word.

    Taught in: "Pretraining a GPT".
    """
    found = words(sample)
    if not found:
        raise ValueError(f"sample must hold at least one word, got {sample[:40]!r}")
    return sum(word in vocabulary for word in found) / len(found)


def quatrain_share(sample: str) -> float:
    """Measure the share of a sample's poems that are four lines of seven characters.

    Poems stand between empty lines, as in ``data.text.quatrains_as_text``; the last one counts only if an
    empty line follows it, since the sample may end within it.

    Args:
        sample: a text with at least one whole poem.

    Returns:
        From 0 to 1.

    Raises:
        ValueError: if no poem ends in ``sample``.

    Taught in: "Pretraining a GPT".
    """
    poems = sample.split("\n\n")[:-1]
    if not poems:
        raise ValueError(f"sample must hold a poem and the empty line after it, got {sample[:40]!r}")
    return sum([len(line) for line in poem.split("\n")] == [7, 7, 7, 7] for poem in poems) / len(poems)
