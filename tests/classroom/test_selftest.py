"""The selftest finds nothing amiss in all chapters' exercises, and something where something is amiss."""

from __future__ import annotations

import dataclasses

import pytest
from released import release_some, some_stubs

from course_classroom import assignment as assignments
from course_classroom import selftest
from course_classroom.chapter_exercises import find_stubs, load
from course_classroom.marking import Question
from course_classroom.sandbox import Limits, Sandbox
from course_exercises.exercise import Exercise, Verdict


def test_every_exercise_of_every_chapter_is_marked_as_it_should_be(capsys):
    """Right 100 %, blank 0 %, each misconception wrong with its own hint: through files and sandbox."""
    assert selftest.main([]) == 0
    stubs = find_stubs()
    mistakes = sum(len(load(stub.exercise).misconceptions) for stub in stubs)
    assert capsys.readouterr().out.splitlines() == [
        f"selftest: {len(stubs)} exercises, right, blank and {mistakes} misconceptions; 0 surprises"
    ]


@pytest.fixture(scope="module")
def some():
    stubs = some_stubs()
    items = tuple(stub.item(place) for place, stub in enumerate(stubs, start=1))
    return assignments.Assignment("some", items, seed=11, marking_seed=4711), stubs


def found(some, folder) -> list[str]:
    assignment, stubs = some
    with Sandbox(Limits()) as sandbox:
        return selftest.surprises(assignment, stubs, sandbox, folder)


def test_a_grader_that_takes_everything_for_right_is_noticed(some, tmp_path, monkeypatch):
    def right(exercise, *_):
        return Verdict("right", exercise.title)

    monkeypatch.setattr(Exercise, "judge_outcomes", right)
    lines = found(some, tmp_path)
    assert any(line.startswith("mistaken-1: sequences/padded_loss should be wrong") for line in lines)
    assert not any(line.startswith(("right", "blank")) for line in lines)


def test_a_wrong_hint_is_noticed(some, tmp_path, monkeypatch):
    exercise = load("sequences/padded_loss")
    names = list(exercise.misconceptions)
    first, second = (exercise.misconceptions[name] for name in names[:2])
    swapped = exercise.misconceptions | {
        names[0]: dataclasses.replace(first, hint=second.hint),
        names[1]: dataclasses.replace(second, hint=first.hint),
    }

    real = Question.__init__

    def confused(question, item, known, *rest):
        known = dataclasses.replace(known, misconceptions=swapped) if known is exercise else known
        real(question, item, known, *rest)

    monkeypatch.setattr(Question, "__init__", confused)
    lines = found(some, tmp_path)
    assert [line.split(" should")[0] for line in lines] == [
        "mistaken-1: sequences/padded_loss",
        "mistaken-2: sequences/padded_loss",
    ]


def test_an_assignments_file_is_tested_by_its_own_seeds(tmp_path, capsys):
    release_some(tmp_path / "out")
    assert selftest.main([str(tmp_path / "out" / "instructor" / "assignment.json")]) == 0
    assert capsys.readouterr().out.startswith("week1: 4 exercises, right, blank and ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.json"], "nowhere.json"),
        (["nowhere.json", "--chapter", "9"], "assignment and --chapter must not both be given"),
        (["--chapter", "77"], "chapters must be among"),
        (["--chapter", "9", "--workers", "0"], "workers must be at least 1, got 0"),
    ],
)
def test_bad_input_ends_with_one_line_and_status_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        selftest.main(arguments)
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert len(lines) == 1
    assert message in lines[0]
