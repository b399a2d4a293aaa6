"""Run notebooks from a clean kernel and store what they print: `make notebooks`.

    python book/scripts/execute_notebooks.py                      # every chapter
    python book/scripts/execute_notebooks.py notebooks/02_autograd.ipynb
    python book/scripts/execute_notebooks.py --check notebooks/*.ipynb   # normal form only, nothing is run

The stored file is the book's source, so it carries nothing that changes by itself: no times, no widget state,
and cell ids that follow from a cell's place. Running twice on one day gives the same bytes, cells tagged
`nbval-ignore-output` apart; which torch and Python ran it, and when, is noted in its metadata.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from course_lib.files import print_in_any_encoding

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOKS = ROOT / "notebooks"
SECONDS_PER_CELL = 300

# The tests run notebooks with these, and so must whoever stores outputs (the Makefile exports the same).
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONHASHSEED": "0"}

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_METADATA = {"tags", "mystnb", "jupyter"}
COVERED = "hide-output"
"""A cell whose output answers a prediction: folded in the page, and in JupyterLab too."""
UNCHECKED = "nbval-ignore-output"
"""A cell whose output no test compares; what it says on standard error, with time and path, is not stored."""
VERIFIED = "verified"
"""What the outputs were made with, and when: the line on the chapter's page is written from it."""


def merge_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join neighbouring outputs of one stream: where a kernel flushes is an accident of timing."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def own_frames(traceback: list[str]) -> list[str]:
    """A traceback without the frames inside installed libraries: their paths and lines are of one machine."""
    return [part for part in traceback if not ANSI.sub("", part).lstrip().startswith("File ")]


def tidy_output(output: nbformat.NotebookNode, count: int) -> nbformat.NotebookNode:
    """An output without its widget view and metadata, with the cell's own execution count."""
    if output.output_type == "error":
        output.traceback = own_frames(output.traceback)
    if "data" in output:
        output.data.pop(WIDGET_VIEW, None)
        output.metadata = nbformat.NotebookNode()
    if output.output_type == "execute_result":
        output.execution_count = count
    return output


def normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Bring a notebook into the stored form, in place.

    Metadata is cut to what the book reads (the kernel, the language, `tags`), cells are counted from 1 and
    named after their place, neighbouring pieces of one stream are joined.

    Args:
        notebook: nbformat 4.

    Returns:
        The same object. Normalising it again changes nothing.
    """
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    kept = {key: notebook.metadata[key] for key in (VERIFIED,) if key in notebook.metadata}
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE} | kept)
    count = 0
    for place, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{place:03d}"
        cell.source = cell.source.strip("\n")
        covered = COVERED in cell.metadata.get("tags", [])
        cell.metadata["jupyter"] = {"outputs_hidden": True} if covered else {}
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in sorted(cell.metadata.items()) if key in CELL_METADATA and value}
        )
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            if UNCHECKED in cell.metadata.get("tags", []):
                cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            cell.outputs = [tidy_output(output, count) for output in merge_streams(cell.outputs)]
    return notebook


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run every cell in a new kernel, in place; only a cell tagged `raises-exception` may fail."""
    NotebookClient(
        notebook,
        timeout=SECONDS_PER_CELL,
        kernel_name=KERNEL["name"],
        store_widget_state=False,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def verified() -> dict[str, str]:
    """The versions of this environment and today's date."""
    return {
        "torch": version("torch").split("+")[0],
        "python": ".".join(platform.python_version_tuple()[:2]),
        "date": datetime.date.today().isoformat(),
    }


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Replace the file in one step, so that an interrupted run leaves the old one whole."""
    nbformat.validate(notebook)
    scratch = path.with_name(f".{path.name}.new")
    nbformat.write(notebook, scratch)
    scratch.replace(path)


def is_normal(path: Path) -> bool:
    """Whether the file's bytes are those `write(normalise(...))` would give it."""
    notebook = normalise(nbformat.read(path, as_version=4))
    return path.read_text("utf8") == nbformat.writes(notebook) + "\n"


def main() -> int:
    """Run and store, or with `--check` report the files that are not in normal form."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: every notebook of the book")
    parser.add_argument(
        "--check", action="store_true", help="run nothing; fail where a file is not in normal form"
    )
    arguments = parser.parse_args()
    paths = arguments.notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    if arguments.check:
        odd = [path for path in paths if not is_normal(path)]
        for path in odd:
            print(f"{path}: not in the stored form; run this script on it")
        return 1 if odd else 0
    os.environ.update(ENVIRONMENT)
    for path in paths:
        started = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        execute(notebook, path.resolve().parent)
        notebook.metadata[VERIFIED] = verified()
        write(normalise(notebook), path)
        print(f"{path}: {time.perf_counter() - started:.1f} s, {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
