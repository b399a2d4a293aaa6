"""Rollouts: a language model answers many prompts at once, each answer up to the token that ends it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch

from course_lib.text.generation import CachingModel, generate


def write_answers(
    model: CachingModel,
    prompts: Sequence[Sequence[int]],
    *,
    end: int,
    longest: int,
    context: int,
    temperature: float | None = None,
    generator: torch.Generator | None = None,
    device: torch.device | str = "cpu",
) -> list[list[int]]:
    """Let a model answer prompts of any lengths; those of one length are written side by side.

    No prompt is padded, so a model that was never shown padding sees none.

    Args:
        model: as for ``generate``.
        prompts: token ids, each at least one; a prompt that stands there k times gets k answers.
        end: the token that ends an answer.
        longest: tokens an answer may have, at least 1; one that has not ended by then is cut.
        context: tokens the model can read at once, at least the longest prompt and ``longest``.
        temperature: ``None`` takes the most probable token each time; else drawn, see ``generate``.
        generator: draws the tokens, on ``device``; ``None`` means torch's own.
        device: where the model is.

    Returns:
        An answer a prompt, in their order: ids up to ``end``, it included, or ``longest`` ids without it.

    Raises:
        ValueError: if there is no prompt or one is empty, ``longest`` is below 1, or prompt and answer do not
            fit the context.

    Taught in: "From language model to assistant, in miniature".
    """
    if not prompts or not all(len(prompt) for prompt in prompts):
        raise ValueError(
            f"prompts must hold at least one token each, got lengths {[len(p) for p in prompts]}"
        )
    if isinstance(longest, bool) or not isinstance(longest, int) or longest < 1:
        raise ValueError(f"longest must be an int of at least 1, got {longest!r}")
    most = max(len(prompt) for prompt in prompts)
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
