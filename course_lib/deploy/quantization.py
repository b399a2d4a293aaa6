"""Int8 quantisation by hand: scale, zero point, per-channel weights, static calibration, integer products."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOW, HIGH = -128, 127
"""The smallest and the largest int8."""
# An int32 holds sums of so many products of an int8 and a difference of two int8.
MOST_PRODUCTS = (2**31 - 1) // (128 * 255)


class Scheme(NamedTuple):
    """Affine quantisation's parameters: x = scale · (q − zero_point).

    ``scale``: float32, positive; a scalar, or of a shape that broadcasts against the tensor.
    ``zero_point``: int32 in −128 … 127, the whole number that stands for 0; same shape.
    """

    scale: Tensor
    zero_point: Tensor


def scheme_for_range(low: Tensor, high: Tensor, *, symmetric: bool = False) -> Scheme:
    r"""Scale and zero point that spread the 256 numbers of an int8 over a range of real ones.

    $$s = \frac{h - l}{255}, \qquad z = \operatorname{round}\!\left(-128 - \frac{l}{s}\right)$$

    with l and h the range's ends, floats of one shape, widened so that it holds 0. The symmetric scheme takes
    −max(|l|, |h|) and max(|l|, |h|) as ends and z = 0. No scale is below float32's ε, so a range of zeros
    works too. ``ValueError`` if a bound is not finite or ``low`` > ``high`` somewhere.

    Source: B. Jacob et al., arXiv:1712.05877, section 2.1 and equation 1.
    """
    low, high = low.float(), high.float()
    if not (low.isfinite().all() and high.isfinite().all()):
        raise ValueError(f"low and high must be finite, got {low.min().item()} and {high.max().item()}")
    if (low > high).any():
        worst = (low - high).argmax()
        raise ValueError(
            f"low must not exceed high, got {low.flatten()[worst]:g} and {high.flatten()[worst]:g}"
        )
    low, high = low.clamp(max=0), high.clamp(min=0)
    if symmetric:
        high = torch.maximum(-low, high)
        low = -high
    scale = ((high - low) / (HIGH - LOW)).clamp(min=torch.finfo(torch.float32).eps)
    zero = torch.zeros_like(scale) if symmetric else (LOW - low / scale).round()
    return Scheme(scale, zero.to(torch.int32))


def scheme_for(x: Tensor, *, axis: int | None = None, symmetric: bool = False) -> Scheme:
    """Scale and zero point of a tensor's own range, per tensor or per channel.

    Scalars with ``axis=None``; else one scheme for each index along ``axis``, such as 0 for each row, or
    output, of a weight: tensors whose sizes are 1 but for ``axis``. ``symmetric`` as for
    ``scheme_for_range``. ``ValueError`` if ``x`` is empty or not finite, or has no such axis.
    """
    if x.numel() == 0:
        raise ValueError(f"x must not be empty, got shape {tuple(x.shape)}")
    if axis is None:
        return scheme_for_range(*x.aminmax(), symmetric=symmetric)
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis must be an axis of x, of shape {tuple(x.shape)}, got {axis}")
    others = [other for other in range(x.ndim) if other != axis % x.ndim]
    return scheme_for_range(x.amin(others, keepdim=True), x.amax(others, keepdim=True), symmetric=symmetric)


def quantize(x: Tensor, scheme: Scheme) -> Tensor:
    r"""Quantise real numbers to int8: q = clamp(round(x/s) + z, −128, 127), ties to even.

    Within the scheme's range every entry comes back from ``dequantize`` with an error of at most s/2; numbers
    beyond it become its ends. The scheme broadcasts against ``x``, which keeps its shape. ``ValueError`` if
    ``x`` holds NaN, for which there is no whole number.

    Source: B. Jacob et al., arXiv:1712.05877, equation 12.
    """
    if x.isnan().any():
        raise ValueError("x must hold numbers, got NaN")
    # Times 1/s, as torchao has it: a symmetric range ends at ±127.5, ties that x/s may round the other way.
    return ((x * (1 / scheme.scale)).round() + scheme.zero_point).clamp(LOW, HIGH).to(torch.int8)


def dequantize(q: Tensor, scheme: Scheme) -> Tensor:
    """Dequantise int8 (else ``TypeError``), any shape, to real numbers, float32: scale · (q − zero_point).

    Source: B. Jacob et al., arXiv:1712.05877, equation 1.
    """
    if q.dtype != torch.int8:
        raise TypeError(f"q must be int8, got {q.dtype}")
    return scheme.scale * (q.int() - scheme.zero_point)


def integer_product(
    q: Tensor, scheme: Scheme, weight: Tensor, weight_scale: Tensor, bias: Tensor | None = None
) -> Tensor:
    r"""Compute x·Wᵀ + b from whole numbers: products and sums in int32, real numbers at the end only.

    $$y_{ij} = s_x s_{w,j} \Bigl( \sum_k q_{ik} w_{jk} - z \sum_k w_{jk} \Bigr) + b_j$$

    ``q`` is the quantised x, int8 (else ``TypeError``), (…, inputs); ``scheme`` is of x, scalars or one
    entry per row, (…, 1). ``weight``, int8, (outputs, inputs), is quantised symmetrically (zero point 0) with
    ``weight_scale``, float32, (outputs, 1) or a scalar. The bias, (outputs,), and the result, (…, outputs),
    are float32. ``ValueError`` if the inputs differ, or are so many (over 65,793) that the sum might leave
    int32.

    Source: B. Jacob et al., arXiv:1712.05877, equation 7.
    """
    _check_bytes(q, weight)
    if weight.shape[1] > MOST_PRODUCTS:
        raise ValueError(f"weight must have at most {MOST_PRODUCTS:,} inputs, got {weight.shape[1]:,}")
    scale, zero_point = scheme
    whole = weight.int()
    total = q.int() @ whole.T - zero_point * whole.sum(1, dtype=torch.int32)
    product = scale * weight_scale.flatten() * total
    return product if bias is None else product + bias


def saturating_product(q: Tensor, weight: Tensor) -> Tensor:
    r"""Compute q·Wᵀ as x86 processors without VNNI do: neighbours are added in an int16 that saturates.

    Their instruction (``vpmaddubsw``) multiplies unsigned bytes, u = q + 128, by signed ones, and adds the
    products in pairs. A pair's sum is cut off at the ends of an int16 before it reaches the int32 total:

    $$\sum_i \operatorname{clamp}(u_{2i} w_{2i} + u_{2i+1} w_{2i+1},\; -2^{15},\; 2^{15} - 1)
    - 128 \sum_k w_k$$

    int8, (…, inputs) and (outputs, inputs) (else ``TypeError``, ``ValueError``), to int32, (…, outputs):
    q·Wᵀ, but for what was cut off. With |w| ≤ 64 no pair can saturate: 255 · 64 · 2 = 32,640.

    Source: ONNX Runtime's documentation, "Quantize ONNX models", on reduce_range.
    """
    _check_bytes(q, weight)
    odd = weight.shape[1] % 2
    unsigned, whole = F.pad(q.int() + 128, (0, odd)), F.pad(weight.int(), (0, odd))
    products = unsigned.unsqueeze(-2) * whole  # (…, outputs, inputs)
    pairs = products.unflatten(-1, (-1, 2)).sum(-1, dtype=torch.int32)
    return pairs.clamp(-(2**15), 2**15 - 1).sum(-1, dtype=torch.int32) - 128 * whole.sum(1, dtype=torch.int32)


def _check_bytes(q: Tensor, weight: Tensor) -> None:
    """Refuse what cannot be multiplied as int8, (…, inputs) by (outputs, inputs)."""
    for name, tensor in {"q": q, "weight": weight}.items():
        if tensor.dtype != torch.int8:
            raise TypeError(f"{name} must be int8, got {tensor.dtype}")
    if q.shape[-1] != weight.shape[1]:
        raise ValueError(f"q must have {weight.shape[1]} inputs, as weight has, got {q.shape[-1]}")


class Quantized(nn.Module):
    """A quantised layer's buffers: rows of int8 weights, scales, the input's scheme."""

    def __init__(self, layer: nn.Linear | nn.Conv2d, scheme: Scheme) -> None:
        super().__init__()
        rows = layer.weight.detach().flatten(1)
        weights = scheme_for(rows, axis=0, symmetric=True)
        self.register_buffer("weight", quantize(rows, weights))
        self.register_buffer("weight_scale", weights.scale)
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().clone())
        self.register_buffer("input_scale", scheme.scale)
        self.register_buffer("input_zero_point", scheme.zero_point)

    @property
    def scheme(self) -> Scheme:
        return Scheme(self.input_scale, self.input_zero_point)

    def product(self, q: Tensor) -> Tensor:
        return integer_product(q, self.scheme, self.weight, self.weight_scale, self.bias)


class QuantizedLinear(Quantized):
    """A linear layer of int8 weights, one scale per output, that rounds its input to int8 first.

    ``layer`` is trained, and not changed; ``scheme``, scalars, is the input's, chosen beforehand, from
    examples.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Compute x·Wᵀ + b, (…, inputs) → (…, outputs), float32 both."""
        return self.product(quantize(x, self.scheme))


class QuantizedConv2d(Quantized):
    """A convolution of int8 weights, one scale per channel: every patch a row, and an integer product.

    Arguments as ``QuantizedLinear``; ``ValueError`` if ``layer`` has padding, groups or dilation.
    """

    def __init__(self, layer: nn.Conv2d, scheme: Scheme) -> None:
        if layer.padding != (0, 0) or layer.groups != 1 or layer.dilation != (1, 1):
            raise ValueError(f"layer must have no padding, groups or dilation, got {layer}")
        super().__init__(layer, scheme)
        self.kernel_size, self.stride = layer.kernel_size, layer.stride

    def forward(self, x: Tensor) -> Tensor:
        """Compute the convolution, (batch, in_channels, height, width) → (batch, out_channels, …, …)."""
        patches = quantize(x, self.scheme)
        for axis, (size, step) in enumerate(zip(self.kernel_size, self.stride, strict=True), start=2):
            patches = patches.unfold(axis, size, step)
        rows = patches.permute(0, 2, 3, 1, 4, 5).flatten(3)  # (batch, height, width, inputs)
        return self.product(rows).permute(0, 3, 1, 2)


LAYERS: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: QuantizedLinear, nn.Conv2d: QuantizedConv2d}
"""What becomes of which layer."""


def quantize_model(model: nn.Module, examples: Tensor) -> nn.Module:
    """Static post-training quantisation: replace every linear layer and convolution by an int8 one.

    The model reads the examples, a batch such as it will see (a hundred are enough), once; each layer's input
    scheme spans what came to it. Gives a copy, without gradients.

    ``ValueError`` if the model is in train mode, holds no such layer, one of them has padding, groups or
    dilation, or was not reached by the examples.

    Source: B. Jacob et al., arXiv:1712.05877, section 3 (with ranges from examples instead of training).
    """
    if model.training:
        raise ValueError("model must be in eval mode, call model.eval() first")
    model = copy.deepcopy(model)
    layers = {name: layer for name, layer in model.named_modules() if type(layer) in LAYERS}
    if not layers:
        raise ValueError(f"model must hold an nn.Linear or nn.Conv2d, got {type(model).__name__}")
    ranges: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def widen(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        low, high = inputs[0].aminmax()
        before = ranges.get(layer, (low, high))
        ranges[layer] = torch.minimum(low, before[0]), torch.maximum(high, before[1])

    hooks = [layer.register_forward_pre_hook(widen) for layer in layers.values()]
    with torch.no_grad():
        model(examples)
    for hook in hooks:
        hook.remove()
    unseen = sorted(name for name, layer in layers.items() if layer not in ranges)
    if unseen:
        raise ValueError(f"examples must reach every layer, they did not reach {', '.join(unseen)}")
    for name, layer in layers.items():
        model.set_submodule(name, LAYERS[type(layer)](layer, scheme_for_range(*ranges[layer])))
    return model.requires_grad_(False)
