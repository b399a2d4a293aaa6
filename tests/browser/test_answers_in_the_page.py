"""Functions answered in the page: real Python in Chromium, the network cut, and the verdicts of JupyterLab."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import chromium
import pytest

from course_classroom import chapter_exercises

ROOT = Path(__file__).resolve().parents[2]
STUBS = [
    stub
    for stub in chapter_exercises.find_stubs()
    if chapter_exercises.load(stub.exercise).kind == "implement"
]
CHAPTERS = sorted({stub.number for stub in STUBS})
# The book's own answers, which the page has not: their source, where Python finds it.
CARRY = """
import os
for name, text in {files!r}.items():
    os.makedirs(os.path.dirname("/home/pyodide/book/" + name), exist_ok=True)
    with open("/home/pyodide/book/" + name, "w") as file:
        file.write(text)
"""
ASK = """async ([task, given, limit]) => {
  let shown = "";
  const result = await zeroAnswers.python.ask(task, given, (text) => { shown += text; }, limit);
  return { ...result, shown };
}"""


class Chapter:
    """A chapter's page, with its Python started."""

    def __init__(self, browser, site: Path, address: str, number: int) -> None:
        self.context = browser.new_context()
        self.watched = chromium.watch(self.context)
        self.page = self.watched.page
        (path,) = site.glob(f"notebooks/{number:02}_*.html")
        self.page.goto(f"{address}/notebooks/{path.name}")
        box = self.page.locator(".answer-here[data-kind=implement]").first
        box.get_by_role("button").click()
        box.locator(".cm-content").wait_for()
        self.page.evaluate("() => zeroAnswers.python.start()")

    def ask(self, task: str, limit: float | None = None, **given: str) -> dict[str, str]:
        """One task of the page's worker."""
        return self.page.evaluate(ASK, [task, given, limit or 60])


def answers_to(stub) -> dict[str, str]:
    """Sources of answers: the reference, each known mistake, nothing, and what is no Python."""
    topic, _, name = stub.exercise.partition("/")
    exercise = chapter_exercises.load(stub.exercise)
    home = f"from course_exercises.{topic} import EXERCISES\n{stub.symbol} = EXERCISES[{name!r}]"
    known = {mistake: f".misconceptions[{mistake!r}].function" for mistake in exercise.misconceptions}
    known |= {mistake: f".slips[{mistake!r}].function" for mistake in exercise.slips}
    found = {"": f"{home}.reference"} | {mistake: home + end for mistake, end in known.items()}
    return found | {"blank": stub.source, "no Python": f"def {stub.symbol}(:\n"}


def function_of(stub, mistake: str):
    """The book's own answer."""
    exercise = chapter_exercises.load(stub.exercise)
    return exercise.reference if not mistake else (exercise.misconceptions | exercise.slips)[mistake].function


@pytest.mark.parametrize("number", CHAPTERS)
def test_every_known_answer_is_judged_as_in_jupyterlab(browser, site, site_server, number, record_property):
    chapter = Chapter(browser, site, site_server, number)
    own = sorted((ROOT / "course_exercises").glob("*.py"))
    files = {f"course_exercises/{path.name}": path.read_text("utf-8") for path in own}
    assert not chapter.ask("run", source=CARRY.format(files=files))["error"]
    seconds, wrong = [], []
    for stub in (stub for stub in STUBS if stub.number == number):
        exercise = chapter_exercises.load(stub.exercise)
        for mistake, source in answers_to(stub).items():
            begin = time.monotonic()
            found = chapter.ask("check", exercise=stub.exercise, symbol=stub.symbol, source=source)
            seconds.append(time.monotonic() - begin)
            if mistake == "no Python":
                if found["status"] != "error" or "SyntaxError" not in found["message"]:
                    wrong.append((stub.exercise, mistake, found))
                continue
            if mistake == "blank":
                status, message = "unanswered", None
            else:
                verdict = exercise.on(in_full=True).judge(function_of(stub, mistake))
                status, message = verdict.status, verdict.message
            if found["status"] != status or message not in (None, found["message"]):
                wrong.append((stub.exercise, mistake, found["message"], message))
    chapter.watched.assert_clean()
    chapter.context.close()
    record_property("answers", len(seconds))
    record_property("median seconds", round(statistics.median(seconds), 3))
    assert not wrong, json.dumps(wrong, indent=1)
