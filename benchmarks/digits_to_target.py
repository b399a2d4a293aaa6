"""How long the ConvNet takes to a given accuracy on the digits, on any device."""

from __future__ import annotations

import time

import torch
import torch.nn.functional as F

from course_lib.data.batches import Batches, Jittered
from course_lib.data.digits import Digits
from course_lib.models.image_classifiers import ConvNet
from course_lib.runtime import synchronise
from course_lib.training.loop import evaluate, fit
from course_lib.training.metrics import classification_metrics


def train_until(
    target: float,
    train: Digits,
    test: Digits,
    device: torch.device,
    *,
    most_epochs: int = 60,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
) -> dict[str, float | int | bool]:
    """Train on jittered digits until an epoch ends at or above the target.

    Args:
        target: accuracy on the test digits, above 0 and at most 1.
        train: what is learned from.
        test: what the accuracy is measured on, after each epoch; it decides when to stop.
        device: where.
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
    torch.manual_seed(0)
    model = ConvNet().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
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
