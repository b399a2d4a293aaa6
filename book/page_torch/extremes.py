"""The largest, the smallest, the middle, and all in order; with the places they had."""

from __future__ import annotations

import builtins
import math
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

from . import dtypes
from .reductions import back, dims_of, kept, lines, nan_in, reduced, turned
from .registry import public
from .tape import record
from .tensor import Tensor, axis, flat, make, pick, strides

_most, _least = builtins.max, builtins.min


def no_bool(t: Tensor, told: str) -> None:
    if t.dtype.kind == "b":
        raise NotImplementedError(told)


def _place(choose: Callable) -> Callable:
    """The place of a line's largest or smallest, the first of several; of a NaN if there is one."""

    def place(row: list[Any]) -> int:
        return next((i for i, x in enumerate(row) if x != x), None) if nan_in(row) else row.index(choose(row))

    return place


def result(name: str, *fields: str) -> type:
    """A named tuple of torch.return_types; of values and their places, if no fields are named."""
    made = namedtuple(name, fields or ("values", "indices"))
    made.__module__, made.__qualname__ = "torch.return_types", f"torch.return_types.{name}"
    made.__name__ = made.__qualname__  # as an operator that refuses it calls it
    made.__repr__ = lambda self: f"torch.return_types.{name}(\n" + ",\n".join(
        f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True)
    ) + ")"  # fmt: skip
    return made


def _refuse_empty(t: Tensor, dim: Any, dims: list[int], name: str) -> None:
    if dim is None and not t.numel():
        told = "for input.numel() == 0. Specify the reduction dim with the 'dim' argument."
        error = IndexError if name.startswith("arg") else RuntimeError
        raise error(f"{name}(): Expected reduction dim to be specified {told}")
    if dim is not None and t._shape and not math.prod(t._shape[i] for i in dims):
        raise IndexError(f"{name}(): Expected reduction dim {dims[0]} to have non-zero size.")


def _along(t: Tensor, dim: int, keepdim: bool, name: str, place_of: Callable) -> Any:
    """One number of each line, and its place there."""
    dims = dims_of(t, dim)
    _refuse_empty(t, dim, dims, name)
    found, shape = [place_of(row) for row in lines(t, dims)], kept(t, dims, keepdim)
    steps, starts = strides(t._shape), [0]
    for i, size in enumerate(t._shape):
        starts = starts if i in dims else [s + j * steps[i] for s in starts for j in range(size)]
    there = [s + i * (steps[dims[0]] if dims else 1) for s, i in zip(starts, found, strict=True)]
    return result(name)(
        pick(t, there, shape, f"{name.capitalize()}Backward{int(name == 'median')}"),
        make(found, shape, dtypes.int64),
    )


def _evenly(t: Tensor, dim: Any, keepdim: bool, name: str, place: Callable) -> Tensor:
    """One number over dimensions; its gradient is shared among equals."""
    dims, shape = dims_of(t, dim), t._shape
    _refuse_empty(t, dim or None, dims, name)
    out = reduced(t, dims, keepdim, lambda row: row[place(row)])

    def pull(g: Tensor) -> Tensor:
        mask = t == back(out, shape, dims)
        return back(g, shape, dims) * mask / mask.sum(dims, keepdim=True)

    return record(f"{name.capitalize()}Backward{int(len(name) == 3)}", out, [t], [pull], [t, out])


def _extremes(name: str, choose: Callable, pairwise: str) -> None:
    def extreme(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        other = dim if isinstance(dim, Tensor) else other
        if other is not None:
            return getattr(input, pairwise)(other)
        return (_evenly if dim is None else _along)(input, dim, keepdim, name, _place(choose))

    def places(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        no_bool(input, f"arg{name}(): does not support bool input")
        t = input.detach().reshape(-1) if dim is None else input.detach()
        _refuse_empty(t, dim, [], f"arg{name}")
        return _along(t, dim or 0, keepdim and dim is not None, f"arg{name}", _place(choose)).indices

    public("torch Tensor", name)(extreme)
    public("torch Tensor", f"arg{name}")(places)
    public("torch Tensor", f"a{name}")(
        lambda input, dim=(), keepdim=False: _evenly(input, dim, keepdim, f"a{name}", _place(choose))
    )


_extremes("max", _most, "maximum")
_extremes("min", _least, "minimum")


def _order(row: list[Any], descending: bool = False) -> list[int]:
    """The places of a line's numbers in order; NaN counts as the largest, equals keep their order."""
    return sorted(
        range(len(row)), key=lambda i: (row[i] != row[i], row[i] == row[i] and row[i]), reverse=descending
    )


@public("torch Tensor")
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle number, of two the smaller."""

    def middle(row: list[Any]) -> int:
        return _place(_least)(row) if nan_in(row) else _order(row)[(len(row) - 1) // 2]

    no_bool(input, "\"median_cpu\" not implemented for 'Bool'")
    if dim is None:
        return _evenly(input, None, False, "median", middle)
    return _along(input, dim, keepdim, "median", middle)


def lined(index: Tensor, shape: Sequence[int], at: int) -> list[int]:
    """For an index along a dimension, the places in the order of a tensor of a shape."""
    steps, starts = strides(shape), [0]
    for i, size in enumerate(index._shape):
        step = steps[i] if i != at else 0
        starts = [s + j * step for s in starts for j in range(size)]
    return [s + i * steps[at] for s, i in zip(starts, flat(index), strict=True)]


def _whole_lines(t: Tensor, dim: int, orders: Callable, name: str, size: int | None = None) -> Any:
    """Each line's numbers in another order, and the places they had."""
    if not t._shape:
        return result(name)(t.clone(), make([0], (), dtypes.int64))
    at = axis(dim, t.ndim)
    size = t._shape[at] if size is None else size
    found = [i for row in lines(t, [at]) for i in orders(row)[:size]]
    ranks = turned(found, t, at, size, dtypes.int64)
    return result(name)(
        pick(t, lined(ranks, t._shape, at), ranks._shape, f"{name.capitalize()}Backward0"), ranks
    )


@public("torch Tensor")
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Each line's numbers in order, and the places they had; equals keep their order."""
    return _whole_lines(input, dim, lambda row: _order(row, descending), "sort")


@public("torch Tensor")
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The places of each line's numbers in order."""
    return sort(input.detach(), dim, descending).indices


@public("torch Tensor")
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """Each line's k largest or smallest, in order, and their places."""
    no_bool(input, "topk does not support bool dtypes on CPU")
    if k > (input._shape[axis(dim, input.ndim)] if input._shape else 1):
        raise RuntimeError("selected index k out of range")
    return _whole_lines(input, dim, lambda row: _order(row, largest), "topk", k)


@public("torch Tensor")
def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> Any:
    """The different numbers in order; if asked, which of them each was, and how often each is there."""
    numbers, found = flat(input), builtins.sorted(set(flat(input)))
    order, out = {x: i for i, x in enumerate(found)}, [make(found, [len(found)], input.dtype)]
    if return_inverse:
        out.append(make([order[x] for x in numbers], input._shape, dtypes.int64))
    if return_counts:
        out.append(make([numbers.count(x) for x in found], [len(found)], dtypes.int64))
    return tuple(out) if len(out) > 1 else out[0]
