"""Every chapter's notebook: its size, its rhythm, and that nothing in it goes unchecked."""

from __future__ import annotations

import itertools
import statistics
import tempfile
from pathlib import Path

import execute_notebooks
import nbformat
import notebook_rules as rules
import pytest
from zero_slides.tags import SLIDE_TAGS

from course_classroom.chapter_exercises import find_stubs, load

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NUMBERED = [path for path in CHAPTERS if path.name[:2].isdigit()]  # claims.ipynb sets no exercises


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    """One chapter after the other."""
    return nbformat.read(request.param, as_version=4)


@pytest.fixture(params=NUMBERED, ids=lambda path: path.stem)
def numbered(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    """One numbered chapter after the other."""
    return nbformat.read(request.param, as_version=4)


def test_there_are_chapters():
    assert len(CHAPTERS) >= 3


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_stored_in_normal_form(path: Path):
    assert execute_notebooks.is_normal(path), f"run `make notebooks NOTEBOOKS={path.relative_to(ROOT)}`"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_at_most_300_kb(path: Path):
    assert path.stat().st_size <= 300_000


def test_only_known_tags(chapter):
    unknown = {tag for cell in chapter.cells for tag in rules.tags(cell)} - {*rules.ALLOWED_TAGS, *SLIDE_TAGS}
    assert not unknown, f"give {unknown} a reason in ALLOWED_TAGS or remove them"


def test_nothing_unchecked(chapter):
    cells = rules.code_cells(chapter)
    bare = rules.unguarded(chapter)
    assert not bare, "no assertion that can fail guards:\n\n" + "\n---\n".join(cells[i].source for i in bare)


def test_four_cells_in_five_are_compared(chapter):
    cells = rules.code_cells(chapter)
    strict = [cell for cell in cells if rules.UNCHECKED not in rules.tags(cell)]
    assert len(strict) >= 0.8 * len(cells)


def test_no_comment_switches_the_comparison_off(chapter):
    assert not [cell.source for cell in rules.code_cells(chapter) if "NBVAL_" in cell.source.upper()]


def test_one_idea_a_cell(chapter):
    lengths = [rules.line_count(cell) for cell in rules.code_cells(chapter)]
    assert max(lengths) <= 30


def test_most_cells_are_short(numbered):
    assert statistics.median(map(rules.line_count, rules.code_cells(numbered))) <= 8


def test_a_claim_is_settled_within_20_lines():
    page = nbformat.read(ROOT / "notebooks" / "claims.ipynb", as_version=4)
    assert max(map(rules.line_count, rules.code_cells(page))) <= 20


def test_no_empty_cell(chapter):
    assert not [place for place, cell in enumerate(chapter.cells) if not cell.source.strip()]


def test_every_cell_was_run(chapter):
    counts = [cell.execution_count for cell in rules.code_cells(chapter)]
    assert counts == list(range(1, len(counts) + 1))


def test_what_answers_a_prediction_is_folded(chapter):
    assert not rules.in_plain_sight(chapter)


def test_one_deliberate_failure(chapter):
    failing = [cell for cell in rules.code_cells(chapter) if "raises-exception" in rules.tags(cell)]
    assert failing
    for cell in failing:
        assert any(output.output_type == "error" for output in cell.outputs), f"did not fail:\n{cell.source}"


def test_only_tagged_cells_fail(chapter):
    for cell in rules.code_cells(chapter):
        if "raises-exception" not in rules.tags(cell):
            assert not any(output.output_type == "error" for output in cell.outputs), cell.source


def test_setup_is_at_most_15_lines(chapter):
    assert rules.line_count(rules.code_cells(chapter)[0]) <= 15


def test_length_of_the_text(chapter):
    assert 1500 <= rules.word_count(chapter) <= 3000


def test_three_to_six_exercises(numbered):
    texts = [cell.source for cell in numbered.cells if cell.cell_type == "markdown"]
    exercises = sum(text.count("{exercise}") for text in texts)
    assert 3 <= exercises <= 6


def test_a_prediction_is_asked_in_its_box_and_an_assignment_asks_for_its_own_values():
    texts = "\n".join(cell.source for path in NUMBERED for cell in nbformat.read(path, as_version=4).cells)
    predictions = [stub for stub in find_stubs() if load(stub.exercise).kind == "predict"]
    assert len(predictions) >= 20
    for stub in predictions:
        question = load(stub.exercise).posed()
        label = f"ex-{stub.exercise.replace('/', '-').replace('_', '-')}"
        box = texts.partition(f":label: {label}\n")[2].partition("\n:::")[0]
        assert box.endswith(f"\n\n{question}"), stub.exercise
        assert question not in stub.text


def test_no_output_bears_a_path_of_one_machine(chapter):
    streams = [out.text for cell in rules.code_cells(chapter) for out in cell.outputs if "text" in out]
    assert not [text for text in streams if "site-packages" in text or tempfile.gettempdir() + "/" in text]


def test_figures_have_words_for_who_cannot_see_them(chapter):
    for cell in rules.code_cells(chapter):
        if any({"image/png", "image/svg+xml"} & set(output.get("data", {})) for output in cell.outputs):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) >= 4, f"give the figure an alt text of several words:\n{cell.source}"


def test_no_two_chapters_share_six_words():
    texts = {path.stem: rules.phrases(nbformat.read(path, as_version=4)) for path in CHAPTERS}
    shared = {
        (one, other): sorted(" ".join(phrase) for phrase in texts[one] & texts[other])
        for one, other in itertools.combinations(texts, 2)
    }
    assert not any(shared.values()), {pair: found for pair, found in shared.items() if found}
