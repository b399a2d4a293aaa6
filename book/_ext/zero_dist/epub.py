"""The EPUB 3: a page of the book is a file of XHTML, its formulas MathML, its explorables pictures."""

from __future__ import annotations

import itertools
import mimetypes
import re
import uuid
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from playwright.sync_api import Page as Tab
from pygments.formatters import HtmlFormatter

from zero_dist.archive import write_zip
from zero_dist.browser import settle
from zero_dist.whole import Book, Page

HERE = Path(__file__).parent
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
DOCTYPE = re.compile(rb"<!DOCTYPE svg[^>]*>\s*")  # names a file elsewhere, which an EPUB may not
CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"""
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en">
<head><title>{title}</title><link rel="stylesheet" href="book.css"/></head>
<body>{body}</body></html>
"""
# What someone who cannot see the page, or cannot see it well, may count on.
ACCESS = """<meta property="schema:accessMode">textual</meta><meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">readingOrder</meta>
<meta property="schema:accessibilityFeature">structuralNavigation</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
<meta property="schema:accessibilitySummary">Formulas are MathML with their TeX as text; every figure has a \
description; figures that move in the rendered book are pictures at rest.</meta>"""


def write_epub(tab: Tab, book: Book, pages: Sequence[Page], site: Path, target: Path) -> None:
    """Write the EPUB from the whole book, which stands in `tab` and is not whole afterwards."""
    # One page at a time, since Chromium lays out all that is shown before it takes a picture.
    tab.add_style_tag(content="article:not(.shown), article .xp-alive { display: none !important }")
    tab.emulate_media(media="print")
    settle(tab)
    files = {"cover.png": tab.locator(".title-page").screenshot()}
    for article in tab.locator("article:has(.explorable)").all():
        article.evaluate("article => article.classList.add('shown')")
        for figure in article.locator(".explorable").all():
            files[f"images/explorable-{len(files):02}.png"] = figure.screenshot()
        article.evaluate("article => article.classList.remove('shown')")
    found = tab.evaluate((HERE / "epub.js").read_text("utf-8"), [name for name in files if "/" in name])
    titles = {page.key: page.title for page in pages}
    for each in found:
        body = NO_XML.sub("", each["text"])
        files[f"{each['key']}.xhtml"] = PAGE.format(title=escape(titles[each["key"]]), body=body).encode()
        for picture in each["pictures"]:
            name = f"images/{Path(picture).name}"
            files[name] = files.get(name) or DOCTYPE.sub(b"", (site / picture).read_bytes(), count=1)
    cover = f'<img src="cover.png" alt="{escape(book.title)}, by {escape(book.author)}"/>'
    files["cover.xhtml"] = PAGE.format(title=escape(book.title), body=cover).encode()
    files["nav.xhtml"] = PAGE.format(title="Contents", body=_nav(pages)).encode()
    code = HtmlFormatter(style="a11y-high-contrast-light").get_style_defs(".highlight")
    files["book.css"] = ((HERE / "epub.css").read_text("utf-8") + code).encode()
    math = {f"{each['key']}.xhtml" for each in found if each["math"]}
    files["package.opf"] = _package(book, pages, sorted(files), math).encode()
    start = [("mimetype", b"application/epub+zip"), ("META-INF/container.xml", CONTAINER.encode())]
    write_zip(target, [*start, *((f"book/{name}", files[name]) for name in sorted(files))], book.date)


def _nav(pages: Sequence[Page]) -> str:
    def items() -> Iterator[str]:
        for part, inside in itertools.groupby(pages, lambda page: page.part):
            links = "".join(
                f'<li><a href="{page.key}.xhtml">{escape(page.title)}</a></li>' for page in inside
            )
            yield f"<li><span>{escape(part)}</span><ol>{links}</ol></li>" if part else links

    return f'<nav epub:type="toc"><h1>Contents</h1><ol>{"".join(items())}</ol></nav>'


def _package(book: Book, pages: Sequence[Page], files: Sequence[str], math: set[str]) -> str:
    """The package document: what the book is, which files it has, and their order."""
    special = {"cover.png": "cover-image", "nav.xhtml": "nav"} | dict.fromkeys(math, "mathml")
    kinds = {".xhtml": "application/xhtml+xml"}
    ids = {name: re.sub(r"[^\w.-]", "-", f"file-{name}") for name in files}
    manifest = "\n".join(
        f'<item id="{ids[name]}" href="{name}"'
        f' media-type="{kinds.get(Path(name).suffix) or mimetypes.guess_type(name)[0]}"'
        + (f' properties="{special[name]}"' if name in special else "")
        + "/>"
        for name in files
    )
    order = ["cover.xhtml", "nav.xhtml", *(f"{page.key}.xhtml" for page in pages)]
    spine = "\n".join(f'<itemref idref="{ids[name]}"/>' for name in order)
    identifier = uuid.uuid5(uuid.NAMESPACE_OID, f"{book.title} {book.version} {book.date}")
    licence = re.sub("<[^>]+>", "", book.licence)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="identifier" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="identifier">urn:uuid:{identifier}</dc:identifier>
<dc:title>{escape(book.title)}</dc:title>
<dc:creator>{escape(book.author)}</dc:creator>
<dc:language>en</dc:language>
<dc:date>{book.date}</dc:date>
<dc:rights>{licence}</dc:rights>
<meta property="dcterms:modified">{book.date}T00:00:00Z</meta>
{ACCESS}
</metadata>
<manifest>
{manifest}
</manifest>
<spine>
{spine}
</spine>
</package>
"""
