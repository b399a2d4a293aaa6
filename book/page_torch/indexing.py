"""Choosing and putting by index, mask or condition."""

from __future__ import annotations

import math
from typing import Any

from . import dtypes
from .creation import as_tensor
from .dtypes import result_type
from .extremes import lined
from .pointwise import broadcast, repeated, sum_to, values_of
from .registry import TORCH, add_method, in_place, public
from .shapes import expand, select, sliced, unsqueeze
from .tape import record, renamed
from .tensor import Tensor, axis, flat, make, pick, places, spread, strides


def _as_index(item: Any) -> Any:
    """A part of an index as an int, a slice, None, ..., or a tensor."""
    if isinstance(item, Tensor):
        if item.dtype.kind == "f":
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return item.item() if not item._shape and item.dtype.kind == "i" else item
    if isinstance(item, slice) or item is None or item is ...:
        return item
    if isinstance(item, bool | list | tuple | range):
        return as_tensor(item).to(dtypes.int64) if item == [] else as_tensor(item)
    if hasattr(item, "__index__"):
        return item.__index__()
    if isinstance(item, str):
        raise TypeError("new(): invalid data type 'str'")
    told = "integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices"
    raise IndexError(f"only {told} (got {type(item).__name__})")


def _viewed(t: Tensor, index: Any) -> tuple[Tensor, dict[int, Tensor]]:
    """What the ints, slices, None and ... of an index leave, and the tensors by the dimension they choose from."""
    parts = [_as_index(item) for item in (index if isinstance(index, tuple) else (index,))]
    used = sum(p.ndim if _is_mask(p) else int(p is not None and p is not ...) for p in parts)
    if used > t.ndim:
        if not t._shape and len(parts) == 1:
            told = "Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
            raise IndexError(f"invalid index of a 0-dim tensor. {told}")
        raise IndexError(f"too many indices for tensor of dimension {t.ndim}")
    at, chosen, out = 0, {}, t
    for place, part in enumerate(parts):
        if part is ...:
            at += t.ndim - used
        elif part is None:
            out, at = unsqueeze(out, at), at + 1
        elif isinstance(part, slice):
            start, stop, step = (
                None if x is None else x.__index__() for x in (part.start, part.stop, part.step)
            )
            if step is not None and step <= 0:
                raise ValueError("step must be greater than zero")
            start, stop, step = slice(start, stop, step).indices(out._shape[at])
            out, at = sliced(out, at, start, max(start, stop), step), at + 1
        elif _is_mask(part):
            out = out if part.ndim else unsqueeze(out, at)
            for i, size in enumerate(part._shape):
                if size != out._shape[at + i]:
                    told = (
                        f"does not match the shape of the indexed tensor {list(out._shape)} at index {at + i}"
                    )
                    raise IndexError(f"The shape of the mask {list(part._shape)} at index {i} {told}")
            columns = nonzero(part if part.ndim else part.reshape(1), as_tuple=True)
            chosen |= {at + i: column for i, column in enumerate(columns)}
            at += len(columns)
        elif isinstance(part, Tensor):
            chosen[at], at = part, at + 1
        else:
            if not -out._shape[at] <= part < out._shape[at]:
                raise IndexError(
                    f"index {part} is out of bounds for dimension {place} with size {out._shape[at]}"
                )
            out = select(out, at, part)
    return out, chosen


def _is_mask(part: Any) -> bool:
    return isinstance(part, Tensor) and part.dtype.kind == "b"


def _chosen(t: Tensor, chosen: dict[int, Tensor]) -> tuple[list[int], list[int]]:
    """For tensors that choose along dimensions: the places in the order of `t`, and the result's shape."""
    shape: tuple[int, ...] = ()
    try:
        for index in chosen.values():
            shape = broadcast(shape, index._shape)
    except RuntimeError:
        told = ", ".join(str(list(i._shape)) for i in chosen.values())
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {told}"
        ) from None
    steps, dims = strides(t._shape), list(chosen)
    together = [0] * math.prod(shape)
    for dim, index in chosen.items():
        for i, place in enumerate(repeated(index, shape)):
            if not -t._shape[dim] <= place < t._shape[dim]:
                raise IndexError(
                    f"index {place} is out of bounds for dimension {dim} with size {t._shape[dim]}"
                )
            together[i] += place % t._shape[dim] * steps[dim]
    first = dims[0] if dims == list(range(dims[0], dims[0] + len(dims))) else 0
    before, after = (
        [i for i in range(t.ndim) if i not in chosen and (i < first) == side] for side in (True, False)
    )
    lead, tail = ([t._shape[i] for i in part] for part in (before, after))
    heads, tails = places(lead, [steps[i] for i in before]), places(tail, [steps[i] for i in after])
    return [h + m + n for h in heads for m in together for n in tails], [*lead, *shape, *tail]


def _get(self: Tensor, index: Any) -> Tensor:
    out, chosen = _viewed(self, index)
    if chosen:
        return pick(out, *_chosen(out, chosen))
    return renamed("AliasBackward0", self.view(self._shape)) if out is self else out


def _set(self: Tensor, index: Any, value: Any) -> None:
    out, chosen = _viewed(self, index)
    value = value if isinstance(value, Tensor) else as_tensor(value).to(out.dtype)
    while value.ndim > out.ndim and value._shape[0] == 1 and not chosen:
        value = value.squeeze(0)
    if not chosen:
        out.copy_(value)
        return
    if value.dtype is not out.dtype and value._shape:
        told = f"got {out.dtype.title} for the destination and {value.dtype.title} for the source."
        raise RuntimeError(f"Index put requires the source and destination dtypes match, {told}")
    there, shape = _chosen(out, chosen)
    try:
        value = expand(value.to(out.dtype), shape)
    except RuntimeError:
        told = f"{list(value._shape)} cannot be broadcast to indexing result of shape {shape}"
        raise RuntimeError(f"shape mismatch: value tensor of shape {told}") from None
    in_place(lambda t: replaced(t, there, value), "index_put")(out)


add_method("__getitem__", _get)
add_method("__setitem__", _set)


def replaced(t: Tensor, there: list[int], value: Tensor) -> Tensor:
    """A copy with other numbers at places in its order, the last one given to each."""
    data, shape = list(flat(t)), value._shape
    for place, x in zip(there, flat(value), strict=True):
        data[place] = x
    gone, last = set(there), {place: i for i, place in enumerate(there)}
    left = [-1 if i in gone else i for i in range(len(data))]
    used = [place if last[place] == i else -1 for i, place in enumerate(there)]
    pulls = [lambda g: pick(g, left, g._shape), lambda g: pick(g, used, shape)]
    return record("IndexPutBackward0", make(data, t._shape, t.dtype), [t, value], pulls)


@public("torch Tensor")
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of all numbers other than 0."""
    found = [i for i, x in enumerate(flat(input)) if x]
    columns, rest, size = [], found, [len(found)]
    for step in strides(input._shape):
        columns.append(make([i // step for i in rest], size, dtypes.int64))
        rest = [i % step for i in rest]
    return tuple(columns) if as_tuple else TORCH["stack"](columns, 1)


@public("torch")
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, else other; without both, where it holds."""
    if not isinstance(condition, Tensor):
        told = f"argument 'condition' (position 1) must be Tensor, not {type(condition).__name__}"
        raise TypeError(f"where(): {told}")
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if condition.dtype not in (dtypes.bool_, dtypes.uint8):
        told = f"a boolean tensor, but got a tensor with dtype {condition.dtype.title}"
        raise RuntimeError(f"where expected condition to be {told}")
    kind, shape = result_type(input, other), condition._shape
    for value in (input, other):
        shape = broadcast(shape, value._shape) if isinstance(value, Tensor) else shape
    columns = (values_of(value, kind, shape) for value in (input, other))
    data = [a if c else b for c, a, b in zip(repeated(condition, shape), *columns, strict=False)]
    both = [(v, place) for place, v in enumerate((input, other)) if isinstance(v, Tensor)]

    def pull_of(value: Tensor, place: int) -> Any:
        return lambda g: sum_to(where(condition, 0.0, g) if place else where(condition, g, 0.0), value)

    pulls = [pull_of(value, place) for value, place in both]
    return record("WhereBackward0", make(data, shape, kind), [v for v, _ in both], pulls, [condition])


public("Tensor", "where")(lambda self, condition, other: where(condition, self, other))


@public("torch Tensor in-place")
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with `value` where the mask holds."""
    if not isinstance(mask, Tensor):
        raise TypeError(
            f"masked_fill(): argument 'mask' (position 1) must be Tensor, not {type(mask).__name__}"
        )
    if mask.dtype.kind != "b":
        names = {"float32": "float", "float64": "double", "int64": "long int", "int32": "int"}
        told = names.get(mask.dtype.name, mask.dtype.name)
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {told}")
    number = value.item() if isinstance(value, Tensor) else value
    if isinstance(number, float) and input.dtype.kind == "i" and not number.is_integer():
        raise RuntimeError(f"value cannot be converted to type {input.dtype.name}_t without overflow")
    return renamed(
        f"MaskedFillBackward{int(isinstance(value, Tensor))}",
        where(mask, as_tensor(value).to(input.dtype), input),
    )


# --- along a dimension --------------------------------------------------------------------------------------


def _there(t: Tensor, dim: int, index: Any, name: str, src: Any = None) -> list[int]:
    """The places in the order of `t` that an index along a dimension means; checked as torch checks it."""
    if not isinstance(index, Tensor):
        raise TypeError(f"{name}(): argument 'index' (position 2) must be Tensor, not {type(index).__name__}")
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if max(t.ndim, 1) != max(index.ndim, 1):
        told = "input" if name == "gather" else "self"
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {told} tensor")
    at, sizes = axis(dim, t.ndim), list(t._shape or (1,))
    wide = src._shape if isinstance(src, Tensor) and src._shape else index._shape
    for i, n in enumerate(index._shape):
        if (i != at and n > sizes[i]) or n > wide[i]:
            mine = f"{list(index._shape)} to be no larger than self {sizes} apart from dimension {at}"
            told = f" and to be no larger size than src {list(wide)}" if src is not None else ""
            lead = (
                f"Size does not match at dimension {i} expected index"
                if name == "gather"
                else "Expected index"
            )
            raise RuntimeError(f"{lead} {mine}{told}")
    for place in flat(index):
        if not 0 <= place < sizes[at]:
            raise RuntimeError(f"index {place} is out of bounds for dimension {at} with size {sizes[at]}")
    return lined(index, sizes, at) if index._shape else list(flat(index))


@public("torch Tensor")
def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on."""
    return pick(input, _there(input, dim, index, "gather"), index._shape, "GatherBackward0")


@public("torch Tensor")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The places of an index along a dimension."""
    if not isinstance(index, Tensor):
        told = f"argument 'index' (position 2) must be Tensor, not {type(index).__name__}"
        raise TypeError(f"index_select(): {told}")
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    at, shape = axis(dim, input.ndim), list(input._shape)
    if any(not 0 <= place < shape[at] for place in flat(index)):
        raise IndexError("index out of range in self")
    return renamed("IndexSelectBackward0", input[(slice(None),) * at + (index.reshape(-1),)])


def _source(src: Any, t: Tensor, index: Tensor) -> Tensor:
    """What is put at an index: its first entries along every dimension."""
    if not isinstance(src, Tensor):
        return as_tensor(src).to(t.dtype).expand(index._shape)
    if src.dtype is not t.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    return src[tuple(slice(0, n) for n in index._shape)] if src._shape else src


@public("torch Tensor in-place")
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    """A copy with src[i][j] put at [index[i][j]][j] for dim 0, and so on."""
    src = src if value is None else value
    out = replaced(input, _there(input, dim, index, "scatter", src), _source(src, input, index))
    return renamed(f"ScatterBackward{int(not isinstance(src, Tensor))}", out)


@public("torch Tensor in-place")
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with src[i][j] added at [index[i][j]][j] for dim 0, and so on."""
    added = spread(_source(src, input, index), _there(input, dim, index, "scatter_add", src), input._shape)
    return renamed("ScatterAddBackward0", input + added)


# --- triangles and diagonals --------------------------------------------------------------------------------


def _triangle(name: str, sign: int) -> None:
    def function(input: Tensor, diagonal: int = 0) -> Tensor:
        if input.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        rows, columns = input._shape[-2:]
        inside = [sign * (j - i - diagonal) >= 0 for i in range(rows) for j in range(columns)]
        there = [i if inside[i % len(inside)] else -1 for i in range(input.numel())]
        return pick(input, there, input._shape, f"{name.capitalize()}Backward0")

    public("torch Tensor in-place", name)(function)


_triangle("tril", -1)
_triangle("triu", 1)


@public("torch Tensor")
def diag_embed(input: Tensor, offset: int = 0) -> Tensor:
    """The last dimension as the diagonal of a square matrix."""
    count, size = input._shape[-1], input._shape[-1] + abs(offset)
    row, column, outer = max(-offset, 0), max(offset, 0), math.prod(input._shape[:-1])
    there = [k * size * size + (row + i) * size + column + i for k in range(outer) for i in range(count)]
    return renamed("DiagEmbedBackward0", spread(input, there, [*input._shape[:-1], size, size]))


@public("torch Tensor")
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix's diagonal, or the matrix with this diagonal."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return (
        diag_embed(input, diagonal)
        if input.ndim == 1
        else renamed("DiagonalBackward0_copy", input.diagonal(diagonal).clone())
    )


@public("torch Tensor")
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return renamed("TraceBackward0", input.diagonal().sum())
