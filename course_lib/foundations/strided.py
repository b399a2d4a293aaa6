"""Strides, storage offsets, views and broadcasting, computed by hand.

A tensor is a flat buffer and a rule that turns an index into a position in it. Views, transposes, slices and
broadcasting change the rule and leave the buffer alone. Strides and offsets count elements.
"""

from __future__ import annotations

from collections.abc import Sequence


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    r"""Strides of a tensor whose elements lie in the buffer in row-major order, for sizes of at least 0.

    $$s_k = \prod_{j > k} n_j$$

    A size of 0 counts as 1, as in torch.
    """
    _check_shape(shape, "shape")
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def buffer_position(index: Sequence[int], strides: Sequence[int], offset: int = 0) -> int:
    r"""Position in the buffer of the element at `index`, with `offset` that of the element at (0, …, 0).

    $$p(i) = o + \sum_k i_k s_k$$

    ``ValueError`` if `index` and `strides` differ in length or an index is negative.
    """
    if len(index) != len(strides):
        raise ValueError(f"index has {len(index)} entries but strides has {len(strides)}")
    if any(i < 0 for i in index):
        raise ValueError(f"index must not be negative, got {tuple(index)}")
    return offset + sum(i * s for i, s in zip(index, strides, strict=True))


def broadcast_shape(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    r"""Shape of the result when two tensors meet in an elementwise operation.

    Align the shapes at the right and fill the shorter with 1s at the left; then for each dimension

    $$n_k = \begin{cases} a_k & b_k = 1 \\ b_k & a_k = 1 \\ a_k & a_k = b_k \end{cases}$$

    and anything else is an error: a ``ValueError`` that names the dimension.

    Source: NumPy manual, "Broadcasting"; PyTorch manual, "Broadcasting semantics".
    """
    _check_shape(first, "first")
    _check_shape(second, "second")
    dimensions = max(len(first), len(second))
    a = (1,) * (dimensions - len(first)) + tuple(first)
    b = (1,) * (dimensions - len(second)) + tuple(second)
    for k, (m, n) in enumerate(zip(a, b, strict=True)):
        if m != n and 1 not in (m, n):
            raise ValueError(
                f"first {tuple(first)} and second {tuple(second)} do not broadcast: "
                f"sizes {m} and {n} meet in dimension {k - dimensions} and neither is 1"
            )
    return tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))


def broadcast_strides(shape: Sequence[int], strides: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
    """Strides with which a tensor is read as if it had the shape `target`: 0 wherever it is repeated.

    ``ValueError`` if `shape` does not broadcast to `target`, or `shape` and `strides` differ in length.
    """
    if len(shape) != len(strides):
        raise ValueError(f"shape has {len(shape)} entries but strides has {len(strides)}")
    if broadcast_shape(shape, target) != tuple(target):
        raise ValueError(f"shape {tuple(shape)} does not broadcast to target {tuple(target)}")
    missing = len(target) - len(shape)
    own = [
        0 if n == 1 and t != 1 else s for n, s, t in zip(shape, strides, tuple(target)[missing:], strict=True)
    ]
    return (0,) * missing + tuple(own)


def _check_shape(shape: Sequence[int], name: str) -> None:
    if any(size < 0 for size in shape):
        raise ValueError(f"{name} must hold sizes of at least 0, got {tuple(shape)}")
