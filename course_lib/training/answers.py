"""Prompts and answers: a language model is asked for the answer's tokens only, never for the prompt's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

NOT_ASKED = -100  # a target that counts for nothing: F.cross_entropy's own mark


def prompts_with_answers(
    prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], *, pad: int = 0
) -> tuple[Tensor, Tensor]:
    """Lay out pairs for training: each position's target is the token after it, if that is an answer's.

    Args:
        prompts: token ids, each at least one.
        answers: as many, each at least one token; the token that ends an answer is one of them.
        pad: what stands behind the shorter rows; any id of the vocabulary will do, as nothing before it sees
            it in a causal model, and it is never a target.

    Returns:
        ``(inputs, targets)``: int64, (batch, seq) each, with seq one less than the longest prompt and answer
        together. Targets are ``NOT_ASKED`` (−100) where the next token belongs to the prompt or to padding.

    Raises:
        ValueError: if there is no pair, not one answer a prompt, or one of them is empty; names its place.

    Taught in: "From language model to assistant, in miniature".
    """
    if len(prompts) != len(answers) or not prompts:
        raise ValueError(
            f"answers must be one for each prompt, got {len(answers)} for {len(prompts)} prompts"
        )
    for name, rows in (("prompts", prompts), ("answers", answers)):
        for place, row in enumerate(rows):
            if len(row) == 0:
                raise ValueError(f"{name} must hold at least one token each, number {place} is empty")
    seq = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True)) - 1
    inputs = torch.full((len(prompts), seq), pad)
    targets = torch.full((len(prompts), seq), NOT_ASKED)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        whole = torch.tensor([*prompt, *answer])
        inputs[row, : len(whole) - 1] = whole[:-1]
        targets[row, len(prompt) - 1 : len(whole) - 1] = whole[len(prompt) :]
    return inputs, targets


def answer_loss(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Cross-entropy of the answers alone, every answer token counted alike.

    $$L = -\frac{1}{\sum_{b,t} m_{b,t}} \sum_{b,t} m_{b,t} \ln p_\theta(y_{b,t} \mid y_{b,<t}), \qquad
      \frac{\partial L}{\partial z_{b,t}} = \frac{m_{b,t}}{\sum m}\,
      (\operatorname{softmax}(z_{b,t}) - e_{y_{b,t}})$$

    with m = 1 where a token is asked for, else 0.

    Args:
        logits: floating, (batch, seq, vocab), in nats.
        targets: int64, (batch, seq), ``NOT_ASKED`` or a token.

    Returns:
        (), in nats a token.

    Raises:
        TypeError: if ``targets`` are not int64.
        ValueError: if the shapes do not fit, a target is neither ``NOT_ASKED`` nor in the vocabulary, or a
            row asks for no token.

    Source: L. Ouyang et al., arXiv:2203.02155, section 3.5 (SFT).
    Taught in: "From language model to assistant, in miniature".
    """
    return -token_log_probabilities(logits, targets).sum() / (targets != NOT_ASKED).sum()


def token_log_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    """The log-probability of each token asked for, ln p(y | what stands before it).

    Args:
        logits: floating, (batch, seq, vocab), in nats.
        targets: int64, (batch, seq), ``NOT_ASKED`` or a token.

    Returns:
        (batch, seq), in nats, at most 0; 0 where nothing is asked.

    Raises:
        TypeError: if ``targets`` are not int64.
        ValueError: if the shapes do not fit, a target is neither ``NOT_ASKED`` nor in the vocabulary, or a
            row asks for no token.

    Taught in: "From language model to assistant, in miniature".
    """
    if targets.dtype != torch.int64:
        raise TypeError(f"targets must be int64, got {targets.dtype}")
    if logits.ndim != 3 or logits.shape[:2] != targets.shape or 0 in logits.shape:
        raise ValueError(
            f"logits must be (batch, seq, vocab) for targets (batch, seq), got {tuple(logits.shape)} "
            f"and {tuple(targets.shape)}"
        )
    asked = targets != NOT_ASKED
    strange = asked & ((targets < 0) | (targets >= logits.shape[2]))
    if strange.any():
        raise ValueError(
            f"targets must be {NOT_ASKED} or from 0 to {logits.shape[2] - 1}, got {int(targets[strange][0])}"
        )
    if not asked.any(dim=1).all():
        raise ValueError(
            f"targets must ask for a token in each row, row {int(asked.any(dim=1).int().argmin())} does not"
        )
    return -F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=NOT_ASKED, reduction="none")


def answer_log_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    r"""The log-probability of each whole answer: $\ln \pi(y \mid x) = \sum_t \ln p(y_t \mid x, y_{<t})$.

    Args:
        logits: floating, (batch, seq, vocab), in nats.
        targets: int64, (batch, seq), ``NOT_ASKED`` or a token.

    Returns:
        (batch,), in nats, at most 0; a sum, not a mean, so a longer answer has more terms below 0.

    Raises:
        TypeError: if ``targets`` are not int64.
        ValueError: as ``token_log_probabilities``.

    Taught in: "From language model to assistant, in miniature".
    """
    return token_log_probabilities(logits, targets).sum(dim=1)
