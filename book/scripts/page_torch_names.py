"""Write torch's public names into page_torch, which says of those it lacks that they are not in the page."""

from __future__ import annotations

import base64
import importlib
import re
import zlib
from pathlib import Path
from types import ModuleType

import torch

PATH = Path(__file__).resolve().parents[1] / "page_torch" / "names.py"
HOMES = (
    "torch",
    "torch.Tensor",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.nn.Module",
    "torch.linalg",
    "torch.optim",
    "torch.func",
)
OTHER = re.compile(r"^_|(Type|Storage|Tensor|_copy|_)$")  # types of old, and what ends as another name does

MODULES = ("distributed", "distributions", "export", "fft", "jit", "onnx", "profiler", "sparse", "special")


def _is_module(found: object, name: str) -> bool:
    """Whether a name is a module's: which of them there are depends on what was imported."""
    return isinstance(getattr(found, name, None), ModuleType)


def packed() -> str:
    """The table's source: every public name, by module."""
    lines = []
    for home in HOMES:
        found = {"torch.Tensor": torch.Tensor, "torch.nn.Module": torch.nn.Module}.get(
            home
        ) or importlib.import_module(home)
        lines.append(
            f"{home}: " + " ".join(sorted(n for n in dir(found) if not n.startswith("_") and n.isascii()))
        )
    text = base64.b85encode(zlib.compress("\n".join(lines).encode(), 9)).decode()
    return "".join(f'    "{text[at : at + 104]}"\n' for at in range(0, len(text), 104))


if __name__ == "__main__":
    head = PATH.read_text("utf-8").partition("PACKED = (\n")[0]
    PATH.write_text(f"{head}PACKED = (\n{packed()})\n", "utf-8")
