"""Input checks: numbers below their least, tensors that are not floating-point, ids the embedding lacks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def check_sizes(**sizes: int) -> None:
    """Refuse a size below 1 with a ``ValueError`` that bears its name."""
    check_at_least(1, **sizes)


def check_at_least(least: float, **values: float) -> None:
    """Refuse a number below ``least``, or NaN, with a ``ValueError`` that bears its name."""
    for name, value in values.items():
        if not value >= least:
            raise ValueError(f"{name} must be at least {least}, got {value}")


def check_ints(least: int, **values: int) -> None:
    """As ``check_at_least``, and refuse anything but an ``int``, a ``bool`` too."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be an int of at least {least}, got {value!r}")


def check_floating(**tensors: Tensor) -> None:
    """Refuse anything but a floating-point tensor with a ``TypeError`` that bears its name."""
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise TypeError(f"{name} must be a floating-point tensor, got {kind}")


def check_tensors(name: str, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Refuse weights whose names or shapes are not those of ``wanted``, a model's; says what differs."""
    lack, more = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if lack or more:
        raise ValueError(f"{name} must hold the model's tensors, lack {lack}, hold besides {more}")
    for key, tensor in found.items():
        if tensor.shape != wanted[key].shape:
            shape = tuple(wanted[key].shape)
            raise ValueError(f"{name}: {key} must be {shape} as in the model, got {tuple(tensor.shape)}")


def check_ids(ids: Tensor, vocab_size: int, name: str = "ids") -> None:
    """Refuse ids that are not from 0 to vocab_size − 1, before they are looked up: a ``ValueError``.

    The lookup itself would raise an ``IndexError`` on the CPU only. On CUDA it ends in a device-side assert,
    after which the process can no longer use the device, and on Apple GPUs in wrong numbers. The price is
    that the smallest and the largest id are fetched: on an accelerator the host waits for the device, once
    per call. In a graph that ``torch.compile`` or ``torch.export`` traces, and on ``meta``,
    nothing is checked.
    """
    if ids.is_meta or torch.compiler.is_compiling():
        return
    lowest, highest = torch.stack([ids.min(), ids.max()]).tolist()
    if lowest < 0 or highest >= vocab_size:
        raise ValueError(f"{name} must be from 0 to {vocab_size - 1}, got {lowest} … {highest}")


def check_token_ids(ids: Tensor, vocab_size: int, name: str = "ids") -> None:
    """Refuse what is not int64 or int32 (``TypeError``), (batch, seq) and not empty, and as ``check_ids``."""
    if not isinstance(ids, Tensor) or ids.dtype not in (torch.int64, torch.int32):
        kind = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise TypeError(f"{name} must be int64 or int32, got {kind}")
    if ids.ndim != 2 or 0 in ids.shape:
        raise ValueError(f"{name} must be (batch, seq), neither of them 0, got {tuple(ids.shape)}")
    check_ids(ids, vocab_size, name)
