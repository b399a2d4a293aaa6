"""The notebook a reader downloads: a copy that travels, and the button that offers it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

from zero_book.travelling import copy_of, number_of

FOLDER = "downloads"


def link(docname: str) -> str | None:
    """Site-relative address of a chapter's download; None for a page that is no notebook."""
    return f"{FOLDER}/{Path(docname).name}.ipynb" if docname.startswith("notebooks/") else None


def repository(app: Sphinx) -> tuple[str, str]:
    """The repository's address and branch as the publisher named them; the address is empty until then."""
    options = app.config.html_theme_options
    return (options.get("repository_url") or "").rstrip("/"), options.get("repository_branch") or "main"


def write_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Write a learner's copy of every chapter into the built site."""
    if exception is not None or app.builder.format != "html":
        return
    for docname in sorted(app.env.found_docs):
        address = link(docname)
        if address is None:
            continue
        target = Path(app.outdir) / address
        target.parent.mkdir(parents=True, exist_ok=True)
        source = nbformat.read(app.env.doc2path(docname), as_version=4)
        nbformat.write(copy_of(source, number_of(docname), *repository(app)), target)


def add_button(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    """Put the download among the buttons at the top of a chapter's page."""
    address = link(pagename)
    if address is not None and pagename in app.env.found_docs:
        context["header_buttons"].append(
            {
                "type": "link",
                "url": context["pathto"](address, 1),
                "icon": "fas fa-download",
                "tooltip": "Download this chapter as a notebook",
                "label": "download-notebook-button",
            }
        )


def register(app: Sphinx) -> None:
    """Offer the download, and write it when the build ends."""
    app.connect("html-page-context", add_button, priority=600)
    app.connect("build-finished", write_notebooks)
