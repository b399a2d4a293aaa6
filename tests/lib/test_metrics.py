"""Classification metrics against counts made by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.training.metrics import classification_metrics


def by_hand(predictions: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, float]:
    precision, recall, f1 = [], [], []
    for c in range(classes):
        tp = int(((predictions == c) & (labels == c)).sum())
        fp = int(((predictions == c) & (labels != c)).sum())
        fn = int(((predictions != c) & (labels == c)).sum())
        if tp + fp + fn:
            precision.append(tp / (tp + fp) if tp + fp else 0.0)
            recall.append(tp / (tp + fn) if tp + fn else 0.0)
            f1.append(2 * tp / (2 * tp + fp + fn))
    return {
        "accuracy": float((predictions == labels).mean()),
        "precision": float(np.mean(precision)),
        "recall": float(np.mean(recall)),
        "f1": float(np.mean(f1)),
    }


@settings(max_examples=40, deadline=None)
@given(classes=st.integers(2, 6), n=st.integers(1, 30), cut=st.integers(1, 30), seed=st.integers(0, 10_000))
def test_all_metrics_match_the_counts_however_the_data_are_cut(
    classes: int, n: int, cut: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, classes, generator=generator)
    labels = torch.randint(0, classes, (n,), generator=generator)
    metrics = classification_metrics(classes)
    for start in range(0, n, cut):  # the last piece may be smaller
        metrics.update(logits[start : start + cut], labels[start : start + cut])
    found = {name: value.item() for name, value in metrics.compute().items()}
    assert found == pytest.approx(by_hand(logits.argmax(1).numpy(), labels.numpy(), classes), abs=1e-6)


def test_a_small_example_for_the_pencil() -> None:
    """Labels 0 0 1 2, predictions 0 1 1 1: class 1 has precision 1/3 and recall 1; class 2 has neither."""
    logits = torch.eye(3)[[0, 1, 1, 1]]
    metrics = classification_metrics(3)
    metrics.update(logits, torch.tensor([0, 0, 1, 2]))
    found = {name: value.item() for name, value in metrics.compute().items()}
    assert found == pytest.approx(
        {
            "accuracy": 2 / 4,
            "precision": (1 + 1 / 3) / 3,
            "recall": (1 / 2 + 1) / 3,
            "f1": (2 / 3 + 1 / 2) / 3,
        }
    )


@pytest.mark.parametrize("num_classes", [1, 0, 2.0, True, None])
def test_bad_class_count(num_classes: object) -> None:
    with pytest.raises(ValueError, match="num_classes must be an int of at least 2, got"):
        classification_metrics(num_classes)
