"""Exercises of the chapter on more than one device."""

from __future__ import annotations

import functools
import math

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

# --- an epoch's shard ---------------------------------------------------------------------------------------


def _places(generator: Generator) -> tuple[int, int, int, int, int]:
    size = integer(generator, 3, 5)
    examples = size * integer(generator, 7, 10)
    return (
        examples,
        integer(generator, 1, 9),
        integer(generator, 1, size - 1),
        size,
        integer(generator, 0, 99),
    )


def _order(examples: int, seed: int) -> Tensor:
    return torch.randperm(examples, generator=torch.Generator().manual_seed(seed))


def epoch_shard(examples: int, epoch: int, rank: int, size: int, seed: int) -> Tensor:
    """One order for all, new each epoch; every size-th place of it is this process's."""
    return _order(examples, seed + epoch)[rank::size]


def _orders(examples: int, epoch: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(examples, generator=generator) for _ in range(epoch + 1)]


EPOCH_SHARD = Exercise(
    name="epoch_shard",
    title="Whose turn is it",
    kind="implement",
    points=2,
    inputs=_places,
    reference=epoch_shard,
    misconceptions={
        "no epoch": Misconception(
            lambda examples, _, rank, size, seed: _order(examples, seed)[rank::size],
            "Your order is that of epoch 0, every time: this is the sampler whose `set_epoch` nobody calls. "
            "Training goes on, and nothing is ever reshuffled.",
        ),
        "own order": Misconception(
            lambda examples, epoch, rank, size, seed: _order(examples, seed + epoch + rank)[rank::size],
            "Each of your processes draws an order of its own, so some examples come twice in an epoch and "
            "some never. All must draw the same one.",
        ),
        "own examples": Misconception(
            lambda examples, epoch, rank, size, seed: torch.arange(examples)[rank::size][
                _order(examples // size, seed + epoch)
            ],
            "You share out first and shuffle afterwards: a process sees the same examples in every epoch, "
            "always in the company of the same others.",
        ),
        "everything": Misconception(
            lambda examples, epoch, _rank, _size, seed: _order(examples, seed + epoch),
            "That is the whole order. Every process would do all of the work.",
        ),
    },
    slips={
        "a block": Misconception(
            lambda examples, epoch, rank, size, seed: _order(examples, seed + epoch)[
                rank * (examples // size) : (rank + 1) * (examples // size)
            ],
            "You took a contiguous block. Take every size-th place, starting at the rank.",
        ),
        "not shuffled": Misconception(
            lambda examples, _epoch, rank, size, _seed: torch.arange(examples)[rank::size],
            "Nothing was shuffled.",
        ),
        "seed alone for epoch": Misconception(
            lambda examples, epoch, rank, size, _: _order(examples, epoch)[rank::size],
            "The seed has no effect.",
        ),
        "the generator goes on": Misconception(
            lambda examples, epoch, rank, size, seed: _orders(examples, epoch, seed)[-1][rank::size],
            "You let one generator run on from epoch to epoch. A process that joins late cannot know where it stands: seed it with seed + epoch.",
        ),
        "product": Misconception(
            lambda examples, epoch, rank, size, seed: _order(examples, seed * epoch)[rank::size],
            "You multiplied seed and epoch. They are added.",
        ),
        "the first rank's": Misconception(
            lambda examples, epoch, _, size, seed: _order(examples, seed + epoch)[0::size],
            "That is the first process's share, for every rank.",
        ),
        "one rank further": Misconception(
            lambda examples, epoch, rank, size, seed: _order(examples, seed + epoch)[rank + 1 :: size],
            "You begin one place too far: ranks count from 0.",
        ),
        "the epoch subtracted": Misconception(
            lambda examples, epoch, rank, size, seed: _order(examples, abs(seed - epoch))[rank::size],
            "You subtracted the epoch from the seed. They are added.",
        ),
    },
    next_step="What must happen when the examples cannot be shared out evenly?",
)


# --- uneven shares ------------------------------------------------------------------------------------------


def _gradients_and_counts(generator: Generator) -> tuple[Tensor, list[int]]:
    counts = [integer(generator, 2, 5), integer(generator, 6, 9), integer(generator, 10, 30)]
    return float64(generator, 3, 4), counts


def mean_gradient(gradients: Tensor, counts: list[int]) -> Tensor:
    """Each process's gradient counts as often as it has examples."""
    weights = torch.tensor(counts, dtype=gradients.dtype)
    return weights @ gradients / weights.sum()


MEAN_GRADIENT = Exercise(
    name="mean_gradient",
    title="An average of averages",
    kind="implement",
    points=1,
    inputs=_gradients_and_counts,
    reference=mean_gradient,
    misconceptions={
        "plain mean": Misconception(
            lambda gradients, _: gradients.mean(dim=0),
            "You gave each process the same say, however few examples it has. An example on a small share "
            "then counts for several on a large one.",
        ),
        "divided by processes": Misconception(
            lambda gradients, counts: torch.tensor(counts, dtype=gradients.dtype) @ gradients / len(counts),
            "You weighted by the examples and then divided by the processes. The weights must add up to 1.",
        ),
        "not weighted": Misconception(
            lambda gradients, counts: gradients.sum(dim=0) / sum(counts),
            "You divided by all the examples, but each gradient has been divided by its own share's already. "
            "Undo that first.",
        ),
        "sum": Misconception(
            lambda gradients, _: gradients.sum(dim=0),
            "That is the sum over processes: the more of them, the longer the step.",
        ),
    },
    slips={
        "not divided": Misconception(
            lambda gradients, counts: torch.tensor(counts, dtype=gradients.dtype) @ gradients,
            "You weighted by the examples, and did not divide by their number.",
        ),
        "weighted twice": Misconception(
            lambda gradients, counts: (
                torch.tensor(counts, dtype=gradients.dtype) @ gradients * len(counts) / sum(counts)
            ),
            "That is too large by a factor of the number of processes: the weights must add up to 1.",
        ),
        "inverse weights": Misconception(
            lambda gradients, counts: (
                (1 / torch.tensor(counts, dtype=gradients.dtype))
                @ gradients
                / (1 / torch.tensor(counts, dtype=gradients.dtype)).sum()
            ),
            "You gave the smaller shares more weight.",
        ),
        "the largest share": Misconception(
            lambda gradients, counts: gradients[counts.index(max(counts))],
            "You took one process's gradient. All count.",
        ),
        "weights not summed": Misconception(
            lambda gradients, counts: (
                gradients * torch.tensor(counts, dtype=gradients.dtype)[:, None] / sum(counts)
            ),
            "The weights are right. The weighted gradients still have to be added.",
        ),
        "squared weights": Misconception(
            lambda gradients, counts: (
                (gradients * torch.tensor(counts)[:, None] ** 2).sum(dim=0) / sum(c * c for c in counts)
            ),
            "You weighted by the square of the counts. Each example should weigh the same.",
        ),
        "softmax weights": Misconception(
            lambda gradients, counts: torch.tensor(counts, dtype=gradients.dtype).softmax(dim=0) @ gradients,
            "You took a softmax of the counts, which gives nearly all to the largest. Divide them by their sum.",
        ),
    },
    next_step="DDP divides by the number of processes, and you cannot stop it. By what must a loss be multiplied "
    "before `backward`?",
)


# --- the global batch ---------------------------------------------------------------------------------------


def _one_gpu(generator: Generator) -> tuple[int, int, int, float]:
    batch = 8 * integer(generator, 2, 6)
    processes = 2 ** integer(generator, 2, 4)
    return batch, processes, batch * processes * integer(generator, 20, 60), integer(generator, 2, 9) / 100


def scaled(batch: int, processes: int, examples: int, rate: float) -> tuple[float, int]:
    """The batch grows by the number of processes; the rate goes with it, the updates against it."""
    return rate * processes, examples // (batch * processes)


SCALED = Exercise(
    name="scaled",
    title="More devices, larger steps",
    kind="predict",
    points=1,
    inputs=_one_gpu,
    question=lambda batch, processes, examples, rate: (
        f"On one device you train with batches of {batch} out of {examples} examples, by SGD with a learning rate "
        f"of {rate}. Now {processes} devices take batches of {batch} each. Answer with a pair: the learning rate "
        "by the linear scaling rule, and the number of updates in an epoch."
    ),
    reference=scaled,
    misconceptions={
        "nothing changes": Misconception(
            lambda batch, _, examples, rate: (rate, examples // batch),
            "You answered as for one device. One update now takes the examples of all of them.",
        ),
        "rate kept": Misconception(
            lambda batch, processes, examples, rate: (rate, examples // (batch * processes)),
            "The updates are right, and there are fewer of them. With steps as long as before you would not get "
            "as far in an epoch.",
        ),
        "square root": Misconception(
            lambda batch, processes, examples, rate: (
                rate * math.sqrt(processes),
                examples // (batch * processes),
            ),
            "The square root keeps the noise of a step as it was, and is often used with Adam. The linear rule "
            "keeps the path of an epoch.",
        ),
        "rate divided": Misconception(
            lambda batch, processes, examples, rate: (rate / processes, examples // (batch * processes)),
            "You made the steps shorter. The gradient is a mean: more devices do not make it larger.",
        ),
    },
    slips={
        "updates alone": Misconception(
            lambda batch, processes, examples, rate: (rate * processes, examples // batch),
            "The rate is right. One update now takes the examples of all devices.",
        ),
        "multiplied": Misconception(
            lambda batch, processes, examples, rate: (rate * processes, examples * processes // batch),
            "The rate is right. With larger batches there are fewer updates, not more.",
        ),
    },
    next_step="Why do large batches need a warm-up all the more?",
    reason="With n devices a batch is n times as large, and the linear rule makes the learning rate n times as large. An epoch then takes one n-th of the updates.",
)


# --- what an all-reduce sends -------------------------------------------------------------------------------


def ring_bytes(parameters: int, processes: int) -> float:
    """n − 1 pieces of 1/n to add up, n − 1 pieces to hand round."""
    return 2 * (processes - 1) / processes * 4 * parameters


RING_BYTES = Exercise(
    name="ring_bytes",
    title="Round the ring",
    kind="implement",
    points=1,
    inputs=lambda generator: (1000 * integer(generator, 1, 99), integer(generator, 3, 16)),
    reference=ring_bytes,
    tolerance=1e-7,
    misconceptions={
        "once round": Misconception(
            lambda parameters, processes: (processes - 1) / processes * 4 * parameters,
            "After one round each process knows the sum of one piece. The sums must go round as well.",
        ),
        "everything to everybody": Misconception(
            lambda parameters, processes: (processes - 1) * 4 * parameters,
            "You sent all gradients to every other process. In a ring each talks to its neighbour alone, and "
            "sends a piece of 1/n at a time.",
        ),
        "numbers": Misconception(
            lambda parameters, processes: 2 * (processes - 1) / processes * parameters,
            "You counted numbers. In float32 each has four bytes.",
        ),
        "all processes": Misconception(
            lambda parameters, processes: 2 * (processes - 1) * 4 * parameters,
            "That is what all processes send together. One of them sends its share.",
        ),
    },
    slips={
        "twice everything": Misconception(
            lambda parameters, processes: 2 * 4 * parameters,  # noqa: ARG005
            "That is the limit for very many processes. A process keeps one piece of n at each turn.",
        ),
        "once everything": Misconception(
            lambda parameters, processes: 4 * parameters,  # noqa: ARG005
            "Those are the bytes of the gradients. In a ring they go round in pieces, twice.",
        ),
        "a piece": Misconception(
            lambda parameters, processes: 4 * parameters / processes,
            "That is one piece. How many are sent?",
        ),
        "two bytes": Misconception(
            lambda parameters, processes: 2 * (processes - 1) / processes * 2 * parameters,
            "float32 has four bytes, not two.",
        ),
        "numbers, many processes": Misconception(
            lambda parameters, _: 2 * parameters,
            "That is how many numbers each process sends if there are very many of them. Count bytes, and one piece fewer in each round.",
        ),
        "whole gradients": Misconception(
            lambda parameters, processes: 2 * (processes - 1) * parameters,
            "You sent everything at each turn, and counted numbers. A turn sends a piece of 1/n; a float32 has four bytes.",
        ),
        "one message": Misconception(
            lambda parameters, processes: 8 * parameters / processes,
            "That is one piece in each of the two rounds. How many turns does a round take?",
        ),
    },
    next_step="Let the number of processes grow without end: what does one of them send?",
)


# --- the stages of ZeRO -------------------------------------------------------------------------------------


def _staged(parameters: int, devices: int, stage: int, *, parts: tuple[int, int, int]) -> int:
    """Bytes a device, where the first ``stage`` of three parts, bytes per parameter each, are shared out."""
    return parameters * sum(parts[:stage]) // devices + parameters * sum(parts[stage:])


def zero_bytes(parameters: int, devices: int, stage: int) -> int:
    """AdamW's two averages are shared out first, then the gradients, then the weights."""
    parts = (8 * parameters, 4 * parameters, 4 * parameters)
    return sum(parts[:stage]) // devices + sum(parts[stage:])


ZERO_BYTES = Exercise(
    name="zero_bytes",
    title="What each stage saves",
    kind="implement",
    points=2,
    inputs=lambda generator: (
        2400 * integer(generator, 10, 99),
        (4, 6, 8)[integer(generator, 0, 2)],
        integer(generator, 0, 3),
    ),
    reference=zero_bytes,
    tolerance=1e-9,
    draws=8,
    misconceptions={
        "weights first": Misconception(
            functools.partial(_staged, parts=(4, 4, 8)),
            "You sharded the weights first. They are what every device needs at every moment; the stages begin "
            "with what is needed least often.",
        ),
        "everything at once": Misconception(
            lambda parameters, devices, _: 16 * parameters // devices,
            "You sharded everything. That is stage 3; the stages before leave something whole on each device.",
        ),
        "one average": Misconception(
            functools.partial(_staged, parts=(4, 4, 4)),
            "You gave Adam one number per parameter. It keeps two averages.",
        ),
        "nothing": Misconception(
            lambda parameters, *_: 16 * parameters,
            "That is what DDP needs on each device, which shards nothing.",
        ),
    },
    slips={
        "one stage further": Misconception(
            lambda parameters, devices, stage: zero_bytes(parameters, devices, stage + 1),
            "You shared out one part too many for this stage.",
        ),
        "one stage less": Misconception(
            lambda parameters, devices, stage: zero_bytes(parameters, devices, stage - 1),
            "You shared out one part too few for this stage.",
        ),
        "this stage alone": Misconception(
            lambda parameters, devices, stage: (lambda p: p[stage - 1] // devices + sum(p) - p[stage - 1])(
                (8 * parameters, 4 * parameters, 4 * parameters)
            ),
            "Each stage shares out what the stage before did, and one part more: you shared out one part alone.",
        ),
        "the shared alone": Misconception(
            lambda parameters, devices, stage: (
                sum((8 * parameters, 4 * parameters, 4 * parameters)[:stage]) // devices
            ),
            "That is the shared part. What is whole on each device counts too.",
        ),
        "numbers": Misconception(
            lambda parameters, devices, stage: zero_bytes(parameters, devices, stage) // 4,
            "You counted numbers. In float32 each has four bytes.",
        ),
        "all devices together": Misconception(
            lambda parameters, devices, _: 16 * parameters * devices,
            "That is all devices together, with nothing shared out. How much does each hold?",
        ),
        "gradients first": Misconception(
            lambda parameters, devices, stage: (
                sum((4, 8, 4)[:stage]) * parameters // devices + sum((4, 8, 4)[stage:]) * parameters
            ),
            "You shared out the gradients first. Stage 1 begins with the optimiser's averages.",
        ),
        "what is saved": Misconception(
            lambda parameters, devices, stage: sum((8, 4, 4)[:stage]) * parameters * (devices - 1) // devices,
            "That is what is saved on each device. What it still holds is asked for.",
        ),
    },
    next_step="Which stage would you choose if the model fits on one device and the optimiser does not?",
)


# --- the bubble ---------------------------------------------------------------------------------------------


BUBBLE = Exercise(
    name="bubble",
    title="The bubble",
    kind="predict",
    points=1,
    inputs=lambda generator: (integer(generator, 3, 8), integer(generator, 9, 24)),
    question=lambda stages, micro_batches: (
        f"A batch goes through a pipeline of {stages} equal stages in {micro_batches} micro-batches: all forward, "
        "then all back. What share of the time does a device idle, to three decimals?"
    ),
    reference=lambda stages, micro_batches: (stages - 1) / (micro_batches + stages - 1),
    misconceptions={
        "no micro-batches": Misconception(
            lambda stages, _: (stages - 1) / stages,
            "That is the share if the batch goes through in one piece. Micro-batches let the stages overlap.",
        ),
        "of the work": Misconception(
            lambda stages, micro_batches: (stages - 1) / micro_batches,
            "You compared idling with working. A share of the time has both in its denominator.",
        ),
        "one step short": Misconception(
            lambda stages, micro_batches: stages / (micro_batches + stages),
            "Count again for two stages and one micro-batch: each works for one step out of two.",
        ),
    },
    slips={
        "busy": Misconception(
            lambda stages, micro_batches: micro_batches / (micro_batches + stages - 1),
            "That is the share in which a device works. The question asks for the rest.",
        ),
        "n above": Misconception(
            lambda stages, micro_batches: stages / (micro_batches + stages - 1),
            "A device idles one step fewer than there are stages.",
        ),
        "per cent": Misconception(
            lambda stages, micro_batches: 100 * (stages - 1) / (micro_batches + stages - 1),
            "Right, in per cent. A share is asked for.",
        ),
        "no minus one below": Misconception(
            lambda stages, micro_batches: (stages - 1) / (micro_batches + stages),
            "Count the steps again: the last micro-batch enters after micro_batches − 1 of them.",
        ),
        "both ways": Misconception(
            lambda stages, micro_batches: 2 * (stages - 1) / (micro_batches + stages - 1),
            "Forward and backward both idle, and both take time: the share is not doubled.",
        ),
        "one over the micro-batches": Misconception(
            lambda _, micro_batches: 1 / micro_batches,
            "You took one micro-batch out of all. A device idles one step fewer than there are stages.",
        ),
        "stages over micro-batches": Misconception(
            lambda stages, micro_batches: stages / micro_batches,
            "You divided the stages by the micro-batches. Count the steps: how many pass in all, and in how many does a device wait?",
        ),
    },
    next_step="What do more micro-batches cost?",
    tolerance=5e-4,
    decimals=3,
    reason="With n stages and M micro-batches a pass takes M + n − 1 steps, of which each device works M and idles n − 1. The backward pass has the same share, so (n − 1)/(M + n − 1) is the share of the whole.",
)


EXERCISES = {
    exercise.name: exercise
    for exercise in (EPOCH_SHARD, MEAN_GRADIENT, SCALED, RING_BYTES, ZERO_BYTES, BUBBLE)
}
