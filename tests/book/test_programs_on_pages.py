"""Programs printed on the prose pages: each is complete, runs alone, and warns of nothing to come."""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

BOOK = Path(__file__).resolve().parents[2] / "book"
PAGES = ("faq", "pytorch_then_and_now")
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
HEADING = re.compile(r"^#{2,3} (.+)$", re.M)


def programs(page: str) -> list[tuple[str, str]]:
    """(the heading it stands under and its place there, source) of every program on a page."""
    text = (BOOK / f"{page}.md").read_text("utf8")
    found = []
    for match in PROGRAM.finditer(text):
        headings = HEADING.findall(text[: match.start()])
        found.append((f"{headings[-1]} ({len(found) + 1})", match[1]))
    return found


ALL = [pytest.param(source, id=f"{page}: {name}") for page in PAGES for name, source in programs(page)]


@contextlib.contextmanager
def always_warning() -> Iterator[None]:
    """Let torch warn as often as there is a reason."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        yield
    finally:
        torch.set_warn_always(before)


def run(source: str) -> None:
    """Run a program in a namespace of its own; a FutureWarning that it does not catch is an error.

    Some of torch's warnings come once a process, and another test may have met them: here they come always.
    """
    with warnings.catch_warnings(), torch.random.fork_rng(), always_warning():
        warnings.simplefilter("error", FutureWarning)
        for name in [each for each in sys.modules if each.split(".")[0] == "functorch"]:
            del sys.modules[name]  # it warns when it is imported, and another test may have done that
        exec(compile(source, "page", "exec"), {"__name__": "page"})


@pytest.mark.parametrize("source", ALL)
def test_program_runs(source: str):
    run(source)


@pytest.mark.parametrize("page", PAGES)
def test_most_answers_come_with_a_program(page: str):
    text = (BOOK / f"{page}.md").read_text("utf8")
    answers = re.split(r"^### ", text, flags=re.M)[1:] or re.split(r"^## ", text, flags=re.M)[1:]
    proven = [answer for answer in answers if PROGRAM.search(answer)]
    assert len(proven) >= 0.75 * len(answers)


def test_a_wrong_program_fails():
    with pytest.raises(AssertionError):
        run("import torch\nassert torch.ones(2).sum() == 3")
    with pytest.raises(FutureWarning, match="deprecated"):
        run("import torch\ntorch.jit.script(torch.nn.ReLU())")


def test_every_row_of_the_table_is_checked():
    text = (BOOK / "pytorch_then_and_now.md").read_text("utf8")
    table = text.split("## What old code stumbles over")[1].split("Each row is checked")[0]
    outcomes = [row.split("|")[2].split()[0] for row in table.splitlines() if row.startswith("| `")]
    checked = re.findall(r'== "(\w+)"$', text, re.M)
    load_of_a_whole_model = ["UnpicklingError"]  # has a program of its own
    assert sorted(outcomes) == sorted(checked + load_of_a_whole_model)
