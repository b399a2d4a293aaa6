"""The notebook a reader downloads: outputs removed, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

FOLDER = "downloads"


def without_outputs(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of a notebook with every output and execution count removed."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    return copy


def link(docname: str) -> str | None:
    """Site-relative address of a chapter's download; None for a page that is no notebook."""
    return f"{FOLDER}/{Path(docname).name}.ipynb" if docname.startswith("notebooks/") else None


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
        nbformat.write(without_outputs(source), target)


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
