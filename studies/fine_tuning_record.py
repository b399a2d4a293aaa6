"""The record of what fine-tuning measured: begun, and gone on with."""

from __future__ import annotations

import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from course_lib.data.reviews import EMBEDDED_SHA256
from course_lib.pretrained.minilm import SHA256
from course_lib.records import machine, read
from studies.records import check_alike

CHOICE_SEED = 100  # of the trials; runs have those from 0 on
_PACKAGES = ("torch", "peft", "scikit-learn", "tokenizers")


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
    """
    head = {
        "command": "python -m studies.fine_tuning",
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
