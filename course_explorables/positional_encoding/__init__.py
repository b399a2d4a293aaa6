"""Where a token stands, told in two ways: a sinusoid added to it, or a rotation of its query and key."""

from __future__ import annotations

from typing import ClassVar

import torch
import traitlets
from torch import Tensor

from course_explorables.base import Explorable
from course_explorables.base.palettes import palette

POSITIONS = 64
"""Positions shown: 0 … 63."""
WIDTHS = (16, 32, 64, 128)
KINDS = ("sinusoid", "RoPE")

_GRID = 32  # entries of the query and the key are whole multiples of 1/32

_CODE = """\
import torch
from course_lib.models.positions import rotate, sinusoidal
from course_explorables.positional_encoding import query_and_key

width, base = «width», «base»
at = torch.tensor([«query», «key»])  # where the query and the key stand
query, key = query_and_key(width)  # each (width,), float64

positions = sinusoidal(«positions», width, base=base, dtype=torch.float64)[at]
print(f"sinusoid: P·P {positions[0] @ positions[1]:.6f}, "
      f"with words {(query + positions[0]) @ (key + positions[1]):.6f}")

turned = rotate(torch.stack([query, key]), at, base=base)
print(f"RoPE: {turned[0] @ turned[1]:.6f}")
later = rotate(torch.stack([query, key]), at + 1000, base=base)
torch.testing.assert_close(later[0] @ later[1], turned[0] @ turned[1])
"""


def query_and_key(width: int) -> tuple[Tensor, Tensor]:
    """A query and a key that resemble each other: the same two words whatever the positions.

    Args:
        width: features of each, even, from 2 to 128.

    Returns:
        The query and the key, float64 (width,) each, mean square about ½; a narrower pair is the beginning
        of a wider one.

    Raises:
        ValueError: if `width` is not an even number from 2 to 128.
    """
    if width not in range(2, max(WIDTHS) + 1, 2):
        raise ValueError(f"width must be an even number from 2 to {max(WIDTHS)}, got {width!r}")
    query, key = _words()
    return query[:width].double() / _GRID, key[:width].double() / _GRID


def _words() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(3)
    query, other = (torch.randint(-39, 40, (max(WIDTHS),), generator=draw) for _ in range(2))
    return query, (3 * query + 2 * other) // 4


class PositionalEncoding(Explorable):
    r"""Drag a query and a key along the positions; see the encoding and the score against the distance.

    $$\begin{gathered}
      P_m \cdot P_n = \sum_i \cos\big((m - n)\,\omega_i\big), \qquad \omega_i = \text{base}^{-2i/d}, \\
      (R_m q) \cdot (R_n k) = q \cdot R_{n-m} k
      \end{gathered}$$

    Both depend on n − m alone, so the score stays as both are shifted; the sum of word and sinusoid,
    multiplied out, does not.

    Args:
        kind: "sinusoid" or "RoPE".
        query: the query's position, 0 to 63.
        key: the key's position, 0 to 63.
        width: features, one of 16, 32, 64, 128.
        base: from 100 to 100 000.
        title: what to try.

    Raises:
        ValueError: if the kind or the width is none of those named, or a position or the base lies outside
            its range.

    Source: Vaswani et al., *Attention is all you need*, 2017, section 3.5; Su et al., *RoFormer*, 2021,
        section 3.2.2.
    """

    modules: ClassVar[tuple[str, ...]] = ("heat.mjs", "positional_encoding.mjs")
    settings: ClassVar[tuple[str, ...]] = ("kind", "query", "key", "width", "base")

    kind = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    query = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    key = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    width = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    base = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    words = traitlets.List().tag(sync=True, own=True)
    palette = traitlets.List().tag(sync=True, own=True)

    def __init__(
        self,
        kind: str = "sinusoid",
        *,
        query: int = 12,
        key: int = 20,
        width: int = 64,
        base: float = 10_000.0,
        title: str = "Shift query and key together and see which score stays",
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"kind must be 'sinusoid' or 'RoPE', got {kind!r}")
        for name, position in (("query", query), ("key", key)):
            if position not in range(POSITIONS):
                raise ValueError(f"{name} must be a whole number from 0 to {POSITIONS - 1}, got {position!r}")
        if width not in WIDTHS:
            raise ValueError(f"width must be one of {', '.join(map(str, WIDTHS))}, got {width!r}")
        if not 100 <= base <= 100_000:
            raise ValueError(f"base must lie between 100 and 100000, got {base}")
        super().__init__(
            title=title,
            kind=kind,
            query=int(query),
            key=int(key),
            width=int(width),
            base=float(base),
            words=[word.tolist() for word in _words()],
            palette=palette("signed"),
            code_template=_CODE,
        )

    def code_values(self) -> dict[str, object]:
        """Return the base as a whole number where it is one, and how many positions there are."""
        return {"base": int(self.base) if self.base == int(self.base) else self.base, "positions": POSITIONS}
