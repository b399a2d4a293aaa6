"""What was measured on a language model's way to an assistant: the record, read as tables."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, NamedTuple

from course_lib import records
from course_lib.assistant.stages import STAGES
from course_lib.records import MEASUREMENTS

ASSISTANT_FILE = MEASUREMENTS / "assistant.json"
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
    0 … 1; ``sampled_length``, characters per answer; ``seconds``, median processor time of the stage alone.
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
        the ``curve`` of losses or mean rewards, at most 100 of them.

    Raises:
        FileNotFoundError: if nothing was measured yet.
        ValueError: if the file is not one of this command's.
    """
    return records.read(path)


def table(path: Path = ASSISTANT_FILE) -> list[Row]:
    """Read what was measured, one row per stage, in the order of the stages.

    Argument and errors as ``read``.
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

    From the stage to a dict from the kind to 0 … 1; argument and errors as ``read``.
    """
    runs = read(path)["runs"]
    shares: dict[str, dict[str, float]] = {}
    for stage in STAGES:
        found = [run["by_kind"] for run in runs if run["stage"] == stage]
        if found:
            shares[stage] = {kind: statistics.mean(kinds[kind] for kinds in found) for kind in found[0]}
    return shares


def _band(runs: list[dict[str, Any]], name: str) -> Band:
    values = [run[name] for run in runs]
    return Band(min(values), statistics.mean(values), max(values))
