"""Sums, means, extremes, scans and sorts along dimensions."""

from __future__ import annotations

import builtins
import itertools
import math
import operator
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

from . import dtypes
from .dtypes import dtype
from .registry import PUBLIC, add_method, as_function, public
from .shapes import _ordered
from .tape import record, renamed
from .tensor import Tensor, axis, dtypes_zero, flat, make, pick, spread, strides

INF, NAN = math.inf, math.nan
_add, _most, _least, _every, _some = builtins.sum, builtins.max, builtins.min, builtins.all, builtins.any


def dims_of(t: Tensor, dim: Any, empty_is_all: bool = True) -> list[int]:
    """The dimensions meant, each counted from the left; all if none is named."""
    if dim is None or (isinstance(dim, list | tuple) and not dim and empty_is_all):
        return list(range(t.ndim))
    dims = [axis(d, t.ndim) for d in (dim if isinstance(dim, list | tuple) else [dim])]
    for place, d in enumerate(dims):
        if d in dims[:place]:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return dims if t.ndim else []


def lines(t: Tensor, dims: Sequence[int]) -> tuple[list[list[Any]], list[int]]:
    """The numbers along some dimensions, a list for each place in the others; and the others' shape."""
    others = [i for i in range(t.ndim) if i not in dims]
    shape = [t._shape[i] for i in others]
    last = list(dims) == list(range(t.ndim - len(dims), t.ndim))
    numbers = flat(t if last else _ordered(t.detach(), [*others, *dims], ""))
    size = math.prod(t._shape[i] for i in dims)
    if not size:
        return [[] for _ in range(math.prod(shape))], shape
    if size == len(numbers):
        return [numbers], shape
    return [numbers[i : i + size] for i in range(0, len(numbers), size)], shape


def kept_shape(t: Tensor, dims: Sequence[int], keepdim: bool) -> list[int]:
    """A reduction's shape."""
    return [1 if i in dims else n for i, n in enumerate(t._shape) if keepdim or i not in dims]


def back(g: Tensor, shape: Sequence[int], dims: Sequence[int]) -> Tensor:
    """A reduction's gradient, laid out so that it broadcasts over what was reduced."""
    return g.reshape([1 if i in dims else n for i, n in enumerate(shape)])


def floating(t: Tensor, kind: dtype | None, name: str) -> Tensor:
    """The tensor in the dtype asked for, which must be floating point."""
    t = t if kind is None else t.to(kind)
    if t.dtype.kind != "f":
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {t.dtype.title}"
        )
    return t


@public("torch Tensor")
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Σ over dimensions."""
    kind = dtype or (input.dtype if input.dtype.kind == "f" else dtypes.int64)
    t = input if input.dtype is kind or input.dtype.kind != "f" and kind.kind == "i" else input.to(kind)
    dims = dims_of(t, dim)
    rows, _ = lines(t, dims)
    data = kind.keep([_add(row) for row in rows])
    shape = t._shape
    name = "SumBackward0" if dim is None else "SumBackward1"
    return record(
        name,
        make(data, kept_shape(t, dims, keepdim), kind),
        [t],
        [lambda g: back(g, shape, dims).expand(shape)],
    )


@public("torch Tensor")
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over dimensions divided by their size."""
    t = floating(input, dtype, "mean")
    dims = dims_of(t, dim)
    rows, _ = lines(t, dims)
    count = math.prod(t._shape[i] for i in dims)
    data = t.dtype.keep([_add(row) / count if count else NAN for row in rows])
    shape = t._shape
    name = "MeanBackward0" if dim is None else "MeanBackward1"
    pull = lambda g: (back(g, shape, dims) / count).expand(shape)  # noqa: E731
    return record(name, make(data, kept_shape(t, dims, keepdim), t.dtype), [t], [pull])


def _root(t: Tensor) -> Tensor:
    """A root whose slope at 0 is taken as 0."""
    root = t.detach().sqrt()
    pull = lambda g: (g / (2 * t.sqrt())).masked_fill(t == 0, 0.0)  # noqa: E731
    return record("SqrtBackward0", root, [t], [pull], [t])


@public("torch Tensor")
def var(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Σ(x − mean)² / (n − correction)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    t = floating(input, None, "var") if input.dtype.kind == "f" else _no_deviation()
    dims = dims_of(t, dim)
    less = (
        1 if correction is None and unbiased is None else int(unbiased) if correction is None else correction
    )
    count = math.prod(t._shape[i] for i in dims)
    rows, _ = lines(t, dims)
    data, shape = [], t._shape
    for row in rows:
        middle = _add(row) / count if count else NAN
        square = _add([(x - middle) ** 2 for x in row]) if count else NAN
        data.append(
            square / (count - less) if count > less else NAN if square == 0 or square != square else INF
        )
    pull = lambda g: back(g, shape, dims) * (2 / (count - less)) * (t - t.mean(dims, keepdim=True))  # noqa: E731
    return record(
        "VarBackward0", make(t.dtype.keep(data), kept_shape(t, dims, keepdim), t.dtype), [t], [pull], [t]
    )


def _no_deviation() -> Any:
    raise RuntimeError("std and var only support floating point and complex dtypes")


@public("torch Tensor")
def std(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The root of the variance."""
    if input.dtype is dtypes.float64 or input.dtype.kind != "f":
        return renamed("StdBackward0", _root(var(input, dim, unbiased, keepdim, correction=correction)))
    exact = var(input.double(), dim, unbiased, keepdim, correction=correction)
    return renamed("StdBackward0", _root(exact).to(input.dtype))


for _name in ("var", "std"):

    def _both(
        input: Tensor, dim: Any = None, *, _name: str = _name, **settings: Any
    ) -> tuple[Tensor, Tensor]:
        return getattr(input, _name)(dim, **settings), input.mean(dim, keepdim=settings.get("keepdim", False))

    PUBLIC["torch"][f"{_name}_mean"] = as_function(_both, f"{_name}_mean", "torch")


@public("torch Tensor")
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Π over one dimension, or over all numbers."""
    kind = dtype or (input.dtype if input.dtype.kind == "f" else dtypes.int64)
    t = input if input.dtype is kind else input.to(kind)
    if t.requires_grad:
        parts = (t.reshape(-1) if dim is None else t).unbind(dim or 0)
        out = make([1.0], (), kind) if not parts else parts[0]
        for part in parts[1:]:
            out = out * part
        return renamed(
            f"ProdBackward{0 if dim is None else 1}",
            out.unsqueeze(dim) if keepdim and dim is not None else out,
        )
    dims = dims_of(t, dim)
    rows, _ = lines(t, dims)
    return make(kind.keep([math.prod(row) for row in rows]), kept_shape(t, dims, keepdim), kind)


@public("torch Tensor")
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log Σ exp, without overflow."""
    t = input if input.dtype.kind == "f" else input.to(dtypes.DEFAULT[0])
    dims = dims_of(t, dim)
    rows, _ = lines(t, dims)
    shape = t._shape

    def value(row: list[float]) -> float:
        top = _most(row, default=-INF)
        if not math.isfinite(top):
            return NAN if _some(x != x for x in row) else top
        return top + math.log(_add([math.exp(x - top) for x in row]))

    out = make(t.dtype.keep([value(row) for row in rows]), kept_shape(t, dims, keepdim), t.dtype)
    pull = lambda g: back(g, shape, dims) * (t - back(out, shape, dims)).exp()  # noqa: E731
    return record("LogsumexpBackward0", out, [t], [pull], [t, out])


def truth(input: Tensor, dim: Any, keepdim: bool, decide: Callable) -> Tensor:
    dims = dims_of(input, dim)
    rows, _ = lines(input, dims)
    kind = dtypes.uint8 if input.dtype is dtypes.uint8 else dtypes.bool_
    return make(kind.keep([decide(row) for row in rows]), kept_shape(input, dims, keepdim), kind)


@public("torch Tensor")
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all numbers are other than 0."""
    return truth(input, dim, keepdim, _every)


@public("torch Tensor")
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether some number is other than 0."""
    return truth(input, dim, keepdim, _some)


@public("torch Tensor")
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many numbers are other than 0."""
    return sum(input != 0, dim)


# --- extremes -----------------------------------------------------------------------------------------------


def _extreme(row: list[Any], choose: Callable) -> int:
    """The place of the largest or smallest, the first of several; of a NaN if there is one."""
    best = choose(row)
    if best != best or (isinstance(best, float) and _some(x != x for x in row)):
        return next(i for i, x in enumerate(row) if x != x)
    return row.index(best)


def result(name: str) -> type:
    """The named tuple of values and their places."""
    made = namedtuple(name, ("values", "indices"))
    made.__module__ = "torch.return_types"
    made.__qualname__ = f"torch.return_types.{name}"
    made.__repr__ = lambda self: (
        f"torch.return_types.{name}(\nvalues={self.values!r},\nindices={self.indices!r})"
    )
    return made


def _along(t: Tensor, dim: int, keepdim: bool, name: str, place_of: Callable) -> Any:
    """One number of each line, and its place there."""
    dims = dims_of(t, dim)
    if t._shape and t._shape[dims[0]] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dims[0]} to have non-zero size.")
    rows, shape = lines(t, dims)
    found = [place_of(row) for row in rows]
    kept = kept_shape(t, dims, keepdim)
    values = pick(t, along(t._shape, dims, found), kept, f"{name.capitalize()}Backward0")
    return result(name)(values, make(found, kept, dtypes.int64))


def along(shape: Sequence[int], dims: Sequence[int], found: list[int]) -> list[int]:
    """The places in the order of a tensor of these places in its lines."""
    steps = strides(shape)
    starts = [0]
    for i, (size, step) in enumerate(zip(shape, steps, strict=True)):
        if i not in dims:
            starts = [s + j * step for s in starts for j in range(size)]
    step = steps[dims[0]] if dims else 1
    return [s + i * step for s, i in zip(starts, found, strict=True)]


def _evenly(t: Tensor, dim: Any, keepdim: bool, name: str, choose: Callable) -> Tensor:
    """An extreme over dimensions; its gradient is shared among equals."""
    dims = dims_of(t, dim)
    if not math.prod(t._shape[i] for i in dims):
        if dim is None:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
                "the 'dim' argument."
            )
        raise IndexError(f"{name}(): Expected reduction dim {dims[0]} to have non-zero size.")
    rows, _ = lines(t, dims)
    shape = t._shape
    out = make([row[_extreme(row, choose)] for row in rows], kept_shape(t, dims, keepdim), t.dtype)

    def pull(g: Tensor) -> Tensor:
        mask = t == back(out, shape, dims)
        return back(g, shape, dims) * mask / mask.sum(dims, keepdim=True)

    number = 1 if name in {"max", "min"} else 0
    return record(f"{name.capitalize()}Backward{number}", out, [t], [pull], [t, out])


for _name, _choose, _entrywise in (("max", _most, "maximum"), ("min", _least, "minimum")):

    def _of(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None,
            _name: str = _name, _choose: Callable = _choose, _entrywise: str = _entrywise) -> Any:  # fmt: skip
        if isinstance(dim, Tensor) or other is not None:
            return getattr(input, _entrywise)(dim if other is None else other)
        if dim is None:
            return _evenly(input, None, False, _name, _choose)
        return _along(input, dim, keepdim, _name, lambda row: _extreme(row, _choose))

    def _am(input: Tensor, dim: Any = (), keepdim: bool = False,
            _name: str = f"a{_name}", _choose: Callable = _choose) -> Tensor:  # fmt: skip
        return _evenly(input, dim, keepdim, _name, _choose)

    def _arg(input: Tensor, dim: int | None = None, keepdim: bool = False,
             _choose: Callable = _choose, _name: str = f"arg{_name}") -> Tensor:  # fmt: skip
        if not input.numel() and dim is None:
            raise IndexError(f"{_name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                             "reduction dim with the 'dim' argument.")  # fmt: skip
        if dim is None:
            place = make([_extreme(list(flat(input)), _choose)], (), dtypes.int64)
            return place.reshape([1] * input.ndim) if keepdim else place
        return _along(input.detach(), dim, keepdim, _name, lambda row: _extreme(row, _choose)).indices

    public("torch Tensor", _name)(_of)
    public("torch Tensor", f"a{_name}")(_am)
    public("torch Tensor", f"arg{_name}")(_arg)


@public("torch Tensor")
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the largest."""
    return namedtuple("aminmax", ("min", "max"))(input.amin(dim, keepdim), input.amax(dim, keepdim))


def _order(row: list[Any], descending: bool) -> list[int]:
    """The places of a line's numbers in order; NaN counts as the largest, equals keep their order."""
    key = lambda i: (row[i] != row[i], row[i] if row[i] == row[i] else 0)  # noqa: E731
    return sorted(range(len(row)), key=key, reverse=descending)


@public("torch Tensor")
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle number, of two the smaller."""

    def middle(row: list[Any]) -> int:
        nan = [i for i, x in enumerate(row) if x != x]
        return nan[0] if nan else _order(row, False)[(len(row) - 1) // 2]

    if dim is not None:
        return _along(input, dim, keepdim, "median", middle)
    numbers = list(flat(input))
    return pick(input, [middle(numbers)], (), "MedianBackward0") if numbers else make([NAN], (), input.dtype)


def _whole_lines(
    t: Tensor, dim: int, orders: Callable, name: str, size: int | None = None
) -> tuple[Tensor, Tensor]:
    """Each line's numbers in another order, and the places they had."""
    dims = dims_of(t, dim)
    if not dims:
        return t.clone(), make([0], (), dtypes.int64)
    rows, shape = lines(t, dims)
    size = t._shape[dims[0]] if size is None else size
    found = [orders(row)[:size] for row in rows]
    at = dims[0]
    shape = [size if i == at else n for i, n in enumerate(t._shape)]
    turned = [*shape[:at], *shape[at + 1 :], size]
    ranks = make([i for row in found for i in row], turned, dtypes.int64).movedim(-1, at).contiguous()
    return pick(t, flat(lined(ranks, t._shape, at)), shape, name), ranks


def lined(index: Tensor, shape: Sequence[int], at: int) -> Tensor:
    """For an index along a dimension, the places in the order of a tensor of a shape."""
    steps, starts = strides(shape), [0]
    for i, size in enumerate(index._shape):
        step = steps[i] if i != at else 0
        starts = [s + j * step for s in starts for j in range(size)]
    return make(
        [s + i * steps[at] for s, i in zip(starts, flat(index), strict=True)], index._shape, dtypes.int64
    )


@public("torch Tensor")
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Each line's numbers in order, and the places they had; equals keep their order."""
    return result("sort")(*_whole_lines(input, dim, lambda row: _order(row, descending), "SortBackward0"))


@public("torch Tensor")
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The places of each line's numbers in order."""
    return sort(input.detach(), dim, descending).indices


@public("torch Tensor")
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """Each line's k largest or smallest, in order, and their places."""
    size = input._shape[axis(dim, input.ndim)] if input._shape else 1
    if k > size:
        raise RuntimeError("selected index k out of range")
    return result("topk")(*_whole_lines(input, dim, lambda row: _order(row, largest), "TopkBackward0", k))


@public("torch Tensor")
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """Each line's k-th smallest, counted from 1."""
    return _along(input, dim, keepdim, "kthvalue", lambda row: _order(row, False)[k - 1])


@public("torch Tensor")
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: Any = None,
) -> Any:
    """The different numbers in order; if asked, which of them each was, and how often each is there."""
    if dim is not None:
        raise RuntimeError("unique along a dimension is not in the page: run this in JupyterLab")
    numbers = flat(input)
    found = builtins.sorted(set(numbers))
    order = {x: i for i, x in enumerate(found)}
    out = [make(found, [len(found)], input.dtype)]
    if return_inverse:
        out.append(make([order[x] for x in numbers], input._shape, dtypes.int64))
    if return_counts:
        counts = [0] * len(found)
        for x in numbers:
            counts[order[x]] += 1
        out.append(make(counts, [len(found)], dtypes.int64))
    return out[0] if len(out) == 1 else tuple(out)


# --- scans --------------------------------------------------------------------------------------------------


def _scan(t: Tensor, dim: int, step: Callable) -> Tensor:
    dims = dims_of(t, dim)
    if not dims:
        return t.clone()
    rows, _ = lines(t, dims)
    at = dims[0]
    data = t.dtype.keep([x for row in rows for x in itertools.accumulate(row, step)])
    turned = [*t._shape[:at], *t._shape[at + 1 :], t._shape[at]]
    return make(data, turned, t.dtype).movedim(-1, at).contiguous()


@public("torch Tensor in-place")
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The sums of all up to each place."""
    kind = dtype or (input.dtype if input.dtype.kind == "f" else dtypes.int64)
    t = input if input.dtype is kind else input.to(kind)
    pull = lambda g: g.flip(dim).cumsum(dim).flip(dim)  # noqa: E731
    return record("CumsumBackward0", _scan(t.detach(), dim, operator.add), [t], [pull])


@public("torch Tensor in-place")
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The products of all up to each place."""
    kind = dtype or (input.dtype if input.dtype.kind == "f" else dtypes.int64)
    t = input if input.dtype is kind else input.to(kind)
    if not t.requires_grad:
        return _scan(t, dim, operator.mul)
    parts = list(itertools.accumulate(t.unbind(dim), operator.mul))
    return renamed("CumprodBackward0", PUBLIC["torch"]["stack"](parts, dim))


@public("torch Tensor")
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log of the sums of exp up to each place."""
    size = input._shape[axis(dim, input.ndim)]
    parts = [input.narrow(dim, 0, i + 1).logsumexp(dim) for i in range(size)]
    return renamed("LogcumsumexpBackward0", PUBLIC["torch"]["stack"](parts, dim))


for _name in ("cummax", "cummin"):

    def _cumulative(input: Tensor, dim: int, _name: str = _name) -> Any:
        better = operator.ge if _name == "cummax" else operator.le

        def orders(row: list[Any]) -> list[int]:
            return list(
                itertools.accumulate(range(len(row)), lambda i, j: j if better(row[j], row[i]) else i)
            )

        return result(_name)(*_whole_lines(input, dim, orders, f"{_name.capitalize()}Backward0"))

    public("torch Tensor", _name)(_cumulative)


@public("torch Tensor")
def diff(input: Tensor, n: int = 1, dim: int = -1) -> Tensor:
    """Each place less the one before."""
    for _ in range(n):
        size = input._shape[axis(dim, input.ndim)]
        input = input.narrow(dim, 1, size - 1) - input.narrow(dim, 0, size - 1)
    return input


# --- norms and softmax --------------------------------------------------------------------------------------


@public("torch Tensor")
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """(Σ|x|ᵖ)^(1/p) over dimensions."""
    if input.dtype.kind != "f" and dtype is None:
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {input.dtype.title}"
        )
    t = input if dtype is None else input.to(dtype)
    p = 2 if p in ("fro", None) else float(p) if isinstance(p, int | float) else p
    dim = None if dim is None else dim
    if p == 2:
        exact = t if t.dtype is dtypes.float64 else t.double()
        out = _root((exact * exact).sum(dim, keepdim))
        out = out if t.dtype is dtypes.float64 else out.to(t.dtype)
    elif p == INF:
        out = t.abs().amax(dim if dim is not None else (), keepdim)
    elif p == -INF:
        out = t.abs().amin(dim if dim is not None else (), keepdim)
    elif p == 0:
        out = (t != 0).to(t.dtype).sum(dim, keepdim)
    elif p == 1:
        out = t.abs().sum(dim, keepdim)
    elif isinstance(p, float):
        out = (t.abs() ** p).sum(dim, keepdim) ** (1 / p)
    else:
        raise RuntimeError(f"the norm {p!r} is not in the page: run this in JupyterLab")
    return renamed("LinalgVectorNormBackward0", out)


@public("torch Tensor")
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """exp(x) / Σ exp(x) along a dimension."""
    return _soft(input if dtype is None else input.to(dtype), dim, False)


@public("torch Tensor")
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """x − log Σ exp(x) along a dimension."""
    return _soft(input if dtype is None else input.to(dtype), dim, True)


def _soft(t: Tensor, dim: int, log: bool) -> Tensor:
    name = "log_softmax_lastdim_kernel_impl" if log else "softmax_lastdim_kernel_impl"
    if t.dtype.kind != "f":
        raise NotImplementedError(f"\"{name}\" not implemented for '{t.dtype.title}'")
    dims = dims_of(t, dim)
    rows, _ = lines(t, dims)
    data: list[float] = []
    for row in rows:
        top = _most(row)
        if not math.isfinite(top) or _some(x != x for x in row):
            data += [NAN] * len(row)
            continue
        powers = [math.exp(x - top) for x in row]
        total = _add(powers)
        if log:
            less = math.log(total)
            data += [x - top - less for x in row]
        else:
            data += [e / total for e in powers]
    out = make(t.dtype.keep(data), [*kept_shape(t, dims, False), *(t._shape[i] for i in dims)], t.dtype)
    if dims and dims[0] != t.ndim - 1:
        out = out.movedim(-1, dims[0]).contiguous()
    if log:
        pull = lambda g: g - out.exp() * g.sum(dims, keepdim=True)  # noqa: E731
    else:
        pull = lambda g: out * (g - (g * out).sum(dims, keepdim=True))  # noqa: E731
    return record("LogSoftmaxBackward0" if log else "SoftmaxBackward0", out, [t], [pull], [out])
