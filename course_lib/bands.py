"""Reproducibility bands: the range of a result over many seeds, and what to suspect outside it.

``python -m studies.measure_bands`` trains each recipe with every seed and writes ``measurements/bands.json``;
a band is the range of the values seen, widened on either side by a quarter of its width.
"""

import json
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

BANDS_FILE = Path(__file__).parent / "measurements" / "bands.json"


class Band(NamedTuple):
    """The values to expect: from ``low`` to ``high``, as measured over ``seeds`` seeds.

    ``causes_below`` and ``causes_above`` say what to suspect of a value on that side.
    """

    low: float
    high: float
    seeds: int
    causes_below: tuple[str, ...]
    causes_above: tuple[str, ...]


class Verdict(NamedTuple):
    """A value compared with its band; ``causes`` is empty inside it. Its ``repr`` says it all in words."""

    name: str
    value: float
    band: Band
    inside: bool
    causes: tuple[str, ...]

    def __repr__(self) -> str:
        where = "inside" if self.inside else "OUTSIDE"
        limits = f"{self.band.low:.4f} … {self.band.high:.4f} ({self.band.seeds} seeds)"
        said = f"{self.name} = {self.value:.4f}: {where} the band {limits}"
        return "\n".join([said, *(f"  perhaps {cause}" for cause in self.causes)])


def band(name: str) -> Band:
    """Look up a band such as ``"mnist.convnet.accuracy"``; ``ValueError`` lists those there are."""
    bands = _bands()
    if name not in bands:
        raise ValueError(f"name must be one of {', '.join(sorted(bands))}; got {name!r}")
    return bands[name]


def check(name: str, value: float) -> Verdict:
    """Say whether a measured value lies within what many seeds gave: low ≤ value ≤ high.

    ``value`` is in the band's unit (accuracies run 0 … 1); NaN is outside. Show the ``Verdict`` in a
    notebook, or ``assert verdict.inside``. ``TypeError`` if ``value`` is not a number (a tensor of one
    element counts as one), ``ValueError`` if there is no band of that name.
    """
    limits = band(name)
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"value must be one number, got {value!r}") from error
    inside = limits.low <= number <= limits.high
    if inside:
        causes: tuple[str, ...] = ()
    elif math.isnan(number):
        causes = ("the loss diverged: try a tenth of the learning rate",)
    else:
        causes = limits.causes_below if number < limits.low else limits.causes_above
    return Verdict(name, number, limits, inside, causes)


def widened(values: list[float]) -> tuple[float, float]:
    """Turn measured values into a band: with m = min and M = max, m − (M − m)/4 … M + (M − m)/4.

    ``ValueError`` if there are fewer than ten, one per seed, or one is not finite.
    """
    if len(values) < 10:
        raise ValueError(f"values must hold at least 10 numbers, one per seed, got {len(values)}")
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"values must be finite, got {values}")
    margin = (max(values) - min(values)) / 4
    return min(values) - margin, max(values) + margin


@cache
def _bands() -> dict[str, Band]:
    entries = json.loads(BANDS_FILE.read_text(encoding="utf-8"))["bands"]
    return {
        name: Band(
            entry["low"],
            entry["high"],
            len(entry["seeds"]),
            tuple(entry["causes_below"]),
            tuple(entry["causes_above"]),
        )
        for name, entry in entries.items()
    }
