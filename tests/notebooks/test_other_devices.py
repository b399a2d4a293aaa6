"""Cells that compute on the chosen device, as on a Mac: an Apple GPU, which has no float64."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import notebook_rules as rules
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


class AppleGPU(TorchFunctionMode):
    """Take ``mps`` for a device that is there: compute on the CPU, and stop at float64 in MPS's own words."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        given = tree_leaves((args, kwargs or {}))
        asked = any(isinstance(each, torch.device | str) and str(each) == "mps" for each in given)
        if not asked or func in (torch.device, torch._C._nn._parse_to):  # which only name it
            return func(*args, **(kwargs or {}))
        self.asked += 1
        args, kwargs = tree_map(
            lambda each: "cpu" if isinstance(each, torch.device | str) and str(each) == "mps" else each,
            (args, kwargs or {}),
        )
        found = func(*args, **kwargs)
        if any(isinstance(each, torch.Tensor) and each.dtype == torch.float64 for each in tree_leaves(found)):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return found


def on_the_device(cell) -> bool:
    """Whether a cell uses the name ``device``, not merely an argument of that name."""
    if "raises-exception" in rules.tags(cell):
        return False
    names = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
    return any(name.id == "device" and isinstance(name.ctx, ast.Load) for name in names)


def cells_on_the_device(path: Path) -> list[str]:
    cells = rules.code_cells(nbformat.read(path, as_version=4))
    return [cell.source for cell in cells if not cell.source.startswith("%") and on_the_device(cell)]


def test_some_chapters_compute_on_the_chosen_device():
    assert len([path for path in CHAPTERS if cells_on_the_device(path)]) >= 4


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_cell_asks_the_chosen_device_for_float64(path: Path):
    for source in cells_on_the_device(path):
        names = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
        assert not names & {"float64", "double", "complex128", "cdouble"}, source


@pytest.mark.parametrize("stem", ["01_tensors", "14_gpu_and_compile"])
def test_cells_that_only_move_things_run_as_on_a_mac(stem: str):
    [path] = [each for each in CHAPTERS if each.stem == stem]
    sources = cells_on_the_device(path)
    assert sources
    for source in sources:
        with AppleGPU() as apple:
            exec(source, {"torch": torch, "device": torch.device("mps")})
        assert apple.asked


@pytest.mark.parametrize(
    "ask",
    [
        lambda: torch.nn.Linear(3, 2).to("mps", torch.float64),
        lambda: torch.ones(2, dtype=torch.float64).to(torch.device("mps")),
        lambda: torch.ones(2, dtype=torch.float64, device="mps"),
    ],
)
def test_the_stand_in_refuses_what_a_mac_refuses(ask):
    with AppleGPU(), pytest.raises(TypeError, match="float64"):
        ask()
