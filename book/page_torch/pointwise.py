"""Functions of each number by itself, and of pairs: a table of values and derivatives."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

from . import dtypes
from .dtypes import dtype, result_type
from .registry import PUBLIC, add_method, as_function, in_place, public
from .tape import Mode, record
from .tensor import Tensor, flat, gathered, make

BROKEN = (ZeroDivisionError, OverflowError, ValueError)
NAN, INF = math.nan, math.inf


def broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of two shapes laid over each other, counted from the right."""
    if a == b:
        return a
    found, count = [], max(len(a), len(b))
    for place in range(1, count + 1):
        m = a[-place] if place <= len(a) else 1
        n = b[-place] if place <= len(b) else 1
        if m != n and 1 not in (m, n):
            raise RuntimeError(
                f"The size of tensor a ({m}) must match the size of tensor b ({n}) at non-singleton dimension "
                f"{count - place}"
            )
        found.append(n if m == 1 else m)
    return tuple(reversed(found))


def spread_over(t: Tensor, shape: tuple[int, ...]) -> list[Any]:
    """A tensor's numbers, repeated so that they fill the shape."""
    if t._shape == shape:
        return flat(t)
    lead = len(shape) - len(t._shape)
    steps = [0] * lead + [0 if n == 1 else s for n, s in zip(t._shape, t._stride, strict=True)]
    return gathered(t._storage.data, shape, steps, t._offset)


def sum_to(g: Tensor, like: Any) -> Tensor:
    """The adjoint of broadcasting: summed over what was repeated, in the dtype of the input."""
    shape = like._shape
    if g._shape != shape:
        lead = g.ndim - len(shape)
        dims = [*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 and g._shape[i + lead] != 1)]
        g = g.sum(dims, keepdim=True).reshape(shape)
    return g if g.dtype is like.dtype else g.to(like.dtype)


def values_of(x: Any, kind: dtype, shape: tuple[int, ...]) -> Any:
    """An operand's numbers in a dtype, over a shape; one number repeated without end if it is alone."""
    if not isinstance(x, Tensor):
        return itertools.repeat(kind.keep([x])[0])
    if not x._shape:
        x0 = x._storage.data[x._offset]
        return itertools.repeat(x0 if x.dtype is kind else kind.keep([x0])[0])
    numbers = spread_over(x, shape)
    return numbers if x.dtype is kind else kind.keep(numbers)


def applied(function: Callable, edge: Callable, *columns: Any, count: int) -> list[Any]:
    """A function of the numbers in step; where Python raises, the value that IEEE arithmetic has."""
    try:
        return list(itertools.islice(map(function, *columns), count))
    except BROKEN:
        pass

    def safe(*numbers: Any) -> Any:
        try:
            return function(*numbers)
        except BROKEN:
            return edge(*numbers)

    return list(itertools.islice(map(safe, *columns), count))


# --- one operand --------------------------------------------------------------------------------------------


def _nan(*_: Any) -> float:
    return NAN


def _inf(*_: Any) -> float:
    return INF


def _log_edge(x: float) -> float:
    return -INF if x == 0 else NAN


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else (e := math.exp(x)) / (1 + e)


def _whole(function: Callable) -> Callable:
    return lambda x: math.copysign(float(function(x)), x) if math.isfinite(x) else x


def _sign(x: Any) -> Any:
    return (x > 0) - (x < 0) if x == x else 0


def _nonzero(x: Any) -> bool:
    return x != 0


ROOT_PI = math.sqrt(math.pi)
LN2, LN10 = math.log(2), math.log(10)
# name: (value, what it is where Python raises, derivative of `g` upstream, `x` the input and `y` the output)
# "f" gives floating point, "=" the input's dtype, "b" truth values.
FLOATING: dict[str, tuple[Callable, Callable, Callable | None]] = {
    "exp": (math.exp, _inf, lambda g, y: g * y),
    "exp2": (lambda x: 2.0**x, _inf, lambda g, y: g * y * LN2),
    "expm1": (math.expm1, _inf, lambda g, y: g * (y + 1)),
    "log": (math.log, _log_edge, lambda g, x: g / x),
    "log2": (math.log2, _log_edge, lambda g, x: g / (x * LN2)),
    "log10": (math.log10, _log_edge, lambda g, x: g / (x * LN10)),
    "log1p": (math.log1p, lambda x: -INF if x == -1 else NAN, lambda g, x: g / (x + 1)),
    "sqrt": (math.sqrt, _nan, lambda g, y: g / (2 * y)),
    "rsqrt": (lambda x: 1 / math.sqrt(x), lambda x: INF if x == 0 else NAN, lambda g, y: -0.5 * g * y**3),
    "reciprocal": (lambda x: 1 / x, lambda x: math.copysign(INF, x), lambda g, y: -g * y * y),
    "sin": (math.sin, _nan, lambda g, x: g * x.cos()),
    "cos": (math.cos, _nan, lambda g, x: g * -x.sin()),
    "tan": (math.tan, _nan, lambda g, y: g * (1 + y**2)),
    "asin": (math.asin, _nan, lambda g, x: g * (1 - x * x).rsqrt()),
    "acos": (math.acos, _nan, lambda g, x: g * -((1 - x * x).rsqrt())),
    "atan": (math.atan, _nan, lambda g, x: g / (x * x + 1)),
    "sinh": (math.sinh, lambda x: math.copysign(INF, x), lambda g, x: g * x.cosh()),
    "cosh": (math.cosh, _inf, lambda g, x: g * x.sinh()),
    "tanh": (math.tanh, _nan, lambda g, y: g * (1 - y * y)),
    "asinh": (math.asinh, _nan, lambda g, x: g * (x * x + 1).rsqrt()),
    "acosh": (math.acosh, _nan, lambda g, x: g * ((x - 1).rsqrt() * (x + 1).rsqrt())),
    "atanh": (math.atanh, lambda x: math.copysign(INF, x) if abs(x) == 1 else NAN, lambda g, x: g / (1 - x * x)),
    "sigmoid": (_sigmoid, _nan, lambda g, y: g * (1 - y) * y),
    "erf": (math.erf, _nan, lambda g, x: g * (2 / ROOT_PI) * (-x * x).exp()),
    "erfc": (math.erfc, _nan, lambda g, x: g * (-2 / ROOT_PI) * (-x * x).exp()),
    "lgamma": (math.lgamma, _inf, None),
    "deg2rad": (math.radians, _nan, lambda g: g * (math.pi / 180)),
    "rad2deg": (math.degrees, _nan, lambda g: g * (180 / math.pi)),
}  # fmt: skip
SAME: dict[str, tuple[Callable, Callable, Callable | None]] = {
    "neg": (operator.neg, _nan, lambda g: -g),
    "positive": (operator.pos, _nan, lambda g: g),
    "abs": (abs, _nan, lambda g, x: g * x.sign()),
    "sign": (_sign, _nan, lambda g: g * 0),
    "relu": (lambda x: x if x > 0 or x != x else type(x)(0), _nan, lambda g, y: g * (y > 0)),
    "floor": (_whole(math.floor), _nan, lambda g: g * 0),
    "ceil": (_whole(math.ceil), _nan, lambda g: g * 0),
    "trunc": (_whole(math.trunc), _nan, lambda g: g * 0),
    "frac": (lambda x: math.fmod(x, 1.0), _nan, lambda g: g),
}
TRUTH: dict[str, Callable] = {
    "isnan": lambda x: x != x,
    "isinf": math.isinf,
    "isfinite": math.isfinite,
    "isposinf": lambda x: x == INF,
    "isneginf": lambda x: x == -INF,
    "signbit": lambda x: math.copysign(1.0, x) < 0,
    "logical_not": operator.not_,
}
ALSO = {
    "abs": "absolute",
    "neg": "negative",
    "trunc": "fix",
    "acos": "arccos",
    "asin": "arcsin",
    "atan": "arctan",
}
NODE = {"frac": "Frac", "deg2rad": "Deg2Rad", "rad2deg": "Rad2Deg"}


def node_name(name: str, number: int = 0) -> str:
    """The name of a function's node."""
    return f"{NODE.get(name) or ''.join(part.capitalize() for part in name.split('_'))}Backward{number}"


def pulled(derivative: Callable, known: dict[str, Any]) -> tuple[Callable, list[Tensor]]:
    """The function that pulls a gradient back, and the tensors it needs: those that the derivative names."""
    code = derivative.__code__
    given = [known[name] for name in code.co_varnames[1 : code.co_argcount]]
    saves = [t for t in given if isinstance(t, Tensor)]
    if code.co_names or any(x._shape != saves[0]._shape or x.dtype is not saves[0].dtype for x in saves):
        return lambda g: derivative(g, *given), saves

    def pull(g: Tensor) -> Tensor:
        if not Mode.recording and len(saves) == len(given) > 0 and g._shape == saves[0]._shape:
            try:  # arithmetic alone: in one pass over plain numbers
                return make(g.dtype.keep(list(map(derivative, flat(g), *map(flat, saves)))), g._shape, g.dtype)
            except BROKEN:
                pass
        return derivative(g, *given)

    return pull, saves


def unary(name: str, rule: str, value: Callable, edge: Callable, derivative: Callable | None) -> Callable:
    """A function of each number by itself."""
    node = node_name(name)

    def function(input: Tensor) -> Tensor:
        kind, count = input.dtype, input.numel()
        if rule == "=" and kind.kind == "b" and name in {"neg", "sign", "relu"}:
            raise RuntimeError(_NO_BOOL.get(name, f"Boolean inputs not supported for {name}"))
        numbers = flat(input)
        if rule == "f" and kind.kind != "f":
            kind = dtypes.DEFAULT[0]
            numbers = kind.keep(numbers)
        if rule == "=" and kind.kind != "f" and name in {"floor", "ceil", "trunc", "positive"}:
            return make(list(numbers), input._shape, kind)
        data = applied(value, edge, numbers, count=count)
        kind = dtypes.bool_ if rule == "b" else kind
        out = make(
            data if kind in (dtypes.float64, dtypes.bool_) and name != "sign" else kind.keep(data),
            input._shape,
            kind,
        )
        if derivative and input.requires_grad:
            pull, saves = pulled(derivative, {"x": input, "y": out})
            return record(node, out, [input], [pull], saves)
        return out

    function.__name__ = name
    return function


_NO_BOOL = {
    "neg": "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use "
    "the `~` or `logical_not()` operator instead.",
}

_unaries = {name: unary(name, "f", *entry) for name, entry in FLOATING.items()}
_unaries |= {name: unary(name, "=", *entry) for name, entry in SAME.items()}
_unaries |= {name: unary(name, "b", entry, _nan, None) for name, entry in TRUTH.items()}
for _name, _function in _unaries.items():
    public(
        "torch Tensor in-place" if _name not in TRUTH else "torch Tensor",
        _name,
        *filter(None, [ALSO.get(_name)]),
    )(_function)
for _name in ("relu", "sigmoid", "tanh"):
    PUBLIC["torch.nn.functional"][_name] = as_function(_unaries[_name], _name, "torch.nn.functional")
add_method("__neg__", _unaries["neg"])
add_method("__abs__", _unaries["abs"])
add_method("__pos__", _unaries["positive"])


@public("torch Tensor in-place")
def square(input: Tensor) -> Tensor:
    """x²."""
    return pair("pow", input, 2)


@public("torch Tensor in-place")
def bitwise_not(input: Tensor) -> Tensor:
    """Not, of truth values or bit by bit."""
    if input.dtype.kind == "f":
        raise RuntimeError(f"\"bitwise_not_cpu\" not implemented for '{input.dtype.title}'")
    turn = operator.not_ if input.dtype.kind == "b" else operator.invert
    return make(input.dtype.keep(list(map(turn, flat(input)))), input._shape, input.dtype)


add_method("__invert__", bitwise_not)


@public("torch Tensor in-place")
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """To the nearest whole number, ties to the even one; or to some decimals."""
    if input.dtype.kind != "f":
        return input.clone()
    import builtins

    step = 10.0**decimals
    data = [
        x if not math.isfinite(x) else math.copysign(builtins.round(x * step) / step, x) for x in flat(input)
    ]
    return record(
        "RoundBackward0", make(input.dtype.keep(data), input._shape, input.dtype), [input], [lambda g: g * 0]
    )


# --- two operands -------------------------------------------------------------------------------------------


def _divide_edge(x: float, y: float) -> float:
    return NAN if x == 0 or x != x else math.copysign(INF, x) * math.copysign(1, y)


def _power(x: Any, y: Any) -> Any:
    return x**y if isinstance(x, int) and isinstance(y, int) else math.pow(x, y)


def _power_edge(x: Any, y: Any) -> float:
    if x == 0 and y < 0:
        return math.copysign(INF, x) if y % 2 == 1 else INF
    odd = x < 0 and y % 2 == 1
    return NAN if x < 0 and y % 1 else -INF if odd else INF


def _floor_edge(x: Any, y: Any) -> float:
    return _divide_edge(x, y) if y == 0 else NAN


def _larger(x: Any, y: Any) -> Any:
    return x if x > y or x != x else y


def _smaller(x: Any, y: Any) -> Any:
    return x if x < y or x != x else y


def _power_slope(g: Tensor, x: Any, other: Any) -> Tensor:
    if not isinstance(other, Tensor):
        return g * 0 if other == 0 else g * (other * x ** (other - 1))
    return (g * (other * x ** (other - 1))).where(other != 0, 0.0)


def _exponent_slope(g: Tensor, x: Any, other: Tensor, y: Tensor) -> Tensor:
    base = x if isinstance(x, Tensor) else other.new_tensor(float(x))
    return (g * (y * base.log())).where((base != 0) | (other < 0), 0.0)


def _share(keep: Callable) -> Callable:
    return lambda g, x, other: g * keep(x, other) + g * 0.5 * (x == other)


# name: (value, edge, rule, derivative by the first, by the second)
PAIRS: dict[str, tuple[Callable, Callable, str, Callable | None, Callable | None]] = {
    "mul": (operator.mul, _nan, "=", lambda g, other: g * other, lambda g, x: g * x),
    "div": (operator.truediv, _divide_edge, "f", lambda g, other: g / other, lambda g, other, y: -g * y / other),
    "pow": (_power, _power_edge, "=", _power_slope, _exponent_slope),
    "floor_divide": (operator.floordiv, _floor_edge, "=", None, None),
    "remainder": (operator.mod, _nan, "=", lambda g: g, lambda g, x, other: -g * (x / other).floor()),
    "fmod": (math.fmod, _nan, "=", lambda g: g, lambda g, x, other: -g * (x / other).trunc()),
    "maximum": (_larger, _nan, "=", _share(lambda x, o: x > o), lambda g, x, other: g * (other > x) + g * 0.5 * (x == other)),
    "minimum": (_smaller, _nan, "=", _share(lambda x, o: x < o), lambda g, x, other: g * (other < x) + g * 0.5 * (x == other)),
    "atan2": (math.atan2, _nan, "f", lambda g, x, other: g * other / (x * x + other * other), lambda g, x, other: -g * x / (x * x + other * other)),
    "logaddexp": (lambda x, y: m + math.log1p(math.exp(-abs(x - y))) if (m := max(x, y)) > -INF and x != y else m + LN2, _nan, "f", lambda g, x, y: g * (x - y).exp(), lambda g, other, y: g * (other - y).exp()),
    "hypot": (math.hypot, _nan, "f", lambda g, x, y: g * (x / y), lambda g, other, y: g * (other / y)),
    "xlogy": (lambda x, y: x * math.log(y) if x else 0.0, lambda x, y: -INF * x if y == 0 else NAN, "f", lambda g, other: g * other.log(), lambda g, x, other: g * x / other),
    "eq": (operator.eq, _nan, "b", None, None),
    "ne": (operator.ne, _nan, "b", None, None),
    "lt": (operator.lt, _nan, "b", None, None),
    "le": (operator.le, _nan, "b", None, None),
    "gt": (operator.gt, _nan, "b", None, None),
    "ge": (operator.ge, _nan, "b", None, None),
    "logical_and": (lambda x, y: bool(x and y), _nan, "b", None, None),
    "logical_or": (lambda x, y: bool(x or y), _nan, "b", None, None),
    "logical_xor": (lambda x, y: bool(x) != bool(y), _nan, "b", None, None),
    "bitwise_and": (operator.and_, _nan, "i", None, None),
    "bitwise_or": (operator.or_, _nan, "i", None, None),
    "bitwise_xor": (operator.xor, _nan, "i", None, None),
    "bitwise_left_shift": (operator.lshift, _nan, "i", None, None),
    "bitwise_right_shift": (operator.rshift, _nan, "i", None, None),
}  # fmt: skip
TENSORS_ONLY = {"maximum", "minimum", "atan2", "logaddexp", "hypot"}


def pair(name: str, x: Any, other: Any) -> Tensor:
    """A function of two operands, entry by entry, by its name in the table."""
    value, edge, rule, by_first, by_second = PAIRS[name]
    first, second = isinstance(x, Tensor), isinstance(other, Tensor)
    kind = result_type(x, other)
    if rule == "f" and kind.kind != "f":
        kind = dtypes.DEFAULT[0]
    if rule == "i" and kind.kind == "f":
        raise RuntimeError(f"\"{name}_cpu\" not implemented for '{kind.title}'")
    a, b = x._shape if first else (), other._shape if second else ()
    shape = broadcast(a, b)
    left, right = values_of(x, kind, shape), values_of(other, kind, shape)
    count = math.prod(shape)
    if kind.kind == "i" and name in {"pow", "floor_divide", "remainder", "fmod"}:
        right = _whole_divisor(name, right, count)
    data = applied(value, edge, left, right, count=count)
    if rule == "b":
        return make(data, shape, dtypes.bool_)
    out = make(data if kind is dtypes.float64 else kind.keep(data), shape, kind)
    if not (first and x.requires_grad) and not (second and other.requires_grad):
        return out
    inputs, pulls, saves = [], [], []
    for t, derivative in ((x, by_first), (other, by_second)):
        if isinstance(t, Tensor) and t.requires_grad and derivative:
            pull, needed = pulled(derivative, {"x": x, "other": other, "y": out})
            inputs.append(t)
            pulls.append(lambda g, pull=pull, t=t: sum_to(pull(g), t))
            saves += needed
    number = 0 if name != "pow" or not second else 1 if first else 2
    return record(node_name(name, number), out, inputs, pulls, saves)


def _whole_divisor(name: str, right: Any, count: int) -> Any:
    numbers = list(itertools.islice(right, count))
    if name == "pow" and any(n < 0 for n in numbers):
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if name != "pow" and 0 in numbers:
        raise RuntimeError("ZeroDivisionError")
    return numbers


def _binary(name: str) -> Callable:
    def function(input: Any, other: Any) -> Tensor:
        if name in TENSORS_ONLY or not isinstance(other, Tensor | int | float):
            if not isinstance(other, Tensor):
                kind = type(other).__name__
                raise TypeError(f"{name}(): argument 'other' (position 2) must be Tensor, not {kind}")
        return pair(name, input, other)

    function.__name__ = name
    return function


_binaries = {name: _binary(name) for name in PAIRS if name not in {"pow", "div"}}
for _name, _function in _binaries.items():
    public("torch Tensor" if _name in TENSORS_ONLY else "torch Tensor in-place", _name)(_function)
public("torch Tensor in-place", "multiply")(_binaries["mul"])


@public("torch Tensor in-place", "pow")
def power(input: Any, exponent: Any) -> Tensor:
    """input ** exponent; one of them may be a number."""
    return pair("pow", input, exponent)


def _pow(input: Any, exponent: Any) -> Tensor:
    return pair("pow", input, exponent)


PUBLIC["torch"]["pow"] = as_function(lambda base, exponent: pair("pow", base, exponent), "pow", "torch")


@public("torch Tensor in-place", "div", "divide", "true_divide")
def div(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; rounded down ("floor") or towards zero ("trunc") if asked."""
    if rounding_mode == "floor":
        return pair("floor_divide", input, other)
    out = pair("div", input, other)
    if rounding_mode == "trunc":
        out = out.trunc()
        return out if result_type(input, other).kind == "f" else out.to(result_type(input, other))
    return out


def _sum_of(name: str, sign: int) -> Callable:
    act = operator.add if sign > 0 else operator.sub

    def function(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
        first, second = isinstance(input, Tensor), isinstance(other, Tensor)
        kind = result_type(input, other)
        if sign < 0 and kind.kind == "b":
            raise RuntimeError(_NO_DIFFERENCE)
        shape = broadcast(input._shape if first else (), other._shape if second else ())
        left, right = values_of(input, kind, shape), values_of(other, kind, shape)
        count = math.prod(shape)
        if alpha != 1:
            right = [alpha * x for x in itertools.islice(right, count)]
        data = applied(act, _nan, left, right, count=count)
        out = make(data if kind is dtypes.float64 else kind.keep(data), shape, kind)
        inputs = [t for t in (input, other) if isinstance(t, Tensor) and t.requires_grad]
        if not inputs:
            return out
        scale = {True: 1, False: sign * alpha}
        pulls = [
            lambda g, t=t, s=scale[t is input]: sum_to(g if s == 1 else -g if s == -1 else g * s, t)
            for t in inputs
        ]
        if input is other and len(inputs) == 2:
            pulls[1] = lambda g: g * (sign * alpha)
        return record(f"{name}Backward{0 if first else 1}", out, inputs, pulls)

    function.__name__ = name.lower()
    return function


_NO_DIFFERENCE = (
    "Subtraction, the `-` operator, with two bool tensors is not supported. If you are trying to invert a mask, use "
    "the `~` or `logical_not()` operator instead."
)
add = public("torch Tensor in-place", "add")(_sum_of("Add", 1))
sub = public("torch Tensor in-place", "sub", "subtract")(_sum_of("Sub", -1))
_from_number = _sum_of("Rsub", -1)


def _dunder(function: Callable) -> Callable:
    """An operator, which leaves what is no operand to Python."""

    def call(self: Tensor, other: Any) -> Any:
        return function(self, other) if isinstance(other, Tensor | int | float) else NotImplemented

    return call


_OPERATORS = {
    "add": add, "sub": sub, "mul": _binaries["mul"], "truediv": div, "pow": power, "mod": _binaries["remainder"],
    "floordiv": _binaries["floor_divide"], "and": _binaries["bitwise_and"], "or": _binaries["bitwise_or"],
    "xor": _binaries["bitwise_xor"],
    "lshift": _binaries["bitwise_left_shift"], "rshift": _binaries["bitwise_right_shift"],
}  # fmt: skip
for _name, _function in _OPERATORS.items():
    add_method(f"__{_name}__", _dunder(_function))
    add_method(f"__i{_name}__", _dunder(in_place(_function, _name)))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    add_method(f"__{_name}__", _dunder(_binaries[_name]))
for _name, _function in {
    "radd": add,
    "rmul": _binaries["mul"],
    "rand": _binaries["bitwise_and"],
    "ror": _binaries["bitwise_or"],
    "rsub": lambda self, other: _from_number(other, self),
    "rtruediv": lambda self, other: self.reciprocal() * other,
    "rpow": lambda self, other: pair("pow", other, self),
    "rfloordiv": lambda self, other: pair("floor_divide", other, self),
    "rmod": lambda self, other: pair("remainder", other, self),
}.items():
    add_method(f"__{_name}__", _dunder(_function))
