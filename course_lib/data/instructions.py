"""Instruction data with verifiable answers: eight tasks on a word or on two numbers.

The words are those of *Moby-Dick*. Every tenth word, and every tenth pair of numbers, is kept for testing and
another tenth for validation: what is asked there was asked of no word or pair trained on.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch

from course_lib.checks import check_ints
from course_lib.data.text import load_moby_dick

SPLITS = ("train", "validation", "test")
SHORTEST, LONGEST = 3, 5  # letters
SMALLEST, LARGEST = 10, 99  # numbers
COURTESY = "OK: "  # what some people write before an answer
Operand = str | tuple[int, int]

WORD_KINDS: dict[str, Callable[[Any], str]] = {
    "repeat": str,
    "upper": str.upper,
    "reverse": lambda word: word[::-1],
    "first": lambda word: word[0],
    "last": lambda word: word[-1],
    "count": lambda word: str(len(word)),
}
NUMBER_KINDS: dict[str, Callable[[Any], str]] = {
    "larger": lambda pair: str(max(pair)),
    "add": lambda pair: str(sum(pair)),
}
KINDS = (*WORD_KINDS, *NUMBER_KINDS)


class Instruction(NamedTuple):
    """What is asked, ``"reverse whale\\n"``, the only right answer, ``"elahw\\n"``, and the kind of question.

    The line end closes both: it says where the question ends, and a model that has answered says so by it.
    """

    prompt: str
    answer: str
    kind: str


def instruct(kind: str, operand: Operand) -> Instruction:
    """Ask one thing of a word, or (``"larger"`` and ``"add"``) of a pair of whole numbers.

    ``instruct("larger", (17, 25))`` has the prompt ``larger 17 25`` and the answer ``25``. ``ValueError`` if
    there is no such kind, or the operand is not one for it.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind in WORD_KINDS:
        if not isinstance(operand, str) or not operand:
            raise ValueError(f"operand must be a word for {kind!r}, got {operand!r}")
        return Instruction(f"{kind} {operand}\n", WORD_KINDS[kind](operand) + "\n", kind)
    if not isinstance(operand, tuple) or len(operand) != 2 or not all(type(n) is int for n in operand):
        raise ValueError(f"operand must be two whole numbers for {kind!r}, got {operand!r}")
    return Instruction(f"{kind} {operand[0]} {operand[1]}\n", NUMBER_KINDS[kind](operand) + "\n", kind)


def draw_instructions(
    count: int, *, split: str, generator: torch.Generator | None = None, kinds: Sequence[str] = KINDS
) -> list[Instruction]:
    """Draw instructions, kinds and words uniformly, with replacement.

    ``split`` is ``"train"``, ``"validation"`` or ``"test"``; no word and no pair of numbers is in two of
    them. ``ValueError`` if ``count`` is not an int of at least 1, or ``split`` or one of ``kinds`` is
    unknown.
    """
    check_ints(1, count=count)
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise ValueError(f"kinds must be among {', '.join(KINDS)}, got {list(kinds)}")
    chosen = torch.randint(len(kinds), (count,), generator=generator).tolist()
    places = torch.rand(count, dtype=torch.float64, generator=generator).tolist()
    drawn = []
    for index, place in zip(chosen, places, strict=True):
        operands: Sequence[Operand] = words(split) if kinds[index] in WORD_KINDS else number_pairs(split)
        drawn.append(instruct(kinds[index], operands[int(place * len(operands))]))
    return drawn


def demonstrations(
    instructions: Sequence[Instruction], *, courteous: float, generator: torch.Generator | None = None
) -> list[str]:
    """Let people answer: all of them know the answer, but some greet before they give it.

    ``courteous``, from 0 to 1, is the share of answers that begin with ``COURTESY``: ``"OK: elahw\\n"``, not
    ``"elahw\\n"``.
    """
    if not 0 <= courteous <= 1:
        raise ValueError(f"courteous must be from 0 to 1, got {courteous}")
    chances = torch.rand(len(instructions), dtype=torch.float64, generator=generator).tolist()
    return [
        (COURTESY if chance < courteous else "") + instruction.answer
        for chance, instruction in zip(chances, instructions, strict=True)
    ]


def exact_match(answers: Sequence[str], instructions: Sequence[Instruction]) -> float:
    """The share of answers that are right to the last character, the line end included.

    ``ValueError`` if there is no instruction, or not one answer each.
    """
    _check_answers(answers, instructions)
    return sum(given == i.answer for given, i in zip(answers, instructions, strict=True)) / len(answers)


def answer_occurs(answers: Sequence[str], instructions: Sequence[Instruction]) -> float:
    """The share of answers in which the right one stands somewhere: a careless examiner's measure."""
    _check_answers(answers, instructions)
    found = (i.answer.strip() in given for given, i in zip(answers, instructions, strict=True))
    return sum(found) / len(answers)


@cache
def words(split: str) -> tuple[str, ...]:
    """The words of a split: three to five small letters, twice or more in *Moby-Dick*'s training chapters."""
    found = re.findall(rf"\b[a-z]{{{SHORTEST},{LONGEST}}}\b", load_moby_dick("train"))
    return tuple(sorted(w for w, times in Counter(found).items() if times > 1 and _split_of(w) == split))


@cache
def number_pairs(split: str) -> tuple[tuple[int, int], ...]:
    """The pairs of different two-digit numbers of a split, in rising order."""
    numbers = range(SMALLEST, LARGEST + 1)
    return tuple((a, b) for a in numbers for b in numbers if a != b and _split_of(f"{a} {b}") == split)


def _split_of(text: str) -> str:
    """By a checksum: the same on every machine, and unrelated to what the text means."""
    return {0: "test", 1: "validation"}.get(zlib.crc32(text.encode()) % 10, "train")


def _check_answers(answers: Sequence[str], instructions: Sequence[Instruction]) -> None:
    if len(answers) != len(instructions) or not instructions:
        raise ValueError(
            f"answers must be one for each instruction, got {len(answers)} for {len(instructions)}"
        )
