"""The record of what fine-tuning measured: begun, gone on with, and read as a table."""

from __future__ import annotations

import datetime
import statistics
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.commands.fine_tuning_methods import METHODS
from course_lib.commands.measured_runs import check_alike, read
from course_lib.commands.provenance import machine
from course_lib.data.reviews import EMBEDDED_SHA256
from course_lib.pretrained.minilm import SHA256
from course_lib.pretrained.shipped import FILES

FINE_TUNING_FILE = FILES / "fine_tuning.json"
CHOICE_SEED = 100  # of the trials; runs have those from 0 on
_PACKAGES = ("torch", "peft", "scikit-learn", "tokenizers")


class Row(NamedTuple):
    """A method's line in the table, over its seeds.

    ``lowest``, ``mean``, ``highest``: accuracy on the test split, from 0 to 1. ``trainable_parameters``:
    numbers trained (for ``"tfidf"`` the median, as its vocabulary hangs on the snippets drawn). ``seconds``:
    median processor time of training. ``optimizer_bytes``: kept between updates, ``None`` where it is not
    one of torch's optimisers.
    """

    method: str
    seeds: int
    lowest: float
    mean: float
    highest: float
    trainable_parameters: int
    seconds: float
    optimizer_bytes: int | None


def table(path: Path = FINE_TUNING_FILE) -> list[Row]:
    """Read what was measured, a row a method, the least accurate first.

    Args:
        path: what the command wrote.

    Returns:
        The rows.

    Raises:
        FileNotFoundError: if nothing was measured yet.
        ValueError: if the file is not one of this command's.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    runs = read(path, "choice")["runs"]
    rows = []
    for method in METHODS:
        found = [run for run in runs if run["method"] == method]
        if found:
            accuracies = [run["accuracy"] for run in found]
            rows.append(
                Row(
                    method,
                    len(found),
                    min(accuracies),
                    statistics.mean(accuracies),
                    max(accuracies),
                    round(statistics.median(run["trainable_parameters"] for run in found)),
                    statistics.median(run["seconds"] for run in found),
                    found[0]["optimizer_bytes"],
                )
            )
    return sorted(rows, key=lambda row: row.mean)


def begin(path: Path, examples: int, choice_examples: int, max_length: int) -> dict[str, Any]:
    """Make a record, or read the one that is there if it was measured in the same way.

    Args:
        path: the JSON.
        examples: training snippets a run.
        choice_examples: training snippets a trial.
        max_length: most tokens of a snippet.

    Returns:
        Provenance, ``choice`` with its ``trials``, and ``runs``.

    Raises:
        ValueError: if ``path`` was measured with other data, weights, numbers, versions, or on another
            machine; names the difference.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    head = {
        "command": "python -m course_lib.commands.fine_tuning",
        "machine": machine(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "data_sha256": EMBEDDED_SHA256,
        "weights_sha256": SHA256["model.safetensors"],
        "training_examples": examples,
        "max_length": max_length,
    }
    choice = {"split": "validation", "seed": CHOICE_SEED, "training_examples": choice_examples}
    if not path.exists():
        date = datetime.date.today().isoformat()
        return {**head, "date": date, "choice": {**choice, "trials": []}, "runs": []}
    found = read(path, "choice")
    chosen = {name: part for name, part in found["choice"].items() if name != "trials"}
    check_alike(path, {**found, "choice": chosen}, {**head, "choice": choice})
    return found


def _version(package: str) -> str | None:
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return None
