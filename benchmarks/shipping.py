"""Ways to ship the digit net, each against the net as PyTorch runs it: bytes, accuracy, latency."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.pairs import Comparison, compare
from benchmarks.shipping_ways import CLOSE, WAYS, Shipped, as_it_is
from course_lib.data.digits import load_digits

BATCHES = {1: 100, 64: 10}
"""Sizes of a batch, and calls timed together."""


class Judged(NamedTuple):
    """What answers are worth: the share that is right, and how far the logits are from the net's, over
    the largest of these.
    """

    accuracy: float
    difference: float


def shipping(
    *, pairs: int = 5, ways: dict[str, Callable[[], Shipped]] = WAYS, test_digits: int = 2000
) -> list[Comparison]:
    """Time every way at batch 1 and 64, interleaved with the net in eager mode, one thread.

    Args:
        pairs: timed pairs of each comparison.
        ways: their names, and what makes them ready.
        test_digits: of the embedded ones, to measure accuracy on.

    Returns:
        Two comparisons a way. Their ``facts`` are ``batch``, ``calls``, ``bytes`` (of the file), ``accuracy``
        and ``difference`` (see ``Judged``), ``by`` (who runs it), and ``baseline_bytes`` and
        ``baseline_accuracy``.

    Raises:
        RuntimeError: if a way that should only repeat the net differs by more than 1e-5 of its largest logit.
    """
    digits = load_digits("test")
    images, labels = digits.images[:test_digits], digits.labels[:test_digits]
    eager = as_it_is()
    reference = _logits(eager.run, images)
    right = judge(reference, reference, labels).accuracy
    comparisons = []
    for name, prepare in ways.items():
        shipped = prepare()
        judged = judge(_logits(shipped.run, images), reference, labels)
        if shipped.exact and not judged.difference <= CLOSE:
            raise RuntimeError(
                f"{name} and eager differ by {judged.difference:.2g}, expected at most {CLOSE}"
            )
        facts = {
            **judged._asdict(),
            "bytes": shipped.bytes,
            "by": shipped.by,
            "baseline_bytes": eager.bytes,
            "baseline_accuracy": right,
        }
        for batch, calls in BATCHES.items():
            found = compare(
                f"digit net, batch {batch}, {calls} calls",
                ("eager", _repeat(eager.run, images[:batch], calls)),
                (name, _repeat(shipped.run, images[:batch], calls)),
                pairs=pairs,
            )
            comparisons.append(found._replace(facts={"batch": batch, "calls": calls, **facts}))
    return comparisons


def judge(logits: Tensor, reference: Tensor, labels: Tensor) -> Judged:
    """Compare a way's logits with the labels and with the net's own, all (n, 10) but labels (n,)."""
    apart = (logits - reference).abs().max() / reference.abs().max()
    return Judged((logits.argmax(1) == labels).float().mean().item(), apart.item())


def _logits(run: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([run(batch) for batch in images.split(64)])


def _repeat(run: Callable[[Tensor], Tensor], images: Tensor, calls: int) -> Callable[[], None]:
    def call() -> None:
        with torch.no_grad():
            for _ in range(calls):
                run(images)

    return call
