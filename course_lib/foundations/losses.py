"""The Huber loss, as a function and as a module: a loss of one's own needs no class unless it has state."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def huber(pred: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    r"""Mean Huber loss: squares for small errors, absolute values for large ones.

    $$h_\delta(r) = \begin{cases} \tfrac12 r^2 & |r| \le \delta \\
      \delta\,(|r| - \tfrac12\delta) & |r| > \delta \end{cases}, \qquad
      h_\delta'(r) = \max(-\delta, \min(\delta, r)), \qquad r = \text{pred} - \text{target}$$

    The numbers of ``torch.nn.functional.huber_loss``, which also takes shapes that broadcast.

    Args:
        pred: floating, any shape with at least one element.
        target: of the same shape, in the same unit.
        delta: δ, finite and above 0, in that unit.

    Returns:
        (), the mean over all elements, in the square of that unit.

    Raises:
        TypeError: if ``pred`` or ``target`` is not a floating-point tensor.
        ValueError: if the shapes differ, there are no elements, or ``delta`` is not finite and above 0.

    Source: P. J. Huber, *Annals of Mathematical Statistics* 35, 1964.
    Taught in: Data and modules.
    """
    _check_delta(delta)
    for name, tensor in (("pred", pred), ("target", target)):
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise TypeError(f"{name} must be a floating-point tensor, got {kind}")
    if pred.shape != target.shape:
        raise ValueError(
            f"pred and target must have one shape, got {tuple(pred.shape)} and {tuple(target.shape)}"
        )
    if pred.numel() == 0:
        raise ValueError(f"pred must hold at least one element, got shape {tuple(pred.shape)}")
    error = pred - target
    size = error.abs()
    return torch.where(size <= delta, 0.5 * error.square(), delta * (size - 0.5 * delta)).mean()


class Huber(nn.Module):
    """``huber`` with its δ carried along; no parameters, nothing to save.

    Args:
        delta: δ, finite and above 0, in the unit of the errors.

    Raises:
        ValueError: if ``delta`` is not finite and above 0.

    Taught in: Data and modules.
    """

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        _check_delta(delta)
        self.delta = delta

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (); shapes and errors as for ``huber``."""
        return huber(pred, target, self.delta)

    def extra_repr(self) -> str:
        return f"delta={self.delta}"


def _check_delta(delta: float) -> None:
    if not 0 < delta < math.inf:
        raise ValueError(f"delta must be finite and above 0, got {delta}")
