"""The record of a language model's way to an assistant: begun, gone on with, read, shown as a table."""

from __future__ import annotations

import datetime
import math
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.commands import measured_runs
from course_lib.commands.assistant_stages import ALPHA, COURTEOUS, PRICE, RANK, STAGES, TARGETS, Budget
from course_lib.commands.provenance import machine
from course_lib.data.text import MOBY_DICK_SHA256
from course_lib.pretrained.shipped import FILES, SHIPPED

ASSISTANT_FILE = FILES / "assistant.json"
CURVE_POINTS = 100
LABELS = {
    "pretrained": "pretrained, nothing more",
    "sft_untrained": "demonstrations, from random weights",
    "sft_lora": "demonstrations, adapters alone",
    "sft": "demonstrations (SFT)",
    "more": "SFT, then more demonstrations",
    "dpo": "SFT, then preferences (DPO)",
    "grpo": "SFT, then rewards (GRPO)",
    "dpo_longer": "SFT, then DPO for the longer answer",
    "grpo_impressed": "SFT, then GRPO, length impressing",
    "grpo_impressed_kl": "the same, with a price on change",
}


class Band(NamedTuple):
    """The least, the mean and the greatest of a number over the seeds."""

    lowest: float
    mean: float
    highest: float


class Row(NamedTuple):
    """A stage's line in the table, over its seeds.

    ``exact_match`` (greedy), ``sampled_exact_match`` and ``sampled_answer_occurs`` (both at temperature 1),
    0 … 1; ``sampled_length``, characters an answer; ``seconds``, median processor time of the stage alone.
    """

    stage: str
    seeds: int
    exact_match: Band
    sampled_exact_match: Band
    sampled_answer_occurs: Band
    sampled_length: Band
    seconds: float


def read(path: Path = ASSISTANT_FILE) -> dict[str, Any]:
    """Read what was measured.

    Args:
        path: what the command wrote.

    Returns:
        Provenance and settings, and ``runs``: ``stage``, ``seed``, ``seconds``, what ``measure`` gives, and
        the ``curve`` of losses or mean rewards, at most ``CURVE_POINTS`` of them (see ``thinned``).

    Raises:
        FileNotFoundError: if nothing was measured yet.
        ValueError: if the file is not one of this command's.

    Taught in: "From language model to assistant, in miniature".
    """
    return measured_runs.read(path)


def table(path: Path = ASSISTANT_FILE) -> list[Row]:
    """Read what was measured, a row a stage, in the order of the stages.

    Args:
        path: as for ``read``.

    Returns:
        The rows.

    Raises:
        FileNotFoundError: as ``read``.
        ValueError: as ``read``.

    Taught in: "From language model to assistant, in miniature".
    """
    runs = read(path)["runs"]
    rows = []
    for stage in STAGES:
        found = [run for run in runs if run["stage"] == stage]
        if found:
            bands = (_band(found, name) for name in Row._fields[2:6])
            seconds = statistics.median(run["seconds"] for run in found)
            rows.append(Row(stage, len(found), *bands, seconds))
    return rows


def by_kind(path: Path = ASSISTANT_FILE) -> dict[str, dict[str, float]]:
    """Read the greedy exact match of each kind of instruction, the mean over the seeds.

    Args:
        path: as for ``read``.

    Returns:
        From the stage to a dict from the kind to 0 … 1.

    Raises:
        FileNotFoundError: as ``read``.
        ValueError: as ``read``.

    Taught in: "From language model to assistant, in miniature".
    """
    runs = read(path)["runs"]
    shares: dict[str, dict[str, float]] = {}
    for stage in STAGES:
        found = [run["by_kind"] for run in runs if run["stage"] == stage]
        if found:
            shares[stage] = {kind: statistics.mean(kinds[kind] for kinds in found) for kind in found[0]}
    return shares


def markdown(path: Path = ASSISTANT_FILE) -> str:
    """Write the table for a page: shares in per cent, means with the least and the greatest in brackets.

    Args:
        path: as for ``read``.

    Returns:
        A Markdown table.

    Raises:
        FileNotFoundError: as ``read``.
        ValueError: as ``read``.

    Taught in: "From language model to assistant, in miniature".
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


def thinned(curve: list[float]) -> list[float]:
    """Shorten a curve: means of runs of equally many numbers, the last run perhaps shorter.

    Args:
        curve: any numbers.

    Returns:
        At most ``CURVE_POINTS`` means, rounded to four decimals.

    Taught in: "From language model to assistant, in miniature".
    """
    size = math.ceil(len(curve) / CURVE_POINTS)
    starts = range(0, len(curve), size) if curve else ()
    return [round(statistics.mean(curve[start : start + size]), 4) for start in starts]


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

    Taught in: "From language model to assistant, in miniature".
    """
    head = {
        "command": "python -m course_lib.commands.assistant",
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
    measured_runs.check_alike(path, found, head)
    return found


def _band(runs: list[dict[str, Any]], name: str) -> Band:
    values = [run[name] for run in runs]
    return Band(min(values), statistics.mean(values), max(values))


def _percent(band: Band) -> str:
    return f"{100 * band.mean:.0f} ({100 * band.lowest:.0f}–{100 * band.highest:.0f})"
