"""Exercises of the chapter on the Transformer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

# --- the size of a block ------------------------------------------------------------------------------------


def block_parameters(d_model: int, feed_forward: int) -> int:
    """Four projections, two linear layers, two norms, each with its biases."""
    projections = 4 * (d_model * d_model + d_model)
    linear = d_model * feed_forward + feed_forward + feed_forward * d_model + d_model
    return projections + linear + 2 * 2 * d_model


BLOCK_PARAMETERS = Exercise(
    name="block_parameters",
    title="Count a block",
    kind="predict",
    points=2,
    inputs=lambda generator: (16 * integer(generator, 2, 6), 64 * integer(generator, 2, 5)),
    question=lambda d_model, feed_forward: (
        f"An encoder layer has d_model = {d_model}, 4 heads and {feed_forward} hidden units, and a bias "
        "everywhere. How many parameters does it have?"
    ),
    reference=block_parameters,
    misconceptions={
        "no biases": Misconception(
            lambda d, f: 4 * d * d + 2 * d * f + 4 * d,
            "You left out the biases of the six linear layers.",
        ),
        "three projections": Misconception(
            lambda d, f: 3 * (d * d + d) + 2 * d * f + f + d + 4 * d,
            "You counted three projections. After the heads are put side by side there is a fourth, for the "
            "output.",
        ),
        "times the heads": Misconception(
            lambda d, f: 4 * 4 * (d * d + d) + 2 * d * f + f + d + 4 * d,
            "You multiplied by the number of heads. Heads share out d_model among them; they add nothing.",
        ),
    },
    slips={
        "no norms": Misconception(
            lambda d, f: 4 * (d * d + d) + 2 * d * f + f + d,
            "You left out the two LayerNorms, with a weight and a bias for each feature.",
        ),
        "no biases in the attention": Misconception(
            lambda d, f: block_parameters(d, f) - 4 * d,
            "You left out the biases of the attention's four projections.",
        ),
        "a decoder layer": Misconception(
            lambda d, f: block_parameters(d, f) + 4 * (d * d + d) + 2 * d,
            "That is a decoder layer, with a second attention and a third norm. An encoder layer has one attention.",
        ),
        "both layers": Misconception(
            lambda d, f: 2 * block_parameters(d, f) + 4 * (d * d + d) + 2 * d,
            "That is the whole of (10.7), an encoder and a decoder layer. One encoder layer is asked for.",
        ),
        "neither biases nor norms": Misconception(
            lambda d, f: 4 * d * d + 2 * d * f,
            "You left out the biases of the six linear layers, and the two LayerNorms.",
        ),
        "one norm": Misconception(
            lambda d, f: 4 * (d * d + d) + 2 * d * f + f + d + 2 * d,
            "You counted one LayerNorm. There are two.",
        ),
        "one linear layer": Misconception(
            lambda d, f: 4 * (d * d + d) + d * f + f + 4 * d,
            "You counted one linear layer of the feed-forward part. There are two.",
        ),
        "attention alone": Misconception(
            lambda d, f: 4 * (d * d + d),  # noqa: ARG005
            "That is the attention. The feed-forward part and the norms are missing.",
        ),
        "norms without biases": Misconception(
            lambda d, f: block_parameters(d, f) - 2 * d,
            "A LayerNorm has a bias beside its weight.",
        ),
        "feed-forward alone": Misconception(
            lambda d_model, feed_forward: 2 * d_model * feed_forward + feed_forward + d_model,
            "That is the feed-forward part. The attention and the norms are missing.",
        ),
    },
    next_step="Check with sum(p.numel() for p in layer.parameters()).",
    tolerance=1e-9,
    reason="Attention has four projections of d² weights and d biases, the feed-forward part d·f weights and f biases on the way up, d·f and d on the way down, and each of two LayerNorms 2d parameters. The number of heads does not enter, because the heads share d among them.",
)


# --- layer normalisation ------------------------------------------------------------------------------------


def _features(generator: Generator) -> tuple[Tensor, Tensor, Tensor, float]:
    width = integer(generator, 4, 6)
    x = 1 + 0.7 * float64(generator, 3, 4, width)
    return x, 1 + float64(generator, width), float64(generator, width), 0.05 * integer(generator, 1, 4)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Mean and variance over the features of each token by itself."""
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)
    return centred / (variance + eps).sqrt() * weight + bias


def _layer_norm_variant(dim=-1, unbiased=False, outside=False, centre=True):
    def variant(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        centred = x - x.mean(dim=dim, keepdim=True) if centre else x
        count = x.shape[dim] - 1 if unbiased else x.shape[dim]
        variance = centred.square().sum(dim=dim, keepdim=True) / count
        size = variance.sqrt() + eps if outside else (variance + eps).sqrt()
        return centred / size * weight + bias

    return variant


LAYER_NORM = Exercise(
    name="layer_norm",
    title="LayerNorm",
    kind="implement",
    points=2,
    inputs=_features,
    reference=layer_norm,
    misconceptions={
        "over the positions": Misconception(
            _layer_norm_variant(dim=1),
            "You took mean and variance over the positions. A token is normalised by its own features; what "
            "its neighbours hold, and whether they are padding, must not matter.",
        ),
        "divided by n − 1": Misconception(
            _layer_norm_variant(unbiased=True),
            "You divided the squares by n − 1, as `var` does by default. Nothing is being estimated here: "
            "divide by n.",
        ),
        "eps outside the root": Misconception(
            _layer_norm_variant(outside=True),
            "You added eps to the deviation. In LayerNorm it stands under the root, with the variance.",
        ),
        "mean kept": Misconception(
            _layer_norm_variant(centre=False),
            "You divided by the root mean square without taking the mean away: that is RMSNorm.",
        ),
    },
    slips={
        "eps outside, n − 1": Misconception(
            _layer_norm_variant(outside=True, unbiased=True),
            "You added eps to the deviation, and divided the squares by n − 1. In LayerNorm eps stands under the root, and n divides.",
        ),
        "no weight and bias": Misconception(
            lambda x, weight, bias, eps: layer_norm(x, torch.ones_like(weight), torch.zeros_like(bias), eps),
            "The normalisation is right. `weight` and `bias` have no effect.",
        ),
        "no bias": Misconception(
            lambda x, weight, bias, eps: layer_norm(x, weight, torch.zeros_like(bias), eps),
            "The bias is missing.",
        ),
        "over tokens and features": Misconception(
            lambda x, weight, bias, eps: (
                (x - x.mean((1, 2), keepdim=True))
                / (x.var((1, 2), correction=0, keepdim=True) + eps).sqrt()
                * weight
                + bias
            ),
            "You took mean and variance over positions and features. Each token is normalised by itself.",
        ),
        "over the batch": Misconception(
            _layer_norm_variant(dim=0),
            "You took mean and variance over the batch. A token is normalised by its own features.",
        ),
        "no root": Misconception(
            lambda x, weight, bias, eps: (
                (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + eps) * weight + bias
            ),
            "You divided by the variance. Take its root.",
        ),
        "no eps": Misconception(
            lambda x, weight, bias, eps: layer_norm(x, weight, bias, 0.0),  # noqa: ARG005
            "eps has no effect.",
        ),
    },
    next_step="Multiply x by 1000. By how much does the result change, and why not at all?",
)


# --- where the norm stands ----------------------------------------------------------------------------------


Layer = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Norm:
    """Mean 0 and a deviation of almost 1 for each token."""

    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + self.eps)


@dataclass(frozen=True)
class Sublayer:
    """Neighbouring features mixed, shifted and bent."""

    shift: float

    def __call__(self, x: Tensor) -> Tensor:
        return torch.relu(2 * x.roll(1, dims=-1) - x + self.shift)


def _token_and_layers(generator: Generator) -> tuple[Tensor, Layer, Layer]:
    norm, sublayer = Norm(0.1 * integer(generator, 1, 9)), Sublayer(0.1 * integer(generator, 3, 9))
    return 3 * float64(generator, 2, 3, 4), norm, sublayer


def pre_norm(x: Tensor, norm: Layer, sublayer: Layer) -> Tensor:
    """The way straight on stays free; what is added was computed from the normalised input."""
    return x + sublayer(norm(x))


PRE_NORM = Exercise(
    name="pre_norm",
    title="A clear residual path",
    kind="implement",
    points=1,
    inputs=_token_and_layers,
    reference=pre_norm,
    misconceptions={
        "post-norm": Misconception(
            lambda x, norm, sublayer: norm(x + sublayer(x)),
            "That is post-norm, as in 2017: the norm stands on the residual path, and every block rescales what "
            "comes from below.",
        ),
        "no residual": Misconception(
            lambda x, norm, sublayer: sublayer(norm(x)),
            "The residual path is missing. Add the input back.",
        ),
        "normalised path": Misconception(
            lambda x, norm, sublayer: norm(x) + sublayer(norm(x)),
            "You added the normalised input back. The residual path carries x as it came.",
        ),
        "normalised the addition": Misconception(
            lambda x, norm, sublayer: x + norm(sublayer(x)),
            "You normalised what comes out of the sublayer. Pre-norm normalises what goes in.",
        ),
    },
    slips={
        "no norm": Misconception(
            lambda x, norm, sublayer: x + sublayer(x),  # noqa: ARG005
            "The norm is missing.",
        ),
        "a norm at both places": Misconception(
            lambda x, norm, sublayer: norm(x + sublayer(norm(x))),
            "There is one norm too many: the residual path is normalised as well.",
        ),
        "the norm alone": Misconception(
            lambda x, norm, sublayer: x + norm(x),  # noqa: ARG005
            "The sublayer plays no part.",
        ),
        "unchanged": Misconception(
            lambda x, norm, sublayer: x,  # noqa: ARG005
            "That is x itself: nothing was added.",
        ),
    },
    next_step="What is the gradient with respect to x of the sum of 24 such blocks, if every sublayer is zero?",
)


# --- positions as waves -------------------------------------------------------------------------------------


def sinusoid(position: int, d_model: int) -> Tensor:
    """Sine and cosine of the same angle side by side; the angles slow down geometrically."""
    pair = torch.arange(d_model // 2, dtype=torch.float64)
    angle = position / 10000 ** (2 * pair / d_model)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten()


def _sinusoid_variant(power=2.0, arrange=None, degrees=False, base=10000):
    def variant(position: int, d_model: int) -> Tensor:
        pair = torch.arange(d_model // 2, dtype=torch.float64)
        angle = position / base ** (power * pair / d_model)
        angle = torch.deg2rad(angle) if degrees else angle
        if arrange is not None:
            return arrange(angle)
        return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten()

    return variant


SINUSOID = Exercise(
    name="sinusoid",
    title="A clock with many hands",
    kind="implement",
    points=2,
    inputs=lambda generator: (integer(generator, 3, 40), 2 * integer(generator, 3, 8)),
    reference=sinusoid,
    misconceptions={
        "half the exponent": Misconception(
            _sinusoid_variant(power=1.0),
            "Your waves slow down only half as fast: the exponent of pair i is 2i/d_model, from 0 to almost 1.",
        ),
        "all sines first": Misconception(
            _sinusoid_variant(arrange=lambda angle: torch.cat([angle.sin(), angle.cos()])),
            "You put all sines first and all cosines after them. Others do so too, and a network would not "
            "mind; (10.1) puts each sine beside its cosine.",
        ),
        "cosine first": Misconception(
            _sinusoid_variant(arrange=lambda a: torch.stack([a.cos(), a.sin()], dim=-1).flatten()),
            "Sine and cosine are swapped: the even places hold the sine.",
        ),
        "degrees": Misconception(
            _sinusoid_variant(degrees=True),
            "You took the angle as degrees. torch.sin and torch.cos work in radians.",
        ),
    },
    slips={
        "a wave for every feature": Misconception(
            lambda position, d_model: torch.where(
                torch.arange(d_model) % 2 == 0,
                (position / 10000 ** (torch.arange(d_model, dtype=torch.float64) / d_model)).sin(),
                (position / 10000 ** (torch.arange(d_model, dtype=torch.float64) / d_model)).cos(),
            ),
            "Your cosine has an angle of its own. Sine and cosine of a pair share one.",
        ),
        "twice the exponent": Misconception(
            _sinusoid_variant(power=4.0),
            "Your waves slow down twice as fast: the exponent of pair i is 2i/d_model. Did a 2 slip in twice?",
        ),
        "multiplied": Misconception(
            lambda position, d_model: torch.stack(
                [
                    (
                        position * 10000 ** (2 * torch.arange(d_model // 2, dtype=torch.float64) / d_model)
                    ).sin(),
                    (
                        position * 10000 ** (2 * torch.arange(d_model // 2, dtype=torch.float64) / d_model)
                    ).cos(),
                ],
                dim=-1,
            ).flatten(),
            "You multiplied by the wave length. The angle is the position divided by it.",
        ),
        "sines alone": Misconception(
            lambda position, d_model: torch.stack([sinusoid(position, d_model)[::2]] * 2, dim=-1).flatten(),
            "The sines are right, and stand where the cosines belong too.",
        ),
        "base 1000": Misconception(
            _sinusoid_variant(base=1000),
            "Your waves slow down too little from pair to pair: the base is 10,000, not 1000.",
        ),
        "one place further": Misconception(
            lambda position, d_model: sinusoid(position + 1, d_model),
            "Those are the readings of the next position: positions count from 0.",
        ),
    },
    next_step="Plot the dot product of position 20 with every other position.",
)


# --- exact match --------------------------------------------------------------------------------------------


def _written_and_wanted(generator: Generator) -> tuple[Tensor, Tensor, int]:
    """Twelve texts: right ones, with chatter after the end or none, and every way of being wrong in one place."""
    seq, batch, end, pad = 8, 12, integer(generator, 3, 7), integer(generator, 0, 2)
    target = torch.randint(3, 11, (batch, seq), generator=generator)
    target += target >= end  # the end stands at the end alone, and tokens are larger and smaller than it
    lengths = torch.randint(2, seq - 1, (batch,), generator=generator)
    after = torch.arange(seq) > lengths[:, None]
    target = target.scatter(1, lengths[:, None], end).masked_fill(after, pad)
    chatter = torch.randint(3, 12, (batch, seq), generator=generator)
    written = torch.where(after, chatter, target)
    order = torch.randperm(batch, generator=generator)
    written[order[0]] = target[order[0]]  # stops where it should
    for kind, text in enumerate(order[1 : integer(generator, 6, 10)]):
        last = int(lengths[text])
        place = (0, last - 1, last, last, integer(generator, 0, last - 1))[kind % 5]
        wrong = int(target[text, place]) + (1, -1, -1, 1, 1)[kind % 5]
        written[text, place] = end if kind == 1 else wrong
    return written, target, end


def _before_the_end(target: Tensor, end: int) -> Tensor:
    """Places up to the first end token, itself included."""
    return (target == end).cumsum(dim=1) - (target == end).long() == 0


def exact_match(written: Tensor, target: Tensor, end: int) -> float:
    """A sequence counts if every token up to the end, the end included, is right."""
    asked = _before_the_end(target, end)
    return ((written == target) | ~asked).all(dim=1).double().mean().item()


EXACT_MATCH = Exercise(
    name="exact_match",
    title="Right, or not",
    kind="implement",
    points=2,
    inputs=_written_and_wanted,
    reference=exact_match,
    misconceptions={
        "share of tokens": Misconception(
            lambda written, target, end: (
                (written == target)[_before_the_end(target, end)].double().mean().item()
            ),
            "That is the share of right tokens. A date with nine right digits of ten is a wrong date.",
        ),
        "chatter counted": Misconception(
            lambda written, target, _: (written == target).all(dim=1).double().mean().item(),
            "What the decoder writes after the end token is thrown away. You counted it against the decoder.",
        ),
        "a number, not a share": Misconception(
            lambda written, target, end: (
                ((written == target) | ~_before_the_end(target, end)).all(dim=1).sum().double().item()
            ),
            "That counts the sequences. Divide by how many there are.",
        ),
        "one right token is enough": Misconception(
            lambda written, target, end: (
                ((written == target) & _before_the_end(target, end)).any(dim=1).double().mean().item()
            ),
            "You took `any` for `all`: every sequence with one right token counted.",
        ),
    },
    slips={
        "always one": Misconception(
            lambda *_: 1.0,
            "Yours is 1 on every input: is a sequence called right too easily, or is the answer a constant?",
        ),
        "the first token": Misconception(
            lambda written, target, end: (written[:, 0] == target[:, 0]).double().mean().item(),  # noqa: ARG005
            "You compared the first token alone.",
        ),
        "where the end stands": Misconception(
            lambda written, target, end: (
                ((written == end) & (target == end)).any(dim=1).double().mean().item()
            ),
            "You asked whether both end at the same place. The tokens before count too.",
        ),
        "all tokens": Misconception(
            lambda written, target, end: (written == target).double().mean().item(),  # noqa: ARG005
            "That is the share of right tokens, including those after the end.",
        ),
        "the end left out": Misconception(
            lambda written, target, end: (
                ((written == target) | ((target == end).cumsum(1) > 0)).all(dim=1).double().mean().item()
            ),
            "You compared up to the end token, without it. A text that does not stop is wrong.",
        ),
    },
    next_step="Report both, the share of tokens and the exact matches. Which one flatters?",
    tolerance=1e-6,
    draws=8,
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for exercise in (BLOCK_PARAMETERS, LAYER_NORM, PRE_NORM, SINUSOID, EXACT_MATCH)
}
