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

    ``weight_decay`` is λ of the decoupled decay, a fraction of the learning rate. ``fused=True`` updates a
    whole list of tensors in one call, on the CPU too.
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
    """Count a run's steps, ``start`` … ``steps`` − 1, and before each set the optimiser's learning rates.

    They rise from 0 in ``warmup`` updates, below ``steps``, and fall along a cosine to the share ``lowest``
    of the highest: ``rates``, one per group, or what the optimiser has.
    """
    highest = rates or [group["lr"] for group in optimizer.param_groups]
    for step in range(start, steps):
        factor = cosine(step + 1, total=steps + 1, warmup=warmup, lowest=lowest)
        for group, rate in zip(optimizer.param_groups, highest, strict=True):
            group["lr"] = rate * factor
        yield step


def finite(loss: Tensor, step: int) -> float:
    """The loss as a number; ``FloatingPointError`` if it is NaN or infinite, names the update, from 1."""
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

    The gradient of ``parameters``, as one vector, is cut to ``clip_norm``, above 0, or left as it is.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters, clip_norm)
    optimizer.step()
