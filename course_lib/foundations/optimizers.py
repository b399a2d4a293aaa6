"""Optimisers by formula (SGD, Adagrad, RMSprop, Adam, AdamW, Muon), with torch.optim's names.

θ is a parameter, g its gradient, η the learning rate ``lr``, λ the ``weight_decay``, which adds λθ to g
unless it is decoupled. A ``step`` updates every parameter in place; each has the numbers of its namesake in
``torch.optim``. Rates, λ and ε are finite and at least 0, weights of the past lie in [0, 1).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from course_lib.checks import check_floating


class Optimizer(ABC):
    """A list of parameters, a learning rate, and some tensors of memory for each parameter.

    ``lr`` may be changed between steps; that is all a schedule does. A subclass says in ``state_slots`` how
    many tensors it keeps for each parameter (they start at zero), in ``decoupled`` whether ``step`` itself
    shrinks the parameters, and writes its formula in ``step``.

    Raises:
        TypeError: if ``params`` is a single tensor or holds something that is not a floating-point tensor.
        ValueError: if ``params`` is empty, holds a tensor twice or one that is not a leaf, or a number (a
            subclass's too) is out of range.
    """

    state_slots = 0
    decoupled = False

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        self.params = _checked(params)
        self.lr = _non_negative("lr", lr)
        self.weight_decay = _non_negative("weight_decay", weight_decay)
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
                self._memory[i] = tuple(torch.zeros_like(parameter) for _ in range(self.state_slots))
            self._updates[i] += 1
            yield parameter, gradient, self._updates[i], self._memory[i]


def _non_negative(name: str, value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and at least 0, got {value}")
    return value


def _decay(name: str, value: float) -> float:
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
        check_floating(**{f"params[{i}]": parameter})
        if not parameter.is_leaf:
            raise ValueError(f"params[{i}] must be a leaf, but it was computed: its .grad stays empty")
        if any(parameter is earlier for earlier in parameters[:i]):
            raise ValueError(f"params[{i}] occurs twice in params: it would be updated twice per step")
    return parameters


class SGD(Optimizer):
    r"""Stochastic gradient descent, with momentum or Nesterov momentum if asked for.

    $$v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \eta\, v,
      \qquad\text{Nesterov: } \theta \leftarrow \theta - \eta\,(g + \mu v)$$

    ``momentum`` is μ; with ``nesterov`` the step is taken from where the velocity will have led, and μ > 0.

    Source: B. T. Polyak, *USSR Comp. Math.* 4, 1964; I. Sutskever and others, ICML 2013, section 2.
    """

    state_slots = 1

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.momentum, self.nesterov = _non_negative("momentum", momentum), nesterov
        if nesterov and momentum == 0:
            raise ValueError("momentum must be above 0 with nesterov=True, got 0")

    @torch.no_grad()
    def step(self) -> None:
        """First the velocity, then the step along it."""
        for p, g, _, (v,) in self._pending():
            v.mul_(self.momentum).add_(g)
            p.sub_(self.lr * (g + self.momentum * v if self.nesterov else v))


class Adagrad(Optimizer):
    r"""Each parameter's step divided by the root of the sum of its squared gradients.

    $$s \leftarrow s + g^2, \qquad \theta \leftarrow \theta - \frac{\eta}{1 + (t - 1)\,d}\,
      \frac{g}{\sqrt{s} + \varepsilon}$$

    with d = ``lr_decay``, and ε = ``eps`` in the gradient's unit, as everywhere here.

    Source: J. Duchi, E. Hazan and Y. Singer, *JMLR* 12, 2011, section 1.2.
    """

    state_slots = 1

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-2,
        *,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.lr_decay, self.eps = _non_negative("lr_decay", lr_decay), _non_negative("eps", eps)

    @torch.no_grad()
    def step(self) -> None:
        """The sum only grows, so the steps only shrink."""
        for p, g, t, (s,) in self._pending():
            s.add_(g**2)
            p.sub_(self.lr / (1 + (t - 1) * self.lr_decay) * g / (s.sqrt() + self.eps))


class RMSprop(Optimizer):
    r"""Adagrad that forgets: an exponential moving average of the squared gradients instead of their sum.

    $$s \leftarrow \alpha s + (1 - \alpha)\, g^2, \qquad
      \theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{s} + \varepsilon}$$

    torch's options ``momentum`` and ``centered`` are left out.

    Source: T. Tieleman and G. Hinton, *Neural Networks for Machine Learning*, lecture 6.5, 2012.
    """

    state_slots = 1

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.alpha, self.eps = _decay("alpha", alpha), _non_negative("eps", eps)

    @torch.no_grad()
    def step(self) -> None:
        """The unit of the gradient cancels; ``lr`` is a length."""
        for p, g, _, (s,) in self._pending():
            s.mul_(self.alpha).add_((1 - self.alpha) * g**2)
            p.sub_(self.lr * g / (s.sqrt() + self.eps))


class Adam(Optimizer):
    r"""Exponential moving averages of the gradient and its square, both with bias correction.

    $$\begin{gathered}
      m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2, \\
      \theta \leftarrow \theta - \eta\,
      \frac{m / (1 - \beta_1^{\,t})}{\sqrt{v / (1 - \beta_2^{\,t})} + \varepsilon}
      \end{gathered}$$

    Source: D. P. Kingma and J. Ba, "Adam", ICLR 2015, algorithm 1.
    """

    state_slots = 2

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        if len(betas) != 2:
            raise ValueError(f"betas must be two numbers, got {betas}")
        self.betas = _decay("betas[0]", betas[0]), _decay("betas[1]", betas[1])
        self.eps = _non_negative("eps", eps)

    @torch.no_grad()
    def step(self) -> None:
        """Both moments, their corrections, and a step of about the length of ``lr``."""
        beta1, beta2 = self.betas
        for p, g, t, (m, v) in self._pending():
            m.mul_(beta1).add_((1 - beta1) * g)
            v.mul_(beta2).add_((1 - beta2) * g**2)
            m_hat = m / (1 - beta1**t)
            v_hat = v / (1 - beta2**t)
            p.sub_(self.lr * m_hat / (v_hat.sqrt() + self.eps))


class AdamW(Adam):
    r"""Adam with decoupled weight decay, which keeps out of the gradient.

    $$\theta \leftarrow (1 - \eta\lambda)\,\theta - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$

    Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    @torch.no_grad()
    def step(self) -> None:
        """Shrink the weights by one and the same share, then step as Adam does."""
        for i in self._ready():
            self.params[i].mul_(1 - self.lr * self.weight_decay)
        super().step()


class Muon(Optimizer):
    r"""Momentum, replaced by the nearest matrix that stretches all directions alike; for matrices only.

    $$\begin{gathered}
      M \leftarrow \mu M + (1 - \mu)\, G, \\
      \theta \leftarrow (1 - \eta\lambda)\,\theta
      - \eta \sqrt{\max(1, \tfrac{\text{rows}}{\text{columns}})}\;\mathrm{orthogonalise}(\tilde M)
      \end{gathered}$$

    with M̃ = (1 − μ)G + μM under Nesterov, which weighs the newest gradient once more, else M. ``ValueError``
    if a parameter is no matrix.

    Source: K. Jordan and others, "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    state_slots = 1
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
        self.momentum, self.nesterov = _decay("momentum", momentum), nesterov

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
    r"""Newton–Schulz iteration: drive all singular values towards one, keeping the singular vectors.

    $$X \leftarrow aX + (b\,XX^{\top} + c\,(XX^{\top})^2)\,X, \qquad (a, b, c) = (3.4445, -4.775, 2.0315)$$

    from X = matrix/|matrix|, with the Frobenius norm: the polynomial aσ + bσ³ + cσ⁵ applied to each singular
    value σ ≤ 1, ``rounds`` times. It stops near one, not at one (about 0.7 to 1.2), because steepness at 0
    matters more. Computed in bfloat16 and returned so, as torch does; a matrix of zeros stays one.

    ``TypeError`` if ``matrix`` is not floating-point, ``ValueError`` if it has not two dimensions or
    ``rounds`` < 1.

    Source: as ``Muon``; Å. Björck and C. Bowie, *SIAM J. Numer. Anal.* 8, 1971.
    """
    check_floating(matrix=matrix)
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
