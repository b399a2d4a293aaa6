"""The directive that lays out what was measured: no number on the page Performance is typed by hand.

    :::{measured} gpt
    :::

The argument names a benchmark's record, or "bands". A record of another layout, or of code that has changed
since, says so above its table.
"""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_lib.bands import BANDS_FILE
from course_lib.records import RESULTS, Record, changed_since, code_files, load_record, provenance


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown; all columns but the first are numbers, flush right."""
    head = list(head)
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def milliseconds(seconds: float) -> str:
    """At three significant digits."""
    return f"{1000 * seconds:,.{max(0, 2 - math.floor(math.log10(1000 * seconds)))}f}"


def megabytes(count: float) -> str:
    """At two decimals."""
    return f"{count / 1e6:.2f}"


def pairs(rows: Iterable[Record]) -> str:
    """Comparisons: both ways' medians, the ratio and its range over the pairs."""
    cells = []
    for row in rows:
        both = zip(row["baseline_seconds"], row["candidate_seconds"], strict=True)
        ratios = [baseline / candidate for baseline, candidate in both]
        cells.append(
            [
                f"{row['name']}: `{row['candidate']}` against `{row['baseline']}`",
                milliseconds(row["candidate_median"]),
                milliseconds(row["baseline_median"]),
                f"**{row['ratio']:.2f}**",
                f"{min(ratios):.2f} … {max(ratios):.2f}",
            ]
        )
    return table(["", "ms", "against, ms", "times as fast", "over the pairs"], cells)


def exponents(record: Record) -> str:
    """Attention's comparisons, and p in time ∝ seqᵖ between the two longest sequences."""
    *_, before, last = record["comparisons"]
    apart = math.log(last["facts"]["seq"] / before["facts"]["seq"])
    powers = {
        last[side]: math.log(last[f"{side}_median"] / before[f"{side}_median"]) / apart
        for side in ("baseline", "candidate")
    }
    said = " and ".join(f"{power:.2f} for `{name}`" for name, power in powers.items())
    return (
        f"{pairs(record['comparisons'])}\n\nBetween {before['facts']['seq']:,} and {last['facts']['seq']:,} "
        f"positions the time grows as the length to the power of {said}."
    )


def marking(record: Record) -> str:
    """A class marked, and marked again."""
    return table(
        ["class", "exercises", "workers", "seconds", "again, s"],
        [
            [
                f"{record['students']} submissions",
                len(record["exercises"]),
                record["workers"],
                record["seconds"],
                record["seconds_again"],
            ]
        ],
    )


def pages(record: Record) -> str:
    """Weights, frames, the GPT and Python in the page."""
    weights = table(
        ["page, before any click", "requests", "MB", "MB in gzip"],
        [
            [
                PurePosixPath(row["page"]).stem,
                row["requests"],
                megabytes(row["bytes"]),
                megabytes(row["gzip_bytes"]),
            ]
            for row in record["weights"]
        ],
    )
    frames = table(
        ["explorable, while dragged", "median, ms", "worst, ms"],
        [[row["explorable"], row["median_ms"], row["worst_ms"]] for row in record["frames"]],
    )
    python = table(
        ["Python in the page", "ready, s", "again, s", "MB in gzip", "check, median ms", "worst, ms"],
        [
            [
                PurePosixPath(row["page"]).stem,
                f"{row['first_ms'] / 1000:.1f}",
                f"{row['again_ms'] / 1000:.1f}",
                megabytes(row["gzip_bytes"]),
                f"{statistics.median(row['check_ms']):.0f}",
                f"{max(row['check_ms']):.0f}",
            ]
            for row in record["python"]
        ],
    )
    visits = record["gpt"]
    gpt = table(
        ["GPT in the page", "ready, s", "tokens per second"],
        [
            [
                f"median of {len(visits)} visits",
                f"{statistics.median(visit['ready_ms'] for visit in visits) / 1000:.2f}",
                f"{statistics.median(visit['tokens_per_second'] for visit in visits):.0f}",
            ]
        ],
    )
    return "\n\n".join([weights, frames, gpt, python])


def course(record: Record) -> str:
    """Seconds of the notebooks and of the book's build."""
    seconds, book = record["notebooks"]["seconds"], record["book"]
    rows = [[name, f"{each:.0f}"] for name, each in seconds.items()]
    rows.append(["**all, two at a time**", f"**{record['notebooks']['total_seconds']:.0f}**"])
    build = [
        ["`make book` from nothing", f"{book['cold_seconds']:.0f}"],
        ["again, one page changed", f"{book['touched_seconds']:.0f}"],
        ["again, nothing changed", f"{book['again_seconds']:.0f}"],
    ]
    return f"{table(['notebook', 'seconds'], rows)}\n\n{table(['', 'seconds'], build)}"


def gpu(record: Record) -> str:
    """A GPU's comparisons by pairs."""
    return pairs(
        row
        for name in ("products", "precisions", "modes", "peers", "attention")
        for row in record.get(name, ())
    )


def bands(record: dict[str, Any]) -> str:
    """Every band: where a number must lie that a chapter trains."""
    rows = [
        [
            f"`{name}`",
            f"{band['low']:.4f} … {band['high']:.4f}",
            f"{statistics.median(band['values']):.4f}",
            len(band["seeds"]),
        ]
        for name, band in record["bands"].items()
    ]
    return table(["number", "band", "median", "seeds"], rows)


LAYOUTS: dict[str, Callable[[Record], str]] = {
    "attention": exponents,
    "marking": marking,
    "pages": pages,
    "course": course,
    "gpu": gpu,
}


def laid_out(name: str) -> tuple[str, str]:
    """A record's Markdown, its source below it, and what makes it stale, empty if nothing does.

    Args:
        name: of a benchmark's record, or "bands".

    Returns:
        Both.
    """
    if name == "bands":
        record = json.loads(BANDS_FILE.read_text("utf-8"))
        return f"{bands(record)}\n\n`{record['command']}`", ""
    try:
        record = load_record(name)
    except ValueError as error:
        return "", f"{error}."
    if record is None:
        return "", f"There is no record yet: python -m benchmarks {name} writes it."
    try:
        changed = changed_since(record)
        stale = f"Since this was measured, {', '.join(changed)} changed." if changed else ""
    except ValueError as error:
        stale = f"{error}."
    layout = LAYOUTS.get(name, lambda record: pairs(record["comparisons"]))
    return f"{layout(record)}\n\n`{provenance(record)}`", stale


class Measured(SphinxDirective):
    """A record's table, and above it, if need be, that it is stale."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        path = BANDS_FILE if name == "bands" else RESULTS / f"{name}.json"
        text, stale = laid_out(name)
        self.env.note_dependency(str(path))
        code = json.loads(path.read_text("utf-8")).get("code", ()) if path.is_file() else ()
        for file in itertools.chain.from_iterable(map(code_files, code)):
            self.env.note_dependency(str(file))
        found = self.parse_text_to_nodes(text)
        if stale:
            box = nodes.admonition(
                "", nodes.title("", "Stale"), nodes.paragraph("", stale), classes=["warning"]
            )
            found.insert(0, box)
        return found


def register(app: Sphinx) -> None:
    """Make the directive known."""
    app.add_directive("measured", Measured)
