"""The rules themselves: each must be able to say no."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import notebook_rules as rules
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


@pytest.mark.parametrize(
    "statement",
    [
        "assert accuracy > 0.98",
        "assert 10 <= wrong <= 45",
        "assert verdict.inside",
        "assert torch.equal(a, b)",
        "assert a and loss < 0.1",
        "torch.testing.assert_close(mine, theirs)",
        "np.testing.assert_allclose(mine, theirs)",
        "assert not torch.allclose(a, b)",
    ],
)
def test_assertions_that_can_fail(statement):
    assert list(rules.real_assertions(ast.parse(statement)))


@pytest.mark.parametrize(
    "statement",
    [
        "assert True",
        "assert 1 == 1",
        "assert loss",
        "assert loss > 0",
        "assert loss is not None",
        "assert len(losses) > 0",
        "assert isinstance(loss, float)",
        "assert accuracy > 0.98 or True",
        "expected.check('mnist.convnet.accuracy', accuracy)",
        "print(loss)",
    ],
)
def test_assertions_that_cannot(statement):
    assert not list(rules.real_assertions(ast.parse(statement)))


def trained(*following: str, tags: tuple[str, ...] = ("nbval-ignore-output",)):
    """A notebook whose first cell nbval does not compare."""
    cells = [new_code_cell("accuracy = train()\naccuracy"), *map(new_code_cell, following)]
    cells[0].metadata["tags"] = list(tags)
    return new_notebook(cells=cells)


def test_a_cell_without_a_guard_is_found():
    assert rules.unguarded(trained("print('done')", "assert accuracy > 0.9")) == [0]


def test_a_guard_in_the_next_cell_counts():
    assert rules.unguarded(trained("assert accuracy > 0.9")) == []


def test_a_guard_of_something_else_does_not():
    assert rules.unguarded(trained("assert weather == 'fine'")) == [0]


def test_png_needs_a_guard_too():
    notebook = trained("print(1)", tags=())
    assert rules.unguarded(notebook) == []
    notebook.cells[0].outputs = [new_output("display_data", data={"image/png": "aGk="})]
    assert rules.unguarded(notebook) == [0]


def test_words_are_counted_without_code_and_formulas():
    text = "Two words\n\n:::{exercise} Title\n:label: ex-a\nthree more words $x + y = z$ `code here`\n:::"
    assert rules.word_count(new_notebook(cells=[new_markdown_cell(text)])) == 5


def test_a_shared_phrase_is_found():
    one = new_notebook(cells=[new_markdown_cell("Here the quick brown fox jumps over it.")])
    other = new_notebook(cells=[new_markdown_cell("And the quick brown fox\njumps over again.")])
    assert rules.phrases(one) & rules.phrases(other) == {("the", "quick", "brown", "fox", "jumps", "over")}


def test_an_answer_in_plain_sight_is_found():
    bet, another = (new_markdown_cell(f":::{{prediction}}\n\nHow {what}?\n:::") for what in ("many", "far"))
    shown = new_code_cell("6 * 7", outputs=[new_output("stream", text="42")])
    folded = new_code_cell("6 * 7", outputs=shown.outputs, metadata={"tags": ["hide-output"]})
    between = new_code_cell("answer = 6 * 7")
    assert rules.in_plain_sight(new_notebook(cells=[bet, between, folded, shown])) == []
    assert rules.in_plain_sight(new_notebook(cells=[bet, shown])) == [bet.source]
    assert rules.in_plain_sight(new_notebook(cells=[bet, shown, another, folded])) == [bet.source]
    assert rules.in_plain_sight(new_notebook(cells=[folded])) == [folded.source]


def _how_notebooks_are_run():
    """notebooks/conftest.py, which pytest loads as one `conftest` of several."""
    file = Path(__file__).parents[2] / "notebooks" / "conftest.py"
    specification = importlib.util.spec_from_file_location("how_notebooks_are_run", file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("made", "alike"),
    [
        ("M 1.23 4.5 L 7 8", True),
        ("M 1.27 4.5 L 7 8", True),
        ("M 1.29 4.5 L 7 8", False),
        ("M 1.23 4.5 L 7", False),
    ],
)
def test_a_drawing_may_differ_by_what_nobody_sees(made, alike):
    assert _how_notebooks_are_run().drawn_alike(made, "M 1.23 4.5 L 7 8") == alike
