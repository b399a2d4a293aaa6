"""Every derivative of chapters 2 to 7, defined once: the function, its formula, and a pass by hand.

A formula is written in tensors, a pass by hand in Python's floats; neither calls the other, nor autograd.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.foundations.descent import Quadratic
from course_lib.foundations.linear_regression import mean_squared_error, mse_gradient


@dataclass(frozen=True)
class Derivative:
    """One derivative: where it is taught, how it reads, its function and two ways to it, where to compare."""

    name: str
    chapter: int
    reads: str
    function: Callable[..., Tensor]
    formula: Callable[..., Tensor | tuple[Tensor, ...]]
    by_hand: Callable[..., Tensor | tuple[Tensor, ...]]
    inputs: tuple[Tensor, ...]


def numbers(*shape: int, seed: int) -> Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact(values: object) -> Tensor:
    """Python's floats as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


INPUTS = exact([1.0, -2.0, 0.5])
TARGET = 0.3
LABELS = [2, 0]
TABLE, HEIGHTS = numbers(5, 3, seed=1), numbers(5, seed=2)
TIDE = numbers(4, 2, seed=3)
BOWL = Quadratic((1.0, 6.0), 0.5)
CENTRES = exact([0.0, 1.0, -1.0, 0.5])


def neuron(w: Tensor, b: Tensor) -> Tensor:
    return (torch.tanh(w @ INPUTS + b) - TARGET) ** 2


def neuron_formula(w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    a = torch.tanh(w @ INPUTS + b)
    common = 2 * (a - TARGET) * (1 - a**2)
    return common * INPUTS, common


def neuron_by_hand(w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    total = b.item() + sum(w_i * x_i for w_i, x_i in zip(w.tolist(), INPUTS.tolist(), strict=True))
    a = math.tanh(total)
    d_total = 2 * (a - TARGET) * (1 - a * a)
    return exact([d_total * x_i for x_i in INPUTS.tolist()]), exact(d_total)


def layer_formula(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    del weight, bias  # the layer is linear in both: its slopes do not depend on them
    return TIDE.T @ TABLE[:4], TIDE.sum(dim=0)


def layer_by_hand(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    slopes = [[0.0] * weight.shape[1] for _ in range(weight.shape[0])]
    offsets = [0.0] * bias.shape[0]
    for x, upstream in zip(TABLE[:4].tolist(), TIDE.tolist(), strict=True):
        for k, u in enumerate(upstream):
            offsets[k] += u
            for j, x_j in enumerate(x):
                slopes[k][j] += u * x_j
    return exact(slopes), exact(offsets)


def bowl_by_hand(theta: Tensor) -> Tensor:
    (a, b), (c, d) = BOWL.hessian.tolist()
    x, y = theta.tolist()
    return exact([a * x + (b + c) / 2 * y, (b + c) / 2 * x + d * y])


def mse_by_hand(w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    slopes, offset = [0.0] * len(w), 0.0
    for x, y in zip(TABLE.tolist(), HEIGHTS.tolist(), strict=True):
        error = sum(w_j * x_j for w_j, x_j in zip(w.tolist(), x, strict=True)) + b.item() - y
        offset += 2 * error / len(TABLE)
        slopes = [s + 2 * error * x_j / len(TABLE) for s, x_j in zip(slopes, x, strict=True)]
    return exact(slopes), exact(offset)


def ridge_formula(w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    dw, db = mse_gradient(TABLE, HEIGHTS, w, b)
    return dw + 2 * 0.3 * w, db


def ridge_by_hand(w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    dw, db = mse_by_hand(w, b)
    return exact([s + 0.6 * w_j for s, w_j in zip(dw.tolist(), w.tolist(), strict=True)]), db


def softmax_by_hand(logits: Tensor) -> Tensor:
    rows = []
    for row, label in zip(logits.tolist(), LABELS, strict=True):
        powers = [math.exp(z - max(row)) for z in row]
        share = [power / sum(powers) for power in powers]
        share[label] -= 1.0
        rows.append([s / len(LABELS) for s in share])
    return exact(rows)


def classifier_formula(weight: Tensor) -> Tensor:
    errors = F.softmax(TABLE[:2] @ weight.T, dim=1) - F.one_hot(torch.tensor(LABELS), 3)
    return errors.T @ TABLE[:2] / len(LABELS)


def classifier_by_hand(weight: Tensor) -> Tensor:
    slopes = [[0.0] * 3 for _ in range(3)]
    logits = [
        [sum(a * b for a, b in zip(row, x, strict=True)) for row in weight.tolist()]
        for x in TABLE[:2].tolist()
    ]
    for x, errors in zip(TABLE[:2].tolist(), softmax_by_hand(exact(logits)).tolist(), strict=True):
        slopes = [
            [s + e * x_j for s, x_j in zip(r, x, strict=True)] for r, e in zip(slopes, errors, strict=True)
        ]
    return exact(slopes)


def each(function: Callable[[float], float]) -> Callable[[Tensor], Tensor]:
    """A pass by hand that treats every entry alike."""
    return lambda x: exact([function(v) for v in x.tolist()])


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))


W, B, POINT = numbers(3, seed=4), exact(0.2), numbers(2, seed=5)
POLAR = exact([2.0, 0.7])

DERIVATIVES = (
    Derivative(
        "cubic",
        2,
        "(x³ − 2x)′ = 3x² − 2",
        lambda x: (x**3 - 2 * x).sum(),
        lambda x: 3 * x**2 - 2,
        each(lambda x: x * x + x * x + x * x - 2),  # one x² for each factor of x·x·x
        (exact([1.3, -0.4, 2.0]),),
    ),
    Derivative("neuron", 2, "2(a − t)(1 − a²)·(x, 1)", neuron, neuron_formula, neuron_by_hand, (W, B)),
    Derivative(
        "polar, row of x",
        2,
        "(cos φ, −r sin φ)",
        lambda p: p[0] * p[1].cos(),
        lambda p: torch.stack([p[1].cos(), -p[0] * p[1].sin()]),
        lambda p: exact([math.cos(p[1].item()), -p[0].item() * math.sin(p[1].item())]),
        (POLAR,),
    ),
    Derivative(
        "polar, row of y",
        2,
        "(sin φ, r cos φ)",
        lambda p: p[0] * p[1].sin(),
        lambda p: torch.stack([p[1].sin(), p[0] * p[1].cos()]),
        lambda p: exact([math.sin(p[1].item()), p[0].item() * math.cos(p[1].item())]),
        (POLAR,),
    ),
    Derivative(
        "linear layer",
        2,
        "∂W = uᵀx, ∂b = Σu",
        lambda weight, bias: (F.linear(TABLE[:4], weight, bias) * TIDE).sum(),
        layer_formula,
        layer_by_hand,
        (numbers(2, 3, seed=6), POINT),
    ),
    Derivative("quadratic", 3, "∇½θᵀHθ = Hθ", BOWL, lambda t: BOWL.hessian @ t, bowl_by_hand, (POINT,)),
    Derivative(
        "quartic",
        3,
        "(¼θ⁴)′ = θ³",
        lambda t: (t**4 / 4).sum(),
        lambda t: t**3,
        each(lambda t: t * t * t),
        (POINT,),
    ),
    Derivative(
        "two valleys",
        3,
        "4θ³ − 4θ + 0.3",
        lambda t: (t**4 - 2 * t**2 + 0.3 * t).sum(),
        lambda t: 4 * t**3 - 4 * t + 0.3,
        each(lambda t: 4 * t * (t - 1) * (t + 1) + 0.3),
        (POINT,),
    ),
    Derivative(
        "saddle",
        3,
        "∇½(x² − y²) = (x, −y)",
        lambda p: (p[0] ** 2 - p[1] ** 2) / 2,
        lambda p: p * exact([1.0, -1.0]),
        lambda p: exact([p[0].item(), -p[1].item()]),
        (POINT,),
    ),
    Derivative(
        "mean squared error",
        4,
        "∂w = 2/n·xᵀr, ∂b = 2/n·Σr",
        lambda w, b: mean_squared_error(TABLE, HEIGHTS, w, b),
        lambda w, b: mse_gradient(TABLE, HEIGHTS, w, b),
        mse_by_hand,
        (W, B),
    ),
    Derivative(
        "ridge",
        4,
        "∂w = 2/n·xᵀr + 2αw, ∂b = 2/n·Σr",
        lambda w, b: mean_squared_error(TABLE, HEIGHTS, w, b) + 0.3 * w @ w,
        ridge_formula,
        ridge_by_hand,
        (W, B),
    ),
    Derivative(
        "Huber",
        5,
        "clip(r, −δ, δ)/n",
        lambda y: F.huber_loss(y, CENTRES, delta=0.8),
        lambda y: (y - CENTRES).clamp(-0.8, 0.8) / 4,
        lambda y: exact(
            [max(-0.8, min(0.8, a - c)) / 4 for a, c in zip(y.tolist(), CENTRES.tolist(), strict=True)]
        ),
        (exact([-3.0, 0.6, -0.8, 5.0]),),
    ),
    Derivative(
        "sigmoid",
        6,
        "σ′ = σ(1 − σ)",
        lambda z: z.sigmoid().sum(),
        lambda z: z.sigmoid() * (1 - z.sigmoid()),
        each(lambda z: math.exp(-z) * logistic(z) ** 2),
        (exact([-2.0, 0.3, 4.0]),),
    ),
    Derivative(
        "softmax and cross-entropy",
        6,
        "(p − y)/n",
        lambda z: F.cross_entropy(z, torch.tensor(LABELS)),
        lambda z: (F.softmax(z, dim=1) - F.one_hot(torch.tensor(LABELS), 3)) / 2,
        softmax_by_hand,
        (numbers(2, 3, seed=7),),
    ),
    Derivative(
        "softmax regression",
        6,
        "∂W = (p − y)ᵀx/n",
        lambda weight: F.cross_entropy(TABLE[:2] @ weight.T, torch.tensor(LABELS)),
        classifier_formula,
        classifier_by_hand,
        (numbers(3, 3, seed=8),),
    ),
    Derivative(
        "weight decay",
        7,
        "∇½λ|θ|² = λθ",
        lambda t: 0.05 * (t @ t),
        lambda t: 0.1 * t,
        each(lambda t: 0.05 * (t + t)),
        (W,),
    ),
)
