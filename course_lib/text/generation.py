"""Generating text: temperature, top-k and top-p (nucleus) sampling, greedy decoding, with a KV cache."""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor

from course_lib.checks import check_ints


class CachingModel(Protocol):
    """What ``generate`` asks of a model: ``model(ids, cache)`` gives logits (batch, seq, vocabulary)."""

    training: bool

    def new_cache(self) -> Any: ...

    def eval(self) -> Any: ...

    def train(self, mode: bool) -> Any: ...

    def __call__(self, ids: Tensor, cache: Any = None) -> Tensor: ...


def next_token_logits(
    logits: Tensor, *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    r"""Prepare logits for drawing the next token: temperature, then top-k, then top-p.

    $$z_i \leftarrow z_i / T, \qquad z_i \leftarrow -\infty \ \text{ where } i \text{ is not kept}$$

    Top-k keeps the k largest logits. Top-p, on what is left, keeps the shortest run of tokens, from the most
    probable down, whose probabilities reach p; always at least one. Of equal logits the one with the smaller
    id goes first in both. ``softmax`` of the result are the probabilities to draw from.

    Args:
        logits: float, (…, vocabulary), in nats.
        temperature: T, finite and above 0: below 1 sharpens, above 1 flattens.
        top_k: tokens kept, at least 1; ``None`` or more than there are keeps all.
        top_p: probability kept, above 0, at most 1; ``None`` or 1 keeps all.

    Raises:
        ValueError: if a setting is out of range.

    Source: A. Fan et al., arXiv:1805.04833, section 5.4 (top-k); A. Holtzman et al., arXiv:1904.09751,
        section 3.1 (top-p).
    """
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"temperature must be finite and above 0, got {temperature}; "
            "for the most probable token every time, ask for greedy: temperature=None in generate"
        )
    if top_k is not None:
        check_ints(1, top_k=top_k)
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, got {top_p}")
    logits = logits / temperature
    vocabulary = logits.shape[-1]
    cuts_k = top_k is not None and top_k < vocabulary
    cuts_p = top_p is not None and top_p < 1
    if not (cuts_k or cuts_p):
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    if cuts_k:
        ordered[..., top_k:] = -math.inf
    if cuts_p:
        probabilities = ordered.softmax(dim=-1)
        before = probabilities.cumsum(dim=-1) - probabilities
        dropped = before >= top_p
        dropped[..., 0] = False
        ordered = ordered.masked_fill(dropped, -math.inf)
    return torch.empty_like(logits).scatter_(-1, order, ordered)


@torch.no_grad()
def generate(
    model: CachingModel,
    ids: Tensor,
    new_tokens: int,
    *,
    context: int,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    use_cache: bool = True,
) -> Tensor:
    """Generate text: continue a prompt, token by token.

    The model reads a window of the text. Where the window would outgrow the context, its older half is
    forgotten: only its last context − ⌊context/2⌋ tokens stay and are read anew, as if the text began there.
    With and without the cache the rule is the same, and so are the texts.

    Args:
        model: ``model(ids, cache)`` gives logits; in eval mode meanwhile, afterwards in the mode it came in.
        ids: the prompt, int64, (seq,) or (batch, seq), seq from 1 to ``context``.
        new_tokens: how many to add, at least 0.
        context: tokens the model can read at once, at least 1.
        temperature: T of ``next_token_logits``; ``None`` takes the most probable token (greedy; of equal ones
            the smallest id).
        top_k, top_p: as for ``next_token_logits``; they need a temperature.
        generator: draws the tokens; ``None`` means torch's own.
        use_cache: read each token once and keep its keys and values, instead of the whole window each time.

    Returns:
        Prompt and continuation, int64, (seq + new_tokens,) or (batch, seq + new_tokens).

    Raises:
        TypeError: if ``ids`` are not int64.
        ValueError: if the prompt does not fit, a number is out of range, or a temperature is missing.
    """
    _check_prompt(ids, new_tokens, context)
    if temperature is None and not (top_k is None and top_p is None):
        raise ValueError("top_k and top_p choose what to draw from: give a temperature, or leave them out")
    if temperature is not None:  # refuse bad settings before the first token
        next_token_logits(torch.zeros(1), temperature=temperature, top_k=top_k, top_p=top_p)
    was_training = model.training
    model.eval()
    text = ids.new_empty(*ids.shape[:-1], ids.shape[-1] + new_tokens)
    rows = text if text.ndim == 2 else text[None]
    rows[:, : ids.shape[-1]] = ids
    first = read = 0  # where the window begins, and up to where the cache has read
    cache = model.new_cache() if use_cache else None
    try:
        for end in range(ids.shape[-1], rows.shape[1]):
            if end - first > context:
                first = read = end - (context - context // 2)
                cache = model.new_cache() if use_cache else None
            logits = model(rows[:, (read if use_cache else first) : end], cache)[:, -1]
            read = end
            if temperature is None:
                rows[:, end] = logits.argmax(dim=-1)
                continue
            kept = next_token_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p)
            rows[:, end] = torch.multinomial(kept.softmax(dim=-1), 1, generator=generator)[:, 0]
    finally:
        model.train(was_training)
    return text


def _check_prompt(ids: Tensor, new_tokens: int, context: int) -> None:
    if ids.dtype != torch.int64:
        raise TypeError(f"ids must be int64, got {ids.dtype}")
    if ids.ndim not in (1, 2):
        raise ValueError(f"ids must be (seq,) or (batch, seq), got {tuple(ids.shape)}")
    if 0 in ids.shape:
        raise ValueError(f"ids must hold at least one token to continue from, got {tuple(ids.shape)}")
    check_ints(0, new_tokens=new_tokens)
    check_ints(1, context=context)
    if ids.shape[-1] > context:
        raise ValueError(
            f"ids must fit the context of {context}, got a prompt of {ids.shape[-1]}: keep its last {context}"
        )
