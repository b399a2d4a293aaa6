"""Functions of pairs of numbers: a table of values and derivatives, and Python's operators."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

from . import dtypes
from .dtypes import result_type
from .pointwise import (
    INF,
    INVERT,
    LN2,
    NAN,
    UNARY,
    applied,
    bitwise_not,
    broadcast,
    laid_out,
    nan,
    node_name,
    pulled,
    sum_to,
    values_of,
)
from .registry import add_method, in_place, public
from .tape import record
from .tensor import Tensor, make


def _divide_edge(x: float, y: float) -> float:
    return NAN if x == 0 or x != x else math.copysign(INF, x) * math.copysign(1, y)


def _no_slope(g: Tensor) -> Tensor:
    raise RuntimeError("derivative for aten::floor_divide is not implemented")


def _power_edge(x: Any, y: Any) -> float:
    odd = y % 2 == 1
    if x == 0:
        return math.copysign(INF, x) if odd else INF
    return NAN if x < 0 and y % 1 else -INF if x < 0 and odd else INF


def _power_slope(g: Tensor, x: Any, other: Any) -> Tensor:
    if not isinstance(other, Tensor):
        return g * 0 if other == 0 else g * (other * x ** (other - 1))
    return (g * (other * x ** (other - 1))).where(other != 0, 0.0)


def _exponent_slope(g: Tensor, x: Any, other: Tensor, y: Tensor) -> Tensor:
    base = x if isinstance(x, Tensor) else other.new_tensor(x)
    return (g * (y * base.log())).where((base != 0) | (other < 0), 0.0)


# name: (value, edge, rule, derivative by the first, by the second); the rule is "f" for floating point, "b" for truth
# values, "i" for whole numbers alone, "t" for two tensors alone, "" for any
PAIRS: dict[str, tuple[Callable, Callable, str, Callable | None, Callable | None]] = {
    "add": (operator.add, nan, "", lambda g: g, lambda g: g),
    "sub": (operator.sub, nan, "", lambda g: g, lambda g: -g),
    "rsub": (lambda y, x: x - y, nan, "", lambda g: -g, lambda g: g),
    "mul": (operator.mul, nan, "", lambda g, other: g * other, lambda g, x: g * x),
    "div": (operator.truediv, _divide_edge, "f", lambda g, other: g / other, lambda g, other, y: -g * y / other),
    "pow": (lambda x, y: math.pow(x, y) if isinstance(x, float) else x**y, _power_edge, "", _power_slope, _exponent_slope),
    "floor_divide": (operator.floordiv, lambda x, y: _divide_edge(x, y) if y == 0 else NAN, "", _no_slope, _no_slope),
    "remainder": (operator.mod, nan, "", lambda g: g, lambda g, x, other: -g * x.div(other, rounding_mode="floor")),
    "maximum": (lambda x, y: x if x > y or x != x else y, nan, "t",
                lambda g, x, other: g * (x > other) + g * 0.5 * (x == other),
                lambda g, x, other: g * (other > x) + g * 0.5 * (x == other)),
    "minimum": (lambda x, y: x if x < y or x != x else y, nan, "t",
                lambda g, x, other: g * (x < other) + g * 0.5 * (x == other),
                lambda g, x, other: g * (other < x) + g * 0.5 * (x == other)),
    "atan2": (math.atan2, nan, "f", lambda g, x, other: g * other / (x * x + other * other),
              lambda g, x, other: -g * x / (x * x + other * other)),
    "logaddexp": (lambda x, y: x + LN2 if x == y else max(x, y) + math.log1p(math.exp(-abs(x - y))), nan, "f",
                  lambda g, x, y: g * (x - y).exp(), lambda g, other, y: g * (other - y).exp()),
    "eq": (operator.eq, nan, "b", None, None), "ne": (operator.ne, nan, "b", None, None),
    "lt": (operator.lt, nan, "b", None, None), "le": (operator.le, nan, "b", None, None),
    "gt": (operator.gt, nan, "b", None, None), "ge": (operator.ge, nan, "b", None, None),
    "logical_and": (lambda x, y: bool(x and y), nan, "b", None, None),
    "logical_or": (lambda x, y: bool(x or y), nan, "b", None, None),
    "logical_xor": (lambda x, y: bool(x) != bool(y), nan, "b", None, None),
    "bitwise_and": (operator.and_, nan, "i", None, None), "bitwise_or": (operator.or_, nan, "i", None, None),
    "bitwise_xor": (operator.xor, nan, "i", None, None),
}  # fmt: skip


def pair(name: str, x: Any, other: Any) -> Tensor:
    """A function of two operands, entry by entry, by its name in the table."""
    value, edge, rule, by_first, by_second = PAIRS[name]
    first, second, kind = isinstance(x, Tensor), isinstance(other, Tensor), result_type(x, other)
    if rule == "f" and kind.kind != "f":
        kind = dtypes.DEFAULT[0]
    if rule == "i" and kind.kind == "f":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{kind.title}'")
    if name in ("sub", "rsub") and any(isinstance(t, Tensor) and t.dtype.kind == "b" for t in (x, other)):
        told = "two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead."
        told = told if kind.kind == "b" else f"a bool tensor is not supported. {INVERT}"
        raise NotImplementedError(f"Subtraction, the `-` operator, with {told}")
    shape = broadcast(x._shape if first else (), other._shape if second else ())
    left, right, count = values_of(x, kind, shape), values_of(other, kind, shape), math.prod(shape)
    if kind.kind == "i" and name in ("pow", "floor_divide", "remainder"):
        right = list(itertools.islice(right, count))
        if name == "pow" and any(n < 0 for n in right):
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if name != "pow" and 0 in right:
            raise RuntimeError("ZeroDivisionError")
    data = applied(value, edge, left, right, count=count)
    kind = dtypes.bool_ if rule == "b" else kind
    out = make(kind.keep(data), shape, kind)
    whole = next((t for t in (x, other) if isinstance(t, Tensor) and t._shape == shape), None)
    out = out if whole is None else laid_out(out, whole)
    inputs, pulls, saves = [], [], []
    for t, derivative in ((x, by_first), (other, by_second)):
        if isinstance(t, Tensor) and t.requires_grad and derivative:
            pull, needed = pulled(derivative, {"x": x, "other": other, "y": out})
            inputs.append(t)
            pulls.append(lambda g, pull=pull, t=t: sum_to(pull(g), t))
            saves += needed
    number = {
        "pow": 0 if not second else 1 if first else 2,
        "rsub": 0 if second else 1,
        "remainder": int(second),
    }.get(name, 0)
    return record(node_name(name, number), out, inputs, pulls, saves) if inputs else out


def _binary(name: str) -> Callable:
    wanted = Tensor if PAIRS[name][2] == "t" or name in ("atan2", "logaddexp") else Tensor | int | float

    def function(input: Any, other: Any) -> Tensor:
        if not isinstance(other, wanted):
            kind = type(other).__name__
            raise TypeError(f"{name}(): argument 'other' (position 2) must be Tensor, not {kind}")
        return pair(name, input, other)

    function.__name__ = name
    return function


BINARY = {name: _binary(name) for name in PAIRS if name not in ("add", "sub", "div", "pow")}
for _name, _function in BINARY.items():
    public(
        {
            "rsub": "torch",
            "maximum": "torch Tensor",
            "minimum": "torch Tensor",
            "logaddexp": "torch Tensor",
        }.get(_name, "torch Tensor in-place")
    )(_function)
public("torch Tensor in-place", "multiply")(BINARY["mul"])


@public("torch Tensor in-place")
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha other."""
    return pair("add", input, other if alpha == 1 else other * alpha)


@public("torch Tensor in-place", "sub", "subtract")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input − alpha other."""
    return pair("sub", input, other if alpha == 1 else other * alpha)


@public("torch Tensor in-place", "pow")
def power(self: Any, exponent: Any) -> Tensor:
    """self ** exponent; one of them may be a number."""
    return pair("pow", self, exponent)


@public("torch Tensor in-place", "div", "divide", "true_divide")
def div(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; rounded down ("floor") or towards zero ("trunc") if asked."""
    if rounding_mode is None:
        return pair("div", input, other)
    exact = pair("floor_divide" if rounding_mode == "floor" else "div", *map(_detached, (input, other)))
    out = (exact if rounding_mode == "floor" else exact.trunc()).to(result_type(input, other))
    inputs = [t for t in (input, other) if isinstance(t, Tensor)]
    return record("DivBackward2", out, inputs, [lambda g, t=t: sum_to(g * 0, t) for t in inputs])


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, Tensor) else x


@public("torch Tensor in-place")
def square(input: Tensor) -> Tensor:
    """x²."""
    return pair("pow", input, 2)


def _invert(self: Tensor) -> Tensor:
    if self.dtype.kind == "f":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(self)


def _operator(function: Callable) -> Callable:
    """An operator, which leaves what is no operand to Python."""
    return lambda self, other: (
        function(self, other) if isinstance(other, Tensor | int | float) else NotImplemented
    )


_BOTH = {"add": add, "sub": sub, "mul": BINARY["mul"], "truediv": div, "pow": power, "mod": BINARY["remainder"],
         "floordiv": BINARY["floor_divide"], "and": BINARY["bitwise_and"], "or": BINARY["bitwise_or"],
         "xor": BINARY["bitwise_xor"]}  # fmt: skip
for _name, _function in _BOTH.items():
    add_method(f"__{_name}__", _operator(_function))
    add_method(f"__i{_name}__", _operator(in_place(_function, _name)))
    add_method(f"__r{_name}__", _operator(lambda self, other, f=_function: f(other, self)))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    add_method(f"__{_name}__", _operator(BINARY[_name]))
for _name in ("radd", "rmul"):
    add_method(f"__{_name}__", _operator(_BOTH[_name[1:]]))
add_method("__rsub__", _operator(BINARY["rsub"]))
add_method("__rtruediv__", _operator(lambda self, other: self.reciprocal() * other))
for _name, _function in {
    "neg": UNARY["neg"],
    "abs": UNARY["abs"],
    "invert": _invert,
    "pos": lambda self: self,
}.items():
    add_method(f"__{_name}__", _function)
