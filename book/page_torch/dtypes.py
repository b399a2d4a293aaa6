"""Dtypes: how each rounds or wraps numbers, which one two of them promote to; shapes and devices."""

from __future__ import annotations

import math
import struct
from array import array
from typing import Any


class dtype:
    """The type of a tensor's numbers: its kind is "b" for truth values, "i" for whole numbers, "f" for floats."""

    def __init__(self, name: str, kind: str, bits: int, title: str) -> None:
        self.name, self.kind, self.bits, self.title, self.legacy = (
            name,
            kind,
            bits,
            title,
            f"torch.{title}Tensor",
        )
        self.itemsize, self.is_floating_point, self.is_complex = bits // 8, kind == "f", False
        self.is_signed, self.zero = kind != "b" and name != "uint8", {"f": 0.0, "i": 0, "b": False}[kind]

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __deepcopy__(self, memo: Any) -> dtype:
        return self

    def keep(self, numbers: list[Any]) -> list[Any]:
        """The numbers as this dtype holds them: rounded, wrapped, or True and False."""
        if self.kind == "b":
            return [x != 0 for x in numbers]
        if self.kind == "f":
            code = {"float32": "f", "float64": "d"}.get(self.name)
            return array(code, numbers).tolist() if code else [_short(x, self) for x in numbers]
        if numbers and isinstance(numbers[0], float):
            numbers = [math.trunc(x) if math.isfinite(x) else -(2**63) for x in numbers]
        span = 1 << self.bits
        low = -(span >> 1) if self.is_signed else 0
        if numbers and (max(numbers) >= low + span or min(numbers) < low):
            return [(x - low) % span + low for x in numbers]
        return list(map(int, numbers))


def _short(x: float, kind: dtype) -> float:
    """A number as float16 or bfloat16 holds it, rounded to the nearest, ties to even."""
    try:
        if kind is float16 or not math.isfinite(x):
            return struct.unpack("e", struct.pack("e", x))[0]
        (bits,) = struct.unpack("I", struct.pack("f", x))
        return struct.unpack("f", struct.pack("I", bits + 0x7FFF + (bits >> 16 & 1) & 0xFFFF0000))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


ALL = bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64 = (
    dtype("bool", "b", 8, "Bool"), dtype("uint8", "i", 8, "Byte"), dtype("int8", "i", 8, "Char"),
    dtype("int16", "i", 16, "Short"), dtype("int32", "i", 32, "Int"), dtype("int64", "i", 64, "Long"),
    dtype("float16", "f", 16, "Half"), dtype("bfloat16", "f", 16, "BFloat16"),
    dtype("float32", "f", 32, "Float"), dtype("float64", "f", 64, "Double"),
)  # fmt: skip
BY_NAME = {d.name: d for d in ALL} | {
    "float": float32, "double": float64, "half": float16, "long": int64, "int": int32, "short": int16,
}  # fmt: skip
DEFAULT = [float32]


def rank(kind: dtype) -> int:
    """Truth values, whole numbers, floating point: each holds those before it."""
    return "bif".index(kind.kind)


def promote(a: dtype, b: dtype) -> dtype:
    """The smallest dtype that holds what both hold, as torch sees it."""
    if a.kind != b.kind or a is b:
        return max(a, b, key=rank)
    if a.kind == "f" and a.bits == b.bits:
        return float32
    if a.is_signed != b.is_signed:
        return max(a if a.is_signed else b, int16, key=lambda d: d.bits)
    return max(a, b, key=lambda d: d.bits)


def of_number(value: Any) -> dtype:
    """The dtype that a Python number becomes."""
    return bool_ if isinstance(value, bool) else int64 if isinstance(value, int) else DEFAULT[0]


def result_type(*values: Any) -> dtype:
    """The dtype of a result: of the tensors with dimensions, unless others, or numbers, are of a higher kind."""
    found: list[dtype | None] = [None, None, None]
    for value in values:
        tensor = hasattr(value, "_storage")
        place, kind = (0 if value._shape else 1, value.dtype) if tensor else (2, of_number(value))
        found[place] = kind if found[place] is None else promote(found[place], kind)
    kinds = [kind for kind in found if kind is not None]
    return max(kinds, key=rank)  # the first of the highest


class Size(tuple):
    """A shape."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, place: Any) -> Any:
        found = tuple.__getitem__(self, place)
        return Size(found) if isinstance(place, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def numel(self) -> int:
        """How many numbers a tensor of this shape holds."""
        return math.prod(self)


class device:
    """Where a tensor lives: in the page, always the CPU."""

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        self.type, self.index = str(type).partition(":")[0], index
        if self.type != "cpu":
            raise RuntimeError(f"the device {self.type!r} is not in the page: run this in JupyterLab")

    def __repr__(self) -> str:
        return f"device(type='{self.type}')"

    def __str__(self) -> str:
        return self.type

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, device)

    __hash__ = object.__hash__


class finfo:
    """The limits of a dtype."""

    def __init__(self, kind: dtype | None = None) -> None:
        kind = kind or DEFAULT[0]
        self.dtype, self.bits = kind.name, kind.bits
        if kind.kind == "i":
            self.min = -(1 << (kind.bits - 1)) if kind.is_signed else 0
            self.max = self.min + (1 << kind.bits) - 1
            return
        fraction = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}[kind.name]
        self.eps, top = 2.0**-fraction, (1 << (kind.bits - fraction - 2)) - 1
        self.max, self.tiny = (2 - self.eps) * 2.0**top, 2.0 ** (1 - top)
        self.min, self.smallest_normal = -self.max, self.tiny


iinfo = type("iinfo", (finfo,), {})
for _class in (dtype, Size, device, finfo, iinfo):
    _class.__module__ = "torch"
