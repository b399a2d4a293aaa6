"""Muon: momentum made orthogonal, for the weight matrices inside a network."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from course_lib.foundations.optimizer_base import Optimizer, fading


class Muon(Optimizer):
    r"""Momentum, replaced by the nearest matrix that stretches all directions alike; for matrices only.

    $$M \leftarrow \mu M + (1 - \mu)\, G, \qquad
      \theta \leftarrow (1 - \eta\lambda)\,\theta
      - \eta \sqrt{\max(1, \tfrac{\text{rows}}{\text{columns}})}\;\mathrm{orthogonalise}(\tilde M)$$

    with M̃ = (1 − μ)G + μM under Nesterov, else M.

    Args:
        params: see ``Optimizer``, also for ``lr``; each with two dimensions.
        weight_decay: λ, finite and at least 0, decoupled as in ``AdamW``.
        momentum: μ, at least 0 and below 1.
        nesterov: weigh the newest gradient once more.

    Raises:
        TypeError: as ``Optimizer``.
        ValueError: as ``Optimizer``, if a number is out of range, or a parameter is no matrix.

    Source: K. Jordan and others, "Muon: an optimizer for hidden layers in neural networks", 2024.
    Taught in: Optimisers from their formulas.
    """

    remembered = 1
    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        *,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        for i, p in enumerate(self.params):
            if p.ndim != 2:
                raise ValueError(
                    f"params[{i}] must be a matrix, got shape {tuple(p.shape)}: give biases and the like to "
                    "AdamW"
                )
        self.momentum, self.nesterov = fading("momentum", momentum), nesterov

    @torch.no_grad()
    def step(self) -> None:
        """All directions of the update count alike, however large their singular values were."""
        for p, g, _, (m,) in self._pending():
            m.mul_(self.momentum).add_((1 - self.momentum) * g)
            ahead = (1 - self.momentum) * g + self.momentum * m if self.nesterov else m
            rows, columns = p.shape
            p.mul_(1 - self.lr * self.weight_decay)
            p.sub_(self.lr * max(1.0, rows / columns) ** 0.5 * orthogonalise(ahead).to(p))


def orthogonalise(matrix: Tensor, *, rounds: int = 5) -> Tensor:
    r"""Drive all singular values of a matrix towards one, keeping its singular vectors.

    $$X \leftarrow aX + (b\,XX^{\top} + c\,(XX^{\top})^2)\,X, \qquad (a, b, c) = (3.4445, -4.775, 2.0315)$$

    from X = matrix/|matrix|, with the Frobenius norm: the polynomial aσ + bσ³ + cσ⁵ applied to each singular
    value σ ≤ 1. It stops near one, not at one (about 0.7 to 1.2), because steepness at 0 matters more.

    Args:
        matrix: (rows, columns), floating, finite; not modified. A matrix of zeros stays one.
        rounds: how often, at least 1.

    Returns:
        (rows, columns), bfloat16, in which all of it is computed, as torch does.

    Raises:
        TypeError: if ``matrix`` is not a floating-point tensor.
        ValueError: if ``matrix`` has not two dimensions, or ``rounds`` is below 1.

    Source: as ``Muon``; Å. Björck and C. Bowie, *SIAM J. Numer. Anal.* 8, 1971.
    Taught in: Optimisers from their formulas.
    """
    if not isinstance(matrix, Tensor) or not matrix.is_floating_point():
        kind = matrix.dtype if isinstance(matrix, Tensor) else type(matrix).__name__
        raise TypeError(f"matrix must be a floating-point tensor, got {kind}")
    if matrix.ndim != 2:
        raise ValueError(f"matrix must have two dimensions, got shape {tuple(matrix.shape)}")
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.to(torch.bfloat16)
    x = x.T if tall else x  # the Gram matrix of the shorter side is the smaller one
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        # addmm sums before it rounds to bfloat16, which + and @ would do one after the other.
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=-4.775, alpha=2.0315), x, beta=3.4445)
    return x.T if tall else x
