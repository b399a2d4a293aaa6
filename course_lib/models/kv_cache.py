"""What a GPT remembers of the positions it has read: each layer's keys and values."""

from __future__ import annotations

import torch
from torch import Tensor


class KeyValueCache:
    """Keys and values of the positions read so far, layer by layer, in storage made once for a full context.

    A position's keys and values depend on the positions before it only, so a later one never changes them:
    reading a token with the cache costs the work of one position instead of all.

    Args:
        layers: at least 1.
        context: most positions it can hold, at least 1.

    Raises:
        ValueError: if a number is below 1.

    Taught in: "Pretraining a GPT".
    """

    def __init__(self, layers: int, context: int) -> None:
        if layers < 1 or context < 1:
            raise ValueError(f"layers and context must be at least 1, got {layers} and {context}")
        self.context = context
        self.length = 0
        self._stored: list[tuple[Tensor, Tensor] | None] = [None] * layers

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store one layer's keys and values of new positions; ``length`` grows with ``advance`` only.

        Args:
            layer: which layer.
            key: (batch, heads, new, head_dim).
            value: (batch, heads, new, head_dim).

        Returns:
            Keys and values of all positions, (batch, heads, length + new, head_dim), views of the storage.

        Raises:
            ValueError: if batch, heads, head_dim or dtype differ from those stored, or the context is too
                short.
        """
        batch, heads, new, head_dim = key.shape
        end = self.length + new
        if end > self.context:
            raise ValueError(f"cache holds {self.length} of {self.context} positions, {new} more do not fit")
        stored = self._stored[layer]
        if stored is None:
            shape = (batch, heads, self.context, head_dim)
            stored = (key.new_empty(shape), value.new_empty(shape))
            self._stored[layer] = stored
        keys, values = stored
        if (keys.shape[:2], keys.shape[3], keys.dtype) != (key.shape[:2], head_dim, key.dtype):
            raise ValueError(
                f"cache is made for (batch, heads, context, head_dim) {tuple(keys.shape)} {keys.dtype}, "
                f"got {tuple(key.shape)} {key.dtype}"
            )
        keys[:, :, self.length : end] = key
        values[:, :, self.length : end] = value
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, new: int) -> None:
        """Count new positions as read, once every layer has stored them.

        Args:
            new: positions, at least 1.

        Raises:
            ValueError: if ``new`` < 1 or the context is too short.
        """
        if not 1 <= new <= self.context - self.length:
            raise ValueError(f"new must be from 1 to {self.context - self.length}, got {new}")
        self.length += new

    def storage(self) -> list[tuple[Tensor, Tensor]]:
        """Each layer's keys and values so far, (batch, heads, length, head_dim); empty before the first."""
        return [
            (stored[0][:, :, : self.length], stored[1][:, :, : self.length])
            for stored in self._stored
            if stored is not None
        ]


def reading_mask(before: int, new: int, *, device: torch.device | str | None = None) -> Tensor:
    """Allow each new position all that was read before, and the new ones up to itself.

    mask[i, j] = (j ≤ before + i)

    Args:
        before: positions in the cache, at least 0.
        new: positions read now, at least 1.
        device: where to put the mask.

    Returns:
        bool, (new, before + new).

    Raises:
        ValueError: if a number is too small.

    Taught in: "Pretraining a GPT".
    """
    if before < 0 or new < 1:
        raise ValueError(f"before must be at least 0 and new at least 1, got {before} and {new}")
    return torch.ones(new, before + new, dtype=torch.bool, device=device).tril(before)
