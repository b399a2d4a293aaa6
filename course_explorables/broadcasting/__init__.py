"""Two shapes to type and to step: how they align, what comes out, and which strides become 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable
from course_lib.foundations.strided import broadcast_shape

_CODE = """\
import torch

a = torch.arange(«count_a»).reshape(«a»)
b = torch.arange(«count_b»).reshape(«b»)
try:
    spread_a, spread_b = torch.broadcast_tensors(a, b)  # what a - b reads; nothing is copied
except RuntimeError as error:
    print("RuntimeError:", error)
else:
    index = «index»
    print("shape", tuple(spread_a.shape), "strides", spread_a.stride(), spread_b.stride())
    print("a - b at the index:", spread_a[index] - spread_b[index])
"""
_DIMENSIONS, _SIZE, _ELEMENTS = 5, 999, 1_000_000


class Broadcasting(Explorable):
    r"""Type or step two shapes; see them aligned at the right, the result's shape or torch's error.

    $$n_k = \begin{cases} a_k & b_k = 1 \\ b_k & a_k = 1 \\ a_k & a_k = b_k \end{cases}$$

    Where a size of 1 is stretched the stride becomes 0: the same cell is read again. Up to eight rows and
    columns are drawn, each number the cell of the buffer it is read from.

    Args:
        a: sizes of the first tensor, at most five, each from 0 to 999, at most a million elements.
        b: sizes of the second, likewise.
        element: the number of the element of a − b picked first, counted row by row from 0; the last one
            where there are fewer.
        title: what to try.

    Raises:
        ValueError: if a shape has more than five sizes, a size lies outside 0 to 999, a shape holds more than
            a million elements, or element is negative.
        TypeError: if a shape is not a sequence of whole numbers.

    Source: NumPy manual, "Broadcasting"; PyTorch manual, "Broadcasting semantics".
    """

    modules: ClassVar[tuple[str, ...]] = ("lattice.mjs", "shape_table.mjs", "broadcasting.mjs")
    settings: ClassVar[tuple[str, ...]] = ("a", "b", "element")

    a = traitlets.List().tag(sync=True, own=True, echo_update=False)
    b = traitlets.List().tag(sync=True, own=True, echo_update=False)
    element = traitlets.Int().tag(sync=True, own=True, echo_update=False)

    def __init__(
        self,
        a: Sequence[int] = (4, 1),
        b: Sequence[int] = (4,),
        *,
        element: int = 6,
        title: str = "Change the shapes until no stride is 0",
    ) -> None:
        if element < 0:
            raise ValueError(f"element must be at least 0, got {element}")
        super().__init__(
            title=title,
            a=_checked_shape(a, "a"),
            b=_checked_shape(b, "b"),
            element=int(element),
            code_template=_CODE,
        )

    def code_values(self) -> dict[str, object]:
        """Return both shapes and their numbers of elements, and the index of the picked element."""
        index = self._index()
        return {
            "a": tuple(self.a),
            "b": tuple(self.b),
            "count_a": math.prod(self.a),
            "count_b": math.prod(self.b),
            "index": "..." if index is None else index,
        }

    def _index(self) -> tuple[int, ...] | None:
        """Index of the picked element; None where the shapes do not fit, or nothing is in the result."""
        try:
            shape = broadcast_shape(self.a, self.b)
        except ValueError:
            return None
        if math.prod(shape) == 0:
            return None
        rest, index = min(self.element, math.prod(shape) - 1), []
        for size in reversed(shape):
            rest, i = divmod(rest, size)
            index.append(i)
        return tuple(reversed(index))


def _checked_shape(shape: Sequence[int], name: str) -> list[int]:
    if isinstance(shape, str) or not all(type(size) is int for size in shape):
        raise TypeError(f"{name} must be a sequence of whole numbers, got {shape!r}")
    sizes = list(shape)
    if len(sizes) > _DIMENSIONS or not all(0 <= size <= _SIZE for size in sizes):
        raise ValueError(
            f"{name} must hold at most {_DIMENSIONS} sizes from 0 to {_SIZE}, got {tuple(sizes)}"
        )
    if math.prod(sizes) > _ELEMENTS:
        raise ValueError(f"{name} must hold at most {_ELEMENTS:,} elements, got {tuple(sizes)}")
    return sizes
