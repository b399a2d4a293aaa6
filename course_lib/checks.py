"""Input checks of the models: sizes below 1, and token ids that the embedding does not have."""

import torch
from torch import Tensor


def check_sizes(**sizes: int) -> None:
    """Refuse a size below 1 with a ``ValueError`` that bears its name."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")


def check_ids(ids: Tensor, vocab_size: int, name: str = "ids") -> None:
    """Refuse ids that are not from 0 to vocab_size − 1, before they are looked up.

    The lookup itself would raise an ``IndexError`` on the CPU only. On CUDA it ends in a device-side assert,
    after which the process can no longer use the device, and on Apple GPUs in wrong numbers. The price is
    that the smallest and the largest id are fetched: on an accelerator the host waits for the device, once
    per call. In a graph that ``torch.compile`` or ``torch.export`` traces, and on ``meta``,
    nothing is checked.

    Args:
        ids: int, any shape, at least one of them.
        vocab_size: at least 1.
        name: of the parameter, for the message.

    Raises:
        ValueError: if an id is out of range; names the smallest and the largest.
    """
    if ids.is_meta or torch.compiler.is_compiling():
        return
    lowest, highest = torch.stack([ids.min(), ids.max()]).tolist()
    if lowest < 0 or highest >= vocab_size:
        raise ValueError(f"{name} must be from 0 to {vocab_size - 1}, got {lowest} … {highest}")
