"""What fine-tuning did to one weight matrix, and how much of it a matrix of low rank can say."""

from __future__ import annotations

from typing import ClassVar

import torch
import traitlets
from safetensors.torch import load, save
from torch import Tensor

from course_explorables.base import Explorable
from course_explorables.base.palettes import palette
from course_lib.files import read_verified
from course_lib.records import MEASUREMENTS

CHANGE_FILE = MEASUREMENTS / "low_rank_change.safetensors"
CHANGE_SHA256 = "fc53d016d1d7cffb3a40d6b519a4d48b3b6e67e9b756240e71cc8ce0f58eb3ab"
LARGEST = 160
"""Most rows, and most columns: the page decomposes that many in well under a second."""

_SHIPPED = """\
import torch
from course_explorables.low_rank import shipped_change

change = shipped_change().double()  # («rows», «columns»)"""
_YOURS = """\
import torch

change = change.double()  # your («rows», «columns») matrix"""
_CODE = """
rank = «rank»
left, sigma, right = torch.linalg.svd(change, full_matrices=False)  # right is Vᵀ
nearest = left[:, :rank] * sigma[:rank] @ right[:rank]  # («rows», «columns»)

norm = torch.linalg.norm(change).clamp(min=1e-300)  # Frobenius
error = torch.linalg.norm(change - nearest) / norm
torch.testing.assert_close(error, torch.linalg.norm(sigma[rank:]) / norm)
stored = rank * sum(change.shape)
print(f"relative error {error:.6f}, squared norm kept {1 - error**2:.6f}")
print(f"{stored} numbers instead of {change.numel()}")
"""


def shipped_change() -> Tensor:
    """Read what fine-tuning changed in one weight of the shipped English GPT.

    The weight is ``blocks.2.attention.output_proj.weight``, after minus before training on film snippets,
    every parameter free; made by ``python -m studies.forgetting``.

    Returns:
        ΔW, float16, (128, 128).

    Raises:
        ValueError: if the file is not the expected one (names file, expected and found hash).
        FileNotFoundError: if it is missing.
    """
    return load(read_verified(CHANGE_FILE, CHANGE_SHA256))["change"]


class LowRank(Explorable):
    r"""Drag the rank along a matrix's singular values; see what the nearest matrix of that rank keeps.

    $$\begin{gathered}
      \Delta W = \sum_k \sigma_k u_k v_k^\top, \qquad \Delta W_r = \sum_{k \le r} \sigma_k u_k v_k^\top, \\
      \frac{\lVert \Delta W - \Delta W_r \rVert^2}{\lVert \Delta W \rVert^2}
      = \frac{\sum_{k > r} \sigma_k^2}{\sum_k \sigma_k^2}
      \end{gathered}$$

    The two factors of ΔW_r take r·(m + n) numbers, ΔW itself m·n. The page holds ΔW exactly (float16 if that
    loses nothing, else float32) and decomposes it there.

    Args:
        change: ΔW, real, (m, n), 1 to 160 each, finite in float32; by default `shipped_change()`.
        rank: r, from 0 to min(m, n); by default 8, or min(m, n) where that is less.
        title: what to try.

    Raises:
        TypeError: if `change` is not a tensor of real numbers.
        ValueError: if its shape is none of those, a number is not finite, or the rank lies outside its range.

    Source: Eckart & Young, *The approximation of one matrix by another of lower rank*, 1936; Hu et al.,
        *LoRA*, 2021, section 4.1.
    """

    modules: ClassVar[tuple[str, ...]] = ("heat.mjs", "safetensors.mjs", "singular.mjs", "low_rank.mjs")
    settings: ClassVar[tuple[str, ...]] = ("rank",)

    rank = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    change = traitlets.Bytes().tag(sync=True, own=True)
    shape = traitlets.List().tag(sync=True, own=True)
    palette = traitlets.List().tag(sync=True, own=True)

    def __init__(
        self,
        change: Tensor | None = None,
        *,
        rank: int | None = None,
        title: str = "Raise the rank until the change you need is there",
    ) -> None:
        shipped = change is None
        matrix = _checked(shipped_change() if change is None else change)
        full = min(matrix.shape)
        if rank is not None and rank not in range(full + 1):
            raise ValueError(f"rank must be a whole number from 0 to {full}, got {rank!r}")
        super().__init__(
            title=title,
            rank=min(8, full) if rank is None else int(rank),
            change=save({"change": matrix}),
            shape=list(matrix.shape),
            palette=palette("signed"),
            code_template=(_SHIPPED if shipped else _YOURS) + _CODE,
        )

    def code_values(self) -> dict[str, object]:
        """Return the matrix's rows and columns."""
        return dict(zip(("rows", "columns"), self.shape, strict=True))


def _checked(change: Tensor) -> Tensor:
    """Return the matrix in the narrowest of float16 and float32 that loses nothing of its float32 values."""
    if not isinstance(change, Tensor):
        raise TypeError(f"change must be a tensor, got {type(change).__name__}")
    if change.is_complex() or change.dtype == torch.bool:
        raise TypeError(f"change must hold real numbers, got {change.dtype}")
    if change.ndim != 2 or not all(1 <= size <= LARGEST for size in change.shape):
        raise ValueError(
            f"change must be a matrix of 1 to {LARGEST} rows and columns, got shape {tuple(change.shape)}"
        )
    wide = change.detach().cpu().float().contiguous()
    if not wide.isfinite().all():
        raise ValueError("change must be finite in float32, got NaN or an infinity")
    narrow = wide.half()
    return narrow if torch.equal(narrow.float(), wide) else wide
