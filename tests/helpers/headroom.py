"""How much of its tolerance each comparison of the tests uses, on the processor at hand.

With HEADROOM set to a folder, every process of the tests leaves a JSON file there: for each line that calls
`torch.testing.assert_close` or compares with `pytest.approx`, the largest share of its tolerance used.
A share near 1 is a tolerance fitted to one machine. tests/elsewhere.py sets it, and shows the largest.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._pytree import tree_leaves

ROOT = Path(__file__).resolve().parents[2]
ApproxScalar = type(pytest.approx(0.0))
DEFAULTS = {torch.float32: (1.3e-6, 1e-5), torch.float64: (1e-7, 1e-7), torch.float16: (1e-3, 1e-5)}
"""assert_close's (rtol, atol) where a test names neither."""


class Meter:
    """A pytest plugin: wraps the two comparisons, and writes what it saw when the session ends."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.used = folder, {}
        self.undo = pytest.MonkeyPatch()

    def note(self, share: float) -> None:
        """Keep the largest share of the line of the tests that is being run."""
        frame = sys._getframe(2)
        while frame and not frame.f_code.co_filename.startswith(str(ROOT / "tests")):
            frame = frame.f_back
        if frame and not frame.f_code.co_filename.endswith("headroom.py"):
            line = f"{Path(frame.f_code.co_filename).relative_to(ROOT).as_posix()}:{frame.f_lineno}"
            self.used[line] = max(self.used.get(line, 0.0), share)

    def assert_close(self, original: Callable) -> Callable:
        """`torch.testing.assert_close`, noted after it has passed."""

        def noted(actual: Any, expected: Any, *args: Any, **kwargs: Any) -> None:
            original(actual, expected, *args, **kwargs)
            for a, b in zip(tree_leaves(actual), tree_leaves(expected), strict=True):
                a, b = torch.as_tensor(a).detach(), torch.as_tensor(b).detach()
                if not a.is_floating_point() or not a.numel():
                    continue
                rtol, atol = DEFAULTS.get(a.dtype, (0.0, 0.0))
                rtol, atol = kwargs.get("rtol", rtol), kwargs.get("atol", atol)
                a, b = a.double().to_dense(), b.double().to_dense()
                gap = (a - b).abs()
                gap = torch.where(gap.isfinite() & (gap > 0), gap / (atol + rtol * b.abs()), 0.0)
                self.note(gap.max().item())

        return noted

    def equal(self, original: Callable) -> Callable:
        """`pytest.approx`'s comparison of two numbers, noted where it holds."""

        def noted(approximate: ApproxScalar, actual: Any) -> bool:
            answer = original(approximate, actual)
            if answer and isinstance(actual, int | float) and isinstance(approximate.expected, int | float):
                gap = abs(actual - approximate.expected)
                if 0 < gap < float("inf"):
                    self.note(gap / approximate.tolerance)
            return answer

        return noted

    def pytest_sessionstart(self) -> None:
        """Put the wrapped comparisons in place."""
        self.undo.setattr(torch.testing, "assert_close", self.assert_close(torch.testing.assert_close))
        self.undo.setattr(ApproxScalar, "__eq__", self.equal(ApproxScalar.__eq__))

    def pytest_sessionfinish(self) -> None:
        """Undo that and write the file."""
        self.undo.undo()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{os.getpid()}.json").write_text(json.dumps(self.used), encoding="utf-8")


def largest(folder: Path) -> list[tuple[float, str]]:
    """What the files of a folder hold: (share, line), the largest share first."""
    used: dict[str, float] = {}
    for file in folder.glob("*.json"):
        for line, share in json.loads(file.read_text(encoding="utf-8")).items():
            used[line] = max(used.get(line, 0.0), share)
    return sorted(((share, line) for line, share in used.items()), reverse=True)
