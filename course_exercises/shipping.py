"""Exercises of the chapter on shipping a model."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

# --- a scheme -----------------------------------------------------------------------------------------------


def _activations(generator: Generator) -> tuple[Tensor]:
    """Skewed as activations are, in 255 steps from a little below 0 to far above.

    Either the ends lie half-way between two multiples of a step, where the largest falls beyond 127 without a
    clamp, or all numbers are well away from half-way, so that every right way rounds them alike.
    """
    half_way, below = integer(generator, 0, 2) == 0, integer(generator, 60, 95)
    step = 2.0 ** -integer(generator, 5, 8) * (1.0 if half_way else 1.0 + 0.01 * integer(generator, 1, 60))
    off = 0.8 * torch.rand(9, generator=generator, dtype=torch.float64) - 0.4
    steps = torch.randint(1 - below, 254 - below, (9,), generator=generator) + off
    lowest = -(below // 2 * 2 + 1.5) if half_way else -below + float(off[0])
    steps[integer(generator, 0, 3)], steps[integer(generator, 4, 8)] = lowest, lowest + 255
    return (step * steps,)


def _in_256_steps(x: Tensor, scale: Tensor, zero: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return scale, zero, ((x / scale).round() + zero).clamp(-128, 127)


def quantise(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """255 steps from the least to the largest; −128 stands for the least."""
    scale = (x.max() - x.min()) / 255
    zero = (-128 - x.min() / scale).round()
    return scale, zero, ((x / scale).round() + zero).clamp(-128, 127)


def _unsigned_zero(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale = (x.max() - x.min()) / 255
    return _in_256_steps(x, scale, (-x.min() / scale).round())


def _flipped_zero(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale = (x.max() - x.min()) / 255
    return _in_256_steps(x, scale, (-128 + x.min() / scale).round())


def _symmetric(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale = 2 * x.abs().max() / 255
    return _in_256_steps(x, scale, torch.zeros((), dtype=torch.float64))


def _one_step_too_many(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale = (x.max() - x.min()) / 256
    return _in_256_steps(x, scale, (-128 - x.min() / scale).round())


def _cut_off(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale = (x.max() - x.min()) / 255
    zero = (-128 - x.min() / scale).round()
    return scale, zero, ((x / scale).trunc() + zero).clamp(-128, 127)


QUANTISE = Exercise(
    name="quantise",
    title="A scale and a zero point",
    kind="implement",
    points=3,
    inputs=_activations,
    reference=quantise,
    rivals=(
        lambda x: (*quantise(x)[:2], (x / quantise(x)[0]).round() + quantise(x)[1]),
        lambda x: _in_256_steps(x, (scale := (x.max() - x.min()) / 255), (-128 - x.min() / scale).ceil()),
        lambda x: _in_256_steps(x, (scale := (x.max() - x.min()) / 255), (-128 - x.min() / scale).floor()),
        lambda x: _in_256_steps(
            x, (scale := (x.max() - x.min()) / 255), (-128 - 1.01 * x.min() / scale).round()
        ),
    ),
    misconceptions={
        "zero point of uint8": Misconception(
            _unsigned_zero,
            "Your zero point belongs to 0 … 255. An int8 begins at −128: half of your numbers hit the ceiling of 127.",
        ),
        "zero point's sign": Misconception(
            _flipped_zero,
            "The smallest number does not land on −128. Solve −128 = round(low/scale) + zero for zero, and mind the sign.",
        ),
        "symmetric": Misconception(
            _symmetric,
            "You spread the steps evenly about 0. These numbers are mostly positive: nearly half of the 256 go unused.",
        ),
        "256 steps": Misconception(
            _one_step_too_many,
            "256 numbers have 255 gaps between them. With your scale the largest falls beyond 127 and is cut.",
        ),
        "cut off": Misconception(
            _cut_off,
            "You dropped the fraction. Errors then reach a whole step, all towards 0: round instead.",
        ),
    },
    slips={
        "zero point not rounded": Misconception(
            lambda x: (lambda s: _in_256_steps(x, s, -128 - x.min() / s))((x.max() - x.min()) / 255),
            "The zero point has to be a whole number: round it.",
        ),
        "zero point forgotten": Misconception(
            lambda x: (quantise(x)[0], quantise(x)[1], (x / quantise(x)[0]).round().clamp(-128, 127)),
            "Scale and zero point are right. The zero point is not added to the numbers.",
        ),
        "uint8 whole": Misconception(
            lambda x: (
                lambda s: (
                    s,
                    (-x.min() / s).round(),
                    ((x / s).round() + (-x.min() / s).round()).clamp(0, 255),
                )
            )((x.max() - x.min()) / 255),
            "That is uint8, from 0 to 255. An int8 goes from −128 to 127.",
        ),
        "not clamped": Misconception(
            lambda x: (
                lambda s: (s, (-128 - x.min() / s).round(), (x / s).round() + (-128 - x.min() / s).round())
            )((x.max() - x.min()) / 255),
            "Some of your numbers lie outside −128 … 127: clamp them.",
        ),
        "127 steps": Misconception(
            lambda x: (lambda s: _in_256_steps(x, s, torch.zeros((), dtype=torch.float64)))(
                x.abs().max() / 127
            ),
            "You spread the steps evenly about 0, as for weights. These numbers are mostly positive: nearly half of the 256 go unused.",
        ),
        "added before rounding": Misconception(
            lambda x: (lambda s, z: (s, z, (x / s + z).floor().clamp(-128, 127)))(
                (x.max() - x.min()) / 255, quantise(x)[1]
            ),
            "Scale and zero point are right. You rounded down where the nearest is asked for.",
        ),
    },
    next_step="Is 0.0 represented exactly? It has to be, for padding: which rounding in your code sees to that?",
    tolerance=1e-6,
)


# --- the error bound ----------------------------------------------------------------------------------------


def largest_error(scale: float, inputs: int, weight: float) -> float:
    """Every input may be half a step off, all in the direction of the weights' signs."""
    return inputs * weight * scale / 2


LARGEST_ERROR = Exercise(
    name="largest_error",
    title="How far can a sum be off?",
    kind="predict",
    points=2,
    inputs=lambda generator: (
        0.01 * integer(generator, 2, 9),
        16 * integer(generator, 3, 9),
        0.1 * integer(generator, 2, 7),
    ),
    question=lambda scale, inputs, weight: (
        f"An output adds {inputs} products of an input and a weight. All weights are {weight:.1f} or −{weight:.1f} and "
        f"exact. The inputs are rounded to int8 with scale {scale:.2f}, none of them outside the range. How far, at "
        "most, is the output from that of the exact inputs?"
    ),
    reference=largest_error,
    misconceptions={
        "a whole step": Misconception(
            lambda scale, inputs, weight: inputs * weight * scale,
            "Rounding goes to the nearer neighbour, so an input is off by half a step at most.",
        ),
        "one input": Misconception(
            lambda scale, _, weight: weight * scale / 2,
            "That is one product's error. In the worst case all of them push the sum the same way.",
        ),
        "square root": Misconception(
            lambda scale, inputs, weight: inputs**0.5 * weight * scale / 2,
            "Independent errors grow like that on average. The question asks for the worst case.",
        ),
        "no weights": Misconception(
            lambda scale, inputs, _: inputs * scale / 2,
            "Each input's error is multiplied by its weight before it is added.",
        ),
        "uniform deviation": Misconception(
            lambda scale, inputs, weight: (inputs / 12) ** 0.5 * weight * scale,
            "That is the standard deviation of such a sum. The question asks for the worst case.",
        ),
    },
    slips={
        "the full scale twice": Misconception(
            lambda scale, inputs, weight: 2 * inputs * weight * scale,
            "Rounding goes to the nearer neighbour, so an input is off by half a step at most.",
        ),
        "weights squared": Misconception(
            lambda scale, inputs, weight: inputs * weight**2 * scale / 2,
            "Each error is multiplied by its weight once.",
        ),
        "square root, whole step": Misconception(
            lambda scale, inputs, weight: inputs**0.5 * weight * scale,
            "Independent errors grow like that on average. The question asks for the worst case.",
        ),
        "one input fewer": Misconception(
            lambda scale, inputs, weight: (inputs - 1) * weight * scale / 2,
            "You counted one product fewer. All of them can err.",
        ),
        "whole step, no weights": Misconception(
            lambda scale, inputs, _: inputs * scale,
            "Rounding errs by half a step at most, and each error is multiplied by its weight.",
        ),
    },
    next_step="Rounding errors mostly cancel. Draw them at random a thousand times: how close to the bound do you come?",
    tolerance=1e-4,
    reason="Rounding moves an input by half a step at most, and the weight multiplies that. In the worst case all errors push the same way and add up to n·|w|·s/2.",
)


# --- the sum of integers ------------------------------------------------------------------------------------


def _whole_product(generator: Generator) -> tuple[Tensor, int, float, Tensor, float]:
    return (
        torch.randint(-128, 128, (3, 5), generator=generator),
        integer(generator, -90, -20),
        0.01 * integer(generator, 1, 9),
        torch.randint(-127, 128, (4, 5), generator=generator),
        0.001 * integer(generator, 1, 9),
    )


def integer_linear(q: Tensor, zero: int, scale: float, weight: Tensor, weight_scale: float) -> Tensor:
    """Take the zero point off before multiplying; both scales at the end."""
    return scale * weight_scale * ((q - zero) @ weight.T)


INTEGER_LINEAR = Exercise(
    name="integer_linear",
    title="A linear layer of whole numbers",
    kind="implement",
    points=2,
    inputs=_whole_product,
    reference=integer_linear,
    misconceptions={
        "zero point forgotten": Misconception(
            lambda q, zero, scale, weight, weight_scale: scale * weight_scale * (q @ weight.T),  # noqa: ARG005
            "You multiplied the stored numbers. A stored q stands for scale·(q − zero).",
        ),
        "zero point added": Misconception(
            lambda q, zero, scale, weight, weight_scale: scale * weight_scale * ((q + zero) @ weight.T),
            "Adding the zero point is what quantising does. On the way back it is subtracted.",
        ),
        "taken off once": Misconception(
            lambda q, zero, scale, weight, weight_scale: scale * weight_scale * (q @ weight.T - zero),
            "The zero point sits in every input, so each weight meets it: subtract zero times the sum of its row.",
        ),
        "one scale": Misconception(
            lambda q, zero, scale, weight, weight_scale: scale * ((q - zero) @ weight.T),  # noqa: ARG005
            "The inputs have a scale and the weights have one too. A product of both needs both.",
        ),
        "eight bits": Misconception(
            lambda q, zero, scale, weight, weight_scale: (
                scale * weight_scale * ((q - zero) @ weight.T).to(torch.int8)
            ),
            "The sum was kept in eight bits and wrapped around. Products of int8 need an int32 to be added in.",
        ),
    },
    slips={
        "sum over the batch": Misconception(
            lambda q, zero, scale, weight, weight_scale: (
                scale * weight_scale * (q @ weight.T - zero * weight.sum(0).sum())
            ),
            "Each output has its own sum of weights: sum the rows, not everything.",
        ),
        "no scales": Misconception(
            lambda q, zero, scale, weight, weight_scale: ((q - zero) @ weight.T).double(),  # noqa: ARG005
            "Neither scale was applied: these are the bare whole numbers.",
        ),
        "the other scale": Misconception(
            lambda q, zero, scale, weight, weight_scale: weight_scale * ((q - zero) @ weight.T),  # noqa: ARG005
            "The inputs' scale is missing. A product of both needs both.",
        ),
        "zero scaled away": Misconception(
            lambda q, zero, scale, weight, weight_scale: scale * weight_scale * (q @ weight.T) - zero,
            "The zero point was taken off at the end, from the result. It sits in every input.",
        ),
        "scales added": Misconception(
            lambda q, zero, scale, weight, weight_scale: (scale + weight_scale) * ((q - zero) @ weight.T),
            "You added the scales. A product of both needs their product.",
        ),
    },
    next_step="Give every row of the weight its own scale. Where does it enter, before the sum or after it?",
    tolerance=1e-5,
)


# --- what zeros save ----------------------------------------------------------------------------------------


def remaining_work(share: float, channels: int) -> tuple[float, float]:
    """Zeros are multiplied like other numbers; a middle layer loses outputs and inputs."""
    kept = channels - round(share * channels)
    return 1.0, (kept / channels) ** 2


REMAINING_WORK = Exercise(
    name="remaining_work",
    title="What pruning saves",
    kind="predict",
    points=2,
    inputs=lambda generator: (0.25 * integer(generator, 1, 3), 16 * integer(generator, 2, 8)),
    question=lambda share, channels: (
        f"A convolution has {channels} input and {channels} output channels. You prune {share:.0%} of it in two ways: "
        f"(a) set {share:.0%} of its weights to 0; (b) take away {share:.0%} of its output channels, and as many of its "
        "input channels with the layer before. What share of its multiplications does PyTorch still do, (a) and (b)?"
    ),
    reference=remaining_work,
    misconceptions={
        "zeros are skipped": Misconception(
            lambda share, _: (1 - share, (1 - share) ** 2),
            "A dense kernel does not look: it multiplies by 0 as by any other number, in the same time.",
        ),
        "outputs only": Misconception(
            lambda share, _: (1.0, 1 - share),
            "The layer before lost its outputs too, and those are this layer's inputs: two cuts, not one.",
        ),
        "what is gone": Misconception(
            lambda share, _: (0.0, 1 - (1 - share) ** 2),
            "Those are the shares that are saved. The question asks for what is still done.",
        ),
        "the same for both": Misconception(
            lambda share, _: (1 - share, 1 - share),
            "You counted the weights that are left as the work that is left. In (a) every zero is multiplied too, in (b) "
            "two axes shrink.",
        ),
    },
    slips={
        "nothing saved": Misconception(
            lambda *_: (1.0, 1.0),
            "The first is right. In the second two axes really get shorter.",
        ),
        "twice the share": Misconception(
            lambda share, _: (1.0, 1 - 2 * share),
            "The first is right. Two cuts one after the other multiply; they do not add.",
        ),
        "swapped": Misconception(
            lambda share, channels: remaining_work(share, channels)[::-1],
            "The two are the wrong way round: which one leaves the shapes as they are?",
        ),
        "saved of the second": Misconception(
            lambda share, _: (1.0, 1 - (1 - share) ** 2),
            "The first is right. The second is the share that is saved; what is still done is asked for.",
        ),
    },
    next_step="Store (a) as value and place of each weight left, in 4 bytes each. From what share on is the file smaller?",
    tolerance=1e-6,
    reason="In (a) the shapes stay as they are, and a dense kernel multiplies by 0 as by any other number. In (b) input and output channels both shrink to the share that is left, so the work falls with its square.",
)


# --- latency and throughput ---------------------------------------------------------------------------------


def _requests(generator: Generator) -> tuple[float, float, int, float]:
    """Requests come further apart than the model needs for each: then some batch keeps up with them."""
    while True:
        fixed, each = float(integer(generator, 3, 8)), 0.5 * integer(generator, 1, 4)
        batch, gap = 8 * integer(generator, 1, 3), float(integer(generator, 1, 3))
        if gap > each:
            return fixed, each, batch, gap


def served(fixed: float, each: float, batch: int, gap: float) -> tuple[float, float]:
    """The first of a batch waits for the last to come; then all are answered together."""
    work = fixed + batch * each
    return (batch - 1) * gap + work, 1000 * batch / work


SERVED = Exercise(
    name="served",
    title="Waiting for company",
    kind="predict",
    points=2,
    inputs=_requests,
    question=lambda fixed, each, batch, gap: (
        f"A call of the model takes {fixed:g} ms and another {each:g} ms for every image. Requests come {gap:g} ms "
        f"apart; the server collects {batch} and then calls the model once. (a) How many ms after it came is the first "
        "of them answered? (b) How many images per second can the model do at most, called like that without a pause?"
    ),
    reference=served,
    misconceptions={
        "nobody waits": Misconception(
            lambda fixed, each, batch, gap: (fixed + batch * each, 1000 * batch / (fixed + batch * each)),  # noqa: ARG005
            "The model starts when the last request has come. The first has been waiting for it all that time.",
        ),
        "one gap more": Misconception(
            lambda fixed, each, batch, gap: (
                batch * gap + fixed + batch * each,
                1000 * batch / (fixed + batch * each),
            ),
            "Between that many requests there is one gap fewer.",
        ),
        "the fixed time for each": Misconception(
            lambda fixed, each, batch, gap: (
                (batch - 1) * gap + batch * (fixed + each),
                1000 / (fixed + each),
            ),
            "You called the model once for each image. The point of a batch is to pay the fixed time once.",
        ),
        "throughput from latency": Misconception(
            lambda fixed, each, batch, gap: (
                (batch - 1) * gap + fixed + batch * each,
                1000 / ((batch - 1) * gap + fixed + batch * each),
            ),
            "One over the latency counts a single image in all that time; a whole batch is done in the model's.",
        ),
    },
    slips={
        "no fixed time": Misconception(
            lambda fixed, each, batch, gap: ((batch - 1) * gap + batch * each, 1000 / each),  # noqa: ARG005
            "You left the fixed time of a call out.",
        ),
        "throughput with the wait": Misconception(
            lambda fixed, each, batch, gap: (
                served(fixed, each, batch, gap)[0],
                1000 * batch / served(fixed, each, batch, gap)[0],
            ),
            "The first is right. In the second the model is to be called without a pause: waiting for requests does not count.",
        ),
        "one image": Misconception(
            lambda fixed, each, batch, gap: (served(fixed, each, batch, gap)[0], 1000 / (fixed + each)),
            "The first is right. The second is the rate for one image at a time; a whole batch is done in one call.",
        ),
        "a gap for each": Misconception(
            lambda fixed, each, batch, gap: (
                batch * gap + fixed + batch * each,
                1000 / (fixed + batch * each),
            ),
            "Between so many requests there is one gap fewer; and a call serves a whole batch, not one image.",
        ),
    },
    next_step="At which batch does the model still keep up with requests that come like that?",
    tolerance=1e-4,
    reason="The first request waits one gap for each of the others, and then for one call that takes the fixed time and that of every image. Called without a pause, the model finishes a whole batch in the time of one call.",
)


# --- what belongs into the graph ----------------------------------------------------------------------------


def _logits_and_threshold(generator: Generator) -> tuple[Tensor, float]:
    """One row certain, two a little below and above the threshold, which may be certainty itself."""
    logits, threshold = 3 * float64(generator, 6, 10), (0.5, 0.6, 0.7, 0.8, 1.0)[integer(generator, 0, 4)]
    logits[0, integer(generator, 0, 9)] += 1000.0
    for row, share in ((1, 0.999), (2, 1.005)):
        wanted, digit = share * min(threshold, 0.8), integer(generator, 0, 9)
        logits[row, digit] = -math.inf
        logits[row, digit] = logits[row].logsumexp(dim=0) + math.log(wanted / (1 - wanted))
    return logits, threshold


def sure_digits(logits: Tensor, threshold: float) -> Tensor:
    """The graph ends in logits: probabilities first, and −1 where the largest is below the threshold."""
    most, digit = logits.softmax(dim=1).max(dim=1)
    return torch.where(most >= threshold, digit, -1)


def _named(sure: Tensor, logits: Tensor) -> Tensor:
    """The digit with the largest logit where one is sure, −1 elsewhere."""
    return torch.where(sure, logits.argmax(dim=1), -1)


SURE_DIGITS = Exercise(
    name="sure_digits",
    title="The graph ends in logits",
    kind="implement",
    points=2,
    inputs=_logits_and_threshold,
    reference=sure_digits,
    rivals=(lambda logits, threshold: _named(logits.softmax(dim=1).max(dim=1).values > threshold, logits),),
    misconceptions={
        "logits as probabilities": Misconception(
            lambda logits, threshold: _named(logits.max(dim=1).values >= threshold, logits),
            "You compared a logit with a probability. Logits have no upper bound, and most of them pass.",
        ),
        "softmax over the batch": Misconception(
            lambda logits, threshold: _named(logits.softmax(dim=0).max(dim=1).values >= threshold, logits),
            "Your probabilities add up to 1 down the batch: an image's answer depends on which others are in the batch.",
        ),
        "softmax twice": Misconception(
            lambda logits, threshold: _named(
                logits.softmax(dim=1).softmax(dim=1).max(dim=1).values >= threshold, logits
            ),
            "Softmax of probabilities lies near 1/10 everywhere: nobody is ever sure. It was applied already.",
        ),
    },
    slips={
        "log-probabilities": Misconception(
            lambda logits, threshold: _named(
                logits.log_softmax(dim=1).max(dim=1).values >= threshold, logits
            ),
            "A logarithm of a probability is never above 0, and so below every threshold: nobody is ever sure.",
        ),
        "above the threshold": Misconception(
            lambda logits, threshold: _named(logits.softmax(dim=1).max(dim=1).values > threshold, logits),
            "A probability that equals the threshold is enough: at least, not more than.",
        ),
        "no threshold": Misconception(
            lambda logits, _: logits.argmax(dim=1),
            "The threshold has no effect: every image was answered, even one the model is not sure of.",
        ),
        "sigmoid": Misconception(
            lambda logits, threshold: _named(logits.sigmoid().max(dim=1).values >= threshold, logits),
            "A sigmoid of each logit is no distribution: the ten do not add up to 1. Take a softmax.",
        ),
        "divided by the largest": Misconception(
            lambda logits, threshold: torch.where(
                (logits.exp() / logits.exp().max(dim=1, keepdim=True).values).max(dim=1).values >= threshold,
                logits.argmax(dim=1),
                -1,
            ),
            "You divided by the largest exponential, so the largest is always 1. Divide by their sum.",
        ),
        "the other way": Misconception(
            lambda logits, threshold: torch.where(
                logits.softmax(dim=1).max(dim=1).values < threshold, logits.argmax(dim=1), -1
            ),
            "You answer where the model is not sure, and refuse where it is.",
        ),
        "zero for refused": Misconception(
            lambda logits, threshold: torch.where(
                logits.softmax(dim=1).max(dim=1).values >= threshold, logits.argmax(dim=1), 0
            ),
            "A refused image gets −1. 0 is a digit.",
        ),
        "the probability": Misconception(
            lambda logits, threshold: logits.softmax(dim=1).max(dim=1).values,  # noqa: ARG005
            "Those are the probabilities. Return the digits.",
        ),
        "sure or not": Misconception(
            lambda logits, threshold: logits.softmax(dim=1).amax(dim=1) >= threshold,
            "That says whether the model is sure. Return the digit, or −1.",
        ),
        "refused ones dropped": Misconception(
            lambda logits, threshold: logits.argmax(dim=1)[logits.softmax(dim=1).amax(dim=1) >= threshold],
            "You dropped the images the model is not sure of. They stay, with −1.",
        ),
    },
    next_step="Put the softmax into the exported graph. What do you lose if you want to set a temperature later?",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (QUANTISE, LARGEST_ERROR, INTEGER_LINEAR, REMAINING_WORK, SERVED, SURE_DIGITS)
}
