"""The instructor's edition: below each exercise stands how it is marked."""

from __future__ import annotations

import shutil
from pathlib import Path

import built_site
import editions
import given_away
import pytest
import yaml
from docutils import nodes
from zero_book import edition, marking, solutions

from course_classroom.chapter_exercises import load

ROOT = given_away.ROOT
PAGE = """# A page

:::{only} instructor_edition
For instructors.
:::
:::{only} student_edition
For students.
:::
:::{only} not student_edition
Not for students.
:::
"""
SMALL = ("02_autograd", "15_more_than_one_device")  # lambdas, partials, predictions and functions


@pytest.fixture(scope="module")
def instructor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instructor's edition of two chapters."""
    copy = tmp_path_factory.mktemp("instructor")
    shutil.copytree(ROOT / "book", copy / "book")
    shutil.copy(ROOT / "_config.yml", copy)
    (copy / "notebooks").mkdir()
    for chapter in SMALL:
        shutil.copy(ROOT / "notebooks" / f"{chapter}.ipynb", copy / "notebooks")
    first, *others = ({"file": f"notebooks/{chapter}"} for chapter in SMALL)
    (copy / "page.md").write_text(PAGE, "utf8")
    toc = {"format": "jb-book", "root": first["file"], "chapters": [*others, {"file": "page"}]}
    (copy / "_toc.yml").write_text(yaml.safe_dump(toc), "utf8")
    return built_site.build(copy, **{edition.VARIABLE: "instructor"})


def test_every_page_says_that_it_is_the_instructor_s(instructor: Path):
    assert editions.labels(instructor) == {"Instructor’s edition"}


def test_a_page_may_speak_to_one_edition_alone(instructor: Path):
    page = (instructor / "page.html").read_text("utf8")
    assert ">For instructors." in page
    assert "For students." not in page
    assert ">Not for students." in page


def test_hints_and_names_are_found_where_they_stand(instructor: Path):
    """What the student edition is searched for is there to be found."""
    found = given_away.leaks(instructor)
    stubs = [stub for chapter in SMALL for stub in editions.BY_CHAPTER[chapter]]
    for kind, secret in (("hints", given_away.secret_hints), ("names", given_away.secret_names)):
        seen = {(leak.exercise, leak.what) for leak in found[kind]}
        assert seen >= {(stub.exercise, what) for stub in stubs for what in secret(stub)}


@pytest.mark.parametrize("chapter", SMALL)
def test_below_each_exercise_stands_how_it_is_marked(instructor: Path, chapter: str):
    page = editions.article(instructor, chapter)
    assert not page.find_all(class_="handout")
    boxes = page.find_all(class_=["exercise", "solution", "marking"])
    assert len(boxes) == 3 * len(editions.BY_CHAPTER[chapter])
    for exercise, solution, box in zip(boxes[0::3], boxes[1::3], boxes[2::3], strict=True):
        assert "solution" in solution["class"]
        name = solutions.name_of(exercise["id"])
        spec = load(name)
        text = given_away.plain(box.get_text())
        points = f"{spec.points} point{'s' * (spec.points > 1)}"
        assert text.startswith(f"For marking · {points} · {spec.kind} Released as {name}.")
        assert [term.get_text() for term in box.find_all("dt")] == list(spec.misconceptions)
        for told, misconception in zip(box.find_all("dd"), spec.misconceptions.values(), strict=True):
            assert given_away.plain(told.find("p").get_text()) == given_away.plain(misconception.hint)


def test_every_exercise_of_the_book_has_such_a_box():
    for stub in given_away.ALL:
        box = marking.marking_of(stub.exercise, load(stub.exercise))
        assert len(list(box.findall(nodes.definition))) == len(load(stub.exercise).misconceptions)


def test_an_answer_is_shown_where_it_is_short():
    exercise = load("autograd/gradient_after_two")
    (a, x) = exercise.cases()[0]
    mistakes = exercise.misconceptions
    assert marking.recognised(mistakes["the value"].function, exercise) == str(a * x**2)
    assert marking.value_of(lambda _a, _x: (0.1 + 0.2, (1,)), exercise) == "(0.3, (1,))"
    assert marking.value_of(lambda a, _x: a / 0, exercise) == "ZeroDivisionError"
    assert marking.value_of(lambda _a, _x: "long " * 50, exercise) is None


def test_a_function_is_shown_if_it_is_one_expression():
    def twice(x: int) -> int:
        """Two of them."""
        return 2 * x

    def slowly(x: int) -> int:
        y = x
        return y + y

    pair = (lambda x: x + 1, lambda y: y + 2)
    same = (lambda x: x + 1, lambda x: x + 2)
    assert marking.expression_of(twice) == "lambda x: 2 * x"
    assert [marking.expression_of(f) for f in pair] == ["lambda x: x + 1", "lambda y: y + 2"]
    assert [marking.expression_of(f) for f in (slowly, *same, abs)] == [None] * 4


def test_hints_keep_their_code_and_emphasis():
    kinds = [type(node).__name__ for node in marking.words("Use `x * y`, *not* 2 * 3.")]
    assert kinds == ["Text", "literal", "Text", "emphasis", "Text"]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_instructor_s_edition_on_a_phone(offline_page, instructor: Path, mode: str):
    hints = sum(len(load(stub.exercise).misconceptions) for stub in editions.BY_CHAPTER[SMALL[0]])
    editions.looks_right(offline_page, instructor, SMALL[0], mode, marking=hints)
