"""The operations a call consists of, by torch's profiler: the part of its table that never changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch.profiler import ProfilerActivity, profile


def count_calls(function: Callable[[], object]) -> dict[str, int]:
    """Profile a call and count the operations it made, on the CPU's side.

    Args:
        function: what to watch; takes no argument, its result is dropped.

    Returns:
        Calls by operation, such as ``"aten::addmm"``; an operation made of others counts beside them.

    Raises:
        TypeError: if ``function`` cannot be called.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    with _without_notices(), profile(activities=[ProfilerActivity.CPU]) as profiler:
        function()
    return {event.key: event.count for event in profiler.key_averages()}


@contextmanager
def _without_notices() -> Iterator[None]:
    """Drop what the profiler's library prints on its own account, with times and process numbers."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
