"""Exercises of the chapter on tensors."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import integer
from course_exercises.rules import LOOP

# --- the shape of a difference ------------------------------------------------------------------------------


def _meeting_shapes(generator: Generator) -> tuple[tuple[int, int, int], tuple[int, int]]:
    a, b, c = (torch.randperm(6, generator=generator)[:3] + 2).tolist()
    return (a, 1, b), (c, 1)


def broadcast_result(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """Align at the right, fill with ones at the left, and let a 1 give way."""
    return tuple((torch.empty(first) - torch.empty(second)).shape)


BROADCAST_RESULT = Exercise(
    name="broadcast_result",
    title="The shape of a difference",
    kind="predict",
    points=1,
    inputs=_meeting_shapes,
    question=lambda first, second: (
        f"a has shape {first}, b has shape {second}. What is (a - b).shape? (a tuple, or the string 'error')"
    ),
    reference=broadcast_result,
    misconceptions={
        "aligned at the left": Misconception(
            lambda first, second: "error",  # noqa: ARG005
            "It is no error. Did you align the shapes at the left, or take different numbers of dimensions for one? "
            "Broadcasting aligns shapes at the right: write b's sizes under the last sizes of a, and put 1 where b "
            "has none.",
        ),
        "kept the first shape": Misconception(
            lambda first, second: first,  # noqa: ARG005
            "That is a's own shape. Its middle size is 1, and a 1 gives way to whatever it meets.",
        ),
        "joined the shapes": Misconception(
            lambda first, second: first + second,
            "You wrote the two shapes one after the other, as an outer product would. In a difference the "
            "dimensions are laid on top of each other.",
        ),
    },
    slips={
        "b's shape": Misconception(
            lambda _, second: second,
            "That is b's own shape. The result has as many dimensions as the longer of the two.",
        ),
    },
    next_step="Now find two shapes of three dimensions each for which the answer is 'error'.",
    reason="Aligned at the right, b's sizes stand under the last two of a, and b gets a 1 in front. Wherever the two sizes differ, one of them is 1 and gives way to the other.",
)


# --- strides of a view --------------------------------------------------------------------------------------


def _view_case(generator: Generator) -> tuple[int, int, int]:
    return integer(generator, 3, 5), integer(generator, 7, 11), integer(generator, 2, 3)


def view_strides(rows: int, columns: int, step: int) -> tuple[int, ...]:
    """A slice multiplies a stride, a transpose swaps two."""
    return torch.empty(rows, columns)[:, ::step].T.stride()


VIEW_STRIDES = Exercise(
    name="view_strides",
    title="Strides of a view",
    kind="predict",
    points=1,
    inputs=_view_case,
    question=lambda rows, columns, step: (
        f"t = torch.arange({rows * columns}).reshape({rows}, {columns}). What is t[:, ::{step}].T.stride()? "
        "(a tuple)"
    ),
    reference=view_strides,
    misconceptions={
        "forgot the transpose": Misconception(
            lambda rows, columns, step: (columns, step),  # noqa: ARG005
            "Those are the strides of the slice. Its transpose reads the same buffer with the two strides "
            "swapped.",
        ),
        "forgot the step": Misconception(
            lambda rows, columns, step: (1, columns),  # noqa: ARG005
            "You skipped the slice's step. Taking every second element means walking twice as far in the "
            "buffer between neighbours.",
        ),
        "thought of a copy": Misconception(
            lambda rows, columns, step: (rows, 1),  # noqa: ARG005
            "Those are the strides of a fresh, contiguous copy. Neither the slice nor the transpose copies: "
            "both read t's own buffer.",
        ),
        "divided the row": Misconception(
            lambda rows, columns, step: (step, -(-columns // step)),  # noqa: ARG005
            "The rows of the slice have fewer elements, but in the buffer they still start as far apart as "
            "t's rows do.",
        ),
    },
    slips={
        "the row's stride doubled too": Misconception(
            lambda rows, columns, step: (step, columns * step),  # noqa: ARG005
            "You multiplied both strides by the step. It was taken along the columns; the rows still start where they did.",
        ),
    },
    next_step="Which of .view(-1) and .reshape(-1) works on it, and which of them copies?",
    reason="The slice's step multiplies the stride of the columns, since neighbours now lie that many elements apart; rows start where they did. The transpose swaps the two strides and copies nothing.",
)


# --- standardise --------------------------------------------------------------------------------------------


def _table(generator: Generator) -> tuple[Tensor]:
    rows, columns = integer(generator, 6, 9), integer(generator, 2, 4)
    scale = torch.rand(columns, generator=generator) * 50 + 1
    return (torch.randn(rows, columns, generator=generator) * scale + scale,)


def standardise(x: Tensor) -> Tensor:
    """Each column minus its mean, divided by its population standard deviation."""
    return (x - x.mean(dim=0)) / x.std(dim=0, correction=0)


STANDARDISE = Exercise(
    name="standardise",
    title="Standardise the columns",
    kind="implement",
    points=2,
    inputs=_table,
    reference=standardise,
    misconceptions={
        "rows instead of columns": Misconception(
            lambda x: (x - x.mean(dim=1, keepdim=True)) / x.std(dim=1, correction=0, keepdim=True),
            "Each row now has mean 0. `dim` names the dimension that disappears: to get one mean per column, "
            "it is the rows that must go.",
        ),
        "one mean for the whole table": Misconception(
            lambda x: (x - x.mean()) / x.std(correction=0),
            "You used one mean and one deviation for the whole table. Every column has its own unit, and "
            "needs its own two numbers.",
        ),
        "divided by the variance": Misconception(
            lambda x: (x - x.mean(dim=0)) / x.var(dim=0, correction=0),
            "You divided by the variance, whose unit is the square of the column's. Take its root.",
        ),
        "sample deviation": Misconception(
            lambda x: (x - x.mean(dim=0)) / x.std(dim=0),
            "`std` divides by n − 1 unless told otherwise. Here the n rows are all there is: look up its "
            "`correction` argument.",
        ),
    },
    slips={
        "brackets": Misconception(
            lambda x: x - x.mean(dim=0) / x.std(dim=0, correction=0),
            "Only the mean was divided by the deviation: a quotient binds more tightly than a difference. Brackets are missing.",
        ),
        "brackets, sample deviation": Misconception(
            lambda x: x - x.mean(dim=0) / x.std(dim=0),
            "Only the mean was divided by the deviation: a quotient binds more tightly than a difference. Brackets are missing.",
        ),
        "only centred": Misconception(
            lambda x: x - x.mean(dim=0),
            "The mean is gone, and the deviation is as it was: divide by it.",
        ),
        "only scaled": Misconception(
            lambda x: x / x.std(dim=0, correction=0),
            "You divided by the deviation and left the mean where it was.",
        ),
        "only scaled, sample deviation": Misconception(
            lambda x: x / x.std(dim=0),
            "You divided by the deviation and left the mean where it was.",
        ),
        "between 0 and 1": Misconception(
            lambda x: (x - x.min(dim=0).values) / (x.max(dim=0).values - x.min(dim=0).values),
            "You stretched each column between 0 and 1. What counts is mean and deviation, not the extremes.",
        ),
    },
    next_step="What should a column whose values are all equal become? Decide, and handle it.",
    without=(LOOP,),
)


# --- squared distances --------------------------------------------------------------------------------------


def _two_clouds(generator: Generator) -> tuple[Tensor, Tensor]:
    n, m, d = (torch.randperm(4, generator=generator)[:3] + 2).tolist()
    return torch.randn(n, d, generator=generator), torch.randn(m, d, generator=generator)


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Every point of x against every point of y: (n, 1, d) meets (1, m, d)."""
    difference = x[:, None, :] - y[None, :, :]
    return (difference**2).sum(dim=-1)


SQUARED_DISTANCES = Exercise(
    name="squared_distances",
    title="All distances at once",
    kind="implement",
    points=2,
    inputs=_two_clouds,
    reference=squared_distances,
    misconceptions={
        "transposed": Misconception(
            lambda x, y: squared_distances(y, x),
            "The values are right and the table is lying on its side: entry [i, j] should belong to x[i] "
            "and y[j].",
        ),
        "took the root": Misconception(
            lambda x, y: squared_distances(x, y).sqrt(),
            "Those are distances. The question asks for their squares, which need no root at all.",
        ),
        "absolute values": Misconception(
            lambda x, y: (x[:, None, :] - y[None, :, :]).abs().sum(dim=-1),
            "You added absolute differences, the city-block distance. Square each difference before adding.",
        ),
        "averaged over coordinates": Misconception(
            lambda x, y: ((x[:, None, :] - y[None, :, :]) ** 2).mean(dim=-1),
            "You averaged over the coordinates. A squared distance is their sum.",
        ),
        "summed over the points": Misconception(
            lambda x, y: ((x[:, None, :] - y[None, :, :]) ** 2).sum(dim=1),
            "You summed away the points of y and kept the coordinates. It is the last dimension that has to go.",
        ),
    },
    slips={
        "the two forgotten": Misconception(
            lambda x, y: x.square().sum(1)[:, None] - x @ y.T + y.square().sum(1),
            "The product in the middle counts twice: |x − y|² = |x|² − 2x·y + |y|².",
        ),
        "plus in the middle": Misconception(
            lambda x, y: x.square().sum(1)[:, None] + 2 * x @ y.T + y.square().sum(1),
            "The product in the middle has the wrong sign: this is |x + y|².",
        ),
        "the products": Misconception(
            lambda x, y: x @ y.T,
            "Those are the dot products of the points, not the distances between them.",
        ),
        "not yet added": Misconception(
            lambda x, y: (x[:, None, :] - y[None, :, :]) ** 2,
            "Those are the squares for each coordinate. They still have to be added.",
        ),
        "squared after adding": Misconception(
            lambda x, y: (x[:, None, :] - y[None, :, :]).sum(dim=-1) ** 2,
            "You added the differences and squared the sum. Square each, then add.",
        ),
        "over the points of x": Misconception(
            lambda x, y: ((x[:, None, :] - y[None, :, :]) ** 2).sum(dim=0),
            "You summed away the points of x and kept the coordinates. It is the last dimension that has to go.",
        ),
    },
    next_step="The (n, m, d) array is n·m·d numbers. Use |x|² − 2x·y + |y|² to need only n·m.",
    without=(LOOP,),
)


# --- the loss that lied -------------------------------------------------------------------------------------


def _column_and_row(generator: Generator) -> tuple[Tensor, Tensor]:
    n = integer(generator, 4, 8)
    targets = torch.randn(n, generator=generator) * 2
    return (targets + torch.randn(n, generator=generator)).unsqueeze(1), targets


def mean_squared_error(predictions: Tensor, targets: Tensor) -> Tensor:
    """Bring the column to the targets' shape, so that each prediction meets its own target."""
    return ((predictions.squeeze(1) - targets) ** 2).mean()


MEAN_SQUARED_ERROR = Exercise(
    name="mean_squared_error",
    title="The loss that lied",
    kind="implement",
    points=1,
    inputs=_column_and_row,
    reference=mean_squared_error,
    misconceptions={
        "let them broadcast": Misconception(
            lambda predictions, targets: ((predictions - targets) ** 2).mean(),
            "Every prediction was compared with every target: (n, 1) minus (n,) is (n, n). Print the shape of "
            "the difference.",
        ),
        "summed": Misconception(
            lambda predictions, targets: ((predictions.squeeze(1) - targets) ** 2).sum(),
            "The pairing is right. You added the n squares and did not divide by n.",
        ),
        "did not square": Misconception(
            lambda predictions, targets: (predictions.squeeze(1) - targets).abs().mean(),
            "The pairing is right. This is the mean absolute error; the squares are missing.",
        ),
        "took the root": Misconception(
            lambda predictions, targets: ((predictions.squeeze(1) - targets) ** 2).mean().sqrt(),
            "The pairing is right, and then you took a root: that is the RMSE, in the unit of the targets.",
        ),
    },
    slips={
        "one prediction": Misconception(
            lambda predictions, targets: ((predictions[0] - targets) ** 2).mean(),
            "You compared the first prediction alone with every target.",
        ),
        "not averaged": Misconception(
            lambda predictions, targets: (predictions.squeeze(1) - targets) ** 2,
            "The pairing is right, and these are the squares. Return their mean.",
        ),
        "half": Misconception(
            lambda predictions, targets: ((predictions.squeeze(1) - targets) ** 2).mean() / 2,
            "The pairing is right. There is no ½ in this loss.",
        ),
        "squared after the mean": Misconception(
            lambda predictions, targets: (predictions.squeeze(1) - targets).mean() ** 2,
            "You squared the mean of the differences. The mean of the squares is asked for.",
        ),
        "differences not squared": Misconception(
            lambda predictions, targets: (predictions.squeeze(1) - targets).mean(),
            "The pairing is right; the squares are missing, so positive and negative differences cancel.",
        ),
        "divided by n − 1": Misconception(
            lambda predictions, targets: (
                (predictions.squeeze(1) - targets).square().sum() / (len(targets) - 1)
            ),
            "The pairing is right. You divided by n − 1; the mean divides by n.",
        ),
        "sorted": Misconception(
            lambda predictions, targets: (
                (predictions.squeeze(1).sort().values - targets.sort().values).square().mean()
            ),
            "You sorted both, so a prediction no longer meets the target in its own row.",
        ),
    },
    next_step="Add an assertion that would have caught the first version, and place it where it costs nothing.",
)


# --- einsum -------------------------------------------------------------------------------------------------


def _weights_and_values(generator: Generator) -> tuple[Tensor, Tensor]:
    batch, positions, features = integer(generator, 2, 3), integer(generator, 4, 5), 3
    weights = torch.rand(batch, positions, positions, generator=generator)
    return (
        weights / weights.sum(dim=-1, keepdim=True),
        torch.randn(batch, positions, features, generator=generator),
    )


def weighted_mean(weights: Tensor, values: Tensor) -> Tensor:
    """k is on both sides of the comma and not behind the arrow, so it is summed."""
    return torch.einsum("bqk,bkf->bqf", weights, values)


WEIGHTED_MEAN = Exercise(
    name="weighted_mean",
    title="A weighted mean, spelled out",
    kind="implement",
    points=2,
    inputs=_weights_and_values,
    reference=weighted_mean,
    misconceptions={
        "weights read the other way": Misconception(
            lambda weights, values: torch.einsum("bkq,bkf->bqf", weights, values),
            "You read the weights with their last two letters swapped. It runs, since both sizes are equal, "
            "but the weights that sum to 1 are those along the last dimension: that is k.",
        ),
        "lost the query": Misconception(
            lambda weights, values: torch.einsum("bqk,bkf->bf", weights, values),
            "The letter q is missing behind the arrow, so einsum summed over it too. Each query wants a mean "
            "of its own.",
        ),
        "averaged once more": Misconception(
            lambda weights, values: torch.einsum("bqk,bkf->bqf", weights, values) / values.shape[1],
            "You divided by the number of positions. The weights already sum to 1.",
        ),
        "mixed the batch": Misconception(
            lambda weights, values: torch.einsum("bqk,ckf->bqf", weights, values),
            "You gave the batch dimension two different letters, so every sequence was mixed with every other.",
        ),
    },
    slips={
        "k on both sides unshared": Misconception(
            lambda weights, values: torch.einsum("bqk,bjf->bqf", weights, values),
            "You gave the positions of weights and values two different letters, so each was summed by itself. One letter makes a weight meet its own value.",
        ),
        "not weighted": Misconception(
            lambda weights, values: values.mean(dim=1, keepdim=True).expand_as(values),  # noqa: ARG005
            "Every query got the plain mean. The weights have no effect.",
        ),
        "softmax once more": Misconception(
            lambda weights, values: weights.softmax(dim=-1) @ values,
            "The weights sum to 1 already. A softmax flattens them.",
        ),
    },
    next_step="Write it once more with @, and once with broadcasting and .sum; assert that all three agree.",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        BROADCAST_RESULT,
        VIEW_STRIDES,
        STANDARDISE,
        SQUARED_DISTANCES,
        MEAN_SQUARED_ERROR,
        WEIGHTED_MEAN,
    )
}
