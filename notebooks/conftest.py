"""How the tests run notebooks: as in JupyterLab, each cell counted and remembered.

nbval asks its kernel to forget every cell. IPython looks into that memory for the
semicolon that silences a cell's last value, so without it every figure would grow a
line of text. The memory stays in the kernel's process: nothing is written to the
reader's own IPython history.
"""

from __future__ import annotations

import functools

import nbval.kernel
import pytest


def execute_and_remember(
    kernel: nbval.kernel.RunningKernel, source: str, allow_stdin: bool | None = None
) -> str:
    """Run a cell as nbval does, but remembered; returns the message's id."""
    return kernel.kc.execute(
        source, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
    )


def pytest_configure(config: pytest.Config) -> None:
    """Put the remembering kernel in the place of nbval's."""
    start = functools.partial(
        nbval.kernel.start_new_kernel,
        extra_arguments=["--HistoryManager.hist_file=:memory:"],
    )
    undo = pytest.MonkeyPatch()
    undo.setattr(nbval.kernel, "start_new_kernel", start)
    undo.setattr(
        nbval.kernel.RunningKernel, "execute_cell_input", execute_and_remember
    )
    config.add_cleanup(undo.undo)
