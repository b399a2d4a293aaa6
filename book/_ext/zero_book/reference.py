"""The library's reference: every public module of a package, without a list kept by hand.

In a page, the line `<!-- room: course_lib.foundations -->` becomes one section for each module of that
package; a module by itself works too. Docstrings are read as plain text with `code`, *emphasis* and
TeX between dollars, as in a notebook: anything else, |x| or a * b, means itself.
"""

from __future__ import annotations

import functools
import importlib
import json
import pkgutil
import re
from pathlib import Path

from sphinx.application import Sphinx

PAGES = "book/reference/"
ROOM = re.compile(r"^<!-- room: (?P<name>[\w.]+) -->$", re.MULTILINE)
DISPLAY = re.compile(r"^(?P<indent> *)\$\$(?P<formula>.+?)\$\$(?P<end>[.,]?)$", re.MULTILINE | re.DOTALL)
# What stays as it is: a math directive with its formula, code, a formula within a line.
SPECIAL = re.compile(r"(^ *\.\. math::\n\n(?:^ +\S.*\n)+|`+[^`]+`+|\$[^$\n]+\$)", re.MULTILINE)
EMPHASIS = re.compile(r"((?<![\w*])\*[^\s*][^*\n]*(?<!\s)\*(?![\w*]))")
MARKUP = re.compile(r"([|*]|(?<=\w)_(?!\w))")
COLON = "\ue000"  # stands in for a colon while napoleon looks for "type: text" in a constant's docstring

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"
IMPORT = re.compile(
    r"^\s*(?:from|import) +(course_\w+(?:\.\w+)*)(?: +import +(\([^)]*\)|.*))?$", re.MULTILINE
)

SECTION = """## {title}

{used}

```{{eval-rst}}
.. automodule:: {module}
   :members:
   :show-inheritance:
```
"""


def modules_of(name: str) -> list[str]:
    """Dotted names of the public modules in a package, sorted; a plain module stands for itself.

    A package with a docstring stands for itself too, unless it only hands on its modules' names in `__all__`;
    where it lies within another, its modules follow.
    """
    package = importlib.import_module(name)
    if not hasattr(package, "__path__"):
        return [name]
    found = [name] if package.__doc__ and not hasattr(package, "__all__") else []
    for entry in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        inner = f"{name}.{entry.name}"
        if entry.name.startswith("_"):
            continue
        if not entry.ispkg:
            found.append(inner)
        elif importlib.import_module(inner).__doc__:
            found += modules_of(inner)
    return found


@functools.cache
def users() -> dict[str, list[str]]:
    """The chapters' notebooks that import a module, by its dotted name, in order."""
    found: dict[str, list[str]] = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        for module, names in IMPORT.findall(text):
            inner = [f"{module}.{name}" for name in re.findall(r"\w+", names)]
            for each in (module, *inner):
                if path.name not in found.setdefault(each, []):
                    found[each].append(path.name)
    return found


def used_in(module: str) -> str:
    """A line that links the chapters which import a module; empty where none does."""
    files = users().get(module, [])
    links = [
        f"[{file.split('_')[0].lstrip('0')}](../../notebooks/{file})" for file in files if file[0].isdigit()
    ]
    if not links:
        return ""
    return f"Imported in chapter{'s' if len(links) > 1 else ''} {', '.join(links)}."


def expand(match: re.Match[str]) -> str:
    """The sections that replace one room line."""
    return "\n".join(
        SECTION.format(title=module.partition(".")[2] or module, used=used_in(module), module=module)
        for module in modules_of(match["name"])
    )


def fill_rooms(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the room lines of a reference page before it is parsed."""
    if docname.startswith(PAGES):
        source[0] = ROOM.sub(expand, source[0])


def display(match: re.Match[str]) -> str:
    """A displayed formula as a math directive at its own indentation."""
    indent = match["indent"]
    lines = [line.strip() for line in match["formula"].strip().splitlines()]
    return "\n".join(["", f"{indent}.. math::", "", *(f"{indent}   {line}" for line in lines), "", ""])


def escaped(text: str) -> str:
    """Text whose bars, underscores and unpaired asterisks mean themselves."""
    pieces = EMPHASIS.split(text)
    pieces[::2] = [MARKUP.sub(r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)


def as_restructured_text(docstring: str) -> str:
    """A docstring with `code`, *emphasis*, $formulas$ and $$displays$$ as its only markup, for Sphinx."""
    pieces = SPECIAL.split(DISPLAY.sub(display, docstring))
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            pieces[place] = escaped(piece)
        elif piece.startswith("`"):
            pieces[place] = f"``{piece.strip('`')}``"
        elif piece.startswith("$"):
            pieces[place] = f":math:`{piece.strip('$')}`"
    return "".join(pieces)


def protect(_app: Sphinx, what: str, _name: str, _thing: object, _options: object, lines: list[str]) -> None:
    """Translate a docstring's few marks and escape the rest, before napoleon reads its sections."""
    lines[:] = as_restructured_text("\n".join(lines)).split("\n")
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
