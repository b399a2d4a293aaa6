"""The wheel alone, as Colab installs it: every file is there, and an empty folder is enough for it."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUSES = ("course_lib", "course_exercises", "course_explorables", "course_classroom")


def sources() -> list[str]:
    """The packages' files, by their path from the repository's root."""
    found = (path for house in HOUSES for path in (ROOT / house).rglob("*") if path.is_file())
    return [path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built in a copy of the sources."""
    copy = tmp_path_factory.mktemp("source")
    for name in (*sources(), *(path.name for path in ROOT.iterdir() if path.is_file())):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    build = "import setuptools.build_meta as build; print(build.build_wheel('dist'))"
    subprocess.run([sys.executable, "-c", build], cwd=copy, check=True, capture_output=True)
    (found,) = (copy / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory) -> Path:
    """The wheel as installed."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(folder)
    return folder


def imports_of(path: Path) -> list[str]:
    """A notebook's import statements of the book's own packages, wherever they stand."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    found = []
    for cell in cells:
        source = "".join(cell["source"])
        if (
            cell["cell_type"] != "code"
            or source.startswith("%%")
            or "raises-exception" in str(cell["metadata"])
        ):
            continue
        lines = "\n".join(line for line in source.split("\n") if not line.lstrip().startswith(("%", "!")))
        found += [
            ast.unparse(node)
            for node in ast.walk(ast.parse(lines))
            if isinstance(node, ast.Import | ast.ImportFrom) and "course_" in ast.unparse(node)
        ]
    return found


def test_every_file_of_the_packages_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as opened:
        inside = set(opened.namelist())
    missing = [name for name in sources() if name not in inside]
    assert not missing


def test_from_an_empty_folder_every_chapter_finds_what_it_imports(unpacked, tmp_path):
    lines = sorted({line for path in ROOT.glob("notebooks/*.ipynb") for line in imports_of(path)})
    assert len(lines) > 50
    where = [f"import {name}; assert {name}.__file__.startswith({str(unpacked)!r})" for name in HOUSES]
    loads = [
        "from course_lib.data import cars, digits, reviews, text",
        "cars.load_cars(); digits.load_digits('train'); text.load_moby_dick(); reviews.load_reviews()",
        "from course_lib.pretrained import gpts; gpts.load('moby'); gpts.load('tang')",
        "from course_explorables.fit_line import FitLine; assert 'script' in FitLine().to_html()",
    ]
    program = "\n".join([*where, *lines, *loads])
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert not list(tmp_path.iterdir())
