"""Learning from preferences: pairs of answers, of which one is the better, and DPO on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.commands.assistant_answers import answer
from course_lib.commands.assistant_demonstrations import descend, layout
from course_lib.data.instructions import Instruction
from course_lib.models.gpt import GPT
from course_lib.training.answers import answer_log_probabilities
from course_lib.training.preference import dpo_loss

_READ_AT_ONCE = 128  # answers, where nothing is trained


class Preferences(NamedTuple):
    """Settings of ``learn_from_preferences``; ``learning_rate`` is the highest of the schedule."""

    batch_size: int
    learning_rate: float
    beta: float
    epochs: int = 1


class Pair(NamedTuple):
    """Two answers to one prompt."""

    prompt: str
    better: str
    worse: str


def right_before_wrong(
    model: GPT, instructions: Sequence[Instruction], *, generator: torch.Generator
) -> list[Pair]:
    """Draw an answer to each instruction, and prefer the right one to it where it is wrong.

    Args:
        model: answers at temperature 1.
        instructions: at least one.
        generator: draws the answers, on the model's device.

    Returns:
        A pair for each wrong answer, in the instructions' order.

    Raises:
        ValueError: if there is no instruction.

    Taught in: "From language model to assistant, in miniature".
    """
    written = answer(model, [i.prompt for i in instructions], temperature=1.0, generator=generator)
    return [
        Pair(instruction.prompt, instruction.answer, given)
        for instruction, given in zip(instructions, written, strict=True)
        if given != instruction.answer
    ]


def longer_before_shorter(
    model: GPT, instructions: Sequence[Instruction], *, generator: torch.Generator
) -> list[Pair]:
    """Draw two answers to each instruction and prefer the longer: a judge who takes length for care.

    Args:
        model: answers at temperature 1.
        instructions: at least one; their right answers are not looked at.
        generator: draws the answers, on the model's device.

    Returns:
        A pair for each instruction whose answers differ in length, in the instructions' order.

    Raises:
        ValueError: if there is no instruction.

    Source: P. Singhal et al., arXiv:2310.03716 (length as a shortcut).
    Taught in: "From language model to assistant, in miniature".
    """
    prompts = [instruction.prompt for instruction in instructions]
    first, second = (answer(model, prompts, temperature=1.0, generator=generator) for _ in range(2))
    return [
        Pair(prompt, *sorted(two, key=len, reverse=True))
        for prompt, *two in zip(prompts, first, second, strict=True)
        if len(two[0]) != len(two[1])
    ]


def learn_from_preferences(
    model: GPT, pairs: Sequence[Pair], settings: Preferences, *, generator: torch.Generator
) -> list[float]:
    """Direct preference optimisation; the reference is the model as it comes in.

    Args:
        model: changed in place.
        pairs: at least a batch of them.
        settings: batch size, learning rate, β, epochs; an epoch's last, smaller batch is left out.
        generator: a CPU generator; draws the order.

    Returns:
        The losses, nats a pair.

    Raises:
        ValueError: if there are fewer pairs than ``batch_size``, or a setting is out of range.

    Source: R. Rafailov et al., arXiv:2305.18290, section 4.
    Taught in: "From language model to assistant, in miniature".
    """
    batch = settings.batch_size
    if not 1 <= batch <= len(pairs):
        raise ValueError(f"batch_size must be from 1 to the number of pairs, {len(pairs)}, got {batch}")
    if settings.epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {settings.epochs}")
    with torch.no_grad():
        parts = [
            _log_probabilities(model, pairs[start : start + _READ_AT_ONCE])
            for start in range(0, len(pairs), _READ_AT_ONCE)
        ]
    references = torch.cat(parts, dim=1)
    a_pass = len(pairs) // batch
    orders = [torch.randperm(len(pairs), generator=generator) for _ in range(settings.epochs)]

    def loss_of_step(step: int) -> Tensor:
        start = step % a_pass * batch
        places = orders[step // a_pass][start : start + batch]
        now = _log_probabilities(model, [pairs[i] for i in places.tolist()])
        before = references[:, places.to(references.device)]
        return dpo_loss(*now, *before, beta=settings.beta)

    return descend(model, loss_of_step, steps=a_pass * settings.epochs, learning_rate=settings.learning_rate)


def _log_probabilities(model: GPT, pairs: Sequence[Pair]) -> Tensor:
    """ln π of the better answers and of the worse: (2, pairs)."""
    prompts = [pair.prompt for pair in pairs]
    inputs, targets = layout(model, prompts * 2, [p.better for p in pairs] + [p.worse for p in pairs])
    return answer_log_probabilities(model(inputs), targets).view(2, -1)
