"""The table of contents, the files and the reference agree."""

from __future__ import annotations

import contextlib
import json
import pkgutil
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


# What a sentence may leave out before a module's name: "`models.gpt`".
BEFORE = ("", "course_lib.", "course_lib.training.", "course_lib.assistant.", "course_explorables.")
OURS = {path.stem for path in (ROOT / "course_lib").iterdir()} - {"files", "data", "text", "__init__"}
OURS |= {"course_lib", "course_exercises", "course_explorables", "course_classroom", "studies", "benchmarks"}
NAME = re.compile(r"`((?:" + "|".join(sorted(OURS)) + r")(?:\.\w+)+)(?:\([^`]*\))?`")


def exists(name: str) -> bool:
    """Whether a dotted name is a module of ours or something in one."""
    for before in BEFORE:
        with contextlib.suppress(ImportError, AttributeError):
            pkgutil.resolve_name(before + name)
            return True
    return False


def names_in_the_text() -> dict[str, set[str]]:
    """Dotted names of ours in code quotes, by the page that quotes them."""
    found = {}
    for path in (*ROOT.glob("*.md"), *(ROOT / "book").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")):
        text = path.read_text("utf8")
        if path.suffix == ".ipynb":
            cells = nbformat.reads(text, as_version=4).cells
            text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        found[path.name] = {name for name in NAME.findall(text) if not name.endswith(".json")}
    return found


def test_names_of_ours_in_the_text_exist():
    found = names_in_the_text()
    assert sum(map(len, found.values())) > 10
    assert not [(page, name) for page, names in found.items() for name in sorted(names) if not exists(name)]
    assert not exists("models.gpt_cost")


def test_files_of_ours_in_the_text_exist():
    places = re.compile(r"`((?:course_\w+|studies|benchmarks|tests|book|notebooks)/[\w./-]+)`")
    for path in (*ROOT.glob("*.md"), *(ROOT / "book").glob("*.md")):
        named = [
            place for place in places.findall(path.read_text("utf8")) if not re.search("[A-Z]{2}", place)
        ]
        assert not [place for place in named if not (ROOT / place).exists()], path.name


@pytest.mark.parametrize("name", [name for name in LISTED if re.match(r"notebooks/\d", name)])
def test_what_answers_a_prediction_is_folded_in_the_page(name: str):
    path = ROOT / f"{name}.ipynb"
    cells = json.loads(path.read_text("utf-8"))["cells"]
    covered = [cell for cell in cells if "hide-output" in cell["metadata"].get("tags", [])]
    shown = built_site.article(f"{name}.html").select(".tag_hide-output")
    assert len(shown) == len(covered)
    assert not [cell for cell in shown if cell.select(".cell_output") != cell.select("details .cell_output")]
