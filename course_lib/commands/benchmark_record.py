"""What the benchmarks measured, read from their files and laid out: never typed by hand."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
SCHEMA = 1
"""The version of the records' layout; a record that names none is of the first."""
Record = Mapping[str, Any]


def load_record(name: str, folder: Path = RESULTS) -> Record | None:
    """Read what a benchmark wrote.

    Args:
        name: of the benchmark, such as ``"compile"`` or ``"gpu"``.
        folder: where the files are; by default beside the installed package, in a copy of the book.

    Returns:
        The file's content, or ``None`` where nothing has been measured.

    Raises:
        ValueError: if the file is no record with ``command``, ``date`` and ``machine``, or names a ``schema``
            other than ``SCHEMA``.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} must be JSON: {error}") from error
    missing = {"command", "date", "machine"} - set(record if isinstance(record, dict) else ())
    if missing:
        raise ValueError(f"{path.name} must be a benchmark's record, it lacks {', '.join(sorted(missing))}")
    schema = record.get("schema", SCHEMA)
    if type(schema) is not int or schema != SCHEMA:
        raise ValueError(f"{path.name} must be of schema version {SCHEMA}, got {schema!r}: measure anew")
    return record


def provenance(record: Record) -> str:
    """Say in one line how, when and where a record was made.

    Args:
        record: as ``load_record`` gives it.

    Returns:
        Command, date, accelerator or processor, threads on the CPU, torch's version.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    machine = record["machine"]
    accelerator = record.get("accelerator")
    if accelerator is None:
        where = f"{machine['processor']}, {machine['threads']} of {machine['cores']} cores"
    else:
        where = f"{accelerator['name']}, driver {accelerator['driver']}"
    return f"{record['command']} · {record['date']} · {where} · torch {machine['torch']}"


def comparison_table(rows: Iterable[Record]) -> str:
    """Lay comparisons out as text, a line each below what was measured, times in milliseconds.

    Args:
        rows: as ``benchmarks.pairs.Comparison.row`` gives them.

    Returns:
        A heading, a line per kind of work and one per comparison; the ratio is the median over the pairs of
        the baseline's time over the candidate's.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    rows = list(rows)
    candidate, baseline = (
        max(map(len, [kind, *(row[kind] for row in rows)])) for kind in ("candidate", "baseline")
    )
    lines = [f"  {'candidate':<{candidate}}{'ms':>9}  {'baseline':<{baseline}}{'ms':>9}{'ratio':>8}"]
    for name, measured in itertools.groupby(rows, key=lambda row: row["name"]):
        lines.append(name)
        lines += [
            f"  {row['candidate']:<{candidate}}{1000 * row['candidate_median']:>9.1f}"
            f"  {row['baseline']:<{baseline}}{1000 * row['baseline_median']:>9.1f}{row['ratio']:>8.2f}"
            for row in measured
        ]
    return "\n".join(lines)
