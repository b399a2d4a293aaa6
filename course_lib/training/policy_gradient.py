"""GRPO: several answers to each prompt, each judged by how much better than its group it did."""

from __future__ import annotations

import torch
from torch import Tensor


def group_advantages(rewards: Tensor) -> Tensor:
    r"""How far each reward lies from its group's mean, in the group's standard deviations.

    $$A_{g,i} = \frac{r_{g,i} - \bar r_g}{s_g}, \qquad s_g^2 = \frac1k \sum_{i=1}^{k} (r_{g,i} - \bar r_g)^2$$

    A group of equal rewards teaches nothing: its advantages are 0.

    Args:
        rewards: floating, (groups, k), of k answers to one prompt in each row, k at least 2; finite.

    Returns:
        (groups, k), of mean 0 in each row, without gradient.

    Raises:
        TypeError: if ``rewards`` is not floating-point.
        ValueError: if it is not (groups, k) with k at least 2, or not finite.

    Source: Z. Shao et al., arXiv:2402.03300, section 4.1.2.
    Taught in: "From language model to assistant, in miniature".
    """
    if not isinstance(rewards, Tensor) or not rewards.is_floating_point():
        kind = rewards.dtype if isinstance(rewards, Tensor) else type(rewards).__name__
        raise TypeError(f"rewards must be a floating-point tensor, got {kind}")
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
    r"""Policy gradient with old answers: make the good ones likelier, but not by more than ε at once.

    $$L = -\frac1n \sum_{i=1}^{n} \frac{1}{T_i} \sum_{t=1}^{T_i} \left[
      \min\bigl(\rho A_i,\ \operatorname{clip}(\rho, 1 - \varepsilon, 1 + \varepsilon) A_i\bigr)
      - \beta\,(e^{d} - d - 1) \right], \qquad \rho = \frac{\pi(y_t)}{\pi_\text{old}(y_t)}, \quad
      d = \ln\frac{\pi_0(y_t)}{\pi(y_t)}$$

    $e^d - d - 1$ is never negative, and its mean over answers drawn from π is KL(π ‖ π₀). The slope by
    ln π(y_t) is −ρA/(nT), 0 where the clip is the smaller, plus β(1 − e^d)/(nT).

    Args:
        log_probabilities: floating, (n, seq), ln π of each token of n answers, in nats.
        old: (n, seq), the same under the model that wrote the answers; carries no gradient.
        advantages: (n,), of each answer; see ``group_advantages``.
        asked: bool, (n, seq), True at the answers' T tokens, at least one a row.
        clip: ε, above 0, below 1.
        reference: (n, seq), ln π₀, needed where ``beta`` is above 0; carries no gradient.
        beta: β, finite and at least 0.

    Returns:
        ().

    Raises:
        TypeError: if ``asked`` is not bool.
        ValueError: if the shapes do not fit, a row asks for no token, ``clip`` or ``beta`` is out of range,
            or only one of ``reference`` and ``beta`` is given.

    Source: J. Schulman et al., arXiv:1707.06347, equation 7; Z. Shao et al., arXiv:2402.03300, equations 3
        and 4.

    Taught in: "From language model to assistant, in miniature".
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
        raise ValueError(f"advantages must be ({shape[0]},), one an answer, got {tuple(advantages.shape)}")
    if not asked.any(dim=1).all():
        raise ValueError(
            f"asked must hold a token in each row, row {int(asked.any(dim=1).int().argmin())} has none"
        )
