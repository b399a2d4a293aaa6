"""What the hardware benchmarks run: a GPT's training step, on any device, in any precision, compiled too."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.nano_gpt import NanoGPT
from course_lib.models.cost import PRECISIONS, GPTShape
from course_lib.models.gpt import GPT
from course_lib.runtime import synchronise


class WithLoss(nn.Module):
    """A model and its loss in one, so that a compiler sees both: from ids and targets to a scalar.

    Args:
        model: gives logits (batch, seq, vocabulary) of ids.
    """

    def __init__(self, model: GPT) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of int64 (batch, seq) ids and targets."""
        return F.cross_entropy(self.model(ids).flatten(0, 1), targets.flatten())


class NanoWithLoss(nn.Module):
    """nanoGPT's model, which computes its loss itself, with the same inputs and output as ``WithLoss``."""

    def __init__(self, model: NanoGPT) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """As ``WithLoss``'s."""
        return self.model(ids, targets)[1]


Prepare = Callable[[nn.Module], Callable[[Tensor, Tensor], Tensor]]


class Workload(NamedTuple):
    """A model's sizes and a batch's: ``batch`` sequences of ``seq`` tokens."""

    shape: GPTShape
    batch: int
    seq: int

    @property
    def tokens(self) -> int:
        """Tokens a step."""
        return self.batch * self.seq


def ours(shape: GPTShape) -> WithLoss:
    """The library's GPT and its loss."""
    sizes = shape._asdict()
    return WithLoss(GPT(sizes.pop("vocab_size"), **sizes))


def nano(shape: GPTShape) -> NanoWithLoss:
    """nanoGPT's model of the same sizes, with biases, as the library's has them."""
    vocab_size, context, width, heads, layers = shape
    return NanoWithLoss(
        NanoGPT(vocab_size, context=context, width=width, heads=heads, layers=layers, bias=True)
    )


class Step:
    """One training step after another on one batch: forward, backward, Adam.

    Args:
        work: the sizes.
        device: where.
        precision: a key of ``PRECISIONS``.
        prepare: makes what is called with ids and targets from model and loss, such as ``torch.compile``; may
            change the model in place.
        build: makes model and loss, ``ours`` or ``nano``.
    """

    def __init__(
        self,
        work: Workload,
        device: torch.device,
        *,
        precision: str = "fp32",
        prepare: Prepare = lambda both: both,
        build: Callable[[GPTShape], nn.Module] | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
        torch.manual_seed(0)
        both = (build or ours)(work.shape).to(device)
        both = both.bfloat16() if precision == "bf16" else both
        self.model = both.model
        drawn = torch.Generator().manual_seed(0)  # the same batch, whatever the model drew
        size = (2, work.batch, work.seq)
        self.inputs, self.targets = torch.randint(work.shape.vocab_size, size, generator=drawn).to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4, fused=True)
        self.device, self.autocast = device, precision == "autocast bf16"
        self.forward = prepare(both)

    def loss(self) -> Tensor:
        """The batch's loss, with a graph behind it."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            return self.forward(self.inputs, self.targets)

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
