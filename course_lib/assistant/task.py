"""The assistant's task: byte-level prompts, sampled answers, and their exact match.

The first 256 ids of the shipped English tokenizer are the bytes, so any text can be spelt for its model.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch

from course_lib.checks import check_ints
from course_lib.data.instructions import COURTESY, KINDS, LONGEST, Instruction, answer_occurs, exact_match
from course_lib.models.gpt import GPT
from course_lib.text.generation import generate

END = ord("\n")
LONGEST_ANSWER = len(COURTESY) + LONGEST + 2  # tokens: one more than any demonstration has
_ASCII, _OTHER, _LAST = 0x80, 0xE000, 0xF8FF  # where ASCII ends, and Unicode's private use area


def generate_batch(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    *,
    end: int,
    longest: int,
    temperature: float | None = None,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Let a model answer prompts of any lengths; those of one length side by side, none padded.

    An answer is ids up to ``end``, it included, or ``longest`` ids without it. ``temperature`` and
    ``generator`` are as for ``generate``. ``ValueError`` if there is no prompt or one is empty, ``longest``
    is below 1, or prompt and answer do not fit the context.
    """
    if not prompts or not all(len(prompt) for prompt in prompts):
        raise ValueError(
            f"prompts must hold at least one token each, got lengths {[len(p) for p in prompts]}"
        )
    check_ints(1, longest=longest)
    most = max(len(prompt) for prompt in prompts)
    context, device = model.context, model.token_embedding.weight.device
    if most + longest > context:
        raise ValueError(
            f"context must hold prompt and answer, got {context} for {most} and {longest} tokens"
        )
    places: dict[int, list[int]] = defaultdict(list)
    for place, prompt in enumerate(prompts):
        places[len(prompt)].append(place)
    answers: list[list[int]] = [[] for _ in prompts]
    for length, alike in places.items():
        ids = torch.tensor([list(prompts[place]) for place in alike], device=device)
        texts = generate(model, ids, longest, context=context, temperature=temperature, generator=generator)
        for place, row in zip(alike, texts[:, length:].tolist(), strict=True):
            answers[place] = row[: row.index(end) + 1] if end in row else row
    return answers


def encode_bytes(text: str) -> list[int]:
    """Ids of a text in ASCII, one token per byte; what ``decode_bytes`` wrote for other tokens is read back.

    ``ValueError`` names a character that is neither.
    """
    strange = next((c for c in text if not (ord(c) < _ASCII or _OTHER + _ASCII <= ord(c) <= _LAST)), None)
    if strange is not None:
        raise ValueError(f"text must be in ASCII to be spelt, got {strange!r} in {text!r}")
    return [ord(character) if character.isascii() else ord(character) - _OTHER for character in text]


def decode_bytes(ids: Sequence[int]) -> str:
    """The text of ids, one character per token: so that ``encode_bytes`` restores the very ids a model wrote.

    Bytes that are no ASCII, and tokens of several bytes, which no right answer needs, become characters of
    Unicode's private use area. Ids are 0 … 6399 (else ``ValueError``), more than the shipped vocabulary.
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
    """Let a model answer prompts such as ``"reverse whale\\n"``, greedily or (``temperature``) by drawing.

    ``generator`` draws, on the model's device; ``None`` means torch's own. Each answer includes its line end,
    unless it was cut at ``LONGEST_ANSWER`` tokens.
    """
    asked = [encode_bytes(prompt) for prompt in prompts]
    how = {"temperature": temperature, "generator": generator}
    written = generate_batch(model, asked, end=END, longest=LONGEST_ANSWER, **how)
    return [decode_bytes(ids) for ids in written]


def measure(
    model: GPT, instructions: Sequence[Instruction], *, drawn_with: torch.Generator | None = None
) -> dict[str, Any]:
    """Measure how a model follows instructions, at least one, greedily and at temperature 1.

    ``drawn_with`` draws, on the model's device; ``None`` means torch's own. Gives ``exact_match`` (greedy),
    ``by_kind`` (the same, of each kind there is), ``sampled_exact_match``, ``answer_occurs`` and
    ``sampled_answer_occurs``, all 0 … 1; ``length`` and ``sampled_length``, mean characters per answer.
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
