"""What the hardware benchmarks run: a GPT's training step, on any device, in any precision, compiled too."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.models.gpt import GPT
from course_lib.models.gpt_cost import PRECISIONS, GPTShape
from course_lib.runtime import synchronise

Prepare = Callable[[GPT], Callable[[Tensor], Tensor]]


class Workload(NamedTuple):
    """A model's sizes and a batch's: ``batch`` sequences of ``seq`` tokens."""

    shape: GPTShape
    batch: int
    seq: int

    @property
    def tokens(self) -> int:
        """Tokens a step."""
        return self.batch * self.seq


class Step:
    """One training step after another on one batch: forward, backward, Adam.

    Args:
        work: the sizes.
        device: where.
        precision: a key of ``PRECISIONS``.
        prepare: makes what is called with the ids from the model, such as ``torch.compile``; may change the
            model in place.
    """

    def __init__(
        self,
        work: Workload,
        device: torch.device,
        *,
        precision: str = "fp32",
        prepare: Prepare = lambda model: model,
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
        torch.manual_seed(0)
        sizes = work.shape._asdict()
        model = GPT(sizes.pop("vocab_size"), **sizes).to(device)
        self.model = model.bfloat16() if precision == "bf16" else model
        self.inputs, self.targets = torch.randint(
            work.shape.vocab_size, (2, work.batch, work.seq), device=device
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4, fused=True)
        self.device, self.autocast = device, precision == "autocast bf16"
        self.forward = prepare(self.model)

    def loss(self) -> Tensor:
        """The batch's loss, with a graph behind it."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            logits = self.forward(self.inputs)
            return F.cross_entropy(logits.flatten(0, 1), self.targets.flatten())

    def __call__(self) -> None:
        """Make one update, and wait for the device."""
        self.optimizer.zero_grad(set_to_none=True)
        self.loss().backward()
        self.optimizer.step()
        synchronise(self.device)


def difference(eager: Step, other: Step) -> float:
    """Run both steps' forward and backward passes, from equal weights, and compare losses and gradients.

    Args:
        eager: the reference.
        other: with the same model and batch.

    Returns:
        The largest difference: of the losses, and of the gradients, each relative to its tensor's largest
        entry.
    """
    losses = []
    for step in (eager, other):
        step.optimizer.zero_grad(set_to_none=True)
        losses.append(step.loss())
        losses[-1].backward()
    worst = (losses[0] - losses[1]).abs().item()
    for ours, theirs in zip(eager.model.parameters(), other.model.parameters(), strict=True):
        scale = ours.grad.abs().max().clamp(min=1e-6)
        worst = max(worst, ((ours.grad - theirs.grad).abs().max() / scale).item())
    return worst
