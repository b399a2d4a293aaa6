"""The stages to an assistant (pretraining, SFT, DPO, GRPO), each a function of a model, a budget, a seed.

``LIVE`` fits a notebook cell on one core, ``FULL`` is what the record was measured with; on a GPU the same
functions run with ``device="cuda"`` and a larger budget still.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch

from course_lib.assistant.dpo import Pair, Preferences, learn_from_preferences, right_before_wrong
from course_lib.assistant.grpo import Reward, Rewards, exact, learn_from_rewards
from course_lib.assistant.sft import Demonstrations, learn_from_demonstrations
from course_lib.data.instructions import demonstrations, draw_instructions
from course_lib.models.fast_linear import convolve_linears
from course_lib.models.gpt import GPT
from course_lib.pretrained.gpts import load

COURTEOUS = 0.3  # share of the people who greet before they answer


class Budget(NamedTuple):
    """How many instructions people answer, how many make pairs, and the settings."""

    shown: int
    compared: int
    demonstrations: Demonstrations
    preferences: Preferences
    rewards: Rewards


LIVE = Budget(
    4000, 800, Demonstrations(300, 32, 4e-3), Preferences(32, 3e-4, beta=0.1), Rewards(30, 16, 8, 3e-4)
)
FULL = Budget(
    12000, 2000, Demonstrations(800, 24, 4e-3), Preferences(32, 3e-4, beta=0.1), Rewards(90, 16, 8, 5e-4)
)


class Outcome(NamedTuple):
    """A model after a stage, and what the stage saw: losses, or mean rewards of the tries."""

    model: GPT
    curve: list[float]


def pretrained(device: torch.device | str = "cpu") -> GPT:
    """The shipped English model, made ready; see ``ready``."""
    return ready(load("moby").model, device)


def ready(model: GPT, device: torch.device | str) -> GPT:
    """Put a model on a device, in eval mode; on the CPU its linear maps are computed as convolutions."""
    if torch.device(device).type == "cpu":
        convolve_linears(model)
    return model.to(device).eval()


def run_sft(model: GPT, budget: Budget, seed: int) -> Outcome:
    """Supervised fine-tuning (SFT): people answer training instructions, the model, changed in place, learns.

    ``seed`` draws instructions, manners and batches; the curve is the losses, nats per token.
    """
    generator = torch.Generator().manual_seed(seed)
    asked = draw_instructions(budget.shown, split="train", generator=generator)
    shown = demonstrations(asked, courteous=COURTEOUS, generator=generator)
    prompts = [instruction.prompt for instruction in asked]
    losses = learn_from_demonstrations(model, prompts, shown, budget.demonstrations, generator=generator)
    return Outcome(model, losses)


def run_dpo(
    model: GPT, budget: Budget, seed: int, judge: Callable[..., list[Pair]] = right_before_wrong
) -> Outcome:
    """DPO: a judge makes pairs of the model's answers, and a copy of the model learns from them.

    ``seed`` draws instructions, answers and order; ``judge`` is ``right_before_wrong`` or
    ``longer_before_shorter``. The curve is the losses, nats per pair.
    """
    learner, generator, draws = _learner(model, seed)
    asked = draw_instructions(budget.compared, split="train", generator=generator)
    pairs = judge(learner, asked, generator=draws)
    losses = learn_from_preferences(learner, pairs, budget.preferences, generator=generator)
    return Outcome(learner, losses)


def run_grpo(model: GPT, budget: Budget, seed: int, reward: Reward = exact, *, beta: float = 0.0) -> Outcome:
    """GRPO: a copy of the model tries, and learns from what ``reward`` gives for its answers.

    ``seed`` draws instructions and answers, ``beta`` is the price of leaving ``model``. The curve is the mean
    reward of each round of tries.
    """
    learner, generator, draws = _learner(model, seed)
    settings = budget.rewards._replace(beta=beta)
    return Outcome(learner, learn_from_rewards(learner, reward, settings, generator=generator, draws=draws))


def _learner(model: GPT, seed: int) -> tuple[GPT, torch.Generator, torch.Generator]:
    """A copy, a generator on the CPU and one on the model's device: the same one where that is the CPU."""
    device = model.token_embedding.weight.device
    generator = torch.Generator().manual_seed(seed)
    if device.type == "cpu":
        return copy.deepcopy(model), generator, generator
    return copy.deepcopy(model), generator, torch.Generator(device).manual_seed(seed)
