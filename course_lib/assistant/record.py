"""What was measured on a language model's way to an assistant: the record, read as tables."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, NamedTuple

from course_lib import records
from course_lib.records import MEASUREMENTS

ASSISTANT_FILE = MEASUREMENTS / "assistant.json"
TEMPERATURE_FILE = MEASUREMENTS / "assistant_temperature.json"
LABELS = {  # of the stages, in their order
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
    """Read what was measured; errors as ``records.read``.

    Provenance and settings, and ``runs``: ``stage``, ``seed``, ``seconds``, what ``task.measure`` gives, and
    the ``curve`` of losses or mean rewards, at most 100 of them.
    """
    return records.read(path)


def table(path: Path = ASSISTANT_FILE) -> list[Row]:
    """Read what was measured, one row per stage, in the order of the stages."""
    rows = []
    for stage, runs in _runs_by_stage(path).items():
        columns = ([run[name] for run in runs] for name in Row._fields[2:6])
        bands = (Band(min(values), statistics.mean(values), max(values)) for values in columns)
        rows.append(Row(stage, len(runs), *bands, statistics.median(run["seconds"] for run in runs)))
    return rows


def by_kind(path: Path = ASSISTANT_FILE) -> dict[str, dict[str, float]]:
    """Read the greedy exact match, 0 … 1, by stage and kind of instruction: the mean over the seeds."""
    return {
        stage: {kind: statistics.mean(run["by_kind"][kind] for run in runs) for kind in runs[0]["by_kind"]}
        for stage, runs in _runs_by_stage(path).items()
    }


class AtTemperature(NamedTuple):
    """A stage drawn from at one temperature, over the seeds.

    ``right``, the share of exact answers; ``plain``, of those that hold the right one, the share that hold
    nothing else; ``kl``, to the model after demonstrations at temperature 1, nats per answer.
    """

    stage: str
    temperature: float
    right: Band
    plain: Band
    kl: Band


def temperature_table(path: Path = TEMPERATURE_FILE) -> list[AtTemperature]:
    """Read what was measured at each temperature, a row per stage and temperature, in their order."""
    runs = records.read(path)["runs"]
    rows = []
    for stage, temperature in dict.fromkeys((run["stage"], run["temperature"]) for run in runs):
        alike = [run for run in runs if (run["stage"], run["temperature"]) == (stage, temperature)]
        columns = ([run[name] for run in alike] for name in AtTemperature._fields[2:])
        rows.append(
            AtTemperature(stage, temperature, *(Band(min(v), statistics.mean(v), max(v)) for v in columns))
        )
    return rows


def _runs_by_stage(path: Path) -> dict[str, list[dict[str, Any]]]:
    runs = read(path)["runs"]
    found = {stage: [run for run in runs if run["stage"] == stage] for stage in LABELS}
    return {stage: each for stage, each in found.items() if each}
