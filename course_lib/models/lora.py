"""LoRA: low-rank adapters on frozen linear layers, merged into the weights afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from course_lib.checks import check_ints
from course_lib.files import write_in_one_step


class LoRALinear(nn.Module):
    r"""LoRA adapter: a frozen linear layer plus a low-rank change that is trained.

    $$y = x\,(W + s\,BA)^\top + b, \qquad s = \frac{\alpha}{r}, \qquad
      A \in \mathbb{R}^{r \times d_\text{in}},\ B \in \mathbb{R}^{d_\text{out} \times r}$$

    A starts uniform within ±1/√d_in and B at zero, so the first outputs are the layer's own, to the bit.
    ``forward`` never forms BA: (xAᵀ)Bᵀ costs r(d_in + d_out) multiplications per row instead of d_in·d_out.

    Args:
        base: the layer, kept, not copied; its parameters stop asking for gradients.
        rank: r, at least 1.
        alpha: α, finite and above 0. A change of r at fixed α leaves the size of the change about as it was.
        generator: draws A, on the layer's device.

    Raises:
        TypeError: if ``base`` is not an nn.Linear.
        ValueError: if ``rank`` is not an int of at least 1, or ``alpha`` is not finite and above 0.

    Source: E. Hu et al., arXiv:2106.09685, section 4.1, equation 3.
    """

    def __init__(
        self, base: nn.Linear, rank: int, alpha: float, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        if not isinstance(base, nn.Linear):
            raise TypeError(f"base must be an nn.Linear, got {type(base).__name__}")
        _check_rank_and_alpha(rank, alpha)
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
        low = F.linear(x, self.A)  # (…, rank)
        return self.base(x) + self.scale * F.linear(low, self.B)  # (…, out_features)

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
        rank, alpha, generator: as for ``LoRALinear``.

    Returns:
        The names of the layers that got an adapter, in the model's order.

    Raises:
        ValueError: if ``rank`` or ``alpha`` is out of range; there is no target, or one matches no linear
            layer; the model has adapters already; or a layer shares its weight with another module, which a
            merge would change as well. The model is untouched then.

    Source: E. Hu et al., arXiv:2106.09685, section 4.2 (which layers).
    """
    _check_rank_and_alpha(rank, alpha)
    patterns = [targets] if isinstance(targets, str) else list(targets)
    if not patterns:
        raise ValueError("targets must name at least one layer, got none")
    _check_bare(model)
    linears = {name: module for name, module in model.named_modules() if name and type(module) is nn.Linear}
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in linears):
            there = ", ".join(linears) or "none"
            raise ValueError(f"targets must match linear layers, {pattern!r} matches none; there are {there}")
    chosen = {n: linear for n, linear in linears.items() if any(_matches(n, p) for p in patterns)}
    _wrap(model, chosen, rank, alpha, generator)
    return list(chosen)


def _wrap(
    model: nn.Module, chosen: dict[str, nn.Linear], rank: int, alpha: float, generator: torch.Generator | None
) -> None:
    """Freeze a model and put adapters round the linear layers given by their dotted names."""
    _check_rank_and_alpha(rank, alpha)
    _check_unshared(model, chosen)
    wrapped = {name: LoRALinear(linear, rank, alpha, generator=generator) for name, linear in chosen.items()}
    model.requires_grad_(False)
    for name, layer in wrapped.items():
        model.set_submodule(name, layer.train(model.training))


def merge(model: nn.Module) -> list[str]:
    """Add each adapter's change to its layer's weight and take the adapter away: W ← W + s·BA.

    Afterwards the model has the modules, names and cost it had before ``add_lora``; its parameters stay
    frozen. What was added cannot be told apart any more: save the adapter first if it is wanted. Returns the
    names of the merged layers.

    Raises:
        ValueError: if the model has no adapters (none were added, or they were merged already), or a change
            is not finite; nothing is merged then.

    Source: E. Hu et al., arXiv:2106.09685, section 4.1 ("no additional inference latency").
    """
    present = _adapters_to(model, "merge")
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
    """Count the numbers in a model's parameters, adapters included, a shared tensor once."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return ParameterCount(sum(n for n, trained in sizes if trained), sum(n for n, _ in sizes))


def _adapters_to(model: nn.Module, purpose: str) -> dict[str, LoRALinear]:
    present = adapters(model)
    if not present:
        raise ValueError(f"model has no adapters to {purpose}: none were added, or they are merged already")
    return present


def _check_rank_and_alpha(rank: int, alpha: float) -> None:
    check_ints(1, rank=rank)
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha must be finite and above 0, got {alpha!r}")


def _check_bare(model: nn.Module) -> None:
    present = adapters(model)
    if present:
        raise ValueError(
            f"model must have no adapters yet, has {len(present)}, the first at {next(iter(present))}"
        )


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


def adapter_state_dict(model: nn.Module) -> dict[str, Tensor]:
    """The factors of a model's adapters, detached, sharing its memory, under the names of their layers.

    ``{"blocks.0.attention.qkv_proj.A": (rank, in_features), "….B": (out_features, rank), …}``; ``ValueError``
    if there are none.
    """
    return {
        f"{name}.{factor}": getattr(layer, factor).detach()
        for name, layer in _adapters_to(model, "save").items()
        for factor in ("A", "B")
    }


def save_adapter(model: nn.Module, path: Path) -> None:
    """Write a model's adapters, and nothing else of it, as a safetensors file; an old file is replaced whole.

    Raises:
        ValueError: if the model has no adapters, or they differ in α.
        OSError: if the file cannot be written.
    """
    factors = adapter_state_dict(model)
    alphas = {layer.alpha for layer in adapters(model).values()}
    if len(alphas) > 1:
        raise ValueError(f"model's adapters must have one alpha to be saved together, have {sorted(alphas)}")
    contiguous = {name: factor.contiguous() for name, factor in factors.items()}
    write_in_one_step(Path(path), save(contiguous, metadata={"alpha": repr(alphas.pop())}))


def load_adapter(model: nn.Module, path: Path) -> list[str]:
    """Put a saved adapter on a model that has none: ``add_lora`` with the file's layers, rank, α and factors.

    The model must be as it was before ``add_lora``. Returns the names of the layers that got an adapter.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no whole safetensors file or no adapter; a layer it names is missing, no
            linear layer, or of another shape; or the model has adapters already. The model is untouched then.
    """
    _check_bare(model)
    factors, alpha = _read(Path(path))
    names = [name.removesuffix(".A") for name in factors if name.endswith(".A")]
    if not names or factors.keys() != {f"{name}.{factor}" for name in names for factor in ("A", "B")}:
        raise ValueError(f"{path} must hold an A and a B for each layer, holds {sorted(factors)}")
    for name, factor in factors.items():
        if factor.ndim != 2 or 0 in factor.shape:
            raise ValueError(f"{path}: {name} must be a matrix, got shape {tuple(factor.shape)}")
    ranks = {factors[f"{name}.A"].shape[0] for name in names}
    if len(ranks) > 1:
        raise ValueError(f"{path} must hold adapters of one rank, holds {sorted(ranks)}")
    rank = ranks.pop()
    layers = dict(model.named_modules())
    for name in names:
        layer = layers.get(name)
        if type(layer) is not nn.Linear:
            found = "nothing" if layer is None else type(layer).__name__
            raise ValueError(f"model must have a linear layer {name} for the adapter in {path}, has {found}")
        expected = {"A": (rank, layer.in_features), "B": (layer.out_features, rank)}
        for factor, shape in expected.items():
            if tuple(factors[f"{name}.{factor}"].shape) != shape:
                raise ValueError(
                    f"{path}: {name}.{factor} must be {shape} for the model's layer, "
                    f"got {tuple(factors[f'{name}.{factor}'].shape)}"
                )
    _wrap(model, {name: layers[name] for name in names}, rank, alpha, None)
    with torch.no_grad():
        for name, layer in adapters(model).items():
            layer.A.copy_(factors[f"{name}.A"])
            layer.B.copy_(factors[f"{name}.B"])
    return list(adapters(model))


def _read(path: Path) -> tuple[dict[str, Tensor], float]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            factors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ValueError(f"{path} must be a whole safetensors file: {error}") from error
    try:
        return factors, float(metadata["alpha"])
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path} must name alpha in its metadata, has {metadata}") from error
