"""A layer of two features under LoRA: what a change of rank 1 can move where, and what it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable

_CODE = """\
import torch

target = torch.tensor(«targets», dtype=torch.float64).T
W = torch.eye(2, dtype=torch.float64)
A = torch.tensor([«a»], dtype=torch.float64)  # (rank, in)
B = torch.zeros(2, 1, dtype=torch.float64)  # (out, rank)
method, alpha, rank = «method», 2, 1

trained = [W] if method == "full" else [A, B]
for each in trained:
    each.requires_grad_()
optimizer = torch.optim.SGD(trained, lr=«learning_rate»)


def loss():
    x = torch.eye(2, dtype=torch.float64)  # a column per example
    y = W @ x + alpha / rank * B @ A @ x
    return 0.5 * (y - target).square().sum()


for _ in range(«steps»):
    optimizer.zero_grad()
    loss().backward()
    optimizer.step()
change = (W + alpha / rank * B @ A).detach() - torch.eye(2)
least = torch.linalg.svdvals(target - torch.eye(2))[1].square() / 2
print(f"loss {loss().item():.6f}, least at rank 1 {least:.6f}")
print(f"change {change.tolist()}")
"""
METHODS = ("LoRA", "both zero", "full")


class Adapter(Explorable):
    r"""Drag where two inputs are to go; train the layer in full, or through a detour of rank 1.

    $$y = W x + \tfrac{\alpha}{r} B A\, x, \qquad J = \tfrac12 \sum_i \lVert y_i - t_i \rVert^2$$

    W starts as the identity, the inputs are its two columns, r = 1 and α = 2. Every step is what
    ``torch.optim.SGD`` takes in float64. The least loss at rank 1 is half the square of the second singular
    value of the change that is asked for.

    Args:
        targets: where the layer should send (1, 0) and (0, 1), coordinates from −1 to 2.
        method: "LoRA", with A drawn and B zero; "both zero"; or "full", which trains W.
        steps: from 0 to 200.
        title: what to try.

    Raises:
        ValueError: if a target or steps lies outside its range, or method is unknown.
        TypeError: if steps is not a whole number.

    Source: E. J. Hu and others, *LoRA*, 2021, section 4.1.
    """

    modules: ClassVar[tuple[str, ...]] = ("plane.mjs", "adapter.mjs")
    settings: ClassVar[tuple[str, ...]] = ("targets", "method", "steps")

    targets = traitlets.List().tag(sync=True, own=True, echo_update=False)
    method = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    steps = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    learning_rate = traitlets.Float(0.1).tag(sync=True, own=True)

    def __init__(
        self,
        targets: Sequence[Sequence[float]] = ((1.5, 0.9), (-0.7, 0.6)),
        *,
        method: str = "LoRA",
        steps: int = 60,
        title: str = "Place both targets so that a change of rank 1 reaches them",
    ) -> None:
        places = [[float(each) for each in target] for target in targets]
        flat = [each for target in places for each in target]
        if [len(target) for target in places] != [2, 2] or not all(-1 <= each <= 2 for each in flat):
            raise ValueError(f"targets must be two points with coordinates from -1 to 2, got {places}")
        if method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
        if type(steps) is not int:
            raise TypeError(f"steps must be a whole number, got {steps!r}")
        if not 0 <= steps <= 200:
            raise ValueError(f"steps must lie between 0 and 200, got {steps}")
        super().__init__(title=title, targets=places, method=method, steps=steps, code_template=_CODE)

    def code_values(self) -> dict[str, object]:
        """Return the row that A starts as, and the method as Python writes it."""
        return {
            "a": "[0.0, 0.0]" if self.method == "both zero" else "[0.6, 0.3]",
            "method": repr(self.method),
        }
