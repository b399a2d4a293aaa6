"""LoRA: a frozen linear map learns through a product of two thin matrices, and is one matrix again after."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LoRALinear(nn.Module):
    r"""A linear layer that stays as it is, plus a low-rank change that is trained.

    $$y = x\,(W + s\,BA)^\top + b, \qquad s = \frac{\alpha}{r}, \qquad
      A \in \mathbb{R}^{r \times d_\text{in}},\ B \in \mathbb{R}^{d_\text{out} \times r}$$

    A starts uniform within ±1/√d_in and B at zero, so the first outputs are the layer's own, to the bit.
    ``forward`` never forms BA: (xAᵀ)Bᵀ costs r(d_in + d_out) multiplications a row instead of d_in·d_out.

    Args:
        base: the layer, kept, not copied; its parameters stop asking for gradients.
        rank: r, at least 1.
        alpha: α, finite and above 0. A change of r at fixed α leaves the size of the change about as it was.
        generator: draws A, on the layer's device; ``None`` means torch's own.

    Raises:
        TypeError: if ``base`` is not an nn.Linear.
        ValueError: if ``rank`` is not an int of at least 1, or ``alpha`` is not finite and above 0.

    Source: E. Hu et al., arXiv:2106.09685, section 4.1, equation 3.
    Taught in: "Fine-tuning a pretrained encoder".
    """

    def __init__(
        self, base: nn.Linear, rank: int, alpha: float, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        if not isinstance(base, nn.Linear):
            raise TypeError(f"base must be an nn.Linear, got {type(base).__name__}")
        check_rank_and_alpha(rank, alpha)
        self.base = base.requires_grad_(False)
        self.rank, self.alpha = rank, float(alpha)
        limit = 1 / math.sqrt(base.in_features)
        self.A = nn.Parameter(
            base.weight.new_empty(rank, base.in_features).uniform_(-limit, limit, generator=generator)
        )
        self.B = nn.Parameter(base.weight.new_zeros(base.out_features, rank))

    @property
    def scale(self) -> float:
        """s = α/r."""
        return self.alpha / self.rank

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, in_features) to (…, out_features)."""
        return self.base(x) + self.scale * F.linear(F.linear(x, self.A), self.B)

    def change(self) -> Tensor:
        """What the adapter adds to the weight, s·BA: (out_features, in_features)."""
        return self.scale * self.B @ self.A

    def extra_repr(self) -> str:
        return f"rank={self.rank}, alpha={self.alpha:g}"


class ParameterCount(NamedTuple):
    """Numbers in a model's parameters, each tensor counted once: those trained, and all."""

    trainable: int
    total: int


def add_lora(
    model: nn.Module,
    targets: str | Iterable[str],
    rank: int,
    alpha: float,
    *,
    generator: torch.Generator | None = None,
) -> list[str]:
    """Freeze a model and put a ``LoRALinear`` round each of the linear layers that are named.

    Everything but the new A and B is frozen, a head too: ``model.head.requires_grad_()`` afterwards frees it.
    Only plain nn.Linear layers are considered (nn.MultiheadAttention reads its matrices past ``forward``).

    Args:
        model: changed in place; its layers stay the same objects.
        targets: names or patterns with ``*`` and ``?``, of a whole dotted name or of its end: ``"qkv_proj"``,
            ``"blocks.0.*"``, ``["query_proj", "value_proj"]``.
        rank: as for ``LoRALinear``.
        alpha: as for ``LoRALinear``.
        generator: as for ``LoRALinear``.

    Returns:
        The names of the layers that got an adapter, in the model's order.

    Raises:
        ValueError: if ``rank`` or ``alpha`` is out of range; there is no target, or one matches no linear
            layer; the model has adapters already; or a layer shares its weight with another module, which a
            merge would change as well. The model is untouched then.

    Source: E. Hu et al., arXiv:2106.09685, section 4.2 (which layers).
    Taught in: "Fine-tuning a pretrained encoder".
    """
    check_rank_and_alpha(rank, alpha)
    patterns = [targets] if isinstance(targets, str) else list(targets)
    if not patterns:
        raise ValueError("targets must name at least one layer, got none")
    present = adapters(model)
    if present:
        raise ValueError(
            f"model must have no adapters yet, has {len(present)}, the first at {next(iter(present))}"
        )
    linears = {name: module for name, module in model.named_modules() if name and type(module) is nn.Linear}
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in linears):
            there = ", ".join(linears) or "none"
            raise ValueError(f"targets must match linear layers, {pattern!r} matches none; there are {there}")
    chosen = {n: linear for n, linear in linears.items() if any(_matches(n, p) for p in patterns)}
    wrap(model, chosen, rank, alpha, generator=generator)
    return list(chosen)


def wrap(
    model: nn.Module,
    chosen: dict[str, nn.Linear],
    rank: int,
    alpha: float,
    *,
    generator: torch.Generator | None = None,
) -> None:
    """Freeze a model and put adapters round the linear layers given by their exact dotted names.

    Args:
        model: changed in place.
        chosen: its layers by name.
        rank: as for ``LoRALinear``.
        alpha: as for ``LoRALinear``.
        generator: as for ``LoRALinear``.

    Raises:
        ValueError: if ``rank`` or ``alpha`` is out of range, or a layer shares its weight with another
            module; the model is untouched then.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    check_rank_and_alpha(rank, alpha)
    _check_unshared(model, chosen)
    wrapped = {name: LoRALinear(linear, rank, alpha, generator=generator) for name, linear in chosen.items()}
    model.requires_grad_(False)
    for name, layer in wrapped.items():
        model.set_submodule(name, layer.train(model.training))


def merge(model: nn.Module) -> list[str]:
    """Add each adapter's change to its layer's weight and take the adapter away: W ← W + s·BA.

    Afterwards the model has the modules, names and cost it had before ``add_lora``; its parameters stay
    frozen. What was added cannot be told apart any more: save the adapter first if it is wanted.

    Args:
        model: changed in place.

    Returns:
        The names of the merged layers.

    Raises:
        ValueError: if the model has no adapters (none were added, or they were merged already), or a change
            is not finite; nothing is merged then.

    Source: E. Hu et al., arXiv:2106.09685, section 4.1 ("no additional inference latency").
    Taught in: "Fine-tuning a pretrained encoder".
    """
    present = adapters(model)
    if not present:
        raise ValueError("model has no adapters to merge: none were added, or they are merged already")
    with torch.no_grad():
        changes = {name: layer.change() for name, layer in present.items()}
        for name, change in changes.items():
            if not change.isfinite().all():
                raise ValueError(f"model's adapter at {name} must be finite to be merged, holds inf or nan")
        for name, layer in present.items():
            layer.base.weight += changes[name]
            model.set_submodule(name, layer.base)
    return list(present)


def adapters(model: nn.Module) -> dict[str, LoRALinear]:
    """The adapters in a model by their dotted names, in its order; empty if there are none."""
    return {name: module for name, module in model.named_modules() if isinstance(module, LoRALinear)}


def count_parameters(model: nn.Module) -> ParameterCount:
    """Count the numbers in a model's parameters, a shared tensor once.

    Args:
        model: any.

    Returns:
        ``ParameterCount(trainable, total)``; an adapter's own numbers are in both.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return ParameterCount(sum(n for n, trained in sizes if trained), sum(n for n, _ in sizes))


def check_rank_and_alpha(rank: int, alpha: float) -> None:
    """Refuse a rank that is not an int of at least 1 and an alpha not finite and above 0 (``ValueError``)."""
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ValueError(f"rank must be an int of at least 1, got {rank!r}")
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha must be finite and above 0, got {alpha!r}")


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*.{pattern}")


def _check_unshared(model: nn.Module, chosen: dict[str, nn.Linear]) -> None:
    places: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        places.setdefault(id(parameter), []).append(name)
    for name, linear in chosen.items():
        sharing = places[id(linear.weight)]
        if len(sharing) > 1:
            raise ValueError(f"targets: {name} shares its weight, which is {' and '.join(sharing)}")
