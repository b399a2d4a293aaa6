"""Choosing and putting by index, mask or condition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import dtypes
from .dtypes import promote, result_type
from .pointwise import broadcast, spread_over, sum_to, values_of
from .reductions import dims_of, lined
from .registry import PUBLIC, add_method, as_function, in_place, public
from .shapes import expand, select, sliced, unsqueeze
from .tape import record, renamed
from .tensor import Tensor, _nested, axis, dtypes_zero, flat, make, pick, places, spread, strides


def _as_index(item: Any) -> Any:
    """A part of an index as an int, a slice, None, ..., or a tensor."""
    if isinstance(item, Tensor):
        if item.dtype.kind == "f":
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return item.item() if not item._shape and item.dtype.kind == "i" else item
    if isinstance(item, bool):
        return make([item], (), dtypes.bool_)
    if isinstance(item, slice) or item is None or item is ...:
        return item
    if isinstance(item, list | tuple | range):
        numbers, shape = _nested(item)
        numbers = [x.item() if isinstance(x, Tensor) else x for x in numbers]
        kind = dtypes.bool_ if numbers and all(isinstance(x, bool) for x in numbers) else dtypes.int64
        return make(numbers, shape, kind)
    if hasattr(item, "__index__"):
        return item.__index__()
    raise TypeError(
        f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {type(item).__name__})"
    )


def _viewed(t: Tensor, index: Any) -> tuple[Tensor, dict[int, Tensor]]:
    """What the ints, slices, None and ... of an index leave, and the tensors by the dimension they choose from."""
    parts = [_as_index(item) for item in (index if isinstance(index, tuple) else (index,))]
    masks = sum(p.ndim for p in parts if isinstance(p, Tensor) and p.dtype.kind == "b")
    used = masks + sum(
        not (p is None or p is ... or (isinstance(p, Tensor) and p.dtype.kind == "b")) for p in parts
    )
    if used > t.ndim:
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
            if (start, stop, step) != (0, out._shape[at], 1):
                out = sliced(out, at, start, max(start, stop), step)
            at += 1
        elif isinstance(part, Tensor):
            if part.dtype.kind != "b":
                chosen[at] = part
                at += 1
                continue
            if not part.ndim:
                out = unsqueeze(out, at)
                chosen[at] = make([0] if part.item() else [], [int(part.item())], dtypes.int64)
                at += 1
                continue
            for i, size in enumerate(part._shape):
                if size != out._shape[at + i]:
                    raise IndexError(
                        f"The shape of the mask {list(part._shape)} at index {i} does not match the shape of the indexed "
                        f"tensor {list(out._shape)} at index {at + i}"
                    )
            for column in nonzero(part, as_tuple=True):
                chosen[at] = column
                at += 1
        else:
            size = out._shape[at]
            if not -size <= part < size:
                raise IndexError(f"index {part} is out of bounds for dimension {place} with size {size}")
            out = select(out, at, part)
    return out, chosen


def _chosen(t: Tensor, chosen: dict[int, Tensor]) -> tuple[list[int], list[int]]:
    """For tensors that choose along dimensions: the places in the order of `t`, and the result's shape."""
    shape: tuple[int, ...] = ()
    for index in chosen.values():
        try:
            shape = broadcast(shape, index._shape)
        except RuntimeError:
            told = ", ".join(str(list(i._shape)) for i in chosen.values())
            raise IndexError(
                f"shape mismatch: indexing tensors could not be broadcast together with shapes {told}"
            ) from None
    steps, dims = strides(t._shape), list(chosen)
    together = [0] * math.prod(shape)
    for dim, index in chosen.items():
        size, step = t._shape[dim], steps[dim]
        for i, place in enumerate(spread_over(index, shape)):
            if not -size <= place < size:
                raise IndexError(f"index {place} is out of bounds for dimension {dim} with size {size}")
            together[i] += place % size * step
    first = dims[0] if dims == list(range(dims[0], dims[0] + len(dims))) else 0
    rest = [i for i in range(t.ndim) if i not in chosen]
    before, after = [i for i in rest if i < first], [i for i in rest if i >= first]
    lead, tail = ([t._shape[i] for i in part] for part in (before, after))
    heads = places(lead, [steps[i] for i in before])
    tails = places(tail, [steps[i] for i in after])
    there = [h + m + n for h in heads for m in together for n in tails]
    return there, [*lead, *shape, *tail]


def _get(self: Tensor, index: Any) -> Tensor:
    if (
        not self._shape
        and index not in (..., ())
        and not (index is None or isinstance(index, bool | Tensor | tuple))
    ):
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
            "0-dim tensor to a number"
        )
    out, chosen = _viewed(self, index)
    if chosen:
        return pick(out, *_chosen(out, chosen))
    return out if out is not self else self.view(self._shape) if index is not ... else self.alias()


def _set(self: Tensor, index: Any, value: Any) -> None:
    out, chosen = _viewed(self, index)
    value = value if isinstance(value, Tensor) else as_tensor(value, out.dtype)
    if not chosen:
        shape = value._shape
        while len(shape) > out.ndim and shape[0] == 1:
            shape = shape[1:]
        out.copy_(value.reshape(shape))
        return
    if value.dtype is not out.dtype and value._shape:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {out.dtype.title} for the destination and "
            f"{value.dtype.title} for the source."
        )
    there, shape = _chosen(out, chosen)
    try:
        value = expand(value.to(out.dtype), shape)
    except RuntimeError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value._shape)} cannot be broadcast to indexing result of shape "
            f"{shape}"
        ) from None
    _put(out, there, value)


def _put(t: Tensor, there: list[int], value: Tensor) -> Tensor:
    """Overwrite numbers at places in the tensor's order, in place."""
    return in_place(lambda x: replaced(x, there, value), "index_put")(t)


def replaced(t: Tensor, there: list[int], value: Tensor, name: str = "IndexPutBackward0") -> Tensor:
    """A copy with other numbers at places in its order, the last one given to each."""
    data = list(flat(t))
    for place, x in zip(there, flat(value), strict=True):
        data[place] = x
    gone, last = set(there), {place: i for i, place in enumerate(there)}
    left = [-1 if i in gone else i for i in range(len(data))]
    used = [place if last[place] == i else -1 for i, place in enumerate(there)]
    shape = value._shape
    pulls = [lambda g: pick(g, left, g._shape), lambda g: pick(g, used, shape)]
    return record(name, make(data, t._shape, t.dtype), [t, value], pulls)


add_method("__getitem__", _get)
add_method("__setitem__", _set)
add_method("alias", lambda self: self.view(self._shape))


def as_tensor(value: Any, kind: Any) -> Tensor:
    """A value as a tensor of a dtype."""
    if isinstance(value, Tensor):
        return value
    numbers, shape = _nested(value)
    if any(isinstance(x, Tensor) for x in numbers):
        numbers = [x.item() if isinstance(x, Tensor) else x for x in numbers]
    if any(not isinstance(x, int | float) for x in numbers):
        raise TypeError(f"can't assign a {type(value).__name__} to a torch.{kind.title}Tensor" if False else
            f"can't assign a {type(value).__name__} to a torch.{kind.title}Tensor")  # fmt: skip
    return make(kind.keep(numbers), shape, kind)


@public("torch Tensor")
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of all numbers other than 0."""
    found = [i for i, x in enumerate(flat(input)) if x]
    columns, rest = [], found
    for step in strides(input._shape):
        columns.append([i // step for i in rest])
        rest = [i % step for i in rest]
    if as_tuple:
        return tuple(make(c, [len(found)], dtypes.int64) for c in columns)
    return make(
        [x for row in zip(*columns, strict=True) for x in row], [len(found), input.ndim], dtypes.int64
    )


@public("torch Tensor")
def argwhere(input: Tensor) -> Tensor:
    return nonzero(input)


@public("torch")
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, else other; without both, where it holds."""
    if not isinstance(condition, Tensor):
        raise TypeError(
            f"where(): argument 'condition' (position 1) must be Tensor, not {type(condition).__name__}"
        )
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if condition.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype.title}"
        )
    kind = result_type(input, other)
    shape = condition._shape
    for value in (input, other):
        shape = broadcast(shape, value._shape) if isinstance(value, Tensor) else shape
    chosen = spread_over(condition, shape)
    columns = (values_of(value, kind, shape) for value in (input, other))
    out = make([a if c else b for c, a, b in zip(chosen, *columns, strict=False)], shape, kind)
    inputs = [(v, left) for v, left in ((input, True), (other, False)) if isinstance(v, Tensor)]

    def pull_of(value: Tensor, left: bool) -> Any:
        def pull(g: Tensor) -> Tensor:
            kept = where(condition, g, 0.0) if left else where(condition, 0.0, g)
            return sum_to(kept, value)

        return pull

    return record("WhereBackward0", out, [v for v, _ in inputs], [pull_of(*i) for i in inputs], [condition])


add_method("where", lambda self, condition, other: where(condition, self, other))


@public("torch Tensor in-place")
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with `value` where the mask holds."""
    if not isinstance(mask, Tensor):
        raise TypeError(
            f"masked_fill(): argument 'mask' (position 1) must be Tensor, not {type(mask).__name__}"
        )
    if mask.dtype.kind != "b":
        raise RuntimeError(
            "masked_fill_ only supports boolean masks, but got mask with dtype " + _c_name(mask)
        )
    if isinstance(value, Tensor) and value._shape:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    plain = value.item() if isinstance(value, Tensor) else value
    if isinstance(plain, float) and input.dtype.kind != "f" and not plain.is_integer():
        raise RuntimeError(f"value cannot be converted to type {_c_name(input)} without overflow")
    (number,) = input.dtype.keep([plain])
    shape = broadcast(input._shape, mask._shape)
    covered = spread_over(mask, shape)
    data = [number if m else x for m, x in zip(covered, spread_over(input, shape), strict=True)]
    pulls = [lambda g: sum_to(masked_fill(g, mask, 0.0), input)]
    inputs = [input]
    if isinstance(value, Tensor):
        inputs.append(value)
        pulls.append(lambda g: where(mask, g, 0.0).sum())
    return record("MaskedFillBackward0", make(data, shape, input.dtype), inputs, pulls, [mask])


def _c_name(t: Tensor) -> str:
    names = {
        "float32": "float",
        "float64": "double",
        "int64": "int64_t",
        "int32": "int",
        "uint8": "unsigned char",
    }
    return names.get(t.dtype.name, t.dtype.name)


@public("torch Tensor")
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The numbers where the mask holds."""
    shape = broadcast(input._shape, mask._shape)
    return renamed("MaskedSelectBackward0", expand(input, shape)[expand(mask, shape)])


# --- along a dimension --------------------------------------------------------------------------------------


def _checked(t: Tensor, dim: int, index: Tensor, name: str) -> tuple[Tensor, int, Tensor]:
    if not isinstance(index, Tensor):
        raise TypeError(f"{name}(): argument 'index' (position 2) must be Tensor, not {type(index).__name__}")
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if max(t.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as {'self' if name != 'gather' else 'input'} tensor"
        )
    at = axis(dim, t.ndim)
    return (t, at, index) if t._shape else (t.reshape(1), 0, index.reshape(-1))


def _inside(index: Tensor, size: int, at: int) -> None:
    for place in flat(index):
        if not 0 <= place < size:
            raise RuntimeError(f"index {place} is out of bounds for dimension {at} with size {size}")


@public("torch Tensor")
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on."""
    shape = index._shape if isinstance(index, Tensor) else ()
    t, at, index = _checked(input, dim, index, "gather")
    for i, (n, m) in enumerate(zip(index._shape, t._shape, strict=True)):
        if i != at and n > m:
            raise RuntimeError(
                f"Size does not match at dimension {i} expected index {list(index._shape)} to be no larger than self "
                f"{list(t._shape)} apart from dimension {at}"
            )
    _inside(index, t._shape[at], at)
    return pick(t, flat(lined(index, t._shape, at)), shape, "GatherBackward0")


@public("torch Tensor")
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """As `gather`, broadcast."""
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    at = axis(dim, input.ndim)
    other = [1 if i == at else n for i, n in enumerate(broadcast(_one(input, at), _one(indices, at)))]
    mine, theirs = list(other), list(other)
    mine[at], theirs[at] = input._shape[at], indices._shape[at]
    return gather(expand(input, mine), at, expand(indices, theirs))


def _one(t: Tensor, at: int) -> tuple[int, ...]:
    return tuple(1 if i == at else n for i, n in enumerate(t._shape))


@public("torch Tensor")
def take(input: Tensor, index: Tensor) -> Tensor:
    """The numbers at places in the tensor's order."""
    count = input.numel()
    _ = [_out_of_range(i, count) for i in flat(index) if not -count <= i < count]
    return pick(input, [i % count for i in flat(index)], index._shape, "TakeBackward0")


def _out_of_range(place: int, size: int) -> None:
    raise IndexError(f"out of range: tried to access index {place} on a tensor of {size} elements.")


@public("torch Tensor")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The places of an index along a dimension."""
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    at = axis(dim, input.ndim)
    size = input._shape[at] if input._shape else 1
    for place in flat(index):
        if not 0 <= place < size:
            raise IndexError("index out of range in self")
    shape = [index.numel() if i == at else n for i, n in enumerate(input._shape)]
    full = index.reshape([-1 if i == at else 1 for i in range(max(input.ndim, 1))])
    there = flat(lined(expand(full, shape) if shape else full, input._shape or (1,), at))
    return pick(input, there, shape, "IndexSelectBackward0")


@public("torch Tensor in-place")
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """A copy with src[i][j] put at [index[i][j]][j] for dim 0, and so on."""
    if reduce is not None:
        raise RuntimeError("scatter with reduce is not in the page: run this in JupyterLab")
    t, at, index = _checked(input, dim, index, "scatter")
    src = src if value is None else value
    if not isinstance(src, Tensor):
        there = _scattered(t, at, index)
        return renamed("ScatterBackward1", replaced(t, there, as_tensor(src, t.dtype).expand(index._shape)))
    _same_dtype(t, src, "scatter")
    return renamed("ScatterBackward0", replaced(t, _scattered(t, at, index, src), _corner(src, index)))


@public("torch Tensor in-place")
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with src[i][j] added at [index[i][j]][j] for dim 0, and so on."""
    t, at, index = _checked(input, dim, index, "scatter_add")
    _same_dtype(t, src, "scatter")
    there = _scattered(t, at, index, src)
    return renamed("ScatterAddBackward0", t + spread(_corner(src, index), there, t._shape))


def _same_dtype(t: Tensor, src: Tensor, name: str) -> None:
    if t.dtype is not src.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")


def _corner(src: Tensor, index: Tensor) -> Tensor:
    for at, size in enumerate(index._shape):
        src = src.narrow(at, 0, size) if src._shape and size != src._shape[at] else src
    return src.reshape(index._shape)


def _scattered(t: Tensor, at: int, index: Tensor, src: Tensor | None = None) -> list[int]:
    for i, n in enumerate(index._shape):
        if (i != at and n > t._shape[i]) or (src is not None and src._shape and n > src._shape[i]):
            told = f" and to be no larger size than src {list(src._shape)}" if src is not None else ""
            raise RuntimeError(
                f"Expected index {list(index._shape)} to be no larger than self {list(t._shape)} apart from dimension "
                f"{at}{told}"
            )
    _inside(index, t._shape[at], at)
    return flat(lined(index, t._shape, at))


@public("torch Tensor in-place")
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy with the places of `source` added at the places of an index along a dimension."""
    at = axis(dim, input.ndim)
    _same_dtype(input, source, "index_add_")
    full = expand(index.reshape([-1 if i == at else 1 for i in range(input.ndim)]), source._shape)
    _inside(index, input._shape[at], at)
    added = spread(
        source * alpha if alpha != 1 else source, flat(lined(full, input._shape, at)), input._shape
    )
    return renamed("IndexAddBackward0", input + added)


@public("torch Tensor in-place")
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with `value` at the places of an index along a dimension."""
    out = input.clone()
    out[(slice(None),) * axis(dim, input.ndim) + (index,)] = value
    return out


@public("Tensor in-place")
def index_put(input: Tensor, indices: tuple[Tensor, ...], values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with values put, or added, at indices."""
    view, chosen = _viewed(input, tuple(indices))
    there, shape = _chosen(view, chosen)
    values = expand(values, shape)
    return input + spread(values, there, input._shape) if accumulate else replaced(input, there, values)


# --- triangles and diagonals --------------------------------------------------------------------------------

for _name, _keep in (("tril", lambda i, j, k: j - i <= k), ("triu", lambda i, j, k: j - i >= k)):

    def _triangle(input: Tensor, diagonal: int = 0, _name: str = _name, _keep: Any = _keep) -> Tensor:
        if input.ndim < 2:
            raise RuntimeError(f"{_name}: input tensor must have at least 2 dimensions")
        rows, columns = input._shape[-2:]
        size = rows * columns
        inside = [_keep(i, j, diagonal) for i in range(rows) for j in range(columns)]
        there = [i if inside[i % size] else -1 for i in range(input.numel())]
        return pick(input, there, input._shape, f"{_name.capitalize()}Backward0")

    public("torch Tensor in-place", _name)(_triangle)


@public("torch Tensor")
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix's diagonal, or the matrix with this diagonal."""
    if input.ndim == 2:
        return renamed("DiagonalBackward0_copy"[:17], input.diagonal(diagonal).clone())
    if input.ndim != 1:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diag_embed(input, diagonal)


@public("torch Tensor")
def diag_embed(input: Tensor, offset: int = 0) -> Tensor:
    """The last dimension as the diagonal of a square matrix."""
    size = input._shape[-1] + abs(offset)
    row, column = max(-offset, 0), max(offset, 0)
    count = input._shape[-1]
    outer = math.prod(input._shape[:-1])
    there = [k * size * size + (row + i) * size + column + i for k in range(outer) for i in range(count)]
    return renamed("DiagEmbedBackward0", spread(input, there, [*input._shape[:-1], size, size]))


@public("torch Tensor")
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return renamed("TraceBackward0", input.diagonal().sum())
