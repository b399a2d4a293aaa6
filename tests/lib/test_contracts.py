"""The library's doors, and the code's style, as the committed configuration states them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run one of the environment's programs."""
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )


def doors(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the import contracts of the `course_lib` in a folder."""
    return run("lint-imports", "--no-cache", folder=folder)


def test_rooms_import_only_through_their_doors():
    result = doors(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("training", "from course_lib.models import image_classifiers"),
        ("foundations", "from course_lib import plots"),
        ("models", "from course_lib.data import digits"),
        ("data", "from course_lib.training import loop"),
    ],
)
def test_a_forbidden_import_is_caught(tmp_path: Path, room: str, line: str):
    shutil.copytree(
        ROOT / "course_lib", tmp_path / "course_lib", ignore=shutil.ignore_patterns("files", "__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "course_lib" / room / "intruder.py").write_text(line + "\n", "utf8")
    result = doors(tmp_path)
    assert result.returncode != 0
    assert f"course_lib.{room}.intruder" in result.stdout


@pytest.mark.parametrize("check", [("check",), ("format", "--check")], ids=["lint", "format"])
def test_ruff_is_content_notebooks_included(check: tuple[str, ...]):
    result = run("ruff", *check, "--no-cache", ".")
    assert result.returncode == 0, result.stdout + result.stderr
