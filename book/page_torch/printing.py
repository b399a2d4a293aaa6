"""How a tensor is printed, in torch's own columns, digits and suffixes; and `torch.testing.assert_close`."""

from __future__ import annotations

import math
from typing import Any

from . import dtypes
from .registry import add_method
from .tensor import Tensor, flat

OPTIONS: dict[str, Any] = {
    "precision": 4,
    "threshold": 1000,
    "edgeitems": 3,
    "linewidth": 80,
    "sci_mode": None,
}


def set_printoptions(**settings: Any) -> None:
    """How many digits, numbers and characters are printed."""
    OPTIONS.update({"sci_mode": None} | settings)


class Formatter:
    """The width and the form that all numbers of one tensor share."""

    def __init__(self, numbers: list[Any], floating: bool) -> None:
        self.floating, self.whole, self.scientific = floating, True, False
        finite = [x for x in numbers if x and math.isfinite(x)] if floating else numbers
        if floating and finite:
            least, most, asked = min(map(abs, finite)), max(map(abs, finite)), OPTIONS["sci_mode"]
            self.whole = all(x == math.ceil(x) for x in finite)
            self.scientific = (most / least > 1000 or most > 1e8 or least < 1e-4) if asked is None else asked
        self.width = max([1, *(len(self._text(x)) for x in finite)])

    def _text(self, x: Any) -> str:
        if not self.floating:
            return str(x)
        if self.scientific:
            return f"{x:.{OPTIONS['precision']}e}"
        if self.whole:
            return f"{x:.0f}" + "." * math.isfinite(x)
        return f"{x:.{OPTIONS['precision']}f}"

    def format(self, x: Any) -> str:
        """A number in the width of all."""
        return self._text(x).rjust(self.width)


def _grid(data: Any, indent: int, cut: int, form: Formatter, ndim: int) -> str:
    """Nested lists in brackets; of long ones only the first and last `cut`, if that is not 0."""
    if ndim == 0:
        return form.format(data)
    cut = cut if cut and len(data) > 2 * cut else 0
    parts = [
        _grid(x, indent + 1, cut or 0, form, ndim - 1) for x in ([*data[:cut], *data[-cut:]] if cut else data)
    ]
    if cut:
        parts.insert(cut, " ..." if ndim == 1 else "...")
    if ndim > 1:
        return "[" + ("," + "\n" * (ndim - 1) + " " * (indent + 1)).join(parts) + "]"
    per_line = max(1, (OPTIONS["linewidth"] - indent) // (form.width + 2))
    lines = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _shown(data: Any, ndim: int, cut: int) -> list[Any]:
    """The numbers that a summary shows."""
    if ndim == 0:
        return [data]
    kept = [*data[:cut], *data[-cut:]] if len(data) > 2 * cut else data
    return [x for part in kept for x in _shown(part, ndim - 1, cut)]


def written(t: Tensor) -> str:
    """A tensor as torch prints it."""
    prefix, text, suffixes = "tensor(", "[]", []
    if t.numel():
        cut, data = OPTIONS["edgeitems"] if t.numel() > OPTIONS["threshold"] else 0, t.tolist()
        form = Formatter(_shown(data, t.ndim, cut) if cut else flat(t), t.dtype.kind == "f")
        text = _grid(data, len(prefix), cut, form, t.ndim)
    elif t.ndim != 1:
        suffixes.append(f"size={tuple(t.shape)}")
    if t.dtype is not dtypes.DEFAULT[0] and (not t.numel() or t.dtype not in (dtypes.int64, dtypes.bool_)):
        suffixes.append(f"dtype={t.dtype}")
    if t.requires_grad:
        suffixes.append("requires_grad=True" if t.grad_fn is None else f"grad_fn=<{t.grad_fn.name()}>")
    text = prefix + text
    width = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if width + len(suffix) + 2 > OPTIONS["linewidth"]:
            text, width = f"{text},\n{' ' * len(prefix)}{suffix}", len(prefix) + len(suffix)
        else:
            text, width = f"{text}, {suffix}", width + len(suffix) + 2
    return text + ")"


add_method("__repr__", written)

CLOSE = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
}


def assert_close(actual: Any, expected: Any, *, rtol: Any = None, atol: Any = None, equal_nan: bool = False,
                 check_dtype: bool = True, msg: Any = None) -> None:  # fmt: skip
    """Raise an AssertionError unless two tensors, numbers, or lists of such agree."""
    settings = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan, "check_dtype": check_dtype, "msg": msg}
    if isinstance(actual, list | tuple) and isinstance(expected, list | tuple):
        if len(actual) != len(expected):
            raise AssertionError(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
        for a, b in zip(actual, expected, strict=True):
            assert_close(a, b, **settings)
        return
    if isinstance(actual, Tensor) != isinstance(expected, Tensor):
        told = f"{type(actual)} and {type(expected)}."
        raise TypeError(f"No comparison pair was able to handle inputs of type {told}")
    new = Tensor.new_tensor
    a, b = (
        x.detach() if isinstance(x, Tensor) else new(Tensor(0), x, dtype=dtypes.float64)
        for x in (actual, expected)
    )
    told, kind = "", dtypes.promote(a.dtype, b.dtype)
    for what, mine, other in (("shape", a.shape, b.shape), ("dtype", a.dtype, b.dtype)):
        if mine != other and not told and (what == "shape" or check_dtype):
            told = f"The values for attribute '{what}' do not match: {mine} != {other}."
    if not told:
        pairs = [CLOSE.get(d.name, (0.0, 0.0)) for d in (a.dtype, b.dtype)]
        rtol, atol = (rtol, atol or 0.0) if rtol is not None else tuple(map(max, zip(*pairs, strict=True)))
        near = a.to(kind).isclose(b.to(kind), rtol, atol, equal_nan)
        told = "" if near.all() else _gap(a.double(), b.double(), ~near, isinstance(actual, Tensor))
    if told:
        raise AssertionError(msg(told) if callable(msg) else msg or told)


def _gap(a: Tensor, b: Tensor, far: Tensor, tensors: bool) -> str:
    """How many entries differ, and by how much at most."""
    head = f"{'Tensor-likes' if tensors else 'Scalars'} are not close!\n\n"
    if not a.ndim:
        return (
            f"{head}Expected {b.item()} but got {a.item()}.\nAbsolute difference: {abs(a.item() - b.item())}"
        )
    gaps, count = ((a - b).abs() * far), int(far.sum())
    lines = [f"Mismatched elements: {count} / {far.numel()} ({100 * count / far.numel():.1f}%)"]
    for name, column in (("absolute", gaps), ("relative", gaps / b.abs())):
        worst = column.nan_to_num(0.0).argmax()
        index = [int(i) for i in (column == column.reshape(-1)[worst]).nonzero()[0]]
        lines.append(
            f"Greatest {name} difference: {column.reshape(-1)[worst].item()} at index {tuple(index)}"
        )
    return head + "\n".join(lines)
