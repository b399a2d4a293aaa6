"""An assignment is read back as it was written, and refuses what makes no sense."""

from __future__ import annotations

import dataclasses
import json

import pytest

from course_classroom import assignment as assignments
from course_classroom.assignment import Assignment, Item
from course_exercises.judging import Verdict
from course_exercises.sequences import RNN_STEP

ITEM = Item("sequences/rnn_step", "rnn_step", "implement", 2, "8 · Sequences")
WEEK = Assignment("week-1", (ITEM,), seed=11, marking_seed=4711)


def test_an_assignment_survives_its_file(tmp_path):
    assignments.write(WEEK, tmp_path / "assignment.json")
    assert assignments.read(tmp_path / "assignment.json") == WEEK
    assert json.loads((tmp_path / "assignment.json").read_text("utf-8"))["schema"] == 1


def test_an_item_loads_its_exercise():
    assert ITEM.load() is RNN_STEP


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exercise": "sequences"}, "exercise must be 'topic/name', got 'sequences'"),
        ({"exercise": "../../etc/passwd"}, "exercise must be 'topic/name'"),
        ({"exercise": 3}, "exercise must be 'topic/name', got 3"),
        ({"symbol": "a b"}, "symbol of sequences/rnn_step must be a Python name, got 'a b'"),
        ({"kind": "essay"}, "kind of sequences/rnn_step must be 'implement' or 'predict', got 'essay'"),
        ({"points": 0}, "points of sequences/rnn_step must be a whole number from 1, got 0"),
        ({"points": True}, "points of sequences/rnn_step must be a whole number from 1, got True"),
        ({"chapter": None}, "chapter of sequences/rnn_step must be text, got None"),
    ],
)
def test_a_bad_item_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ITEM, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"exercise": "sequences/nothing"},
            "exercise must be one of .*rnn_step.* in sequences, got 'nothing'",
        ),
        ({"exercise": "cookery/soup"}, "'cookery/soup' names no topic"),
        ({"exercise": "draws/integer"}, "'draws/integer' names no topic"),
        ({"kind": "predict"}, "kind of sequences/rnn_step must be 'implement', got 'predict'"),
    ],
)
def test_an_item_that_names_nothing_cannot_be_loaded(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ITEM, **change).load()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../week"}, "name must be letters, digits"),
        ({"name": ""}, "name must be letters"),
        ({"items": ()}, "items must be at least one exercise"),
        ({"items": (ITEM, ITEM)}, "own exercise, got 'sequences/rnn_step' twice"),
        (
            {"items": (ITEM, dataclasses.replace(ITEM, exercise="sequences/lstm_step"))},
            "own symbol, got 'rnn_step' twice",
        ),
        ({"seed": -1}, "seed must be a whole number from 0, got -1"),
        ({"seed": None}, "seed must be a whole number from 0, got None"),
        ({"marking_seed": 0.5}, "marking_seed must be a whole number from 0, got 0.5"),
    ],
)
def test_a_bad_assignment_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(WEEK, **change)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": 2}',
        '{"schema": 1, "items": 3}',
        '{"schema": 1, "items": [{}]}',
        "[" * 9999,
    ],
)
def test_a_file_that_is_no_assignment_is_named(tmp_path, text):
    path = tmp_path / "assignment.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"assignment\.json is not an assignment: "):
        assignments.read(path)


def test_partial_credit_is_hers_to_grant_and_survives_its_file(tmp_path):
    generous = dataclasses.replace(ITEM, points=4, by_case=True, for_misconception=(("bias forgotten", 0.5),))
    name = next(iter(RNN_STEP.misconceptions))
    generous = dataclasses.replace(generous, for_misconception=((name, 0.5),))
    assignments.write(
        dataclasses.replace(WEEK, items=(generous,), released="2027-01-11"), tmp_path / "a.json"
    )
    (item,) = assignments.read(tmp_path / "a.json").items
    assert item == generous
    for verdict, points in (
        (Verdict("right", "", right_cases=4), 4),
        (Verdict("wrong", "", None, 0, right_cases=3), 3),
        (Verdict("wrong", "", name, 0, right_cases=0), 2),
        (Verdict("wrong", "", None, 0, right_cases=0), 0),
        (Verdict("unanswered", ""), 0),
    ):
        assert item.credit(verdict) == points
    assert ITEM.credit(Verdict("wrong", "", name, 0, right_cases=3)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by_case": 1}, "by_case of sequences/rnn_step must be true or false"),
        ({"for_misconception": (("a", 2),)}, "must be shares from 0 to 1, got 2 for 'a'"),
    ],
)
def test_bad_credit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ITEM, **change)


def test_credit_for_what_is_no_misconception_is_refused():
    with pytest.raises(ValueError, match="for_misconception of sequences/rnn_step must name one of"):
        dataclasses.replace(ITEM, for_misconception=(("nonsense", 0.5),)).load()


def test_a_bad_time_of_release_is_refused():
    with pytest.raises(ValueError, match="released must be a time such as"):
        dataclasses.replace(WEEK, released="soon")
