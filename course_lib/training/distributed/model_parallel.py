"""Model parallelism: a layer's matrices cut over the processes (tensor), or the layers themselves (pipeline).

Tensor parallelism cuts the first matrix by columns, the second by rows, with one all-reduce at the end;
pipeline parallelism gives each process a stage, micro-batches forward, then backward (GPipe).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.training.distributed.group import equal_share


class _SumOverProcesses(torch.autograd.Function):
    """All-reduce in the forward pass, identity in the backward: the gradient is the same everywhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004  torch calls it with a context
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return gradient


class _SumGradientsOverProcesses(torch.autograd.Function):
    """Identity in the forward pass, all-reduce in the backward: x's gradients from all shares are summed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class TensorParallelMLP(nn.Module):
    r"""A two-layer perceptron of which each process holds and computes a share of the hidden units.

    $$y = b_2 + \sum_{r=0}^{n-1} W_2^{(r)}\, \operatorname{GELU}\!\left(W_1^{(r)} x + b_1^{(r)}\right)$$

    with the rows of W₁ (features out; the "columns" of the literature, which writes xW) and the columns of W₂
    cut alike. The nonlinearity works unit by unit, so nothing is exchanged between the two products: one sum
    forward, one backward. ``first`` (hidden ← features) and ``second`` (features ← hidden) are the whole
    layers, the same on every process. ``ValueError`` if they do not fit each other, lack a bias, or cannot be
    cut evenly.

    Source: M. Shoeybi et al., arXiv:1909.08053, section 3.
    """

    def __init__(self, first: nn.Linear, second: nn.Linear, rank: int, size: int) -> None:
        super().__init__()
        if first.out_features != second.in_features:
            raise ValueError(
                f"first must give what second takes, {second.in_features} units, got {first.out_features}"
            )
        if first.bias is None or second.bias is None:
            raise ValueError("first and second must have a bias")
        own = equal_share(first.out_features, rank, size)
        self.first_weight = nn.Parameter(first.weight.detach()[own].clone())
        self.first_bias = nn.Parameter(first.bias.detach()[own].clone())
        self.second_weight = nn.Parameter(second.weight.detach()[:, own].clone())
        self.second_bias = nn.Parameter(second.bias.detach().clone())  # whole, and added once, after the sum

    def forward(self, x: Tensor) -> Tensor:
        """(…, features) to (…, features), the same on every process."""
        hidden = F.gelu(F.linear(_SumGradientsOverProcesses.apply(x), self.first_weight, self.first_bias))
        return _SumOverProcesses.apply(F.linear(hidden, self.second_weight)) + self.second_bias


def pipeline_step(
    stage: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss_function: Callable[[Tensor, Tensor], Tensor],
    *,
    micro_batches: int,
    boundary: Sequence[int],
) -> Tensor:
    r"""Compute one batch's loss and the gradients of this process's stage: GPipe's schedule.

    All micro-batches go forward, each stage sending its outputs to the next; then their gradients come back.
    While stage s computes micro-batch m, stage s − 1 may compute m + 1. With n stages of equal work and M
    micro-batches the processes idle for

    $$\frac{n - 1}{M + n - 1}$$

    of the time, the bubble. Gradients are added to those that are there.

    The ``stage`` of rank r takes what stage r − 1 gives, examples of the shape ``boundary`` and the
    parameters' dtype. ``inputs``, (batch, …), are read by the first process alone, all know their length;
    ``targets``, (batch, …), by the last. ``loss_function`` goes from outputs and targets to the *mean* over
    examples. M must divide the batch (else ``ValueError``). Every process gets the mean loss over the batch,
    a scalar without history.

    Source: Y. Huang et al., arXiv:1811.06965, section 2.
    """
    batch = len(inputs)
    if micro_batches < 1 or batch % micro_batches:
        raise ValueError(f"micro_batches must divide the batch of {batch}, got {micro_batches}")
    rank, last = dist.get_rank(), dist.get_world_size() - 1
    own = next(stage.parameters())
    received, given, losses = [], [], []
    for x, y in zip(inputs.chunk(micro_batches), targets.chunk(micro_batches), strict=True):
        if rank > 0:
            x = torch.empty(batch // micro_batches, *boundary, dtype=own.dtype, device=own.device)
            dist.recv(x, rank - 1)
            x.requires_grad_()
        output = stage(x)
        if rank < last:
            dist.send(output.detach(), rank + 1)
        else:
            losses.append(loss_function(output, y) / micro_batches)
        received.append(x)
        given.append(output)
    for index in range(micro_batches):
        if rank == last:
            losses[index].backward()
        else:
            gradient = torch.empty_like(given[index])
            dist.recv(gradient, rank + 1)
            given[index].backward(gradient)
        if rank > 0:
            dist.send(received[index].grad, rank - 1)
    loss = (
        torch.stack(losses).sum().detach() if losses else torch.zeros((), dtype=own.dtype, device=own.device)
    )
    dist.broadcast(loss, last)
    return loss
