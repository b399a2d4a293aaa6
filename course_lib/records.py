"""Benchmark results, read from their files and laid out as tables: never typed by hand."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from course_lib.runtime import get_device

MEASUREMENTS = Path(__file__).parent / "measurements"
"""Where all records lie, beside the modules that read them."""
RESULTS = MEASUREMENTS / "benchmarks"
ROOT = Path(__file__).parents[1]
_CODE = (".py", ".mjs", ".js", ".css", ".ipynb")
SCHEMA = 1
"""The version of the records' layout; a record that names none is of the first."""
Record = Mapping[str, Any]


def load_record(name: str, folder: Path = RESULTS) -> Record | None:
    """Read what a benchmark such as ``"compile"`` or ``"gpu"`` wrote; ``None`` where nothing was measured.

    ``ValueError`` if the file is no record with ``command``, ``date`` and ``machine``, or names a ``schema``
    other than ``SCHEMA``.
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
    """Say in one line how, when and where a record was made, and with which torch."""
    machine = record["machine"]
    accelerator = record.get("accelerator")
    if accelerator is None:
        where = f"{machine['processor']}, {machine['threads']} of {machine['cores']} cores"
    else:
        where = f"{accelerator['name']}, driver {accelerator['driver']}"
    return f"{record['command']} · {record['date']} · {where} · torch {machine['torch']}"


def comparison_table(rows: Iterable[Record]) -> str:
    """Lay comparisons out as text, a line each below what was measured, times in milliseconds.

    Rows are as ``benchmarks.pairs.Comparison.row`` gives them; the ratio is the median over the pairs of the
    baseline's time over the candidate's.
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


def shipping_table(record: Mapping[str, Any]) -> str:
    """Lay the ways of ``load_record("shipping")`` out as text: bytes, accuracy, and speed beside eager's.

    Speeds are medians over pairs of eager's time over the way's: above 1, the way is faster. "first, s" is
    the time from the net to the way's first answer, once: exporting, compiling or training it. The last line
    names the versions. ``ValueError`` if the record is of another benchmark.
    """
    speeds: dict[str, dict[int, float]] = {}
    facts: dict[str, Mapping[str, Any]] = {}
    for row in record["comparisons"]:
        if "batch" not in row.get("facts", {}):
            raise ValueError(f"record must be of the benchmark shipping, got {record['command']!r}")
        speeds.setdefault(row["candidate"], {})[row["facts"]["batch"]] = row["ratio"]
        facts[row["candidate"]] = row["facts"]
    batches = sorted({batch for found in speeds.values() for batch in found})
    heading = "".join(f"{f'× at {batch}':>8}" for batch in batches)
    lines = [f"{'':<19}{'bytes':>9}{'accuracy':>9}{heading}{'first, s':>9}"]
    first = next(iter(facts.values()))
    ones = "".join(f"{1:>8.2f}" for _ in batches)
    lines.append(f"{'eager':<19}{first['baseline_bytes']:>9,}{first['baseline_accuracy']:>9.4f}{ones}")
    for name, found in facts.items():
        ratios = "".join(f"{speeds[name][batch]:>8.2f}" for batch in batches)
        ratios += f"{found['first_answer_seconds']:>9.1f}"
        lines.append(f"{name:<19}{found['bytes']:>9,}{found['accuracy']:>9.4f}{ratios}")
    lines.append("by " + ", ".join(dict.fromkeys(found["by"] for found in facts.values())))
    return "\n".join(lines)


def code_hashes(paths: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Hash what a record measures, so that a reader can be told when it has changed since.

    Args:
        paths: files and folders below ``root``; of a folder its Python, JavaScript, style sheets and
            notebooks count; of a notebook, its code cells alone.
        root: the repository's folder.

    Returns:
        Sixteen hex digits of SHA-256 per path; ``"missing"`` where there is no such path.
    """
    found = {}
    for name in paths:
        files = code_files(name, root)
        contents = b"".join(map(_code_in, files))
        found[name] = hashlib.sha256(contents).hexdigest()[:16] if files else "missing"
    return found


def code_files(name: str, root: Path = ROOT) -> list[Path]:
    """The files that count as code at a path below ``root``, sorted; none if it is missing."""
    path = root / name
    if path.is_dir():
        return sorted(file for kind in _CODE for file in path.rglob(f"*{kind}"))
    return [path] if path.exists() else []


def changed_since(record: Record, root: Path = ROOT) -> list[str]:
    """The paths of a record's ``code`` whose content is another one by now, in the record's order.

    ``ValueError`` if the record does not say what code it measured.
    """
    if not record.get("code"):
        raise ValueError(f"{record['command']} must record the code it measured: measure anew")
    now = code_hashes(record["code"], root)
    return [name for name, digest in record["code"].items() if now[name] != digest]


def _code_in(path: Path) -> bytes:
    if path.suffix != ".ipynb":
        return path.read_bytes().replace(b"\r\n", b"\n")
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code").encode()


def read(path: Path, *parts: str) -> dict[str, Any]:
    """Read a record, the JSON of a study: a list ``runs``, and ``parts`` besides.

    ``FileNotFoundError`` if nothing was measured yet; ``ValueError`` if it is no JSON, or lacks a part.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must be JSON: {error}") from error
    wanted = ("runs", *parts)
    if not isinstance(found, dict) or not set(wanted) <= found.keys() or not isinstance(found["runs"], list):
        raise ValueError(f"{path} must hold {' and '.join(wanted)}, as this command writes them")
    return found


def machine() -> dict[str, str | int]:
    """Describe where a number was measured; ``threads`` are torch's."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": str(get_device()),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
    }
