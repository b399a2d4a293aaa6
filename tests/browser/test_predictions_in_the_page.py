"""Predictions answered in the page, without Python: what the page says is what the judge says."""

from __future__ import annotations

import math

import pytest

from course_classroom import chapter_exercises
from course_exercises.exercise import BOOK_SEED

STUBS = [
    stub for stub in chapter_exercises.find_stubs() if chapter_exercises.load(stub.exercise).kind == "predict"
]
SAID = """([name, draw, text]) => {
  const exercise = chapter.exercises[name];
  return zeroAnswers.predicted(exercise, exercise.draws[draw], text);
}"""
NUDGES = (1e-7, 1e-5, 1e-4, 1e-3, 4e-3, 1e-2)


@pytest.fixture(scope="module")
def answered(browser, site):
    """`answered(chapter, [[exercise, draw, text], …])`: what a chapter's page says, with the network cut."""
    import chromium

    with chromium.serve(site) as address:
        context = browser.new_context()
        watched = chromium.watch(context)

        def ask(stub, asked):
            page = watched.page
            (path,) = site.glob(f"notebooks/{stub.number:02}_*.html")
            page.goto(f"{address}/notebooks/{path.name}")
            page.evaluate(
                "async (name) => { window.chapter = await zeroAnswers.chapterOf(name); }",
                path.stem,
            )
            found = page.evaluate(f"(asked) => asked.map({SAID})", asked)
            watched.assert_clean()
            return found

        yield ask
        context.close()


def nudged(value, by):
    """A value whose numbers that are not whole are a little off."""
    if isinstance(value, list | tuple):
        return tuple(nudged(part, by) for part in value)
    return value * (1 + by) if isinstance(value, float) and math.isfinite(value) else value


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.exercise)
def test_the_page_says_what_the_judge_says(answered, stub):
    exercise = chapter_exercises.load(stub.exercise)
    asked, wanted = [], []
    for draw in range(3):
        seed = BOOK_SEED + draw
        posed = exercise.on(seed, in_full=True)
        (right,) = posed.wanted
        known = [
            right,
            *(given for (given,) in posed.mistaken().values() if not isinstance(given, Exception)),
        ]
        for value in known:
            asked.append([stub.exercise, draw, repr(value)])
            wanted.append(posed.judge(value))
            # Near what is known the page must draw the line where the judge does.
            for by in (*NUDGES, *(-each for each in NUDGES)):
                asked.append([stub.exercise, draw, repr(nudged(value, by))])
                wanted.append(posed.judge(nudged(value, by)))
    found = answered(stub, asked)
    for (_, draw, text), verdict, (status, message, *_) in zip(asked, wanted, found, strict=True):
        assert status == verdict.status, (draw, text, message, verdict.message)
        if verdict.status == "right" or verdict.misconception:
            assert message == verdict.message, (draw, text)


def test_blank_and_unreadable_answers(answered):
    stub = STUBS[0]
    texts = ["", "...", "2 +* 3", "(2, 3", "2)", "os.getcwd()", "'error'", "1/0", "x"]
    found = answered(stub, [[stub.exercise, 0, text] for text in texts])
    assert [status for status, *_ in found] == ["unanswered"] * 2 + ["error"] * 4 + ["wrong"] + ["error"] * 2
    assert all(message for _, message, *_ in found)


def test_signs_of_units_and_thousands(answered):
    single = next(stub for stub in STUBS if stub.exercise == "fine_tuning/adapter_parameters")
    wanted = load_wanted(single)
    texts = [f"{wanted:,}", f"{wanted:,} ", f"{wanted} MiB", "25%"]
    said = answered(single, [[single.exercise, 0, text] for text in texts])
    assert [each[0] for each in said] == ["right", "right", "error", "error"]
    assert said[0][2] == str(wanted)
    assert "without MiB" in said[2][1]
    assert "leave out the %" in said[3][1]
    pair = next(stub for stub in STUBS if stub.exercise == "shipping/served")
    first, second = load_wanted(pair)
    texts = [
        f"({first:g}, {second:.4g})",
        f"({first:g},{second:.0f})",
        f"({first:g}, {1000 + second:,.0f})",
        "(1,664)",
    ]
    said = answered(pair, [[pair.exercise, 0, text] for text in texts])
    assert [each[0] for each in said] == ["right", "right", "wrong", "wrong"]
    assert "first value is right" in said[2][1] or "not the answer" in said[2][1]


def load_wanted(stub):
    exercise = chapter_exercises.load(stub.exercise)
    return exercise.reference(*exercise.cases()[0])
