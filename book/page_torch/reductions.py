"""Sums, means, extremes, scans and sorts along dimensions."""

from __future__ import annotations

import builtins
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from . import dtypes
from .dtypes import dtype
from .registry import TORCH, public
from .shapes import ordered
from .tape import record, renamed
from .tensor import Tensor, axis, flat, make

INF, NAN = math.inf, math.nan
_add, _most, _least = builtins.sum, builtins.max, builtins.min


def dims_of(t: Tensor, dim: Any) -> list[int]:
    """The dimensions meant, each counted from the left; all if none is named."""
    if dim is None or (isinstance(dim, list | tuple) and not dim):
        return list(range(t.ndim))
    dims = [axis(d, t.ndim) for d in (dim if isinstance(dim, list | tuple) else [dim])]
    if len(set(dims)) < len(dims):
        twice = next(d for d in dims if dims.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return dims if t.ndim else []


def lines(t: Tensor, dims: Sequence[int]) -> list[list[Any]]:
    """The numbers along some dimensions, a list for each place in the others."""
    others = [i for i in range(t.ndim) if i not in dims]
    numbers = flat(t if [*others, *dims] == list(range(t.ndim)) else ordered(t.detach(), [*others, *dims]))
    size, count = math.prod(t._shape[i] for i in dims), math.prod(t._shape[i] for i in others)
    return [numbers] if count == 1 else [numbers[i * size : (i + 1) * size] for i in range(count)]


def kept(t: Tensor, dims: Sequence[int], keepdim: bool) -> list[int]:
    """A reduction's shape."""
    return [1 if i in dims else n for i, n in enumerate(t._shape) if keepdim or i not in dims]


def back(g: Tensor, shape: Sequence[int], dims: Sequence[int]) -> Tensor:
    """A reduction's gradient, laid out so that it broadcasts over what was reduced."""
    return g.reshape([1 if i in dims else n for i, n in enumerate(shape)])


def reduced(
    t: Tensor, dims: Sequence[int], keepdim: bool, value: Callable, kind: dtype | None = None
) -> Tensor:
    """A function of the numbers along some dimensions, without a record."""
    kind = kind or t.dtype
    return make(kind.keep([value(row) for row in lines(t, dims)]), kept(t, dims, keepdim), kind)


def _summable(t: Tensor, kind: dtype | None) -> Tensor:
    return t.to(kind or (t.dtype if t.dtype.kind == "f" else dtypes.int64))


def _floating(t: Tensor, told: str) -> Tensor:
    if t.dtype.kind != "f":
        raise NotImplementedError(told)
    return t


def nan_in(row: list[Any]) -> bool:
    return isinstance(row[0], float) and builtins.any(x != x for x in row)


def turned(data: list[Any], t: Tensor, at: int, size: int, kind: dtype) -> Tensor:
    """Lines along a dimension, given one after the other, as a tensor."""
    return make(data, [*t._shape[:at], *t._shape[at + 1 :], size], kind).movedim(-1, at).contiguous()


@public("torch Tensor")
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Σ over dimensions."""
    t, shape = _summable(input, dtype), input._shape
    dims = dims_of(t, dim)
    pull = lambda g: back(g, shape, dims).expand(shape)  # noqa: E731
    return record(f"SumBackward{int(dim is not None)}", reduced(t, dims, keepdim, _add), [t], [pull])


@public("torch Tensor")
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over dimensions divided by their size."""
    t, shape = input if dtype is None else input.to(dtype), input._shape
    told = "Input dtype must be either a floating point or complex dtype."
    _floating(t, f"mean(): could not infer output dtype. {told} Got: {t.dtype.title}")
    dims = dims_of(t, dim)
    count = math.prod(shape[i] for i in dims)
    out = reduced(t, dims, keepdim, lambda row: _add(row) / count if count else NAN)
    pull = lambda g: (back(g, shape, dims) / count).expand(shape)  # noqa: E731
    return record(f"MeanBackward{int(dim is not None)}", out, [t], [pull])


def root(t: Tensor, kind: dtype) -> Tensor:
    """A root, rounded to a dtype at the end; its slope at 0 is taken as 0."""
    pull = lambda g: (g / (2 * t.sqrt())).masked_fill(t == 0, 0.0)  # noqa: E731
    return record("SqrtBackward0", t.detach().sqrt(), [t], [pull], [t]).to(kind)


@public("torch Tensor")
def var(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Σ(x − mean)² / (n − correction)."""
    dim, unbiased = (None, dim) if isinstance(dim, bool) else (dim, unbiased)
    t = _floating(input, "std and var only support floating point and complex dtypes")
    dims, shape = dims_of(t, dim), t._shape
    less = correction if correction is not None else 1 if unbiased is None else int(unbiased)
    left = math.prod(shape[i] for i in dims) - less

    def value(row: list[float]) -> float:
        middle = _add(row) / len(row) if row else NAN
        square = _add([(x - middle) ** 2 for x in row])
        return square / left if left > 0 else NAN if not square > 0 else INF

    pull = lambda g: back(g, shape, dims) * (2 / left if left else NAN) * (t - t.mean(dims, keepdim=True))  # noqa: E731
    return record("VarBackward0", reduced(t, dims, keepdim, value), [t], [pull], [t])


@public("torch Tensor")
def std(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The root of the variance."""
    exact = input.double() if input.dtype.kind == "f" else input
    out = root(var(exact, dim, unbiased, keepdim, correction=correction), input.dtype)
    return renamed("StdBackward0", out)


@public("torch Tensor")
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Π over one dimension, or over all numbers."""
    t = _summable(input, dtype)
    if not t.requires_grad:
        return reduced(t, dims_of(t, dim), keepdim, math.prod)
    parts = (t.reshape(-1) if dim is None else t).unbind(dim or 0)
    out = parts[0]
    for part in parts[1:]:
        out = out * part
    return renamed(
        f"ProdBackward{int(dim is not None)}", out.unsqueeze(dim) if keepdim and dim is not None else out
    )


@public("torch Tensor")
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log Σ exp, without overflow."""
    t, dims, shape = input, dims_of(input, dim), input._shape

    def value(row: list[float]) -> float:
        if row and nan_in(row):
            return NAN
        top = _most(row, default=-INF)
        return top + math.log(_add([math.exp(x - top) for x in row])) if math.isfinite(top) else top

    out = reduced(t, dims, keepdim, value)
    pull = lambda g: back(g, shape, dims) * (t - back(out, shape, dims)).exp()  # noqa: E731
    return record("LogsumexpBackward0", out, [t], [pull], [t, out])


def _truth(name: str) -> None:
    decide = getattr(builtins, name)

    def function(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
        kind = dtypes.uint8 if input.dtype is dtypes.uint8 else dtypes.bool_
        return reduced(input, dims_of(input, dim), keepdim, decide, kind)

    public("torch Tensor", name)(function)


_truth("all")
_truth("any")
public("torch Tensor", "count_nonzero")(lambda input, dim=None: sum(input != 0, dim))


# --- scans, norms and softmax -------------------------------------------------------------------------------


def _scan(t: Tensor, dim: int, step: Callable) -> Tensor:
    at = axis(dim, t.ndim)
    data = (
        [x for row in lines(t, [at]) for x in itertools.accumulate(row, step)] if t._shape else list(flat(t))
    )
    return turned(t.dtype.keep(data), t, at, t._shape[at], t.dtype) if t._shape else make(data, (), t.dtype)


@public("torch Tensor in-place")
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The sums of all up to each place."""
    t = _summable(input, dtype)
    pull = lambda g: g.flip(dim).cumsum(dim).flip(dim)  # noqa: E731
    return record("CumsumBackward0", _scan(t.detach(), dim, operator.add), [t], [pull])


@public("torch Tensor")
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """(Σ|x|ᵖ)^(1/p) over dimensions."""
    t, p = input if dtype is None else input.to(dtype), 2 if p in ("fro", None) else p
    told = f"Expected a floating point or complex tensor as input. Got {t.dtype.title}"
    _floating(t, f"linalg.vector_norm: {told}")
    if p == 2:
        exact = t.double()
        out = root((exact * exact).sum(dim, keepdim), t.dtype)
    elif p in (INF, -INF):
        out = getattr(t.abs(), "amax" if p > 0 else "amin")(() if dim is None else dim, keepdim)
    elif p in (0, 1):
        out = (t.abs() if p else (t != 0).to(t.dtype)).sum(dim, keepdim)
    else:
        total = (t.abs() ** p).sum(dim, keepdim)
        out = (total.masked_fill(total == 0, 1.0) ** (1 / p)).masked_fill(total == 0, 0.0)
    return renamed("LinalgVectorNormBackward0", out)


def _soft(name: str, log: bool) -> None:
    def function(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
        t = input if dtype is None else input.to(dtype)
        if t.dtype.kind != "f":
            raise NotImplementedError(f"\"{name}_lastdim_kernel_impl\" not implemented for '{t.dtype.title}'")
        at, data = axis(dim, t.ndim), []
        for row in lines(t, [at] if t._shape else []):
            top = _most(row)
            if not math.isfinite(top) or nan_in(row):
                data += [NAN] * len(row)
                continue
            powers = [math.exp(x - top) for x in row]
            total = _add(powers)
            less = math.log(total)
            data += [x - top - less for x in row] if log else [e / total for e in powers]
        data = t.dtype.keep(data)
        out = turned(data, t, at, t._shape[at], t.dtype) if t._shape else make(data, (), t.dtype)
        if log:
            pull = lambda g: g - out.exp() * g.sum(at, keepdim=True)  # noqa: E731
        else:
            pull = lambda g: out * (g - (g * out).sum(at, keepdim=True))  # noqa: E731
        return record("LogSoftmaxBackward0" if log else "SoftmaxBackward0", out, [t], [pull], [out])

    public("torch Tensor", name)(function)


_soft("softmax", False)
_soft("log_softmax", True)
softmax, log_softmax = TORCH["softmax"], TORCH["log_softmax"]
