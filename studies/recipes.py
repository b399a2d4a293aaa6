"""How each classifier of digits is trained: the settings the chapters use, as functions of a seed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from course_lib.data.batches import Batches, Jittered
from course_lib.data.digits import EMBEDDED_SHA256, Digits, load_digits
from course_lib.models.image_classifiers import MLP, ConvNet, SoftmaxRegression
from course_lib.runtime import set_seed
from course_lib.training.loop import evaluate, fit
from course_lib.training.metrics import classification_metrics


class Data(NamedTuple):
    """What a recipe trains on, and the SHA-256 by which a band says which data made it."""

    examples: Any
    sha256: str


class Recipe(NamedTuple):
    """A way to train a model, the number it is judged by, and what to suspect when that leaves its band.

    ``train(examples, seed, learning_rate)`` returns a trained model; ``learning_rate`` is the one to use,
    ``seeds`` the number of runs that make its band; ``below`` and ``above`` are likely causes of a number
    outside the band; ``data()`` gives what to train on, and ``measure(model)`` the number.
    """

    train: Callable[[Any, int, float], nn.Module]
    learning_rate: float
    seeds: int
    below: tuple[str, ...]
    above: tuple[str, ...]
    data: Callable[[], Data]
    measure: Callable[[nn.Module], float]


def digits_to_train_on() -> Data:
    """The 8,000 embedded training digits, and the hash of their file."""
    return Data(load_digits("train"), EMBEDDED_SHA256)


def train_softmax(digits: Digits, seed: int, learning_rate: float) -> nn.Module:
    """Train softmax regression as beginners first meet it: batch 64, plain SGD, 10 epochs.

    Args:
        digits: the examples to train on.
        seed: seeds initial weights and shuffles.
        learning_rate: SGD's, > 0.

    Returns:
        The trained ``SoftmaxRegression``.
    """
    set_seed(seed)
    model = SoftmaxRegression()
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    fit(model, Batches(*digits, batch_size=64), F.cross_entropy, optimizer, epochs=10, progress=False)
    return model


def train_mlp(digits: Digits, seed: int, learning_rate: float) -> nn.Module:
    """Train the MLP with 128 hidden units: batch 64, Adam, 10 epochs.

    Args:
        digits: the examples to train on.
        seed: seeds initial weights and shuffles.
        learning_rate: Adam's, > 0.

    Returns:
        The trained ``MLP``.
    """
    set_seed(seed)
    model = MLP()
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    fit(model, Batches(*digits, batch_size=64), F.cross_entropy, optimizer, epochs=10, progress=False)
    return model


def train_convnet(digits: Digits, seed: int, learning_rate: float) -> nn.Module:
    """Train the ConvNet: batch 64, jittered images, AdamW, 16 epochs of a one-cycle schedule.

    Chosen on 1,500 of the 8,000 training digits, held out; the test digits had no say.

    Args:
        digits: the examples to train on.
        seed: seeds initial weights, shuffles and jitter.
        learning_rate: highest of the schedule, > 0.

    Returns:
        The trained ``ConvNet``.
    """
    set_seed(seed)
    model = ConvNet()
    batches = Jittered(Batches(*digits, batch_size=64))
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    schedule = OneCycleLR(optimizer, learning_rate, epochs=16, steps_per_epoch=len(batches))
    fit(model, batches, F.cross_entropy, optimizer, epochs=16, schedule=schedule, progress=False)
    return model


def measure_accuracy(model: nn.Module) -> float:
    """Measure the share of the 2,000 embedded test digits that a model names rightly.

    Args:
        model: maps images (batch, 1, 28, 28) to logits (batch, 10).

    Returns:
        Accuracy, 0 … 1.
    """
    batches = Batches(*load_digits("test"), batch_size=500, shuffle=False)
    return evaluate(model, batches, F.cross_entropy, metrics=classification_metrics(10))["accuracy"]


TOO_SLOW = "the learning rate is too small or the epochs too few"
_TOO_LITTLE = (
    TOO_SLOW,
    "inputs are not scaled to [0, 1]",
    "softmax was applied before cross_entropy, which applies it itself",
    "gradients are not zeroed between steps",
)
_LEAK = ("test digits were trained on", "the accuracy was measured on training digits")

_JUDGED_BY = {"data": digits_to_train_on, "measure": measure_accuracy}

RECIPES = {
    "mnist.softmax.accuracy": Recipe(
        train_softmax,
        0.01,
        40,
        _TOO_LITTLE,
        (*_LEAK, "a larger learning rate, momentum, Adam or more epochs"),
        **_JUDGED_BY,
    ),
    "mnist.mlp.accuracy": Recipe(
        train_mlp, 1e-3, 20, _TOO_LITTLE, (*_LEAK, "more hidden units or epochs"), **_JUDGED_BY
    ),
    "mnist.convnet.accuracy": Recipe(
        train_convnet,
        0.01,
        12,
        (
            *_TOO_LITTLE,
            "the images are not jittered, or the schedule is stepped an epoch instead of an update",
        ),
        (*_LEAK, "trained on more than the 8,000 embedded digits"),
        **_JUDGED_BY,
    ),
}
