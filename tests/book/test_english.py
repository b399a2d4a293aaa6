"""Habits of a translator that no sentence of the book may keep: rates with "a", "what is no …", old words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUSES = ("course_lib", "course_exercises", "course_explorables", "course_classroom", "studies", "benchmarks")
COUNTED = (
    "nats?|bits?|bytes?|windows|numbers?|operations?|tokens?|characters|multiplications|evaluations|floats?|parameters|"
    "KiB|MiB|GiB|MB|GB|milliseconds|seconds|brightness|FLOPs?|updates?"
)
OF_EACH = (
    "token|letter|character|byte|pair|line|row|word|sentence|flat|picture|image|pixel|example|sequence|head|layer|"
    "block|parameter|weight|number|operation|query|step|update|epoch|batch|process|device|class|second|minute|"
    "hour|visit|input|student"
)
SLIPS = {
    "per, not a": rf"\b({COUNTED}) an? ({OF_EACH})\b",
    "per or each, not one a": rf"\b(one|two|three|a row|a scale) an? ({OF_EACH})\b",
    "what is not": r"\bwhat is no \w+|\bthat is none\b|\bis no (leaf|rarity|function|tensor|number)\b",
    "back and forth": r"\bto and fro\b",
    "appears, not stands": r"\bstands? in the (table|text|list|formula) twice\b",
    "should, not had better": r"\bhad better\b",
}


def test_the_slips_are_found_and_plain_english_is_not():
    found = "nats a token, one byte a pixel, a number that is none, to and fro; operations a second"
    assert len([*slips(found)]) == 5
    assert not [
        *slips("nats per token, one byte for each pixel, not a number, back and forth; a second a token")
    ]


def slips(text: str) -> Iterator[str]:
    """What a text has of `SLIPS`, each with what stands around it."""
    text = re.sub(r"\s+", " ", text)
    for name, pattern in SLIPS.items():
        for match in re.finditer(pattern, text):
            yield f"{name}: …{text[max(0, match.start() - 40) : match.end() + 20]}…"


def texts(path: Path) -> Iterator[str]:
    """What a file says to a person: a notebook's cells, a module's strings, any other text whole."""
    if path.suffix == ".ipynb":
        yield from (cell.source for cell in nbformat.read(path, 4).cells)
    elif path.suffix == ".py":
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    else:
        yield path.read_text("utf8")


FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in (
        "*.md",
        "notebooks/*.ipynb",
        "book/**/*.md",
        *(f"{house}/**/*.{ending}" for house in HOUSES for ending in ("py", "mjs")),
    )
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("name", FILES)
def test_no_sentence_keeps_a_translators_habits(name: str):
    found = [slip for text in texts(ROOT / name) for slip in slips(text)]
    assert not found
