"""One buffer seen through views: operations to stack, and the cell that each index reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import traitlets

from course_explorables.base import Explorable

_BASE = (4, 6)
_LONGEST = 8
_CODE = """\
import torch

t = torch.arange(24).view(4, 6)
try:
    v = t«chain»
except (RuntimeError, IndexError) as error:
    print(f"{type(error).__name__}: {error}")
else:
    print("shape", tuple(v.shape), "strides", v.stride(), "offset", v.storage_offset())
    print("contiguous:", v.is_contiguous(), "element:", v[«index»])
"""

OPERATIONS: dict[str, tuple[int, int]] = {
    ".T": (2, 2),
    "[1:]": (1, 3),
    "[::2]": (1, 3),
    "[1]": (1, 3),
    "[..., 1:]": (1, 3),
    "[..., ::2]": (1, 3),
    "[..., 1]": (1, 3),
    ".diagonal()": (2, 3),
    ".movedim(0, -1)": (2, 3),
    ".view(-1)": (0, 3),
    ".view(6, 4)": (0, 3),
    ".view(2, 3, 4)": (0, 3),
}
"""What may be applied to the view, with the fewest and the most dimensions it may be applied to."""


def apply(operation: str, view: torch.Tensor) -> torch.Tensor:
    """Apply one of `OPERATIONS` to a tensor, as code that ends in it would.

    Args:
        operation: a key of `OPERATIONS`.
        view: a tensor with as many dimensions as the operation needs.

    Returns:
        A view of the same buffer.

    Raises:
        ValueError: if the operation is unknown or does not fit the dimensions.
        RuntimeError: if torch can give no such view.
        IndexError: if the index picked does not exist.
    """
    if operation not in OPERATIONS:
        raise ValueError(f"operation is {operation!r}; expected one of {', '.join(OPERATIONS)}")
    fewest, most = OPERATIONS[operation]
    if not fewest <= view.dim() <= most:
        raise ValueError(
            f"operation {operation!r} needs {fewest} to {most} dimensions, got a view of {view.dim()}"
        )
    if operation.startswith(".view"):
        return view.view([int(size) for size in operation[6:-1].split(", ")])
    if operation.startswith("["):
        parts = {"1": 1, "1:": slice(1, None), "::2": slice(None, None, 2), "...": ...}
        return view[tuple(parts[part] for part in operation[1:-1].split(", "))]
    if operation == ".diagonal()":
        return view.diagonal()
    return view.T if operation == ".T" else view.movedim(0, -1)


class Strides(Explorable):
    r"""Stack operations on a view of 24 cells; see shape, strides, offset and the cell each index reads.

    $$p(i) = o + \sum_k i_k s_k$$

    No operation moves a number. Where no strides read the cells in the order asked for, torch refuses, and
    the page says so in torch's words.

    Args:
        operations: up to eight keys of `OPERATIONS`, applied in turn to `torch.arange(24).view(4, 6)`; the
            last may be one that torch refuses.
        element: number of the element of the view picked first, counted row by row from 0; the last one where
            there are fewer.
        title: what to try.

    Raises:
        ValueError: if there are more than eight operations, one is unknown, one does not fit the view's
            dimensions, one before the last is refused by torch, or element is negative.

    Source: D. E. Knuth, *The Art of Computer Programming*, volume 1, section 2.2.6.
    """

    modules: ClassVar[tuple[str, ...]] = ("lattice.mjs", "views.mjs", "strides.mjs")
    settings: ClassVar[tuple[str, ...]] = ("operations", "element")

    base = traitlets.List().tag(sync=True, own=True)
    operations = traitlets.List().tag(sync=True, own=True, echo_update=False)
    element = traitlets.Int().tag(sync=True, own=True, echo_update=False)

    def __init__(
        self,
        operations: Sequence[str] = (),
        *,
        element: int = 8,
        title: str = "Stack operations until the strides are (2, 12) and the offset is 7",
    ) -> None:
        if len(operations) > _LONGEST:
            raise ValueError(f"operations must be at most {_LONGEST}, got {len(operations)}")
        if element < 0:
            raise ValueError(f"element must be at least 0, got {element}")
        _, refused = _chained(operations)
        if refused is not None and refused != len(operations) - 1:
            raise ValueError(
                f"operations[{refused}] is {operations[refused]!r}, which torch refuses; only the last may be"
            )
        super().__init__(
            title=title,
            base=list(_BASE),
            operations=list(operations),
            element=int(element),
            code_template=_CODE,
        )

    def code_values(self) -> dict[str, object]:
        """Return the operations as they stand in code, and the index of the picked element."""
        view, _ = _chained(self.operations)
        index = "..."
        if view.numel():
            rest, places = min(self.element, view.numel() - 1), []
            for size in reversed(view.shape):
                rest, i = divmod(rest, size)
                places.append(i)
            index = tuple(reversed(places))
        return {"chain": "".join(self.operations), "index": index}


def _chained(operations: Sequence[str]) -> tuple[torch.Tensor, int | None]:
    """The view after the operations, and which of them torch refused; there it stops."""
    view = torch.arange(24).view(_BASE)
    for place, name in enumerate(operations):
        try:
            view = apply(name, view)
        except ValueError as error:
            raise ValueError(f"operations[{place}]: {error}") from None
        except (RuntimeError, IndexError):
            return view, place
    return view, None
