"""The extension's parts by themselves."""

from __future__ import annotations

import ast
import re
from types import SimpleNamespace

import nbformat
import pytest
import torch
from docutils import nodes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.errors import ExtensionError
from zero_book import answers, chapter, explorable, reference, solutions, travelling

from course_classroom.chapter_exercises import find_stubs, load
from course_exercises.autograd import EXERCISES
from course_exercises.exercise import BOOK_SEED

PREDICTIONS = [stub for stub in find_stubs() if load(stub.exercise).kind == "predict"]


def test_a_label_names_its_exercise():
    assert solutions.find_exercise("ex-autograd-central-slope") is EXERCISES["central_slope"]


def test_a_topic_of_two_words_is_found():
    found = solutions.find_exercise("ex-mnist-classifier-loss-of-ignorance")
    assert found.name == "loss_of_ignorance"


@pytest.mark.parametrize("label", ["ex-autograd-no-such", "ex-nowhere-central-slope", "ex-autograd"])
def test_a_label_without_an_exercise_says_so(label: str):
    with pytest.raises(LookupError, match=label):
        solutions.find_exercise(label)


@pytest.mark.parametrize("stub", find_stubs(), ids=lambda stub: stub.exercise)
def test_a_printed_solution_runs_by_itself_and_is_right(stub):
    exercise = load(stub.exercise)
    box, _ = solutions.solution_of(f"ex-{stub.exercise.replace('/', '-').replace('_', '-')}")
    names = {"torch": torch}
    exec(next(box.findall(nodes.literal_block)).astext(), names)
    answer = names[stub.symbol if exercise.kind == "implement" else exercise.name]
    given = [answer(*case) for case in exercise.cases()]
    assert exercise.judge_outcomes(given).status == "right"


def test_the_solution_is_the_reference_s_own_source():
    box, file = solutions.solution_of("ex-autograd-central-slope")
    code = next(box.findall(nodes.literal_block)).astext()
    assert code.startswith("def central_slope(")
    assert file.endswith("autograd.py")


@pytest.mark.parametrize("stub", PREDICTIONS, ids=lambda stub: stub.exercise)
def test_a_prediction_s_solution_gives_the_value_then_two_sentences_then_code(stub):
    exercise = load(stub.exercise)
    box, _ = solutions.solution_of(f"ex-{stub.exercise.replace('/', '-').replace('_', '-')}")
    title, paragraph, code = box.children
    value = paragraph[0].astext()
    assert exercise.judge(ast.literal_eval(re.sub(r"(?<=\d),(?=\d{3})", "", value))).status == "right"
    assert paragraph.astext() == f"{value}. {exercise.reason}"
    assert len(re.findall(r"\.(?: |$)", exercise.reason)) == 2
    assert isinstance(code, nodes.literal_block)
    assert title.astext() == "Solution"


@pytest.mark.parametrize("stub", PREDICTIONS, ids=lambda stub: stub.exercise)
def test_no_message_of_the_page_shows_a_value_that_nobody_typed(stub):
    exercise = load(stub.exercise)
    for seed in range(BOOK_SEED, BOOK_SEED + answers.DRAWS):
        right, *others = answers.prediction(exercise, seed)["answers"]
        wanted = exercise.reference(*exercise.cases(seed)[0])
        parts = wanted if isinstance(wanted, tuple) else [wanted]
        telling = [part for part in parts if isinstance(part, float) and part != round(part)]
        assert "right" in right[1]
        hints = [wrong.hint for wrong in (exercise.misconceptions | exercise.slips).values()]
        for _, message in others:
            assert "is not the answer" not in message
            if any(hint in message for hint in hints):
                continue  # the same words whatever was drawn
            numbers = [float(text) for text in re.findall(r"\d+\.\d+", message)]
            assert not [n for n in numbers for part in telling if exercise.agrees(n, part)], message


def test_an_explorable_is_live_html():
    html = explorable.html_of("course_explorables.tangent:Tangent")
    assert "<script" in html
    assert html == explorable.html_of("course_explorables.tangent:Tangent")


def test_an_explorable_s_target_has_two_halves():
    with pytest.raises(ValueError, match=r"expected 'package\.module:ClassName'"):
        explorable.html_of("course_explorables.tangent")


@pytest.mark.parametrize(
    "target", ["course_explorables.nothing:Tangent", "course_explorables.tangent:Nothing"]
)
def test_an_unknown_explorable_stops_the_build(target: str):
    with pytest.raises(ExtensionError, match=target):
        explorable.html_of(target)


def test_a_download_loses_outputs_and_nothing_else():
    cell = new_code_cell("1 + 1", execution_count=3, metadata={"tags": ["hide-input"]})
    cell.outputs = [new_output("execute_result", data={"text/plain": "2"}, execution_count=3)]
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), cell], metadata={"title": "kept"})
    before = nbformat.writes(notebook)
    bare = travelling.copy_of(notebook)
    assert nbformat.writes(notebook) == before
    assert bare.cells[1].outputs == []
    assert bare.cells[1].execution_count is None
    assert bare.cells[1].metadata == {"tags": ["hide-input"]}
    assert [c.source for c in bare.cells] == ["# Title", "1 + 1"]
    assert bare.metadata == notebook.metadata


@pytest.mark.parametrize(
    ("docname", "number"),
    [("notebooks/06_mnist_classifier", 6), ("book/intro", None), ("notebooks/draft", None)],
)
def test_a_chapter_s_number_is_its_file_s(docname: str, number: int | None):
    assert travelling.number_of(docname) == number


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("|x| and a * b", r"\|x\| and a \* b"),
        ("see `f(x)` and ``g``", "see ``f(x)`` and ``g``"),
        ("about $h^2 f'''/6$ off", "about :math:`h^2 f'''/6` off"),
        ("in *Nature*, 1986", "in *Nature*, 1986"),
        ("theta_ is a name", r"theta\_ is a name"),
    ],
)
def test_docstrings_mean_what_they_say(docstring: str, expected: str):
    assert reference.as_restructured_text(docstring) == expected


def test_a_displayed_formula_becomes_a_directive():
    text = reference.as_restructured_text("Sum:\n\n    $$s = \\sum_i |x_i|\n      + 1$$\n\nDone_")
    assert "    .. math::\n\n       s = \\sum_i |x_i|\n       + 1\n" in text
    assert text.endswith(r"Done\_")


def test_a_build_compares_numbers_with_numbers_as_sphinx_counted_them():
    counted = {"notebooks/06_mnist_classifier": {"figure": {"a": (3, 1), "b": (3, 2)}}}
    env = SimpleNamespace(
        toc_fignumbers={name: {k: dict(v) for k, v in by.items()} for name, by in counted.items()}
    )
    chapter.as_counted(None, env)
    assert env.toc_fignumbers == counted
    chapter.number_by_chapter(None, env)
    assert env.toc_fignumbers["notebooks/06_mnist_classifier"]["figure"] == {"a": (6, 1), "b": (6, 2)}
    chapter.as_counted(None, env)
    assert env.toc_fignumbers == counted
