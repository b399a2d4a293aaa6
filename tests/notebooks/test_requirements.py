"""Whoever installs course_lib and the extra a page names can run that chapter: nothing else is imported."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = dict(
    re.findall(
        r"^\| (\d+) \| `pip install \"\.\[(\w+)\]\"`",
        (ROOT / "book/how_to_use.md").read_text("utf-8"),
        re.MULTILINE,
    )
)
# Hides every package but those named, its metadata too, then imports as the notebook does.
PROGRAM = """
import importlib.machinery, importlib.metadata, json, re, sys

allowed, statements = json.load(sys.stdin)


def may(owner):
    return re.sub("[-_.]+", "-", owner).lower() in allowed


owners = importlib.metadata.packages_distributions()
hidden = {module for module, names in owners.items() if not any(map(may, names))}
Path = importlib.machinery.PathFinder


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in hidden:
            return Path.find_spec(name, path, target)

    @staticmethod
    def find_distributions(context):
        return (found for found in Path.find_distributions(context) if may(found.name))


sys.meta_path[sys.meta_path.index(Path)] = Finder
for statement in statements:
    exec(statement, {})
"""


def closure(requirements: list[str]) -> set[str]:
    """The distributions that these requirements bring, with all that they require in turn."""
    found: set[str] = set()
    todo = [(Requirement(text), "") for text in requirements]
    while todo:
        requirement, extra = todo.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            asks = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # left out of this environment on purpose, or for another system
        key = f"{name}[{','.join(sorted(requirement.extras))}]"
        if key not in found:
            found |= {key, str(name)}
            todo += [(Requirement(text), each) for text in asks for each in ("", *requirement.extras)]
    return {name for name in found if not name.endswith("]")}


def imports_of(code: str) -> list[str]:
    """Every import statement in a program, inside functions and branches too."""
    found = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom))
    return [ast.unparse(node) for node in found]


def sources_of(path: Path) -> list[str]:
    """A notebook's code, and that of the course's modules it names: they may import late."""
    notebook = nbformat.read(path, as_version=4)
    code = [re.sub(r"(?m)^\s*[%!].*$", "pass", c.source) for c in notebook.cells if c.cell_type == "code"]
    named = {match for cell in code for match in re.findall(r"from (course_[\w.]*) import", cell)}
    paths = [ROOT.joinpath(*name.split(".")) for name in sorted(named)]
    files = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")]
    return [*code, *(file.read_text("utf-8") for file in files if file.exists())]


def by_extra() -> dict[str, list[Path]]:
    """The notebooks that need an extra, and under "" those that need none."""
    found = defaultdict(list)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        found[EXTRAS.get(path.name[:2].lstrip("0"), "")].append(path)
    return found


def runs(paths: list[Path], requirements: list[str]) -> subprocess.CompletedProcess[str]:
    """Import what these notebooks import where only these requirements are installed."""
    # The folder itself holds the course's packages; pip and setuptools come with every environment.
    allowed = sorted(closure(requirements) | {"course-lib", "setuptools", "pip"})
    statements = {text for path in paths for code in sources_of(path) for text in imports_of(code)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([allowed, sorted(text for text in statements if "__future__" not in text)]),
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("extra", ["", *EXTRAS.values()])
def test_what_chapters_import_is_required_or_in_the_extra_named_for_them(extra):
    wanted = PROJECT["dependencies"] + (PROJECT["optional-dependencies"][extra] if extra else [])
    result = runs(by_extra()[extra], wanted)
    assert result.returncode == 0, result.stderr


def test_a_package_that_an_extra_forgets_is_missed():
    deploy = PROJECT["optional-dependencies"]["deploy"]
    result = runs(by_extra()["deploy"], PROJECT["dependencies"] + [e for e in deploy if "httpx" not in e])
    assert result.returncode != 0
    assert "httpx" in result.stderr
