"""The chapter on the small assistant trains and examines it as its bands were made."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from studies import recipes_assistant as recipes

CHAPTER = Path(__file__).resolve().parents[2] / "notebooks" / "13_assistant.ipynb"


@pytest.fixture(scope="module")
def code() -> str:
    cells = nbformat.read(CHAPTER, as_version=4).cells
    return re.sub(r"\s+", " ", "\n".join(cell.source for cell in cells if cell.cell_type == "code"))


def test_every_recipe_is_judged(code):
    assert set(re.findall(r'bands\.check\( ?"([^"]+)"', code)) == recipes.RECIPES.keys()


def test_the_exam_is_that_of_the_bands(code):
    drawn = re.findall(
        r'exam = draw_instructions\( ?(\d+), split="(\w+)", '
        r"generator=torch\.Generator\(\)\.manual_seed\((\d+)\)",
        code,
    )
    assert drawn == [(str(recipes.ASKED), "test", str(recipes.ASKING_SEED))]
    (seed,) = re.findall(r"def drawn\(model\): noise = torch\.Generator\(\)\.manual_seed\((\d+)\)", code)
    assert int(seed) == recipes.DRAWING_SEED


def test_each_stage_has_the_live_budget_and_starts_where_the_recipe_does(code):
    assert "budget = stages.LIVE #" in code
    assert recipes.words_to_ask_about().examples is recipes.LIVE
    assert "sft = stages.run_sft(stages.pretrained(), budget, seed=0).model" in code
    assert "dpo = stages.run_dpo(sft, budget, seed=0).model" in code
    assert "grpo = stages.run_grpo(sft, budget, seed=0)" in code
