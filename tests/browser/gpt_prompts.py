"""Prompts for the GPT in the page, cut from a text its model never saw."""

from __future__ import annotations

import random

import torch

from course_explorables.gpt_page import window_start
from course_lib.data.text import load_moby_dick
from course_lib.foundations.rounding import additions, rounding_bound
from course_lib.models.gpt import GPT
from course_lib.pretrained.gpts import load


def drawn_prompts(
    chance: random.Random, count: int, shortest: int = 1, longest: int = 256
) -> list[list[int]]:
    """Pieces of the validation text, cut at any token: ids of `shortest` to `longest` tokens each."""
    ids = load("moby").tokenizer.encode(load_moby_dick("validation")[:200_000])
    lengths = [chance.randint(shortest, longest) for _ in range(count)]
    starts = [chance.randrange(len(ids) - longest) for _ in range(count)]
    return [ids[start : start + length] for start, length in zip(starts, lengths, strict=True)]


@torch.no_grad()
def assert_same_greedy(model: GPT, found: list[int], expected: list[int]) -> None:
    """Two engines' greedy texts are the same, up to a place where two tokens tie within rounding."""
    assert len(found) == len(expected)
    differing = [k for k, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]]
    if differing:
        place = differing[0]
        read = expected[window_start(place, model.context) : place]
        logits = model(torch.tensor([read]))[0, -1]
        apart = (logits[found[place]] - logits[expected[place]]).abs().item()
        assert apart <= rounding_bound(logits, terms=additions(model)), f"token {place}: {apart} apart"
