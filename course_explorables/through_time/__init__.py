"""A recurrent network read backwards: what each of forty steps adds to the gradient of its weight."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import traitlets

from course_explorables.base import Explorable

_CODE = """\
import torch

draw = torch.Generator().manual_seed(1)
W = torch.randn(16, 16, generator=draw, dtype=torch.float64).round(decimals=2)
x = torch.randn(41, 16, generator=draw, dtype=torch.float64).round(decimals=1)
W *= «radius» / torch.linalg.eigvals(W).abs().max().round(decimals=6)

copies = [W.clone().requires_grad_() for _ in x]  # one per step: each keeps what its step adds
h = torch.zeros(16, dtype=torch.float64)
for W_t, x_t in zip(copies, «size» * x, strict=True):
    h = torch.tanh(W_t @ h + x_t)
h.square().sum().backward()

parts = torch.stack([W_t.grad for W_t in copies])  # (seq, hidden, hidden)
total = parts.sum(dim=0).norm()
factor = min(1, 1 / (total + 1e-6)) if «clip» else 1  # nn.utils.clip_grad_norm_ with max_norm=1
sizes = factor * parts.norm(dim=(1, 2))
print(f"newest {sizes[-1]:.3e}, 39 back {sizes[1]:.3e}, together {factor * total:.3e}")
"""


class ThroughTime(Explorable):
    r"""Drag the spectral radius of W; see what each step adds to its gradient, on a logarithmic scale.

    $$h_t = \tanh(W h_{t-1} + s\,x_t), \quad \frac{\partial |h_T|^2}{\partial W} = \sum_t a_t h_{t-1}^{\top}$$
    $$a_T = 2 h_T \odot (1 - h_T^2), \qquad a_t = (W^{\top} a_{t+1}) \odot (1 - h_t^2)$$

    The page runs backpropagation through time over 41 random inputs, with a state of 16 numbers, in float64;
    the first step has nothing to remember and adds nothing. Clipping multiplies the sum by one factor.

    Args:
        radius: the largest eigenvalue of W in absolute value, from 0.1 to 3.
        size: s, the standard deviation of the inputs, from 0.1 to 2.
        clip: whether the gradient is clipped to a norm of 1.
        title: what to try.

    Raises:
        ValueError: if radius or size lies outside its range or is not finite.

    Source: R. Pascanu, T. Mikolov and Y. Bengio, ICML 2013, sections 2 and 3.
    """

    modules: ClassVar[tuple[str, ...]] = ("plane.mjs", "through_time.mjs")
    settings: ClassVar[tuple[str, ...]] = ("radius", "size", "clip")

    radius = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    size = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    clip = traitlets.Bool().tag(sync=True, own=True, echo_update=False)
    weights = traitlets.List().tag(sync=True, own=True)
    inputs = traitlets.List().tag(sync=True, own=True)
    eigenvalues = traitlets.List().tag(sync=True, own=True)
    largest = traitlets.Float().tag(sync=True, own=True)

    def __init__(
        self,
        radius: float = 0.6,
        *,
        size: float = 0.5,
        clip: bool = False,
        title: str = "Drag the circle until the oldest step counts like the newest",
    ) -> None:
        for name, value, low, high in (("radius", radius, 0.1, 3), ("size", size, 0.1, 2)):
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} must lie between {low} and {high}, got {value}")
        draw = torch.Generator().manual_seed(1)
        weights = torch.randn(16, 16, generator=draw, dtype=torch.float64).round(decimals=2)
        inputs = torch.randn(41, 16, generator=draw, dtype=torch.float64).round(decimals=1)
        eigenvalues = torch.linalg.eigvals(weights)
        largest = eigenvalues.abs().max().round(decimals=6)
        places = [[round(z.real, 3), round(z.imag, 3)] for z in (eigenvalues / largest).tolist()]
        super().__init__(
            title=title,
            radius=float(radius),
            size=float(size),
            clip=bool(clip),
            weights=weights.tolist(),
            inputs=inputs.tolist(),
            eigenvalues=sorted(places),  # a library may list them in any order
            largest=largest.item(),
            code_template=_CODE,
        )
