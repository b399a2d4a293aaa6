"""How a tensor is printed: torch's own columns, digits and suffixes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from . import dtypes
from .registry import add_method
from .tensor import Tensor, flat

OPTIONS = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
PROFILES = {"default": (4, 1000, 3, 80), "short": (2, 1000, 2, 80), "full": (4, math.inf, 3, 80)}


def set_printoptions(precision: Any = None, threshold: Any = None, edgeitems: Any = None, linewidth: Any = None,
                     profile: Any = None, sci_mode: Any = None) -> None:  # fmt: skip
    """How many digits, numbers and characters are printed."""
    if profile is not None:
        names = ("precision", "threshold", "edgeitems", "linewidth")
        OPTIONS.update(zip(names, PROFILES[profile], strict=True))
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    OPTIONS.update({name: value for name, value in given.items() if value is not None})
    OPTIONS["sci_mode"] = sci_mode


@contextlib.contextmanager
def printoptions(**settings: Any) -> Iterator[None]:
    """Other settings inside."""
    before = dict(OPTIONS)
    set_printoptions(**settings)
    try:
        yield
    finally:
        OPTIONS.update(before)


class Formatter:
    """The width and the form that all numbers of one tensor share."""

    def __init__(self, numbers: list[Any], floating: bool) -> None:
        self.floating, self.whole, self.scientific, self.width = floating, True, False, 1
        if not floating:
            self.width = max([1, *(len(str(x)) for x in numbers)])
            return
        finite = [x for x in numbers if x and math.isfinite(x)]
        if not finite:
            return
        least, most = min(map(abs, finite)), max(map(abs, finite))
        self.whole = all(x == math.ceil(x) for x in finite)
        asked = OPTIONS["sci_mode"]
        self.scientific = (
            (most / least > 1000.0 or most > 1.0e8 or least < 1.0e-4) if asked is None else asked
        )
        extra = 1 if self.whole and not self.scientific else 0
        self.width = max([1, *(len(self._plain(x)) + extra for x in finite)])

    def _plain(self, x: Any) -> str:
        if not self.floating:
            return str(x)
        if self.scientific:
            return f"{x:.{OPTIONS['precision']}e}"
        return f"{x:.0f}" if self.whole else f"{x:.{OPTIONS['precision']}f}"

    def format(self, x: Any) -> str:
        """A number in the width of all."""
        text = self._plain(x)
        if self.floating and self.whole and not self.scientific and math.isfinite(x):
            text += "."
        return text.rjust(self.width)


def _grid(data: Any, indent: int, summarise: bool, form: Formatter, ndim: int) -> str:
    if ndim == 0:
        return form.format(data)
    edge = OPTIONS["edgeitems"]
    cut = summarise and len(data) > 2 * edge
    if ndim == 1:
        per_line = max(1, (OPTIONS["linewidth"] - indent) // (form.width + 2))
        shown = [form.format(x) for x in (data[:edge] if cut else data)]
        if cut:
            shown += [" ...", *(form.format(x) for x in data[-edge:])]
        lines = [", ".join(shown[i : i + per_line]) for i in range(0, len(shown), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    parts = [_grid(x, indent + 1, summarise, form, ndim - 1) for x in (data[:edge] if cut else data)]
    if cut:
        parts += ["...", *(_grid(x, indent + 1, summarise, form, ndim - 1) for x in data[-edge:])]
    return "[" + ("," + "\n" * (ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _shown(data: Any, ndim: int) -> list[Any]:
    """The numbers that a summary shows."""
    if ndim == 0:
        return [data]
    edge = OPTIONS["edgeitems"]
    kept = [*data[:edge], *data[-edge:]] if len(data) > 2 * edge else data
    return [x for part in kept for x in _shown(part, ndim - 1)]


def contents(t: Tensor, indent: int) -> str:
    """A tensor's numbers in brackets."""
    if not t.numel():
        return "[]"
    data, summarise = t.tolist(), t.numel() > OPTIONS["threshold"]
    numbers = _shown(data, t.ndim) if summarise else flat(t)
    return _grid(data, indent, summarise, Formatter(numbers, t.dtype.kind == "f"), t.ndim)


def written(t: Tensor, *, tensor_contents: str | None = None) -> str:
    """A tensor as torch prints it."""
    prefix = "tensor(" if type(t).__name__ in ("Tensor", "Parameter") else f"{type(t).__name__}("
    text, suffixes = contents(t, len(prefix)), []
    if not t.numel() and t.ndim != 1:
        suffixes.append(f"size={tuple(t.shape)}")
    usual = (dtypes.DEFAULT[0], dtypes.int64, dtypes.bool_)
    if t.dtype not in usual if t.numel() else t.dtype is not dtypes.DEFAULT[0]:
        suffixes.append(f"dtype={t.dtype}")
    if t.grad_fn is not None:
        suffixes.append(f"grad_fn=<{t.grad_fn.name()}>")
    elif t.requires_grad:
        suffixes.append("requires_grad=True")
    text = prefix + text
    width = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if width + len(suffix) + 2 > OPTIONS["linewidth"]:
            text += ",\n" + " " * len(prefix) + suffix
            width = len(prefix) + len(suffix)
        else:
            text += ", " + suffix
            width += len(suffix) + 2
    return text + ")"


add_method("__repr__", written)
add_method("__str__", written)
