"""GRPO (group relative policy optimisation): reinforcement learning from rewards, PPO's clipped loss."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.assistant.sft import IGNORE_INDEX, layout, token_log_probabilities, train_on
from course_lib.assistant.task import LONGEST_ANSWER, answer
from course_lib.checks import check_at_least, check_floating
from course_lib.data.instructions import Instruction, draw_instructions
from course_lib.models.gpt import GPT


def group_advantages(rewards: Tensor) -> Tensor:
    r"""Advantages: each reward's distance from its group's mean, in the group's standard deviations.

    $$A_{g,i} = \frac{r_{g,i} - \bar r_g}{s_g}, \qquad s_g^2 = \frac1k \sum_{i=1}^{k} (r_{g,i} - \bar r_g)^2$$

    A group of equal rewards teaches nothing: its advantages are 0. ``rewards`` are floating (else
    ``TypeError``), finite, and (groups, k), of k ≥ 2 answers to one prompt in each row (else ``ValueError``).
    The advantages, of the same shape, carry no gradient.

    Source: Z. Shao et al., arXiv:2402.03300, section 4.1.2.
    """
    check_floating(rewards=rewards)
    if rewards.ndim != 2 or rewards.shape[0] == 0 or rewards.shape[1] < 2:
        raise ValueError(f"rewards must be (groups, k) with k at least 2, got {tuple(rewards.shape)}")
    if not rewards.isfinite().all():
        raise ValueError("rewards must be finite, got inf or nan")
    rewards = rewards.detach()
    # A mean of equal numbers can miss them by a rounding, which the division would blow up.
    equal = rewards.amax(dim=1, keepdim=True) == rewards.amin(dim=1, keepdim=True)
    spread = rewards.std(dim=1, correction=0, keepdim=True).masked_fill(equal, 1.0)
    return ((rewards - rewards.mean(dim=1, keepdim=True)) / spread).masked_fill(equal, 0.0)


def clipped_policy_loss(
    log_probabilities: Tensor,
    old: Tensor,
    advantages: Tensor,
    asked: Tensor,
    *,
    clip: float = 0.2,
    reference: Tensor | None = None,
    beta: float = 0.0,
) -> Tensor:
    r"""PPO's clipped policy gradient loss: good answers become likelier, by no more than ε at once.

    $$\begin{gathered}
      L = -\frac1n \sum_{i=1}^{n} \frac{1}{T_i} \sum_{t=1}^{T_i} \left[
      \min\bigl(\rho A_i,\ \operatorname{clip}(\rho, 1 - \varepsilon, 1 + \varepsilon) A_i\bigr)
      - \beta\,(e^{d} - d - 1) \right], \\
      \rho = \frac{\pi(y_t)}{\pi_\text{old}(y_t)}, \qquad d = \ln\frac{\pi_0(y_t)}{\pi(y_t)}
      \end{gathered}$$

    $e^d - d - 1$ is never negative, and its mean over answers drawn from π is KL(π ‖ π₀). The derivative with
    respect to ln π(y_t) is −ρA/(nT), or 0 where the clipped term is the smaller, plus β(1 − e^d)/(nT).

    Args:
        log_probabilities: floating, (n, seq), ln π of each token of n answers, in nats.
        old: (n, seq), the same under the model that wrote the answers; carries no gradient.
        advantages: (n,), of each answer; see ``group_advantages``.
        asked: bool (else ``TypeError``), (n, seq), True at the answers' T tokens, at least one per row.
        clip: ε, above 0, below 1.
        reference: (n, seq), ln π₀, given if and only if ``beta`` is above 0; carries no gradient.
        beta: β, finite and at least 0. ``ValueError`` where an argument is not as described.

    Source: J. Schulman et al., arXiv:1707.06347, equation 7; Z. Shao et al., arXiv:2402.03300, equations 3–4.
    """
    _check(log_probabilities, old, advantages, asked, reference)
    if not 0 < clip < 1:
        raise ValueError(f"clip must be above 0 and below 1, got {clip}")
    if not 0 <= beta < float("inf"):
        raise ValueError(f"beta must be finite and at least 0, got {beta}")
    if (reference is None) != (beta == 0):
        given = "none" if reference is None else "one"
        raise ValueError(
            f"reference is needed where beta is above 0, and only there: got {given}, beta={beta}"
        )
    # What is not asked may hold anything, -inf too: take it out before it meets an exp.
    current = log_probabilities.masked_fill(~asked, 0.0)
    ratio = torch.exp(current - old.detach().masked_fill(~asked, 0.0))
    gain = advantages.detach()[:, None]
    worth = torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)
    if reference is not None:
        d = reference.detach().masked_fill(~asked, 0.0) - current
        worth = worth - beta * (torch.exp(d) - d - 1)
    return -((worth * asked).sum(dim=1) / asked.sum(dim=1)).mean()


def _check(
    log_probabilities: Tensor, old: Tensor, advantages: Tensor, asked: Tensor, reference: Tensor | None
) -> None:
    if asked.dtype != torch.bool:
        raise TypeError(f"asked must be bool, True at an answer's tokens, got {asked.dtype}")
    shape = tuple(log_probabilities.shape)
    if log_probabilities.ndim != 2 or 0 in shape:
        raise ValueError(f"log_probabilities must be (n, seq), neither of them 0, got {shape}")
    others = {"old": old, "asked": asked} | ({} if reference is None else {"reference": reference})
    for name, other in others.items():
        if tuple(other.shape) != shape:
            raise ValueError(f"{name} must be {shape} as log_probabilities, got {tuple(other.shape)}")
    if tuple(advantages.shape) != shape[:1]:
        raise ValueError(f"advantages must be ({shape[0]},), one per answer, got {tuple(advantages.shape)}")
    if not asked.any(dim=1).all():
        raise ValueError(
            f"asked must hold a token in each row, row {int(asked.any(dim=1).int().argmin())} has none"
        )


Reward = Callable[[str, Instruction], float]


class Rewards(NamedTuple):
    """Settings of ``learn_from_rewards``.

    ``steps`` updates; before every ``uses``-th of them ``groups`` instructions are drawn and answered
    ``answers`` times each. ``beta`` weighs the KL divergence from the model that training began with.
    """

    steps: int
    groups: int
    answers: int
    learning_rate: float
    uses: int = 1
    beta: float = 0.0


class _Tries(NamedTuple):
    """Answers tried, laid out for training. With beta = 0, groups with equal rewards are left out."""

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
    """``occurs``, and up to 1 more for length: a reward that can be hacked with long answers."""
    return occurs(given, instruction) + len(given) / LONGEST_ANSWER


def learn_from_rewards(
    model: GPT,
    reward: Reward,
    settings: Rewards,
    *,
    generator: torch.Generator,
    draws: torch.Generator | None = None,
) -> list[float]:
    """Group relative policy optimisation, in place, on training instructions, answers drawn at temperature 1.

    ``generator``, on the CPU, draws the instructions; ``draws``, on the model's device, the answers, ``None``
    takes ``generator``. Returns the mean reward of each round, ⌈steps/uses⌉ numbers; ``ValueError`` if
    a setting is out of range.

    Source: Z. Shao et al., arXiv:2402.03300, section 4.1.
    """
    check_at_least(1, uses=settings.uses)
    reference = copy.deepcopy(model).requires_grad_(False) if settings.beta else None
    curve: list[float] = []
    tries: _Tries | None = None

    def loss_of_step(step: int) -> Tensor | None:
        nonlocal tries
        if step % settings.uses == 0:
            instructions = draw_instructions(settings.groups, split="train", generator=generator)
            tries, mean = _try(model, reference, reward, instructions, settings.answers, draws or generator)
            curve.append(mean)
        return None if tries is None else _loss(model, tries, settings.beta)

    train_on(model, loss_of_step, steps=settings.steps, learning_rate=settings.learning_rate)
    return curve


def _try(
    model: GPT,
    reference: GPT | None,
    reward: Reward,
    instructions: list[Instruction],
    answers: int,
    draws: torch.Generator,
) -> tuple[_Tries | None, float]:
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
    return _Tries(inputs, targets, gains, old, far, len(kept) / len(asked)), rewards.mean().item()


def _loss(model: GPT, tries: _Tries, beta: float) -> Tensor:
    """The mean over all answers: those left out have an advantage of 0, and so a gradient of 0."""
    now = token_log_probabilities(model(tries.inputs), tries.targets)
    loss = clipped_policy_loss(
        now, tries.old, tries.advantages, tries.targets != IGNORE_INDEX, reference=tries.reference, beta=beta
    )
    return tries.share * loss
