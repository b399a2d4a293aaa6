"""Every derivative of chapters 12 and 13, defined once, as in ``derivative_catalogue``."""

from __future__ import annotations

import torch
from derivative_catalogue import Derivative, exact, numbers
from torch import Tensor, nn

from course_lib.models.lora import LoRALinear

Rows = list[list[float]]

RANK, ALPHA = 2, 3.0
ADAPTED = LoRALinear(nn.Linear(4, 3), RANK, ALPHA).double()
A, B, INPUTS = numbers(RANK, 4, seed=21), numbers(3, RANK, seed=22), numbers(5, 4, seed=23)
TIDE = numbers(5, 3, seed=24)
with torch.no_grad():
    ADAPTED.base.weight.copy_(numbers(3, 4, seed=25))


def adapted(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return (torch.func.functional_call(ADAPTED, {"A": a, "B": b}, (x,)) * TIDE).sum()


def adapted_formula(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale, tide = ALPHA / RANK, TIDE.T @ x  # what the whole matrix would get
    return scale * b.T @ tide, scale * tide @ a.T, TIDE @ (ADAPTED.base.weight + scale * b @ a)


def adapted_by_hand(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One row at a time, back through the narrow middle h = Ax."""
    scale, rows_a, rows_b, weight = ALPHA / RANK, a.tolist(), b.tolist(), ADAPTED.base.weight.tolist()
    d_a, d_b, d_x = zeros(a), zeros(b), zeros(x)
    for n, (row, tide) in enumerate(zip(x.tolist(), TIDE.tolist(), strict=True)):
        for k in range(RANK):
            middle = sum(a_j * x_j for a_j, x_j in zip(rows_a[k], row, strict=True))
            d_middle = scale * sum(g * rows_b[i][k] for i, g in enumerate(tide))
            for i, g in enumerate(tide):
                d_b[i][k] += scale * g * middle
            for j, x_j in enumerate(row):
                d_a[k][j] += d_middle * x_j
                d_x[n][j] += d_middle * rows_a[k][j]
        for i, g in enumerate(tide):
            for j, w in enumerate(weight[i]):
                d_x[n][j] += g * w
    return exact(d_a), exact(d_b), exact(d_x)


def zeros(like: Tensor) -> Rows:
    return [[0.0] * like.shape[1] for _ in range(like.shape[0])]


FINE_TUNING_DERIVATIVES = (
    Derivative(
        "low-rank adapter",
        12,
        "∂A = s·BᵀGᵀX, ∂B = s·GᵀXAᵀ",
        adapted,
        adapted_formula,
        adapted_by_hand,
        (A, B, INPUTS),
    ),
)
