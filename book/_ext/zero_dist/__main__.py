"""Write the book to carry away, from the built site: `make dist`."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pypdf
from playwright.sync_api import Browser, Page

from course_lib.files import print_in_any_encoding
from zero_dist import browser
from zero_dist.archive import zip_folder
from zero_dist.epub import write_epub
from zero_dist.whole import NAME, ROOT, Book, read_pages, whole

FILE = "pytorch-from-zero"
DATE = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}")


def write_all(site: Path, out: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Write zip, EPUB and PDF into a folder.

    Args:
        site: the built book.
        out: made if it does not exist.
        names: of the pages that EPUB and PDF hold, as _toc.yml has them; all, if left out.

    Raises:
        FileNotFoundError: if there is no site, or no Chromium.
        ValueError: if _toc.yml lists no page of some name.
    """
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"{site} holds no book: run `make book` first")
    if browser.find_chromium() is None:
        raise FileNotFoundError("no Chromium found: install one, or name its file in the variable CHROMIUM")
    book, pages = Book.read(), read_pages(site, names)
    out.mkdir(parents=True, exist_ok=True)
    archive, epub, pdf = (out / f"{FILE}{ending}" for ending in ("-site.zip", ".epub", ".pdf"))
    zip_folder(archive, site, book.date)
    text = whole(book, pages)
    with browser.serve(site) as address, browser.launch() as chromium:
        # Each in a tab of its own: one that has printed may draw no more.
        write_pdf(_open(chromium, address, text), book, pdf)
        write_epub(_open(chromium, address, text), book, pages, site, epub)
    return [archive, epub, pdf]


def _open(chromium: Browser, address: str, text: str) -> Page:
    """The whole book in a tab, at rest."""
    tab = chromium.new_page(device_scale_factor=2, viewport={"width": 640, "height": 900})
    tab.set_default_timeout(600_000)
    tab.route(f"**/{NAME}", lambda route: route.fulfill(body=text, content_type="text/html"))
    tab.goto(f"{address}/{NAME}")
    browser.settle(tab)
    return tab


def write_pdf(tab: Page, book: Book, target: Path) -> None:
    """Print the whole book twice: the first time shows on which page what the contents name begins."""
    if lost := browser.without_glyph(tab):
        print(f"no font here has {lost[:20]!r}: install one, or the PDF shows boxes", file=sys.stderr)
    for _ in range(2):
        tab.pdf(path=target, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
        printed = pypdf.PdfReader(target)
        numbers = {
            name.removeprefix("/"): printed.get_destination_page_number(place) + 1
            for name, place in printed.named_destinations.items()
        }
        tab.evaluate(
            """numbers => document.querySelectorAll(".book-contents a").forEach((link) => {
              link.dataset.page = numbers[link.hash.slice(1)];
            })""",
            numbers,
        )
    tab.close()
    date = f"{book.date:%Y%m%d}000000".encode()
    target.write_bytes(DATE.sub(rb"/\1 (D:" + date, target.read_bytes()))


def main() -> int:
    """Write what the command line asks for, and say how big it is."""
    parser = argparse.ArgumentParser(prog="python -m zero_dist", description=__doc__)
    parser.add_argument("pages", nargs="*", help="of EPUB and PDF, as _toc.yml names them; default: all")
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="default: the built book")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "dist", help="default: _build/dist")
    arguments = parser.parse_args()
    started = time.perf_counter()
    try:
        written = write_all(arguments.site, arguments.out, arguments.pages or None)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in written:
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    print(f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
