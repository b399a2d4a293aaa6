"""Functions of each number by itself, and of pairs: a table of values and derivatives."""

from __future__ import annotations

import builtins
import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

from . import dtypes
from .dtypes import dtype, result_type
from .registry import add_method, in_place, public
from .tape import Mode, record
from .tensor import Tensor, flat, gathered, make

BROKEN = (ZeroDivisionError, OverflowError, ValueError)
NAN, INF = math.nan, math.inf


def broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of two shapes laid over each other, counted from the right."""
    if a == b:
        return a
    count, found = max(len(a), len(b)), []
    for place in range(1, count + 1):
        m, n = (shape[-place] if place <= len(shape) else 1 for shape in (a, b))
        if m != n and 1 not in (m, n):
            told = f"must match the size of tensor b ({n}) at non-singleton dimension {count - place}"
            raise RuntimeError(f"The size of tensor a ({m}) {told}")
        found.append(n if m == 1 else m)
    return tuple(reversed(found))


def repeated(t: Tensor, shape: tuple[int, ...]) -> list[Any]:
    """A tensor's numbers, repeated so that they fill the shape."""
    if t._shape == shape:
        return flat(t)
    steps = [0 if n == 1 else s for n, s in zip(t._shape, t._stride, strict=True)]
    return gathered(t._storage.data, shape, [0] * (len(shape) - len(steps)) + steps, t._offset)


def sum_to(g: Tensor, like: Any) -> Tensor:
    """The adjoint of broadcasting: summed over what was repeated, in the dtype of the input."""
    shape = like._shape
    if g._shape != shape:
        lead = g.ndim - len(shape)
        dims = [*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 and g._shape[i + lead] != 1)]
        g = g.sum(dims, keepdim=True).reshape(shape)
    return g if g.dtype is like.dtype else g.to(like.dtype)


def values_of(x: Any, kind: dtype, shape: tuple[int, ...]) -> Any:
    """An operand's numbers in a dtype, over a shape; without end if it is one number."""
    if isinstance(x, Tensor) and x._shape:
        numbers = repeated(x, shape)
        return numbers if x.dtype is kind else kind.keep(numbers)
    number = x._storage.data[x._offset] if isinstance(x, Tensor) else x
    return itertools.repeat(kind.keep([number])[0])


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


def pulled(derivative: Callable, known: dict[str, Any]) -> tuple[Callable, list[Tensor]]:
    """The function that pulls a gradient back, and the tensors it needs: those that the derivative names."""
    code = derivative.__code__
    given = [known[name] for name in code.co_varnames[1 : code.co_argcount]]
    saves = [t for t in given if isinstance(t, Tensor)]
    alike = all(x._shape == saves[0]._shape and x.dtype is saves[0].dtype for x in saves)
    quick = not code.co_names and alike and len(saves) == len(given) > 0

    def pull(g: Tensor) -> Tensor:
        if quick and not Mode.recording and g._shape == saves[0]._shape:
            try:  # arithmetic alone: in one pass over plain numbers
                return make(
                    g.dtype.keep(list(map(derivative, flat(g), *map(flat, saves)))), g._shape, g.dtype
                )
            except BROKEN:
                pass
        return derivative(g, *given)

    return pull, saves


# --- one operand --------------------------------------------------------------------------------------------


def _nan(*_: Any) -> float:
    return NAN


def _inf(*_: Any) -> float:
    return INF


def _signed_inf(x: float) -> float:
    return math.copysign(INF, x)


def _log_edge(x: float) -> float:
    return -INF if x == 0 else NAN


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else (e := math.exp(x)) / (1 + e)


def _whole(function: Callable) -> Callable:
    return lambda x: math.copysign(float(function(x)), x) if math.isfinite(x) else x


ROOT_PI, LN2, LN10 = math.sqrt(math.pi), math.log(2), math.log(10)
# name: (value, what it is where Python raises, derivative: `g` upstream, `x` the input, `y` the output)
FLOATING: dict[str, tuple[Callable, Callable, Callable]] = {
    "exp": (math.exp, _inf, lambda g, y: g * y),
    "exp2": (lambda x: 2.0**x, _inf, lambda g, y: g * y * LN2),
    "expm1": (math.expm1, _inf, lambda g, y: g * (y + 1)),
    "log": (math.log, _log_edge, lambda g, x: g / x),
    "log2": (math.log2, _log_edge, lambda g, x: g / (x * LN2)),
    "log10": (math.log10, _log_edge, lambda g, x: g / (x * LN10)),
    "log1p": (math.log1p, lambda x: _log_edge(x + 1), lambda g, x: g / (x + 1)),
    "sqrt": (math.sqrt, _nan, lambda g, y: g / (2 * y)),
    "rsqrt": (lambda x: 1 / math.sqrt(x), lambda x: INF if x == 0 else NAN, lambda g, y: -0.5 * g * y**3),
    "reciprocal": (lambda x: 1 / x, _signed_inf, lambda g, y: -g * y * y),
    "sin": (math.sin, _nan, lambda g, x: g * x.cos()),
    "cos": (math.cos, _nan, lambda g, x: g * -x.sin()),
    "tan": (math.tan, _nan, lambda g, y: g * (1 + y * y)),
    "asin": (math.asin, _nan, lambda g, x: g * (1 - x * x).rsqrt()),
    "acos": (math.acos, _nan, lambda g, x: g * -((1 - x * x).rsqrt())),
    "atan": (math.atan, _nan, lambda g, x: g / (x * x + 1)),
    "sinh": (math.sinh, _signed_inf, lambda g, x: g * x.cosh()),
    "cosh": (math.cosh, _inf, lambda g, x: g * x.sinh()),
    "tanh": (math.tanh, _nan, lambda g, y: g * (1 - y * y)),
    "sigmoid": (_sigmoid, _nan, lambda g, y: g * (1 - y) * y),
    "erf": (math.erf, _nan, lambda g, x: g * (2 / ROOT_PI) * (-x * x).exp()),
    "deg2rad": (math.radians, _nan, lambda g: g * (math.pi / 180)),
    "rad2deg": (math.degrees, _nan, lambda g: g * (180 / math.pi)),
}
SAME: dict[str, tuple[Callable, Callable, Callable]] = {
    "neg": (operator.neg, _nan, lambda g: -g),
    "abs": (abs, _nan, lambda g, x: g * x.sign()),
    "sign": (lambda x: (x > 0) - (x < 0), _nan, lambda g: g * 0),
    "relu": (lambda x: x if x > 0 or x != x else type(x)(0), _nan, lambda g, y: g * (y > 0)),
    "floor": (_whole(math.floor), _nan, lambda g: g * 0),
    "ceil": (_whole(math.ceil), _nan, lambda g: g * 0),
    "trunc": (_whole(math.trunc), _nan, lambda g: g * 0),
}
TRUTH: dict[str, Callable] = {
    "isnan": lambda x: x != x, "isinf": math.isinf, "isfinite": math.isfinite, "logical_not": operator.not_,
}  # fmt: skip
ALSO = {"abs": ("abs", "absolute"), "neg": ("neg", "negative"), "acos": ("acos", "arccos")}
INVERT = "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
NODES = {"deg2rad": "Deg2Rad", "rad2deg": "Rad2Deg", "log1p": "Log1P"}


def node_name(name: str, number: int = 0) -> str:
    """The name of a function's node."""
    return f"{NODES.get(name) or ''.join(part.capitalize() for part in name.split('_'))}Backward{number}"


def unary(name: str, value: Callable, edge: Callable, derivative: Callable | None) -> Callable:
    """A function of each number by itself: floating point, of the input's dtype, or truth values."""

    def function(input: Tensor) -> Tensor:
        kind, numbers = input.dtype, flat(input)
        if kind.kind == "b" and name in SAME and name != "sign":
            neg = f"Negation, the `-` operator, on a bool tensor is not supported. {INVERT}"
            relu = "Boolean inputs not supported for relu"
            told = {"neg": neg, "relu": relu, "abs": "\"abs_cpu\" not implemented for 'Bool'"}
            raise NotImplementedError(told.get(name, f"\"{name}_vml_cpu\" not implemented for 'Bool'"))
        if kind.kind != "f" and name in FLOATING:
            kind = dtypes.DEFAULT[0]
            numbers = kind.keep(numbers)
        if kind.kind != "f" and name in ("floor", "ceil", "trunc"):
            return input.clone()
        kind = dtypes.bool_ if name in TRUTH else kind
        out = make(kind.keep(applied(value, edge, numbers, count=input.numel())), input._shape, kind)
        if derivative and input.requires_grad:
            pull, saves = pulled(derivative, {"x": input, "y": out})
            record(node_name(name), out, [input], [pull], saves)
        return out

    function.__name__ = name
    return function


UNARY = {name: unary(name, *entry) for name, entry in (FLOATING | SAME).items()}
UNARY |= {name: unary(name, value, _nan, None) for name, value in TRUTH.items()}
for _name, _function in UNARY.items():
    public("torch Tensor" if _name in TRUTH else "torch Tensor in-place", *ALSO.get(_name, ()))(_function)
for _name in ("relu", "sigmoid", "tanh"):
    public("F", _name)(UNARY[_name])


@public("torch Tensor in-place")
def square(input: Tensor) -> Tensor:
    """x²."""
    return pair("pow", input, 2)


@public("torch Tensor")
def bitwise_not(input: Tensor) -> Tensor:
    """Not, of truth values or bit by bit."""
    if input.dtype.kind == "f":
        raise NotImplementedError(f"\"bitwise_not_cpu\" not implemented for '{input.dtype.title}'")
    turn = operator.not_ if input.dtype.kind == "b" else operator.invert
    return make(input.dtype.keep(list(map(turn, flat(input)))), input._shape, input.dtype)


def _invert(self: Tensor) -> Tensor:
    if self.dtype.kind == "f":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(self)


@public("torch Tensor in-place")
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """To the nearest whole number, ties to the even one; or to some decimals."""
    step, kind = 10.0**decimals, input.dtype
    if kind.kind != "f":
        return UNARY["floor"](input)
    scaled = kind.keep([x * step for x in flat(input)])
    data = [math.copysign(builtins.round(x) / step, x) if math.isfinite(x) else x for x in scaled]
    return record(
        f"RoundBackward{int(decimals != 0)}",
        make(kind.keep(data), input._shape, kind),
        [input],
        [lambda g: g * 0],
    )


# --- two operands -------------------------------------------------------------------------------------------


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
    "add": (operator.add, _nan, "", lambda g: g, lambda g: g),
    "sub": (operator.sub, _nan, "", lambda g: g, lambda g: -g),
    "rsub": (lambda y, x: x - y, _nan, "", lambda g: -g, lambda g: g),
    "mul": (operator.mul, _nan, "", lambda g, other: g * other, lambda g, x: g * x),
    "div": (operator.truediv, _divide_edge, "f", lambda g, other: g / other, lambda g, other, y: -g * y / other),
    "pow": (lambda x, y: math.pow(x, y) if isinstance(x, float) else x**y, _power_edge, "", _power_slope, _exponent_slope),
    "floor_divide": (operator.floordiv, lambda x, y: _divide_edge(x, y) if y == 0 else NAN, "", _no_slope, _no_slope),
    "remainder": (operator.mod, _nan, "", lambda g: g, lambda g, x, other: -g * x.div(other, rounding_mode="floor")),
    "maximum": (lambda x, y: x if x > y or x != x else y, _nan, "t",
                lambda g, x, other: g * (x > other) + g * 0.5 * (x == other),
                lambda g, x, other: g * (other > x) + g * 0.5 * (x == other)),
    "minimum": (lambda x, y: x if x < y or x != x else y, _nan, "t",
                lambda g, x, other: g * (x < other) + g * 0.5 * (x == other),
                lambda g, x, other: g * (other < x) + g * 0.5 * (x == other)),
    "atan2": (math.atan2, _nan, "f", lambda g, x, other: g * other / (x * x + other * other),
              lambda g, x, other: -g * x / (x * x + other * other)),
    "logaddexp": (lambda x, y: x + LN2 if x == y else max(x, y) + math.log1p(math.exp(-abs(x - y))), _nan, "f",
                  lambda g, x, y: g * (x - y).exp(), lambda g, other, y: g * (other - y).exp()),
    "eq": (operator.eq, _nan, "b", None, None), "ne": (operator.ne, _nan, "b", None, None),
    "lt": (operator.lt, _nan, "b", None, None), "le": (operator.le, _nan, "b", None, None),
    "gt": (operator.gt, _nan, "b", None, None), "ge": (operator.ge, _nan, "b", None, None),
    "logical_and": (lambda x, y: bool(x and y), _nan, "b", None, None),
    "logical_or": (lambda x, y: bool(x or y), _nan, "b", None, None),
    "logical_xor": (lambda x, y: bool(x) != bool(y), _nan, "b", None, None),
    "bitwise_and": (operator.and_, _nan, "i", None, None), "bitwise_or": (operator.or_, _nan, "i", None, None),
    "bitwise_xor": (operator.xor, _nan, "i", None, None),
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
        told = f"two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead."
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
        {"rsub": "torch", "maximum": "torch Tensor", "minimum": "torch Tensor"}.get(
            _name, "torch Tensor in-place"
        )
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
