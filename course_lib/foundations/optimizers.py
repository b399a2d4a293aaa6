"""Seven optimisers, each as its formula, with torch.optim's names and defaults.

θ is a parameter, g its gradient, η the learning rate ``lr``. A ``step`` updates every parameter in place;
each has the numbers of its namesake in ``torch.optim``.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

# Muon fills a file of its own; it belongs to the list all the same.
from course_lib.foundations.muon import Muon as Muon
from course_lib.foundations.muon import orthogonalise as orthogonalise
from course_lib.foundations.optimizer_base import Optimizer, at_least_zero, fading


class SGD(Optimizer):
    r"""Gradient descent, with momentum if asked for.

    $$v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \eta\, v,
      \qquad\text{Nesterov: } \theta \leftarrow \theta - \eta\,(g + \mu v)$$

    Args:
        params: see ``Optimizer``, also for ``lr`` and ``weight_decay`` (which adds λθ to g).
        momentum: μ, finite and at least 0.
        nesterov: step from where the velocity will have led; needs a momentum above 0.

    Raises:
        TypeError: as ``Optimizer``.
        ValueError: as ``Optimizer``, or if ``momentum`` is out of range.

    Source: B. T. Polyak, *USSR Comp. Math.* 4, 1964; I. Sutskever and others, ICML 2013, section 2.
    Taught in: Optimisers from their formulas.
    """

    remembered = 1

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
        self.momentum, self.nesterov = at_least_zero("momentum", momentum), nesterov
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

    Args:
        params: see ``Optimizer``, also for ``lr`` and ``weight_decay`` (which adds λθ to g).
        lr_decay: d, finite and at least 0.
        eps: ε, finite and at least 0, in the gradient's unit.

    Raises:
        TypeError: as ``Optimizer``.
        ValueError: as ``Optimizer``, or if a number is out of range.

    Source: J. Duchi, E. Hazan and Y. Singer, *JMLR* 12, 2011, section 1.2.
    Taught in: Optimisers from their formulas.
    """

    remembered = 1

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
        self.lr_decay, self.eps = at_least_zero("lr_decay", lr_decay), at_least_zero("eps", eps)

    @torch.no_grad()
    def step(self) -> None:
        """The sum only grows, so the steps only shrink."""
        for p, g, t, (s,) in self._pending():
            s.add_(g**2)
            p.sub_(self.lr / (1 + (t - 1) * self.lr_decay) * g / (s.sqrt() + self.eps))


class RMSprop(Optimizer):
    r"""Adagrad that forgets: a fading mean of the squared gradients instead of their sum.

    $$s \leftarrow \alpha s + (1 - \alpha)\, g^2, \qquad
      \theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{s} + \varepsilon}$$

    torch's options ``momentum`` and ``centered`` are left out.

    Args:
        params: see ``Optimizer``, also for ``lr`` and ``weight_decay`` (which adds λθ to g).
        alpha: α, at least 0 and below 1.
        eps: ε, finite and at least 0, in the gradient's unit.

    Raises:
        TypeError: as ``Optimizer``.
        ValueError: as ``Optimizer``, or if a number is out of range.

    Source: T. Tieleman and G. Hinton, *Neural Networks for Machine Learning*, lecture 6.5, 2012.
    Taught in: Optimisers from their formulas.
    """

    remembered = 1

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
        self.alpha, self.eps = fading("alpha", alpha), at_least_zero("eps", eps)

    @torch.no_grad()
    def step(self) -> None:
        """The unit of the gradient cancels; ``lr`` is a length."""
        for p, g, _, (s,) in self._pending():
            s.mul_(self.alpha).add_((1 - self.alpha) * g**2)
            p.sub_(self.lr * g / (s.sqrt() + self.eps))


class Adam(Optimizer):
    r"""Fading means of the gradient and of its square, both freed from their start at zero.

    $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2, \qquad
      \theta \leftarrow \theta - \eta\,
      \frac{m / (1 - \beta_1^{\,t})}{\sqrt{v / (1 - \beta_2^{\,t})} + \varepsilon}$$

    Args:
        params: see ``Optimizer``, also for ``lr`` and ``weight_decay`` (which adds λθ to g).
        betas: (β₁, β₂), each at least 0 and below 1.
        eps: ε, finite and at least 0, in the gradient's unit.

    Raises:
        TypeError: as ``Optimizer``.
        ValueError: as ``Optimizer``, or if a number is out of range.

    Source: D. P. Kingma and J. Ba, "Adam", ICLR 2015, algorithm 1.
    Taught in: Optimisers from their formulas.
    """

    remembered = 2

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
        self.betas = fading("betas[0]", betas[0]), fading("betas[1]", betas[1])
        self.eps = at_least_zero("eps", eps)

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
    r"""Adam whose weight decay keeps out of the gradient.

    $$\theta \leftarrow (1 - \eta\lambda)\,\theta - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$

    Args:
        params: as ``Adam``, and so are ``lr``, ``betas`` and ``eps``.
        weight_decay: λ, finite and at least 0.

    Raises:
        TypeError: as ``Adam``.
        ValueError: as ``Adam``.

    Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
    Taught in: Optimisers from their formulas.
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
