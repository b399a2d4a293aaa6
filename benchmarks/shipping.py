"""Ways to ship the digit net, each against the net as PyTorch runs it: bytes, accuracy, latency."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import torch
from torch import Tensor
from torch._inductor.utils import fresh_cache

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
        and ``difference`` (see ``Judged``), ``by`` (who runs it), ``first_answer_seconds`` (exporting,
        compiling with empty caches, training or whatever else lies before the first answer at batch 1),
        ``baseline_bytes`` and ``baseline_accuracy``.

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
        start = time.perf_counter()
        with fresh_cache():  # as on a machine that never compiled it
            shipped = prepare()
            _repeat(shipped.run, images[:1], 1)()
        waited = time.perf_counter() - start
        judged = judge(_logits(shipped.run, images), reference, labels)
        if shipped.exact and not judged.difference <= CLOSE:
            raise RuntimeError(
                f"{name} and eager differ by {judged.difference:.2g}, expected at most {CLOSE}"
            )
        facts = {
            **judged._asdict(),
            "bytes": shipped.bytes,
            "by": shipped.by,
            "first_answer_seconds": waited,
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


def each_alone(pairs: int) -> list[Comparison]:
    """`shipping`, every way in a process of its own, so that none meets what another one left behind."""
    fresh = ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1)
    with fresh as pool:
        running = [pool.submit(_alone, name, pairs) for name in WAYS]
        return [comparison for each in running for comparison in each.result()]


def _alone(name: str, pairs: int) -> list[Comparison]:
    return shipping(pairs=pairs, ways={name: WAYS[name]})


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
