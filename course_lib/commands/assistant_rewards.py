"""Learning from rewards: the model tries, an examiner marks, and GRPO makes the better tries likelier."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.commands.assistant_answers import LONGEST_ANSWER, answer
from course_lib.commands.assistant_demonstrations import descend, layout
from course_lib.data.instructions import Instruction, draw_instructions
from course_lib.models.gpt import GPT
from course_lib.training.answers import NOT_ASKED, token_log_probabilities
from course_lib.training.policy_gradient import clipped_policy_loss, group_advantages

Reward = Callable[[str, Instruction], float]


class Rewards(NamedTuple):
    """Settings of ``learn_from_rewards``.

    ``steps`` updates; before every ``uses``-th of them ``groups`` instructions are drawn and answered
    ``answers`` times each. ``beta`` is the price of leaving the model training began with.
    """

    steps: int
    groups: int
    answers: int
    learning_rate: float
    uses: int = 1
    beta: float = 0.0


class Tries(NamedTuple):
    """Answers tried, laid out for training; those without a slope, as their group is all alike, left out."""

    inputs: Tensor
    targets: Tensor
    advantages: Tensor
    old: Tensor
    reference: Tensor | None
    share: float


def exact(given: str, instruction: Instruction) -> float:
    """1 for the right answer and nothing else, 0 otherwise."""
    return float(given == instruction.answer)


def occurs(given: str, instruction: Instruction) -> float:
    """1 wherever the right answer stands in what was written, 0 otherwise: an examiner who only skims."""
    return float(instruction.answer.strip() in given)


def impressed(given: str, instruction: Instruction) -> float:
    """``occurs``, and up to 1 more for length: an examiner who takes many words for much work."""
    return occurs(given, instruction) + len(given) / LONGEST_ANSWER


def learn_from_rewards(
    model: GPT,
    reward: Reward,
    settings: Rewards,
    *,
    generator: torch.Generator,
    draws: torch.Generator | None = None,
) -> list[float]:
    """Group relative policy optimisation on training instructions, answers drawn at temperature 1.

    Args:
        model: changed in place.
        reward: from an answer and its instruction to a number.
        settings: how many of what.
        generator: a CPU generator; draws the instructions.
        draws: draws the answers, on the model's device; ``None`` takes ``generator``, which fits a model on
            the CPU.

    Returns:
        The mean reward of each round of tries: ⌈steps/uses⌉ numbers.

    Raises:
        ValueError: if a setting is out of range.

    Source: Z. Shao et al., arXiv:2402.03300, section 4.1.
    Taught in: "From language model to assistant, in miniature".
    """
    if settings.uses < 1:
        raise ValueError(f"uses must be at least 1, got {settings.uses}")
    reference = copy.deepcopy(model).requires_grad_(False) if settings.beta else None
    curve: list[float] = []
    tries: Tries | None = None

    def loss_of_step(step: int) -> Tensor | None:
        nonlocal tries
        if step % settings.uses == 0:
            instructions = draw_instructions(settings.groups, split="train", generator=generator)
            tries, mean = _try(model, reference, reward, instructions, settings.answers, draws or generator)
            curve.append(mean)
        return None if tries is None else _loss(model, tries, settings.beta)

    descend(model, loss_of_step, steps=settings.steps, learning_rate=settings.learning_rate)
    return curve


def _try(
    model: GPT,
    reference: GPT | None,
    reward: Reward,
    instructions: list[Instruction],
    answers: int,
    draws: torch.Generator,
) -> tuple[Tries | None, float]:
    """Answer each instruction several times; what can be learnt from, and the mean reward."""
    asked = [instruction for instruction in instructions for _ in range(answers)]
    written = answer(model, [i.prompt for i in asked], temperature=1.0, generator=draws)
    rewards = torch.tensor([reward(given, i) for given, i in zip(written, asked, strict=True)])
    advantages = group_advantages(rewards.view(-1, answers)).flatten()
    matters = advantages != 0 if reference is None else torch.ones_like(advantages)
    kept = matters.nonzero()[:, 0].tolist()
    if not kept:
        return None, rewards.mean().item()
    inputs, targets = layout(model, [asked[i].prompt for i in kept], [written[i] for i in kept])
    with torch.no_grad():
        old = token_log_probabilities(model(inputs), targets)
        far = None if reference is None else token_log_probabilities(reference(inputs), targets)
    gains = advantages[kept].to(inputs.device)
    return Tries(inputs, targets, gains, old, far, len(kept) / len(asked)), rewards.mean().item()


def _loss(model: GPT, tries: Tries, beta: float) -> Tensor:
    """The mean over all answers: those left out have an advantage of 0 and so no slope."""
    now = token_log_probabilities(model(tries.inputs), tries.targets)
    loss = clipped_policy_loss(
        now, tries.old, tries.advantages, tries.targets != NOT_ASKED, reference=tries.reference, beta=beta
    )
    return tries.share * loss
