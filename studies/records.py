"""A study's record: written in one step, and gone on with only where it was measured in the same way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.files import write_in_one_step


def check_alike(path: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with a record that was measured otherwise.

    Args:
        path: where it was read from.
        saved: its content.
        wanted: what is asked now, by the same names.

    Raises:
        ValueError: if a value differs; names the first.
    """
    for name, value in wanted.items():
        if saved.get(name) != value:
            raise ValueError(
                f"output {path} was measured with {name} = {saved.get(name)}, got {value}: "
                "name another --output"
            )


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Write a record in one step.

    Args:
        path: the JSON, replaced.
        found: what it is to hold.
    """
    write_in_one_step(path, (json.dumps(found, indent=1) + "\n").encode())
