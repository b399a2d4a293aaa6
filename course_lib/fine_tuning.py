"""Fine-tuning a text classifier: length-bucketed batches, the loop, metrics, a study's record."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_at_least
from course_lib.data.digits import load_digits
from course_lib.data.reviews import some_snippets
from course_lib.models.encoder import CLASSES
from course_lib.pretrained.encoders import load_encoder
from course_lib.records import MEASUREMENTS, read
from course_lib.training.steps import WARMUP_SHARE, descend, finite, scheduled

FINE_TUNING_FILE = MEASUREMENTS / "fine_tuning.json"
UNSEEN = 300
"""Validation snippets that accuracy is measured on."""


def length_batches(
    lengths: Tensor, batch_size: int, generator: torch.Generator, *, epochs: int = 1
) -> list[Tensor]:
    """Bucket texts by length, int (n,), so that little is padding.

    ``generator`` orders the batches, and texts of equal length, anew in each epoch. Gives places of the
    texts, int64, (batch_size,) each but one that may hold fewer; ``ValueError`` if a number is below 1.
    """
    check_at_least(1, batch_size=batch_size, epochs=epochs)
    batches = []
    for _ in range(epochs):
        shuffled = torch.randperm(len(lengths), generator=generator)
        epoch = shuffled[lengths[shuffled].argsort(stable=True)].split(batch_size)
        batches += [epoch[i] for i in torch.randperm(len(epoch), generator=generator).tolist()]
    return batches


def train_classifier(
    logits: Callable[[Tensor], Tensor],
    labels: Tensor,
    batches: Sequence[Tensor],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Train with cross-entropy what the optimiser holds; each of the batches is one update.

    Each group's learning rate warms up over a tenth to what it is, then falls to 0 (cosine). ``logits`` goes
    from places of texts, int64 (batch,), to logits (batch, 2); ``labels`` are int64 (else ``TypeError``),
    (n,), 0 or 1 (else ``ValueError``). ``FloatingPointError`` names the update where a loss is NaN or
    infinite.
    """
    if labels.dtype != torch.int64:
        raise TypeError(f"labels must be int64, got {labels.dtype}")
    strange = labels[(labels < 0) | (labels >= CLASSES)]
    if len(strange):
        raise ValueError(f"labels must be from 0 to {CLASSES - 1}, got {strange[0].item()}")
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for step in scheduled(optimizer, steps=len(batches), warmup=int(WARMUP_SHARE * len(batches))):
        loss = F.cross_entropy(logits(batches[step]), labels[batches[step]])
        finite(loss, step)
        descend(loss, trained, optimizer)


@torch.no_grad()
def read_texts(
    read: Callable[[Tensor, Tensor], Tensor], ids: Tensor, lengths: Tensor, *, batch_size: int = 32
) -> Tensor:
    """Run a model over many texts, those of like length together, without gradients.

    ``read`` goes from ids, int64 (batch, seq), padded, and lengths, int64 (batch,), to rows (batch, …). Gives
    the rows in the texts' order, (n, …).
    """
    order = lengths.argsort(stable=True)
    rows = [read(*cut(ids, lengths, places)) for places in order.split(batch_size)]
    return torch.cat(rows)[order.argsort()]


def cut(ids: Tensor, lengths: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Take some of many padded texts, with no more padding than the longest of them asks for.

    Of int64 ids (n, seq) and lengths (n,): ``(ids, lengths)`` at the places, int64 (batch,).
    """
    return ids[places, : int(lengths[places].max())], lengths[places]


def measure_unseen_snippets(model: nn.Module) -> float:
    """Measure the share, 0 … 1, of 300 validation snippets whose sign a classifier names.

    ``model`` maps ids and lengths of the pretrained reader's tokenizer to logits (batch, 2).
    """
    unseen = some_snippets("validation", UNSEEN)
    device = next(model.parameters()).device
    ids, lengths = load_encoder().tokenizer.encode(unseen.texts, max_length=64)
    logits = read_texts(lambda *texts: model(*(part.to(device) for part in texts)), ids, lengths)
    return _share(logits.argmax(dim=1).cpu(), unseen.labels)


def measure_high_digits(model: nn.Module) -> float:
    """Measure the share, 0 … 1, of the test digits 5 … 9 that a model names rightly.

    ``model`` maps images (batch, 1, 28, 28) to logits (batch, 10).
    """
    images, labels = load_digits("test")
    high = labels >= 5
    model.eval()
    with torch.no_grad():
        return _share(model(images[high]).argmax(dim=1), labels[high])


def _share(guesses: Tensor, labels: Tensor) -> float:
    return (guesses == labels).double().mean().item()


class Row(NamedTuple):
    """A method's line in the table, over its seeds.

    Accuracy is on the test split, from 0 to 1; ``trainable_parameters`` are numbers trained (for ``"tfidf"``
    the median, as its vocabulary hangs on the snippets drawn); ``seconds`` the median processor time of
    training; ``optimizer_bytes`` kept between updates, ``None`` where it is not one of torch's optimisers.
    """

    method: str
    seeds: int
    lowest: float
    mean: float
    highest: float
    trainable_parameters: int
    seconds: float
    optimizer_bytes: int | None


def table(path: Path = FINE_TUNING_FILE) -> list[Row]:
    """Read what was measured, one row per method, the least accurate first; errors as ``records.read``."""
    runs = read(path, "choice")["runs"]
    rows = []
    for method in dict.fromkeys(run["method"] for run in runs):
        found = [run for run in runs if run["method"] == method]
        accuracies = [run["accuracy"] for run in found]
        rows.append(
            Row(
                method,
                len(found),
                min(accuracies),
                statistics.mean(accuracies),
                max(accuracies),
                round(statistics.median(run["trainable_parameters"] for run in found)),
                statistics.median(run["seconds"] for run in found),
                found[0]["optimizer_bytes"],
            )
        )
    return sorted(rows, key=lambda row: row.mean)
