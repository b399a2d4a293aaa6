"""Windows of a long row of token ids, a context each, to train and evaluate a language model."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from course_lib.checks import check_sizes


class RandomWindows:
    """Draws windows at random places; each position's target is the token after it.

    A place is any of the first len(ids) − context, equally likely, drawn anew for every batch by
    ``generator``, whose state is all that a checkpoint must keep. ``ValueError`` if ``ids`` is not (n,) with
    n above ``context``, or a number is below 1.
    """

    def __init__(self, ids: Tensor, *, context: int, batch_size: int, generator: torch.Generator) -> None:
        check_sizes(context=context, batch_size=batch_size)
        if ids.ndim != 1 or len(ids) <= context:
            raise ValueError(
                f"ids must be (n,) with n above the context of {context}, got {tuple(ids.shape)}"
            )
        self.ids, self.batch_size, self.generator = ids, batch_size, generator
        self._steps = torch.arange(context + 1)
        self._places = len(ids) - context

    def draw(self) -> tuple[Tensor, Tensor]:
        """Draw a batch: ``(inputs, targets)``, int64, (batch_size, context) each."""
        starts = torch.randint(self._places, (self.batch_size, 1), generator=self.generator)
        windows = self.ids[starts + self._steps]
        return windows[:, :-1], windows[:, 1:]


def consecutive_windows(
    ids: Tensor, *, context: int, batch_size: int = 16
) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut a row of ids, (n,), n at least 2, into windows side by side: each but the first is a target once.

    Yields ``(inputs, targets)``, int64, (batch, seq) each; the last window may be shorter than ``context``.
    """
    check_sizes(context=context, batch_size=batch_size)
    if ids.ndim != 1 or len(ids) < 2:
        raise ValueError(f"ids must be (n,) with n at least 2, got {tuple(ids.shape)}")
    inputs, targets = ids[:-1], ids[1:]
    whole = len(inputs) // context * context
    if whole:
        rows = zip(
            inputs[:whole].view(-1, context).split(batch_size),
            targets[:whole].view(-1, context).split(batch_size),
            strict=True,
        )
        yield from rows
    if whole < len(inputs):
        yield inputs[None, whole:], targets[None, whole:]
