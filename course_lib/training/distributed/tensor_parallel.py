"""Tensor parallelism: the first matrix cut by columns, the second by rows, one all-reduce at the end."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.training.distributed.group import equal_share


class SumOverProcesses(torch.autograd.Function):
    """All-reduce in the forward pass, identity in the backward: the gradient is the same everywhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004  torch calls it with a context
        """The sum, on every process."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        """∂Σ/∂x_r = 1."""
        return gradient


class SumGradientsOverProcesses(torch.autograd.Function):
    """Identity in the forward pass, all-reduce in the backward: x's gradients from all shares are summed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        """x itself."""
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        """The sum, on every process."""
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class TensorParallelMLP(nn.Module):
    r"""A two-layer perceptron of which each process holds and computes a share of the hidden units.

    $$y = b_2 + \sum_{r=0}^{n-1} W_2^{(r)}\, \operatorname{GELU}\!\left(W_1^{(r)} x + b_1^{(r)}\right)$$

    with the rows of W₁ (features out; the "columns" of the literature, which writes xW) and the columns of W₂
    cut alike. The nonlinearity works unit by unit, so nothing is exchanged between the two products: one sum
    forward, one backward.

    Args:
        first: hidden ← features, the whole layer, the same on every process.
        second: features ← hidden, likewise.
        rank: this process's number.
        size: processes; must divide the hidden units.

    Raises:
        ValueError: if the layers do not fit each other, lack a bias, or cannot be cut evenly.

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
        hidden = F.gelu(F.linear(SumGradientsOverProcesses.apply(x), self.first_weight, self.first_bias))
        return SumOverProcesses.apply(F.linear(hidden, self.second_weight)) + self.second_bias
