"""The accelerator a benchmark runs on: what it is, and how many bytes it holds."""

from __future__ import annotations

import itertools
import subprocess
from collections import Counter
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.runtime import synchronise

# Dense bfloat16 matrix products in 10¹² operations a second, from the makers' data sheets.
DATA_SHEET = {
    "NVIDIA A100": 312.0,
    "NVIDIA H100 80GB HBM3": 989.4,
    "NVIDIA H100 PCIe": 756.0,
    "NVIDIA H200": 989.4,
}


def describe(device: torch.device) -> dict[str, str | int | float | None]:
    """Say what the device is.

    Args:
        device: the CPU, for tests, or an accelerator.

    Returns:
        ``name``, ``driver``, ``runtime`` (the CUDA or ROCm version torch was built for), ``memory_bytes`` and
        ``data_sheet_tflops``, the last three ``None`` where unknown.
    """
    unknown = {"runtime": None, "memory_bytes": None, "data_sheet_tflops": None}
    if device.type == "cpu":
        return {"name": "CPU", "driver": "none", **unknown}
    if device.type != "cuda":
        return {"name": device.type, "driver": "unknown", **unknown}
    properties = torch.cuda.get_device_properties(device)
    known = [value for name, value in DATA_SHEET.items() if properties.name.startswith(name)]
    return {
        "name": properties.name,
        "driver": _driver(),
        "runtime": torch.version.cuda or torch.version.hip,
        "memory_bytes": properties.total_memory,
        "data_sheet_tflops": known[0] if known else None,
    }


def _driver() -> str:
    question = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(question, capture_output=True, encoding="utf-8", check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return answer.stdout.split("\n")[0].strip() or "unknown"


def allocated(device: torch.device) -> int:
    """Count the bytes of all tensors that live on an accelerator now."""
    synchronise(device)
    return torch.accelerator.memory_allocated(device)


class _OwnMemory(TorchDispatchMode):
    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device, self.most = device, Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        before = torch.accelerator.memory_allocated(self.device)
        torch.accelerator.reset_peak_memory_stats(self.device)
        result = func(*args, **(kwargs or {}))
        most = torch.accelerator.max_memory_allocated(self.device)
        own = most - max(before, torch.accelerator.memory_allocated(self.device))
        self.most[str(func)] = max(self.most[str(func)], own)
        return result


def kernels_own(call: Callable[[], object], device: torch.device, count: int = 3) -> dict[str, int]:
    """Find the operations that take most memory for themselves: it is there while they run, and not after.

    Args:
        call: what to watch, its backward pass included.
        device: an accelerator.
        count: how many to name.

    Returns:
        Bytes by operation, the most first; those that take none are left out.
    """
    with _OwnMemory(device) as watch:
        call()
    return {name: size for name, size in watch.most.most_common(count) if size}


def most_allocated(call: Callable[[], object], device: torch.device) -> int:
    """Count the most bytes that live together during a call, beyond those that lived before.

    On an accelerator its allocator keeps count. On the CPU torch's profiler notes every change; now and then
    it loses one, so its books must end where the call does, with nothing left.

    Args:
        call: what to watch; on the CPU it must leave nothing behind.
        device: where.

    Returns:
        Bytes.

    Raises:
        RuntimeError: if on the CPU the books do not come out even in five tries.
    """
    if device.type != "cpu":
        before = allocated(device)
        torch.accelerator.reset_peak_memory_stats(device)
        call()
        synchronise(device)
        return torch.accelerator.max_memory_allocated(device) - before
    for _ in range(5):
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            call()
        events = [each for each in profiler.profiler.kineto_results.events() if each.name() == "[memory]"]
        changes = [each.nbytes() for each in sorted(events, key=lambda each: each.start_ns())]
        if sum(changes) == 0:
            return max(itertools.accumulate(changes), default=0)
    raise RuntimeError(f"the profiler's books end with {sum(changes)} bytes, expected 0")
