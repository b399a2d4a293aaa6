"""An answer judged in plain Python, on page_torch, gets the verdict that it gets in JupyterLab."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import in_the_page
import pytest
from zero_book import answers

from course_classroom.chapter_exercises import find_stubs, load
from course_classroom.checker_builder import locked
from course_exercises.exercise import BOOK_SEED

ROOT = Path(__file__).resolve().parents[2]
KEYS = [stub.exercise for stub in find_stubs() if load(stub.exercise).kind == "implement"]
sys.path.insert(0, str(ROOT / "tests" / "exercises"))
from slips_as_written import WRITTEN  # noqa: E402

SLOWEST = 5  # seconds of one right answer: half of what the page allows; one exercise trains two networks


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """The verdicts of a process that has the standard library, the judge and page_torch, and no torch."""
    data = {key: locked(load(key), key, BOOK_SEED) for key in KEYS}
    folders = [str(ROOT), str(ROOT / "book"), str(ROOT / "tests" / "exercises")]
    command = [sys.executable, "-S", "-I", in_the_page.__file__]
    asked = json.dumps({"folders": folders, "exercises": data})
    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rounded(message: str) -> str:
    """A message whose numbers have one digit less: sums in another order differ in the last that is shown."""
    return re.sub(r"-?\d+\.\d+(?:e[-+]\d+)?", lambda found: f"{float(found[0]):.3g}", message)


def test_there_is_no_torch_in_the_page(page):
    assert page["torch"].endswith("+page")
    assert len(KEYS) == 61


@pytest.mark.parametrize("key", KEYS)
def test_every_answer_gets_the_verdict_and_the_message_of_the_real_judge(page, key):
    exercise, verdicts = load(key), page[key]["verdicts"]
    answers = in_the_page.answers_of(exercise, WRITTEN.get(key.replace("/", "."), []))
    assert verdicts.keys() == answers.keys()
    for label, answer in answers.items():
        real = exercise.judge(answer, in_full=True)
        status, misconception, message = verdicts[label]
        assert (status, misconception) == (real.status, real.misconception), label
        if label.startswith("written: "):
            assert rounded(message) == rounded(real.message), label
        else:
            assert message == real.message, label


def test_no_right_answer_keeps_the_page_waiting(page):
    assert max(page[key]["seconds"] for key in KEYS) < SLOWEST


def test_an_answer_knows_what_the_chapter_imports_above_it():
    numbers = {stub.number for stub in find_stubs() if load(stub.exercise).kind == "implement"}
    setups = {
        path.stem: answers.setup_of(f"notebooks/{path.stem}")
        for path in sorted(answers.NOTEBOOKS.glob("*.ipynb"))
        if int(path.stem[:2] if path.stem[:2].isdigit() else 0) in numbers
    }
    script = (
        "import json, sys; sys.path[:0] = json.loads(sys.argv[1])\n"
        "import page_torch; page_torch.install(); import page_runner\n"
        "names = {k: list(page_runner.Page(v, {}).names) for k, v in json.load(sys.stdin).items()}\n"
        "json.dump(names, sys.stdout)"
    )
    command = [sys.executable, "-S", "-I", "-c", script, json.dumps([str(ROOT / "book")])]
    done = subprocess.run(command, input=json.dumps(setups), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    known = json.loads(done.stdout)
    for chapter, setup in setups.items():
        imports = [node for node in ast.parse(setup).body if isinstance(node, ast.Import)]
        wanted = {alias.asname or alias.name for node in imports for alias in node.names if has(alias.name)}
        assert wanted <= set(known[chapter]), chapter
    assert "F" in known["16_shipping"]


def has(module: str) -> bool:
    """Whether a page has a module: of the standard library, or one that stands in for torch's."""
    return module in {"torch", "torch.nn.functional"} | (sys.stdlib_module_names - {"multiprocessing"})
