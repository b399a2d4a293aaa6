"""The table of contents, the files and the reference agree."""

from __future__ import annotations

import re
from pathlib import Path

import built_site
import nbformat
import pytest
import yaml

from course_explorables import ALL

ROOT = Path(__file__).resolve().parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))


def entries(node: dict) -> list[dict]:
    """Every entry of the table of contents below `node`, in reading order."""
    found = [node] if "file" in node else []
    for key in ("parts", "chapters", "sections"):
        for child in node.get(key, []):
            found += entries(child)
    return found


LISTED = [TOC["root"], *(entry["file"] for entry in entries(TOC))]
TITLES = {entry["file"]: entry.get("title", "") for entry in entries(TOC)}


def test_every_listed_file_exists():
    missing = [
        name for name in LISTED if not any((ROOT / f"{name}{end}").is_file() for end in (".md", ".ipynb"))
    ]
    assert not missing


def test_every_page_is_listed_once():
    written = [*(ROOT / "book").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    names = {
        path.relative_to(ROOT).with_suffix("").as_posix() for path in written if "assets" not in path.parts
    }
    assert names == set(LISTED)
    assert len(LISTED) == len(set(LISTED))


@pytest.mark.parametrize("name", [name for name in LISTED if re.match(r"notebooks/\d", name)])
def test_a_chapter_keeps_its_number(name: str):
    number = int(re.match(r"notebooks/(\d\d)_", name)[1])
    title = nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells[0].source.splitlines()[0]
    assert title.startswith("# ")
    assert TITLES[name] == f"{number} · {title.removeprefix('# ').removeprefix(f'{number} · ')}"


def test_chapters_stand_in_order():
    numbers = [name for name in LISTED if name.startswith("notebooks/")]
    assert numbers == sorted(numbers)


@pytest.mark.usefixtures("site")
def test_every_page_was_built():
    assert {f"{name}.html" for name in LISTED} == set(built_site.pages())


def test_the_address_is_a_placeholder_until_a_publisher_sets_it():
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    assert config["repository"] == {"url": "", "branch": "main"}


@pytest.mark.usefixtures("site")
def test_every_module_is_in_the_reference():
    """Exercises by topic stay out: their references are the solutions."""
    shown = {identifier for page in built_site.pages() for identifier in built_site.identifiers(page)}
    paths = [*(ROOT / "course_lib").rglob("[!_]*.py"), *(ROOT / "course_classroom").rglob("[!_]*.py")]
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths}
    names |= {f"course_explorables.{name.split(':')[0]}" for name in ALL}
    assert len(names) > 80
    assert not {f"module-{name}" for name in names} - shown
