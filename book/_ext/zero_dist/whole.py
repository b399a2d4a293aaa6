"""Every page of the table of contents in one document, in order, with title page, contents and parts.

A page's ids get its key before them, and links between pages become links within the document.
"""

from __future__ import annotations

import datetime
import html
import itertools
import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).resolve().parents[3]
NAME = "whole-book.html"


@dataclass(frozen=True)
class Book:
    """What is said of the book as a whole: on its title page, and to libraries."""

    title: str
    author: str
    licence: str  # html
    version: str
    date: datetime.date

    @classmethod
    def read(cls, root: Path = ROOT) -> Book:
        """The book as _config.yml and CITATION.cff describe it."""
        config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
        cited = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
        date = datetime.date.fromisoformat(str(cited["date-released"]))
        return cls(config["title"], config["author"], config["html"]["extra_footer"], cited["version"], date)


@dataclass(frozen=True)
class Page:
    """One page: its name below the site, without .html, its part's caption, its title, its html."""

    name: str
    part: str
    title: str
    head: Tag
    article: Tag

    @property
    def key(self) -> str:
        """Its id in the document, and its file in an EPUB."""
        return self.name.replace("/", "-")


def listed(root: Path = ROOT) -> list[tuple[str, str]]:
    """Every page's name and its part's caption, as _toc.yml lists them."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    return [
        (toc["root"], ""),
        *(
            (entry["file"], part["caption"])
            for part in toc["parts"]
            for chapter in part["chapters"]
            for entry in [chapter, *chapter.get("sections", [])]
        ),
    ]


def read_pages(site: Path, names: Sequence[str] | None = None) -> list[Page]:
    """The pages with these names, or all, from the built site, ready to stand in one document."""
    parts = dict(listed())
    if unknown := set(names or ()) - parts.keys():
        raise ValueError(f"names holds {sorted(unknown)}; expected pages that _toc.yml lists")
    pages = []
    for name, part in parts.items():
        if names is not None and name not in names:
            continue
        soup = BeautifulSoup((site / f"{name}.html").read_text("utf-8"), "html.parser")
        article = soup.find("article")
        pages.append(Page(name, part, article.find("h1").get_text().removesuffix("#"), soup.head, article))
    for page in pages:
        _move_in(page, {other.name: other.key for other in pages})
    return pages


def _move_in(page: Page, keys: dict[str, str]) -> None:
    """Make ids, addresses and heading levels of a page those of the document."""
    folder = posixpath.dirname(page.name)
    for node in page.article.find_all(id=True):
        node["id"] = f"{page.key}--{node['id']}"
    page.article["id"] = page.key
    for image in page.article.find_all("img"):
        image["src"] = posixpath.normpath(posixpath.join(folder, image["src"]))
    for heading in page.article.find_all(["h1", "h2", "h3", "h4"]):
        heading["aria-level"] = int(heading.name[1]) + bool(page.part)
    for link in page.article.find_all("a", href=True):
        parts = urlsplit(link["href"])
        if parts.scheme or parts.netloc:
            continue
        path = posixpath.normpath(posixpath.join(folder, unquote(parts.path))) if parts.path else page.name
        key = keys.get(path.removesuffix(".html"))
        if key is None:
            link.unwrap()
        else:
            link["href"] = f"#{key}--{unquote(parts.fragment)}" if parts.fragment else f"#{key}"


def whole(book: Book, pages: Sequence[Page]) -> str:
    """The document, with the site's styles, MathJax and book.js; it is to be served from the site's root."""
    named = [f"@page {page.key} {{ @top-left {{ content: {_string(page.title)} }} }}" for page in pages]
    named += [f"#{page.key} {{ page: {page.key} }}" for page in pages]
    style = Path(__file__).with_name("whole.css").read_text("utf-8") + "\n".join(named)
    parts = [(part, list(inside)) for part, inside in itertools.groupby(pages, lambda page: page.part)]
    return f"""<!doctype html>
<html lang="en" data-content_root="./" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title>{html.escape(book.title)}</title>
<meta name="author" content="{html.escape(book.author)}">
{_loaded(pages)}
<style>{style}</style></head>
<body><main class="bd-main"><div class="bd-content"><div class="bd-article-container">
<section class="title-page"><img src="_static/logo-light.svg" alt="">
<p class="title">{html.escape(book.title)}</p>
<p class="author">{html.escape(book.author)}</p>
<p class="licence">Version {book.version}, {book.date}. {book.licence}</p></section>
<nav class="book-contents"><h1>Contents</h1>{"".join(_contents(*part) for part in parts)}</nav>
{"".join(_part(*part) for part in parts)}
</div></div></main></body></html>"""


def _loaded(pages: Sequence[Page]) -> str:
    """What the pages load that the document needs, from the site's root: styles, MathJax and book.js."""
    loaded = {}
    for page in pages:
        for script in page.head.find_all("script", src=False):
            if "window.MathJax" in script.get_text():
                loaded[str(script)] = None
        for node in page.head.select(
            'link[rel="stylesheet"], script[src*="mathjax"], script[src*="book.js"]'
        ):
            attribute = "href" if node.name == "link" else "src"
            node[attribute] = posixpath.normpath(
                posixpath.join(posixpath.dirname(page.name), node[attribute])
            )
            loaded[str(node)] = None
    return "\n".join(sorted(loaded, key=lambda text: "book.css" in text))  # which overrules the others


def _contents(part: str, pages: Sequence[Page]) -> str:
    items = "".join(f'<li><a href="#{page.key}">{html.escape(page.title)}</a></li>' for page in pages)
    return f'<p class="part-title">{html.escape(part)}</p><ul>{items}</ul>'


def _part(part: str, pages: Sequence[Page]) -> str:
    opening = f'<section class="part"><h1>{html.escape(part)}</h1></section>' if part else ""
    return opening + "".join(str(page.article) for page in pages)


def _string(text: str) -> str:
    """Text as a string of CSS."""
    return json.dumps(text, ensure_ascii=False).replace("<", "\\3c ")
