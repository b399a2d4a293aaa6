"""Joins, and copies in another order or several times."""

from __future__ import annotations

import math
from typing import Any

from .dtypes import promote
from .registry import public, shape_of
from .shapes import listed, reshape, unsqueeze
from .tape import record, renamed
from .tensor import Tensor, axis, flat, make, pick, strides


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
    pairs = zip(listed(shifts), listed(dims), strict=True)
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


def _at_least(count: int, tensors: Any) -> Any:
    given = tensors[0] if len(tensors) == 1 else tensors
    if not isinstance(given, Tensor):
        return tuple(_at_least(count, [t]) for t in given)
    return given if given.ndim >= count else reshape(given, *[1] * (count - given.ndim), *given._shape)


public("torch", "atleast_1d")(lambda *tensors: _at_least(1, tensors))
public("torch", "atleast_2d")(lambda *tensors: _at_least(2, tensors))
