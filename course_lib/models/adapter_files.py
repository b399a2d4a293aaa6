"""An adapter as a file of its own: its factors, α and nothing of the model it was trained on."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from course_lib.files import write_in_one_step
from course_lib.models.lora import adapters, wrap


def adapter_state_dict(model: nn.Module) -> dict[str, Tensor]:
    """The factors of a model's adapters, under the names of their layers.

    Args:
        model: with adapters.

    Returns:
        ``{"blocks.0.attention.qkv_proj.A": (rank, in_features), "….B": (out_features, rank), …}``, detached,
        sharing memory with the model.

    Raises:
        ValueError: if the model has no adapters.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    present = adapters(model)
    if not present:
        raise ValueError("model has no adapters: none were added, or they are merged already")
    return {
        f"{name}.{factor}": getattr(layer, factor).detach()
        for name, layer in present.items()
        for factor in ("A", "B")
    }


def save_adapter(model: nn.Module, path: Path) -> None:
    """Write a model's adapters, and nothing else of it, as a safetensors file; an old file is replaced whole.

    Args:
        model: with adapters of one rank and α, as ``add_lora`` makes them.
        path: the file; its folder must exist.

    Raises:
        ValueError: if the model has no adapters, or they differ in α.
        OSError: if the file cannot be written.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    factors = adapter_state_dict(model)
    alphas = {layer.alpha for layer in adapters(model).values()}
    if len(alphas) > 1:
        raise ValueError(f"model's adapters must have one alpha to be saved together, have {sorted(alphas)}")
    contiguous = {name: factor.contiguous() for name, factor in factors.items()}
    write_in_one_step(Path(path), save(contiguous, metadata={"alpha": repr(alphas.pop())}))


def load_adapter(model: nn.Module, path: Path) -> list[str]:
    """Put a saved adapter on a model that has none: ``add_lora`` with the file's layers, rank, α and factors.

    Args:
        model: as the adapter's model was before ``add_lora``; changed in place, and frozen as by it.
        path: a file ``save_adapter`` wrote.

    Returns:
        The names of the layers that got an adapter, in the model's order.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no whole safetensors file or no adapter; a layer it names is missing, no
            linear layer, or of another shape; or the model has adapters already. The model is untouched then.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    present = adapters(model)
    if present:
        raise ValueError(
            f"model must have no adapters yet, has {len(present)}, the first at {next(iter(present))}"
        )
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
    wrap(model, {name: layers[name] for name in names}, rank, alpha)
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
