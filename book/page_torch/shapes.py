"""Views and joins: what changes a tensor's shape and leaves its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .dtypes import Size
from .pointwise import broadcast, sum_to
from .registry import add_method, public, shape_of
from .tape import record, renamed
from .tensor import Tensor, axis, flat, logical, make, plain, spread, strides, view


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
        [axis(d, input.ndim) for d in shape_of([dims])] for dims in (listed(source), listed(destination))
    )
    rest = iter([d for d in range(input.ndim) if d not in froms])
    return ordered(input, [froms[tos.index(i)] if i in tos else next(rest) for i in range(input.ndim)])


def listed(dims: Any) -> list[int]:
    return list(dims) if isinstance(dims, list | tuple) else [dims]


@public("torch Tensor")
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of size 1, or without some of them."""
    gone = {axis(d, input.ndim) for d in (range(input.ndim) if dim is None else listed(dim))}
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


@public("torch")
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes have together."""
    found: tuple[int, ...] = ()
    for shape in shapes:
        try:
            found = broadcast(found, tuple(listed(shape)))
        except RuntimeError:
            raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape") from None
    return Size(found)


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
