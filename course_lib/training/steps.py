"""The training step: AdamW's parameter groups, warm-up and cosine schedule, clipping, the update.

A loop reads

    for step in scheduled(optimizer, steps=1000, warmup=100):
        loss = ...
        finite(loss, step)
        descend(loss, parameters, optimizer)

and adds what is its own: where batches come from, what the loss is, what is measured and kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from course_lib.foundations.schedules import cosine

WARMUP_SHARE = 0.1
"""Of the updates of a fine-tuning run: the learning rate rises from 0 during these."""


def adamw(
    parameters: Iterable[nn.Parameter], *, learning_rate: float, weight_decay: float
) -> torch.optim.AdamW:
    """Make AdamW with β = (0.9, 0.95) as language models use it: matrices decay, biases and norms do not.

    ``fused=True`` updates a whole list of tensors in one call, on the CPU too.

    Args:
        parameters: of the model.
        learning_rate: above 0.
        weight_decay: λ of the decoupled decay, a fraction of the learning rate, at least 0.

    Returns:
        The optimiser, with two groups.
    """
    known = list(parameters)
    groups = [
        {"params": [p for p in known if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in known if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95), fused=True)


def scheduled(
    optimizer: torch.optim.Optimizer,
    *,
    steps: int,
    warmup: int,
    lowest: float = 0.0,
    start: int = 0,
    rates: Sequence[float] | None = None,
) -> Iterator[int]:
    """Count the steps of a run, and before each set its learning rate: linear warm-up, then a cosine.

    Args:
        optimizer: its groups' learning rates are set.
        steps: updates in all.
        warmup: updates in which the rate rises from 0, below ``steps``.
        lowest: share of the highest rate that is left at the end, from 0 to 1.
        start: the step to go on from.
        rates: the highest rate of each group; those that the optimiser has, if left out.

    Yields:
        ``start``, …, ``steps`` − 1.
    """
    highest = rates or [group["lr"] for group in optimizer.param_groups]
    for step in range(start, steps):
        factor = cosine(step + 1, total=steps + 1, warmup=warmup, lowest=lowest)
        for group, rate in zip(optimizer.param_groups, highest, strict=True):
            group["lr"] = rate * factor
        yield step


def finite(loss: Tensor, step: int) -> float:
    """The loss as a number, checked to be finite.

    Args:
        loss: a scalar.
        step: from 0.

    Raises:
        FloatingPointError: if it is NaN or infinite; names the update, from 1.
    """
    value = loss.item()
    if not math.isfinite(value):
        raise FloatingPointError(f"the loss is {value} at update {step + 1}: it diverged")
    return value


def descend(
    loss: Tensor,
    parameters: Sequence[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    *,
    clip_norm: float | None = 1.0,
) -> None:
    """Make one update: old gradients dropped, backward, the gradient clipped, a step.

    Args:
        loss: a scalar with a graph.
        parameters: whose gradient, as one vector, is clipped.
        optimizer: holds them.
        clip_norm: longest gradient, above 0, or ``None``.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters, clip_norm)
    optimizer.step()
