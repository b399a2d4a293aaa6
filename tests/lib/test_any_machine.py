"""What must not depend on the machine: the encoding of files, and of whatever a program prints into."""

from __future__ import annotations

import ast
import io
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from course_lib.files import print_in_any_encoding

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for folder in (
        "course_lib",
        "course_exercises",
        "course_explorables",
        "course_classroom",
        "studies",
        "benchmarks",
        "book",
    )
    for path in (ROOT / folder).rglob("*.py")
)
# Its messages are bytes with a length before them, and nothing of a student's reaches the streams.
NOT_FOR_PEOPLE = {ROOT / "course_classroom" / "worker.py"}


def is_program(path: Path) -> bool:
    """Whether a file does something when it is run."""
    tests = (node.test for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.If))
    return any("__name__" in ast.unparse(test) for test in tests)


PROGRAMS = [path for path in SOURCES if is_program(path) and path not in NOT_FOR_PEOPLE]


def test_what_the_encoding_lacks_becomes_a_question_mark(monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    with pytest.raises(UnicodeEncodeError):
        print("2.30 → 0.10")
    print_in_any_encoding()
    for stream in (sys.stdout, sys.stderr):
        print("2.30 → 0.10 ± ∞", file=stream, flush=True)
        assert stream.buffer.getvalue().decode("cp1252").splitlines() == ["2.30 ? 0.10 ± ?"]


def test_the_streams_of_a_notebook_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    print_in_any_encoding()
    print("→")
    assert sys.stdout.getvalue() == "→\n"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_program_runs_behind_a_pipe_of_ascii(path, monkeypatch):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    monkeypatch.setattr(sys, "argv", [path.name, "--help"])
    monkeypatch.syspath_prepend(str(path.parent))
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(path), run_name="__main__")
    sys.stdout.flush()
    assert left.value.code == 0, sys.stderr.buffer.getvalue()
    assert sys.stdout.buffer.getvalue()
    assert sys.stdout.errors == sys.stderr.errors == "replace"


def without_encoding(call: ast.Call) -> bool:
    """Whether a call reads or writes text in the machine's own encoding."""
    named = {keyword.arg for keyword in call.keywords}
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    if "encoding" in named or (name == "open" and owner in {"os", "tarfile", "safetensors"}):
        return False
    if name in {"read_text", "write_text"}:
        return len(call.args) < 1 + (name == "write_text")
    if name in {"open", "fdopen", "NamedTemporaryFile", "TemporaryFile"}:
        place = 1 if name == "fdopen" or not owner else 0
        given = [*call.args[place : place + 1], *(word.value for word in call.keywords if word.arg == "mode")]
        default = "w+b" if name.endswith("File") else "r"
        return "b" not in (ast.unparse(given[0]) if given else default)
    return any(word.arg == "text" and ast.unparse(word.value) == "True" for word in call.keywords)


@pytest.mark.parametrize(
    ("code", "guilty"),
    [
        ("path.read_text()", True),
        ("path.read_text('utf-8')", False),
        ("path.write_text(content)", True),
        ("path.write_text(content, encoding='utf-8')", False),
        ("open(path)", True),
        ("open(path, 'rb')", False),
        ("path.open(newline='')", True),
        ("path.open('wb')", False),
        ("subprocess.run(command, text=True)", True),
        ("tarfile.open(path)", False),
        ("tempfile.NamedTemporaryFile()", False),
    ],
)
def test_a_missing_encoding_is_seen(code, guilty):
    assert without_encoding(ast.parse(code, mode="eval").body) is guilty


def test_text_is_read_and_written_in_one_encoding_everywhere():
    guilty = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call) and without_encoding(node)
    ]
    assert not guilty


SQUARES = """
import torch
from torch.utils import data


class Squares(data.Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return torch.tensor(float(i * i))


def read(squares):
    loader = data.DataLoader(squares, batch_size=2, num_workers=1, multiprocessing_context="spawn")
    return [batch.tolist() for batch in loader]
"""


def test_workers_read_a_data_set_of_a_file_and_not_one_of_a_notebook(tmp_path):
    """What chapter 5 says of macOS, Windows and Python 3.14, where each worker is a new interpreter."""
    (tmp_path / "squares.py").write_text(SQUARES, "utf-8")
    typed = f"""{SQUARES}
import squares
print(squares.read(squares.Squares()), flush=True)
read(Squares())
"""
    program = ["-c", typed]  # as in a notebook, no file holds this __main__
    result = subprocess.run(
        [sys.executable, *program], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert result.stdout == "[[0.0, 1.0], [4.0]]\n", result.stderr
    assert "Can't get attribute 'Squares' on <module '__main__'" in result.stderr
    assert result.returncode == 1


def test_the_oldest_torch_promised_is_the_oldest_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    floors = dict(each.split(">=") for each in project["dependencies"] if each.startswith("torch"))
    tested = re.search(r"TORCH_SET_min := (.*)", (ROOT / "Makefile").read_text("utf-8"))[1].split()
    assert [each.split("==")[0] for each in tested] == ["torch", "torchvision"]
    for each in tested:
        name, pinned = each.split("==")
        assert pinned.startswith(floors[name]), f"{name}: {floors[name]} is promised, {pinned} tested"


def test_another_word_for_torch_is_refused_in_a_sentence():
    done = subprocess.run(
        ["make", "-n", "test", "TORCH=oldest"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "TORCH must be min, newest or left out, got 'oldest'" in done.stderr
