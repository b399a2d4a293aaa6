"""What exercises draw their inputs from: their own generator, never the global one."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def integer(generator: Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=generator))


def float64(generator: Generator, *shape: int) -> Tensor:
    """Standard normal numbers in double precision, of the given shape."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)
