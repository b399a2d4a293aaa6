"""Greedy decoding for encoder–decoders: inputs checked, and a translation written token by token."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.models.attention import length_mask


def check_ids(name: str, ids: Tensor, vocab: int) -> None:
    """Refuse ids that are not (batch, seq), both at least 1, of ints in 0 … vocab − 1.

    Args:
        name: what the message calls them.
        ids: to be checked.
        vocab: tokens there are.

    Raises:
        TypeError: if ``ids`` is not an int32 or int64 tensor.
        ValueError: if ``ids`` is not two-dimensional, is empty, or holds an id outside 0 … vocab − 1.
    """
    if not isinstance(ids, Tensor) or ids.dtype not in (torch.int32, torch.int64):
        kind = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise TypeError(f"{name} must be an int32 or int64 tensor of ids, got {kind}")
    if ids.ndim != 2 or ids.numel() == 0:
        raise ValueError(f"{name} must be (batch, seq), both at least 1, got {tuple(ids.shape)}")
    if ids.min() < 0 or ids.max() >= vocab:
        raise ValueError(f"{name} must lie in 0 … {vocab - 1}, got {int(ids.min())} … {int(ids.max())}")


def check_pair(source: Tensor, lengths: Tensor, target_in: Tensor, vocabs: tuple[int, int]) -> None:
    """Refuse a source, its lengths and a target that no encoder–decoder can read together.

    Args:
        source: ids, (batch, s).
        lengths: int, (batch,), each 1 … s.
        target_in: ids, (batch, t).
        vocabs: tokens there are in source and target.

    Raises:
        TypeError: if ids or lengths are not int tensors.
        ValueError: if a shape, an id or a length is out of range, or the batches differ.
    """
    check_ids("source", source, vocabs[0])
    check_ids("target_in", target_in, vocabs[1])
    _check_lengths(source, lengths)
    if len(target_in) != len(source):
        raise ValueError(f"target_in must hold one target per source, got {len(target_in)} for {len(source)}")


def checked_opening(
    source: Tensor, lengths: Tensor, *, start: int, end: int, vocabs: tuple[int, int]
) -> Tensor:
    """Refuse what cannot be translated, and give the ids that every translation opens with.

    Args:
        source: ids, (batch, s).
        lengths: int, (batch,), each 1 … s.
        start: a target's first id.
        end: a target's last id.
        vocabs: tokens there are in source and target.

    Returns:
        ``start`` for each source, int64 (batch, 1).

    Raises:
        TypeError: if ids or lengths are not int tensors.
        ValueError: if a shape, an id or a length is out of range.
    """
    for name, token in (("start", start), ("end", end)):
        check_ids(name, torch.tensor([[token]]), vocabs[1])
    check_ids("source", source, vocabs[0])
    _check_lengths(source, lengths)
    return torch.full((len(source), 1), start, device=source.device)


def _check_lengths(source: Tensor, lengths: Tensor) -> None:
    length_mask(lengths, source.shape[1])
    if len(lengths) != len(source):
        raise ValueError(
            f"source_lengths must hold one length per source, got {len(lengths)} for {len(source)}"
        )


@torch.no_grad()
def write_greedily(
    next_logits: Callable[[Tensor], Tensor], opening: Tensor, *, end: int, max_new_tokens: int
) -> Tensor:
    """Greedy decoding, the likeliest token each time: yₜ = argmax over tokens of the logits after y₁ … yₜ₋₁.

    Greedy: the likeliest whole text may be another one. Writing stops once every sequence has ended.

    Args:
        next_logits: called with all ids so far, (batch, t); returns logits (batch, vocab) of the next token.
        opening: ids to start from, int64 (batch, 1).
        end: the token that ends a text.
        max_new_tokens: at most so many, at least 1.

    Returns:
        int64, (batch, at most max_new_tokens), without the opening; ``end`` repeated after an end.

    Raises:
        ValueError: if ``max_new_tokens`` < 1.
    """
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens must be at least 1, got {max_new_tokens}")
    ids = opening
    ended = torch.zeros(len(opening), dtype=torch.bool, device=opening.device)
    for _ in range(max_new_tokens):
        chosen = next_logits(ids).argmax(dim=-1).masked_fill(ended, end)
        ids = torch.cat([ids, chosen[:, None]], dim=1)
        ended |= chosen == end
        if ended.all():
            break
    return ids[:, opening.shape[1] :]
