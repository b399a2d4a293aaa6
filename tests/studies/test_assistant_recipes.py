"""The small assistants behind the bands: which stage gets the rate, and what their number means."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from course_lib.assistant.dpo import Preferences
from course_lib.assistant.grpo import Rewards
from course_lib.assistant.sft import Demonstrations
from course_lib.assistant.stages import LIVE, Budget, Outcome
from course_lib.models.gpt import GPT
from studies import recipes_assistant
from studies.recipes_assistant import RECIPES, measure_exact_match, measure_plain_share

TINY = Budget(5, 6, Demonstrations(1, 2, 0.01), Preferences(2, 0.02, beta=0.3), Rewards(1, 2, 2, 0.03))


def small_model() -> GPT:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GPT(256, context=32, d_model=8, heads=1, layers=1).eval()


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Budget, int]]]:
    """The stages, watched; none of them trains."""
    run: list[tuple[str, Budget, int]] = []

    def watched(name: str):
        def stage(model: GPT, budget: Budget, seed: int) -> Outcome:
            run.append((name, budget, seed))
            return Outcome(model, [])

        return stage

    for name in ("run_sft", "run_dpo", "run_grpo"):
        monkeypatch.setattr(recipes_assistant, name, watched(name))
    monkeypatch.setattr(recipes_assistant, "pretrained", small_model)
    recipes_assistant._demonstrated.cache_clear()
    yield run
    recipes_assistant._demonstrated.cache_clear()


def test_the_rate_is_that_of_the_last_stage(stages):
    for recipe in RECIPES.values():
        recipe.train(TINY, 3, 0.5)
    slow = TINY._replace(demonstrations=Demonstrations(1, 2, 0.5))
    assert stages == [
        ("run_sft", slow, 3),
        ("run_sft", TINY, 3),
        ("run_dpo", TINY._replace(preferences=Preferences(2, 0.5, beta=0.3)), 3),
        ("run_grpo", TINY._replace(rewards=Rewards(1, 2, 2, 0.5)), 3),
    ]


@pytest.mark.usefixtures("stages")
def test_a_trained_model_is_the_callers_own():
    train = RECIPES["assistant.sft.exact_match"].train
    first = train(TINY, 0, 0.5)
    first.token_embedding.weight.data.zero_()
    assert train(TINY, 0, 0.5).token_embedding.weight.any()


def test_rates_are_the_live_ones():
    assert [recipe.learning_rate for recipe in RECIPES.values()] == [
        LIVE.demonstrations.learning_rate,
        LIVE.preferences.learning_rate,
        LIVE.rewards.learning_rate,
    ]
    assert all(recipe.data().examples == LIVE for recipe in RECIPES.values())


def test_what_the_numbers_mean(monkeypatch):
    asked = []

    def answers(_model, prompts, *, temperature=None, generator=None):
        asked.append((list(prompts), temperature, generator is not None))
        kinds = [instruction.answer for instruction in recipes_assistant._asked()]
        return [
            right if n % 4 == 0 else f"OK: {right}" if n % 4 == 1 else "?" for n, right in enumerate(kinds)
        ]

    monkeypatch.setattr(recipes_assistant, "answer", answers)
    assert measure_exact_match(small_model()) == 0.25
    assert measure_plain_share(small_model()) == 0.5
    monkeypatch.setattr(recipes_assistant, "answer", lambda _, prompts, **__: ["?"] * len(prompts))
    assert measure_plain_share(small_model()) == 0.0
    (greedy, *of_greedy), (drawn, *of_drawn) = asked
    assert greedy == drawn == [instruction.prompt for instruction in recipes_assistant._asked()]
    assert len(greedy) == 800
    assert (of_greedy, of_drawn) == ([None, False], [1.0, True])
