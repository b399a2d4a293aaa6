"""Layers that compute in whole numbers, made from trained ones and from examples of what they will see."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from course_lib.deploy.quantization import Scheme, integer_product, quantize, scheme_for, scheme_for_range


class QuantizedLinear(nn.Module):
    """A linear layer of int8 weights, one scale an output, that rounds its input to int8 first.

    Args:
        layer: the trained layer; it is not changed.
        scheme: of the input, scalars; chosen beforehand, from examples.

    Raises:
        ValueError: if ``layer`` has more inputs than int32 can add up (see ``integer_product``).

    Taught in: "Shipping a model".
    """

    def __init__(self, layer: nn.Linear, scheme: Scheme) -> None:
        super().__init__()
        _keep(self, layer, scheme)

    def forward(self, x: Tensor) -> Tensor:
        """Compute x·Wᵀ + b, (…, inputs) → (…, outputs), float32 both."""
        scheme = Scheme(self.input_scale, self.input_zero_point)
        return integer_product(quantize(x, scheme), scheme, self.weight, self.weight_scale, self.bias)


class QuantizedConv2d(nn.Module):
    """A convolution of int8 weights, one scale a channel: every patch a row, and an integer product.

    Args:
        layer: the trained layer, without padding, groups or dilation; it is not changed.
        scheme: as for ``QuantizedLinear``.

    Raises:
        ValueError: if ``layer`` has padding, groups or dilation, or too many inputs.

    Taught in: "Shipping a model".
    """

    def __init__(self, layer: nn.Conv2d, scheme: Scheme) -> None:
        super().__init__()
        if layer.padding != (0, 0) or layer.groups != 1 or layer.dilation != (1, 1):
            raise ValueError(f"layer must have no padding, groups or dilation, got {layer}")
        self.kernel_size, self.stride = layer.kernel_size, layer.stride
        _keep(self, layer, scheme)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the convolution, (batch, in_channels, height, width) → (batch, out_channels, …, …)."""
        scheme = Scheme(self.input_scale, self.input_zero_point)
        patches = quantize(x, scheme)
        for axis, (size, step) in enumerate(zip(self.kernel_size, self.stride, strict=True), start=2):
            patches = patches.unfold(axis, size, step)
        rows = patches.permute(0, 2, 3, 1, 4, 5).flatten(3)  # (batch, height, width, inputs)
        found = integer_product(rows, scheme, self.weight, self.weight_scale, self.bias)
        return found.permute(0, 3, 1, 2)


LAYERS: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: QuantizedLinear, nn.Conv2d: QuantizedConv2d}
"""What becomes of which layer."""


def quantize_model(model: nn.Module, examples: Tensor) -> nn.Module:
    """Replace every linear layer and convolution by one of whole numbers.

    The model reads the examples once; each layer's input scheme spans what came to it.

    Args:
        model: in eval mode; it is not changed.
        examples: a batch such as the model will see; a hundred are enough.

    Returns:
        A copy, without gradients.

    Raises:
        ValueError: if the model is in train mode, holds no such layer, one of them has padding, groups or
            dilation, or one was not reached by the examples.

    Source: B. Jacob et al., arXiv:1712.05877, section 3 (with ranges from examples instead of training).
    Taught in: "Shipping a model".
    """
    if model.training:
        raise ValueError("model must be in eval mode, call model.eval() first")
    model = copy.deepcopy(model)
    layers = {name: layer for name, layer in model.named_modules() if type(layer) in LAYERS}
    if not layers:
        raise ValueError(f"model must hold an nn.Linear or nn.Conv2d, got {type(model).__name__}")
    ranges: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = [layer.register_forward_pre_hook(_watch(name, ranges)) for name, layer in layers.items()]
    with torch.no_grad():
        model(examples)
    for hook in hooks:
        hook.remove()
    unseen = layers.keys() - ranges.keys()
    if unseen:
        raise ValueError(f"examples must reach every layer, they did not reach {', '.join(sorted(unseen))}")
    for name, layer in layers.items():
        model.set_submodule(name, LAYERS[type(layer)](layer, scheme_for_range(*ranges[name])))
    return model.requires_grad_(False)


def _watch(name: str, ranges: dict[str, tuple[Tensor, Tensor]]):
    """A hook that widens the range under a layer's name by what the layer is given."""

    def hook(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        low, high = inputs[0].aminmax()
        before = ranges.get(name, (low, high))
        ranges[name] = torch.minimum(low, before[0]), torch.maximum(high, before[1])

    return hook


def _keep(module: nn.Module, layer: nn.Linear | nn.Conv2d, scheme: Scheme) -> None:
    """Give a module the buffers of a quantised layer: rows of int8 weights, scales, the input's scheme."""
    rows = layer.weight.detach().flatten(1)
    weights = scheme_for(rows, axis=0, symmetric=True)
    module.register_buffer("weight", quantize(rows, weights))
    module.register_buffer("weight_scale", weights.scale)
    module.register_buffer("bias", None if layer.bias is None else layer.bias.detach().clone())
    module.register_buffer("input_scale", scheme.scale)
    module.register_buffer("input_zero_point", scheme.zero_point)
