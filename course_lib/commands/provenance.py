"""What a measured number depends on besides the code: the machine and the versions."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from course_lib.runtime import get_device


def machine() -> dict[str, str | int]:
    """Describe where a number was measured.

    Returns:
        ``processor``, ``cores``, ``threads`` (torch's), ``device``, ``system``, ``python`` and ``torch``.

    Taught in: "Pretraining a GPT".
    """
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": str(get_device()),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
    }
