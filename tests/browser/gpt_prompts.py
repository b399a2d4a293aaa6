"""Prompts for the GPT in the page, cut from a text its model never saw."""

from __future__ import annotations

import random

from course_lib.data.text import load_moby_dick
from course_lib.pretrained.shipped import load


def drawn_prompts(
    chance: random.Random, count: int, shortest: int = 1, longest: int = 256
) -> list[list[int]]:
    """Pieces of the validation text, cut at any token: ids of `shortest` to `longest` tokens each."""
    ids = load("moby").tokenizer.encode(load_moby_dick("validation")[:200_000])
    lengths = [chance.randint(shortest, longest) for _ in range(count)]
    starts = [chance.randrange(len(ids) - longest) for _ in range(count)]
    return [ids[start : start + length] for start, length in zip(starts, lengths, strict=True)]
