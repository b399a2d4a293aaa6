"""Views and joins: what changes a tensor's shape and leaves its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .dtypes import Size, int64, promote
from .pointwise import broadcast, sum_to
from .registry import PUBLIC, add_method, as_function, public, shape_of
from .tape import record, renamed
from .tensor import Tensor, axis, flat, logical, make, pick, plain, spread, strides, view


def inferred(sizes: Sequence[int], count: int) -> Size:
    """A shape in which one −1 stands for what is left over."""
    shape = list(sizes)
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    for size in shape:
        if size < -1:
            raise RuntimeError(f"invalid shape dimension {size}")
    if -1 in shape:
        rest = -math.prod(shape)
        if rest == 0 and count == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {shape} because the unspecified dimension size -1 can "
                "be any value and is ambiguous"
            )
        if rest and count % rest == 0:
            shape[shape.index(-1)] = count // rest
    if math.prod(shape) != count or -1 in shape:
        raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {count}")
    return Size(shape)


def _view_strides(t: Tensor, shape: Sequence[int]) -> tuple[int, ...] | None:
    """The strides under which the same storage reads as another shape, if there are such."""
    if plain(t._shape, t._stride):
        return strides(shape)
    chunks: list[tuple[int, int]] = []  # sizes and strides of runs that can be split anywhere
    for size, step in zip(t._shape, t._stride, strict=True):
        if size == 1:
            continue
        if chunks and chunks[-1][1] == size * step:
            chunks[-1] = (chunks[-1][0] * size, step)
        else:
            chunks.append((size, step))
    found, left = [], 1
    step = 1
    for size in reversed(shape):
        if left == 1 and chunks and size != 1:
            left, step = chunks.pop()
        if size != 1 and left % size:
            return None
        found.append(step)
        step *= size
        left = left // size if size != 1 else left
    return tuple(reversed(found)) if left == 1 and not chunks else None


@public("Tensor")
def view_as(input: Tensor, other: Tensor) -> Tensor:
    return _view(input, *other._shape)


def _view(input: Tensor, *shape: Any) -> Tensor:
    if len(shape) == 1 and not isinstance(shape[0], list | tuple | int | Tensor):
        if shape[0] is input.dtype:
            return input
        raise RuntimeError("a view in another dtype is not in the page: run this in JupyterLab")
    sizes = inferred(shape_of(shape), input.numel())
    steps = _view_strides(input, sizes)
    if steps is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    before = input._shape
    return view(input, sizes, steps, input._offset, "ViewBackward0", lambda g: g.reshape(before))


public("Tensor", "view")(_view)


@public("torch Tensor")
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The numbers in order, in another shape: a view where one can be, else a copy."""
    sizes = inferred(shape_of(shape), input.numel())
    steps, before = _view_strides(input, sizes), input._shape
    if steps is not None:
        return view(input, sizes, steps, input._offset, "ViewBackward0", lambda g: g.reshape(before))
    out = make(list(flat(input)), sizes, input.dtype)
    return record("UnsafeViewBackward0", out, [input], [lambda g: g.reshape(before)])


PUBLIC["torch"]["reshape"] = as_function(lambda input, shape: reshape(input, shape), "reshape", "torch")


@public("Tensor")
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    return reshape(input, other._shape)


@public("torch Tensor")
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Some neighbouring dimensions as one."""
    if not input._shape:
        return reshape(input, 1)
    first, last = axis(start_dim, input.ndim), axis(end_dim, input.ndim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return input
    shape = input._shape
    return reshape(input, *shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


public("torch Tensor", "ravel")(lambda input: reshape(input, -1))


@public("torch Tensor")
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One dimension as several."""
    at = axis(dim, input.ndim)
    return reshape(input, *input._shape[:at], *inferred(sizes, input._shape[at]), *input._shape[at + 1 :])


@public("torch Tensor")
def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dimensions in another order."""
    order = [axis(d, input.ndim) for d in shape_of(dims)]
    if len(order) != input.ndim:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(order)}"
        )
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _ordered(input, order, "PermuteBackward0")


def _ordered(t: Tensor, order: list[int], name: str) -> Tensor:
    back = [order.index(i) for i in range(len(order))]
    shape, steps = [t._shape[i] for i in order], [t._stride[i] for i in order]
    return view(t, shape, steps, t._offset, name, lambda g: _ordered(g, back, name))


@public("torch Tensor", "transpose", "swapaxes", "swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    a, b = axis(dim0, input.ndim), axis(dim1, input.ndim)
    order = list(range(input.ndim))
    if order:
        order[a], order[b] = b, a
    return _ordered(input, order, "TransposeBackward0")


@public("torch Tensor")
def t(input: Tensor) -> Tensor:
    """A matrix transposed."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return _ordered(input, list(reversed(range(input.ndim))), "TBackward0")


def _swap_last(input: Tensor) -> Tensor:
    if input.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor."
        )
    return transpose(input, -2, -1)


add_method("T", property(lambda self: _ordered(self, list(reversed(range(self.ndim))), "PermuteBackward0")))
add_method("mT", property(_swap_last))


@public("torch Tensor", "movedim", "moveaxis")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved to other places, the rest in order."""
    froms = [axis(d, input.ndim) for d in (source if isinstance(source, list | tuple) else [source])]
    tos = [
        axis(d, input.ndim) for d in (destination if isinstance(destination, list | tuple) else [destination])
    ]
    rest = iter([d for d in range(input.ndim) if d not in froms])
    order = [froms[tos.index(place)] if place in tos else next(rest) for place in range(input.ndim)]
    return _ordered(input, order, "PermuteBackward0")


@public("torch Tensor")
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of size 1, or without some of them."""
    dims = range(input.ndim) if dim is None else dim if isinstance(dim, list | tuple) else [dim]
    gone = {axis(d, input.ndim) for d in dims}
    kept = [i for i, n in enumerate(input._shape) if i not in gone or n != 1]
    shape, before = [input._shape[i] for i in kept], input._shape
    name = f"SqueezeBackward{0 if dim is None else 2 if isinstance(dim, list | tuple) else 1}"
    return view(
        input, shape, [input._stride[i] for i in kept], input._offset, name, lambda g: g.reshape(before)
    )


@public("torch Tensor")
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With one more dimension, of size 1."""
    at, shape, steps = axis(dim, input.ndim + 1), list(input._shape), list(input._stride)
    step = steps[at] * shape[at] if at < len(shape) else 1
    before = input._shape
    shape.insert(at, 1)
    steps.insert(at, step)
    return view(input, shape, steps, input._offset, "UnsqueezeBackward0", lambda g: g.reshape(before))


for _name in ("squeeze", "unsqueeze", "t", "transpose"):

    def _relabel(self: Tensor, *args: Any, _name: str = _name) -> Tensor:
        self.data = getattr(self, _name)(*args).detach()
        return self

    add_method(f"{_name}_", _relabel)


@public("Tensor")
def expand(input: Tensor, *sizes: Any) -> Tensor:
    """Dimensions of size 1 repeated, without a copy."""
    shape = list(shape_of(sizes))
    lead = len(shape) - input.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand({input.dtype.legacy}{{{list(input._shape)}}}, size={shape}): the number of sizes provided "
            f"({len(shape)}) must be greater or equal to the number of dimensions in the tensor ({input.ndim})"
        )
    steps = [0] * lead + list(input._stride)
    for at, size in enumerate(shape):
        old = input._shape[at - lead] if at >= lead else 1
        if size == -1 and at >= lead:
            shape[at] = old
        elif old == 1 and size != 1:
            steps[at] = 0
        elif size != old:
            raise RuntimeError(
                f"The expanded size of the tensor ({size}) must match the existing size ({old}) at non-singleton "
                f"dimension {at}.  Target sizes: {list(shape_of(sizes))}.  Tensor sizes: {list(input._shape)}"
            )
    like = input.detach()
    return view(input, shape, steps, input._offset, "ExpandBackward0", lambda g: sum_to(g, like))


add_method("expand_as", lambda self, other: expand(self, other._shape))
PUBLIC["torch"]["broadcast_to"] = as_function(
    lambda input, size: expand(input, size), "broadcast_to", "torch"
)
add_method("broadcast_to", lambda self, *size: expand(self, *size))


@public("torch")
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    shape = broadcast_shapes(*(t._shape for t in tensors))
    return tuple(expand(t, shape) for t in tensors)


@public("torch")
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes have together."""
    found: tuple[int, ...] = ()
    for shape in shapes:
        try:
            found = broadcast(found, (shape,) if isinstance(shape, int) else tuple(shape))
        except RuntimeError:
            raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape") from None
    return Size(found)


@public("torch Tensor")
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One place along a dimension, which goes."""
    if not input._shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at = axis(dim, input.ndim)
    size = input._shape[at]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input._shape)} at dimension {at}"
        )
    offset = input._offset + (index % size) * input._stride[at]
    shape, steps = list(input._shape), list(input._stride)
    del shape[at], steps[at]
    return _part(input, shape, steps, offset, "SelectBackward0")


def _part(t: Tensor, shape: Sequence[int], steps: Sequence[int], offset: int, name: str) -> Tensor:
    """A view of some of the numbers."""
    whole, out = t._shape, None

    def pull(g: Tensor) -> Tensor:
        return spread(g, logical(out.detach(), t.detach()), whole)

    out = view(t, shape, steps, offset, name, pull)
    return out


@public("torch Tensor")
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """Some neighbouring places along a dimension."""
    at = axis(dim, input.ndim)
    size = input._shape[at]
    start = int(start)
    if not -size <= start <= size:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [-{size}, {size}], but got {start})"
        )
    start = start + size if start < 0 else start
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return sliced(input, at, start, start + length, 1)


def sliced(t: Tensor, at: int, start: int, stop: int, step: int) -> Tensor:
    """The places from `start` to `stop` along a dimension, by `step`."""
    shape, steps = list(t._shape), list(t._stride)
    shape[at] = max(0, -(-(stop - start) // step))
    offset = t._offset + start * steps[at]
    steps[at] *= step
    return _part(t, shape, steps, offset, "SliceBackward0")


@public("torch Tensor")
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The entries whose two indices differ by `offset`."""
    a, b = axis(dim1, input.ndim), axis(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    rows, columns = input._shape[a], input._shape[b]
    count = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    start = input._offset + (offset * input._stride[b] if offset >= 0 else -offset * input._stride[a])
    kept = [i for i in range(input.ndim) if i not in (a, b)]
    shape = [*(input._shape[i] for i in kept), count]
    steps = [*(input._stride[i] for i in kept), input._stride[a] + input._stride[b]]
    return _part(input, shape, steps, start if count else input._offset, "DiagonalBackward0")


@public("torch Tensor")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The parts along a dimension, which goes."""
    at = axis(dim, input.ndim)
    return tuple(renamed("UnbindBackward0", select(input, at, i)) for i in range(input._shape[at]))


@public("torch Tensor")
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of one size, or of given sizes, along a dimension."""
    at = axis(dim, tensor.ndim)
    size, sizes = tensor._shape[at], split_size_or_sections
    if isinstance(sizes, int):
        if sizes < 0 or (sizes == 0 and size):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={sizes}")
        sizes = [min(sizes, size - i) for i in range(0, size, sizes)] if size else [0]
    elif sum(sizes) != size:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension {at}), "
            f"but got split_sizes={list(sizes)}"
        )
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    parts = (sliced(tensor, at, start, start + n, 1) for start, n in zip(starts, sizes, strict=True))
    return tuple(renamed("SplitBackward0", part) for part in parts)


@public("torch Tensor")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most so many parts of nearly one size."""
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input._shape[axis(dim, input.ndim)]
    return split(input, max(1, -(-size // chunks)), dim)


@public("torch Tensor")
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Every window of `size` places along a dimension, the windows' places last."""
    at = axis(dimension, input.ndim)
    count = (input._shape[at] - size) // step + 1
    if count < 1:
        raise RuntimeError(
            f"maximum size for tensor at dimension {at} is {input._shape[at]} but size is {size}"
        )
    shape, steps = [*input._shape, size], [*input._stride, input._stride[at]]
    shape[at], steps[at] = count, steps[at] * step
    return _part(input, shape, steps, input._offset, "UnfoldBackward0")


# --- joins and copies in another order ----------------------------------------------------------------------


def _all_tensors(tensors: Any, name: str) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    found = list(tensors)
    for place, item in enumerate(found):
        if not isinstance(item, Tensor):
            kind = type(item).__name__
            raise TypeError(f"expected Tensor as element {place} in argument 0, but got {kind}")
    return found


@public("torch", "cat", "concat", "concatenate")
def cat(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors one after the other along a dimension."""
    parts = _all_tensors(tensors, "cat")
    if not parts:
        raise ValueError("expected a non-empty list of Tensors")
    kept = [p for p in parts if p._shape != (0,)] or parts[:1]
    for place, part in enumerate(parts):
        if not part._shape:
            raise RuntimeError(f"zero-dimensional tensor (at position {place}) cannot be concatenated")
    first = kept[0]
    at = axis(dim, first.ndim)
    kind = first.dtype
    for part in parts:
        kind = promote(kind, part.dtype)
    for place, part in enumerate(kept[1:], 1):
        if part.ndim != first.ndim:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {part.ndim}"
            )
        for i, (m, n) in enumerate(zip(first._shape, part._shape, strict=True)):
            if i != at and m != n:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {at}. Expected size {m} but got size {n} for "
                    f"tensor number {place} in the list."
                )
    shape = list(first._shape)
    shape[at] = sum(p._shape[at] for p in kept)
    rows = []
    for part in kept:
        numbers = flat(part) if part.dtype is kind else kind.keep(flat(part))
        width = math.prod(part._shape[at:])
        rows.append((numbers, width))
    outer = math.prod(shape[:at])
    data = [x for i in range(outer) for numbers, width in rows for x in numbers[i * width : (i + 1) * width]]
    starts = [sum(p._shape[at] for p in kept[:i]) for i in range(len(kept))]

    def pull_of(part: Tensor, start: int) -> Any:
        size, own = part._shape[at], part.dtype
        return lambda g: piece if (piece := narrow(g, at, start, size)).dtype is own else piece.to(own)

    pulls = [pull_of(part, start) for part, start in zip(kept, starts, strict=True)]
    return record("CatBackward0", make(data, shape, kind), kept, pulls)


@public("torch")
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape side by side, along a new dimension."""
    parts = _all_tensors(tensors, "stack")
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    for place, part in enumerate(parts):
        if part._shape != parts[0]._shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(parts[0]._shape)} at entry 0 and "
                f"{list(part._shape)} at entry {place}"
            )
    at = axis(dim, parts[0].ndim + 1)
    return renamed("StackBackward0", cat([unsqueeze(part, at) for part in parts], at))


for _name, _dim in (("hstack", 1), ("vstack", 0)):

    def _stacked(tensors: Any, _dim: int = _dim) -> Tensor:
        parts = [t if t.ndim > _dim - (_dim == 1) and t.ndim else t.reshape(-1) for t in tensors]
        if _dim == 0:
            parts = [t.reshape(1, -1) if t.ndim < 2 else t for t in parts]
        return cat(parts, 0 if parts[0].ndim == 1 else _dim)

    PUBLIC["torch"][_name] = as_function(_stacked, _name, "torch")


@public("torch Tensor")
def flip(input: Tensor, *dims: Any) -> Tensor:
    """The places along some dimensions backwards, in a copy."""
    return _moved(
        input, {axis(d, input.ndim): lambda i, n: n - 1 - i for d in shape_of(dims)}, "FlipBackward0"
    )


PUBLIC["torch"]["fliplr"] = as_function(lambda input: flip(input, 1), "fliplr", "torch")


@public("torch Tensor")
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The places along some dimensions moved on, round the end."""
    if dims is None:
        return roll(reshape(input, -1), shifts, 0).reshape(input._shape)
    shifts = [shifts] if isinstance(shifts, int) else list(shifts)
    dims = [dims] if isinstance(dims, int) else list(dims)
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    moves = {axis(d, input.ndim): (lambda i, n, s=s: (i - s) % n) for s, d in zip(shifts, dims, strict=True)}
    return _moved(input, moves, "RollBackward0")


def _moved(t: Tensor, moves: dict[int, Any], name: str) -> Tensor:
    there = [0]
    for at, (size, step) in enumerate(zip(t._shape, strides(t._shape), strict=True)):
        order = [moves[at](i, size) for i in range(size)] if at in moves else range(size)
        there = [place + i * step for place in there for i in order]
    return pick(t, there if t.numel() else [], t._shape, name)


@public("Tensor")
def repeat(input: Tensor, *sizes: Any) -> Tensor:
    """The whole tensor so many times along each dimension."""
    counts = shape_of(sizes)
    if len(counts) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    whole = input[(None,) * (len(counts) - input.ndim)] if len(counts) > input.ndim else input
    for at, count in enumerate(counts):
        whole = cat([whole] * count, at) if count != 1 else whole
    return renamed("RepeatBackward0", whole.clone() if whole is input else whole)


PUBLIC["torch"]["tile"] = as_function(
    lambda input, dims: repeat(input, *([1] * (input.ndim - len(dims))), *dims), "tile", "torch"
)


@public("torch Tensor")
def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None) -> Tensor:
    """Each place along a dimension so many times in a row."""
    if dim is None:
        return repeat_interleave(reshape(input, -1), repeats, 0)
    at = axis(dim, input.ndim)
    size = input._shape[at]
    counts = (
        [repeats] * size if isinstance(repeats, int) else (c := flat(repeats)) * (size if len(c) == 1 else 1)
    )
    if len(counts) != size:
        raise RuntimeError("repeats must have the same size as input along dim")
    index = make([i for i, n in enumerate(counts) for _ in range(n)], [sum(counts)], int64)
    return input.index_select(at, index)


for _least in (1, 2, 3):

    def _at_least(*tensors: Any, _least: int = _least) -> Any:
        given = tensors[0] if len(tensors) == 1 else tensors
        if not isinstance(given, Tensor):
            return tuple(_at_least(t, _least=_least) for t in given)
        shape = given._shape
        if len(shape) >= _least:
            return given
        return reshape(
            given, *([1] * _least if not shape else [1, *shape] if _least == 2 else [1, *shape, 1][-3:])
        )

    PUBLIC["torch"][f"atleast_{_least}d"] = as_function(_at_least, f"atleast_{_least}d", "torch")
