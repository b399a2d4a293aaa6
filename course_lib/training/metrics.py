"""Classification metrics that are right over a whole data set, however it is cut into batches."""

from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)


def classification_metrics(num_classes: int) -> MetricCollection:
    """Accuracy, and precision, recall and F1 averaged over the classes.

    With tp, fp, fn counted a class over all examples: accuracy = Σtp/n; precision = tp/(tp + fp);
    recall = tp/(tp + fn); F1 = 2tp/(2tp + fp + fn), the last three as plain means over the classes ("macro";
    a class that neither occurs nor is predicted is left out).

    Args:
        num_classes: at least 2.

    Returns:
        A collection with ``accuracy``, ``precision``, ``recall`` and ``f1``, each 0 … 1. Feed it
        ``update(logits (batch, num_classes), labels int (batch,))``, then ``compute()``.

    Raises:
        ValueError: if ``num_classes`` is not an int of at least 2.

    Taught in: "MNIST classifier".
    """
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 2:
        raise ValueError(f"num_classes must be an int of at least 2, got {num_classes!r}")
    return MetricCollection(
        {
            "accuracy": MulticlassAccuracy(num_classes, average="micro"),
            "precision": MulticlassPrecision(num_classes, average="macro"),
            "recall": MulticlassRecall(num_classes, average="macro"),
            "f1": MulticlassF1Score(num_classes, average="macro"),
        }
    )
