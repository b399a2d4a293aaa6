"""Two ways of doing one thing, timed in turn: A B, B A, A B, …, so that both see the same weather.

On a busy machine a call is often slower than it need be and never faster: a pair's time for either way is the
least of several calls.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Comparison(NamedTuple):
    """The times of both ways, in seconds, pair by pair, and what else was found out about them."""

    name: str
    baseline: str
    candidate: str
    baseline_seconds: tuple[float, ...]
    candidate_seconds: tuple[float, ...]
    facts: Mapping[str, object] = {}

    @property
    def ratio(self) -> float:
        """Median over the pairs of baseline time / candidate time: above 1, the candidate is faster."""
        pairs = zip(self.baseline_seconds, self.candidate_seconds, strict=True)
        return statistics.median(baseline / candidate for baseline, candidate in pairs)

    def row(self) -> dict[str, object]:
        """The comparison as plain data: names, all times, both medians and the ratio."""
        return {
            **self._asdict(),
            "baseline_median": statistics.median(self.baseline_seconds),
            "candidate_median": statistics.median(self.candidate_seconds),
            "ratio": self.ratio,
        }


def compare(
    name: str,
    baseline: tuple[str, Callable[[], object]],
    candidate: tuple[str, Callable[[], object]],
    *,
    pairs: int = 5,
    best_of: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Time two ways in interleaved pairs, after one untimed call of each.

    Args:
        name: what is compared.
        baseline: the peer's name and a call of it.
        candidate: our way's name and a call of it.
        pairs: times of each, at least 1.
        best_of: calls of each behind one time, the least of theirs, at least 1. The two ways take turns, and
            in every other turn the candidate runs first.
        clock: seconds; another one for tests.

    Returns:
        A ``Comparison``.

    Raises:
        ValueError: if ``pairs`` < 1 or ``best_of`` < 1.
    """
    if pairs < 1:
        raise ValueError(f"pairs must be at least 1, got {pairs}")
    if best_of < 1:
        raise ValueError(f"best_of must be at least 1, got {best_of}")
    times: dict[str, list[float]] = {"baseline": [], "candidate": []}
    calls = {"baseline": baseline[1], "candidate": candidate[1]}
    for call in calls.values():
        call()
    for turn in range(pairs * best_of):
        order = ("baseline", "candidate") if turn % 2 == 0 else ("candidate", "baseline")
        for side in order:
            start = clock()
            calls[side]()
            elapsed = clock() - start
            if turn % best_of:
                times[side][-1] = min(times[side][-1], elapsed)
            else:
                times[side].append(elapsed)
    return Comparison(name, baseline[0], candidate[0], tuple(times["baseline"]), tuple(times["candidate"]))


def repeated(call: Callable[[], object], times: int) -> Callable[[], None]:
    """A function that calls another several times."""

    def several() -> None:
        for _ in range(times):
            call()

    return several
