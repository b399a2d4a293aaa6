"""All decks in the folder `slides` of a site, with everything they load.

The site is the built book, or a folder for carrying about, in which links to the book lead nowhere.
"""

from __future__ import annotations

import html
import shutil
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from pygments.formatters import HtmlFormatter

from course_explorables.gpt_page import write_weights
from zero_slides.deck import TEMPLATE, TEMPLATES

ROOT = TEMPLATES.parents[1]
NOTEBOOKS = ROOT / "notebooks"
ASSETS = ROOT / "book" / "assets"
SITE = ROOT / "_build" / "html"
FOLDER = "slides"
STYLES = {"light": "a11y-high-contrast-light", "dark": "a11y-high-contrast-dark"}
VENDORED = ("reveal", "mathjax", "source-serif-4")
OWN = ("deck.css", "deck.js")
MODELS = ("moby",)


def exporter() -> SlidesExporter:
    """nbconvert's exporter of slides with the book's template."""
    return SlidesExporter(
        template_name=TEMPLATE, extra_template_basedirs=[str(TEMPLATES)], exclude_anchor_links=True
    )


def write_assets(site: Path) -> None:
    """Write what the decks load: scripts, styles, fonts, and at the root the weights of the live model."""
    out = site / FOLDER
    out.mkdir(parents=True, exist_ok=True)
    for name in VENDORED:
        shutil.copytree(ASSETS / "vendor" / name, out / "vendor" / name, dirs_exist_ok=True)
    for name in OWN:
        shutil.copy(TEMPLATES / TEMPLATE / name, out)
    shutil.copy(ASSETS / "book.css", out)
    rules = (
        HtmlFormatter(style=style).get_style_defs(f'html[data-theme="{theme}"] .highlight')
        for theme, style in STYLES.items()
    )
    (out / "code.css").write_text("\n".join(rules) + "\n", "utf8")
    for name in MODELS:
        write_weights(name, site)


def up_to_date(deck: Path, notebook: Path) -> bool:
    """Whether a deck is younger than its notebook, the templates and the code that lays it out."""
    if not deck.is_file():
        return False
    sources = [notebook, *TEMPLATES.rglob("*"), *Path(__file__).parent.glob("*.py")]
    return deck.stat().st_mtime > max(source.stat().st_mtime for source in sources if source.is_file())


def write_decks(site: Path = SITE, notebooks: list[Path] | None = None) -> list[Path]:
    """Write the folder of decks into a site; a deck that is up to date stays as it is.

    Args:
        site: its root, made if it does not exist.
        notebooks: the chapters; by default all of the book's.

    Returns:
        The decks' files, `NN_name.html`, in the order of the notebooks.
    """
    write_assets(site)
    out, convert, decks, items = site / FOLDER, exporter(), [], []
    for path in notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        decks.append(out / f"{path.stem}.html")
        if not up_to_date(decks[-1], path):
            body, _ = convert.from_notebook_node(notebook, {"metadata": {"name": path.stem}})
            decks[-1].write_text(body, "utf8")
        title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
        items.append(f'<li><a href="{path.stem}.html">{html.escape(title)}</a></li>')
    contents = (TEMPLATES / TEMPLATE / "contents.html").read_text("utf8")
    (out / "index.html").write_text(contents.replace("<!-- decks -->", "\n".join(items)), "utf8")
    return decks
