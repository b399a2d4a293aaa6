"""DPO (direct preference optimisation): learning from pairs of answers, derived from Bradley–Terry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.assistant.sft import layout, token_log_probabilities, train_on
from course_lib.assistant.task import answer
from course_lib.checks import check_at_least, check_floating
from course_lib.data.instructions import Instruction
from course_lib.models.gpt import GPT


def dpo_loss(
    better: Tensor, worse: Tensor, reference_better: Tensor, reference_worse: Tensor, *, beta: float
) -> Tensor:
    r"""Direct preference optimisation: Bradley–Terry with the policy's own implicit reward.

    If rewards decide choices, $P(\text{better} \succ \text{worse}) = \sigma(r_+ - r_-)$. The policy that
    maximises $E[r] - \beta\,\mathrm{KL}(\pi \,\|\, \pi_0)$ is $\pi \propto \pi_0 e^{r/\beta}$; solved for r,
    $r(x, y) = \beta \ln(\pi(y|x) / \pi_0(y|x))$ and a term of the prompt alone, which cancels in a pair. So

    $$\begin{gathered}
      L = -\frac1n \sum_i \ln \sigma(u_i), \qquad
      \frac{\partial L}{\partial \ln \pi(y_{i\pm}|x)} = \mp \frac{\beta}{n}\,\sigma(-u_i), \\
      u = \beta \left( \ln\frac{\pi(y_+|x)}{\pi_0(y_+|x)} - \ln\frac{\pi(y_-|x)}{\pi_0(y_-|x)} \right)
      \end{gathered}$$

    ``better`` and ``worse`` are ln π of the preferred answers and of the others, whole answers, in nats; the
    references ln π₀ of the same under the model training began with, without gradient. The larger β, the
    closer the best policy stays to π₀. The loss is in nats per pair: ln 2 where π is π₀. ``TypeError`` if a
    tensor is not floating-point; ``ValueError`` if the shapes are not one (n,), there is no pair, or ``beta``
    is not finite and above 0.

    Source: R. A. Bradley and M. E. Terry, *Biometrika* 39, 1952; R. Rafailov et al., arXiv:2305.18290,
    equations 2, 5 and 7.
    """
    references = {"reference_better": reference_better, "reference_worse": reference_worse}
    for name, row in {"better": better, "worse": worse, **references}.items():
        check_floating(**{name: row})
        if row.ndim != 1 or len(row) == 0:
            raise ValueError(f"{name} must be (n,) with n at least 1, got {tuple(row.shape)}")
        if row.shape != better.shape:
            raise ValueError(f"{name} must be as long as better, got {len(row)} and {len(better)}")
    if not 0 < beta < math.inf:
        raise ValueError(f"beta must be finite and above 0, got {beta}")
    margins = (better - reference_better.detach()) - (worse - reference_worse.detach())
    return -F.logsigmoid(beta * margins).mean()


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
    """Draw an answer to each instruction at temperature 1, and prefer the right one to it where it is wrong.

    ``generator`` is on the model's device. There must be an instruction (else ``ValueError``).
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

    Otherwise as ``right_before_wrong``; the right answers are not looked at.

    Source: P. Singhal et al., arXiv:2310.03716 (length as a shortcut).
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
    """Direct preference optimisation, in place; the reference is the model as it comes in.

    An epoch's last, smaller batch is left out. ``generator``, on the CPU, draws the order. Gives the losses,
    nats per pair; ``ValueError`` if there are fewer pairs than ``batch_size``, or a setting is out of range.

    Source: R. Rafailov et al., arXiv:2305.18290, section 4.
    """
    batch = settings.batch_size
    if not 1 <= batch <= len(pairs):
        raise ValueError(f"batch_size must be from 1 to the number of pairs, {len(pairs)}, got {batch}")
    check_at_least(1, epochs=settings.epochs)
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

    return train_on(model, loss_of_step, steps=a_pass * settings.epochs, learning_rate=settings.learning_rate)


def _log_probabilities(model: GPT, pairs: Sequence[Pair]) -> Tensor:
    """ln π of the better answers and of the worse: (2, pairs)."""
    prompts = [pair.prompt for pair in pairs]
    inputs, targets = layout(model, prompts * 2, [p.better for p in pairs] + [p.worse for p in pairs])
    return token_log_probabilities(model(inputs), targets).sum(dim=1).view(2, -1)
