"""The book's own answers to its exercises, as cells that Python in the page can run."""

from __future__ import annotations

from pathlib import Path

from course_classroom import chapter_exercises
from course_classroom.chapter_exercises import Stub

ROOT = Path(__file__).resolve().parents[2]
_CARRY = """
import os
for name, text in {files!r}.items():
    os.makedirs(os.path.dirname("/home/pyodide/book/" + name), exist_ok=True)
    with open("/home/pyodide/book/" + name, "w") as file:
        file.write(text)
"""


def carried() -> str:
    """A cell that puts the answers' source, which the page has not, where Python in the page finds it."""
    own = sorted((ROOT / "course_exercises").glob("*.py"))
    return _CARRY.format(files={f"course_exercises/{path.name}": path.read_text("utf-8") for path in own})


def sources(stub: Stub) -> dict[str, str]:
    """Cells that answer an exercise: by "" the reference, by name each known mistake, by "blank" the stub."""
    topic, _, name = stub.exercise.partition("/")
    exercise = chapter_exercises.load(stub.exercise)
    home = f"from course_exercises.{topic} import EXERCISES\n{stub.symbol} = EXERCISES[{name!r}]"
    known = {mistake: f".misconceptions[{mistake!r}].function" for mistake in exercise.misconceptions}
    known |= {mistake: f".slips[{mistake!r}].function" for mistake in exercise.slips}
    found = {"": f"{home}.reference"} | {mistake: home + end for mistake, end in known.items()}
    return found | {"blank": stub.source}
