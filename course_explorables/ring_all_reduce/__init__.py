"""The all-reduce ring, step by step, and the message size from which it beats sending all to one."""

from __future__ import annotations

from typing import ClassVar

import traitlets

from course_explorables.base import Explorable

_CODE = """\
import torch

held = torch.tensor(
    «vectors»
)  # a row per process, a column per piece
whole, n = held.sum(dim=0), len(held)
for step in range(«step»):
    for rank in range(n):
        piece, neighbour = (rank - step) % n, (rank + 1) % n
        if step < n - 1:  # reduce-scatter
            held[neighbour, piece] += held[rank, piece]
        else:  # all-gather
            held[neighbour, piece] = held[rank, piece]
print(f"{held}\\n{(held == whole).sum()} of {n * n} pieces are finished")

numbers, latency, bandwidth = «numbers», 1e-5, 1e10  # s, bytes per second
ring = 2 * (n - 1) * (latency + 4 * -(-numbers // n) / bandwidth)
all_to_one = 2 * (latency + (n - 1) * 4 * numbers / bandwidth)
print(f"ring {ring:.3e} s, all to one {all_to_one:.3e} s")
"""


class RingAllReduce(Explorable):
    r"""Step n processes through an all-reduce; drag the message's size and compare two ways to sum it.

    With P float32 numbers, a latency λ of 10 µs and a bandwidth b of 10 GB/s, both per link and direction,
    the ring takes the first time, and rank 0, if all send to it and it sends back, the second:

    $$t_{\text{ring}} = 2(n-1)\Bigl(\lambda + \frac{4 \lceil P/n \rceil}{b}\Bigr), \qquad
      t_{\text{star}} = 2\Bigl(\lambda + \frac{4 (n-1) P}{b}\Bigr)$$

    Args:
        processes: n, from 2 to 8.
        step: how many of the 2(n − 1) steps are done.
        numbers: P, from 100 to 10⁹.
        title: what to try.

    Raises:
        TypeError: if processes, step or numbers is not a whole number.
        ValueError: if an argument lies outside its range.

    Source: P. Patarasuk and X. Yuan, *J. Parallel Distrib. Comput.* 69, 2009.
    """

    modules: ClassVar[tuple[str, ...]] = ("lattice.mjs", "ring_all_reduce.mjs")
    settings: ClassVar[tuple[str, ...]] = ("processes", "step", "numbers")

    processes = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    step = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    numbers = traitlets.Int().tag(sync=True, own=True, echo_update=False)

    def __init__(
        self,
        processes: int = 4,
        step: int = 1,
        numbers: int = 1000,
        *,
        title: str = "Find the size from which the ring beats all-to-one",
    ) -> None:
        for name, value, low, high in (
            ("processes", processes, 2, 8),
            ("step", step, 0, 2 * (processes - 1)),
            ("numbers", numbers, 100, 10**9),
        ):
            if type(value) is not int:
                raise TypeError(f"{name} must be a whole number, got {value!r}")
            if not low <= value <= high:
                raise ValueError(f"{name} must lie between {low} and {high}, got {value}")
        super().__init__(title=title, processes=processes, step=step, numbers=numbers, code_template=_CODE)

    def code_values(self) -> dict[str, object]:
        """Return the numbers of each process before the first step, a nested list."""
        ranks = range(self.processes)
        return {"vectors": [[1 + (3 * r + 5 * k + r * k) % 9 for k in ranks] for r in ranks]}
