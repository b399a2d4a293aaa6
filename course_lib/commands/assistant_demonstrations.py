"""Learning from demonstrations, and the loop of updates that the stages after it use too.

What differs between the stages is the loss of a step; ``descend`` makes the updates of all three.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.commands.assistant_answers import spell
from course_lib.commands.next_token_training import adamw
from course_lib.foundations.schedules import cosine
from course_lib.models.gpt import GPT
from course_lib.training.answers import answer_loss, prompts_with_answers

WARMUP_SHARE = 0.1


class Demonstrations(NamedTuple):
    """Settings of ``learn_from_demonstrations``; ``learning_rate`` is the highest of the schedule."""

    steps: int
    batch_size: int
    learning_rate: float


def layout(model: GPT, prompts: Sequence[str], answers: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Spell prompts and answers for training, on the model's device.

    Args:
        model: that is to read them.
        prompts: at least one.
        answers: one each.

    Returns:
        ``(inputs, targets)`` as ``prompts_with_answers``.

    Raises:
        ValueError: as ``prompts_with_answers``.

    Taught in: "From language model to assistant, in miniature".
    """
    inputs, targets = prompts_with_answers([spell(p) for p in prompts], [spell(a) for a in answers])
    device = model.token_embedding.weight.device
    return inputs.to(device), targets.to(device)


def descend(
    model: nn.Module, loss_of_step: Callable[[int], Tensor | None], *, steps: int, learning_rate: float
) -> list[float]:
    """Make updates with AdamW, the learning rate warming up over a tenth of them and falling along a cosine.

    Args:
        model: changed in place; parameters that ask for no gradient stay.
        loss_of_step: from the step, 0 … steps − 1, to its loss, or to ``None`` where nothing can be learnt.
        steps: updates, at least 1.
        learning_rate: the highest, above 0.

    Returns:
        The losses, without those that were ``None``.

    Raises:
        ValueError: if ``steps`` is below 1 or ``learning_rate`` is not finite and above 0.
        FloatingPointError: if a loss is NaN or infinite; names the step.

    Taught in: "From language model to assistant, in miniature".
    """
    if steps < 1 or not 0 < learning_rate < math.inf:
        raise ValueError(f"steps must be at least 1 and learning_rate above 0, got {steps}, {learning_rate}")
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = adamw(trained, learning_rate=learning_rate, weight_decay=0.0)
    losses: list[float] = []
    model.train()
    for step in range(steps):
        factor = cosine(step + 1, total=steps + 1, warmup=int(WARMUP_SHARE * steps))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * factor
        loss = loss_of_step(step)
        if loss is None:
            continue
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f"the loss is {losses[-1]} at step {step}: it diverged")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
    model.eval()
    return losses


def learn_from_demonstrations(
    model: GPT,
    prompts: Sequence[str],
    answers: Sequence[str],
    settings: Demonstrations,
    *,
    generator: torch.Generator,
) -> list[float]:
    """Supervised fine-tuning: cross-entropy of the answers, prompts masked.

    Args:
        model: changed in place.
        prompts: what was asked.
        answers: what people answered, one each.
        settings: steps, batch size, learning rate.
        generator: a CPU generator; draws the batches.

    Returns:
        The losses, nats a token.

    Raises:
        ValueError: if there is not one answer a prompt.

    Source: L. Ouyang et al., arXiv:2203.02155, section 3.5.
    Taught in: "From language model to assistant, in miniature".
    """
    if len(prompts) != len(answers) or not prompts:
        raise ValueError(f"answers must be one for each prompt, got {len(answers)} for {len(prompts)}")

    def loss_of_step(_: int) -> Tensor:
        places = torch.randint(len(prompts), (settings.batch_size,), generator=generator).tolist()
        inputs, targets = layout(model, [prompts[i] for i in places], [answers[i] for i in places])
        return answer_loss(model(inputs), targets)

    return descend(model, loss_of_step, steps=settings.steps, learning_rate=settings.learning_rate)
