"""The directive that puts a live explorable into a prose page.

```{explorable} course_explorables.tangent:Tangent
```
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

TARGET = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)")


def html_of(target: str) -> str:
    """Live html of a default instance of the explorable that `target` names.

    Args:
        target: "package.module:ClassName"; the class has a `to_html()` method.

    Returns:
        Self-contained html.

    Raises:
        ValueError: if `target` is not of that form.
        ExtensionError: if the module or the class does not exist, or the class has no `to_html`.
    """
    match = TARGET.fullmatch(target)
    if match is None:
        raise ValueError(f"explorable target {target!r}: expected 'package.module:ClassName'")
    try:
        explorable = getattr(importlib.import_module(match["module"]), match["name"])
        return explorable().to_html()
    except (ImportError, AttributeError) as error:
        raise ExtensionError(f"explorable {target!r} cannot be drawn: {error}") from error


class ExplorableDirective(SphinxDirective):
    """Insert `to_html()` of a default instance of the class named by the argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        html = html_of(self.arguments[0])
        source = inspect.getsourcefile(importlib.import_module(self.arguments[0].split(":")[0]))
        for file in Path(source or __file__).parent.glob("*.*"):
            self.env.note_dependency(str(file))
        return [nodes.raw("", html, format="html")]


def register(app: Sphinx) -> None:
    """Make the directive known."""
    app.add_directive("explorable", ExplorableDirective)
