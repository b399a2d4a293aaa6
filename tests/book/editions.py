"""What the tests of the book's editions share: building them, and looking at their pages."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import chromium
import given_away
from bs4 import BeautifulSoup

ROOT = given_away.ROOT
BY_CHAPTER = {
    path.stem: [stub for stub in given_away.ALL if path.stem.startswith(f"{stub.number:02}_")]
    for path in given_away.NOTEBOOKS
}
LABEL = re.compile(r'<span class="edition">([^<]*)</span>')


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the repository as a person would, outside of any make that runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def article(site: Path, chapter: str) -> BeautifulSoup:
    """A chapter's text in a site."""
    page = (site / "notebooks" / f"{chapter}.html").read_text("utf8")
    return BeautifulSoup(page, "html.parser").find("article")


def labels(site: Path) -> set[str]:
    """The editions that the pages of a site name in their headers; "" for a page that names none."""
    pages = (page.read_text("utf8") for page in site.rglob("*.html") if "_static" not in page.parts)
    return {" ".join(LABEL.findall(page)) for page in pages if "<body" in page}  # a redirection has none


def looks_right(
    open_page, site: Path, chapter: str, mode: str, *, handed_out: int = 0, marking: int = 0
) -> None:
    """Open a chapter on a phone, unfold what an edition adds: it is seen, fits and is accessible."""
    watched: chromium.Watched = open_page(color_scheme=mode, viewport={"width": 360, "height": 740})
    page = watched.page
    with chromium.serve(site) as address:
        page.goto(f"{address}/notebooks/{chapter}.html")
        chromium.settle(page)
        watched.assert_clean()
        assert page.locator(".edition").is_visible()
        for button in page.locator(".admonition.marking .toggle-button").all():
            button.click()
        assert page.locator(".handout").count() == handed_out
        assert page.locator(".admonition.marking dd >> visible=true").count() == marking
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        found = chromium.serious(page)
    assert not found, found
