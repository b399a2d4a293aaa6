"""Logits to drag, the probabilities they stand for, and the cross-entropy's gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable

_CODE = """\
import torch
import torch.nn.functional as F

logits = torch.tensor(«logits», dtype=torch.float64) + «shift»
logits.requires_grad_()
temperature = «temperature»
target = torch.tensor(«target»)

log_probabilities = F.log_softmax(logits / temperature, dim=0)
probabilities = log_probabilities.exp().detach()
loss = F.nll_loss(log_probabilities, target)
loss.backward()
one_hot = F.one_hot(target, len(logits))
torch.testing.assert_close(logits.grad, (probabilities - one_hot) / temperature)
print(f"loss {loss.item():.6f} nats, probabilities {probabilities.tolist()}")
"""


class Softmax(Explorable):
    r"""Drag logits z; see softmax probabilities at temperature T, the loss of one target and its gradient.

    $$p_i = \frac{e^{z_i/T}}{\sum_j e^{z_j/T}}, \qquad \ell = -\log p_t, \qquad
      \frac{\partial \ell}{\partial z_i} = \frac{p_i - y_i}{T}$$

    The page computes with the largest logit subtracted, so no logit overflows it; beside that it reads out
    what the formula as it stands gives in float32.

    Args:
        logits: two to eight finite numbers, one per class.
        labels: the classes' names, as many; the default names up to eight animals.
        target: index of the true class.
        temperature: T, from 0.1 to 10.
        shift: a whole number from −100 to 100 added to every logit.
        title: what to try.

    Raises:
        ValueError: if the logits are fewer than two, more than eight or not finite, the labels are not as
            many, or target, temperature or shift lies outside its range.

    Source: Goodfellow, Bengio and Courville, *Deep Learning*, 2016, sections 4.1 and 6.2.2.3.
    """

    modules: ClassVar[tuple[str, ...]] = ("softmax.mjs",)
    settings: ClassVar[tuple[str, ...]] = ("logits", "target", "temperature", "shift")

    logits = traitlets.List().tag(sync=True, own=True, echo_update=False)
    labels = traitlets.List().tag(sync=True, own=True)
    target = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    temperature = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    shift = traitlets.Float().tag(sync=True, own=True, echo_update=False)

    def __init__(
        self,
        logits: Sequence[float] = (2.0, 1.0, 0.1, -1.5),
        labels: Sequence[str] = ("cat", "dog", "fox", "owl", "bee", "elk", "hen", "yak"),
        *,
        target: int = 1,
        temperature: float = 1.0,
        shift: int = 0,
        title: str = "Drag the logits until the target's loss is below 0.05",
    ) -> None:
        numbers = [float(logit) for logit in logits]
        if not 2 <= len(numbers) <= 8 or not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"logits must be two to eight finite numbers, got {list(logits)!r}")
        names = list(labels)[: len(numbers)]
        if len(names) != len(numbers):
            raise ValueError(f"labels must name all {len(numbers)} classes, got {list(labels)!r}")
        if not 0 <= target < len(numbers):
            raise ValueError(f"target must be a class from 0 to {len(numbers) - 1}, got {target}")
        if not 0.1 <= temperature <= 10:
            raise ValueError(f"temperature must lie between 0.1 and 10, got {temperature}")
        if not -100 <= shift <= 100 or shift != int(shift):
            raise ValueError(f"shift must be a whole number from -100 to 100, got {shift}")
        super().__init__(
            title=title,
            logits=numbers,
            labels=names,
            target=int(target),
            temperature=float(temperature),
            shift=float(shift),
            code_template=_CODE,
        )
