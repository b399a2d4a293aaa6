"""The page's own example of an exercise outside the library, taken literally: tested, released, marked."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from course_classroom.__main__ import main
from course_classroom.assignment import add_module

PAGE = Path(__file__).resolve().parents[2] / "book" / "for_instructors.md"
SECTION = PAGE.read_text("utf-8").partition("## Write your own exercise")[2].partition("\n## ")[0]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "my_exercises.py"
    path.write_text(re.search(r"```python\n(.*?)```", SECTION, re.DOTALL)[1], "utf-8")
    return path


@pytest.mark.usefixtures("module")
def test_the_pages_commands_test_release_and_mark_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    commands = re.search(r"```bash\n(.*?)```", SECTION, re.DOTALL)[1].replace("\\\n", " ").splitlines()
    selftest, release, grade = (command.split()[3:] for command in commands)
    assert main(selftest) == 0
    assert "1 exercise, right, blank and 3 misconceptions; 0 surprises" in capsys.readouterr().out
    assert main(release) == 0
    assert sorted(path.name for path in (tmp_path / "week4").iterdir()) == [
        "instructor",
        "student",
        "week4.zip",
    ]
    text = (tmp_path / "week4" / "student" / "week4.ipynb").read_text("utf-8")
    assert "Write `rms(x)`: the root mean square" in text
    assert "mean(-1)" not in text + (tmp_path / "week4" / "student" / "checker.py").read_text("utf-8")
    for student, edition in (("ada", "instructor"), ("ben", "student")):
        (tmp_path / "submissions" / student).mkdir(parents=True)
        shutil.copy(tmp_path / "week4" / edition / "week4.ipynb", tmp_path / "submissions" / student)
    content = json.loads(text)
    for cell in content["cells"]:
        if cell["metadata"].get("course_lib", {}).get("role") == "answer":
            cell["source"] = "def rms(x):\n    return (x**2).sum(-1).sqrt()"
    (tmp_path / "submissions" / "cyd.ipynb").write_text(json.dumps(content), "utf-8")
    assert main(grade) == 0
    with (tmp_path / "marks" / "marks.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert {name: row["my_exercises/rms status"] for name, row in rows.items()} == {
        "ada": "ok", "ben": "unanswered", "cyd": "wrong",
    }  # fmt: skip
    assert "the length of each row" in (tmp_path / "marks" / "feedback" / "cyd.md").read_text("utf-8")


def test_it_can_be_asked_together_with_the_books(module, tmp_path):
    names = ["my_exercises/rms", "optimisers/adam_step"]
    given = ["release", "both", "--module", str(module), "--exercises", *names]
    assert main([*given, "--out", str(tmp_path / "both"), "--points", "my_exercises/rms=5"]) == 0
    items = json.loads((tmp_path / "both" / "instructor" / "assignment.json").read_text("utf-8"))["items"]
    assert [(item["exercise"], item["points"]) for item in items] == [(names[0], 5), (names[1], 3)]
    assert "5 points" in (tmp_path / "both" / "student" / "both.ipynb").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("attention.py", "", "module must not be called like a topic of the book, got 'attention'"),
        ("My Exercises.py", "", "module must be a file such as my_exercises.py"),
        ("mine.py", "1 / 0", "cannot be imported: ZeroDivisionError"),
        ("mine.py", "", "cannot be imported: AttributeError"),
        ("mine.py", "EXERCISES = {}", "must hold EXERCISES, Exercise objects by their own names"),
        ("mine.py", "EXERCISES = {'a': 1}", "must hold EXERCISES"),
    ],
)
def test_a_module_that_is_none_is_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(ValueError, match=message):
        add_module(tmp_path / name)
