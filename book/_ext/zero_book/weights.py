"""The weights of the GPT that runs in the page: one script below the site's root, written at the end."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from course_lib.widgets.gpt_page import write_weights

MODELS = ("moby",)


def write_models(app: Sphinx, exception: Exception | None) -> None:
    """Write every model that a page may load into the built site."""
    if exception is None and app.builder.format == "html":
        for name in MODELS:
            write_weights(name, Path(app.outdir))


def register(app: Sphinx) -> None:
    """Write the weights when the build ends."""
    app.connect("build-finished", write_models)
