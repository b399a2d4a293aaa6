"""The library's doors, and the code's style, as the committed configuration states them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
HOUSES = ("course_lib", "course_exercises", "course_explorables", "course_classroom", "studies", "benchmarks")


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run one of the environment's programs."""
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )


def doors(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the import contracts of the packages in a folder."""
    return run("lint-imports", "--no-cache", folder=folder)


def test_rooms_import_only_through_their_doors():
    result = doors(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("course_lib.training", "from course_lib.models import image_classifiers"),
        ("course_lib.training", "from course_lib.foundations import optimizers"),
        ("course_lib.models", "from course_lib.training import loop"),
        ("course_lib.data", "from course_lib.training import loop"),
        ("course_lib.assistant", "from course_lib.pretraining import training"),
        ("course_lib.models", "from course_explorables import base"),
        ("course_lib.training", "from studies import recipes"),
        ("course_exercises", "from course_lib import runtime"),
        ("course_explorables", "from course_exercises import judging"),
        ("course_classroom", "from course_lib.models import gpt"),
    ],
)
def test_a_forbidden_import_is_caught(tmp_path: Path, package: str, line: str):
    for name in HOUSES:
        ignored = shutil.ignore_patterns("files", "measurements", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / Path(*package.split(".")) / "intruder.py").write_text(line + "\n", "utf8")
    result = doors(tmp_path)
    assert result.returncode != 0
    assert f"{package}.intruder" in result.stdout


@pytest.mark.parametrize("check", [("check",), ("format", "--check")], ids=["lint", "format"])
def test_ruff_is_content_notebooks_included(check: tuple[str, ...]):
    result = run("ruff", *check, "--no-cache", ".")
    assert result.returncode == 0, result.stdout + result.stderr
