"""Exercises of the chapter on fine-tuning a pretrained encoder."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

# --- what an adapter weighs ---------------------------------------------------------------------------------


def adapter_parameters(inputs: int, outputs: int, rank: int) -> int:
    """A is (rank, inputs), B is (outputs, rank)."""
    return rank * (inputs + outputs)


ADAPTER_PARAMETERS = Exercise(
    name="adapter_parameters",
    title="What an adapter weighs",
    kind="predict",
    points=1,
    inputs=lambda generator: (
        64 * integer(generator, 3, 6),
        64 * integer(generator, 8, 16),
        2 ** integer(generator, 1, 4),
    ),
    question=lambda inputs, outputs, rank: (
        f"A linear layer maps {inputs} features to {outputs}. It gets a LoRA adapter of rank {rank}. How many "
        "numbers does the adapter add, and train?"
    ),
    reference=adapter_parameters,
    misconceptions={
        "the whole matrix": Misconception(
            lambda inputs, outputs, _: inputs * outputs,
            "That is the frozen matrix itself. The change to it is stored as two thin factors.",
        ),
        "rank times the matrix": Misconception(
            lambda inputs, outputs, rank: rank * inputs * outputs,
            "You multiplied the two sides. One factor has rank × inputs numbers, the other outputs × rank: add.",
        ),
        "a square layer": Misconception(
            lambda inputs, _, rank: 2 * rank * inputs,
            "You took both factors as equally long. B has a row for each output.",
        ),
        "frozen ones counted": Misconception(
            lambda inputs, outputs, rank: inputs * outputs + rank * (inputs + outputs),
            "You counted the frozen weight as well. It was there before, and is not trained.",
        ),
    },
    slips={
        "rank forgotten": Misconception(
            lambda inputs, outputs, _: inputs + outputs,
            "You forgot the rank: each of the two factors has that many rows or columns.",
        ),
        "the other square": Misconception(
            lambda _, outputs, rank: 2 * rank * outputs,
            "You took both factors as equally long. A has a column for each input.",
        ),
        "rank twice": Misconception(
            lambda inputs, outputs, rank: rank * (inputs + outputs) + rank * rank,
            "There is no square matrix between the two factors.",
        ),
        "one factor": Misconception(
            lambda inputs, _, rank: rank * inputs,
            "You counted A alone. B is there as well.",
        ),
        "the other factor": Misconception(
            lambda _, outputs, rank: rank * outputs,
            "You counted B alone. A is there as well.",
        ),
        "rank squared": Misconception(
            lambda inputs, outputs, rank: rank * rank * (inputs + outputs),
            "The rank counts once: A is (rank, inputs), B is (outputs, rank).",
        ),
        "a share": Misconception(
            lambda inputs, outputs, rank: rank * (inputs + outputs) / (inputs * outputs),
            "That is the adapter's share of the matrix. How many numbers is it?",
        ),
        "what is saved": Misconception(
            lambda inputs, outputs, rank: inputs * outputs - rank * (inputs + outputs),
            "That is how many fewer the adapter has than the matrix. Its own number is asked for.",
        ),
    },
    next_step="At which rank does the adapter weigh as much as the matrix?",
    tolerance=1e-9,
    reason="A has rank × inputs numbers and B has outputs × rank. Together that is rank · (inputs + outputs).",
)


# --- the forward pass ---------------------------------------------------------------------------------------


def _layer_and_adapter(generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    inputs, outputs, rank = 5, 7, integer(generator, 2, 4)
    return (
        float64(generator, 4, inputs),
        float64(generator, outputs, inputs),
        float64(generator, rank, inputs),
        float64(generator, outputs, rank),
        integer(generator, 6, 16) + 0.5,
    )


def adapted_forward(x: Tensor, weight: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """The frozen layer, and beside it a detour through `rank` features, scaled by alpha/rank."""
    return x @ weight.T + alpha / len(a) * (x @ a.T @ b.T)


ADAPTED_FORWARD = Exercise(
    name="adapted_forward",
    title="A detour",
    kind="implement",
    points=2,
    inputs=_layer_and_adapter,
    reference=adapted_forward,
    misconceptions={
        "no scale": Misconception(
            lambda x, weight, a, b, _: x @ weight.T + x @ a.T @ b.T,
            "You left out alpha/rank. With it, the learning rate that suits one rank suits the next.",
        ),
        "alpha alone": Misconception(
            lambda x, weight, a, b, alpha: x @ weight.T + alpha * (x @ a.T @ b.T),
            "You scaled by alpha. It is divided by the rank, or a larger rank would take larger steps.",
        ),
        "the detour alone": Misconception(
            lambda x, _, a, b, alpha: alpha / len(a) * (x @ a.T @ b.T),
            "You returned the change without what is being changed: the frozen layer still does most of the work.",
        ),
        "everything scaled": Misconception(
            lambda x, weight, a, b, alpha: alpha / len(a) * (x @ weight.T + x @ a.T @ b.T),
            "You scaled the frozen layer too. With B at zero the model must be exactly what it was.",
        ),
    },
    slips={
        "wrong rank": Misconception(
            lambda x, weight, a, b, alpha: x @ weight.T + alpha / len(b) * (x @ a.T @ b.T),
            "You divided by the number of outputs. The rank is the number of A's rows.",
        ),
        "divided by the inputs": Misconception(
            lambda x, weight, a, b, alpha: x @ weight.T + alpha / a.shape[1] * (x @ a.T @ b.T),
            "You divided by the number of inputs. The rank is the number of A's rows.",
        ),
        "frozen alone": Misconception(
            lambda x, weight, _a, _b, _alpha: x @ weight.T,
            "The detour is missing.",
        ),
        "subtracted": Misconception(
            lambda x, weight, a, b, alpha: x @ weight.T - alpha / len(a) * (x @ a.T @ b.T),
            "You subtracted the detour.",
        ),
        "rank over alpha": Misconception(
            lambda x, weight, a, b, alpha: x @ weight.T + len(a) / alpha * (x @ a.T @ b.T),
            "The scale is upside down: alpha/rank.",
        ),
        "root of the rank": Misconception(
            lambda x, weight, a, b, alpha: x @ weight.T + alpha / len(a) ** 0.5 * (x @ a.T @ b.T),
            "You divided by the root of the rank, as rank-stabilised LoRA does. Here it is the rank.",
        ),
        "scale squared": Misconception(
            lambda x, weight, a, b, alpha: x @ weight.T + (alpha / len(a)) ** 2 * (x @ a.T @ b.T),
            "You scaled twice: alpha/rank belongs in the detour once.",
        ),
    },
    next_step="Which product is cheaper, x @ (B A)ᵀ or (x @ Aᵀ) @ Bᵀ? Count for a batch of 32.",
    tolerance=1e-4,
)


# --- merging ------------------------------------------------------------------------------------------------


def _square_layer_and_adapter(generator: Generator) -> tuple[Tensor, Tensor, Tensor, float]:
    width, rank = integer(generator, 5, 7), integer(generator, 2, 4)
    return (
        float64(generator, width, width),
        float64(generator, rank, width),
        float64(generator, width, rank),
        integer(generator, 6, 16) + 0.5,
    )


def merged_weight(weight: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """The one matrix that does what the layer and its detour do together."""
    return weight + alpha / len(a) * (b @ a)


MERGED_WEIGHT = Exercise(
    name="merged_weight",
    title="One matrix again",
    kind="implement",
    points=1,
    inputs=_square_layer_and_adapter,
    reference=merged_weight,
    misconceptions={
        "transposed": Misconception(
            lambda weight, a, b, alpha: weight + alpha / len(a) * (b @ a).T,
            "Your change is transposed. The weight is (outputs, inputs), and so is B A; this layer is square, so no "
            "error tells you.",
        ),
        "scale forgotten": Misconception(
            lambda weight, a, b, _: weight + b @ a,
            "The merged layer must do what the two did together, alpha/rank included.",
        ),
        "taken out": Misconception(
            lambda weight, a, b, alpha: weight - alpha / len(a) * (b @ a),
            "That takes an adapter out of a merged weight. To merge, add.",
        ),
        "merged twice": Misconception(
            lambda weight, a, b, alpha: weight + 2 * alpha / len(a) * (b @ a),
            "The change is in your weight twice. Has somebody merged before you?",
        ),
    },
    slips={
        "alpha alone": Misconception(
            lambda weight, a, b, alpha: weight + alpha * (b @ a),
            "You scaled by alpha. It is divided by the rank.",
        ),
        "the change alone": Misconception(
            lambda weight, a, b, alpha: alpha / len(a) * (b @ a),  # noqa: ARG005
            "That is the change. Add it to the weight.",
        ),
        "unchanged": Misconception(
            lambda weight, _a, _b, _alpha: weight,
            "That is the weight as it was.",
        ),
        "everything scaled": Misconception(
            lambda weight, a, b, alpha: alpha / len(a) * (weight + b @ a),
            "You scaled the frozen weight too.",
        ),
        "divided by the width": Misconception(
            lambda weight, a, b, alpha: weight + alpha / len(b) * (b @ a),
            "You divided by the width. The rank is the number of A's rows.",
        ),
    },
    next_step="Compute the largest difference between the merged and the unmerged layer on random inputs.",
)


# --- a sentence as one vector -------------------------------------------------------------------------------


def _states_and_mask(generator: Generator) -> tuple[Tensor, Tensor]:
    batch, seq = 3, 6
    lengths = torch.tensor([seq, integer(generator, 2, 3), integer(generator, 4, 5)])
    return 1 + float64(generator, batch, seq, 4), torch.arange(seq) < lengths[:, None]


def mean_pool(states: Tensor, mask: Tensor) -> Tensor:
    """The mean over real tokens: their sum, divided by how many there are."""
    real = mask[..., None].to(states.dtype)
    return (states * real).sum(dim=1) / real.sum(dim=1)


MEAN_POOL = Exercise(
    name="mean_pool",
    title="A sentence as one vector",
    kind="implement",
    points=2,
    inputs=_states_and_mask,
    reference=mean_pool,
    rivals=(lambda states, mask: mean_pool(states, mask).abs(),),
    misconceptions={
        "padding counted": Misconception(
            lambda states, _: states.mean(dim=1),
            "The padding is in your mean. What a sentence means would depend on how long its neighbours are.",
        ),
        "divided by the length of the batch": Misconception(
            lambda states, mask: (states * mask[..., None]).sum(dim=1) / states.shape[1],
            "The padding is out of the sum, but not of the number you divide by: short sentences get short vectors.",
        ),
        "a sum": Misconception(
            lambda states, mask: (states * mask[..., None]).sum(dim=1),
            "That is the sum. A long sentence would get a long vector.",
        ),
        "the first token": Misconception(
            lambda states, _: states[:, 0],
            "You took the first token's state. Some models are trained for that; this one was trained with the mean.",
        ),
    },
    slips={
        "the largest": Misconception(
            lambda states, mask: states.masked_fill(~mask[..., None], -torch.inf).max(dim=1).values,
            "You took the largest of each feature. Return the mean.",
        ),
        "the largest, padding too": Misconception(
            lambda states, _: states.max(dim=1).values,
            "You took the largest of each feature. Return the mean.",
        ),
        "padding in the sum": Misconception(
            lambda states, mask: states.sum(dim=1) / mask.sum(dim=1, keepdim=True),
            "You divide by the number of real tokens, and the padding is still in the sum.",
        ),
        "one count for all": Misconception(
            lambda states, mask: (states * mask[..., None]).sum(dim=1) / mask.sum(),
            "You divided by the real tokens of the whole batch. Each sentence has its own number.",
        ),
        "the mask inverted": Misconception(
            lambda states, mask: (states * ~mask[..., None]).sum(dim=1) / (~mask).sum(dim=1, keepdim=True),
            "You averaged over the padding: the mask is inverted.",
        ),
        "the last token": Misconception(
            lambda states, _: states[:, -1],
            "You took the last place, which may be padding. Return the mean.",
        ),
        "over the features": Misconception(
            lambda states, _: states.mean(dim=2),
            "You averaged over the features, and kept the tokens. It is the tokens that go.",
        ),
        "one vector for all": Misconception(
            lambda states, mask: states[mask].mean(dim=0),
            "Those are all real tokens of the batch in one mean. Each sentence has a vector of its own.",
        ),
        "not yet averaged": Misconception(
            lambda states, mask: states * mask[..., None],
            "The padding is zero now. The sum over the tokens, and the division, are still to come.",
        ),
    },
    next_step="What does your function do with a sentence that has no tokens at all?",
)


# --- what the optimiser keeps -------------------------------------------------------------------------------


def training_mebibytes(frozen: int, trained: int) -> float:
    """Weights for all; a gradient and Adam's two moments for those that are trained. Four bytes each."""
    return (4 * (frozen + trained) + 12 * trained) / 2**20


TRAINING_MEBIBYTES = Exercise(
    name="training_mebibytes",
    title="What training keeps in memory",
    kind="predict",
    points=2,
    inputs=lambda generator: (10**6 * integer(generator, 15, 30), 10**5 * integer(generator, 1, 9)),
    question=lambda frozen, trained: (
        f"A model has {frozen:,} frozen and {trained:,} trained parameters, all float32, and is trained with Adam. "
        "How many MiB do weights, gradients and the optimiser's state take together? (Activations not counted.)"
    ),
    reference=training_mebibytes,
    misconceptions={
        "as if all were trained": Misconception(
            lambda frozen, trained: 16 * (frozen + trained) / 2**20,
            "A frozen parameter has no gradient and no moments: 4 bytes instead of 16.",
        ),
        "one moment": Misconception(
            lambda frozen, trained: (4 * (frozen + trained) + 8 * trained) / 2**20,
            "Adam keeps two moments beside the gradient.",
        ),
        "weights forgotten": Misconception(
            lambda _, trained: 12 * trained / 2**20,
            "The weights themselves are in memory as well, the frozen ones too.",
        ),
        "megabytes": Misconception(
            lambda frozen, trained: (4 * (frozen + trained) + 12 * trained) / 1e6,
            "That is in MB, millions of bytes. A MiB is 2²⁰ bytes.",
        ),
    },
    slips={
        "trained weights forgotten": Misconception(
            lambda frozen, trained: (4 * frozen + 12 * trained) / 2**20,
            "The trained parameters are weights too: 16 bytes each.",
        ),
        "gradients for all": Misconception(
            lambda frozen, trained: (8 * (frozen + trained) + 8 * trained) / 2**20,
            "A frozen parameter has no gradient.",
        ),
        "weights alone": Misconception(
            lambda frozen, trained: 4 * (frozen + trained) / 2**20,
            "Those are the weights. The trained ones have a gradient and two moments.",
        ),
        "gradient forgotten": Misconception(
            lambda frozen, trained: (4 * (frozen + trained) + 8 * trained) / 2**20,
            "The gradient is kept beside Adam's two moments.",
        ),
        "gibibytes": Misconception(
            lambda frozen, trained: (4 * (frozen + trained) + 12 * trained) / 2**30,
            "That is in GiB. A MiB is 2²⁰ bytes.",
        ),
    },
    next_step="Compare with torch: sum the bytes of parameters, .grad and optimizer.state.",
    tolerance=5e-3,
    reason="Every parameter takes 4 bytes for its weight, and a trained one 12 more for its gradient and Adam's two moments. Divided by 2²⁰, the bytes are MiB.",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (ADAPTER_PARAMETERS, ADAPTED_FORWARD, MERGED_WEIGHT, MEAN_POOL, TRAINING_MEBIBYTES)
}
