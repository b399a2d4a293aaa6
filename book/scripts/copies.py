"""Copies of the chapters in plain Markdown: `make lab` opens a reader's own, in `my_notebooks/`.

    python book/scripts/copies.py            # the reader's: nothing that she has changed is ever overwritten
    python book/scripts/copies.py --colab    # those that Colab opens, in `colab/`, for a publisher to commit

Git ignores `my_notebooks/`, so an update of the book never meets an answer. A copy that nobody has touched
follows the book. Where both have changed, the reader's file stays and the new version is laid beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "book" / "_ext"))

import nbformat  # noqa: E402
import yaml  # noqa: E402
from zero_book.travelling import FOR_COLAB, copy_of, number_of  # noqa: E402

from course_lib.files import print_in_any_encoding, write_in_one_step  # noqa: E402

MINE = ROOT / "my_notebooks"
GIVEN = ".given.json"  # by name: the digest of the copy that the reader's file began as


def repository(configuration: Path) -> tuple[str, str]:
    """The repository's address and branch as the publisher named them; the address is empty until then."""
    settings = yaml.safe_load(configuration.read_text("utf-8")).get("repository") or {}
    return (settings.get("url") or "").rstrip("/"), settings.get("branch") or "main"


def copies(root: Path = ROOT) -> dict[str, bytes]:
    """Every chapter's copy, by file name."""
    address, branch = repository(root / "_config.yml")
    made = {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        copy = copy_of(notebook, number_of(f"notebooks/{path.stem}"), address, branch)
        made[path.name] = (nbformat.writes(copy) + "\n").encode()
    return made


def digest(content: bytes) -> str:
    """What tells one version of a file from another."""
    return hashlib.sha256(content).hexdigest()[:12]


def update(folder: Path, book: dict[str, bytes]) -> list[str]:
    """Bring a reader's folder up to date without overwriting anything that is hers.

    A file that is missing is written. One that still is what she was given follows the book. One that she has
    changed stays; if the book has changed it as well, the new version goes beside it, once, under a name of
    its own.

    Args:
        folder: the reader's; made here if need be.
        book: the copies as they are now, by file name.

    Returns:
        What she should know, a sentence for each file, and none where nothing happened.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / GIVEN
    try:
        given = {str(name): str(version) for name, version in json.loads(record.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        given = {}  # then what is there counts as changed, and stays
    told = []
    for name, content in book.items():
        file, now = folder / name, digest(content)
        there = digest(file.read_bytes()) if file.exists() else None
        if there in (None, given.get(name)) and there != now:
            write_in_one_step(file, content)
            if there is not None:
                told.append(f"{name}: the book has a newer version, and so have you now.")
        elif there != now and given.get(name) != now:
            beside = file.with_name(f"{file.stem}.new-{now}.ipynb")
            if not beside.exists():
                write_in_one_step(beside, content)
            told.append(
                f"{name}: the book has a newer version. Yours is as you left it; the new one is "
                f"{beside.name}. Carry your answers over, or delete the one you no longer want."
            )
        given[name] = now
    write_in_one_step(record, (json.dumps(given, indent=1) + "\n").encode())
    return told


def main() -> int:
    """Write the copies that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--colab", action="store_true", help="those for Colab, once _config.yml names an address"
    )
    arguments = parser.parse_args()
    if not arguments.colab:
        print(*update(MINE, copies()), f"Your notebooks: {MINE}", sep="\n")
        return 0
    if not repository(ROOT / "_config.yml")[0]:
        print(
            "copies: repository: url: in _config.yml is empty, so Colab has nothing to open", file=sys.stderr
        )
        return 1
    (ROOT / FOR_COLAB).mkdir(exist_ok=True)
    for name, content in copies().items():
        write_in_one_step(ROOT / FOR_COLAB / name, content)
    print(f"For Colab: {ROOT / FOR_COLAB}; commit it with the chapters")
    return 0


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
