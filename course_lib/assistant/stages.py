"""The stages to an assistant (pretraining, SFT, DPO, GRPO), each a function of a model, a budget, a seed.

``LIVE`` fits a notebook cell on one core, ``FULL`` is what the record was measured with; on a GPU the same
functions run with ``device="cuda"`` and a larger budget still.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch

from course_lib.assistant.dpo import (
    Pair,
    Preferences,
    learn_from_preferences,
    longer_before_shorter,
    right_before_wrong,
)
from course_lib.assistant.grpo import Reward, Rewards, exact, impressed, learn_from_rewards
from course_lib.assistant.sft import Demonstrations, learn_from_demonstrations
from course_lib.data.instructions import Instruction, demonstrations, draw_instructions
from course_lib.models.fast_linear import convolve_linears
from course_lib.models.gpt import GPT
from course_lib.models.lora import add_lora
from course_lib.pretrained.gpts import load

COURTEOUS = 0.3  # share of the people who greet before they answer
TARGETS = ("qkv_proj", "output_proj", "expand", "contract")
RANK, ALPHA = 16, 64
PRICE = 1.0  # β of the reward stage, where there is one


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
    """The shipped English model, in eval mode; on the CPU its linear maps are computed as convolutions."""
    return _ready(load("moby").model, device)


def untrained(seed: int, device: torch.device | str = "cpu") -> GPT:
    """A model of the same shape that has read nothing, in eval mode; ``seed`` draws its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _ready(GPT(**load("moby").card["model"]), device)


def adapted(seed: int, device: torch.device | str = "cpu") -> GPT:
    """The shipped model frozen, with adapters that learn in its place.

    In eval mode, and to the bit the same function as without adapters, which ``seed`` draws.
    """
    model = load("moby").model
    add_lora(model, TARGETS, RANK, ALPHA, generator=torch.Generator().manual_seed(seed))
    return _ready(model, device)


def run_sft(model: GPT, budget: Budget, seed: int) -> Outcome:
    """Supervised fine-tuning (SFT): people answer training instructions, the model learns from them.

    Args:
        model: changed in place.
        budget: how much.
        seed: draws instructions, manners and batches.

    Returns:
        The model and the losses, nats per token.
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
    """DPO: a judge compares answers, and a copy of the model learns from that.

    Args:
        model: writes the answers that are compared; left as it is.
        budget: how much.
        seed: draws instructions, answers and order.
        judge: makes pairs of a model and instructions: ``right_before_wrong``, ``longer_before_shorter``.

    Returns:
        The copy and the losses, nats per pair.
    """
    learner, generator, draws = _learner(model, seed)
    asked: list[Instruction] = draw_instructions(budget.compared, split="train", generator=generator)
    pairs = judge(learner, asked, generator=draws)
    losses = learn_from_preferences(learner, pairs, budget.preferences, generator=generator)
    return Outcome(learner, losses)


def run_grpo(model: GPT, budget: Budget, seed: int, reward: Reward = exact, *, beta: float = 0.0) -> Outcome:
    """GRPO: a copy of the model tries, and learns from its rewards.

    Args:
        model: left as it is.
        budget: how much.
        seed: draws instructions and answers.
        reward: marks an answer.
        beta: the price of leaving ``model``.

    Returns:
        The copy and the mean reward of each round of tries.
    """
    learner, generator, draws = _learner(model, seed)
    settings = budget.rewards._replace(beta=beta)
    return Outcome(learner, learn_from_rewards(learner, reward, settings, generator=generator, draws=draws))


# What starts from the model that learnt from demonstrations.
AFTER_DEMONSTRATIONS: dict[str, Callable[[GPT, Budget, int], Outcome]] = {
    "more": lambda model, budget, seed: run_sft(
        copy.deepcopy(model), budget._replace(demonstrations=_as_many(budget)), seed + 1000
    ),
    "dpo": run_dpo,
    "grpo": run_grpo,
    "dpo_longer": lambda model, budget, seed: run_dpo(model, budget, seed, longer_before_shorter),
    "grpo_impressed": lambda model, budget, seed: run_grpo(model, budget, seed, impressed),
    "grpo_impressed_kl": lambda model, budget, seed: run_grpo(model, budget, seed, impressed, beta=PRICE),
}
STAGES = ("pretrained", "sft_untrained", "sft_lora", "sft", *AFTER_DEMONSTRATIONS)


def run_stage(
    stage: str, budget: Budget, seed: int, *, after: GPT | None = None, device: torch.device | str = "cpu"
) -> Outcome:
    """Run one stage by its name.

    Args:
        stage: one of ``STAGES``.
        budget: how much.
        seed: draws everything.
        after: the model that learnt from demonstrations, for the stages that start from it.
        device: where the other stages make theirs.

    Returns:
        The model and its curve, empty for ``"pretrained"``.

    Raises:
        ValueError: if there is no such stage, or ``after`` is missing.
    """
    if stage not in STAGES:
        raise ValueError(f"stage must be one of {', '.join(STAGES)}, got {stage!r}")
    if stage in AFTER_DEMONSTRATIONS:
        if after is None:
            raise ValueError(f"after must be a model that learnt from demonstrations for {stage!r}, got None")
        return AFTER_DEMONSTRATIONS[stage](after, budget, seed)
    if stage == "pretrained":
        return Outcome(pretrained(device), [])
    if stage == "sft_untrained":
        return run_sft(untrained(seed, device), budget, seed)
    if stage == "sft_lora":
        return run_sft(adapted(seed, device), budget, seed)
    return run_sft(pretrained(device), budget, seed)


def _as_many(budget: Budget) -> Demonstrations:
    """As many updates as the reward stage makes, at its learning rate."""
    return budget.demonstrations._replace(
        steps=budget.rewards.steps, learning_rate=budget.rewards.learning_rate
    )


def _ready(model: GPT, device: torch.device | str) -> GPT:
    if torch.device(device).type == "cpu":
        convolve_linears(model)
    return model.to(device).eval()


def _learner(model: GPT, seed: int) -> tuple[GPT, torch.Generator, torch.Generator]:
    """A copy, a generator on the CPU and one on the model's device: the same one where that is the CPU."""
    device = model.token_embedding.weight.device
    generator = torch.Generator().manual_seed(seed)
    if device.type == "cpu":
        return copy.deepcopy(model), generator, generator
    return copy.deepcopy(model), generator, torch.Generator(device).manual_seed(seed)
