"""Exercises of the chapter on data and modules."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Generator, Tensor
from torch.nn.utils.rnn import pad_sequence

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

# --- how many batches ---------------------------------------------------------------------------------------


def _epoch(generator: Generator) -> tuple[int, int]:
    size = 8 * integer(generator, 4, 12)
    return size * integer(generator, 11, 40) + integer(generator, 1, size - 1), size


def batches_in_an_epoch(examples: int, batch_size: int) -> int:
    """The last, smaller batch counts as one."""
    return -(-examples // batch_size)


BATCHES_IN_AN_EPOCH = Exercise(
    name="batches_in_an_epoch",
    title="How many updates?",
    kind="predict",
    points=1,
    inputs=_epoch,
    question=lambda examples, batch_size: (
        f"{examples:,} examples, batches of {batch_size}, nothing dropped. How many updates does one epoch make?"
    ),
    reference=batches_in_an_epoch,
    misconceptions={
        "dropped the last": Misconception(
            lambda examples, batch_size: examples // batch_size,
            "You left out the last batch. It is smaller than the others, but it is delivered, and the "
            "optimiser steps on it.",
        ),
        "one for each example": Misconception(
            lambda examples, batch_size: examples,  # noqa: ARG005
            "That is one update per example. The loop steps once a batch.",
        ),
        "one for each epoch": Misconception(
            lambda examples, batch_size: 1,  # noqa: ARG005
            "Forward, loss, backward, step: all four run once per batch, not once per epoch.",
        ),
    },
    slips={
        "the size of the last batch": Misconception(
            lambda examples, batch_size: examples % batch_size,
            "That is how many examples the last batch holds. The number of batches is asked for.",
        ),
        "multiplied": Misconception(
            lambda examples, batch_size: examples * batch_size,
            "You multiplied. Divide the examples among the batches.",
        ),
    },
    next_step="How many examples are in that last batch, and what does averaging the batch losses do to them?",
    reason="The examples fill whole batches, and those left over make one more, smaller batch. Each batch is one update, so the quotient is rounded up.",
)


# --- padding ------------------------------------------------------------------------------------------------


def _ragged(generator: Generator) -> tuple[list[Tensor]]:
    lengths = (torch.randperm(6, generator=generator)[:4] + 2).tolist()
    # the value 0 occurs in the data, so a mask cannot be read off the values
    return ([torch.randint(0, 3, (n,), generator=generator).float() for n in lengths],)


def collate_padded(sequences: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Zeros behind the shorter ones, and a mask that is true where there is data."""
    lengths = torch.tensor([len(s) for s in sequences])
    padded = pad_sequence(sequences, batch_first=True)
    return padded, torch.arange(padded.shape[1]) < lengths[:, None]


def _padded_left(sequences: list[Tensor]) -> tuple[Tensor, Tensor]:
    padded, mask = collate_padded([s.flip(0) for s in sequences])
    return padded.flip(1), mask.flip(1)


def _cut(sequences: list[Tensor]) -> tuple[Tensor, Tensor]:
    shortest = min(len(s) for s in sequences)
    cut = torch.stack([s[:shortest] for s in sequences])
    return cut, torch.ones_like(cut, dtype=torch.bool)


COLLATE_PADDED = Exercise(
    name="collate_padded",
    title="Sequences of different lengths",
    kind="implement",
    points=2,
    inputs=_ragged,
    reference=collate_padded,
    misconceptions={
        "mask from the values": Misconception(
            lambda sequences: (collate_padded(sequences)[0], collate_padded(sequences)[0] != 0),
            "Your mask asks which values are not zero. Zero is also a legitimate value in the data: build the "
            "mask from the lengths.",
        ),
        "mask inverted": Misconception(
            lambda sequences: (collate_padded(sequences)[0], ~collate_padded(sequences)[1]),
            "Your mask is true on the padding. (Some of torch's functions want it so; this exercise wants it "
            "true on the data. Always look.)",
        ),
        "padded on the left": Misconception(
            _padded_left,
            "The zeros stand in front of the short sequences. Put them behind, so that position 0 is always "
            "the first element.",
        ),
        "cut to the shortest": Misconception(
            _cut,
            "You cut all sequences to the length of the shortest, and threw data away.",
        ),
    },
    slips={
        "batch second": Misconception(
            lambda sequences: (collate_padded(sequences)[0].T, collate_padded(sequences)[1]),
            "The mask is right; the padded sequences are the columns. `pad_sequence` has an argument that puts the batch first.",
        ),
        "batch second, both": Misconception(
            lambda sequences: tuple(part.T for part in collate_padded(sequences)),
            "The sequences are the columns of both. `pad_sequence` has an argument that puts the batch first.",
        ),
        "lengths for a mask": Misconception(
            lambda sequences: (collate_padded(sequences)[0], torch.tensor([len(s) for s in sequences])),
            "The padded sequences are right; the second value holds the lengths. A mask says so for each place.",
        ),
        "one too many": Misconception(
            lambda sequences: (
                collate_padded(sequences)[0],
                torch.arange(max(map(len, sequences))) <= torch.tensor([len(s) for s in sequences])[:, None],
            ),
            "The padded sequences are right; your mask marks one place too many of each: places count from 0.",
        ),
    },
    next_step="Sort the data by length before batching, and count how many zeros that saves.",
)


# --- a robust loss ------------------------------------------------------------------------------------------


def _residuals(generator: Generator) -> tuple[Tensor, Tensor, float]:
    """Some residuals lie just above delta, where a slightly larger delta would treat them otherwise."""
    predictions = 3 * float64(generator, 12)
    targets = float64(generator, 12)
    delta = 0.1 * integer(generator, 5, 15)
    predictions[:3] = targets[:3] + 1.0095 * delta * torch.tensor([1.0, -1.0, 1.0])
    return predictions, targets, delta


def huber(predictions: Tensor, targets: Tensor, delta: float) -> Tensor:
    """Half the square near zero, a straight line of slope δ beyond, joined without a step."""
    size = (predictions - targets).abs()
    return torch.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).mean()


HUBER = Exercise(
    name="huber",
    title="A loss that forgives",
    kind="implement",
    points=2,
    inputs=_residuals,
    reference=huber,
    misconceptions={
        "a jump at delta": Misconception(
            lambda p, t, d: torch.where((p - t).abs() <= d, (p - t) ** 2 / 2, d * (p - t).abs()).mean(),
            "Your two pieces do not meet: at |r| = δ one gives δ²/2, the other δ². Shift the line down.",
        ),
        "no half": Misconception(
            lambda p, t, d: torch.where((p - t).abs() <= d, (p - t) ** 2, d * ((p - t).abs() - d / 2)).mean(),
            "The ½ in front of the square is missing, and with it the pieces no longer join.",
        ),
        "slope one": Misconception(
            lambda p, t, d: torch.where((p - t).abs() <= d, (p - t) ** 2 / 2, (p - t).abs() - d / 2).mean(),
            "Beyond δ your line has slope 1. The parabola arrives there with slope δ, and the line must go on "
            "with it.",
        ),
        "squares everywhere": Misconception(
            lambda p, t, d: ((p - t) ** 2 / 2).mean(),  # noqa: ARG005
            "You never left the parabola, so one outlier still rules them all.",
        ),
        "summed": Misconception(
            lambda p, t, d: huber(p, t, d) * p.numel(),
            "The pieces are right; average over the examples instead of adding.",
        ),
    },
    slips={
        "no size": Misconception(
            lambda p, t, d: torch.where(p - t <= d, (p - t) ** 2 / 2, d * (p - t - d / 2)).mean(),
            "You compared the residual itself with δ. A large negative one then counts as small: take its absolute value.",
        ),
        "no size, outer": Misconception(
            lambda p, t, d: torch.where((p - t).abs() <= d, (p - t) ** 2 / 2, d * (p - t - d / 2)).mean(),
            "In the straight piece the size of the residual is missing: a large negative one earns a negative loss.",
        ),
        "divided by delta": Misconception(
            lambda p, t, d: huber(p, t, d) / d,
            "That is the Huber loss divided by δ, which is what torch calls smooth L1.",
        ),
        "clamped": Misconception(
            lambda p, t, d: ((p - t).clamp(-d, d) ** 2 / 2).mean(),
            "You clamped the residual before squaring. Beyond δ your loss is flat, and teaches nothing.",
        ),
        "pieces swapped": Misconception(
            lambda p, t, d: torch.where(
                (p - t).abs() > d, (p - t) ** 2 / 2, d * ((p - t).abs() - d / 2)
            ).mean(),
            "Your two pieces have changed places: the parabola belongs near zero.",
        ),
        "not averaged": Misconception(
            lambda p, t, d: torch.where((p - t).abs() <= d, (p - t) ** 2 / 2, d * ((p - t).abs() - d / 2)),
            "The pieces are right, one for each example. Return their mean.",
        ),
        "half delta not squared": Misconception(
            lambda p, t, d: torch.where(
                (p - t).abs() <= d, (p - t) ** 2 / 2, d * (p - t).abs() - d / 2
            ).mean(),
            "Beyond δ you take off δ/2; at |r| = δ the pieces only meet if δ²/2 comes off. Are brackets missing?",
        ),
        "absolute everywhere": Misconception(
            lambda p, t, _: (p - t).abs().mean(),
            "That is the mean absolute error: near zero the parabola is missing.",
        ),
    },
    next_step="Wrap it in an nn.Module with delta as an argument. What did the class add?",
    tolerance=2e-6,
    without=("huber_loss", "smooth_l1_loss", "HuberLoss", "SmoothL1Loss"),
)


# --- a buffer -----------------------------------------------------------------------------------------------


def _running(generator: Generator) -> tuple[Tensor, Tensor, float]:
    rows = integer(generator, 5, 9)
    return float64(generator, 3), float64(generator, rows, 3) + 2, 0.05 * integer(generator, 1, 6)


def update_running_mean(running: Tensor, batch: Tensor, momentum: float) -> Tensor:
    """In torch `momentum` is the weight of what is new."""
    return (1 - momentum) * running + momentum * batch.mean(dim=0)


UPDATE_RUNNING_MEAN = Exercise(
    name="update_running_mean",
    title="A buffer that follows",
    kind="implement",
    points=1,
    inputs=_running,
    reference=update_running_mean,
    misconceptions={
        "the weights swapped": Misconception(
            lambda running, batch, momentum: momentum * running + (1 - momentum) * batch.mean(dim=0),
            "You gave the old value the weight `momentum`. Other libraries do; in torch's batch norm it is the "
            "weight of the new batch.",
        ),
        "one mean for all features": Misconception(
            lambda running, batch, momentum: (1 - momentum) * running + momentum * batch.mean(),
            "You averaged over the features too. Each feature has a running mean of its own.",
        ),
        "forgot the old": Misconception(
            lambda running, batch, momentum: batch.mean(dim=0),  # noqa: ARG005
            "You replaced the buffer by the last batch's mean. It should move only by the share `momentum` of the way.",
        ),
        "added without shrinking": Misconception(
            lambda running, batch, momentum: running + momentum * batch.mean(dim=0),
            "The old value keeps its full weight, so the buffer grows for ever. The two weights sum to 1.",
        ),
    },
    slips={
        "over the features": Misconception(
            lambda running, batch, momentum: running * (1 - momentum) + momentum * batch.sum(dim=0),
            "You added over the batch. Return the mean.",
        ),
        "subtracted": Misconception(
            lambda running, batch, momentum: running - momentum * batch.mean(dim=0),
            "You subtracted the batch's mean. The two are blended, with weights that sum to 1.",
        ),
        "momentum on the old only": Misconception(
            lambda running, batch, momentum: (1 - momentum) * running + batch.mean(dim=0),
            "The new mean comes in with its full weight. The two weights sum to 1.",
        ),
        "unchanged": Misconception(
            lambda running, _batch, _momentum: running,
            "That is the old value: the batch has no effect.",
        ),
        "plain average": Misconception(
            lambda running, batch, _: (running + batch.mean(dim=0)) / 2,
            "You took both half and half. `momentum` is the weight of the new one.",
        ),
        "one example": Misconception(
            lambda running, batch, momentum: (1 - momentum) * running + momentum * batch[0],
            "You mixed in the first example alone. The batch's mean is asked for.",
        ),
    },
    next_step="Compare with nn.BatchNorm1d's running_mean after one batch, and find its running_var's denominator.",
)


# --- counting parameters ------------------------------------------------------------------------------------


def _layer_sizes(generator: Generator) -> tuple[list[int]]:
    return ((torch.randperm(40, generator=generator)[:4] + 3).tolist(),)


def parameter_count(sizes: list[int]) -> int:
    """Each layer: a weight for every pair, and a bias for every output."""
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))


PARAMETER_COUNT = Exercise(
    name="parameter_count",
    title="Count before you build",
    kind="implement",
    points=1,
    inputs=_layer_sizes,
    reference=parameter_count,
    misconceptions={
        "no biases": Misconception(
            lambda sizes: sum(a * b for a, b in itertools.pairwise(sizes)),
            "The weights are all there. Each output also has a bias.",
        ),
        "a bias an input": Misconception(
            lambda sizes: sum(a * (b + 1) for a, b in itertools.pairwise(sizes)),
            "You gave every input a bias. A bias is added to an output.",
        ),
        "one weight a neuron": Misconception(
            lambda sizes: sum(2 * b for b in sizes[1:]),
            "You counted one weight and one bias for each neuron. A neuron has a weight for every input it "
            "listens to.",
        ),
        "counted the input layer": Misconception(
            lambda sizes: sum((a + 1) * b for a, b in itertools.pairwise(sizes)) + sizes[0],
            "You counted something for the inputs themselves. They are data; nothing is learnt there.",
        ),
    },
    slips={
        "one bias a layer": Misconception(
            lambda sizes: sum(a * b + 1 for a, b in itertools.pairwise(sizes)),
            "You counted one bias for each layer. Each of its outputs has one.",
        ),
        "the last layer missing": Misconception(
            lambda sizes: sum((a + 1) * b for a, b in itertools.pairwise(sizes[:-1])),
            "The last layer is not in your sum. Four sizes make three layers.",
        ),
        "the first layer missing": Misconception(
            lambda sizes: sum((a + 1) * b for a, b in itertools.pairwise(sizes[1:])),
            "The first layer is not in your sum. Four sizes make three layers.",
        ),
        "two layers": Misconception(
            lambda sizes: (sizes[0] + 1) * sizes[1] + (sizes[1] + 1) * sizes[2],
            "You counted two layers. How many do these sizes make?",
        ),
        "the sum of sizes": Misconception(
            lambda sizes: sum(sizes),
            "Those are the neurons. Between two layers there is a weight for every pair.",
        ),
        "multiplied all": Misconception(
            lambda sizes: math.prod(sizes),
            "You multiplied all sizes. Each layer connects two neighbours; the layers add up.",
        ),
        "the last biases missing": Misconception(
            lambda sizes: parameter_count(sizes) - sizes[-1],
            "The last layer's biases are missing. It has one for each output, too.",
        ),
    },
    next_step="Check with sum(p.numel() for p in model.parameters()).",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (BATCHES_IN_AN_EPOCH, COLLATE_PADDED, HUBER, UPDATE_RUNNING_MEAN, PARAMETER_COUNT)
}
