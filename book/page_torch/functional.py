"""torch.nn.functional: activations, losses, layers as functions."""

from __future__ import annotations

import math
import warnings
from typing import Any

from . import dtypes
from .indexing import gather, where
from .linear_algebra import matmul
from .pointwise import applied, logistic
from .reductions import log_softmax, softmax
from .registry import PUBLIC, not_in_page, public
from .tape import record, renamed
from .tensor import Tensor, flat, make

F = PUBLIC["torch.nn.functional"]


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_")) + "Backward0"


def _activation(name: str, value: Any, slope: Any) -> None:
    """A function of each number with settings, whose derivative is written in tensors."""

    def function(input: Tensor, *args: Any, inplace: bool = False, **kwargs: Any) -> Tensor:
        if input.dtype.kind != "f":
            raise RuntimeError(f"\"{name}_cpu\" not implemented for '{input.dtype.title}'")
        data = applied(
            lambda x: value(x, *args, **kwargs), lambda x: math.nan, flat(input), count=input.numel()
        )
        pull = lambda g: g * slope(input, *args, **kwargs)  # noqa: E731
        return record(
            _camel(name), make(input.dtype.keep(data), input._shape, input.dtype), [input], [pull], [input]
        )

    public("F", name)(function)


def _gelu(x: float, approximate: str = "none") -> float:
    if approximate == "tanh":
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def _gelu_slope(x: Tensor, approximate: str = "none") -> Tensor:
    if approximate == "tanh":
        inner = (math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)).tanh()
        return 0.5 * (1 + inner) + 0.5 * x * (1 - inner**2) * math.sqrt(2 / math.pi) * (
            1 + 3 * 0.044715 * x**2
        )
    return 0.5 * (1 + (x / math.sqrt(2)).erf()) + x * (-0.5 * x * x).exp() / math.sqrt(2 * math.pi)


def _softplus(x: float, beta: float = 1, threshold: float = 20) -> float:
    return x if x * beta > threshold else math.log1p(math.exp(x * beta)) / beta


_activation("silu", lambda x: x * logistic(x), lambda x: (s := x.sigmoid()) * (1 + x * (1 - s)))
_activation(
    "softplus",
    _softplus,
    lambda x, beta=1, threshold=20: where(x * beta > threshold, 1.0, (x * beta).sigmoid()),
)
_activation("log_sigmoid", lambda x: -_softplus(-x, 1, 700), lambda x: (-x).sigmoid())
_activation("gelu", _gelu, _gelu_slope)
_activation(
    "leaky_relu",
    lambda x, negative_slope=0.01: x if x > 0 else x * negative_slope,
    lambda x, negative_slope=0.01: where(x > 0, x.new_tensor(1.0), negative_slope),
)
F["logsigmoid"] = F.pop("log_sigmoid")
for _name, _function in (("softmax", softmax), ("log_softmax", log_softmax)):
    public("F", _name)(
        lambda input, dim=None, _stacklevel=3, dtype=None, _of=_function: _of(
            input, int(input.ndim not in (0, 1, 3)) if dim is None else dim, dtype
        )
    )


@public("F")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b: (…, inputs) to (…, outputs)."""
    try:
        out = matmul(input, weight.t())
    except RuntimeError as error:
        raise RuntimeError(str(error).replace("mm: ", "mm: " if bias is None else "addmm: ")) from None
    if bias is None:
        return out
    return renamed("AddmmBackward0" if input.ndim == 2 else "UnsafeViewBackward0", out + bias)


@public("F torch")
def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Mean 0 and variance 1 over the last dimensions, then scaled and shifted."""
    shape, dims = list(normalized_shape), list(range(-len(normalized_shape), 0))
    if list(input._shape[-len(shape) :]) != shape:
        told = f"expected input with shape [*, {', '.join(map(str, shape))}], but got input of size{list(input._shape)}"
        raise RuntimeError(f"Given normalized_shape={shape}, {told}")
    centred = input.double() - input.double().mean(dims, keepdim=True)
    out = (centred * (centred.square().mean(dims, keepdim=True) + eps).rsqrt()).to(input.dtype)
    out = out if weight is None else out * weight
    return renamed("NativeLayerNormBackward0", out if bias is None else out + bias)


@public("F")
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the place of each label, 0 elsewhere."""
    labels = flat(tensor)
    size = num_classes if num_classes != -1 else max(labels) + 1
    if tensor.dtype is not dtypes.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if any(not 0 <= x < size for x in labels):
        told = "non-negative." if min(labels) < 0 else "smaller than num_classes."
        raise RuntimeError(f"Class values must be {told}")
    return make([int(i == x) for x in labels for i in range(size)], [*tensor._shape, size], dtypes.int64)


@public("F")
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:  # fmt: skip
    """softmax(q kᵀ / √d + mask) v."""
    if dropout_p:
        raise not_in_page("attention with dropout")
    scores = query @ key.mT * (1 / math.sqrt(query._shape[-1]) if scale is None else scale)
    attn_mask = scores.new_ones(scores._shape[-2:], dtype=dtypes.bool_).tril() if is_causal else attn_mask
    if attn_mask is not None:
        masks = attn_mask.dtype.kind == "b"
        scores = scores.masked_fill(~attn_mask, -math.inf) if masks else scores + attn_mask
    return scores.softmax(-1) @ value


# --- losses -------------------------------------------------------------------------------------------------


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The loss as it is, its mean or its sum."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return loss if reduction == "none" else getattr(loss, reduction)()


def _paired(name: str, loss: Any) -> None:
    """A loss of two tensors, entry by entry."""

    def function(input: Tensor, target: Tensor, *, reduction: str = "mean", **settings: Any) -> Tensor:
        if input.size() != target.size():
            told = "This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size."
            sizes = f"a target size ({target._shape}) that is different to the input size ({input._shape})"
            warnings.warn(f"Using {sizes}. {told}", UserWarning, stacklevel=3)
        out = reduced(loss(input, target, **settings), reduction)
        return out if name == "l1_loss" else renamed(_camel(name), out)

    public("F", name)(function)


def _smooth(input: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    gap = (input - target).abs()
    return gap if beta == 0 else where(gap < beta, 0.5 * gap * gap / beta, gap - 0.5 * beta)


_paired("mse_loss", lambda input, target: (input - target).square())
_paired("l1_loss", lambda input, target: (input - target).abs())
_paired("smooth_l1_loss", _smooth)


@public("F")
def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """The same of sigmoid(x)."""
    if input._shape != target._shape:
        raise ValueError(f"Target size ({target._shape}) must be the same as input size ({input._shape})")
    scale = 1 if pos_weight is None else (pos_weight - 1) * target + 1
    loss = (1 - target) * input - scale * F["logsigmoid"](input)
    return renamed(
        _camel("binary_cross_entropy_with_logits"),
        reduced(loss if weight is None else loss * weight, reduction),
    )


@public("F")
def nll_loss(
    input: Tensor, target: Tensor, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Minus the log-probability of each target; its mean over those that are not ignored."""
    at, rows, count = int(input.ndim > 1), input._shape[0], target._shape[0] if target._shape else 0
    if at and rows != count:
        raise ValueError(f"Expected input batch_size ({rows}) to match target batch_size ({count}).")
    if [n for i, n in enumerate(input._shape) if i != at] != list(target._shape):
        raise RuntimeError(f"Expected target size {[rows, *input._shape[2:]]}, got {list(target._shape)}")
    if target.dtype is not dtypes.int64:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype.title}")
    for label in flat(target):
        if label != ignore_index and not 0 <= label < input._shape[at]:
            raise IndexError(f"Target {label} is out of bounds.")
    kept = target != ignore_index
    labels = where(kept, target, 0)
    weights = kept.to(input.dtype) if weight is None else weight[labels] * kept
    loss = where(kept, -gather(input, at, labels.unsqueeze(at)).squeeze(at), 0.0) * weights
    out = loss.sum() / weights.sum() if reduction == "mean" else reduced(loss, reduction)
    return renamed(f"NllLoss{'2D' * (input.ndim > 2)}Backward0", out)


@public("F")
def cross_entropy(
    input: Tensor, target: Tensor, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Minus the log-softmax of each target class, or of a distribution over the classes."""
    at, logs = int(input.ndim > 1), log_softmax(input, int(input.ndim > 1))
    classes, scaled = input._shape[at], logs
    if weight is not None:
        scaled = logs * weight.reshape([-1 if i == at else 1 for i in range(input.ndim)])
    if input._shape == target._shape:
        if target.dtype.kind != "f":
            told = f"for target with class probabilities, got {target.dtype.title}"
            raise RuntimeError(f"Expected floating point type {told}")
        target = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -(scaled * target).sum(at)
        return (
            renamed("DivBackward1", loss.sum() / loss.numel())
            if reduction == "mean"
            else reduced(loss, reduction)
        )
    plain = nll_loss(logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return plain
    kept = (target != ignore_index).to(input.dtype)
    share = where(kept != 0, -scaled.sum(at), 0.0)
    if reduction == "mean":
        share = share.sum() / (kept if weight is None else weight[where(kept != 0, target, 0)] * kept).sum()
    elif reduction == "sum":
        share = share.sum()
    return (1 - label_smoothing) * plain + share * (label_smoothing / classes)
