"""The record of a language model's way to an assistant: begun or gone on with, and written out as a table."""

from __future__ import annotations

import datetime
import math
import statistics
from pathlib import Path
from typing import Any

from course_lib.assistant.record import ASSISTANT_FILE, LABELS, Band, read, table
from course_lib.assistant.stages import COURTEOUS, Budget
from course_lib.data.text import MOBY_DICK_SHA256
from course_lib.pretrained.gpts import SHIPPED
from course_lib.records import machine
from studies.assistant_stages import ALPHA, PRICE, RANK, TARGETS
from studies.records import check_alike

CURVE_POINTS = 100


def begin(path: Path, budget: Budget, split: str, asked: int) -> dict[str, Any]:
    """Make a record, or read the one that is there if it was measured in the same way.

    Args:
        path: the JSON.
        budget: of every stage.
        split: whose words are asked.
        asked: instructions measured on.

    Returns:
        Provenance and ``runs``.

    Raises:
        ValueError: if ``path`` was measured otherwise, or on another machine; names the difference.
    """
    head = {
        "command": "python -m studies.assistant",
        "machine": machine(),
        "weights_sha256": SHIPPED["moby"][0],
        "data_sha256": MOBY_DICK_SHA256,
        "split": split,
        "asked": asked,
        "courteous": COURTEOUS,
        "adapters": {"rank": RANK, "alpha": ALPHA, "targets": list(TARGETS)},
        "price": PRICE,
        "budget": {
            name: part._asdict() if isinstance(part, tuple) else part
            for name, part in budget._asdict().items()
        },
    }
    if not path.exists():
        return {**head, "date": datetime.date.today().isoformat(), "runs": []}
    found = read(path)
    check_alike(path, found, head)
    return found


def thinned(curve: list[float]) -> list[float]:
    """Shorten a curve: means of runs of equally many numbers, the last run perhaps shorter.

    Args:
        curve: any numbers.

    Returns:
        At most ``CURVE_POINTS`` means, rounded to four decimals.
    """
    size = math.ceil(len(curve) / CURVE_POINTS)
    starts = range(0, len(curve), size) if curve else ()
    return [round(statistics.mean(curve[start : start + size]), 4) for start in starts]


def markdown(path: Path = ASSISTANT_FILE) -> str:
    """Write the table for a page: shares in per cent, means with the least and the greatest in brackets.

    Args:
        path: as for ``read``.

    Returns:
        A Markdown table.

    Raises:
        FileNotFoundError: as ``read``.
        ValueError: as ``read``.
    """
    lines = [
        "| what it learnt from | right, greedy (%) | right, drawn (%) | occurs, drawn (%) | length, drawn |",
        "|---|---|---|---|---|",
    ]
    for row in table(path):
        shares = (row.exact_match, row.sampled_exact_match, row.sampled_answer_occurs)
        cells = [_percent(band) for band in shares] + [f"{row.sampled_length.mean:.1f}"]
        lines.append(f"| {LABELS[row.stage]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _percent(band: Band) -> str:
    return f"{100 * band.mean:.0f} ({100 * band.lowest:.0f}–{100 * band.highest:.0f})"
