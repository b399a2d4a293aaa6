"""Judge answers as the page does: plain Python, page_torch in torch's place.

Reads from stdin a JSON object: the folders to import from, and the exercises' data for the checker. Writes
the verdicts, and the seconds that each reference took, to stdout.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any


def answers_of(exercise: Any, written: list[Any]) -> dict[str, Any]:
    """All answers of an exercise that the book knows, by a label."""
    known = exercise.misconceptions | exercise.slips
    found = {"reference": exercise.reference} | {name: wrong.function for name, wrong in known.items()}
    return found | {f"written: {label}": answer for label, answer, _ in written} | unfinished()


def unfinished() -> dict[str, Any]:
    """Answers that are none: the stub, nothing at all, an empty body, source that is no Python."""

    def stub(*_: Any) -> None: ...

    def refused(*_: Any) -> None:
        raise NotImplementedError

    def no_python(*_: Any) -> None:
        exec("def answer(x:\n    return x")

    def unknown_name(*_: Any) -> Any:
        return torc.zeros(3)  # noqa: F821

    return {
        "stub": stub, "ellipsis": ..., "refused": refused, "no Python": no_python,
        "a misspelt name": unknown_name, "a number": lambda *_: 0.5, "nothing": lambda *_: None,
    }  # fmt: skip


def main() -> None:
    asked = json.load(sys.stdin)
    sys.path[:0] = asked["folders"]
    importlib.import_module("page_torch").install()
    from course_classroom.checker import Checker

    written = importlib.import_module("slips_as_written").WRITTEN
    found: dict[str, Any] = {}
    for key, data in asked["exercises"].items():
        topic, _, name = key.partition("/")
        exercise = importlib.import_module(f"course_exercises.{topic}").EXERCISES[name]
        checker, verdicts, seconds = Checker({key: data}), {}, 0.0
        for label, answer in answers_of(exercise, written.get(f"{topic}.{name}", [])).items():
            start = time.perf_counter()
            verdict = checker.posed(key, answer).judge(answer)
            seconds = time.perf_counter() - start if label == "reference" else seconds
            verdicts[label] = [verdict.status, verdict.misconception, verdict.message]
        found[key] = {"verdicts": verdicts, "seconds": seconds}
    found["torch"] = sys.modules["torch"].__version__
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
