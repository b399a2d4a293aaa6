"""Every derivative of chapters 8 to 10, defined once, as in ``derivative_catalogue``."""

from __future__ import annotations

import math

import torch
from derivative_catalogue import Derivative, exact, numbers
from torch import Tensor, nn

from course_lib.models.attention import attention
from course_lib.models.positions import rotate
from course_lib.models.recurrent import RNNCell

Rows = list[list[float]]

HEARD = numbers(4, seed=11)
LISTENER = RNNCell(1, 1).double()
RECURRENT, STARTS = 1.3, exact([0.4, -0.2])
with torch.no_grad():
    for parameter in LISTENER.parameters():
        parameter.fill_(0.0)
    LISTENER.weight_ih.fill_(1.0)
    LISTENER.weight_hh.fill_(RECURRENT)

QUERY, KEY, VALUE = numbers(2, 3, seed=12), numbers(4, 3, seed=13), numbers(4, 2, seed=14)
TIDE = numbers(2, 2, seed=15)
SCORES, NAMES = numbers(2, 4, seed=16), torch.eye(4, dtype=torch.float64)
SCALE = 1 / math.sqrt(3)
ROWS, ROWS_TIDE = 2 * numbers(3, 4, seed=17) + 1, numbers(3, 4, seed=18)
EPS = 1e-5
LAYER_NORM, RMS_NORM = nn.LayerNorm(4, EPS).double(), nn.RMSNorm(4, EPS).double()
GAIN, OFFSET = numbers(4, seed=19), numbers(4, seed=20)


def listened(start: Tensor) -> Tensor:
    """The sum of the last states from each start, four inputs later."""
    state = start[:, None]
    for heard in HEARD:
        state = LISTENER(heard.expand(len(start), 1), state)
    return state.sum()


def listened_formula(start: Tensor) -> Tensor:
    slope, state = torch.ones_like(start), start
    for heard in HEARD:
        state = torch.tanh(heard + RECURRENT * state)
        slope = slope * RECURRENT * (1 - state**2)
    return slope


def listened_by_hand(start: Tensor) -> Tensor:
    """Backwards: the last state's slope is 1, each step before multiplies."""
    slopes = []
    for state in start.tolist():
        states = [state]
        for heard in HEARD.tolist():
            states.append(math.tanh(heard + RECURRENT * states[-1]))
        slope = 1.0
        for state_after in reversed(states[1:]):
            slope *= RECURRENT / math.cosh(math.atanh(state_after)) ** 2
        slopes.append(slope)
    return exact(slopes)


def scores_formula(scores: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    weights = torch.softmax(scores, dim=1)
    upstream = TIDE @ value.T
    return weights * (upstream - (weights * upstream).sum(dim=1, keepdim=True)), weights.T @ TIDE


def scores_by_hand(scores: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Each score moves every weight of its row, as softmax's Jacobian aᵢ(δᵢⱼ − aⱼ) says."""
    d_scores, d_value = zeros(scores), zeros(value)
    for i, (row, tide) in enumerate(zip(scores.tolist(), TIDE.tolist(), strict=True)):
        powers = [math.exp(s) for s in row]
        share = [power / sum(powers) for power in powers]
        d_share = [sum(g * v for g, v in zip(tide, values, strict=True)) for values in value.tolist()]
        for j, a in enumerate(share):
            for k, b in enumerate(share):
                d_scores[i][j] += d_share[k] * b * ((j == k) - a)
            for c, g in enumerate(tide):
                d_value[j][c] += a * g
    return exact(d_scores), exact(d_value)


def pair_formula(query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    d_scores, _ = scores_formula(SCALE * query @ key.T, VALUE)
    return SCALE * d_scores @ key, SCALE * d_scores.T @ query


def pair_by_hand(query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    scores = [
        [SCALE * sum(a * b for a, b in zip(q, k, strict=True)) for k in key.tolist()] for q in query.tolist()
    ]
    d_query, d_key = zeros(query), zeros(key)
    for i, row in enumerate(scores_by_hand(exact(scores), VALUE)[0].tolist()):
        for j, d_score in enumerate(row):
            for c in range(query.shape[1]):
                d_query[i][c] += SCALE * d_score * key[j, c].item()
                d_key[j][c] += SCALE * d_score * query[i, c].item()
    return exact(d_query), exact(d_key)


def turned_formula(x: Tensor) -> Tensor:
    """The tide as complex numbers, times e^(−ip) and e^(−ip/100)."""
    back = torch.exp(-1j * torch.outer(torch.arange(len(x)), exact([1.0, 0.01])))
    return torch.view_as_real(torch.view_as_complex(ROWS_TIDE.unflatten(1, (2, 2))) * back).flatten(1)


def turned_by_hand(x: Tensor) -> Tensor:
    """Turn the tide back: by −p for the first pair, by −p/100 for the second."""
    back = zeros(x)
    for p, tide in enumerate(ROWS_TIDE.tolist()):
        for first, angle in ((0, p), (2, p / 100)):
            c, s = math.cos(angle), math.sin(angle)
            back[p][first] = c * tide[first] + s * tide[first + 1]
            back[p][first + 1] = c * tide[first + 1] - s * tide[first]
    return exact(back)


def layer_norm_formula(x: Tensor, gain: Tensor, offset: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    del offset
    spread = (x.var(dim=1, correction=0, keepdim=True) + EPS).sqrt()
    unit = (x - x.mean(dim=1, keepdim=True)) / spread
    u = gain * ROWS_TIDE
    d_x = (u - u.mean(dim=1, keepdim=True) - unit * (u * unit).mean(dim=1, keepdim=True)) / spread
    return d_x, (ROWS_TIDE * unit).sum(dim=0), ROWS_TIDE.sum(dim=0)


def layer_norm_by_hand(x: Tensor, gain: Tensor, offset: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One row at a time: through the quotient, the variance and the mean, back to each entry."""
    d_x, d_gain, d_offset = zeros(x), [0.0] * len(gain), [0.0] * len(offset)
    for i, (row, tide) in enumerate(zip(x.tolist(), ROWS_TIDE.tolist(), strict=True)):
        n = len(row)
        mean = sum(row) / n
        centred = [v - mean for v in row]
        variance = sum(c * c for c in centred) / n
        spread = math.sqrt(variance + EPS)
        d_unit = [g * t for g, t in zip(gain.tolist(), tide, strict=True)]
        d_variance = sum(-0.5 * d * c for d, c in zip(d_unit, centred, strict=True)) / spread**3
        d_centred = [d / spread + d_variance * 2 * c / n for d, c in zip(d_unit, centred, strict=True)]
        d_x[i] = [d - sum(d_centred) / n for d in d_centred]
        for j, t in enumerate(tide):
            d_gain[j] += t * centred[j] / spread
            d_offset[j] += t
    return exact(d_x), exact(d_gain), exact(d_offset)


def rms_norm_formula(x: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    size = (x.square().mean(dim=1, keepdim=True) + EPS).sqrt()
    u = gain * ROWS_TIDE
    return (u - x / size**2 * (u * x).mean(dim=1, keepdim=True)) / size, (ROWS_TIDE * x / size).sum(dim=0)


def rms_norm_by_hand(x: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    d_x, d_gain = zeros(x), [0.0] * len(gain)
    for i, (row, tide) in enumerate(zip(x.tolist(), ROWS_TIDE.tolist(), strict=True)):
        square = sum(v * v for v in row) / len(row) + EPS
        d_unit = [g * t for g, t in zip(gain.tolist(), tide, strict=True)]
        d_square = sum(d * v for d, v in zip(d_unit, row, strict=True)) * -0.5 * square**-1.5
        d_x[i] = [
            d / math.sqrt(square) + d_square * 2 * v / len(row) for d, v in zip(d_unit, row, strict=True)
        ]
        d_gain = [g + t * v / math.sqrt(square) for g, t, v in zip(d_gain, tide, row, strict=True)]
    return exact(d_x), exact(d_gain)


def zeros(like: Tensor) -> Rows:
    return [[0.0] * like.shape[1] for _ in range(like.shape[0])]


def through(norm: torch.nn.Module, x: Tensor, **parameters: Tensor) -> Tensor:
    return (torch.func.functional_call(norm, parameters, (x,)) * ROWS_TIDE).sum()


SEQUENCE_DERIVATIVES = (
    Derivative(
        "a state four steps on",
        8,
        "∂h₄/∂h₀ = Π w(1 − hₜ²)",
        listened,
        listened_formula,
        listened_by_hand,
        (STARTS,),
    ),
    Derivative(
        "attention: scores, values",
        9,
        "∂S = A∘(u − Σ A∘u), ∂V = AᵀG",
        lambda scores, value: (attention(scores, NAMES, value, scale=1.0)[0] * TIDE).sum(),
        scores_formula,
        scores_by_hand,
        (SCORES, VALUE),
    ),
    Derivative(
        "attention: queries, keys",
        9,
        "∂Q = s·∂S·K, ∂K = s·∂Sᵀ·Q",
        lambda query, key: (attention(query, key, VALUE)[0] * TIDE).sum(),
        pair_formula,
        pair_by_hand,
        (QUERY, KEY),
    ),
    Derivative(
        "rotary positions",
        9,
        "R(p)ᵀu = R(−p)u",
        lambda x: (rotate(x) * ROWS_TIDE).sum(),
        turned_formula,
        turned_by_hand,
        (ROWS,),
    ),
    Derivative(
        "layer norm",
        10,
        "(u − ū − x̂·mean(u∘x̂))/σ",
        lambda x, gain, offset: through(LAYER_NORM, x, weight=gain, bias=offset),
        layer_norm_formula,
        layer_norm_by_hand,
        (ROWS, GAIN, OFFSET),
    ),
    Derivative(
        "RMS norm",
        10,
        "(u − x·mean(u∘x)/r²)/r",
        lambda x, gain: through(RMS_NORM, x, weight=gain),
        rms_norm_formula,
        rms_norm_by_hand,
        (ROWS, GAIN),
    ),
)
