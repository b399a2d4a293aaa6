"""Measure an accelerator: precisions, ways to compile, nanoGPT beside ours, attention, memory, digits.

``python -m benchmarks.gpu`` writes ``measurements/benchmarks/gpu.json``; its status is 2 without a GPU.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import gpu_sections as sections
from benchmarks import record
from benchmarks.accelerator import describe
from benchmarks.compilation import regional
from benchmarks.digits_to_target import train_until
from benchmarks.gpu_sections import Setting
from benchmarks.workload import Workload
from course_lib.command_line import OneLineParser
from course_lib.data.digits import load_digits
from course_lib.files import print_in_any_encoding
from course_lib.models.cost import GPTShape
from course_lib.records import RESULTS
from course_lib.runtime import get_device

SMALL = GPTShape(vocab_size=50304, context=1024, d_model=768, heads=12, layers=12)  # GPT-2's sizes
NARROW = GPTShape(vocab_size=1024, context=1024, d_model=512, heads=8, layers=8)
FULL = Setting(
    product=8192,
    work=Workload(SMALL, batch=16, seq=1024),
    attention=(8, 16, 4096, 64),
    memory=(Workload(SMALL, batch=8, seq=1024), Workload(NARROW, batch=16, seq=512)),
    modes={
        "compiled": torch.compile,
        "compiled, reduce-overhead": lambda both: torch.compile(both, mode="reduce-overhead"),
        "compiled, block by block": regional("inductor"),
    },
)
TARGET = 0.99
CODE = ("benchmarks/gpu_sections.py", "benchmarks/workload.py", "course_lib/models/gpt.py")


def measure(
    setting: Setting, device: torch.device, *, digits: str = "embedded", most_epochs: int = 60
) -> dict[str, Any]:
    """Run every section.

    Args:
        setting: how large, how often.
        device: where.
        digits: ``"embedded"`` or ``"full"``, as for ``load_digits``.
        most_epochs: of training on digits.

    Returns:
        The sections' results, by name.
    """
    found: dict[str, Any] = {"products": sections.products(setting, device)}
    fastest = max(row["tflops"]["candidate"] for row in found["products"] if row["candidate"] == "bf16")
    for name in ("precisions", "modes", "peers", "attention", "memory"):
        print(f"{name} …", file=sys.stderr)
        found[name] = getattr(sections, name)(setting, device)
    found["utilisation"] = sections.utilisation(setting, device, fastest)
    train, test = (load_digits(split, source=digits) for split in ("train", "test"))
    found["digits"] = {
        "source": digits,
        **train_until(TARGET, train, test, device, most_epochs=most_epochs),
    }
    return found


def main(
    arguments: Sequence[str] | None = None,
    *,
    device: torch.device | None = None,
    setting: Setting = FULL,
    most_epochs: int = 60,
) -> None:
    """Measure and write; a device, sizes and epochs may be given instead, for tests."""
    parser = OneLineParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--digits", choices=("embedded", "full"), default="embedded")
    parser.add_argument("--output", type=Path, default=RESULTS / "gpu.json")
    options = parser.parse_args(arguments)
    where = get_device() if device is None else device
    if device is None and where.type == "cpu":
        parser.error("no accelerator on this machine: nothing measured, nothing written")
    command = "python -m benchmarks.gpu" + (" --digits full" if options.digits == "full" else "")
    found = measure(setting, where, digits=options.digits, most_epochs=most_epochs)
    record.write(options.output, command, CODE, {"accelerator": describe(where), **found})


if __name__ == "__main__":
    print_in_any_encoding()
    main()
