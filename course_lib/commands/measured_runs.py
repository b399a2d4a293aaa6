"""Records that a long measurement writes as it goes: read, held against what is asked now, and written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.files import write_in_one_step


def read(path: Path, *parts: str) -> dict[str, Any]:
    """Read a record.

    Args:
        path: the JSON.
        parts: what it must hold besides ``runs``.

    Returns:
        Its content; ``runs`` is a list.

    Raises:
        FileNotFoundError: if nothing was measured yet.
        ValueError: if it is no JSON, or lacks ``runs`` or a part.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must be JSON: {error}") from error
    wanted = ("runs", *parts)
    if not isinstance(found, dict) or not set(wanted) <= found.keys() or not isinstance(found["runs"], list):
        raise ValueError(f"{path} must hold {' and '.join(wanted)}, as this command writes them")
    return found


def check_alike(path: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with a record that was measured otherwise.

    Args:
        path: where it was read from.
        saved: its content.
        wanted: what is asked now, by the same names.

    Raises:
        ValueError: if a value differs; names the first.

    Taught in: "Fine-tuning a pretrained encoder".
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

    Taught in: "Fine-tuning a pretrained encoder".
    """
    write_in_one_step(path, (json.dumps(found, indent=1) + "\n").encode())
