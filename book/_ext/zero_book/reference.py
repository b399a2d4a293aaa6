"""The library's reference: every public module of a package, without a list kept by hand.

In a page, the line `<!-- room: course_lib.foundations -->` becomes one section for each module of that
package; a module by itself works too. Docstrings are read as plain text with `code` in backticks: a formula
such as |x| or a * b means itself.
"""

from __future__ import annotations

import importlib
import pkgutil
import re

from sphinx.application import Sphinx

PAGES = "book/reference/"
ROOM = re.compile(r"^<!-- room: (?P<name>[\w.]+) -->$", re.MULTILINE)
CODE = re.compile(r"(`+[^`]+`+)")
COLON = "\ue000"  # stands in for a colon while napoleon looks for "type: text" in a constant's docstring

SECTION = """## {title}

```{{eval-rst}}
.. automodule:: {module}
   :members:
   :show-inheritance:
```
"""


def modules_of(name: str) -> list[str]:
    """Dotted names of the public modules in a package, sorted; a plain module stands for itself."""
    package = importlib.import_module(name)
    if not hasattr(package, "__path__"):
        return [name]
    found = (entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.ispkg)
    return [f"{name}.{entry}" for entry in sorted(found) if not entry.startswith("_")]


def expand(match: re.Match[str]) -> str:
    """The sections that replace one room line."""
    return "\n".join(
        SECTION.format(title=module.removeprefix("course_lib."), module=module)
        for module in modules_of(match["name"])
    )


def fill_rooms(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the room lines of a reference page before it is parsed."""
    if docname.startswith(PAGES):
        source[0] = ROOM.sub(expand, source[0])


def literal(line: str) -> str:
    """A docstring's line as reStructuredText in which only backticks mark anything up."""
    pieces = CODE.split(line)
    for place, piece in enumerate(pieces):
        if place % 2:
            pieces[place] = f"``{piece.strip('`')}``"
        else:
            pieces[place] = re.sub(r"(?<!\\)([|*]|(?<=\w)_(?!\w))", r"\\\1", piece)
    return "".join(pieces)


def protect(_app: Sphinx, what: str, _name: str, _thing: object, _options: object, lines: list[str]) -> None:
    """Escape what docstrings do not mean as markup, before napoleon reads their sections."""
    lines[:] = [literal(line) for line in lines]
    if what in {"attribute", "data", "property"}:
        lines[:] = [line.replace(":", COLON) for line in lines]


def restore(_app: Sphinx, _what: str, _name: str, _thing: object, _options: object, lines: list[str]) -> None:
    """Put back the colons that `protect` hid."""
    lines[:] = [line.replace(COLON, ":") for line in lines]


def register(app: Sphinx) -> None:
    """Fill in reference pages as they are read."""
    app.connect("source-read", fill_rooms)
    app.connect("autodoc-process-docstring", protect, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)
