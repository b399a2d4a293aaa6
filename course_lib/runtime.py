"""Seed, device and benchmark timing: what every notebook sets up before its first tensor."""

import importlib.util
import random
import statistics
import time
from collections.abc import Callable

import torch


def set_seed(seed: int) -> None:
    """Seed every random number generator the book draws from: Python's, torch's, and NumPy's where it is.

    ``seed`` is an ``int`` (else ``TypeError``) from 0 to 2³² − 1 (else ``ValueError``), NumPy's largest.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed must be an int, got {seed!r} of type {type(seed).__name__}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must lie in 0 … 2**32 - 1, got {seed}")
    random.seed(seed)
    torch.manual_seed(seed)
    if importlib.util.find_spec("numpy"):
        import numpy as np

        np.random.seed(seed)  # noqa: NPY002  the global generator is the one a reader's np.random call uses


def get_device(preference: str | None = None) -> torch.device:
    """Name the device to compute on: the one asked for, else an accelerator that is there, else the CPU.

    A CUDA build of torch on a machine without a GPU still answers ``cuda`` to
    ``torch.accelerator.current_accelerator()``, so availability is asked first. ``preference`` is
    ``None``, or a device such as ``"cpu"``, ``"cuda"``, ``"cuda:0"`` or ``"mps"`` (else ``TypeError``);
    ``ValueError`` if torch knows no such device, or this machine does not have it.
    """
    if preference is not None and not isinstance(preference, str):
        raise TypeError(f"preference must be a string or None, got {preference!r}")
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if preference is None:
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(preference)
    except RuntimeError as error:
        raise ValueError(f"preference must name a torch device, got {preference!r}") from error
    present = ["cpu"] if accelerator is None else ["cpu", accelerator.type]
    if device.type not in present:
        raise ValueError(f"preference {preference!r} is not on this machine; it has {', '.join(present)}")
    if device.type != "cpu" and (device.index or 0) >= torch.accelerator.device_count():
        raise ValueError(
            f"preference {preference!r} asks for device {device.index}, "
            f"this machine has {torch.accelerator.device_count()}"
        )
    return device


def time_call(
    function: Callable[[], object],
    *,
    repeats: int = 5,
    warmup: int = 1,
    device: torch.device | str | None = None,
) -> float:
    """Time a call: the median of several, after warm-up, waiting for the accelerator to finish each time.

    An accelerator runs asynchronously: without the wait the clock stops when the work is queued, not when it
    is done. The work runs on ``device``, ``None`` meaning ``get_device()``; ``warmup`` calls go untimed
    (caches, allocator, compilation). Gives seconds; ``TypeError`` if ``function`` cannot be called,
    ``ValueError`` if ``repeats`` < 1 or ``warmup`` < 0.
    """
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    if warmup < 0:
        raise ValueError(f"warmup must be at least 0, got {warmup}")
    where = get_device() if device is None else torch.device(device)
    for _ in range(warmup):
        function()
    times = []
    for _ in range(repeats):
        synchronise(where)
        start = time.perf_counter()
        function()
        synchronise(where)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def synchronise(device: torch.device) -> None:
    """Wait until a device has done what it was given; the CPU has, always."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
