"""Classification metrics (accuracy, F1 …) over a whole data set, however it is cut into batches."""

from __future__ import annotations

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

from course_lib.checks import check_ints


def classification_metrics(num_classes: int) -> MetricCollection:
    """Accuracy, and precision, recall and F1 averaged over the classes.

    With tp, fp, fn counted per class over all examples: accuracy = Σtp/n; precision = tp/(tp + fp);
    recall = tp/(tp + fn); F1 = 2tp/(2tp + fp + fn), the last three as plain means over the classes ("macro";
    a class that neither occurs nor is predicted is left out). They are called ``accuracy``, ``precision``,
    ``recall`` and ``f1``, each 0 … 1. Feed the collection ``update(logits (batch, num_classes), labels int
    (batch,))``, then ``compute()``. ``ValueError`` unless ``num_classes`` is an int of at least 2.
    """
    check_ints(2, num_classes=num_classes)
    return MetricCollection(
        {
            "accuracy": MulticlassAccuracy(num_classes, average="micro"),
            "precision": MulticlassPrecision(num_classes, average="macro"),
            "recall": MulticlassRecall(num_classes, average="macro"),
            "f1": MulticlassF1Score(num_classes, average="macro"),
        }
    )


PAD = 0


def token_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Mean cross-entropy per token, padding left out, every *text* counted alike.

    $$L = \frac1B \sum_{b=1}^{B} \frac{1}{n_b} \sum_{t=1}^{n_b} -\ln p_b(y_{b,t})$$

    with n_b real tokens in text b: a scalar, in nats per token. Where all texts are equally long it is
    F.cross_entropy over all tokens. ``logits`` are floating, (batch, t, vocab); ``targets`` int64, (batch,
    t), padded with 0, each row starting with a real token (else ``ValueError``).
    """
    if logits.ndim != 3 or logits.shape[:2] != targets.shape:
        raise ValueError(
            f"logits must be (batch, t, vocab) for targets (batch, t), got {tuple(logits.shape)} "
            f"and {tuple(targets.shape)}"
        )
    tokens = (targets != PAD).sum(dim=1)
    if not tokens.all():
        raise ValueError(f"targets must hold a real token in each row, row {int(tokens.argmin())} is padding")
    losses = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=PAD, reduction="none")
    return (losses.sum(dim=1) / tokens).mean()


def exact_match(
    model: nn.Module, batches: Iterable[tuple[Tensor, ...]], *, start: int = 1, end: int = 2
) -> float:
    """Measure the share, 0 … 1, of texts written without a single wrong token, from the first to ``end``.

    ``model`` has ``translate(source, lengths, start=, end=, max_new_tokens=)`` and is left in its mode; each
    batch is ``(source, lengths, target_in, target_out)``, as for training; ``start`` is the token before a
    text. ``ValueError`` if ``batches`` yields nothing.
    """
    was_training = model.training
    model.eval()
    right, texts = 0, 0
    for source, lengths, _, target in batches:
        written = model.translate(source, lengths, start=start, end=end, max_new_tokens=target.shape[1])
        written = F.pad(written, (0, target.shape[1] - written.shape[1]), value=end)
        right += int(((written == target) | (target == PAD)).all(dim=1).sum())
        texts += len(target)
    model.train(was_training)
    if texts == 0:
        raise ValueError("batches must hold at least one text, it yielded none")
    return right / texts
