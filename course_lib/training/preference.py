"""Learning from pairs, the better answer and the worse: Bradley–Terry, and DPO, which follows from it."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor


def bradley_terry_loss(better: Tensor, worse: Tensor) -> Tensor:
    r"""Negative log-likelihood of the choices, if a reward decides them.

    $$P(\text{better} \succ \text{worse}) = \frac{e^{r_+}}{e^{r_+} + e^{r_-}} = \sigma(r_+ - r_-), \qquad
      L = -\frac1n \sum_i \ln \sigma(r_{i+} - r_{i-})$$

    Args:
        better: floating, (n,), rewards of what was preferred.
        worse: floating, (n,), rewards of what was not.

    Returns:
        (), in nats a pair; ln 2 where the rewards tell nothing.

    Raises:
        TypeError: if a tensor is not floating-point.
        ValueError: if the shapes are not one (n,), or there is no pair.

    Source: R. A. Bradley and M. E. Terry, *Biometrika* 39, 1952; R. Rafailov et al., arXiv:2305.18290,
        equation 2.

    Taught in: "From language model to assistant, in miniature".
    """
    _check_rows(better=better, worse=worse)
    return -F.logsigmoid(better - worse).mean()


def implicit_reward(log_probabilities: Tensor, reference: Tensor, *, beta: float) -> Tensor:
    r"""The reward for which a policy would be the best one: $r(x, y) = \beta \ln(\pi(y|x) / \pi_0(y|x))$.

    Maximising $E[r] - \beta\,\mathrm{KL}(\pi \,\|\, \pi_0)$ gives $\pi \propto \pi_0 e^{r/\beta}$; solved for
    r this is the formula above and a term that depends on the prompt alone, which cancels in a pair.

    Args:
        log_probabilities: floating, (n,), ln π(y|x) of whole answers, in nats.
        reference: (n,), ln π₀(y|x) of the same answers under the model training began with.
        beta: β, finite and above 0: how dear it is to leave π₀.

    Returns:
        (n,).

    Raises:
        TypeError: if a tensor is not floating-point.
        ValueError: if the shapes are not one (n,), there is no answer, or ``beta`` is not finite and above 0.

    Source: R. Rafailov et al., arXiv:2305.18290, section 4, equations 4 and 5.
    Taught in: "From language model to assistant, in miniature".
    """
    _check_rows(log_probabilities=log_probabilities, reference=reference)
    if not 0 < beta < math.inf:
        raise ValueError(f"beta must be finite and above 0, got {beta}")
    return beta * (log_probabilities - reference)


def dpo_loss(
    better: Tensor, worse: Tensor, reference_better: Tensor, reference_worse: Tensor, *, beta: float
) -> Tensor:
    r"""Direct preference optimisation: Bradley–Terry with the policy's own implicit reward.

    $$L = -\frac1n \sum_i \ln \sigma(u_i), \qquad
      u = \beta \left( \ln\frac{\pi(y_+|x)}{\pi_0(y_+|x)} - \ln\frac{\pi(y_-|x)}{\pi_0(y_-|x)} \right), \qquad
      \frac{\partial L}{\partial \ln \pi(y_{i\pm}|x)} = \mp \frac{\beta}{n}\,\sigma(-u_i)$$

    Args:
        better: floating, (n,), ln π of the preferred answers, in nats, whole answers.
        worse: (n,), ln π of the others.
        reference_better: (n,), ln π₀ of the preferred answers; carries no gradient.
        reference_worse: (n,), ln π₀ of the others.
        beta: β, finite and above 0: the larger, the closer the best policy stays to π₀.

    Returns:
        (), in nats a pair; ln 2 where π is π₀.

    Raises:
        TypeError: if a tensor is not floating-point.
        ValueError: if the shapes are not one (n,), there is no pair, or ``beta`` is not finite and above 0.

    Source: R. Rafailov et al., arXiv:2305.18290, equation 7.
    Taught in: "From language model to assistant, in miniature".
    """
    _check_rows(
        better=better, worse=worse, reference_better=reference_better, reference_worse=reference_worse
    )
    return bradley_terry_loss(
        implicit_reward(better, reference_better.detach(), beta=beta),
        implicit_reward(worse, reference_worse.detach(), beta=beta),
    )


def _check_rows(**rows: Tensor) -> None:
    first_name, first = next(iter(rows.items()))
    for name, row in rows.items():
        if not isinstance(row, Tensor) or not row.is_floating_point():
            kind = row.dtype if isinstance(row, Tensor) else type(row).__name__
            raise TypeError(f"{name} must be a floating-point tensor, got {kind}")
        if row.ndim != 1 or len(row) == 0:
            raise ValueError(f"{name} must be (n,) with n at least 1, got {tuple(row.shape)}")
        if row.shape != first.shape:
            raise ValueError(f"{name} must be as long as {first_name}, got {len(row)} and {len(first)}")
