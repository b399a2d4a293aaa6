"""One attention head over a short text: who looks at whom, and what comes of it."""

from __future__ import annotations

import functools
import math
from typing import ClassVar, NamedTuple

import torch
import traitlets
from torch import Tensor

from course_explorables.base import Explorable
from course_explorables.base.palettes import palette

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LONGEST = 12
"""Letters of the longest text."""
HEAD_DIM = 64
HEADS = ("same letter", "the letter before", "vowels ask consonants", "random")
"""The heads by name; the first three were written down, the last was drawn at random."""

_GRID = 32  # every table entry is a whole multiple of 1/32, so that the page holds the same numbers
_AMPLITUDE = 39  # whole numbers from −39 to 39, over 32: mean square 0.51

_CODE = """\
import torch
from course_lib.models.attention import attention, causal_mask
from course_explorables.attention import queries_and_keys, values

text = "«text»"
query, key = queries_and_keys(text, "«head»")  # each (seq, head_dim)
value = values(text)  # (seq, 26): every letter stands for itself
mask = «mask»  # True = may be attended to
output, weights = attention(query, key, value, mask=mask, scale=«scale»)

row, column = «row», «column»
product = query[row] @ key[column]
entropy = torch.special.entr(weights[row]).sum()
print(f"q·k {product:.4f}, weight {weights[row, column]:.6f}, entropy {entropy:.6f} nats")
"""


class _Tables(NamedTuple):
    """What a head's query and key matrices make of each letter and of each position; None is all zeros."""

    query_letter: Tensor | None
    query_position: Tensor | None
    key_letter: Tensor | None
    key_position: Tensor | None


@functools.cache
def _tables() -> dict[str, _Tables]:
    """The four heads' tables, whole numbers: (26, 64) for letters, (12, 64) for positions."""
    draw = torch.Generator().manual_seed(9)

    def drawn(rows: int) -> Tensor:
        return torch.randint(-_AMPLITUDE, _AMPLITUDE + 1, (rows, HEAD_DIM), generator=draw)

    letters = drawn(len(LETTERS))
    # Thirty-two hands of a clock, each at its own speed: any two positions are orthogonal.
    speeds = math.pi * (torch.arange(HEAD_DIM // 2) + 0.5) / (HEAD_DIM // 2)
    turns = torch.arange(-1, LONGEST)[:, None] * speeds
    clock = (torch.cat([turns.cos(), turns.sin()], dim=1) * _GRID).round().long()
    vowel = torch.tensor([[letter in "aeiou"] for letter in LETTERS]).long()
    direction = drawn(1).sign() * 23  # 23/32 is about √½
    return {
        "same letter": _Tables(letters, None, letters, None),
        # A hand turned back by one step is the hand of the position before.
        "the letter before": _Tables(None, clock[:-1], None, clock[1:]),
        "vowels ask consonants": _Tables(vowel * direction, None, (1 - vowel) * direction, None),
        "random": _Tables(drawn(len(LETTERS)), drawn(LONGEST), drawn(len(LETTERS)), drawn(LONGEST)),
    }


def queries_and_keys(text: str, head: str) -> tuple[Tensor, Tensor]:
    r"""Queries and keys of one of the explorable's heads.

    $$q_m = W_q (e_{x_m} + p_m), \qquad k_n = W_k (e_{x_n} + p_n)$$

    A matrix applied to an embedding is a row of a table; the tables are given, rounded to 1/32.

    Args:
        text: one to twelve letters, a to z.
        head: one of `HEADS`.

    Returns:
        The queries and the keys, float32 (seq, 64) each.

    Raises:
        ValueError: if `text` is not one to twelve of the letters a to z, or `head` is none of `HEADS`.

    Source: Vaswani et al., *Attention is all you need*, 2017, section 3.2.1.
    """
    identifiers = _identifiers(text)
    if head not in HEADS:
        raise ValueError(f"head must be one of {', '.join(HEADS)}, got {head!r}")
    tables = _tables()[head]

    def looked_up(letter: Tensor | None, position: Tensor | None) -> Tensor:
        rows = torch.zeros(len(text), HEAD_DIM)
        if letter is not None:
            rows += letter[identifiers]
        if position is not None:
            rows += position[: len(text)]
        return rows / _GRID

    return looked_up(*tables[:2]), looked_up(*tables[2:])


def values(text: str) -> Tensor:
    """One-hot values: each letter stands for itself, so an output reads as a mixture of letters.

    Args:
        text: one to twelve letters, a to z.

    Returns:
        float32 (seq, 26), a single one in each row.

    Raises:
        ValueError: if `text` is not one to twelve of the letters a to z.
    """
    return torch.eye(len(LETTERS))[_identifiers(text)]


class Attention(Explorable):
    r"""Type a text, pick a head; see every query's weights over the keys and the mixture they make.

    $$w = \mathrm{softmax}\left(\frac{q k^\top}{\sqrt{d}}\right), \qquad d = 64$$

    Args:
        text: one to twelve letters, a to z.
        head: one of `HEADS`.
        scaled: whether scores are divided by √64.
        masked: whether a query is kept from looking at later keys.
        cell: row (query) and column (key) of the cell read out.
        title: what to try.

    Raises:
        ValueError: if the text is not one to twelve of the letters a to z, the head is unknown, or the cell
            lies outside the table.

    Source: Vaswani et al., *Attention is all you need*, 2017, equation 1.
    """

    modules: ClassVar[tuple[str, ...]] = ("heat.mjs", "attention.mjs")
    settings: ClassVar[tuple[str, ...]] = ("text", "head", "scaled", "masked", "cell")

    text = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    head = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    scaled = traitlets.Bool().tag(sync=True, own=True, echo_update=False)
    masked = traitlets.Bool().tag(sync=True, own=True, echo_update=False)
    cell = traitlets.List().tag(sync=True, own=True, echo_update=False)
    heads = traitlets.List().tag(sync=True, own=True)
    tables = traitlets.Bytes().tag(sync=True, own=True)
    palette = traitlets.List().tag(sync=True, own=True)

    def __init__(
        self,
        text: str = "mississippi",
        head: str = "same letter",
        *,
        scaled: bool = True,
        masked: bool = False,
        cell: tuple[int, int] = (4, 1),
        title: str = "Switch a head's scale off and watch its weights harden",
    ) -> None:
        queries_and_keys(text, head)
        if len(cell) != 2 or not all(0 <= place < len(text) for place in cell):
            raise ValueError(
                f"cell must be a row and a column from 0 to {len(text) - 1}, got {tuple(cell)!r}"
            )
        heads, tables = _packed()
        super().__init__(
            title=title,
            text=text,
            head=head,
            scaled=bool(scaled),
            masked=bool(masked),
            cell=list(cell),
            heads=heads,
            tables=tables,
            palette=palette("cividis", 21),
            code_template=_CODE,
        )

    def code_values(self) -> dict[str, object]:
        """Return the mask and the scale as Python writes them, and the cell within the text."""
        row, column = (min(place, len(self.text) - 1) for place in self.cell)
        return {
            "mask": "causal_mask(len(text))" if self.masked else "None",
            "scale": f"{HEAD_DIM}**-0.5" if self.scaled else "1.0",
            "row": row,
            "column": column,
        }


def _identifiers(text: str) -> Tensor:
    if not 1 <= len(text) <= LONGEST or not all(letter in LETTERS for letter in text):
        raise ValueError(f"text must be 1 to {LONGEST} letters from a to z, got {text!r}")
    return torch.tensor([LETTERS.index(letter) for letter in text])


def _packed() -> tuple[list[list[object]], bytes]:
    """Each head's name and where its four tables begin (−1 for zeros), and all tables as signed bytes."""
    heads: list[list[object]] = []
    places: dict[int, int] = {}
    packed = bytearray()
    for name, tables in _tables().items():
        for table in tables:
            if table is not None and id(table) not in places:
                places[id(table)] = len(packed)
                packed += table.to(torch.int8).numpy().tobytes()
        heads.append([name, [-1 if table is None else places[id(table)] for table in tables]])
    return heads, bytes(packed)
