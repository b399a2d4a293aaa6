"""The loop that trains a classifier of texts, in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.foundations.schedules import cosine
from course_lib.models.text_classifier import CLASSES

WARMUP_SHARE = 0.1
CLIP_NORM = 1.0


def length_batches(
    lengths: Tensor, batch_size: int, generator: torch.Generator, *, epochs: int = 1
) -> list[Tensor]:
    """Put texts of like length together, so that little is padding; batches come in random order.

    Args:
        lengths: int, (n,).
        batch_size: texts a batch, at least 1; one batch may hold fewer.
        generator: orders the batches, and texts of equal length, anew in each epoch.
        epochs: times that each text comes, at least 1.

    Returns:
        Places of the texts, int64, (batch_size,) each.

    Raises:
        ValueError: if ``batch_size`` or ``epochs`` is below 1.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    if batch_size < 1 or epochs < 1:
        raise ValueError(f"batch_size and epochs must be at least 1, got {batch_size} and {epochs}")
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
    """Train with cross-entropy; each group's learning rate warms up over a tenth, then falls to 0 (cosine).

    Args:
        logits: places of texts, int64 (batch,), to logits (batch, 2).
        labels: int64, (n,), the class of each text.
        batches: places, an update each.
        optimizer: holds what is trained; its groups' learning rates are the highest reached.

    Raises:
        TypeError: if ``labels`` are not int64.
        ValueError: if a label is neither 0 nor 1; nothing is trained then.
        FloatingPointError: if a loss is NaN or infinite; names the update.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    if labels.dtype != torch.int64:
        raise TypeError(f"labels must be int64, got {labels.dtype}")
    strange = labels[(labels < 0) | (labels >= CLASSES)]
    if len(strange):
        raise ValueError(f"labels must be from 0 to {CLASSES - 1}, got {strange[0].item()}")
    highest = [group["lr"] for group in optimizer.param_groups]
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for step, places in enumerate(batches, start=1):
        factor = cosine(step, total=len(batches) + 1, warmup=int(WARMUP_SHARE * len(batches)))
        for group, rate in zip(optimizer.param_groups, highest, strict=True):
            group["lr"] = rate * factor
        loss = F.cross_entropy(logits(places), labels[places])
        if not loss.isfinite():
            raise FloatingPointError(f"the loss is {loss.item()} at update {step}: it diverged")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, CLIP_NORM)
        optimizer.step()


@torch.no_grad()
def read_texts(
    read: Callable[[Tensor, Tensor], Tensor], ids: Tensor, lengths: Tensor, *, batch_size: int = 32
) -> Tensor:
    """Run a model over many texts, those of like length together, without gradients.

    Args:
        read: ids (batch, seq) and lengths (batch,) to rows (batch, …).
        ids: int64, (n, seq), padded.
        lengths: int64, (n,).
        batch_size: texts a batch, at least 1.

    Returns:
        The rows in the texts' order, (n, …).

    Taught in: "Fine-tuning a pretrained encoder".
    """
    order = lengths.argsort(stable=True)
    rows = [read(*cut(ids, lengths, places)) for places in order.split(batch_size)]
    return torch.cat(rows)[order.argsort()]


def cut(ids: Tensor, lengths: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Take some of many padded texts, with no more padding than the longest of them asks for.

    Args:
        ids: int64, (n, seq).
        lengths: int64, (n,).
        places: int64, (batch,).

    Returns:
        ``(ids, lengths)`` of these texts.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    return ids[places, : int(lengths[places].max())], lengths[places]
