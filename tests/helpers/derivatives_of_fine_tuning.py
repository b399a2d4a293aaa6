"""Every derivative of chapters 12 and 13, defined once, as in ``derivative_catalogue``."""

from __future__ import annotations

import math

import torch
from derivative_catalogue import Derivative, exact, numbers
from torch import Tensor, nn

from course_lib.assistant.dpo import dpo_loss
from course_lib.assistant.grpo import clipped_policy_loss
from course_lib.assistant.sft import IGNORE_INDEX, answer_loss, token_log_probabilities
from course_lib.models.lora import LoRALinear

Rows = list[list[float]]

RANK, ALPHA = 2, 3.0
ADAPTED = LoRALinear(nn.Linear(4, 3), RANK, ALPHA).double()
A, B, INPUTS = numbers(RANK, 4, seed=21), numbers(3, RANK, seed=22), numbers(5, 4, seed=23)
TIDE = numbers(5, 3, seed=24)
LOGITS, TOKENS = (
    numbers(2, 4, 3, seed=26),
    torch.tensor([[IGNORE_INDEX, 2, 0, 1], [1, 1, IGNORE_INDEX, IGNORE_INDEX]]),
)
PAIR_TIDE = numbers(2, seed=27)
BETTER, WORSE = numbers(3, seed=28) - 4, numbers(3, seed=29) - 4
REFERENCES, BETA = numbers(2, 3, seed=30) - 4, 0.7
# Ratios from 0.6 to 1.6: with gains of both signs, tokens inside the clip, beyond it and held by it.
OLD = numbers(2, 4, seed=31) - 3
POLICY = OLD + exact([[-0.5, -0.1, 0.1, 0.45], [0.4, 0.05, -0.05, -0.4]])
BEFORE_ALL, GAINS = OLD + 0.3 * numbers(2, 4, seed=32), exact([1.5, -0.8])
ANSWERED = torch.tensor([[True, True, True, True], [True, True, False, True]])
CLIP, PULL = 0.2, 0.3
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


def answer_loss_formula(logits: Tensor) -> Tensor:
    asked = TOKENS != IGNORE_INDEX
    named = torch.zeros_like(logits).scatter_(2, TOKENS.clamp_min(0)[..., None], 1.0)
    return asked[..., None] * (torch.softmax(logits, dim=2) - named) / asked.sum()


def shares(row: list[float]) -> list[float]:
    powers = [math.exp(z - max(row)) for z in row]
    return [power / sum(powers) for power in powers]


def answer_loss_by_hand(logits: Tensor) -> Tensor:
    """Only where a token is asked for: what the model says, less what it should have said."""
    asked = sum(token != IGNORE_INDEX for row in TOKENS.tolist() for token in row)
    slopes = [[[0.0] * len(z) for z in row] for row in logits.tolist()]
    for slope_row, row, tokens in zip(slopes, logits.tolist(), TOKENS.tolist(), strict=True):
        for slope, z, token in zip(slope_row, row, tokens, strict=True):
            if token != IGNORE_INDEX:
                slope[:] = [(share - (k == token)) / asked for k, share in enumerate(shares(z))]
    return exact(slopes)


def whole_answer_formula(logits: Tensor) -> Tensor:
    return -(TOKENS != IGNORE_INDEX).sum() * PAIR_TIDE[:, None, None] * answer_loss_formula(logits)


def whole_answer_by_hand(logits: Tensor) -> Tensor:
    slopes = [[[0.0] * len(z) for z in row] for row in logits.tolist()]
    for b, (row, tokens) in enumerate(zip(logits.tolist(), TOKENS.tolist(), strict=True)):
        for t, (z, token) in enumerate(zip(row, tokens, strict=True)):
            for k, share in enumerate(shares(z) if token != IGNORE_INDEX else []):
                slopes[b][t][k] = PAIR_TIDE[b].item() * ((k == token) - share)
    return exact(slopes)


def dpo_formula(better: Tensor, worse: Tensor) -> tuple[Tensor, Tensor]:
    margin = BETA * ((better - REFERENCES[0]) - (worse - REFERENCES[1]))
    slope = BETA * torch.sigmoid(-margin) / len(margin)
    return -slope, slope


def dpo_by_hand(better: Tensor, worse: Tensor) -> tuple[Tensor, Tensor]:
    """Pair by pair, through −ln σ(u) = ln(1 + e^(−u))."""
    d_better, d_worse = [], []
    for plus, minus, plus_0, minus_0 in zip(
        better.tolist(), worse.tolist(), *REFERENCES.tolist(), strict=True
    ):
        power = math.exp(-BETA * (plus - plus_0 - minus + minus_0))
        d_margin = -power / (1 + power) / len(better)
        d_better.append(BETA * d_margin)
        d_worse.append(-BETA * d_margin)
    return exact(d_better), exact(d_worse)


def clipped(log_probabilities: Tensor) -> Tensor:
    return clipped_policy_loss(
        log_probabilities, OLD, GAINS, ANSWERED, clip=CLIP, reference=BEFORE_ALL, beta=PULL
    )


def clipped_formula(log_probabilities: Tensor) -> Tensor:
    ratio, gain = torch.exp(log_probabilities - OLD), GAINS[:, None]
    held = torch.where(gain > 0, ratio > 1 + CLIP, ratio < 1 - CLIP)
    slope = torch.where(held, 0.0, -ratio * gain) + PULL * (1 - torch.exp(BEFORE_ALL - log_probabilities))
    return ANSWERED * slope / ANSWERED.sum(dim=1, keepdim=True) / len(GAINS)


def clipped_by_hand(log_probabilities: Tensor) -> Tensor:
    """One token at a time; whether the clip holds it is read off the two products themselves."""
    slopes = zeros(log_probabilities)
    for i, gain in enumerate(GAINS.tolist()):
        tokens = sum(ANSWERED[i].tolist())
        for t, asked in enumerate(ANSWERED[i].tolist()):
            if not asked:
                continue
            now = log_probabilities[i, t].item()
            ratio = math.exp(now - OLD[i, t].item())
            free, bounded = ratio * gain, min(max(ratio, 1 - CLIP), 1 + CLIP) * gain
            if free <= bounded:
                slopes[i][t] -= free / tokens / len(GAINS)
            slopes[i][t] -= PULL * (math.exp(BEFORE_ALL[i, t].item() - now) - 1) / tokens / len(GAINS)
    return exact(slopes)


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
    Derivative(
        "cross-entropy of answers",
        13,
        "m(softmax(z) − e)/Σm",
        lambda logits: answer_loss(logits, TOKENS),
        answer_loss_formula,
        answer_loss_by_hand,
        (LOGITS,),
    ),
    Derivative(
        "log-probability of answers",
        13,
        "∂z = g·m(e − softmax(z))",
        lambda logits: (token_log_probabilities(logits, TOKENS).sum(dim=1) * PAIR_TIDE).sum(),
        whole_answer_formula,
        whole_answer_by_hand,
        (LOGITS,),
    ),
    Derivative(
        "direct preference",
        13,
        "∂± = ∓β·σ(−u)/n",
        lambda better, worse: dpo_loss(better, worse, *REFERENCES, beta=BETA),
        dpo_formula,
        dpo_by_hand,
        (BETTER, WORSE),
    ),
    Derivative(
        "clipped policy gradient",
        13,
        "−ρA (0 if held) + β(1 − e^d)",
        clipped,
        clipped_formula,
        clipped_by_hand,
        (POLICY,),
    ),
)
