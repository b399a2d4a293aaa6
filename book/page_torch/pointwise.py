"""Functions of each number by itself, and of pairs: a table of values and derivatives."""

from __future__ import annotations

import builtins
import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

from . import dtypes
from .dtypes import dtype
from .registry import public
from .tape import Mode, record
from .tensor import Storage, Tensor, flat, gathered, make, over, plain, strides

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


def laid_out(out: Tensor, like: Tensor) -> Tensor:
    """A new tensor's numbers stored in the order of another of its shape, of its strides from large to small."""
    if plain(like._shape, like._stride):
        return out
    order: list[int] = []
    for dim, step in enumerate(like._stride):  # what is repeated, with stride 0, keeps its place
        smaller = [i for i, d in enumerate(order) if 0 < like._stride[d] < step]
        order.insert(smaller[0] if smaller else len(order), dim)
    shape, before = [like._shape[d] for d in order], strides(out._shape)
    data, steps = gathered(flat(out), shape, [before[d] for d in order], 0), strides(shape)
    dense = plain(shape, [like._stride[d] for d in order])
    found = like._stride if dense else [steps[order.index(i)] for i in range(len(order))]
    return over(Storage(data), out._shape, out.dtype, found, 0)


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


def nan(*_: Any) -> float:
    return NAN


def _inf(*_: Any) -> float:
    return INF


def _signed_inf(x: float) -> float:
    return math.copysign(INF, x)


def _log_edge(x: float) -> float:
    return -INF if x == 0 else NAN


def logistic(x: float) -> float:
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
    "sqrt": (math.sqrt, nan, lambda g, y: g / (2 * y)),
    "rsqrt": (
        lambda x: 1 / math.sqrt(x),
        lambda x: math.copysign(INF, x) if x == 0 else NAN,
        lambda g, y: -0.5 * g * y**3,
    ),
    "reciprocal": (lambda x: 1 / x, _signed_inf, lambda g, y: -g * y * y),
    "sin": (math.sin, nan, lambda g, x: g * x.cos()),
    "cos": (math.cos, nan, lambda g, x: g * -x.sin()),
    "tan": (math.tan, nan, lambda g, y: g * (1 + y * y)),
    "asin": (math.asin, nan, lambda g, x: g * (1 - x * x).rsqrt()),
    "acos": (math.acos, nan, lambda g, x: g * -((1 - x * x).rsqrt())),
    "atan": (math.atan, nan, lambda g, x: g / (x * x + 1)),
    "sinh": (math.sinh, _signed_inf, lambda g, x: g * x.cosh()),
    "cosh": (math.cosh, _inf, lambda g, x: g * x.sinh()),
    "tanh": (math.tanh, nan, lambda g, y: g * (1 - y * y)),
    "sigmoid": (logistic, nan, lambda g, y: g * (1 - y) * y),
    "erf": (math.erf, nan, lambda g, x: g * (2 / ROOT_PI) * (-x * x).exp()),
    "deg2rad": (math.radians, nan, lambda g: g * (math.pi / 180)),
    "rad2deg": (math.degrees, nan, lambda g: g * (180 / math.pi)),
}
SAME: dict[str, tuple[Callable, Callable, Callable]] = {
    "neg": (operator.neg, nan, lambda g: -g),
    "abs": (abs, nan, lambda g, x: g * x.sign()),
    "sign": (lambda x: (x > 0) - (x < 0), nan, lambda g: g * 0),
    "relu": (lambda x: x if x > 0 or x != x else type(x)(0), nan, lambda g, y: g * (y > 0)),
    "floor": (_whole(math.floor), nan, lambda g: g * 0),
    "ceil": (_whole(math.ceil), nan, lambda g: g * 0),
    "trunc": (_whole(math.trunc), nan, lambda g: g * 0),
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
        out = laid_out(
            make(kind.keep(applied(value, edge, numbers, count=input.numel())), input._shape, kind), input
        )
        if derivative and input.requires_grad:
            pull, saves = pulled(derivative, {"x": input, "y": out})
            record(node_name(name), out, [input], [pull], saves)
        return out

    function.__name__ = name
    return function


UNARY = {name: unary(name, *entry) for name, entry in (FLOATING | SAME).items()}
UNARY |= {name: unary(name, value, nan, None) for name, value in TRUTH.items()}
for _name, _function in UNARY.items():
    public("torch Tensor" if _name in TRUTH else "torch Tensor in-place", *ALSO.get(_name, ()))(_function)
for _name in ("relu", "sigmoid", "tanh"):
    public("F", _name)(UNARY[_name])


@public("torch Tensor")
def bitwise_not(input: Tensor) -> Tensor:
    """Not, of truth values or bit by bit."""
    if input.dtype.kind == "f":
        raise NotImplementedError(f"\"bitwise_not_cpu\" not implemented for '{input.dtype.title}'")
    turn = operator.not_ if input.dtype.kind == "b" else operator.invert
    return make(input.dtype.keep(list(map(turn, flat(input)))), input._shape, input.dtype)


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
