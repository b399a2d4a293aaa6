"""How long the ConvNet takes to a given accuracy on the digits, on any device, fed in two ways."""

from __future__ import annotations

import time
from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.transforms import Compose, RandomAffine, ToTensor

from benchmarks.digit_training import ClassicDigits
from benchmarks.pairs import Comparison
from course_lib.data.batches import Batches, Jittered
from course_lib.data.digits import Digits
from course_lib.models.image_classifiers import ConvNet
from course_lib.runtime import synchronise
from course_lib.training.loop import evaluate, fit
from course_lib.training.metrics import classification_metrics

BATCH_SIZE = 64
TARGET = 0.98


def train_until(
    target: float,
    train: Digits,
    test: Digits,
    device: torch.device,
    *,
    batches: Collection[tuple[Tensor, ...]] | None = None,
    seed: int = 0,
    most_epochs: int = 60,
    batch_size: int = BATCH_SIZE,
    learning_rate: float = 2e-3,
) -> dict[str, float | int | bool]:
    """Train on jittered digits until an epoch ends at or above the target.

    Args:
        target: accuracy on the test digits, above 0 and at most 1.
        train: what is learned from.
        test: what the accuracy is measured on, after each epoch; it decides when to stop.
        device: where.
        batches: another way to feed the same digits; the library's own if left out.
        seed: of weights and batches.
        most_epochs: when to give up, at least 1.
        batch_size: digits a batch.
        learning_rate: Adam's.

    Returns:
        ``target``, ``reached``, ``accuracy`` and ``epochs`` when it stopped, ``seconds`` of training
        (evaluations not counted), ``examples`` an epoch.

    Raises:
        ValueError: if ``target`` or ``most_epochs`` is out of range.
    """
    if not 0 < target <= 1:
        raise ValueError(f"target must be above 0 and at most 1, got {target}")
    if most_epochs < 1:
        raise ValueError(f"most_epochs must be at least 1, got {most_epochs}")
    torch.manual_seed(seed)
    model = ConvNet().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    if batches is None:
        batches = Jittered(Batches(*train, batch_size=batch_size))
    metrics = classification_metrics(10)
    seconds, epochs, accuracy = 0.0, 0, 0.0
    while accuracy < target and epochs < most_epochs:
        start = time.perf_counter()
        fit(model, batches, F.cross_entropy, optimizer, epochs=1, device=device, progress=False)
        synchronise(device)
        seconds += time.perf_counter() - start
        epochs += 1
        unseen = Batches(*test, batch_size=500, shuffle=False)
        accuracy = evaluate(model, unseen, F.cross_entropy, metrics=metrics, device=device)["accuracy"]
    return {
        "target": target,
        "reached": accuracy >= target,
        "accuracy": accuracy,
        "epochs": epochs,
        "seconds": seconds,
        "examples": len(train.labels),
    }


class ClassicJittered(ClassicDigits):
    """``ClassicDigits`` with a tutorial's transforms: the turns, scales and shifts of ``Jittered``."""

    def __init__(self, digits: Digits) -> None:
        super().__init__(digits)
        drawn = Jittered(())
        size = digits.images.shape[-1]
        shift, scale = drawn.shift / size, drawn.scale
        self.transform = Compose(
            [RandomAffine(drawn.degrees, (shift, shift), (1 - scale, 1 + scale)), ToTensor()]
        )


def target_against_tutorial(
    train: Digits, test: Digits, *, target: float = TARGET, pairs: int = 5, most_epochs: int = 60
) -> list[Comparison]:
    """Train to one accuracy as a tutorial does, a ``DataLoader`` with transforms, and as the library does.

    Model, optimiser, learning rate and batch size are the same. Each pair is a seed, and they take turns.

    Args:
        train: what is learned from.
        test: what the accuracy is measured on.
        target: that accuracy.
        pairs: seeds.
        most_epochs: when to give up.

    Returns:
        One comparison; ``facts`` hold the epochs of each seed.

    Raises:
        RuntimeError: if a run gave up.
    """
    cpu = torch.device("cpu")
    feeds = {
        "DataLoader, RandomAffine, ToTensor": DataLoader(ClassicJittered(train), BATCH_SIZE, shuffle=True),
        "data.batches, Jittered": None,
    }
    seconds: dict[str, list[float]] = {name: [] for name in feeds}
    epochs: dict[str, list[int]] = {name: [] for name in feeds}
    for seed in range(pairs):
        for name in list(feeds)[:: 1 if seed % 2 == 0 else -1]:
            run = train_until(
                target, train, test, cpu, batches=feeds[name], seed=seed, most_epochs=most_epochs
            )
            if not run["reached"]:
                raise RuntimeError(f"{name}, seed {seed}: {run['accuracy']:.4f} after {run['epochs']} epochs")
            seconds[name].append(run["seconds"])
            epochs[name].append(run["epochs"])
    baseline, candidate = feeds
    return [
        Comparison(
            f"ConvNet to {target:.0%} of the test digits",
            baseline,
            candidate,
            tuple(seconds[baseline]),
            tuple(seconds[candidate]),
            {"baseline_epochs": epochs[baseline], "candidate_epochs": epochs[candidate]},
        )
    ]
