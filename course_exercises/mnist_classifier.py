"""Exercises of the chapter on classifying digits."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import integer


def _logits_and_labels(generator: Generator) -> tuple[Tensor, Tensor]:
    batch, classes = integer(generator, 5, 8), integer(generator, 3, 4)
    logits = 3 * torch.randn(batch, classes, generator=generator)
    return logits, torch.randint(0, classes, (batch,), generator=generator)


# --- what ignorance costs -----------------------------------------------------------------------------------


def loss_of_ignorance(classes: int) -> float:
    """Equal logits give each class 1/k; the loss is −ln(1/k) = ln k, in nats."""
    return math.log(classes)


LOSS_OF_IGNORANCE = Exercise(
    name="loss_of_ignorance",
    title="What ignorance costs",
    kind="predict",
    points=1,
    inputs=lambda generator: (integer(generator, 20, 60),),
    question=lambda classes: (
        f"A network sorts pictures into {classes} classes. Before any training all its logits are 0. What is "
        "its cross-entropy, in nats, to two decimals?"
    ),
    reference=loss_of_ignorance,
    misconceptions={
        "the probability": Misconception(
            lambda classes: 1 / classes,
            "That is the probability each class gets. The loss is minus its natural logarithm.",
        ),
        "bits": Misconception(
            lambda classes: math.log2(classes),
            "That is the right quantity in bits. Cross-entropy in torch uses the natural logarithm: nats.",
        ),
        "no minus": Misconception(
            lambda classes: -math.log(classes),
            "The logarithm of a probability is negative, and the loss is its negative. A cross-entropy below "
            "zero cannot happen here.",
        ),
        "the error rate": Misconception(
            lambda classes: 1 - 1 / classes,
            "That is how often a guess is wrong. The loss does not count mistakes; it charges −ln p for the "
            "probability p given to the right class.",
        ),
    },
    slips={
        "the number of classes": Misconception(
            lambda classes: float(classes),
            "That is the number of classes, which is the perplexity. The loss is its logarithm.",
        ),
        "base ten": Misconception(
            lambda classes: math.log10(classes),
            "That is the logarithm to base 10. Nats are to base e.",
        ),
        "ten classes": Misconception(
            lambda _: math.log(10),
            "That is the number for ten classes. How many are there here?",
        ),
        "zero": Misconception(
            lambda _: 0.0,
            "The logits are 0; the loss is not. What probability does each class get?",
        ),
    },
    next_step="Print the first loss of every model you train from now on, and compare it with ln k.",
    tolerance=2e-3,
    decimals=2,
    reason="Equal logits give each of the k classes the probability 1/k. The loss is minus its natural logarithm, ln k.",
)


# --- log-softmax --------------------------------------------------------------------------------------------


def _logits_some_huge(generator: Generator) -> tuple[Tensor]:
    """One row far from 0 as a whole, and one whose least probability float32 takes for 0."""
    logits, _ = _logits_and_labels(generator)
    logits[0] += 500.0
    logits[1, integer(generator, 0, 2)] += 150.0
    return (logits,)


def log_softmax(logits: Tensor) -> Tensor:
    """Subtract the largest logit first: no exponential exceeds 1, and the sum is at least 1."""
    shifted = logits - logits.max(dim=-1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()


def _log_softmax_without_shift(logits: Tensor) -> Tensor:
    return (logits.exp() / logits.exp().sum(dim=-1, keepdim=True)).log()


LOG_SOFTMAX = Exercise(
    name="log_softmax",
    title="A logarithm that survives",
    kind="implement",
    points=2,
    inputs=_logits_some_huge,
    reference=log_softmax,
    misconceptions={
        "exponentials of raw logits": Misconception(
            _log_softmax_without_shift,
            "One of the rows holds logits near 500. e⁵⁰⁰ is infinite in float32, and inf/inf is nan. Subtract "
            "each row's largest logit before any exponential: the result is the same, the numbers are small.",
        ),
        "over the batch": Misconception(
            lambda logits: torch.log_softmax(logits, dim=0),
            "You normalised over the batch: the columns of your probabilities sum to 1. Each example has "
            "its own distribution over the classes.",
        ),
        "forgot the logarithm of the sum": Misconception(
            lambda logits: (
                logits
                - logits.max(dim=-1, keepdim=True).values
                - (logits - logits.max(dim=-1, keepdim=True).values).exp().sum(dim=-1, keepdim=True)
            ),
            "You subtracted the sum of the exponentials. log(a/b) is log a − log b: it is the sum's logarithm that is subtracted.",
        ),
        "no logarithm": Misconception(
            lambda logits: torch.softmax(logits, dim=-1),
            "These are the probabilities; the exercise wants their logarithms, computed without a detour "
            "over numbers that may underflow to 0.",
        ),
        "only shifted": Misconception(
            lambda logits: logits - logits.max(dim=-1, keepdim=True).values,
            "The shift keeps the exponentials small, but the normalisation is still missing: exponentiate a "
            "row of your result and add it up.",
        ),
    },
    slips={
        "softmax, then its logarithm": Misconception(
            lambda logits: torch.softmax(logits, dim=-1).log(),
            "You took the logarithm of a softmax. A probability that underflows to 0 makes it −∞: stay with logarithms.",
        ),
        "naive": Misconception(
            lambda logits: logits - logits.exp().sum(dim=-1, keepdim=True).log(),
            "e to the power of a large logit is infinite in float32. Subtract each row's largest logit before any exponential.",
        ),
        "shift not given back": Misconception(
            lambda logits: (
                logits
                - (logits - logits.max(dim=-1, keepdim=True).values).exp().sum(dim=-1, keepdim=True).log()
            ),
            "You shifted inside the sum and not outside: what was subtracted from the exponents has to be given back.",
        ),
        "sum over everything": Misconception(
            lambda logits: (logits - logits.max()) - (logits - logits.max()).exp().sum().log(),
            "Your sum runs over the whole batch. Each row has a distribution of its own.",
        ),
        "one maximum for the batch": Misconception(
            lambda logits: (
                (logits - logits.max()) - (logits - logits.max()).exp().sum(dim=-1, keepdim=True).log()
            ),
            "You subtracted the largest logit of the whole batch. In rows far below it every exponential "
            "underflows to 0, and log 0 is −∞: each row needs its own maximum.",
        ),
    },
    next_step="Differentiate your result by hand: each row's Jacobian is the identity matrix, minus the softmax in every one of its rows. Check it.",
    tolerance=1e-4,  # three steps of float32 at the size of the logits
    without=("log_softmax", "logsumexp", "LogSoftmax"),
)


# --- cross-entropy ------------------------------------------------------------------------------------------


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Minus the log-probability of the right class, averaged over the batch."""
    log_probabilities = torch.log_softmax(logits, dim=-1)
    return -log_probabilities[torch.arange(len(labels)), labels].mean()


CROSS_ENTROPY = Exercise(
    name="cross_entropy",
    title="Cross-entropy from its definition",
    kind="implement",
    points=2,
    inputs=_logits_and_labels,
    reference=cross_entropy,
    misconceptions={
        "softmax twice": Misconception(
            lambda logits, labels: torch.nn.functional.cross_entropy(torch.softmax(logits, dim=-1), labels),
            "You gave probabilities to a function that wants logits, so softmax was applied twice. The loss "
            "stays lazily near ln k and hardly falls: a quiet and common bug.",
        ),
        "summed": Misconception(
            lambda logits, labels: torch.nn.functional.cross_entropy(logits, labels, reduction="sum"),
            "You added over the batch. With the mean, the size of a step does not depend on the batch size.",
        ),
        "every class": Misconception(
            lambda logits, labels: -torch.log_softmax(logits, dim=-1).mean(),  # noqa: ARG005
            "You averaged the log-probabilities of all classes, and never looked at the labels.",
        ),
        "no logarithm": Misconception(
            lambda logits, labels: -torch.softmax(logits, dim=-1)[torch.arange(len(labels)), labels].mean(),
            "You charged minus the probability. Its logarithm is missing, and with it the price of being "
            "confidently wrong.",
        ),
        "forgot the minus": Misconception(
            lambda logits, labels: -cross_entropy(logits, labels),
            "The sign is flipped: descending on this would make the right class less likely.",
        ),
    },
    slips={
        "all entries": Misconception(
            lambda logits, labels: -torch.log_softmax(logits, dim=-1)[:, labels].mean(),
            "`[:, labels]` takes every label's column from every row. Each row has one label: index rows and columns together.",
        ),
        "rows picked": Misconception(
            lambda logits, labels: -torch.log_softmax(logits, dim=-1)[labels % len(logits)].mean(),
            "You used the labels to pick rows. They name columns.",
        ),
        "over the batch": Misconception(
            lambda logits, labels: (
                -torch.log_softmax(logits, dim=0)[torch.arange(len(labels)), labels].mean()
            ),
            "You normalised over the batch. Each example has its own distribution over the classes.",
        ),
        "one-hot mean": Misconception(
            lambda logits, labels: (
                -(
                    torch.log_softmax(logits, dim=-1) * torch.nn.functional.one_hot(labels, logits.shape[1])
                ).mean()
            ),
            "You averaged over all entries, the zeros of the one-hot included. Divide by the number of examples.",
        ),
        "not averaged": Misconception(
            lambda logits, labels: -torch.log_softmax(logits, dim=-1)[torch.arange(len(labels)), labels],
            "Those are the losses of each example. Return their mean.",
        ),
        "raw logits": Misconception(
            lambda logits, labels: -logits[torch.arange(len(labels)), labels].mean(),
            "You took the logits for log-probabilities: they are not normalised.",
        ),
        "logarithm of the mean": Misconception(
            lambda logits, labels: -logits.softmax(dim=1)[torch.arange(len(labels)), labels].mean().log(),
            "You averaged the probabilities and took the logarithm last. Take it for each example, then average.",
        ),
    },
    next_step="Add label smoothing, one argument, and compare with torch's `label_smoothing`.",
    without=("cross_entropy", "CrossEntropyLoss"),
)


# --- precision and recall -----------------------------------------------------------------------------------


def _confusion(generator: Generator) -> tuple[Tensor]:
    """One class is mostly missed: the largest of its row and of its column do not stand on the diagonal."""
    classes = integer(generator, 3, 5)
    counts = torch.randint(10, 30, (classes, classes), generator=generator)
    counts += 40 * torch.eye(classes, dtype=torch.int64)
    missed = integer(generator, 0, classes - 1)
    counts[missed, missed] = integer(generator, 1, 9)
    return (counts,)


def precision_and_recall(confusion: Tensor) -> tuple[Tensor, Tensor]:
    """Rows are the true classes, columns the predicted ones; the hits stand on the diagonal."""
    hits = confusion.diagonal().float()
    return hits / confusion.sum(dim=0), hits / confusion.sum(dim=1)


PRECISION_AND_RECALL = Exercise(
    name="precision_and_recall",
    title="Precision and recall from a table",
    kind="implement",
    points=2,
    inputs=_confusion,
    reference=precision_and_recall,
    misconceptions={
        "swapped": Misconception(
            lambda confusion: precision_and_recall(confusion)[::-1],
            "You have the two the wrong way round. Precision asks: of all I called a 7 (a column), how many "
            "were one? Recall: of all real 7s (a row), how many did I find?",
        ),
        "divided by everything": Misconception(
            lambda confusion: (
                confusion.diagonal() / confusion.sum(),
                confusion.diagonal() / confusion.sum(),
            ),
            "You divided by the number of all examples. Each class has its own denominator.",
        ),
        "hits against misses": Misconception(
            lambda confusion: (
                confusion.diagonal() / (confusion.sum(dim=0) - confusion.diagonal()),
                confusion.diagonal() / (confusion.sum(dim=1) - confusion.diagonal()),
            ),
            "You divided the hits by the misses. The denominator holds both: a share lies between 0 and 1.",
        ),
        "the largest for the hits": Misconception(
            lambda confusion: (
                confusion.amax(dim=0) / confusion.sum(dim=0),
                confusion.amax(dim=1) / confusion.sum(dim=1),
            ),
            "You took the largest of each column and row for the hits. Hits stand where the true and the predicted "
            "class are the same, even if a class is mostly mistaken for another.",
        ),
        "one number for all": Misconception(
            lambda confusion: (
                confusion.diagonal().sum() / confusion.sum(),
                confusion.diagonal().sum() / confusion.sum(),
            ),
            "That is the accuracy, twice. Return precision and recall for each class.",
        ),
    },
    slips={
        "the whole table": Misconception(
            lambda confusion: (confusion / confusion.sum(dim=0), confusion / confusion.sum(dim=1)),
            "You divided the whole table. Only the counts of one class taken for itself are hits.",
        ),
        "the whole table, rows right": Misconception(
            lambda confusion: (
                confusion / confusion.sum(dim=0),
                confusion / confusion.sum(dim=1, keepdim=True),
            ),
            "You divided the whole table. Only the counts of one class taken for itself are hits.",
        ),
        "averaged": Misconception(
            lambda confusion: tuple(part.mean() for part in precision_and_recall(confusion)),
            "You averaged over the classes. Return one number for each class.",
        ),
        "whole numbers": Misconception(
            lambda confusion: (
                confusion.diagonal() // confusion.sum(dim=0),
                confusion.diagonal() // confusion.sum(dim=1),
            ),
            "`//` throws the fraction away, and a share is all fraction.",
        ),
        "precision twice": Misconception(
            lambda confusion: (precision_and_recall(confusion)[0],) * 2,
            "The first is right. The second divides by the column sums too; recall divides by the row sums.",
        ),
        "recall twice": Misconception(
            lambda confusion: (precision_and_recall(confusion)[1],) * 2,
            "The second is right. The first divides by the row sums too; precision divides by the column sums.",
        ),
    },
    next_step="Compare with torchmetrics' `average=None`. What should the precision of a class never predicted be?",
)


# --- the size of what comes out -----------------------------------------------------------------------------


def _convolution_case(generator: Generator) -> tuple[int, int, int, int]:
    kernel = 2 * integer(generator, 1, 3) + 1
    stride, padding = integer(generator, 3, 5), integer(generator, 1, 4)
    # places beyond a whole number of strides: none, some, or one short of another
    spare = integer(generator, 0, stride - 1)
    return stride * integer(generator, 6, 10) + kernel - 2 * padding + spare, kernel, stride, padding


def output_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Places where the kernel's left edge can stand: the first, and one more for each whole stride."""
    return (size + 2 * padding - kernel) // stride + 1


OUTPUT_SIZE = Exercise(
    name="output_size",
    title="How large is what comes out?",
    kind="implement",
    points=1,
    inputs=_convolution_case,
    reference=output_size,
    rivals=(
        lambda size, kernel, stride, padding: output_size(size + 1, kernel, stride, padding),
        lambda size, kernel, stride, padding: output_size(size - 1, kernel, stride, padding),
        lambda size, _, stride, padding: output_size(size, stride, stride, padding),
        lambda size, kernel, stride, padding: round((size + 2 * padding - kernel) / stride) + 1,
    ),
    misconceptions={
        "forgot the first place": Misconception(
            lambda size, kernel, stride, padding: (size + 2 * padding - kernel) // stride,
            "You counted the strides, not the places. A fence with n gaps has n + 1 posts.",
        ),
        "padded one side": Misconception(
            lambda size, kernel, stride, padding: (size + padding - kernel) // stride + 1,
            "Padding is added at both ends.",
        ),
        "rounded up": Misconception(
            lambda size, kernel, stride, padding: -(-(size + 2 * padding - kernel) // stride) + 1,
            "You rounded up. Where the last stride does not fit completely, there is no place for the kernel.",
        ),
        "stride left out": Misconception(
            lambda size, kernel, stride, padding: size + 2 * padding - kernel + 1,  # noqa: ARG005
            "That is the size with stride 1. A larger stride skips places.",
        ),
    },
    draws=10,
    slips={
        "one place too many": Misconception(
            lambda size, kernel, stride, padding: (size + 2 * padding - kernel) // stride + 2,
            "That is one place too many: the first one is counted once.",
        ),
        "no padding": Misconception(
            lambda size, kernel, stride, padding: (size - kernel) // stride + 1,  # noqa: ARG005
            "The padding has no effect. It is added at both ends.",
        ),
        "padding taken off": Misconception(
            lambda size, kernel, stride, padding: (size - 2 * padding - kernel) // stride + 1,
            "You subtracted the padding. It makes the picture larger.",
        ),
        "not whole": Misconception(
            lambda size, kernel, stride, padding: (size + 2 * padding - kernel) / stride + 1,
            "You kept the fraction. Where the last stride does not fit completely, there is no place for the kernel.",
        ),
        "rounded to the nearest": Misconception(
            lambda size, kernel, stride, padding: round((size + 2 * padding - kernel) / stride) + 1,
            "You rounded to the nearest. Where the last stride does not fit completely, there is no place for the kernel.",
        ),
        "kernel left out": Misconception(
            lambda size, kernel, stride, padding: (size + 2 * padding) // stride + 1,  # noqa: ARG005
            "The kernel has a width: its left edge cannot stand at the last place.",
        ),
        "no brackets": Misconception(
            lambda size, kernel, stride, padding: size + 2 * padding - kernel // stride + 1,
            "Only the kernel is divided by the stride: the sum before it needs brackets.",
        ),
    },
    next_step="Add dilation, and check all four arguments against the shape nn.Conv2d returns.",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (LOSS_OF_IGNORANCE, LOG_SOFTMAX, CROSS_ENTROPY, PRECISION_AND_RECALL, OUTPUT_SIZE)
}
