"""What every optimiser shares: parameters, a memory for each, and the checks before a step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor


class Optimizer(ABC):
    """A list of parameters, a learning rate, and some tensors of memory for each parameter.

    ``lr`` may be changed between steps; that is all a schedule does. A subclass says in ``remembered`` how
    many tensors it keeps for each parameter (they start at zero) and writes its formula in ``step``.

    Args:
        params: leaf tensors of a floating-point dtype, at least one, none twice; a generator will do.
        lr: the learning rate η, finite and at least 0.
        weight_decay: λ, finite and at least 0. It adds λθ to the gradient, unless ``decoupled`` says that
            ``step`` itself shrinks the parameters.

    Raises:
        TypeError: if ``params`` is a single tensor or holds something that is not a floating-point tensor.
        ValueError: if ``params`` is empty, holds a tensor twice or one that is no leaf, or a number is out of
            range.

    Taught in: Optimisers from their formulas.
    """

    remembered = 0
    decoupled = False

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        self.params = _checked(params)
        self.lr = at_least_zero("lr", lr)
        self.weight_decay = at_least_zero("weight_decay", weight_decay)
        self._memory: dict[int, tuple[Tensor, ...]] = {}
        self._updates = [0] * len(self.params)

    def zero_grad(self) -> None:
        """Drop every gradient: the next ``backward`` writes instead of adding."""
        for parameter in self.params:
            parameter.grad = None

    @abstractmethod
    def step(self) -> None:
        """Update in place every parameter that has a gradient."""

    def _ready(self) -> list[int]:
        """Positions of the parameters that have a gradient, each of which must be finite."""
        ready = [i for i, parameter in enumerate(self.params) if parameter.grad is not None]
        for i in ready:
            if not self.params[i].grad.isfinite().all():
                raise FloatingPointError(
                    f"the gradient of params[{i}] holds NaN or infinity: the loss is not finite, or an "
                    f"earlier step was too large (lr is {self.lr:g}); no parameter was changed"
                )
        return ready

    def _pending(self) -> Iterator[tuple[Tensor, Tensor, int, tuple[Tensor, ...]]]:
        """For each parameter with a gradient: it, its gradient, the number of this update, its memory."""
        for i in self._ready():
            parameter = self.params[i]
            gradient = parameter.grad
            if self.weight_decay and not self.decoupled:
                gradient = gradient + self.weight_decay * parameter
            if i not in self._memory:
                self._memory[i] = tuple(torch.zeros_like(parameter) for _ in range(self.remembered))
            self._updates[i] += 1
            yield parameter, gradient, self._updates[i], self._memory[i]


def at_least_zero(name: str, value: float) -> float:
    """Return ``value`` if it is finite and at least 0.

    Raises:
        ValueError: if it is not; names the parameter.

    Taught in: Optimisers from their formulas.
    """
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and at least 0, got {value}")
    return value


def fading(name: str, value: float) -> float:
    """Return ``value``, the weight of the past in a fading mean, if it lies in [0, 1).

    Raises:
        ValueError: if it does not; names the parameter.

    Taught in: Optimisers from their formulas.
    """
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {value}")
    return value


def _checked(params: Iterable[Tensor]) -> list[Tensor]:
    if isinstance(params, Tensor):
        raise TypeError("params must be a list of tensors, got a single Tensor: write [parameter]")
    parameters = list(params)
    if not parameters:
        raise ValueError("params must hold at least one tensor, got none: was the generator used before?")
    for i, parameter in enumerate(parameters):
        if not isinstance(parameter, Tensor) or not parameter.is_floating_point():
            kind = parameter.dtype if isinstance(parameter, Tensor) else type(parameter).__name__
            raise TypeError(f"params[{i}] must be a floating-point tensor, got {kind}")
        if not parameter.is_leaf:
            raise ValueError(f"params[{i}] must be a leaf, but it was computed: its .grad stays empty")
        if any(parameter is earlier for earlier in parameters[:i]):
            raise ValueError(f"params[{i}] occurs twice in params: it would be updated twice a step")
    return parameters
