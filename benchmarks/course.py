"""How long the whole course takes: every notebook from a clean kernel, and the book's build."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
TOGETHER = 2
"""Notebooks run at a time, each with one thread."""
SECONDS_PER_CELL = 600
BUILD = ("make", "-o", ".venv/ready", "book")
NOT_COPIED = (".*", "_build", "__pycache__", "*.egg-info", "my_notebooks")
TOUCHED = "book/faq.md"


def seconds_of(path: Path) -> float:
    """Run one notebook from a clean kernel, in its own folder; nothing is stored."""
    notebook = nbformat.read(path, as_version=4)
    begin = time.perf_counter()
    NotebookClient(
        notebook, timeout=SECONDS_PER_CELL, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    return time.perf_counter() - begin


def notebooks(paths: list[Path]) -> dict[str, object]:
    """Run notebooks, two at a time.

    Args:
        paths: of the notebooks.

    Returns:
        ``seconds`` by notebook and ``total_seconds``, from the first's start to the last's end.
    """
    begin = time.perf_counter()
    with ThreadPoolExecutor(TOGETHER) as pool:
        seconds = list(pool.map(seconds_of, paths))
    total = time.perf_counter() - begin
    return {
        "seconds": {path.stem: round(each, 1) for path, each in zip(paths, seconds, strict=True)},
        "total_seconds": round(total, 1),
    }


def book(build: Sequence[str] = BUILD) -> dict[str, float]:
    """Build the book in a copy of the repository's sources, with this environment's packages.

    Args:
        build: the command, run in the copy.

    Returns:
        ``cold_seconds`` from nothing, ``again_seconds`` with nothing changed, ``touched_seconds`` with one
        page changed.

    Raises:
        subprocess.CalledProcessError: if the build fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "book"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
        (copy / ".venv").symlink_to(sys.prefix)
        found = {}
        for kind in ("cold", "again", "touched"):
            if kind == "touched":
                page = copy / TOUCHED
                page.write_text(page.read_text("utf-8") + "\nOne more line.\n", encoding="utf-8")
            begin = time.perf_counter()
            subprocess.run(build, cwd=copy, check=True, capture_output=True)
            found[f"{kind}_seconds"] = round(time.perf_counter() - begin, 1)
    return found


def measure(paths: list[Path] | None = None) -> dict[str, object]:
    """Both; ``paths`` are all notebooks if left out."""
    chosen = sorted((ROOT / "notebooks").glob("*.ipynb")) if paths is None else paths
    return {"notebooks": notebooks(chosen), "book": book()}
