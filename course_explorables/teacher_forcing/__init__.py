"""One mistake of a decoder, and where it goes: with the right token fed after it, and with its own."""

from __future__ import annotations

import math
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable

_CODE = """\
import torch

target = torch.arange(1, 13) % 10  # 1 2 3 … 9 0 1 2
teacher, mistake, slip_rate = «teacher», «mistake», «slip_rate»

fed, written = 0, []
for place in range(12):
    written.append((fed + 1 + 3 * (place + 1 == mistake)) % 10)
    fed = target[place].item() if teacher else written[-1]
print("target ", *target.tolist())
print("written", *written)

# How far off is the token at each place? Of ten distances the first is 0.
slip = torch.full((10, 10), slip_rate / 9, dtype=torch.float64)
slip.fill_diagonal_(1 - slip_rate)
none = torch.eye(10, dtype=torch.float64)[0]
off, right = none, []
for place in range(12):
    before = none if teacher else off
    off = before.roll(3) if place + 1 == mistake else before @ slip
    right.append(off[0])
right = torch.stack(right)
print(f"{right.mean():.4f} of the tokens are right")
"""


class TeacherForcing(Explorable):
    r"""Place a mistake in what a decoder writes; feed it the right token after it, or its own.

    The decoder counts: it writes the digit after the one it reads, but at each place it slips with
    probability ε to one of the other nine digits. With the right token fed, a token is right with
    probability 1 − ε; with its own, at place t and without a mistake put in by hand,

    $$P_t = \tfrac{1}{10} + \tfrac{9}{10} \Bigl(1 - \tfrac{10}{9} \varepsilon\Bigr)^t$$

    Either way all n are right with probability (1 − ε)ⁿ.

    Args:
        teacher: whether the right token is fed.
        mistake: the place at which the decoder surely slips, by 3, from 1 to 12; 0 for none.
        slip_rate: ε, from 0 to 0.2.
        title: what to try.

    Raises:
        TypeError: if mistake is not a whole number.
        ValueError: if mistake or slip_rate lies outside its range.

    Source: S. Bengio and others, *Scheduled Sampling*, 2015, for the difference between the two.
    """

    modules: ClassVar[tuple[str, ...]] = ("lattice.mjs", "teacher_forcing.mjs")
    settings: ClassVar[tuple[str, ...]] = ("teacher", "mistake", "slip_rate")

    teacher = traitlets.Bool().tag(sync=True, own=True, echo_update=False)
    mistake = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    slip_rate = traitlets.Float().tag(sync=True, own=True, echo_update=False)

    def __init__(
        self,
        *,
        teacher: bool = True,
        mistake: int = 3,
        slip_rate: float = 0.02,
        title: str = "Drag the mistake, then feed the decoder its own token",
    ) -> None:
        if type(mistake) is not int:
            raise TypeError(f"mistake must be a whole number, got {mistake!r}")
        if not 0 <= mistake <= 12:
            raise ValueError(f"mistake must lie between 0 and 12, got {mistake}")
        if not (math.isfinite(slip_rate) and 0 <= slip_rate <= 0.2):
            raise ValueError(f"slip_rate must lie between 0 and 0.2, got {slip_rate}")
        super().__init__(
            title=title,
            teacher=bool(teacher),
            mistake=mistake,
            slip_rate=float(slip_rate),
            code_template=_CODE,
        )
