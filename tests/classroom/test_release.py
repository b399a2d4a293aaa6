"""What is handed out: whole, without a solution anywhere, and the same again from the same seeds."""

from __future__ import annotations

import base64
import dataclasses
import importlib
import json
import pkgutil
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from released import SOME, executed, printed, release_some, some_stubs, sources, unzipped

import course_exercises
from course_classroom import chapter_exercises, checker_builder, release, release_notebook, standalone_source
from course_classroom.__main__ import main
from course_classroom.assignment import read
from course_classroom.checker import Checker
from course_exercises.exercise import Exercise, Misconception
from course_exercises.judging import WrongAnswer

ALL = chapter_exercises.find_stubs()


@pytest.fixture(scope="module")
def everything(tmp_path_factory) -> Path:
    """All exercises of all chapters, released as one assignment."""
    out = tmp_path_factory.mktemp("everything") / "out"
    release.release("everything", ALL, out, seed=11, marking_seed=4711)
    return out


@pytest.fixture(scope="module")
def some(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("some") / "out"
    release_some(out)
    return out


def packed(checker: str) -> dict[str, dict[str, Any]]:
    """What a checker's file holds in packed form: the source of modules, and data by exercise."""
    lines = re.search(r"^_PACKED = \(\n(.*?)^\)", checker, re.MULTILINE | re.DOTALL)[1].splitlines()
    return json.loads(zlib.decompress(base64.b85decode("".join(line.strip()[1:-1] for line in lines))))


# --- choosing -----------------------------------------------------------------------------------------------


def test_every_exercise_that_a_chapter_imports_is_found():
    """All of a topic that some chapter poses: none is passed over because its cell looks different."""
    topics = {stub.exercise.partition("/")[0] for stub in ALL}
    known = {
        f"{module.name}/{name}"
        for module in pkgutil.iter_modules(course_exercises.__path__)
        if module.name in topics
        for name in importlib.import_module(f"course_exercises.{module.name}").EXERCISES
    }
    assert {stub.exercise for stub in ALL} == known
    assert len(ALL) == len(known) > 70
    for stub in ALL:
        assert stub.title == chapter_exercises.load(stub.exercise).title
        assert stub.text
        assert ":::" not in stub.text


def test_a_selection_keeps_the_order_asked_for_and_takes_nothing_twice():
    chosen = chapter_exercises.select(ALL, ["attention/attend", "tensors/standardise"], [9])
    assert [stub.exercise for stub in chosen[:2]] == ["attention/attend", "tensors/standardise"]
    assert {stub.number for stub in chosen[2:]} == {9}
    assert len({stub.exercise for stub in chosen}) == len(chosen) == 6


@pytest.mark.parametrize(
    ("exercises", "chapters", "message"),
    [
        (["attention/nothing"], [], "exercises must be among the chapters' .*, got 'attention/nothing'"),
        ([], [99], "chapters must be among 1, 2, .*, got 99"),
        ([], [], "exercises or chapters must name at least one"),
    ],
)
def test_a_selection_of_what_is_not_there_is_refused(exercises, chapters, message):
    with pytest.raises(ValueError, match=message):
        chapter_exercises.select(ALL, exercises, chapters)


def test_a_folder_without_chapters_is_refused(tmp_path):
    with pytest.raises(ValueError, match="folder must hold chapters"):
        chapter_exercises.find_stubs(tmp_path)


# --- nothing leaks ------------------------------------------------------------------------------------------


def test_no_line_of_any_reference_is_in_the_zip(everything):
    files = unzipped(everything / "everything.zip")
    assert sorted(Path(name).name for name in files) == ["DATA.md", "checker.py", "everything.ipynb"]
    texts = {name: content.decode() for name, content in files.items()}
    checker = texts["everything/checker.py"]
    texts["data"] = json.dumps(packed(checker)["exercises"])
    texts["modules"] = "\n".join(packed(checker)["modules"].values())
    notebook = json.loads(texts["everything/everything.ipynb"])
    texts["notebook"] = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    given = {line.strip() for stub in ALL for line in stub.source.splitlines()} | set(
        release_notebook.SETUP.splitlines()
    )
    for stub in ALL:
        lines = set(standalone_source.lines_of(stub.item(1))) - given
        own = {
            line
            for line in lines
            if line != "else:"
            and (not line.startswith(("import ", "from ", "return", "def ")) or "(" in line)
        }
        assert own, stub.exercise
        for name, text in texts.items():
            held = {line.strip() for line in text.splitlines()}
            assert not own & held, (stub.exercise, name, own & held)
            assert not [line for line in own if len(line) >= 20 and line in text], (stub.exercise, name)


def test_no_hint_can_be_read_and_no_marking_seed_is_in_the_zip(everything):
    marking_seed = str(read(everything / "instructor" / "assignment.json").marking_seed)
    texts = [content.decode() for content in unzipped(everything / "everything.zip").values()]
    for stub in ALL:
        for misconception in chapter_exercises.load(stub.exercise).misconceptions.values():
            assert not any(misconception.hint in text for text in texts), stub.exercise
    assert not any(re.search(rf"\b{marking_seed}\b", text) for text in texts)
    assert "BEGIN" not in "".join(texts)


def test_of_a_prediction_nothing_is_in_the_checker_but_its_form_and_locks(everything):
    data = packed((everything / "student" / "checker.py").read_text("utf-8"))["exercises"]
    asked = {key: known for key, known in data.items() if known["predicted"]}
    assert set(asked) == {
        stub.exercise for stub in ALL if chapter_exercises.load(stub.exercise).kind == "predict"
    }
    for key, known in asked.items():
        exercise = chapter_exercises.load(key)
        doors = known["doors"]
        assert list(doors) == sorted(doors)
        assert all(re.fullmatch("[0-9a-f]{32}", tag) for tag in doors)
        assert not set(re.findall(r"[1-9]", json.dumps(known["form"])))
        public = {"name", "title", "tolerance", "predicted", "salt", "decimals", "places", "whole", "numbers"}
        assert set(known) == public | {"form", "doors"}
        other = checker_builder.locked(dataclasses.replace(exercise), key, 12)  # of other inputs
        same = public - {"salt"}
        assert {k: known[k] for k in same} == {k: other[k] for k in same}, key


def test_behind_a_door_is_only_what_its_answer_may_be(everything):
    data = packed((everything / "student" / "checker.py").read_text("utf-8"))["exercises"]
    known = data["sequences/steps_until_a_hundredth"]
    exercise = chapter_exercises.load("sequences/steps_until_a_hundredth")
    (right,) = exercise.on(11).wanted
    for near in (right - 2, right + 2, 10 * right, str(right + 2)):
        posed = Checker(data).posed("sequences/steps_until_a_hundredth", near)
        assert posed.asked.closed
        assert (posed.wanted, exercise.next_step in posed.said.values()) == ([0], False)
    assert Checker(data).posed("sequences/steps_until_a_hundredth", right).wanted == [right]
    assert str(right) not in json.dumps({k: v for k, v in known.items() if k not in ("doors", "salt")})


# --- what is handed out works -------------------------------------------------------------------------------


def test_the_students_notebook_runs_and_finds_nothing_answered(everything):
    said = printed(executed(everything / "student" / "everything.ipynb"), "check")
    assert len(said) == len(ALL)
    assert all("not answered yet" in text for text in said.values()), said


def test_the_solved_notebook_runs_and_every_check_says_right(everything):
    said = printed(executed(everything / "instructor" / "everything.ipynb"), "check")
    assert len(said) == len(ALL)
    for stub in ALL:
        assert said[stub.exercise].startswith(f"{stub.title}: right"), said[stub.exercise]


def test_the_nbgrader_source_runs_as_it_is(some):
    executed(some / "nbgrader" / "source" / "week1" / "week1.ipynb")


def test_a_prediction_is_asked_with_the_seeds_values(some):
    text = sources(some / "student" / "week1.ipynb")
    for stub in some_stubs():
        if chapter_exercises.load(stub.exercise).kind == "predict":
            assert chapter_exercises.load(stub.exercise).ask(11) in text
    assert "answer_1 = ..." in text
    assert "answer_4 = ..." in text


def test_the_instructors_copy_holds_every_hint(some):
    text = sources(some / "instructor" / "week1.ipynb")
    for exercise in SOME:
        for misconception in chapter_exercises.load(exercise).misconceptions.values():
            assert misconception.hint in text


# --- the checker --------------------------------------------------------------------------------------------


def given_by(exercise: Exercise, function, seed: int):
    return function(*exercise.cases(seed)[0]) if exercise.kind == "predict" else function


@pytest.mark.parametrize("stub", [pytest.param(s, id=s.exercise) for s in ALL[::6]])
def test_every_misconception_gets_its_own_hint(stub, capsys):
    exercise = chapter_exercises.load(stub.exercise)
    checker = Checker(
        {stub.exercise: json.loads(json.dumps(checker_builder.locked(exercise, stub.exercise, 5)))}
    )
    checker.check(stub.exercise, given_by(exercise, exercise.reference, 5))
    assert f": right. {exercise.next_step}" in capsys.readouterr().out
    for misconception in exercise.misconceptions.values():
        with pytest.raises(WrongAnswer) as caught:
            checker.check(stub.exercise, given_by(exercise, misconception.function, 5))
        assert misconception.hint in str(caught.value)  # alone, or as a question where a slip gives the same


def test_the_checker_needs_nothing_of_ours(some):
    """Alone in its folder, where nothing of the course can be imported, it says what it says beside it."""
    code = (
        "import sys\n"
        "hidden = ('course_lib', 'course_exercises', 'course_classroom', 'numpy')\n"
        "sys.modules |= dict.fromkeys(hidden)\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import torch, checker\n"
        "def said(name, answer):\n"
        "    try: checker.check(name, answer)\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
        "    print(end='\\0')\n"
        "def refused(f, x, h): raise NotImplementedError\n"
        "for answer in (lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h), ..., refused,\n"
        "               lambda f, x, h: (f(x + h) - f(x)) / h, lambda f, x, h: x + 1,\n"
        "               lambda f, x, h: x.add_(1), lambda f, x, h: torch.ones(3), lambda f, x: x, 3):\n"
        "    said('autograd/central_slope', answer)\n"
        "for answer in (..., 1000, '1000', [0], None):\n"
        "    said('sequences/steps_until_a_hundredth', answer)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(some / "student")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    right, blank, raised, known, unknown, changed, shape, signature, called, *predicted, end = (
        ran.stdout.split("\0")
    )
    assert not end
    exercise = chapter_exercises.load("autograd/central_slope")
    assert right == f"{exercise.title}: right. {exercise.next_step}\n"
    assert "not answered yet" in blank
    assert "not answered yet" in raised
    assert known.removeprefix("WrongAnswer ").strip() in {m.hint for m in exercise.misconceptions.values()}
    assert "given:" in unknown
    assert "wanted:" in unknown
    assert "changed its input in place" in changed
    assert "Yours has shape (3,), and a single number is wanted" in shape or "The shape is (3,)" in shape
    assert "TypeError" in signature
    assert called.startswith("TypeError answer must be your function central_slope itself")
    wanted = [
        "not answered yet",
        "1000 is not the answer",
        "This is text",
        "A number is wanted",
        "not answered yet",
    ]
    assert all(text in line for text, line in zip(wanted, predicted, strict=True)), predicted


def test_the_modules_that_the_checker_carries_name_none_of_ours(some):
    modules = packed((some / "student" / "checker.py").read_text("utf-8"))["modules"]
    assert list(modules)[-1] == "checker.checker"
    assert "checker.exercise" not in modules  # which makes inputs and knows references
    for name, source in modules.items():
        assert not re.search(r"^\s*(from|import) course_lib", source, re.MULTILINE), name


def test_the_checker_takes_an_answer_within_the_tolerance_and_none_far_outside():
    exercise = doubling()
    for seed in range(20):
        checker = Checker({"a/double": checker_builder.locked(exercise, "a/double", seed)})
        checker.check("a/double", lambda x: 2 * x * (1 + 0.8e-5))
        with pytest.raises(WrongAnswer):
            checker.check("a/double", lambda x: 2 * x * (1 + 5e-3))


def doubling(**changes) -> Exercise:
    settings = {
        "name": "double", "title": "Double it", "kind": "implement", "points": 1, "next_step": "Halve it.",
        "inputs": lambda g: (torch.randn(3, generator=g, dtype=torch.float64),),
        "reference": lambda x: 2 * x,
        "misconceptions": {
            "squared": Misconception(lambda x: x**2, "You squared."),
            "kept": Misconception(lambda x: x, "You returned x."),
            "thrice": Misconception(lambda x: 3 * x, "You tripled."),
        },
    }  # fmt: skip
    return Exercise(**(settings | changes))


def test_inputs_on_which_two_answers_coincide_are_refused():
    twos = doubling(inputs=lambda g: (torch.full((3,), 2.0),))  # noqa: ARG005
    with pytest.raises(ValueError, match="inputs of 'double' must tell its answers apart"):  # 2 · 2 = 2²
        checker_builder.locked(twos, "a/double", 1)


@pytest.mark.parametrize(
    ("exercise", "answer", "error", "message"),
    [
        ("a/other", ..., ValueError, "exercise must be one of a/double, got 'a/other'"),
        ("a/double", 3, TypeError, "answer must be your function double itself"),
    ],
)
def test_the_checker_names_what_is_wrong_with_its_arguments(exercise, answer, error, message):
    with pytest.raises(error, match=message):
        Checker({"a/double": checker_builder.locked(doubling(), "a/double", 3)}).check(exercise, answer)


# --- seeds --------------------------------------------------------------------------------------------------


def written(folder: Path) -> dict[Path, bytes]:
    """A folder's files, but for what Python compiled where another test imported from it."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_the_same_seeds_make_the_same_files_and_others_do_not(some, tmp_path):
    release_some(tmp_path / "again")
    release_some(tmp_path / "other", seed=12)
    assert written(some) == written(tmp_path / "again")
    assert (tmp_path / "other" / "week1.zip").read_bytes() != (some / "week1.zip").read_bytes()
    assert sources(tmp_path / "other" / "student" / "week1.ipynb") != sources(
        some / "student" / "week1.ipynb"
    )


def test_a_marking_seed_is_drawn_anew_and_kept_from_students(tmp_path):
    drawn = [release_some(tmp_path / name, marking_seed=None).marking_seed for name in "ab"]
    assert drawn[0] != drawn[1]
    assert read(tmp_path / "a" / "instructor" / "assignment.json").marking_seed == drawn[0]


def test_each_group_has_a_seed_of_its_own():
    seeds = [release.seed_of("week1", group) for group in ("monday", "tuesday", "")]
    assert len(set(seeds)) == 3
    assert seeds[0] == release.seed_of("week1", "monday") != release.seed_of("week2", "monday")
    assert all(0 <= seed < 2**31 for seed in seeds)


# --- bad input ----------------------------------------------------------------------------------------------


def test_nothing_is_overwritten(some):
    before = (some / "instructor" / "assignment.json").read_bytes()
    with pytest.raises(FileExistsError, match="out must be a new or empty folder"):
        release_some(some)
    assert (some / "instructor" / "assignment.json").read_bytes() == before


@pytest.mark.parametrize(
    ("edition", "message"),
    [
        ("teacher", "edition must be one of student, instructor, nbgrader"),
        ("nbgrader", "must have a marking_seed"),
    ],
)
def test_a_notebook_that_cannot_be_built_is_refused(some, edition, message):
    full = read(some / "instructor" / "assignment.json")
    with pytest.raises(ValueError, match=message):
        release_notebook.notebook(dataclasses.replace(full, marking_seed=None), some_stubs(), edition)
    with pytest.raises(ValueError, match="stubs must be those of the items of 'week1'"):
        release_notebook.notebook(full, some_stubs()[::-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the command must be one of release, grade, report, selftest; got nothing"),
        (["mark"], "got 'mark'"),
        (["release"], "the following arguments are required: name"),
        (["release", "a", "--out", "OUT"], "exercises or chapters must name at least one exercise"),
        (["release", "../a", "--chapter", "9", "--out", "OUT"], "name must be letters"),
        (["release", "a", "--chapter", "77", "--out", "OUT"], "chapters must be among"),
        (["release", "a", "--chapter", "nine", "--out", "OUT"], "invalid int value: 'nine'"),
        (["release", "a", "--chapter", "9", "--seed=-3", "--out", "OUT"], "seed must be a whole number"),
        (["release", "a", "--seed", "3", "--group", "b", "--out", "OUT"], "not allowed with"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_one_line_and_status_2(arguments, message, tmp_path, capsys):
    try:
        status = main([str(tmp_path / "out") if a == "OUT" else a for a in arguments])
    except SystemExit as ended:
        status = ended.code
    printed_lines = capsys.readouterr().err.splitlines()
    assert status == 2
    assert len(printed_lines) == 1
    assert message in printed_lines[0]
    assert not (tmp_path / "out").exists()


def test_the_command_releases_and_lists(tmp_path, capsys):
    out = tmp_path / "w2"
    assert (
        main(
            ["release", "w2", "--exercises", "sequences/padded_loss", "--group", "tuesday", "--out", str(out)]
        )
        == 0
    )
    assert "w2: 1 exercise, 2 points" in capsys.readouterr().out
    nbformat.validate(nbformat.read(out / "student" / "w2.ipynb", as_version=4))
    assert main(["release", "w2", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(ALL)
