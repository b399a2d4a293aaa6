"""Loss and score of models that write one sequence for another; `training.loop.fit` trains them."""

from __future__ import annotations

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor, nn

PAD = 0


def token_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Mean cross-entropy a token, padding left out, every *text* counted alike.

    $$L = \frac1B \sum_{b=1}^{B} \frac{1}{n_b} \sum_{t=1}^{n_b} -\ln p_b(y_{b,t})$$

    with n_b real tokens in text b. Where all texts are equally long it is F.cross_entropy over all tokens.

    Args:
        logits: floating, (batch, t, vocab).
        targets: int64, (batch, t), padded with 0; each row starts with a real token.

    Returns:
        (), in nats a token.

    Raises:
        ValueError: if ``logits`` is not ``targets``' shape and one more dimension, or a text is empty.

    Taught in: "Sequences".
    """
    if logits.ndim != 3 or logits.shape[:2] != targets.shape:
        raise ValueError(
            f"logits must be (batch, t, vocab) for targets (batch, t), got {tuple(logits.shape)} "
            f"and {tuple(targets.shape)}"
        )
    tokens = (targets != PAD).sum(dim=1)
    if not tokens.all():
        raise ValueError(f"targets must hold a real token in each row, row {int(tokens.argmin())} is padding")
    losses = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=PAD, reduction="none")
    return (losses.sum(dim=1) / tokens).mean()


def exact_match(
    model: nn.Module, batches: Iterable[tuple[Tensor, ...]], *, start: int = 1, end: int = 2
) -> float:
    """Measure the share of texts written without a single wrong token, from the first to ``end``.

    Args:
        model: has ``translate(source, lengths, start=, end=, max_new_tokens=)``; left in its mode.
        batches: each ``(source, lengths, target_in, target_out)``, as for training.
        start: the token that stands before a text.
        end: the token that ends it.

    Returns:
        0 … 1, over all texts.

    Raises:
        ValueError: if ``batches`` yields nothing.

    Taught in: "Sequences".
    """
    was_training = model.training
    model.eval()
    right, texts = 0, 0
    for source, lengths, _, target in batches:
        written = model.translate(source, lengths, start=start, end=end, max_new_tokens=target.shape[1])
        written = F.pad(written, (0, target.shape[1] - written.shape[1]), value=end)
        right += int(((written == target) | (target == PAD)).all(dim=1).sum())
        texts += len(target)
    model.train(was_training)
    if texts == 0:
        raise ValueError("batches must hold at least one text, it yielded none")
    return right / texts
