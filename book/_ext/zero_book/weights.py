"""What the pages load at a click: weights as a script, ONNX files, and the runtimes in WebAssembly."""

from __future__ import annotations

import lzma
from pathlib import Path

from sphinx.application import Sphinx

from course_explorables.gpt_page import write_weights
from zero_book.page_models import write_onnx

MODELS = ("moby",)
VENDOR = Path("_static", "vendor")


def unpack_runtimes(site: Path) -> list[Path]:
    """Unpack what is vendored packed, WebAssembly, and drop the packed files from the site."""
    unpacked = []
    for packed in sorted((site / VENDOR).rglob("*.xz")):
        unpacked.append(packed.with_suffix(""))
        unpacked[-1].write_bytes(lzma.decompress(packed.read_bytes()))
        packed.unlink()
    return unpacked


def write_models(app: Sphinx, exception: Exception | None) -> None:
    """Write every model that a page may load into the built site."""
    if exception is None and app.builder.format == "html":
        site = Path(app.outdir)
        for name in MODELS:
            write_weights(name, site)
        write_onnx(site)
        unpack_runtimes(site)


def register(app: Sphinx) -> None:
    """Write the models when the build ends."""
    app.connect("build-finished", write_models)
