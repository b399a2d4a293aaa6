"""Position encodings: sinusoidal, added to embeddings, and rotary (RoPE), applied to queries and keys."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks import check_floating

_WITHOUT_FLOAT64 = ("mps",)


def sinusoidal(
    seq: int,
    d_model: int,
    *,
    base: float = 10000.0,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    r"""Sinusoidal positional encoding: a clock with d_model/2 hands, each slower than the one before.

    $$P_{p,\,2i} = \sin(p\,\omega_i), \quad P_{p,\,2i+1} = \cos(p\,\omega_i), \qquad
      \omega_i = \text{base}^{-2i/d_{\text{model}}}$$

    so that $P_p \cdot P_q = \sum_i \cos((p - q)\,\omega_i)$ depends on the distance p − q alone. The result
    is (seq, d_model), each −1 … 1; angles are computed in float64. ``ValueError`` if ``seq`` < 1, ``d_model``
    is odd or < 2, or ``base`` ≤ 1.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.5.
    """
    if seq < 1:
        raise ValueError(f"seq must be at least 1, got {seq}")
    if d_model < 2 or d_model % 2:
        raise ValueError(f"d_model must be even and at least 2, got {d_model}")
    positions = torch.arange(seq, device=device)
    angles = _angles(positions, d_model, base)
    encoding = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
    return encoding.to(dtype or torch.get_default_dtype()).to(positions.device)


def rotate(x: Tensor, positions: Tensor | None = None, base: float = 10000.0) -> Tensor:
    r"""Rotary position embedding (RoPE): turn each pair of features by an angle that grows with position.

    $$\begin{pmatrix} x'_{2i} \\ x'_{2i+1} \end{pmatrix} =
      \begin{pmatrix} \cos \alpha_i & -\sin \alpha_i \\ \sin \alpha_i & \cos \alpha_i \end{pmatrix}
      \begin{pmatrix} x_{2i} \\ x_{2i+1} \end{pmatrix}, \qquad
      \alpha_i = p \cdot \text{base}^{-2i/\text{head\_dim}}$$

    A turned query at p and a turned key at q have a dot product that depends on p − q alone; lengths stay.

    Args:
        x: floating, (…, seq, head_dim), head_dim even: queries or keys, never values.
        positions: int or floating, (seq,), or any shape that broadcasts to x's without its last dimension;
            ``None`` means 0 … seq − 1.
        base: above 1.

    Returns:
        Of ``x``'s shape and dtype.

    Raises:
        ValueError: if a shape does not fit, head_dim is odd, or ``base`` ≤ 1.
        TypeError: if ``x`` is not a floating-point tensor.

    Source: J. Su et al., arXiv:2104.09864, section 3.2.2, equation 15.
    """
    check_floating(x=x)
    if x.ndim < 2 or x.shape[-1] % 2 or x.shape[-1] == 0:
        raise ValueError(f"x must be (…, seq, head_dim) with head_dim even, got {tuple(x.shape)}")
    if positions is None:
        positions = torch.arange(x.shape[-2], device=x.device)
    leading = (1,) * (x.ndim - 1 - positions.ndim) + tuple(positions.shape)
    if len(leading) != x.ndim - 1 or any(p not in (1, n) for p, n in zip(leading, x.shape[:-1], strict=True)):
        raise ValueError(
            f"positions must broadcast to {tuple(x.shape[:-1])}, x's shape without head_dim, "
            f"got {tuple(positions.shape)}"
        )
    angles = _angles(positions, x.shape[-1], base)
    cos, sin = (clock.to(x.dtype).to(x.device) for clock in (angles.cos(), angles.sin()))
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def _angles(positions: Tensor, width: int, base: float) -> Tensor:
    """p·ωᵢ in float64, (…, width/2), on the positions' device; on the CPU where that is an Apple GPU's."""
    if not base > 1:
        raise ValueError(f"base must be above 1, got {base}")
    positions = positions.cpu() if positions.device.type in _WITHOUT_FLOAT64 else positions
    exponents = torch.arange(0, width, 2, dtype=torch.float64, device=positions.device) / width
    return positions.to(torch.float64)[..., None] * base**-exponents
