"""Exercises of the chapter on attention."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

# --- how far scores spread ----------------------------------------------------------------------------------


def score_spread(head_dim: int, size: int) -> float:
    """Each product has variance s²·s²; head_dim of them add up; the deviation is the root."""
    return math.sqrt(head_dim) * size * size


SCORE_SPREAD = Exercise(
    name="score_spread",
    title="How far do scores spread?",
    kind="predict",
    points=1,
    inputs=lambda generator: (4 ** integer(generator, 2, 4), integer(generator, 2, 5)),
    question=lambda head_dim, size: (
        f"Queries and keys have {head_dim} independent components of mean 0 and standard deviation {size}. "
        "What is the standard deviation of q · k, before any scaling?"
    ),
    reference=score_spread,
    rivals=(
        lambda head_dim, _: float(head_dim),
        lambda head_dim, _: math.sqrt(head_dim),
        lambda head_dim, size: float(head_dim * size),
    ),
    misconceptions={
        "the variance": Misconception(
            lambda head_dim, size: float(head_dim * size**4),
            "That is the variance. The question asks for its root.",
        ),
        "deviations added": Misconception(
            lambda head_dim, size: float(head_dim * size * size),
            "You added the deviations of the products. Of independent numbers the variances add.",
        ),
        "only one of the two": Misconception(
            lambda head_dim, size: math.sqrt(head_dim) * size,
            "Both factors spread, the query's component and the key's; you counted one of them.",
        ),
        "already scaled": Misconception(
            lambda _, size: float(size * size),
            "That is the deviation after division by √head_dim, or of a single product.",
        ),
    },
    slips={
        "the width": Misconception(
            lambda head_dim, _: float(head_dim),
            "That is head_dim, the variance for components of deviation 1. Here they have another, and the deviation is asked for.",
        ),
        "the root of the width": Misconception(
            lambda head_dim, _: math.sqrt(head_dim),
            "That is the deviation for components of deviation 1. Here they have another.",
        ),
        "variance of one factor": Misconception(
            lambda head_dim, size: float(head_dim * size * size),
            "Both factors spread, and the root is still to be taken.",
        ),
        "one component's": Misconception(
            lambda _, spread: spread,
            "That is the deviation of one component. A score adds up head_dim products of two.",
        ),
        "deviation once": Misconception(
            lambda head_dim, spread: math.sqrt(head_dim * spread),
            "You put the deviation itself under the root. The variance of one product belongs there.",
        ),
    },
    next_step="Draw ten thousand pairs and measure it.",
    tolerance=1e-3,
    reason="The product of two independent components of deviation s has the variance s⁴, and the variances of head_dim such products add up. The deviation is the root of that sum, s²·√head_dim.",
)


# --- attention ----------------------------------------------------------------------------------------------


def _query_key_value(generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    batch, queries, keys = 2, integer(generator, 2, 3), integer(generator, 4, 6)
    head_dim = integer(generator, 7, 12)
    return (
        2 * float64(generator, batch, queries, head_dim),
        float64(generator, batch, keys, head_dim),
        float64(generator, batch, keys, 3),
    )


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scores over √head_dim, softmax over the keys, then a mean of the values."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-1) @ value


def _attend_variant(scale=math.sqrt, dim=-1, late=False):
    def variant(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        factor = 1 / scale(query.shape[-1])
        scores = query @ key.transpose(-2, -1)
        weights = (scores if late else scores * factor).softmax(dim=dim)
        return (weights * factor if late else weights) @ value

    return variant


ATTEND = Exercise(
    name="attend",
    title="Attention",
    kind="implement",
    points=3,
    inputs=_query_key_value,
    reference=attend,
    misconceptions={
        "softmax over the queries": Misconception(
            _attend_variant(dim=-2),
            "Your softmax runs over the queries: each key hands out a total of 1. It is each query that has "
            "a total of 1 to spend on the keys.",
        ),
        "no scale": Misconception(
            _attend_variant(scale=lambda _: 1.0),
            "You left out the scale. With a head_dim of 64 the softmax would put nearly everything on one key.",
        ),
        "divided by head_dim": Misconception(
            _attend_variant(scale=float),
            "You divided by head_dim. The deviation of the scores is its root, so divide by that.",
        ),
        "scaled after the softmax": Misconception(
            _attend_variant(late=True),
            "You scaled the weights, after the softmax. Then they no longer add up to 1, and the softmax saw the "
            "large scores.",
        ),
    },
    slips={
        "softmax over the batch": Misconception(
            lambda query, key, value: (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=0) @ value,
            "Your softmax runs over the batch. Each query spends its total on the keys.",
        ),
        "root of the keys": Misconception(
            lambda query, key, value: (query @ key.mT / math.sqrt(key.shape[1])).softmax(dim=-1) @ value,
            "You divided by the root of the number of keys. It is the width of a key that counts.",
        ),
        "root of the values' width": Misconception(
            lambda query, key, value: (query @ key.mT / math.sqrt(value.shape[-1])).softmax(dim=-1) @ value,
            "You divided by the root of the values' width. It is the width of queries and keys that counts.",
        ),
        "multiplied by the root": Misconception(
            lambda query, key, value: (query @ key.mT * math.sqrt(query.shape[-1])).softmax(dim=-1) @ value,
            "You multiplied by √head_dim. Divide by it.",
        ),
        "no softmax": Misconception(
            lambda query, key, value: query @ key.mT / math.sqrt(query.shape[-1]) @ value,
            "The softmax is missing: the scores themselves weigh the values.",
        ),
        "the weights": Misconception(
            lambda query, key, value: (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1),  # noqa: ARG005
            "Those are the weights. With them, take a mean of the values.",
        ),
        "sign of the scores": Misconception(
            lambda query, key, value: (-query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1) @ value,
            "Your scores have the wrong sign: the best match gets the smallest weight.",
        ),
    },
    next_step="Compare with F.scaled_dot_product_attention, values and gradients.",
)


# --- a causal mask ------------------------------------------------------------------------------------------


def _scores_and_values(generator: Generator) -> tuple[Tensor, Tensor]:
    seq = integer(generator, 4, 6)
    return float64(generator, 2, seq, seq), float64(generator, 2, seq, 3)


def attend_causally(scores: Tensor, value: Tensor) -> Tensor:
    """−∞ before the softmax: exactly nothing after it, and the rest adds up to 1."""
    allowed = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    return scores.masked_fill(~allowed, -math.inf).softmax(dim=-1) @ value


def _softmax_of_seen(scores: Tensor, seen: Tensor, dim: int = -1) -> Tensor:
    return scores.masked_fill(~seen, -math.inf).softmax(dim=dim)


ATTEND_CAUSALLY = Exercise(
    name="attend_causally",
    title="No peeking",
    kind="implement",
    points=2,
    inputs=_scores_and_values,
    reference=attend_causally,
    misconceptions={
        "masked after the softmax": Misconception(
            lambda scores, value: scores.softmax(dim=-1).tril() @ value,
            "You masked after the softmax. The future has already taken its share of the total: your rows add "
            "up to less than 1, by an amount that tells of the future.",
        ),
        "zero instead of minus infinity": Misconception(
            lambda scores, value: scores.tril().softmax(dim=-1) @ value,
            "You set the hidden scores to 0. A score of 0 is worth e⁰ = 1, not nothing.",
        ),
        "the other triangle": Misconception(
            lambda scores, value: _softmax_of_seen(scores, torch.ones_like(scores).triu() == 1) @ value,
            "Your tokens see themselves and the future. Row t must see the columns up to t: the lower triangle.",
        ),
        "blind to itself": Misconception(
            lambda scores, value: _softmax_of_seen(scores, torch.ones_like(scores).tril(-1) == 1) @ value,
            "A token may look at itself. You hid the diagonal too, and the first row has nothing left: 0/0.",
        ),
    },
    slips={
        "mask inverted": Misconception(
            lambda scores, value: _softmax_of_seen(scores, torch.ones_like(scores).tril() == 0) @ value,
            "Your mask hides what it should show: `masked_fill` fills where the mask is True. Invert it.",
        ),
        "infinity times zero": Misconception(
            lambda scores, value: (scores + torch.zeros_like(scores) / 0 * 0).softmax(dim=-1) @ value,
            "Everything is NaN. Did you multiply −∞ by a mask of zeros and ones? −∞ times 0 is NaN: fill, do not multiply.",
        ),
        "no mask": Misconception(
            lambda scores, value: scores.softmax(dim=-1) @ value,
            "Nothing is masked: every token sees the future.",
        ),
        "one step ahead": Misconception(
            lambda scores, value: _softmax_of_seen(scores, torch.ones_like(scores).tril(1) == 1) @ value,
            "Each token sees one place too far: the next one.",
        ),
        "softmax over the queries": Misconception(
            lambda scores, value: (
                _softmax_of_seen(scores, torch.ones_like(scores).tril() == 1, dim=-2) @ value
            ),
            "The mask is right; the softmax runs over the queries. Each query spends its total on the keys.",
        ),
        "no softmax": Misconception(
            lambda scores, value: scores.tril() @ value,
            "The softmax is missing: the scores themselves weigh the values.",
        ),
        "minus one": Misconception(
            lambda scores, value: (
                scores.masked_fill(torch.ones_like(scores).tril() == 0, -1.0).softmax(dim=-1) @ value
            ),
            "You set the hidden scores to −1. That is a score like any other, worth e⁻¹; only −∞ is worth nothing.",
        ),
    },
    next_step="Change the last value and see that no earlier row moves, not even in the last bit.",
)


# --- a padding mask -----------------------------------------------------------------------------------------


def _lengths(generator: Generator) -> tuple[Tensor, int]:
    seq = integer(generator, 5, 8)
    return torch.randint(1, seq, (4,), generator=generator), seq


def padding_mask(lengths: Tensor, seq: int) -> Tensor:
    """Places 0 … length − 1 are real."""
    return torch.arange(seq) < lengths[:, None]


PADDING_MASK = Exercise(
    name="padding_mask",
    title="Which tokens are real?",
    kind="implement",
    points=1,
    inputs=_lengths,
    reference=padding_mask,
    misconceptions={
        "the padding marked": Misconception(
            lambda lengths, seq: torch.arange(seq) >= lengths[:, None],
            "You marked the padding. That is what nn.MultiheadAttention calls key_padding_mask; here, and in "
            "scaled_dot_product_attention, True means “may be looked at”.",
        ),
        "one too many": Misconception(
            lambda lengths, seq: torch.arange(seq) <= lengths[:, None],
            "One token of padding is marked as real: places count from 0, so the last real one is length − 1.",
        ),
        "the wrong way round": Misconception(
            lambda lengths, seq: torch.arange(seq)[:, None] < lengths,
            "Yours is (seq, batch). One row per sequence is wanted: (batch, seq).",
        ),
        "filled from the left": Misconception(
            lambda lengths, seq: torch.arange(seq) >= seq - lengths[:, None],
            "You put the real tokens at the end. Here the padding comes after the text.",
        ),
    },
    slips={
        "one too few": Misconception(
            lambda lengths, seq: torch.arange(seq) < lengths[:, None] - 1,
            "The last real token of each text is marked as padding: place length − 1 is real.",
        ),
        "longer than": Misconception(
            lambda lengths, seq: torch.arange(seq) > lengths[:, None],
            "You marked what comes after the text, except its first place: the comparison is the wrong way round.",
        ),
        "all real": Misconception(
            lambda lengths, seq: torch.ones(len(lengths), seq, dtype=torch.bool),
            "Everything is marked as real: the lengths have no effect.",
        ),
    },
    next_step="Which two dimensions must be put between, to fit scores (batch, heads, queries, keys)?",
)


# --- heads --------------------------------------------------------------------------------------------------


def _features_and_heads(generator: Generator) -> tuple[Tensor, int]:
    heads = integer(generator, 2, 4)
    return float64(generator, 2, integer(generator, 5, 7), heads * 4), heads


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Cut the features, then move the heads in front of the positions."""
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, heads, d_model // heads).transpose(1, 2)


SPLIT_HEADS = Exercise(
    name="split_heads",
    title="Cut into heads",
    kind="implement",
    points=2,
    inputs=_features_and_heads,
    reference=split_heads,
    misconceptions={
        "reshaped straight": Misconception(
            lambda x, heads: x.reshape(x.shape[0], heads, x.shape[1], -1),
            "The shape is right, the content is not: you read the buffer on across positions, so one head "
            "holds a mixture of several tokens. Cut the last dimension first, then transpose.",
        ),
        "heads not moved": Misconception(
            lambda x, heads: x.reshape(x.shape[0], x.shape[1], heads, -1),
            "That is (batch, seq, heads, head_dim). In the matrix product the last two must be seq and "
            "head_dim; the heads belong beside the batch.",
        ),
        "cards dealt out": Misconception(
            lambda x, heads: x.reshape(x.shape[0], x.shape[1], -1, heads).permute(0, 3, 1, 2),
            "You dealt the features out like cards, every second to the same head. A head takes neighbouring "
            "features.",
        ),
        "positions cut": Misconception(
            lambda x, heads: torch.stack(x.chunk(heads, dim=-1), dim=1).transpose(-2, -1),
            "Positions and features are the wrong way round: (batch, heads, head_dim, seq).",
        ),
    },
    next_step="Write the way back. Why does it need a `contiguous`, or `reshape` instead of `view`?",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for exercise in (SCORE_SPREAD, ATTEND, ATTEND_CAUSALLY, PADDING_MASK, SPLIT_HEADS)
}
