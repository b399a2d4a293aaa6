"""Gradient descent as a loop, its quadratic test function (a bowl), and a line search."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.checks import check_floating


def descend(
    gradient: Callable[[Tensor], Tensor],
    start: Tensor,
    learning_rate: float,
    steps: int,
    *,
    momentum: float = 0.0,
) -> Tensor:
    r"""Gradient descent that keeps every point: the path, (steps + 1, *start.shape), from ``start`` on.

    $$v \leftarrow \mu v + \nabla J(\theta), \qquad \theta \leftarrow \theta - \eta\, v$$

    starting from v = 0; with momentum 0 it is θ ← θ − η∇J(θ). The same numbers as ``torch.optim.SGD``. The
    function ``gradient`` gives ∇J at a point, in its shape; η = ``learning_rate``, μ = ``momentum`` and
    ``steps`` are finite and at least 0.

    Raises:
        FloatingPointError: if a step lands on NaN or infinity; names the step and the learning rate.
        TypeError: if ``start`` is not a floating-point tensor or ``steps`` is not an int.
        ValueError: if ``start`` holds NaN or infinity, a number is out of range, or ``gradient`` returns
            another shape than that of its point.

    Source: A. Cauchy, *Comptes rendus* 25, 1847; B. T. Polyak, *USSR Comp. Math.* 4, 1964.
    """
    _check_descent(start, learning_rate, steps, momentum)
    theta = start.detach().clone()
    path, velocity = [theta], torch.zeros_like(theta)
    for step in range(1, steps + 1):
        velocity = momentum * velocity + _slope(gradient, theta)
        theta = theta - learning_rate * velocity
        if not theta.isfinite().all():
            raise FloatingPointError(f"diverged in step {step} of {steps} with learning_rate {learning_rate}")
        path.append(theta)
    return torch.stack(path)


class Quadratic:
    r"""Quadratic bowl with two curvatures, turned by an angle: the landscape near any minimum.

    $$J(\theta) = \tfrac12\, \theta^{\top} H\, \theta, \qquad
      H = R\,\mathrm{diag}(\lambda_1, \lambda_2)\,R^{\top}$$

    with λ₁ and λ₂ the ``curvatures``, each finite and above 0 (else ``ValueError``), and R the rotation by
    ``angle``: radians from the first axis to the eigenvector of λ₁, anticlockwise.

    Attributes:
        hessian: H, (2, 2), float64, symmetric.
        condition_number: κ = λmax/λmin.
        largest_stable_rate: 2/λmax; at this learning rate and beyond descent stops shrinking.
        best_rate: 2/(λmax + λmin), where the flat and the steep direction are equally slow.
    """

    def __init__(self, curvatures: Sequence[float] = (1.0, 6.0), angle: float = 0.0) -> None:
        if len(curvatures) != 2 or not all(math.isfinite(c) and c > 0 for c in curvatures):
            raise ValueError(f"curvatures must be two finite numbers above 0, got {tuple(curvatures)}")
        if not math.isfinite(angle):
            raise ValueError(f"angle must be finite, in radians, got {angle}")
        first, second = curvatures
        cos, sin = math.cos(angle), math.sin(angle)
        mixed = (first - second) * cos * sin
        self.curvatures = (first, second)
        self.hessian = torch.tensor(
            [[first * cos**2 + second * sin**2, mixed], [mixed, first * sin**2 + second * cos**2]],
            dtype=torch.float64,
        )
        self.condition_number = max(curvatures) / min(curvatures)
        self.largest_stable_rate = 2 / max(curvatures)
        self.best_rate = 2 / (max(curvatures) + min(curvatures))

    def __call__(self, theta: Tensor) -> Tensor:
        """Heights J(θ) = ½θᵀHθ, (…), of points (…, 2), in their dtype."""
        return 0.5 * (theta * self.gradient(theta)).sum(dim=-1)

    def gradient(self, theta: Tensor) -> Tensor:
        """Gradient ∇J(θ) = Hθ, (…, 2) like ``theta`` and in its dtype."""
        if theta.ndim == 0 or theta.shape[-1] != 2:
            raise ValueError(f"theta must have shape (…, 2), got {tuple(theta.shape)}")
        return theta @ self.hessian.to(theta)

    def contraction(self, learning_rate: float) -> float:
        """Factor max |1 − ηλ| by which the slower direction shrinks in a step; above 1 it grows."""
        return max(abs(1 - learning_rate * curvature) for curvature in self.curvatures)


def backtracking_step(
    function: Callable[[Tensor], Tensor],
    gradient: Callable[[Tensor], Tensor],
    theta: Tensor,
    *,
    initial: float = 1.0,
    shrink: float = 0.5,
    sufficient: float = 1e-4,
) -> tuple[float, Tensor]:
    r"""Backtracking line search (Armijo): step with the first rate of η, ρη, ρ²η, … that lowers J enough.

    $$J(\theta - \eta g) \le J(\theta) - c\,\eta\,|g|^2, \qquad g = \nabla J(\theta)$$

    A rate at which J is NaN or infinite is too large and is shrunk like any other. ``function`` is J and
    returns one number, ``gradient`` is ∇J; ``initial``, the first rate tried, is finite and above 0; ρ =
    ``shrink`` and c = ``sufficient``, the share of the promised descent asked for, lie between 0 and 1.

    Returns:
        The accepted rate η and the point θ − ηg. Where the gradient is zero, or too small to move θ even at
        ``initial``, that point is ``theta``.

    Raises:
        TypeError: if ``theta`` is not a floating-point tensor.
        ValueError: if a number is out of range, J or ∇J is not finite at ``theta``, or no rate lowers J until
            the step is too short to move ``theta``.

    Source: L. Armijo, *Pacific J. Math.* 16, 1966; Nocedal and Wright, *Numerical Optimization*, 2nd edition,
        2006, algorithm 3.1.
    """
    check_floating(theta=theta)
    if not (math.isfinite(initial) and initial > 0):
        raise ValueError(f"initial must be finite and above 0, got {initial}")
    for name, value in (("shrink", shrink), ("sufficient", sufficient)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {value}")
    height, slope = function(theta).item(), _slope(gradient, theta)
    if not (math.isfinite(height) and slope.isfinite().all()):
        raise ValueError(f"function and gradient must be finite at theta, got J = {height}, ∇J = {slope}")
    promised = slope.square().sum().item()
    rate, reached = initial, theta - initial * slope
    while not function(reached).item() <= height - sufficient * rate * promised:
        rate *= shrink
        reached = theta - rate * slope
        if torch.equal(reached, theta):
            raise ValueError(
                f"no rate from {initial} down to {rate:g} lowers function: gradient is not its gradient, or "
                "theta is as near the bottom as its dtype can tell"
            )
    return rate, reached


def _slope(gradient: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    slope = gradient(theta)
    if not isinstance(slope, Tensor) or slope.shape != theta.shape:
        found = f"shape {tuple(slope.shape)}" if isinstance(slope, Tensor) else type(slope).__name__
        raise ValueError(f"gradient must return a tensor of shape {tuple(theta.shape)}, got {found}")
    return slope


def _check_descent(start: Tensor, learning_rate: float, steps: int, momentum: float) -> None:
    check_floating(start=start)
    if not start.isfinite().all():
        raise ValueError(f"start must be finite, got {start.tolist()}")
    for name, value in (("learning_rate", learning_rate), ("momentum", momentum)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and at least 0, got {value}")
    if isinstance(steps, bool) or not isinstance(steps, int):
        raise TypeError(f"steps must be an int, got {steps!r}")
    if steps < 0:
        raise ValueError(f"steps must be at least 0, got {steps}")
