"""A language model asked: texts spelt a token a byte, answers written, and their exact match measured.

The first 256 ids of the shipped English tokenizer are the bytes, so any text can be spelt for its model.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import torch

from course_lib.data.instructions import COURTESY, KINDS, LONGEST, Instruction, answer_occurs, exact_match
from course_lib.models.gpt import GPT
from course_lib.training.rollouts import write_answers

END = ord("\n")
LONGEST_ANSWER = len(COURTESY) + LONGEST + 2  # tokens: one more than any demonstration has
_ASCII, _OTHER, _LAST = 0x80, 0xE000, 0xF8FF  # where ASCII ends, and Unicode's private use area


def spell(text: str) -> list[int]:
    """Ids of a text, a token a byte; what ``unspell`` wrote for other tokens is read back.

    Args:
        text: in ASCII, and the characters ``unspell`` writes for other tokens.

    Returns:
        As many ids as characters.

    Raises:
        ValueError: if a character is neither; names it.

    Taught in: "From language model to assistant, in miniature".
    """
    strange = next((c for c in text if not (ord(c) < _ASCII or _OTHER + _ASCII <= ord(c) <= _LAST)), None)
    if strange is not None:
        raise ValueError(f"text must be in ASCII to be spelt, got {strange!r} in {text!r}")
    return [ord(character) if character.isascii() else ord(character) - _OTHER for character in text]


def unspell(ids: Sequence[int]) -> str:
    """The text of ids, a character a token: so that ``spell`` gives back the very ids a model wrote.

    Bytes that are no ASCII, and tokens of several bytes, which no right answer needs, become characters of
    Unicode's private use area.

    Args:
        ids: 0 … 6399, more than the shipped vocabulary.

    Returns:
        The text.

    Raises:
        ValueError: if an id is out of range.

    Taught in: "From language model to assistant, in miniature".
    """
    if not all(0 <= index <= _LAST - _OTHER for index in ids):
        raise ValueError(f"ids must be from 0 to {_LAST - _OTHER}, got {list(ids)}")
    return "".join(chr(index if index < _ASCII else _OTHER + index) for index in ids)


def answer(
    model: GPT,
    prompts: Sequence[str],
    *,
    temperature: float | None = None,
    generator: torch.Generator | None = None,
) -> list[str]:
    """Let a model answer, greedily or by drawing.

    Args:
        model: reads bytes.
        prompts: such as ``"reverse whale\\n"``.
        temperature: ``None`` takes the most probable byte each time.
        generator: draws, on the model's device; ``None`` means torch's own.

    Returns:
        An answer each, line end included unless it was cut at ``LONGEST_ANSWER`` tokens.

    Taught in: "From language model to assistant, in miniature".
    """
    written = write_answers(
        model,
        [spell(prompt) for prompt in prompts],
        end=END,
        longest=LONGEST_ANSWER,
        context=model.context,
        temperature=temperature,
        generator=generator,
        device=model.token_embedding.weight.device,
    )
    return [unspell(ids) for ids in written]


def measure(
    model: GPT, instructions: Sequence[Instruction], *, drawn_with: torch.Generator | None = None
) -> dict[str, Any]:
    """Measure how a model follows instructions, greedily and at temperature 1.

    Args:
        model: reads bytes.
        instructions: at least one.
        drawn_with: draws the answers at temperature 1, on the model's device; ``None`` means torch's own.

    Returns:
        ``exact_match`` (greedy), ``by_kind`` (the same, of each kind there is), ``sampled_exact_match``,
        ``answer_occurs`` and ``sampled_answer_occurs``, all 0 … 1; ``length`` and ``sampled_length``, mean
        characters an answer.

    Raises:
        ValueError: if there is no instruction.

    Taught in: "From language model to assistant, in miniature".
    """
    prompts = [instruction.prompt for instruction in instructions]
    greedy = answer(model, prompts)
    drawn = answer(model, prompts, temperature=1.0, generator=drawn_with)
    by_kind = {}
    for kind in KINDS:
        places = [place for place, instruction in enumerate(instructions) if instruction.kind == kind]
        if places:
            by_kind[kind] = exact_match([greedy[i] for i in places], [instructions[i] for i in places])
    return {
        "exact_match": exact_match(greedy, instructions),
        "sampled_exact_match": exact_match(drawn, instructions),
        "answer_occurs": answer_occurs(greedy, instructions),
        "sampled_answer_occurs": answer_occurs(drawn, instructions),
        "length": statistics.mean(map(len, greedy)),
        "sampled_length": statistics.mean(map(len, drawn)),
        "by_kind": by_kind,
    }
