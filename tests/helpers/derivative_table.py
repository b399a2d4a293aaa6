"""The table of derivatives at the end of the tests' output: how far each way lies from autograd.

A test attaches a row with `record_property(PROPERTY, row(...))`; rows travel with the reports, so the table
is complete also where several workers ran the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # the rows are made in the tests; printing them needs no torch
    from derivative_catalogue import Derivative

    from course_lib.foundations.gradcheck import FourWays

PROPERTY = "four ways"
OTHERS = ("formula", "by hand", "finite difference")


def row(derivative: Derivative, report: FourWays) -> dict[str, object]:
    """One row, in types that pass between processes."""
    return {
        "chapter": derivative.chapter,
        "name": derivative.name,
        "reads": derivative.reads,
        "distances": [report.distance(way, "autograd") for way in OTHERS],
        "verdict": "agree" if report.agree else f"ALONE: {report.odd_one_out}",
    }


def lines(rows: list[dict[str, object]]) -> list[str]:
    """The table: a heading, then a line a derivative, by chapter."""
    table = [f"{'chapter':>7}  {'derivative':<26} {'reads':<33} {'formula':>8} {'by hand':>8} {'diff.':>8}"]
    for entry in sorted(rows, key=lambda entry: entry["chapter"]):
        distances = " ".join(f"{distance:8.0e}" for distance in entry["distances"])
        table.append(
            f"{entry['chapter']:>7}  {entry['name']:<26} {entry['reads']:<33} {distances}  {entry['verdict']}"
        )
    return table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of those derivatives that this run compared."""
    rows = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    ]
    if rows:
        terminalreporter.section("derivatives, four ways: distance from autograd")
        for line in lines(rows):
            terminalreporter.write_line(line)
