"""The built pages, parsed: what the tests of the site ask about."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
# Written by Sphinx for itself: indices and the search page, without text of ours.
MACHINE_PAGES = {"genindex.html", "py-modindex.html", "search.html", "index.html"}
NO_PAGES = ("_static/", "slides/")  # the decks have tests of their own


def build(copy: Path, *options: str, **environment: str) -> Path:
    """Build a copy of the book, with more options and environment variables; gives the site's folder."""
    built = subprocess.run(
        [str(Path(sys.executable).parent / "jupyter-book"), "build", ".", *options],
        cwd=copy,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr[-4000:]
    return copy / "_build" / "html"


def pages() -> list[str]:
    """Addresses of every page with text, relative to the site, sorted; empty where nothing is built."""
    found = (path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    return sorted(page for page in found if page not in MACHINE_PAGES and not page.startswith(NO_PAGES))


@functools.cache
def soup(page: str) -> BeautifulSoup:
    """A page, parsed."""
    return BeautifulSoup((SITE / page).read_text("utf8"), "html.parser")


@functools.cache
def identifiers(page: str) -> frozenset[str]:
    """Every id on a page."""
    return frozenset(element["id"] for element in soup(page).find_all(id=True))


def article(page: str) -> BeautifulSoup:
    """The part of a page that its author wrote."""
    found = soup(page).find("article")
    assert found is not None, page
    return found


def broken_links(page: str) -> list[str]:
    """Links of a page within the site that lead to no file or to no id."""
    broken = []
    for link in soup(page).find_all("a", href=True):
        parts = urlsplit(link["href"])
        if parts.scheme or parts.netloc:
            continue
        target = (SITE / page).parent / unquote(parts.path) if parts.path else SITE / page
        if not target.is_file():
            broken.append(link["href"])
        elif parts.fragment and target.suffix == ".html":
            name = target.resolve().relative_to(SITE).as_posix()
            if name not in MACHINE_PAGES and unquote(parts.fragment) not in identifiers(name):
                broken.append(link["href"])
    return broken


def outside_resources(page: str) -> list[str]:
    """Addresses on other machines that a page would load: a link the reader may follow is not one."""
    loaded = []
    for tag, attribute in (
        ("script", "src"),
        ("link", "href"),
        ("img", "src"),
        ("iframe", "src"),
        ("source", "src"),
        ("video", "src"),
        ("object", "data"),
    ):
        for element in soup(page).find_all(tag):
            address = element.get(attribute, "")
            if urlsplit(address).netloc and "canonical" not in element.get("rel", []):
                loaded.append(address)
    return loaded
