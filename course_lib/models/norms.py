"""Two ways to keep the features of a position at one size, whatever the layers before made of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LayerNorm(nn.Module):
    r"""Layer normalisation: mean 0 and variance 1 over the features of each position, then a gain and a bias.

    $$y = \gamma \odot \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta, \qquad
      \mu = \tfrac1d \sum_i x_i, \quad \sigma^2 = \tfrac1d \sum_i (x_i - \mu)^2$$

    Parameters ``weight`` γ (ones) and ``bias`` β (zeros), (d,), as ``nn.LayerNorm(d)``.

    Args:
        d: features, at least 1.
        eps: ε, in the square of x's unit, above 0.

    Raises:
        ValueError: if ``d`` < 1 or ``eps`` ≤ 0.

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv:1607.06450, section 3.
    Taught in: "The Transformer".
    """

    def __init__(self, d: int, eps: float = 1e-5) -> None:
        super().__init__()
        _check(d, eps)
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d))
        self.bias = nn.Parameter(torch.zeros(d))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension.

        Args:
            x: floating, (…, d).

        Returns:
            (…, d).

        Raises:
            ValueError: if the last dimension is not d.
        """
        _check_features(x, len(self.weight))
        centred = x - x.mean(dim=-1, keepdim=True)
        variance = centred.square().mean(dim=-1, keepdim=True)
        return self.weight * centred * torch.rsqrt(variance + self.eps) + self.bias

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"


class RMSNorm(nn.Module):
    r"""Root-mean-square normalisation: layer normalisation without the mean and the bias.

    $$y = \gamma \odot \frac{x}{\sqrt{\tfrac1d \sum_i x_i^2 + \varepsilon}}$$

    Parameter ``weight`` γ (ones), (d,), as ``nn.RMSNorm(d)``.

    Args:
        d: features, at least 1.
        eps: ε, in the square of x's unit, above 0; ``None`` means the machine epsilon of x's dtype.

    Raises:
        ValueError: if ``d`` < 1 or ``eps`` ≤ 0.

    Source: B. Zhang and R. Sennrich, arXiv:1910.07467, section 4, equation 4.
    Taught in: "The Transformer".
    """

    def __init__(self, d: int, eps: float | None = None) -> None:
        super().__init__()
        _check(d, 1.0 if eps is None else eps)
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension.

        Args:
            x: floating, (…, d).

        Returns:
            (…, d).

        Raises:
            ValueError: if the last dimension is not d.
        """
        _check_features(x, len(self.weight))
        eps = torch.finfo(x.dtype).eps if self.eps is None else self.eps
        return self.weight * x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + eps)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"


def _check(d: int, eps: float) -> None:
    if d < 1:
        raise ValueError(f"d must be at least 1, got {d}")
    if not eps > 0:
        raise ValueError(f"eps must be above 0, got {eps}")


def _check_features(x: Tensor, d: int) -> None:
    if x.ndim == 0 or x.shape[-1] != d:
        raise ValueError(f"x must be (…, {d}), got {tuple(x.shape)}")
