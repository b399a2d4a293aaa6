"""Rows of different lengths in one tensor: which entries are real and which are padding."""

from __future__ import annotations

import torch
from torch import Tensor


def real_tokens(lengths: Tensor, seq: int | None = None) -> Tensor:
    """Mark what is real: real[b, j] = (j < lengths[b]).

    Args:
        lengths: int, (batch,), each 1 … seq.
        seq: positions a row; ``None`` means the longest.

    Returns:
        bool, (batch, seq).

    Raises:
        TypeError: if ``lengths`` is not an int tensor.
        ValueError: if ``lengths`` is not one-dimensional or is empty, or a length leaves 1 … seq.

    Taught in: "Sequences".
    """
    if not isinstance(lengths, Tensor) or lengths.is_floating_point() or lengths.dtype == torch.bool:
        kind = lengths.dtype if isinstance(lengths, Tensor) else type(lengths).__name__
        raise TypeError(f"lengths must be an int tensor, got {kind}")
    if lengths.ndim != 1 or len(lengths) == 0:
        raise ValueError(f"lengths must be (batch,) with at least one entry, got {tuple(lengths.shape)}")
    longest = int(lengths.max())
    seq = longest if seq is None else seq
    if lengths.min() < 1 or longest > seq:
        raise ValueError(f"lengths must lie in 1 … {seq}, got {lengths.tolist()}")
    return torch.arange(seq, device=lengths.device) < lengths[:, None]
