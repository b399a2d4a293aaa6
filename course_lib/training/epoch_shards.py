"""Which examples a process sees in an epoch: one order for all, and every n-th place of it for each."""

from __future__ import annotations

import torch
from torch import Tensor


def epoch_shard(
    examples: int, *, epoch: int, rank: int, size: int, seed: int = 0, pad: bool = True
) -> Tensor:
    """Draw an epoch's order, the same on every process, and take one process's places of it.

    The order is that of a generator seeded with ``seed + epoch``, as in
    ``torch.utils.data.DistributedSampler`` after ``set_epoch``: without the epoch each pass would repeat the
    first one's order.

    Args:
        examples: how many there are, at least 1.
        epoch: at least 0.
        rank: from 0 to ``size`` − 1.
        size: processes, at least 1.
        seed: at least 0, the same everywhere.
        pad: begin again at the order's start until all shares are equally long, so that some examples are
            seen twice. Without it shares differ by at most one, and their gradients must be weighted.

    Returns:
        int64, (⌈examples / size⌉,) with ``pad``: indices of examples.

    Raises:
        ValueError: if a number is out of range.

    Taught in: "More than one device".
    """
    for name, value, least in (
        ("examples", examples, 1),
        ("epoch", epoch, 0),
        ("size", size, 1),
        ("seed", seed, 0),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if not 0 <= rank < size:
        raise ValueError(f"rank must lie in 0 … {size - 1}, got {rank}")
    generator = torch.Generator().manual_seed(seed + epoch)
    order = torch.randperm(examples, generator=generator)
    if pad:
        whole = -(-examples // size) * size
        order = order.repeat(-(-whole // examples))[:whole]
    return order[rank::size]
