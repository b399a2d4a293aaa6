"""Small repairs of what the theme puts on every page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def is_thebe(script: Any) -> bool:
    """Whether a script entry belongs to Thebe: not used here, and it would ask a CDN for itself."""
    body = getattr(script, "attributes", {}).get("body") or ""
    return "THEBE_JS_URL" in body or "thebe" in str(getattr(script, "filename", script) or "")


def drop_thebe(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    """Leave Thebe out: Jupyter Book declares its constant twice, a page error on every page."""
    context["script_files"] = [entry for entry in context["script_files"] if not is_thebe(entry)]
    context["css_files"] = [entry for entry in context["css_files"] if not is_thebe(entry)]


def label_folds(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    """Give the arrows that unfold the contents a name: the theme draws them as an icon without one."""
    draw = context["generate_toctree_html"]

    def labelled(*args: Any, **kwargs: Any) -> Any:
        tree = draw(*args, **kwargs)
        for summary in getattr(tree, "find_all", lambda _tag: [])("summary"):
            title = summary.find_parent("li").find("a").get_text(strip=True)
            summary["aria-label"] = f"Pages below {title}"
        return tree

    context["generate_toctree_html"] = labelled


def unlist_citations(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    """Take the list's role from bibliographies: docutils gives their entries a role that no list may hold."""
    if "body" in context:
        context["body"] = context["body"].replace('<div role="list" class="citation-list">', "<div>")


def drop_source_maps(app: Sphinx, error: Exception | None) -> None:
    """Delete the theme's source maps, 3 MB that only its own authors debug with."""
    if error is None and app.builder.format == "html":
        for path in (Path(app.outdir) / "_static").rglob("*.map"):
            path.unlink()


def register(app: Sphinx) -> None:
    """Repair every page, after all others have had their say."""
    app.connect("build-finished", drop_source_maps)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", label_folds, priority=900)
    app.connect("html-page-context", unlist_citations, priority=900)
