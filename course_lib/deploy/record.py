"""What ``python -m benchmarks shipping`` measured, laid out: a line for each way to ship the digit net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def shipping_table(record: Mapping[str, Any]) -> str:
    """Lay the ways out as text: bytes, accuracy, and how many times as fast as eager they are.

    Args:
        record: of ``course_lib.commands.benchmark_record.load_record("shipping")``.

    Returns:
        A heading, a line for eager, and one for each way in the record's order. Speeds are medians over pairs
        of eager's time over the way's: above 1, the way is faster. "first, s" is the time from the net to the
        way's first answer, once: exporting, compiling or training it.

    Raises:
        ValueError: if the record is of another benchmark.

    Taught in: "Shipping a model".
    """
    speeds: dict[str, dict[int, float]] = {}
    facts: dict[str, Mapping[str, Any]] = {}
    for row in record["comparisons"]:
        if "batch" not in row.get("facts", {}):
            raise ValueError(f"record must be of the benchmark shipping, got {record['command']!r}")
        speeds.setdefault(row["candidate"], {})[row["facts"]["batch"]] = row["ratio"]
        facts[row["candidate"]] = row["facts"]
    batches = sorted({batch for found in speeds.values() for batch in found})
    heading = "".join(f"{f'× at {batch}':>8}" for batch in batches)
    lines = [f"{'':<19}{'bytes':>9}{'accuracy':>9}{heading}{'first, s':>9}  by"]
    first = next(iter(facts.values()))
    ones = "".join(f"{1:>8.2f}" for _ in batches)
    lines.append(f"{'eager':<19}{first['baseline_bytes']:>9,}{first['baseline_accuracy']:>9.4f}{ones}")
    for name, found in facts.items():
        ratios = "".join(f"{speeds[name][batch]:>8.2f}" for batch in batches)
        ratios += f"{found['first_answer_seconds']:>9.1f}"
        lines.append(f"{name:<19}{found['bytes']:>9,}{found['accuracy']:>9.4f}{ratios}  {found['by']}")
    return "\n".join(lines)
