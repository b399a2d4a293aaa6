"""Figures the reader drags, one folder each: the Python side, its JavaScript and style.

`base` holds the frame they share. `ALL` names every explorable: tests and the reference read it.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

ALL = (
    "adapter:Adapter",
    "attention:Attention",
    "broadcasting:Broadcasting",
    "descent_map:DescentMap",
    "draw_digit:DrawDigit",
    "fit_line:FitLine",
    "gpt_page:GPTInPage",
    "graph_stepper:GraphStepper",
    "low_rank:LowRank",
    "mini_batches:MiniBatches",
    "number_formats:NumberFormats",
    "optimiser_race:OptimiserRace",
    "policy_gradient:PolicyGradient",
    "positional_encoding:PositionalEncoding",
    "ring_all_reduce:RingAllReduce",
    "softmax:Softmax",
    "strides:Strides",
    "tangent:Tangent",
    "teacher_forcing:TeacherForcing",
    "through_time:ThroughTime",
    "two_losses:TwoLosses",
    "what_fits:WhatFits",
)
"""Of each explorable the module and the class, such as "tangent:Tangent"."""


def explorable(name: str) -> type[Any]:
    """The class that an entry of `ALL` names, imported when it is asked for.

    Args:
        name: an entry of `ALL`.

    Raises:
        ValueError: if it is none.
    """
    if name not in ALL:
        raise ValueError(f"name must be one of {', '.join(ALL)}, got {name!r}")
    return resolve_name(f"{__name__}.{name}")
