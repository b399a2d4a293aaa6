"""Gradients of one batch that lies on several processes: added up, and divided once."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn


def average_gradients(model: nn.Module) -> None:
    r"""Replace each gradient by its mean over the processes, as DistributedDataParallel does.

    $$g \leftarrow \frac{1}{n} \sum_{r=0}^{n-1} g_r$$

    With losses that are means over shares of *equal* size, it is the gradient of the whole batch.

    Args:
        model: after ``backward``, on every process; parameters without a gradient are left out, which must
            be the same ones everywhere.

    Raises:
        RuntimeError: if there is no process group.

    Source: S. Li et al., arXiv:2006.15704, section 3.

    Taught in: "More than one device".
    """
    size = _world_size()
    for parameter in model.parameters():
        if parameter.grad is not None:
            dist.all_reduce(parameter.grad)
            parameter.grad /= size


def average_gradients_by_examples(model: nn.Module, examples: int) -> None:
    r"""Replace each gradient by the mean over all examples, however unevenly they are shared.

    $$g \leftarrow \frac{\sum_r n_r\, g_r}{\sum_r n_r}$$

    Args:
        model: after ``backward`` of a *mean* over this process's examples. A process that has none needs no
            ``backward``: its gradients are set to zero.
        examples: n_r, what this process's loss was the mean over, at least 0.

    Raises:
        ValueError: if ``examples`` is negative, or no process has any.
        RuntimeError: if there is no process group.

    Taught in: "More than one device".
    """
    weight = loss_weight(examples, next(model.parameters()).device)
    for parameter in model.parameters():
        if examples == 0 and parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
        elif parameter.grad is not None:
            parameter.grad *= weight
    average_gradients(model)


def loss_weight(examples: int, device: torch.device | str = "cpu") -> float:
    r"""Find the factor that makes a plain mean over processes the mean over all examples.

    $$w_r = \frac{n\, n_r}{\sum_s n_s}, \qquad
      \frac{1}{n} \sum_r w_r\, g_r = \frac{\sum_r n_r\, g_r}{\sum_r n_r}$$

    Where DDP or FSDP average, multiply this process's mean loss by it before ``backward``.

    Args:
        examples: n_r, at least 0.
        device: where the process computes.

    Returns:
        w_r, the share times the number of processes; 1 where all shares are equal.

    Raises:
        ValueError: if ``examples`` is negative, or no process has any.
        RuntimeError: if there is no process group.

    Taught in: "More than one device".
    """
    if examples < 0:
        raise ValueError(f"examples must be at least 0, got {examples}")
    size = _world_size()
    total = torch.tensor(examples, device=device)
    dist.all_reduce(total)
    if total == 0:
        raise ValueError("examples must be above 0 on some process, got 0 on all")
    return size * examples / total.item()


def global_mean(value: torch.Tensor) -> torch.Tensor:
    """Average a number over the processes; in a world of one it is the number itself.

    Args:
        value: a scalar, on the process's device.

    Returns:
        The mean, a scalar, the same on all processes.

    Taught in: "More than one device".
    """
    if not dist.is_initialized():
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def _world_size() -> int:
    if not dist.is_initialized():
        raise RuntimeError("there is no process group: enter training.distributed.process_group() first")
    return dist.get_world_size()
