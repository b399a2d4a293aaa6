"""Fresh small distortions of every image in every epoch: turned, scaled and shifted, still the same digit."""

import math
from collections.abc import Collection, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor


class Jittered:
    """Batches whose images are turned, scaled and shifted at random, anew in each pass.

    Each image gets its own affine map of output to input coordinates, x ↦ s·R(φ)·x + t, with φ uniform in
    ±degrees, s uniform in 1 ± scale and each component of t uniform in ±shift pixels. Pixels between grid
    points are interpolated bilinearly; outside the image there is paper (0).

    Args:
        batches: sized and re-iterable; each item a tuple whose first tensor holds images, float
            (batch, C, H, W).
        degrees: largest turn, 0 … 180.
        scale: largest relative change of size, 0 ≤ scale < 1.
        shift: largest shift in pixels, at least 0.
        generator: a CPU generator for the random numbers; ``None`` means torch's global one.

    Raises:
        ValueError: if ``degrees``, ``scale`` or ``shift`` lies outside its range; while iterating, if the
            images are not four-dimensional.

    Taught in: "MNIST classifier".
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
        """One pass; images distorted, everything else in a batch untouched."""
        for images, *others in self.batches:
            yield self.distort(images), *others

    def distort(self, images: Tensor) -> Tensor:
        """Distort each image of one batch by its own random map.

        Args:
            images: float, (batch, C, H, W).

        Returns:
            Same shape, dtype and device; values stay within those of ``images`` and 0.

        Raises:
            ValueError: if ``images`` is not four-dimensional.
        """
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
