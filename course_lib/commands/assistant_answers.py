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


def spell(text: str) -> list[int]:
    """Ids of a text, one a byte.

    Args:
        text: any string.

    Returns:
        Ids 0 … 255.

    Taught in: "From language model to assistant, in miniature".
    """
    return list(text.encode())


def unspell(ids: Sequence[int]) -> str:
    """The text of ids, one a byte; a token of several bytes, which no answer needs, becomes U+FFFD.

    Args:
        ids: at least 0 each.

    Returns:
        The text.

    Taught in: "From language model to assistant, in miniature".
    """
    return "".join(chr(index) if index < 128 else "\ufffd" for index in ids)


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
