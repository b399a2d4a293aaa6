"""The base of every explorable: one ES module, alive in JupyterLab and in a page without a kernel.

Neither anywidget nor a module written into a page can import a neighbouring file, so the base's modules and
the explorable's own are joined here into one. In a notebook anywidget runs it beside a kernel;
`Explorable.to_html` writes the same module, with the present state, into html that needs nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

# Read where the script does not run: in JupyterLab, which takes scripts out of a notebook that was not run
# on this machine, and on a web page without JavaScript.
STILL = "In a notebook, run this cell to make the figure move; on a web page, allow JavaScript."
_FOLDER = Path(__file__).parent.parent
_IMPORT = re.compile(r'^import\s*\{[^}]*\}\s*from\s*"(?:\./|\.\./base/)[\w.]+\.mjs";\n', re.MULTILINE)


def joined_module(names: tuple[str, ...]) -> str:
    """Join ES modules into one: imports of each other dropped, the default export kept.

    Args:
        names: file names, of the base or of an explorable's own folder, each after those it imports from.

    Returns:
        The text of one ES module that imports nothing.

    Raises:
        ValueError: if there is no such file, or it imports anything but its neighbours and the base, or
            holds text that would end a script element.
    """
    parts = []
    for name in names:
        text = _IMPORT.sub("", _find(name).read_text(encoding="utf-8"))
        if re.search(r"^import\b", text, re.MULTILINE):
            raise ValueError(
                f"names holds {name!r}, which imports from elsewhere; expected ./*.mjs or ../base/*.mjs"
            )
        if re.search(r"</script|<!--", text, re.IGNORECASE):
            raise ValueError(f"names holds {name!r}, whose text would end a script element")
        parts.append(re.sub(r"^export (?=(async )?(function|const|class)\b)", "", text, flags=re.MULTILINE))
    return "\n".join(parts)


def _find(name: str) -> Path:
    """A file of the base or of an explorable, by its name alone: no two have the same."""
    found = next(_FOLDER.glob(f"*/{name}"), None)
    if found is None:
        raise ValueError(f"names must be files of the base or of an explorable, got {name!r}")
    return found


class Explorable(anywidget.AnyWidget):
    """A figure the reader drags: an ipywidget that is also a self-contained piece of html.

    A subclass names its `modules` (its own .mjs last) and its `settings`, the traits the reader changes and
    *Reset* puts back, and fills `code_template`. Settings are tagged `echo_update=False`: a kernel that sent
    them back would pull a point being dragged to where it was a moment ago.

    Attributes:
        title: the line above the stage, an imperative.
        initial: the settings as they were when the object was made.
        code_template: PyTorch code in which `«name»` stands for a present value.
    """

    modules: ClassVar[tuple[str, ...]] = ()
    settings: ClassVar[tuple[str, ...]] = ()

    title = traitlets.Unicode().tag(sync=True, own=True)
    initial = traitlets.Dict().tag(sync=True, own=True)
    code_template = traitlets.Unicode().tag(sync=True, own=True)

    # ipywidgets 7 displays itself, without html; None makes IPython ask _repr_mimebundle_, as under 8.
    _ipython_display_ = None

    def __init_subclass__(cls, **options: Any) -> None:
        if "modules" in cls.__dict__:  # traitlets subclasses once more for each object
            cls._esm = joined_module(("base.mjs", "frame.mjs", *cls.modules))
            cls._css = _find("explorable.css").read_text(encoding="utf-8")
            own = _find(cls.modules[-1]).with_suffix(".css")
            if own.exists():
                cls._css += own.read_text(encoding="utf-8")
        super().__init_subclass__(**options)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.initial = {name: getattr(self, name) for name in self.settings}

    def code(self) -> str:
        """Return the PyTorch code for the present settings, as *Show the PyTorch code* prints it."""
        values = {**self.state(), **self.code_values()}
        return re.sub(r"«(\w+)»", lambda match: str(values[match[1]]), self.code_template)

    def code_values(self) -> dict[str, object]:
        """Return what fills the template's holes beside the traits; none unless a subclass says so."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return the traits a page needs, by name: numbers, strings, lists, dictionaries, bytes."""
        return {name: getattr(self, name) for name in self.traits(own=True)}

    def to_html(self) -> str:
        """Return self-contained, live html: no kernel, no network, no other file.

        The text depends on the state alone, so it is the same on every machine, and one page may hold many.
        """
        state = json.dumps(
            self.state(),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
            default=_encoded,
        ).replace("<", "\\u003c")
        digest = hashlib.sha256(f"{self._esm}{self._css}{state}".encode()).hexdigest()[:10]
        key = f"{type(self).__name__.lower()}-{digest}"
        module = re.sub(r"^export default \{ render \};\n", "", str(self._esm), flags=re.MULTILINE)
        return (
            f'<div class="explorable" data-explorable="{key}">'
            f'<p class="xp-title">{html.escape(self.title)}</p>'
            f"<noscript><p>{STILL}</p></noscript></div>\n"
            f"<style>{self._css}</style>\n"
            f'<script type="module">{module}\nmount(render, "{key}", {state});\n</script>\n'
        )

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_plain(getattr(self, name))}" for name in self.settings)
        return f"{type(self).__name__}({shown})"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self), "text/html": self.to_html()}, metadata


def rounded(value: float, digits: int = 6) -> float | None:
    """Round to significant digits, so that machines that differ in the last place write the same page.

    Args:
        value: any float.
        digits: significant digits kept, at least 1.

    Returns:
        The rounded number; None where `value` is not finite, since JSON has no word for it.
    """
    return float(f"{value:.{digits}g}") + 0.0 if math.isfinite(value) else None


def _encoded(value: object) -> dict[str, str]:
    if isinstance(value, bytes | memoryview):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"state holds a {type(value).__name__}; expected JSON values or bytes")


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_plain(each) for each in value)}]"
    return repr(value)
