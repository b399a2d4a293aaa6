"""Views and joins: what changes a tensor's shape and leaves its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .dtypes import Size, int64, promote
from .pointwise import broadcast, sum_to
from .registry import TORCH, add_method, public, shape_of
from .tape import record, renamed
from .tensor import Tensor, axis, flat, logical, make, pick, plain, spread, strides, view


def inferred(sizes: Sequence[int], count: int) -> Size:
    """A shape in which one −1 stands for what is left over."""
    shape = list(sizes)
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    rest = -math.prod(shape)
    if -1 in shape and rest and count % rest == 0:
        shape[shape.index(-1)] = count // rest
    if math.prod(shape) != count or min(shape, default=0) < 0:
        raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {count}")
    return Size(shape)


def _view_strides(t: Tensor, shape: Sequence[int]) -> tuple[int, ...] | None:
    """The strides under which the same storage reads as another shape, if there are such."""
    if plain(t._shape, t._stride):
        return strides(shape)
    runs: list[tuple[int, int]] = []  # sizes and strides of runs that can be split anywhere
    for size, step in zip(t._shape, t._stride, strict=True):
        if size == 1:
            continue
        if runs and runs[-1][1] == size * step:
            runs[-1] = (runs[-1][0] * size, step)
        else:
            runs.append((size, step))
    found, left, step = [], 1, 1
    for size in reversed(shape):
        if left == 1 and runs and size != 1:
            left, step = runs.pop()
        if left % size:
            return None
        found.append(step)
        step, left = step * size, left // size
    return tuple(reversed(found)) if left == 1 and not runs else None


def _as_view(t: Tensor, sizes: Size, steps: Any, name: str = "ViewBackward0") -> Tensor:
    before = t._shape
    return view(t, sizes, steps, t._offset, name, lambda g: g.reshape(before))


@public("Tensor", "view")
def viewed(input: Tensor, *shape: Any) -> Tensor:
    """The same storage in another shape."""
    sizes = inferred(shape_of(shape), input.numel())
    steps = _view_strides(input, sizes)
    if steps is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return _as_view(input, sizes, steps)


@public("torch Tensor")
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The numbers in order, in another shape: a view where one can be, else a copy."""
    shape = shape[0] if shape and isinstance(shape[0], list | tuple) else shape
    sizes = inferred(shape_of(shape), input.numel())
    steps, before = _view_strides(input, sizes), input._shape
    if steps is not None:
        return _as_view(input, sizes, steps)
    out = make(list(flat(input)), sizes, input.dtype)
    return record("UnsafeViewBackward0", out, [input], [lambda g: g.reshape(before)])


@public("torch Tensor")
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Some neighbouring dimensions as one."""
    first, last, shape = axis(start_dim, input.ndim), axis(end_dim, input.ndim), input._shape
    if first == last and shape:
        return input
    return reshape(input, *shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


@public("torch Tensor")
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One dimension as several."""
    at, shape = axis(dim, input.ndim), input._shape
    return reshape(input, *shape[:at], *inferred(sizes, shape[at]), *shape[at + 1 :])


def ordered(t: Tensor, order: list[int], name: str = "PermuteBackward0") -> Tensor:
    """The dimensions in another order."""
    back = [order.index(i) for i in range(len(order))]
    shape, steps = [t._shape[i] for i in order], [t._stride[i] for i in order]
    return view(t, shape, steps, t._offset, name, lambda g: ordered(g, back, name))


@public("torch Tensor")
def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dimensions in another order."""
    order = [axis(d, input.ndim) for d in shape_of(dims)]
    if sorted(order) != list(range(input.ndim)):
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(order)}"
            if len(order) != input.ndim
            else "permute(): duplicate dims are not allowed."
        )
    return ordered(input, order)


@public("torch Tensor", "transpose", "swapaxes")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    a, b, order = axis(dim0, input.ndim), axis(dim1, input.ndim), list(range(input.ndim))
    if order:
        order[a], order[b] = b, a
    return ordered(input, order, "TransposeBackward0")


@public("torch Tensor")
def t(input: Tensor) -> Tensor:
    """A matrix transposed."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return ordered(input, list(reversed(range(input.ndim))), "TBackward0")


def _swap_last(input: Tensor) -> Tensor:
    if input.ndim < 2:
        told = f"matrices or batches of matrices. Got {input.ndim}-D tensor."
        raise RuntimeError(f"tensor.mT is only supported on {told}")
    return transpose(input, -2, -1)


add_method("T", property(lambda self: ordered(self, list(reversed(range(self.ndim))))))
add_method("mT", property(_swap_last))


@public("torch Tensor", "movedim", "moveaxis")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved to other places, the rest in order."""
    froms, tos = (
        [axis(d, input.ndim) for d in shape_of([dims])] for dims in (_listed(source), _listed(destination))
    )
    rest = iter([d for d in range(input.ndim) if d not in froms])
    return ordered(input, [froms[tos.index(i)] if i in tos else next(rest) for i in range(input.ndim)])


def _listed(dims: Any) -> list[int]:
    return list(dims) if isinstance(dims, list | tuple) else [dims]


@public("torch Tensor")
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of size 1, or without some of them."""
    gone = {axis(d, input.ndim) for d in (range(input.ndim) if dim is None else _listed(dim))}
    kept = [i for i, n in enumerate(input._shape) if i not in gone or n != 1]
    name = f"SqueezeBackward{0 if dim is None else 2 if isinstance(dim, list | tuple) else 1}"
    return _as_view(input, Size(input._shape[i] for i in kept), [input._stride[i] for i in kept], name)


@public("torch Tensor")
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With one more dimension, of size 1."""
    at, shape, steps = axis(dim, input.ndim + 1), list(input._shape), list(input._stride)
    steps.insert(at, steps[at] * shape[at] if at < len(shape) else 1)
    shape.insert(at, 1)
    return _as_view(input, Size(shape), steps, "UnsqueezeBackward0")


@public("Tensor", "expand", "broadcast_to")
def expand(input: Tensor, *sizes: Any) -> Tensor:
    """Dimensions of size 1 repeated, without a copy."""
    asked = list(shape_of(sizes))
    shape, lead = list(asked), len(asked) - input.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand({input.dtype.legacy}{{{list(input._shape)}}}, size={shape}): the number of sizes provided ({len(shape)}) "
            f"must be greater or equal to the number of dimensions in the tensor ({input.ndim})"
        )
    steps = [0] * lead + list(input._stride)
    for at, size in enumerate(shape):
        old = input._shape[at - lead] if at >= lead else 1
        if size == -1 and at >= lead:
            shape[at] = old
        elif size != old and old != 1:
            told = f"({old}) at non-singleton dimension {at}.  Target sizes: {asked}.  Tensor sizes: {list(input._shape)}"
            raise RuntimeError(
                f"The expanded size of the tensor ({size}) must match the existing size {told}"
            )
        elif size != old:
            steps[at] = 0
    like = input.detach()
    return view(input, shape, steps, input._offset, "ExpandBackward0", lambda g: sum_to(g, like))


public("torch", "broadcast_to")(lambda input, size: expand(input, size))
public("Tensor", "expand_as")(lambda input, other: expand(input, other._shape))
public("Tensor", "view_as")(lambda input, other: viewed(input, other._shape))
public("Tensor", "reshape_as")(lambda input, other: reshape(input, other._shape))
public("torch Tensor", "ravel")(lambda input: reshape(input, -1))


@public("torch")
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes have together."""
    found: tuple[int, ...] = ()
    for shape in shapes:
        try:
            found = broadcast(found, tuple(_listed(shape)))
        except RuntimeError:
            raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape") from None
    return Size(found)


@public("torch")
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """All in the shape that they have together."""
    return tuple(expand(t, broadcast_shapes(*(t._shape for t in tensors))) for t in tensors)


def _part(t: Tensor, shape: Sequence[int], steps: Sequence[int], offset: int, name: str) -> Tensor:
    """A view of some of the numbers."""
    whole = t._shape
    out = view(t, shape, steps, offset, name, lambda g: spread(g, logical(out.detach(), t.detach()), whole))
    return out


@public("torch Tensor")
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One place along a dimension, which goes."""
    if not input._shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at, shape, steps = axis(dim, input.ndim), list(input._shape), list(input._stride)
    size, step = shape.pop(at), steps.pop(at)
    if not -size <= index < size:
        told = f"out of range for tensor of size {list(input._shape)} at dimension {at}"
        raise IndexError(f"select(): index {index} {told}")
    return _part(input, shape, steps, input._offset + (index % size) * step, "SelectBackward0")


@public("torch Tensor")
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """Some neighbouring places along a dimension."""
    at = axis(dim, input.ndim)
    size, start = input._shape[at], int(start)
    if not -size <= start <= size:
        told = f"[-{size}, {size}], but got {start})"
        raise IndexError(f"Dimension out of range (expected to be in range of {told}")
    start = start + size if start < 0 else start
    if length < 0 or start + length > size:
        told = f"start ({start}) + length ({length}) exceeds dimension size ({size})."
        raise RuntimeError(told if length >= 0 else "narrow(): length must be non-negative.")
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
    rows, columns, stride = input._shape[a], input._shape[b], input._stride
    count = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    start = input._offset + (offset * stride[b] if offset >= 0 else -offset * stride[a]) * (count > 0)
    kept = [i for i in range(input.ndim) if i not in (a, b)]
    shape, steps = (
        [*(input._shape[i] for i in kept), count],
        [*(stride[i] for i in kept), stride[a] + stride[b]],
    )
    return _part(input, shape, steps, start, "DiagonalBackward0")


@public("torch Tensor")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The parts along a dimension, which goes."""
    at = axis(dim, input.ndim)
    return tuple(renamed("UnbindBackward0", select(input, at, i)) for i in range(input._shape[at]))


@public("torch Tensor")
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of one size, or of given sizes, along a dimension."""
    at, sizes = axis(dim, tensor.ndim), split_size_or_sections
    size = tensor._shape[at]
    if isinstance(sizes, int):
        sizes = [min(sizes, size - i) for i in range(0, size, sizes)] if size else [0]
    elif sum(sizes) != size:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension {at}), but got "
            f"split_sizes={list(sizes)}"
        )
    name = f"Split{'' if isinstance(split_size_or_sections, int) else 'WithSizes'}Backward0"
    parts = (sliced(tensor, at, sum(sizes[:i]), sum(sizes[: i + 1]), 1) for i in range(len(sizes)))
    return tuple(renamed(name, part) for part in parts)


@public("torch Tensor")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most so many parts of nearly one size."""
    return split(input, max(1, -(-input._shape[axis(dim, input.ndim)] // chunks)), dim)


@public("Tensor")
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Every window of `size` places along a dimension, the windows' places last."""
    at = axis(dimension, input.ndim)
    shape, steps = [*input._shape, size], [*input._stride, input._stride[at]]
    if size > shape[at]:
        raise RuntimeError(f"maximum size for tensor at dimension {at} is {shape[at]} but size is {size}")
    shape[at], steps[at] = (shape[at] - size) // step + 1, steps[at] * step
    return _part(input, shape, steps, input._offset, "UnfoldBackward0")


# --- joins and copies in another order ----------------------------------------------------------------------


def _tensors(given: Any, name: str) -> list[Tensor]:
    if isinstance(given, Tensor):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    for place, item in enumerate(given):
        if not isinstance(item, Tensor):
            raise TypeError(
                f"expected Tensor as element {place} in argument 0, but got {type(item).__name__}"
            )
    if not len(given):
        told = "torch.cat(): expected a non-empty list of Tensors"
        raise ValueError(told) if name == "cat" else RuntimeError("stack expects a non-empty TensorList")
    return list(given)


@public("torch", "cat", "concat", "concatenate")
def cat(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors one after the other along a dimension."""
    parts = _tensors(tensors, "cat")
    kind = parts[0].dtype
    for place, part in enumerate(parts):
        kind = promote(kind, part.dtype)
        if not part._shape:
            raise RuntimeError(f"zero-dimensional tensor (at position {place}) cannot be concatenated")
    parts = [p for p in parts if p._shape != (0,)] or parts[:1]
    first, at = parts[0], axis(dim, parts[0].ndim)
    for place, part in enumerate(parts[1:], 1):
        if part.ndim != first.ndim:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {part.ndim}"
            )
        for i, (m, n) in enumerate(zip(first._shape, part._shape, strict=True)):
            if i != at and m != n:
                told = f"Expected size {m} but got size {n} for tensor number {place} in the list."
                raise RuntimeError(f"Sizes of tensors must match except in dimension {at}. {told}")
    shape, ends = list(first._shape), [sum(p._shape[at] for p in parts[: i + 1]) for i in range(len(parts))]
    shape[at] = ends[-1]
    rows = [(flat(p) if p.dtype is kind else kind.keep(flat(p)), math.prod(p._shape[at:])) for p in parts]
    data = [
        x
        for i in range(math.prod(shape[:at]))
        for row, width in rows
        for x in row[i * width : (i + 1) * width]
    ]

    def pull_of(size: int, end: int, own: Any) -> Any:
        return lambda g: g.narrow(at, end - size, size).to(own)

    pulls = [pull_of(part._shape[at], end, part.dtype) for part, end in zip(parts, ends, strict=True)]
    return record("CatBackward0", make(data, shape, kind), parts, pulls)


@public("torch")
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape side by side, along a new dimension."""
    parts = _tensors(tensors, "stack")
    for place, part in enumerate(parts):
        if part._shape != parts[0]._shape:
            told = f"{list(parts[0]._shape)} at entry 0 and {list(part._shape)} at entry {place}"
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {told}")
    at = axis(dim, parts[0].ndim + 1)
    return renamed("StackBackward0", cat([unsqueeze(part, at) for part in parts], at))


public("torch", "hstack")(
    lambda tensors: cat([TORCH["atleast_1d"](t) for t in tensors], int(tensors[0].ndim > 1))
)
public("torch", "vstack")(lambda tensors: cat([TORCH["atleast_2d"](t) for t in tensors], 0))


@public("torch Tensor")
def flip(input: Tensor, *dims: Any) -> Tensor:
    """The places along some dimensions backwards, in a copy."""
    return _moved(
        input, {axis(d, input.ndim): lambda i, n: n - 1 - i for d in shape_of(dims)}, "FlipBackward0"
    )


@public("torch Tensor")
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The places along some dimensions moved on, round the end."""
    if dims is None:
        return renamed("RollBackward0", roll(reshape(input, -1), shifts, 0).reshape(input._shape))
    pairs = zip(_listed(shifts), _listed(dims), strict=True)
    return _moved(
        input, {axis(d, input.ndim): lambda i, n, s=s: (i - s) % n for s, d in pairs}, "RollBackward0"
    )


def _moved(t: Tensor, moves: dict[int, Any], name: str) -> Tensor:
    there = [0]
    for at, (size, step) in enumerate(zip(t._shape, strides(t._shape), strict=True)):
        order = [moves[at](i, size) for i in range(size)] if at in moves else range(size)
        there = [place + i * step for place in there for i in order]
    return pick(t, there, t._shape, name)


@public("Tensor")
def repeat(input: Tensor, *sizes: Any) -> Tensor:
    """The whole tensor so many times along each dimension."""
    counts = shape_of(sizes)
    if len(counts) < input.ndim:
        told = "can not be smaller than number of dimensions of tensor"
        raise RuntimeError(f"Number of dimensions of repeat dims {told}")
    whole = reshape(input, *[1] * (len(counts) - input.ndim), *input._shape).clone()
    for at, count in enumerate(counts):
        whole = cat([whole] * count, at) if count != 1 else whole
    return renamed("RepeatBackward0", whole)


@public("torch Tensor")
def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None) -> Tensor:
    """Each place along a dimension so many times in a row."""
    if dim is None:
        return repeat_interleave(reshape(input, -1), repeats, 0)
    counts = [repeats] * input._shape[dim] if isinstance(repeats, int) else flat(repeats)
    return input.index_select(
        dim, make([i for i, n in enumerate(counts) for _ in range(n)], [sum(counts)], int64)
    )


def _at_least(count: int, tensors: Any) -> Any:
    given = tensors[0] if len(tensors) == 1 else tensors
    if not isinstance(given, Tensor):
        return tuple(_at_least(count, [t]) for t in given)
    return given if given.ndim >= count else reshape(given, *[1] * (count - given.ndim), *given._shape)


public("torch", "atleast_1d")(lambda *tensors: _at_least(1, tensors))
public("torch", "atleast_2d")(lambda *tensors: _at_least(2, tensors))
