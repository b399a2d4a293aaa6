"""How each small assistant is trained: the live budget's settings, as functions of a seed."""

import copy
from functools import lru_cache

import torch
from torch import nn

from course_lib.assistant.stages import LIVE, Budget, pretrained, run_dpo, run_grpo, run_sft
from course_lib.assistant.task import answer
from course_lib.data.instructions import Instruction, answer_occurs, draw_instructions, exact_match
from course_lib.data.text import MOBY_DICK_SHA256
from course_lib.models.gpt import GPT
from studies.recipes import TOO_SLOW, Data, Recipe

ASKED, ASKING_SEED, DRAWING_SEED = 800, 1, 0


def words_to_ask_about() -> Data:
    """The live budget, by which instructions are drawn, and the hash of the book their words come from."""
    return Data(LIVE, MOBY_DICK_SHA256)


def train_on_demonstrations(budget: Budget, seed: int, learning_rate: float) -> nn.Module:
    """Teach the shipped English model by demonstrations.

    Args:
        budget: how many, and how long.
        seed: draws demonstrations and batches.
        learning_rate: the highest, above 0.

    Returns:
        The model.
    """
    settings = budget.demonstrations._replace(learning_rate=learning_rate)
    return copy.deepcopy(_demonstrated(budget._replace(demonstrations=settings), seed))


def train_on_preferences(budget: Budget, seed: int, learning_rate: float) -> nn.Module:
    """Teach it by demonstrations, then by preferences: right answers before its own wrong ones.

    Args:
        budget: how much of both.
        seed: of both.
        learning_rate: of the preferences' stage, above 0.

    Returns:
        The model.
    """
    settings = budget.preferences._replace(learning_rate=learning_rate)
    return run_dpo(_demonstrated(budget, seed), budget._replace(preferences=settings), seed).model


def train_on_rewards(budget: Budget, seed: int, learning_rate: float) -> nn.Module:
    """Teach it by demonstrations, then by rewards: 1 for exactly the right answer.

    Args:
        budget: how much of both.
        seed: of both.
        learning_rate: of the rewards' stage, above 0.

    Returns:
        The model.
    """
    settings = budget.rewards._replace(learning_rate=learning_rate)
    return run_grpo(_demonstrated(budget, seed), budget._replace(rewards=settings), seed).model


def measure_exact_match(model: nn.Module) -> float:
    """Measure the share of 800 held-out instructions answered exactly, greedily.

    Args:
        model: a ``GPT`` that reads bytes.

    Returns:
        0 … 1.
    """
    asked = _asked()
    return exact_match(answer(model, [i.prompt for i in asked]), asked)


def measure_plain_share(model: nn.Module) -> float:
    """Measure how many of the answers in which the right one stands are nothing but it.

    Answers to 800 held-out instructions are drawn at temperature 1. What the model can do cancels in this
    ratio, what it makes of it stays: it is what the later stages change most.

    Args:
        model: a ``GPT`` that reads bytes.

    Returns:
        0 … 1; 0 where the right answer stands in none.
    """
    asked, draws = _asked(), torch.Generator().manual_seed(DRAWING_SEED)
    given = answer(model, [i.prompt for i in asked], temperature=1.0, generator=draws)
    there = answer_occurs(given, asked)
    return exact_match(given, asked) / there if there else 0.0


def _asked() -> list[Instruction]:
    return draw_instructions(ASKED, split="test", generator=torch.Generator().manual_seed(ASKING_SEED))


@lru_cache(maxsize=16)
def _demonstrated(budget: Budget, seed: int) -> GPT:
    """Kept, as both later stages start from it; they train copies."""
    return run_sft(pretrained(), budget, seed).model


_MASK = "the prompt is asked for too, or targets are not shifted by one"
_SEEN = "held-out words were trained on"

RECIPES = {
    "assistant.sft.exact_match": Recipe(
        train_on_demonstrations,
        LIVE.demonstrations.learning_rate,
        10,
        (TOO_SLOW, _MASK, "training began from random weights"),
        (_SEEN, "more demonstrations or updates, or nobody greets in them"),
        words_to_ask_about,
        measure_exact_match,
    ),
    "assistant.dpo.plain_share": Recipe(
        train_on_preferences,
        LIVE.preferences.learning_rate,
        10,
        (TOO_SLOW, "better and worse are exchanged", "the reference is missing, or carries a gradient"),
        ("nobody greets in the demonstrations",),
        words_to_ask_about,
        measure_plain_share,
    ),
    "assistant.grpo.plain_share": Recipe(
        train_on_rewards,
        LIVE.rewards.learning_rate,
        10,
        (TOO_SLOW, "advantages are not centred in each group", "the loss has the wrong sign"),
        ("nobody greets in the demonstrations",),
        words_to_ask_about,
        measure_plain_share,
    ),
}
