"""The stages that the assistant's record compares, by name: the library's, and rivals of theirs."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch

from course_lib.assistant.dpo import longer_before_shorter
from course_lib.assistant.grpo import impressed
from course_lib.assistant.sft import Demonstrations
from course_lib.assistant.stages import Budget, Outcome, pretrained, ready, run_dpo, run_grpo, run_sft
from course_lib.models.gpt import GPT
from course_lib.models.lora import add_lora
from course_lib.pretrained.gpts import load

TARGETS = ("qkv_proj", "output_proj", "expand", "contract")
RANK, ALPHA = 16, 64
PRICE = 1.0  # β of the reward stage, where there is one


def untrained(seed: int, device: torch.device | str = "cpu") -> GPT:
    """A model of the shipped one's shape that has read nothing, in eval mode; ``seed`` draws its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ready(GPT(**load("moby").card["model"]), device)


def adapted(seed: int, device: torch.device | str = "cpu") -> GPT:
    """The shipped model frozen, with adapters that learn in its place.

    In eval mode, and to the bit the same function as without adapters, which ``seed`` draws.
    """
    model = load("moby").model
    add_lora(model, TARGETS, RANK, ALPHA, generator=torch.Generator().manual_seed(seed))
    return ready(model, device)


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
    """Run one of ``STAGES`` by its name; ``seed`` draws everything.

    Args:
        stage: its name.
        budget: how much.
        seed: at least 0.
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
