"""Folders that hold one checkpoint each, such as ``step-00000300``: whole if run.json is in it."""

from __future__ import annotations

from pathlib import Path

RUN = "run.json"
_PREFIX = "step-"


def folder_of(folder: Path, step: int) -> Path:
    """Name the folder of one checkpoint.

    Args:
        folder: holds the checkpoints of one run.
        step: at least 0.

    Returns:
        Its path.

    Raises:
        ValueError: if ``step`` is negative.

    Taught in: "More than one device".
    """
    if step < 0:
        raise ValueError(f"step must be at least 0, got {step}")
    return folder / f"{_PREFIX}{step:08}"


def step_of(path: Path) -> int:
    """Read the step from a checkpoint's name.

    Args:
        path: as ``folder_of`` made it.

    Returns:
        The step.

    Raises:
        ValueError: if it bears another name.

    Taught in: "More than one device".
    """
    digits = path.name.removeprefix(_PREFIX)
    if not path.name.startswith(_PREFIX) or not digits.isdecimal():
        raise ValueError(f"path must be named {_PREFIX} and a number, got {path.name!r}")
    return int(digits)


def newest(folder: Path) -> Path | None:
    """Find the newest whole checkpoint in a folder.

    Args:
        folder: need not exist.

    Returns:
        Its path, or ``None``.

    Taught in: "More than one device".
    """
    found = [path.parent for path in folder.glob(f"{_PREFIX}*/{RUN}")]
    return max(found, key=step_of, default=None)
