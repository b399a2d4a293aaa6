"""Which code cells of a chapter run in the page, found by running them as the page does.

    python -IS book/scripts/cells_in_the_page.py notebooks/01_tensors.ipynb

Nothing is there but the standard library, torch's stand-in, and what of course_lib needs no more. Prints, as
JSON, the cells whose output is the stored one, and the files of course_lib that they came to need.
"""

from __future__ import annotations

import argparse
import importlib.abc
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = ("course_exercises", "course_explorables", "course_classroom", "studies", "benchmarks", "tests")
LARGEST = 50_000  # bytes of a data file that is sent along


class Nothing(importlib.abc.MetaPathFinder):
    """Finds nothing of the repository that the page has not."""

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        """Refuse what the page has not."""
        if name.partition(".")[0] in ELSEWHERE:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def opened(into: set[Path], event: str, arguments: tuple[Any, ...]) -> None:
    """Note which data files of course_lib are read, and refuse the large ones: an audit hook."""
    if event != "open" or not isinstance(arguments[0], str):
        return
    path = Path(arguments[0])
    if ROOT / "course_lib" in path.parents and path.suffix not in (".py", ".pyc"):
        if path.stat().st_size > LARGEST:
            raise FileNotFoundError(f"{path.name} is not in the page")
        into.add(path)


def stored(cell: dict[str, Any]) -> tuple[str, str] | None:
    """What a cell printed and showed as text, and the error it is to end in, "" if none.

    None if it showed anything else, or nobody compares it.
    """
    if "nbval-ignore-output" in cell["metadata"].get("tags", []):
        return None
    said = error = ""
    for output in cell["outputs"]:
        if output["output_type"] == "stream" and output["name"] == "stdout":
            said += "".join(output["text"])
        elif output["output_type"] == "execute_result" and set(output["data"]) == {"text/plain"}:
            said += "".join(output["data"]["text/plain"]) + "\n"
        elif output["output_type"] == "error":
            error = f"{output['ename']}: {output['evalue']}"
        else:
            return None
    return said, error


def alike(cell: dict[str, Any], shown: str, error: str) -> bool:
    """Whether the page showed what is stored; of an error the type and the first line."""
    kept = stored(cell)
    if kept is None or shown != kept[0] or bool(error) != bool(kept[1]):
        return False
    return not error or error.splitlines()[-1] == kept[1].splitlines()[0]


def main() -> None:
    """Run a chapter's cells in their order, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, help="the chapter's notebook")
    path = parser.parse_args().path
    sys.meta_path.insert(0, Nothing())
    sys.path[:0] = [str(ROOT), str(ROOT / "book")]
    import page_runner
    import page_torch

    page_torch.install()
    read: set[Path] = set()
    sys.addaudithook(lambda event, arguments: opened(read, event, arguments))
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    page = page_runner.Page(sources[0], {})
    found = []
    for number, (cell, source) in enumerate(zip(cells, sources, strict=True)):
        printed: list[str] = []
        kept = dict(page.names)
        error = page.run(source, printed.append)["error"]
        if not alike(cell, "".join(printed), error):
            page.names.clear()
            page.names.update(kept)
            continue
        found.append(number)
    modules = (sys.modules[name] for name in sys.modules if name.partition(".")[0] == "course_lib")
    files = {Path(module.__file__) for module in modules} | read
    names = sorted(file.relative_to(ROOT).as_posix() for file in files)
    print(json.dumps({"cells": found, "of": len(cells), "files": names}))


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):  # by hand: what is imported from course_lib is sent to the page
        stream.reconfigure(errors="replace")
    main()
