"""Data loaders for tensors in memory: shuffled mini-batches, augmented images, windows of token ids."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checks import check_sizes


class Batches:
    """Mini-batches of tensors kept in memory, freshly shuffled each time it is iterated.

    A ``DataLoader`` fetches example by example, because a data set may live on disk. Tensors in memory need
    no such care: a batch is ``tensor[indices]``, one gather for all its examples. With n examples and batch
    size b one pass yields ⌈n/b⌉ batches, the last of them possibly smaller (⌊n/b⌋ with ``drop_last``). The
    tensors, of any dtype and device, are equal in their first dimension n ≥ 1. Without ``shuffle`` the
    batches are views; ``generator=None`` means torch's global CPU generator.

    Raises:
        TypeError: if something among ``tensors`` is not a tensor, or ``batch_size`` is not an int.
        ValueError: if there are no tensors, a tensor has no dimension, lengths differ, n = 0, ``batch_size``
            < 1, or ``drop_last`` would leave no batch at all.
    """

    def __init__(
        self,
        *tensors: Tensor,
        batch_size: int = 64,
        shuffle: bool = True,
        generator: torch.Generator | None = None,
        drop_last: bool = False,
    ) -> None:
        self.examples = _common_length(tensors)
        if isinstance(batch_size, bool) or not isinstance(batch_size, int):
            raise TypeError(f"batch_size must be an int, got {batch_size!r}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if drop_last and batch_size > self.examples:
            raise ValueError(
                f"drop_last leaves no batch: batch_size is {batch_size}, there are {self.examples} examples"
            )
        self.tensors = tensors
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.generator = generator
        self.drop_last = drop_last

    def __len__(self) -> int:
        """Batches in one pass."""
        if self.drop_last:
            return self.examples // self.batch_size
        return math.ceil(self.examples / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """One pass over the examples; each item holds a batch of every tensor, in the order given."""
        bounds = [(i * self.batch_size, (i + 1) * self.batch_size) for i in range(len(self))]
        if not self.shuffle:
            for start, stop in bounds:
                yield tuple(tensor[start:stop] for tensor in self.tensors)
            return
        order_device = "cpu" if self.generator is None else self.generator.device
        order = torch.randperm(self.examples, generator=self.generator, device=order_device)
        orders = {tensor.device: order.to(tensor.device) for tensor in self.tensors}
        for start, stop in bounds:
            yield tuple(tensor.index_select(0, orders[tensor.device][start:stop]) for tensor in self.tensors)


def _common_length(tensors: tuple[Tensor, ...]) -> int:
    if not tensors:
        raise ValueError("tensors must hold at least one tensor, got none")
    for position, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"tensors[{position}] must be a torch.Tensor, got {type(tensor).__name__}")
        if tensor.ndim == 0:
            raise ValueError(f"tensors[{position}] must have at least one dimension, got a scalar")
    lengths = [tensor.shape[0] for tensor in tensors]
    if len(set(lengths)) > 1:
        raise ValueError(f"tensors must be equally long in dimension 0, got lengths {lengths}")
    if lengths[0] == 0:
        raise ValueError("tensors must hold at least one example, got length 0")
    return lengths[0]


class Jittered:
    """Data augmentation: images turned, scaled and shifted at random, anew in each pass.

    Each image gets its own affine map of output to input coordinates, x ↦ s·R(φ)·x + t, with φ uniform in
    ±degrees, s uniform in 1 ± scale and each component of t uniform in ±shift pixels. Pixels between grid
    points are interpolated bilinearly; outside the image there is paper (0).

    ``batches`` is sized and re-iterable; the first tensor of each item holds images, float (batch, C, H, W),
    the others pass untouched. The generator is one of the CPU. ``ValueError`` unless 0 ≤ degrees ≤ 180, 0 ≤
    scale < 1 and shift is finite and at least 0; while iterating, if images are not four-dimensional.
    """

    def __init__(
        self,
        batches: Collection[tuple[Tensor, ...]],
        *,
        degrees: float = 12.0,
        scale: float = 0.12,
        shift: float = 2.0,
        generator: torch.Generator | None = None,
    ) -> None:
        if not 0 <= degrees <= 180:
            raise ValueError(f"degrees must lie in 0 … 180, got {degrees}")
        if not 0 <= scale < 1:
            raise ValueError(f"scale must lie in 0 ≤ scale < 1, got {scale}")
        if not 0 <= shift < math.inf:
            raise ValueError(f"shift must be a finite number of pixels, at least 0, got {shift}")
        self.batches = batches
        self.degrees = degrees
        self.scale = scale
        self.shift = shift
        self.generator = generator

    def __len__(self) -> int:
        """Batches in one pass."""
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for images, *others in self.batches:
            yield self.distort(images), *others

    def distort(self, images: Tensor) -> Tensor:
        """Distort each image of one batch, float (batch, C, H, W), by its own random map."""
        if images.ndim != 4:
            raise ValueError(f"images must have shape (batch, C, H, W), got {tuple(images.shape)}")
        draws = torch.rand(4, len(images), generator=self.generator) * 2 - 1
        angle = draws[0] * math.radians(self.degrees)
        factor = 1 + draws[1] * self.scale
        cosine, sine = factor * angle.cos(), factor * angle.sin()
        height, width = images.shape[2:]
        # affine_grid measures in half-images: −1 and 1 are the edges.
        right, down = draws[2] * 2 * self.shift / width, draws[3] * 2 * self.shift / height
        ratio = height / width
        rows = [
            torch.stack([cosine, -sine * ratio, right], dim=1),
            torch.stack([sine / ratio, cosine, down], dim=1),
        ]
        maps = torch.stack(rows, dim=1).to(images)
        grid = F.affine_grid(maps, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, align_corners=False)


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
