"""torch.nn.functional: activations, losses, layers as functions."""

from __future__ import annotations

import math
from typing import Any

from . import dtypes
from .indexing import gather, where
from .linear_algebra import matmul
from .pointwise import applied, pulled
from .reductions import log_softmax as _log_softmax
from .reductions import softmax as _softmax
from .registry import PUBLIC, not_in_page, public
from .tape import record, renamed
from .tensor import Tensor, flat, make, pick

INF = math.inf


def _activation(name: str, value: Any, slope: Any, *places: str) -> None:
    """A function of each number with settings, whose derivative is written in tensors."""

    def function(input: Tensor, *args: Any, inplace: bool = False, **kwargs: Any) -> Tensor:
        if input.dtype.kind != "f":
            raise RuntimeError(f"\"{name}_cpu\" not implemented for '{input.dtype.title}'")
        data = applied(
            lambda x: value(x, *args, **kwargs), lambda x: math.nan, flat(input), count=input.numel()
        )
        out = make(input.dtype.keep(data), input._shape, input.dtype)
        pull = lambda g: g * slope(input, *args, **kwargs)  # noqa: E731
        return record(
            "".join(p.capitalize() for p in name.split("_")) + "Backward0", out, [input], [pull], [input]
        )

    function.__name__ = name
    for place in places or ("F",):
        public(place, name)(function)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _silu(x: float) -> float:
    return x * _logistic(x)


def _gelu(x: float, approximate: str = "none") -> float:
    if approximate == "tanh":
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def _gelu_slope(x: Tensor, approximate: str = "none") -> Tensor:
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return 0.5 * (1 + inner.tanh()) + 0.5 * x * (1 - inner.tanh() ** 2) * slope
    return 0.5 * (1 + (x / math.sqrt(2)).erf()) + x * (-0.5 * x * x).exp() / math.sqrt(2 * math.pi)


def _softplus(x: float, beta: float = 1, threshold: float = 20) -> float:
    return x if x * beta > threshold else math.log1p(math.exp(x * beta)) / beta


_activation("silu", _silu, lambda x: (s := x.sigmoid()) * (1 + x * (1 - s)))
_activation("gelu", _gelu, _gelu_slope)
_activation("softplus", _softplus,
            lambda x, beta=1, threshold=20: where(x * beta > threshold, 1.0, (x * beta).sigmoid()))  # fmt: skip
_activation("log_sigmoid", lambda x: -_softplus(-x, 1, 700) if x == x else x, lambda x: (-x).sigmoid())
_activation("leaky_relu", lambda x, negative_slope=0.01: x if x > 0 else x * negative_slope,
            lambda x, negative_slope=0.01: where(x > 0, 1.0, negative_slope))  # fmt: skip
_activation("elu", lambda x, alpha=1.0: x if x > 0 else alpha * math.expm1(x),
            lambda x, alpha=1.0: where(x > 0, 1.0, alpha * x.exp()))  # fmt: skip
_activation("relu6", lambda x: min(max(x, 0.0), 6.0), lambda x: ((x > 0) & (x < 6)).to(x.dtype))
_activation("hardtanh", lambda x, min_val=-1.0, max_val=1.0: min(max(x, min_val), max_val),
            lambda x, min_val=-1.0, max_val=1.0: ((x > min_val) & (x < max_val)).to(x.dtype))  # fmt: skip
PUBLIC["torch.nn.functional"]["logsigmoid"] = PUBLIC["torch.nn.functional"].pop("log_sigmoid")


def _named_dim(input: Tensor, dim: int | None) -> int:
    """The dimension that torch takes where none is named: the first of 0, 1 or 3 dimensions, else the second."""
    return (0 if input.ndim in (0, 1, 3) else 1) if dim is None else dim


for _name, _of in (("softmax", _softmax), ("log_softmax", _log_softmax)):
    public("F", _name)(
        lambda input, dim=None, _stacklevel=3, dtype=None, _of=_of: _of(input, _named_dim(input, dim), dtype)
    )
public("F", "softmin")(lambda input, dim=None: _softmax(-input, _named_dim(input, dim)))


@public("F")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b: (…, inputs) to (…, outputs)."""
    out = matmul(input, weight.t())
    if bias is None:
        return out
    return renamed("AddmmBackward0" if input.ndim == 2 else "ViewBackward0", out + bias)


@public("F")
def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Each line divided by its norm."""
    return input / input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)


@public("F")
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (|x1| |x2|) along a dimension."""
    lengths = [x.norm(dim=dim, keepdim=True).clamp_min(eps) for x in (x1, x2)]
    return renamed("SumBackward1", ((x1 / lengths[0]) * (x2 / lengths[1])).sum(dim))


PUBLIC["torch"]["cosine_similarity"] = PUBLIC["torch.nn.functional"]["cosine_similarity"]


@public("F")
def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Mean 0 and variance 1 over the last dimensions, then scaled and shifted."""
    shape = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
    if list(input._shape[len(input._shape) - len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={shape}, expected input with shape [*, {', '.join(map(str, shape))}], but got input "
            f"of size{list(input._shape)}"
        )
    dims = list(range(-len(shape), 0))
    exact = input if input.dtype is dtypes.float64 else input.double()
    centred = exact - exact.mean(dims, keepdim=True)
    out = centred * ((centred * centred).mean(dims, keepdim=True) + eps).rsqrt()
    out = out if input.dtype is dtypes.float64 else out.to(input.dtype)
    out = out if weight is None else out * weight
    return renamed("NativeLayerNormBackward0", out if bias is None else out + bias)


PUBLIC["torch"]["layer_norm"] = PUBLIC["torch.nn.functional"]["layer_norm"]


@public("F")
def rms_norm(input: Tensor, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """Divided by the root of the mean square over the last dimensions."""
    shape = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
    eps = dtypes.finfo(input.dtype).eps if eps is None else eps
    out = input * (input.pow(2).mean(list(range(-len(shape), 0)), keepdim=True) + eps).rsqrt()
    return out if weight is None else out * weight


@public("F")
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the place of each label, 0 elsewhere."""
    if tensor.dtype is not dtypes.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    labels = flat(tensor)
    if any(x < 0 for x in labels):
        raise RuntimeError("Class values must be non-negative.")
    size = num_classes if num_classes != -1 else max(labels) + 1
    if any(x >= size for x in labels):
        raise RuntimeError("Class values must be smaller than num_classes.")
    return make([int(i == x) for x in labels for i in range(size)], [*tensor._shape, size], dtypes.int64)


@public("F")
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of a table at the indices."""
    if input.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{input.dtype.legacy} instead (while checking arguments for embedding)"
        )
    if any(not 0 <= i < weight._shape[0] for i in flat(input)):
        raise IndexError("index out of range in self")
    width = weight._shape[1]
    there = [i * width + j for i in flat(input) for j in range(width)]
    return pick(weight, there, [*input._shape, width], "EmbeddingBackward0")


@public("F")
def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Numbers put before and after, in pairs from the last dimension on."""
    if mode != "constant":
        raise not_in_page(f"pad with mode={mode!r}")
    shape = list(input._shape)
    inside: list[Any] = [slice(None)] * input.ndim
    for place in range(len(pad) // 2):
        at, (before, after) = input.ndim - 1 - place, pad[2 * place : 2 * place + 2]
        if before < 0 or after < 0:
            raise not_in_page("pad by a negative number")
        inside[at] = slice(before, before + shape[at])
        shape[at] += before + after
    out = input.new_full(shape, value or 0)
    out[tuple(inside)] = input
    return renamed("ConstantPadNdBackward0", out)


@public("F")
def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
                                 dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
                                 enable_gqa: bool = False) -> Tensor:  # fmt: skip
    """softmax(q kᵀ / √d + mask) v."""
    if dropout_p or enable_gqa:
        raise not_in_page("attention with dropout or grouped queries")
    scores = query @ key.mT * (1 / math.sqrt(query._shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = query.new_ones(scores._shape[-2:], dtype=dtypes.bool_).tril()
    if attn_mask is not None:
        if attn_mask.dtype.kind == "b":
            scores = scores.masked_fill(~attn_mask, -INF)
        else:
            scores = scores + attn_mask
    return scores.softmax(-1) @ value


@public("F")
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Nothing dropped outside training; the random masks of training are not in the page."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    raise not_in_page("dropout while training")


# --- losses -------------------------------------------------------------------------------------------------


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The loss as it is, its mean or its sum."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def _paired(name: str, loss: Any) -> None:
    """A loss of two tensors, entry by entry."""

    def function(input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
                 **settings: Any) -> Tensor:  # fmt: skip
        if input._shape != target._shape:
            import warnings

            warnings.warn(
                f"Using a target size ({target._shape}) that is different to the input size ({input._shape}). This will "
                "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
                UserWarning,
                stacklevel=3,
            )
        out = reduced(loss(input, target, **settings), reduction)
        return renamed("".join(p.capitalize() for p in name.split("_")) + "Backward0", out)

    public("F", name)(function)


def _smooth(input: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    gap = (input - target).abs()
    return gap if beta == 0 else where(gap < beta, 0.5 * gap * gap / beta, gap - 0.5 * beta)


def _huber(input: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    gap = (input - target).abs()
    return where(gap <= delta, 0.5 * gap * gap, delta * (gap - 0.5 * delta))


_paired("mse_loss", lambda input, target: (input - target) ** 2)
_paired("l1_loss", lambda input, target: (input - target).abs())
_paired("smooth_l1_loss", _smooth)
_paired("huber_loss", _huber)


@public("F")
def kl_div(input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
           log_target: bool = False) -> Tensor:  # fmt: skip
    """Σ target (log target − input)."""
    loss = target.exp() * (target - input) if log_target else target.xlogy(target) - target * input
    return loss.sum() / input._shape[0] if reduction == "batchmean" else reduced(loss, reduction)


@public("F")
def binary_cross_entropy(input: Tensor, target: Tensor, weight: Any = None, size_average: Any = None, reduce: Any = None,
                         reduction: str = "mean") -> Tensor:  # fmt: skip
    """−(t log x + (1 − t) log(1 − x)), the logarithms no less than −100."""
    if input._shape != target._shape:
        raise ValueError(
            f"Using a target size ({target._shape}) that is different to the input size ({input._shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    if any(not 0 <= x <= 1 for x in flat(input)):
        raise RuntimeError("all elements of input should be between 0 and 1")
    loss = -(target * input.log().clamp(min=-100) + (1 - target) * (1 - input).log().clamp(min=-100))
    return renamed(
        "BinaryCrossEntropyBackward0", reduced(loss if weight is None else loss * weight, reduction)
    )


@public("F")
def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Any = None, size_average: Any = None,
                                     reduce: Any = None, reduction: str = "mean", pos_weight: Any = None) -> Tensor:  # fmt: skip
    """The same of sigmoid(x)."""
    if input._shape != target._shape:
        raise ValueError(f"Target size ({target._shape}) must be the same as input size ({input._shape})")
    keep = PUBLIC["torch.nn.functional"]["logsigmoid"]
    scale = 1 if pos_weight is None else (pos_weight - 1) * target + 1
    loss = (1 - target) * input - scale * keep(input)
    return renamed(
        "BinaryCrossEntropyWithLogitsBackward0", reduced(loss if weight is None else loss * weight, reduction)
    )


@public("F")
def nll_loss(input: Tensor, target: Tensor, weight: Any = None, size_average: Any = None, ignore_index: int = -100,
             reduce: Any = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """Minus the log-probability of each target; its mean over those that are not ignored."""
    at = 0 if input.ndim == 1 else 1
    if input.ndim != 1 and input._shape[0] != (target._shape[0] if target._shape else -1):
        raise ValueError(
            f"Expected input batch_size ({input._shape[0]}) to match target batch_size ({target._shape[0] if target._shape else 0})."
        )
    if [n for i, n in enumerate(input._shape) if i != at] != list(target._shape):
        told = [input._shape[0], *input._shape[2:]]
        raise RuntimeError(f"Expected target size {told}, got {list(target._shape)}")
    if target.dtype is not dtypes.int64:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype.title}")
    classes = input._shape[at]
    for label in flat(target):
        if label != ignore_index and not 0 <= label < classes:
            raise IndexError(f"Target {label} is out of bounds.")
    kept = target != ignore_index
    labels = where(kept, target, 0)
    weights = kept.to(input.dtype) if weight is None else weight[labels] * kept
    loss = -gather(input, at, labels.unsqueeze(at)).squeeze(at) * weights
    out = (
        loss
        if reduction == "none"
        else loss.sum()
        if reduction == "sum"
        else reduced(loss.sum() / weights.sum(), "sum")
    )
    return renamed("NllLossBackward0", out)


@public("F")
def cross_entropy(input: Tensor, target: Tensor, weight: Any = None, size_average: Any = None, ignore_index: int = -100,
                  reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0) -> Tensor:  # fmt: skip
    """Minus the log-softmax of each target class, or of a distribution over the classes."""
    at = 0 if input.ndim == 1 else 1
    reduced(input.new_zeros(()), reduction)
    if input._shape == target._shape:
        if target.dtype.kind != "f":
            raise RuntimeError(
                f"Expected floating point type for target with class probabilities, got {target.dtype.title}"
            )
        classes = input._shape[at]
        target = target * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else target
        loss = -(
            _log_softmax(input, at) * (target if weight is None else target * _across(weight, input, at))
        ).sum(at)
        return loss.sum() / (loss.numel()) if reduction == "mean" else reduced(loss, reduction)
    if target.dtype.kind == "f":
        raise RuntimeError(f"expected scalar type Long but found {target.dtype.title}")
    logs = _log_softmax(input, at)
    plain = nll_loss(logs, target, weight, None, ignore_index, None, reduction)
    if not label_smoothing:
        return plain
    kept = (target != ignore_index).to(input.dtype)
    share = -(logs if weight is None else logs * _across(weight, input, at)).sum(at) * kept
    if reduction == "mean":
        total = (
            kept.sum() if weight is None else weight[where(target != ignore_index, target, 0)].mul(kept).sum()
        )
        share = share.sum() / total
    elif reduction == "sum":
        share = share.sum()
    return (1 - label_smoothing) * plain + share * (label_smoothing / input._shape[at])


def _across(weight: Tensor, input: Tensor, at: int) -> Tensor:
    return weight.reshape([-1 if i == at else 1 for i in range(input.ndim)])
