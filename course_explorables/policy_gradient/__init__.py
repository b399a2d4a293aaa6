"""Rewards to drag, a price on change, and the policy that gradient steps climb to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable

_CODE = """\
import torch

reward = torch.tensor(«rewards», dtype=torch.float64)
reference = torch.tensor(«reference», dtype=torch.float64)
beta = «beta»


def worth(z):
    log_policy = z.log_softmax(dim=0)
    change = log_policy - reference.log()
    return log_policy.exp() @ (reward - beta * change)


z = reference.log().requires_grad_()  # logits
optimizer = torch.optim.SGD([z], lr=«learning_rate», maximize=True)
for _ in range(«steps»):
    optimizer.zero_grad()
    worth(z).backward()
    optimizer.step()
policy = z.detach().softmax(dim=0)

if beta > 0:
    best = torch.softmax(reference.log() + reward / beta, dim=0)
else:
    best = reference * (reward == reward.max())
    best = best / best.sum()
print(f"policy {policy.numpy().round(6)}, best {best.numpy().round(6)}")
"""


class PolicyGradient(Explorable):
    r"""Drag the rewards of three answers and the price β; a softmax policy takes gradient steps from π₀.

    $$J = \mathbb{E}_\pi[r] - \beta \mathrm{KL}(\pi \,\|\, \pi_0), \quad \pi^* \propto \pi_0\, e^{r/\beta},$$

    $$\frac{\partial J}{\partial z_k} = \pi_k \bigl(g_k - \mathbb{E}_\pi[g]\bigr), \qquad
      g_k = r_k - \beta \ln \frac{\pi_k}{\pi_{0,k}}$$

    The steps are those of ``torch.optim.SGD`` in float64, on the exact gradient: no answer is drawn.

    Args:
        rewards: one for each of A, B and C, from −2 to 2.
        beta: β, from 0 to 2.
        steps: from 0 to 200.
        title: what to try.

    Raises:
        ValueError: if an argument lies outside its range or is not finite.
        TypeError: if steps is not a whole number.

    Source: R. J. Williams, *Machine Learning* 8, 1992.
    """

    modules: ClassVar[tuple[str, ...]] = ("plane.mjs", "policy_gradient.mjs")
    settings: ClassVar[tuple[str, ...]] = ("rewards", "beta", "steps")

    rewards = traitlets.List().tag(sync=True, own=True, echo_update=False)
    beta = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    steps = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    reference = traitlets.List([0.2, 0.7, 0.1]).tag(sync=True, own=True)
    learning_rate = traitlets.Float(1.0).tag(sync=True, own=True)

    def __init__(
        self,
        rewards: Sequence[float] = (1.0, 0.0, -0.5),
        *,
        beta: float = 0.5,
        steps: int = 10,
        title: str = "Make the rarest answer the policy's first choice",
    ) -> None:
        marks = [float(reward) for reward in rewards]
        if len(marks) != 3 or not all(abs(mark) <= 2 for mark in marks):
            raise ValueError(f"rewards must be three numbers from -2 to 2, got {marks}")
        if not (math.isfinite(beta) and 0 <= beta <= 2):
            raise ValueError(f"beta must lie between 0 and 2, got {beta}")
        if type(steps) is not int:
            raise TypeError(f"steps must be a whole number, got {steps!r}")
        if not 0 <= steps <= 200:
            raise ValueError(f"steps must lie between 0 and 200, got {steps}")
        super().__init__(title=title, rewards=marks, beta=float(beta), steps=steps, code_template=_CODE)
