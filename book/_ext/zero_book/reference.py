"""The library's reference: every public module of a package, without a list kept by hand.

In a page, the line `<!-- room: course_lib.foundations -->` becomes one section for each module of that
package; a module by itself works too.
"""

from __future__ import annotations

import importlib
import pkgutil
import re

from sphinx.application import Sphinx

ROOM = re.compile(r"^<!-- room: (?P<name>[\w.]+)(?: without (?P<without>[\w, ]+))? -->$", re.MULTILINE)

SECTION = """## {title}

```{{eval-rst}}
.. automodule:: {module}
   :members:
   :show-inheritance:
```
"""


def modules_of(name: str, without: frozenset[str] = frozenset()) -> list[str]:
    """Dotted names of the public modules in a package, sorted; a plain module stands for itself."""
    package = importlib.import_module(name)
    if not hasattr(package, "__path__"):
        return [name]
    found = (entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.ispkg)
    return [
        f"{name}.{entry}" for entry in sorted(found) if entry not in without and not entry.startswith("_")
    ]


def expand(match: re.Match[str]) -> str:
    """The sections that replace one room line."""
    without = frozenset((match["without"] or "").replace(",", " ").split())
    return "\n".join(
        SECTION.format(title=module.removeprefix("course_lib."), module=module)
        for module in modules_of(match["name"], without)
    )


def fill_rooms(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the room lines of a reference page before it is parsed."""
    if docname.startswith("book/reference/"):
        source[0] = ROOM.sub(expand, source[0])


def register(app: Sphinx) -> None:
    """Fill in reference pages as they are read."""
    app.connect("source-read", fill_rooms)
