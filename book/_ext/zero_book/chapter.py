"""The line above a chapter's title, the strip below it, and numbers that begin with the chapter's."""

from __future__ import annotations

import copy
import html
import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from zero_book import learner
from zero_book.travelling import FOR_COLAB, number_of

STRIP_OPENS_WITH = ("Time", "Before you start")
COUNTED = "zero_book_counted"
"""Where the environment keeps the numbers as Sphinx counted them."""


def part_of(app: Sphinx, docname: str) -> str:
    """Caption of the part of the table of contents that holds a page; empty where none does."""
    root = app.env.get_doctree(app.config.root_doc)
    for tree in root.findall(lambda node: node.tagname == "toctree"):
        if docname in tree["includefiles"]:
            return tree.get("caption") or ""
    return ""


def launch_links(app: Sphinx, docname: str) -> list[tuple[str, str]]:
    """(text, address) of each place that can run a chapter: none until a repository is named."""
    address, branch = learner.repository(app)
    if not address:
        return []
    owner_and_name = "/".join(address.split("/")[-2:])
    path = app.env.doc2path(docname, base=False)
    return [
        (
            "Open in Colab",
            f"https://colab.research.google.com/github/{owner_and_name}/blob/{branch}/"
            f"{FOR_COLAB}/{Path(path).name}",
        ),
        (
            "Open in Binder",
            f"https://mybinder.org/v2/gh/{owner_and_name}/{branch}?urlpath=lab/tree/{path}",
        ),
    ]


def actions(app: Sphinx, docname: str) -> nodes.raw:
    """The strip's links: where to run the chapter, and the notebook to take away."""
    up = "../" * docname.count("/")
    links = [
        f'<a href="{html.escape(address)}">{html.escape(text)}</a>'
        for text, address in launch_links(app, docname)
    ]
    links.append(f'<a href="{up}{learner.link(docname)}" download>Download the notebook</a>')
    links.append(f'<a href="{up}book/how_to_use.html#run-it-yourself">Run in JupyterLab</a>')
    return nodes.raw("", f'<p class="chapter-actions">{" ".join(links)}</p>', format="html")


def verified(app: Sphinx, docname: str) -> nodes.paragraph:
    """What the chapter's stored outputs were made with, and when, from the notebook's own metadata."""
    notebook = json.loads(Path(app.env.doc2path(docname)).read_text("utf-8"))
    made = notebook["metadata"].get("verified")
    if not made:
        raise ExtensionError(f"{docname} does not say which torch it was run with: `make notebooks` runs it")
    line = f"Verified with torch {made['torch']} and Python {made['python']} on {made['date']}."
    return nodes.paragraph("", line, classes=["chapter-verified"])


def says_what_it_takes(paragraph: nodes.paragraph) -> bool:
    """Whether a paragraph opens with one of STRIP_OPENS_WITH in bold or italics."""
    first = next((child for child in paragraph.children if child.astext().strip()), None)
    return isinstance(first, nodes.strong | nodes.emphasis) and first.astext().startswith(STRIP_OPENS_WITH)


def add_strip(app: Sphinx, doctree: nodes.document) -> None:
    """Put the strip below a chapter's promise; a paragraph that says what the chapter takes moves into it."""
    if number_of(app.env.docname) is None:
        return
    section = next(doctree.findall(nodes.section))
    paragraphs = [node for node in section.children if isinstance(node, nodes.paragraph)]
    strip = nodes.container(classes=["chapter-strip"])
    section.insert(section.index(paragraphs[0]) + 1 if paragraphs else 1, strip)
    for paragraph in filter(says_what_it_takes, paragraphs[1:]):
        section.remove(paragraph)
        strip += paragraph
    strip += actions(app, app.env.docname)
    strip += verified(app, app.env.docname)


def add_eyebrow(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Say above the title which part of the book this chapter belongs to."""
    if number_of(pagename) is not None and doctree is not None:
        part = html.escape(part_of(app, pagename))
        context["body"] = f'<p class="chapter-part">{part}</p>\n' + context["body"]


def as_counted(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Put back the last build's numbers as Sphinx counted them, or it would write every chapter anew."""
    env.toc_fignumbers = getattr(env, COUNTED, env.toc_fignumbers)
    return []


def number_by_chapter(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Number exercises, equations and figures (6.1), (6.2), … in chapter 6, whatever chapters precede it."""
    setattr(env, COUNTED, copy.deepcopy(env.toc_fignumbers))
    for docname, by_kind in env.toc_fignumbers.items():
        number = number_of(docname)
        if number is None:
            continue
        for identifiers in by_kind.values():
            for place, identifier in enumerate(identifiers, start=1):
                identifiers[identifier] = (number, place)
    return []


def register(app: Sphinx) -> None:
    """Dress chapters."""
    app.connect("doctree-read", add_strip)
    app.connect("env-get-updated", as_counted, priority=100)  # before Sphinx counts
    app.connect("env-get-updated", number_by_chapter, priority=900)  # after it has counted
    app.connect("html-page-context", add_eyebrow)
