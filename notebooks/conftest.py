"""How the tests run notebooks: as in JupyterLab, each cell counted and remembered.

Drawings are compared as an eye would: on which side of a rounding boundary a point
falls depends on the processor.

nbval asks its kernel to forget every cell. IPython looks into that memory for the
semicolon that silences a cell's last value, so without it every figure would grow a
line of text. The memory stays in the kernel's process: nothing is written to the
reader's own IPython history.
"""

from __future__ import annotations

import copy
import functools
import os
import re

import nbval.kernel
import nbval.plugin
import pytest

NUMBER = re.compile(r"-?\d+\.?\d*")
UNSEEN = 0.05
"""A distance nobody sees between two drawings, in points of 1/72 inch."""
SAID_ONCE = (
    # Python 3.12 and later say this of torchao's docstrings when they compile them.
    "ignore:invalid escape sequence:SyntaxWarning",
    # torch.compile says this of Python 3.13.0 alone.
    "ignore:Guards may run slower:RuntimeWarning",
)
"""What versions other than the stored outputs' print, and no cell is about."""


REWORDED = {"mm: mat1 and mat2": "mat1 and mat2"}
"""The stored outputs' words, and those of the oldest torch that is promised."""


def execute_and_remember(
    kernel: nbval.kernel.RunningKernel,
    source: str,
    allow_stdin: bool | None = None,
) -> str:
    """Run a cell as nbval does, but remembered; returns the message's id."""
    return kernel.kc.execute(
        source,
        store_history=True,
        allow_stdin=allow_stdin,
        stop_on_error=False,
    )


def drawn_alike(one: str, other: str) -> bool:
    """Whether two SVG texts differ in nothing but points nearer than ``UNSEEN``."""
    if NUMBER.split(one) != NUMBER.split(other):
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(abs(float(a) - float(b)) <= UNSEEN for a, b in pairs)


def compare_outputs(compare, cell, test, ref, skip_compare=None):
    """Compare as nbval does, but drawings by eye, messages in either's words."""
    kind, test, ref = "image/svg+xml", copy.deepcopy(test), copy.deepcopy(ref)
    drawings = [
        [out["data"] for out in outputs if kind in out.get("data", {})]
        for outputs in (test, ref)
    ]
    for made, stored in zip(*drawings, strict=False):
        if drawn_alike(made[kind], stored[kind]):
            made[kind] = stored[kind]
    for out in (*test, *ref):
        for new, old in REWORDED.items():
            if "text" in out:
                out["text"] = out["text"].replace(new, old)
    return compare(cell, test, ref, skip_compare)


def pytest_configure(config: pytest.Config) -> None:
    """Put the remembering kernel in the place of nbval's."""
    start = functools.partial(
        nbval.kernel.start_new_kernel,
        extra_arguments=["--HistoryManager.hist_file=:memory:"],
        env={**os.environ, "PYTHONWARNINGS": ",".join(SAID_ONCE)},
    )
    undo = pytest.MonkeyPatch()
    undo.setattr(nbval.kernel, "start_new_kernel", start)
    undo.setattr(
        nbval.kernel.RunningKernel, "execute_cell_input", execute_and_remember
    )
    compare = functools.partial(
        compare_outputs, nbval.plugin.IPyNbCell.compare_outputs
    )
    undo.setattr(
        nbval.plugin.IPyNbCell,
        "compare_outputs",
        lambda *args, **named: compare(*args, **named),
    )
    config.add_cleanup(undo.undo)
