"""The class that the benchmark marks: an endless loop, one that kills itself, the rest in turn."""

from __future__ import annotations

from benchmarks.marking import EXERCISES, hand_in
from course_classroom.assignment import Assignment
from course_classroom.chapter_exercises import find_stubs, select
from course_classroom.selftest import submissions


def test_the_class_holds_two_attacks_and_every_kind_of_answer(tmp_path):
    stubs = select(find_stubs(), EXERCISES)
    items = tuple(stub.item(place) for place, stub in enumerate(stubs, start=1))
    assignment = Assignment("benchmark", items, seed=2024, marking_seed=7)
    kinds = len(submissions(assignment, stubs))
    hand_in(tmp_path, assignment, 2 * kinds)
    handed = [path.read_text("utf-8") for path in sorted(tmp_path.glob("*/benchmark.ipynb"))]
    assert len(handed) == 2 * kinds
    assert ["while True: pass" in text for text in handed] == [True, *[False] * (2 * kinds - 1)]
    assert ["os.kill" in text for text in handed] == [False, True, *[False] * (2 * kinds - 2)]
    assert handed[2:kinds] == handed[kinds + 2 :]
    assert len({*handed}) == kinds + 2
