"""Bytes that the digit classifiers keep for the backward pass, by formula."""

from __future__ import annotations

from course_lib.checks import check_sizes
from course_lib.models.image_classifiers import CLASSES, SIDE

_LOSS = 4 * CLASSES + 8  # the logarithmic softmax and the label, an image
_WEIGHT_SUM = 4  # cross-entropy divides by it


def mlp_activation_bytes(batch: int, hidden: int = 128) -> int:
    r"""Count what ``MLP`` and its cross-entropy keep for the backward pass, in float32.

    $$4\,\text{batch}\,(\underbrace{784}_{\text{pixels}} + \underbrace{\text{hidden}}_{\text{after ReLU}}
      + \underbrace{10}_{\text{log-softmax}}) + \underbrace{8\,\text{batch}}_{\text{labels}} + 4$$

    What ReLU was given is not among it: its derivative can be read off its output.

    Args:
        batch: images, at least 1.
        hidden: width of the layer between, at least 1.

    Returns:
        Bytes, parameters not counted.

    Raises:
        ValueError: if a size is below 1.
    """
    check_sizes(batch=batch, hidden=hidden)
    return batch * (4 * (SIDE**2 + hidden) + _LOSS) + _WEIGHT_SUM


def convnet_activation_bytes(batch: int, *, training: bool = True) -> int:
    r"""Count what ``ConvNet`` and its cross-entropy keep for the backward pass, in float32 on the CPU.

    Of the maps $n_1 = 16 \cdot 24^2$, $n_2 = 32 \cdot 10^2$ and $n_3 = 48 \cdot 3^2$:

    $$4\,\text{batch}\,\Big(784 + \sum_{k \le 2} \big(\underbrace{n_k}_{\text{pooled}} + \underbrace{n_k /
      4}_{\text{after ReLU}}\big) + n_3 + 10\Big) + 8\,\text{batch}\,\Big(\underbrace{\tfrac{n_1 + n_2}{4}}_{
      \text{places of maxima}} + 1\Big) + 4$$

    and in train mode $8\,\text{batch}\,n_3$ more, for what dropout gives and what it multiplied by.

    Args:
        batch: images, at least 1.
        training: train mode, with dropout.

    Returns:
        Bytes, parameters not counted.

    Raises:
        ValueError: if ``batch`` is below 1.
    """
    check_sizes(batch=batch)
    pooled = 16 * 24**2 + 32 * 10**2
    last = 48 * 3**2
    floats = SIDE**2 + pooled + pooled // 4 + last * (3 if training else 1)
    return batch * (4 * floats + 8 * pooled // 4 + _LOSS) + _WEIGHT_SUM
