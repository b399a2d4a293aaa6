"""Write torch's public names into page_torch, which says of those it lacks that they are not in the page."""

from __future__ import annotations

import argparse
import base64
import importlib
import re
import zlib
from pathlib import Path
from types import ModuleType

import torch

from course_lib.files import print_in_any_encoding

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
    "torch.autograd",
)
CLASSES = {"torch.Tensor": torch.Tensor, "torch.nn.Module": torch.nn.Module}
OTHER = re.compile(r"^_|(Type|Storage|Tensor|_copy)$")  # private names, types of old, and copies of others


def packed() -> str:
    """The table's source: every public name by module, those of torch's own modules below it among them."""
    lines = []
    for home in HOMES:
        found = CLASSES.get(home) or importlib.import_module(home)
        names = {n for n in dir(found) if n.isascii() and not OTHER.search(n)}
        below = {n: part for n in names if isinstance(part := getattr(found, n, None), ModuleType)}
        names -= {n for n, part in below.items() if not part.__name__.startswith("torch.")}
        names = {n for n in names if not (n.endswith("_") and n[:-1] in names)}
        lines.append(f"{home}: " + " ".join(sorted(names)))
    text = base64.b85encode(zlib.compress("\n".join(lines).encode(), 9)).decode()
    return "".join(f'    "{text[at : at + 104]}"\n' for at in range(0, len(text), 104))


def main() -> None:
    """Run the command."""
    print_in_any_encoding()
    argparse.ArgumentParser(description=__doc__).parse_args()
    head = PATH.read_text("utf-8").partition("PACKED = (\n")[0]
    PATH.write_text(f"{head}PACKED = (\n{packed()})\n", "utf-8")
    print(f"{PATH.name}: written")


if __name__ == "__main__":
    main()
