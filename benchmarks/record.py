"""A benchmark's record as a file: the command, the day, the machine and the code that were measured."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from course_lib.files import write_in_one_step
from course_lib.records import SCHEMA, code_hashes, machine


def write(path: Path, command: str, code: tuple[str, ...], found: dict[str, Any]) -> None:
    """Write what was found, and say where.

    Args:
        path: of the JSON file; its folder is made if need be.
        command: that measures it again.
        code: files and folders it measures.
        found: the rest of the record.
    """
    content = {
        "schema": SCHEMA,
        "command": command,
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "code": code_hashes(code),
        **found,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_in_one_step(path, (json.dumps(content, indent=1) + "\n").encode("utf-8"))
    print(f"written to {path}")
