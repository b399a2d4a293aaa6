"""Boxes with one meaning each: prediction, goes wrong, in the library, going further.

    :::{prediction}
    Where does it land with 0.2?
    :::

They read as text where MyST is not installed. A title may follow the name; `:::{tip} Prediction`,
`:::{warning} Goes wrong` and `:::{note} In the library` say the same with the names JupyterLab knows.
"""

from __future__ import annotations

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# directive: (title where none is given, classes of the admonition)
BOXES = {
    "prediction": ("Prediction", ["tip"]),
    "tip": ("Prediction", ["tip"]),
    "goes-wrong": ("Goes wrong", ["warning"]),
    "warning": ("Goes wrong", ["warning"]),
    "in-the-library": ("In the library", ["note"]),
    "note": ("In the library", ["note"]),
    "going-further": ("Going further", ["going-further", "dropdown"]),
}


class Box(SphinxDirective):
    """An admonition with its directive's classes, and the title it is given or its directive's own."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {"class": directives.class_option, "name": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        default, classes = BOXES[self.name]
        title = self.arguments[0] if self.arguments else default
        words, messages = self.parse_inline(title)
        box = nodes.admonition(
            "", nodes.title(title, "", *words), classes=[*classes, *self.options.get("class", [])]
        )
        self.set_source_info(box)
        self.add_name(box)
        box += self.parse_content_to_nodes()
        return [box, *messages]


def register(app: Sphinx) -> None:
    """Make the boxes known; docutils' own tip, warning and note take no title and give way."""
    for name in BOXES:
        app.add_directive(name, Box, override=True)
