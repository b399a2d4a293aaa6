"""Learning-rate schedules (warm-up, cosine, step, one-cycle) as factors per step, and gradient clipping.

A step t counts updates from 0. Set ``optimizer.lr = base * factor`` before each update, or hand the function
to ``torch.optim.lr_scheduler.LambdaLR``. A step or another count that is not an int raises ``TypeError``, a
number out of range ``ValueError``; factors that schedules start, end or multiply with lie in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from course_lib.checks import check_floating


def cosine(step: int, *, total: int, warmup: int = 0, lowest: float = 0.0) -> float:
    r"""Cosine annealing from 1 along half a cosine, after a linear warm-up if asked for.

    $$f(t) = \frac{t}{w} \ \text{ for } t < w, \qquad
      f(t) = l + (1 - l)\,\tfrac12 \Bigl(1 + \cos \pi\,\frac{t - w}{T - w}\Bigr) \ \text{ after that}$$

    with T = ``total``, above w = ``warmup``, the step at which l = ``lowest`` is reached. Without warm-up it
    equals ``CosineAnnealingLR(T_max=T, eta_min=l·lr)`` up to step T. From there on it stays at l, where
    torch's climbs again.

    Source: I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, equation 5.
    """
    _count("step", step, 0)
    _count("warmup", warmup, 0)
    _count("total", total, warmup + 1)
    _share("lowest", lowest)
    if step < warmup:
        return step / warmup
    return _half_cosine(1.0, lowest, (step - warmup) / (total - warmup))


def step_decay(step: int, *, every: int, factor: float = 0.1) -> float:
    r"""Factor that is multiplied by γ = ``factor`` every k = ``every`` steps, as in ``StepLR``.

    $$f(t) = \gamma^{\lfloor t / k \rfloor}$$
    """
    _count("step", step, 0)
    _count("every", every, 1)
    _share("factor", factor)
    return factor ** (step // every)


def one_cycle(
    step: int, *, total: int, rise: float = 0.3, start: float = 1 / 25, end: float = 1 / 25 / 1e4
) -> float:
    r"""Factor that climbs from ``start`` to 1 and falls to ``end``, each along half a cosine.

    $$\begin{gathered}
      f(t) = s + (1 - s)\,\tfrac12\Bigl(1 - \cos \pi\,\frac{t}{p}\Bigr) \ \text{ for } t \le p, \\
      f(t) = e + (1 - e)\,\tfrac12\Bigl(1 + \cos \pi\,\frac{t - p}{T - 1 - p}\Bigr) \ \text{ for } p < t < T
      \end{gathered}$$

    with T = ``total``, at least 2, and the peak at p = rT − 1, where r = ``rise``, the share of the steps
    spent climbing, lies between 1/T and 1. It equals ``OneCycleLR(max_lr=lr, total_steps=T, pct_start=r,
    div_factor=1/s, final_div_factor=s/e)``; after step T − 1 it stays at e, where torch raises an error.

    Source: L. N. Smith and N. Topin, "Super-convergence", 2017.
    """
    _count("step", step, 0)
    _count("total", total, 2)
    _share("start", start)
    _share("end", end)
    if not 1 / total < rise < 1:
        raise ValueError(f"rise must lie between 1/total = {1 / total:g} and 1, got {rise}")
    peak, last = rise * total - 1, total - 1
    if step <= peak:
        return _half_cosine(start, 1.0, step / peak)
    return _half_cosine(1.0, end, (step - peak) / (last - peak))


def clip_by_norm(gradients: Iterable[Tensor], max_norm: float) -> list[Tensor]:
    r"""Gradient clipping: shorten gradients together to a largest norm; shorter ones stay as they are.

    $$g_k \leftarrow g_k \min\Bigl(1, \frac{c}{|g| + 10^{-6}}\Bigr), \qquad |g|^2 = \sum_k |g_k|^2$$

    The numbers of ``torch.nn.utils.clip_grad_norm_``, in new tensors; c is ``max_norm``.

    Raises:
        TypeError: if something among ``gradients`` is not a floating-point tensor.
        ValueError: if there are none, one holds NaN or infinity (names it), or c is not finite and above 0.

    Source: R. Pascanu, T. Mikolov and Y. Bengio, ICML 2013, algorithm 1.
    """
    given = list(gradients)
    if not given:
        raise ValueError("gradients must hold at least one tensor, got none")
    if not 0 < max_norm < math.inf:
        raise ValueError(f"max_norm must be finite and above 0, got {max_norm}")
    for i, gradient in enumerate(given):
        check_floating(**{f"gradients[{i}]": gradient})
        if not gradient.isfinite().all():
            raise ValueError(f"gradients[{i}] must be finite, but holds NaN or infinity")
    norm = torch.stack([gradient.norm() for gradient in given]).norm()
    factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    return [gradient * factor for gradient in given]


def _half_cosine(start: float, end: float, done: float) -> float:
    """From ``start`` to ``end`` as ``done`` goes from 0 to 1, and no further."""
    return end + (start - end) * (1 + math.cos(math.pi * min(done, 1.0))) / 2


def _count(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value}")
