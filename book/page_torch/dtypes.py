"""Dtypes: how each rounds or wraps numbers, which one two of them promote to, and shapes."""

from __future__ import annotations

import math
import struct
from array import array
from typing import Any


class dtype:  # noqa: N801  (torch's own name)
    """The type of a tensor's numbers.

    Attributes:
        name: such as "float32".
        kind: "b" for truth values, "i" for whole numbers, "f" for floating point.
        bits: of one number.
    """

    def __init__(self, name: str, kind: str, bits: int, title: str, legacy: str) -> None:
        self.name, self.kind, self.bits, self.title, self.legacy = name, kind, bits, title, legacy
        self.itemsize = bits // 8
        self.is_floating_point, self.is_complex = kind == "f", False
        self.is_signed = kind == "f" or (kind == "i" and not name.startswith("u"))

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    def __copy__(self) -> dtype:
        return self

    def __deepcopy__(self, memo: Any) -> dtype:
        return self

    def keep(self, numbers: list[Any]) -> list[Any]:
        """The numbers as this dtype holds them: rounded, wrapped, or True and False."""
        if self is float32:
            return array("f", numbers).tolist()
        if self is float64:
            return array("d", numbers).tolist()
        if self.kind == "i":
            return self._wrapped(numbers)
        if self.kind == "b":
            return [x != 0 for x in numbers]
        return [_rounded(x, self) for x in numbers]

    def _wrapped(self, numbers: list[Any]) -> list[int]:
        if numbers and isinstance(numbers[0], float):
            numbers = [math.trunc(x) if math.isfinite(x) else -(2**63) for x in numbers]
        low = -(1 << (self.bits - 1)) if self.is_signed else 0
        span = 1 << self.bits
        if numbers and (max(numbers) >= low + span or min(numbers) < low):
            return [(x - low) % span + low for x in numbers]
        return list(map(int, numbers))


def _rounded(x: float, kind: dtype) -> float:
    """A number as float16 or bfloat16 holds it."""
    if not math.isfinite(x):
        return float(x)
    if kind is float16:
        try:
            return struct.unpack("e", struct.pack("e", x))[0]
        except OverflowError:
            return math.copysign(math.inf, x)
    if abs(x) > 3.5e38:
        return math.copysign(math.inf, x)
    (bits,) = struct.unpack("I", array("f", [x]).tobytes())
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return struct.unpack("f", struct.pack("I", bits))[0]


bool_ = dtype("bool", "b", 8, "Bool", "torch.BoolTensor")
uint8 = dtype("uint8", "i", 8, "Byte", "torch.ByteTensor")
int8 = dtype("int8", "i", 8, "Char", "torch.CharTensor")
int16 = dtype("int16", "i", 16, "Short", "torch.ShortTensor")
int32 = dtype("int32", "i", 32, "Int", "torch.IntTensor")
int64 = dtype("int64", "i", 64, "Long", "torch.LongTensor")
float16 = dtype("float16", "f", 16, "Half", "torch.HalfTensor")
bfloat16 = dtype("bfloat16", "f", 16, "BFloat16", "torch.BFloat16Tensor")
float32 = dtype("float32", "f", 32, "Float", "torch.FloatTensor")
float64 = dtype("float64", "f", 64, "Double", "torch.DoubleTensor")
ALL = (bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64)
BY_NAME = {d.name: d for d in ALL} | {
    "float": float32, "double": float64, "half": float16, "long": int64, "int": int32, "short": int16,
}  # fmt: skip
dtype.__module__ = "torch"
DEFAULT = [float32]


def promote(a: dtype, b: dtype) -> dtype:
    """The smallest dtype that holds what both hold, as torch sees it."""
    if a is b:
        return a
    if a.kind != b.kind:
        return max(a, b, key=lambda d: "bif".index(d.kind))
    if {a, b} == {float16, bfloat16}:
        return float32
    if a.kind == "i" and a.is_signed != b.is_signed:
        signed = a if a.is_signed else b
        return signed if signed.bits > 8 else int16
    return max(a, b, key=lambda d: d.bits)


def of_number(value: Any) -> dtype:
    """The dtype that a Python number becomes."""
    if isinstance(value, bool):
        return bool_
    return int64 if isinstance(value, int) else DEFAULT[0]


def result_type(*values: Any) -> dtype:
    """The dtype of an operation's result: of tensors with dimensions, unless others are of a higher kind."""
    found: list[dtype | None] = [None, None, None]
    for value in values:
        if hasattr(value, "_storage"):
            rank, kind = (0 if value._shape else 1), value.dtype
        else:
            rank, kind = 2, of_number(value)
        found[rank] = kind if found[rank] is None else promote(found[rank], kind)
    result = None
    for kind in found:
        if kind is not None and (result is None or "bif".index(kind.kind) > "bif".index(result.kind)):
            result = kind
    return result


class Size(tuple):
    """A shape."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    __str__ = __repr__

    def numel(self) -> int:
        """How many numbers a tensor of this shape holds."""
        return math.prod(self)

    def __getitem__(self, place: Any) -> Any:
        found = tuple.__getitem__(self, place)
        return Size(found) if isinstance(place, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __mul__(self, count: int) -> Size:
        return Size(tuple.__mul__(self, count))


Size.__module__ = "torch"


class device:  # noqa: N801
    """Where a tensor lives: in the page, always the CPU."""

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        self.type = getattr(type, "type", None) or str(type).partition(":")[0]
        self.index = index
        if self.type not in {"cpu", "meta", "cuda", "mps"}:
            raise RuntimeError(
                f"Expected one of cpu, cuda, mps, meta device type at start of device string: {type}"
            )
        if self.type != "cpu":
            raise RuntimeError(f"the device {self.type} is not in the page: run this in JupyterLab")

    def __repr__(self) -> str:
        return f"device(type='{self.type}')"

    def __str__(self) -> str:
        return self.type

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, device) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


device.__module__ = "torch"


class finfo:  # noqa: N801
    """The limits of a floating-point dtype."""

    _DIGITS = {"float16": (5, 10), "bfloat16": (8, 7), "float32": (8, 23), "float64": (11, 52)}

    def __init__(self, kind: dtype | None = None) -> None:
        self.dtype = (kind or DEFAULT[0]).name
        self.bits = (kind or DEFAULT[0]).bits
        exponent, fraction = self._DIGITS[self.dtype]
        top = 2 ** (exponent - 1) - 1
        self.eps = self.resolution = 2.0**-fraction
        self.max = (2 - self.eps) * 2.0**top
        self.min, self.tiny = -self.max, 2.0 ** (1 - top)
        self.smallest_normal = self.tiny
        self.resolution = float(f"1e{math.ceil(math.log10(self.eps))}")


class iinfo:  # noqa: N801
    """The limits of an integer dtype."""

    def __init__(self, kind: dtype) -> None:
        self.dtype, self.bits = kind.name, kind.bits
        self.min = -(1 << (kind.bits - 1)) if kind.is_signed else 0
        self.max = self.min + (1 << kind.bits) - 1
