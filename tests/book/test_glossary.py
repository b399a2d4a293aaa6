"""The glossary: every term is used, in order, and linked from its first use in a chapter alone."""

from __future__ import annotations

import re
from pathlib import Path

import built_site
import pytest
from zero_book.glossary import PAGE, key, pattern, pieces

TERMS = re.compile(r"```\{glossary\}\n(.*?)```", re.DOTALL)
CHAPTERS = [page for page in built_site.pages() if page.startswith("notebooks/")]


def entries() -> list[list[str]]:
    """The terms of each entry of the glossary: its name, then other names."""
    page = (Path(__file__).resolve().parents[2] / f"{PAGE}.md").read_text("utf8")
    blocks = TERMS.search(page)[1].strip().split("\n\n")
    return [[line for line in block.splitlines() if not line.startswith("  ")] for block in blocks]


def links(page: str) -> list[str]:
    """The terms that a chapter links to."""
    found = built_site.article(page).select("a.term")
    return [link["href"].split("#term-")[1] for link in found]


def test_entries_stand_in_the_order_of_the_alphabet():
    names = [key(entry[0]) for entry in entries()]
    assert names == sorted(names)
    assert len({key(name) for entry in entries() for name in entry}) == sum(map(len, entries()))


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_links_each_term_once(page: str):
    found = links(page)
    assert len(found) >= 5
    assert len(found) == len(set(found))


def test_every_entry_is_reached_from_a_chapter():
    reached = {term for page in CHAPTERS for term in links(page)}
    lost = [entry[0] for entry in entries() if not {name.replace(" ", "-") for name in entry} & reached]
    assert not lost


def test_the_first_use_is_found_in_either_number_and_the_longer_term_wins():
    terms, seen = pattern(["batch", "learning rate", "low-rank", "rate"]), set()
    text = "Batches, and a learning rate: batch by batch; a low rank, unbatched."
    found = [*pieces(text, terms, seen)]
    assert "".join(piece for piece, _ in found) == text
    assert [(piece, term) for piece, term in found if term] == [
        ("Batches", "batch"),
        ("learning rate", "learning rate"),
        ("low rank", "low rank"),
    ]
    assert [term for _, term in pieces("Another batch.", terms, seen)] == [None]
