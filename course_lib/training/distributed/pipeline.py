"""Pipeline parallelism: one stage of the model per process, micro-batches forward, then backward (GPipe)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn


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

    Args:
        stage: of rank r, takes what stage r − 1 gives; in train mode without dropout it is deterministic.
        inputs: (batch, …), read by the first process alone; all know its length.
        targets: (batch, …), read by the last process alone.
        loss_function: ``(outputs, targets)`` to the *mean* over examples.
        micro_batches: M, must divide the batch.
        boundary: shape of one example between stages, the same at each cut; the dtype is the parameters'.

    Returns:
        The mean loss over the batch, a scalar without history, on every process.

    Raises:
        ValueError: if ``micro_batches`` is below 1 or does not divide the batch.

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
