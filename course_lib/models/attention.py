"""Scaled dot-product and multi-head attention, with causal and padding masks.

Masks are bool everywhere in this library, True where a query may attend to a key, as
``F.scaled_dot_product_attention`` has it (``nn.MultiheadAttention``'s masks mean the opposite).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_ints


def length_mask(lengths: Tensor, seq: int | None = None) -> Tensor:
    """Mask of real tokens: real[b, j] = (j < lengths[b]), bool, (batch, seq).

    ``lengths`` is int, (batch,), each 1 … seq; without ``seq`` the longest counts. ``TypeError`` if it is not
    an int tensor, ``ValueError`` if it is empty, not one-dimensional, or a length leaves 1 … seq.
    """
    if not isinstance(lengths, Tensor) or lengths.is_floating_point() or lengths.dtype == torch.bool:
        kind = lengths.dtype if isinstance(lengths, Tensor) else type(lengths).__name__
        raise TypeError(f"lengths must be an int tensor, got {kind}")
    if lengths.ndim != 1 or len(lengths) == 0:
        raise ValueError(f"lengths must be (batch,) with at least one entry, got {tuple(lengths.shape)}")
    longest = int(lengths.max())
    seq = longest if seq is None else seq
    if lengths.min() < 1 or longest > seq:
        raise ValueError(f"lengths must lie in 1 … {seq}, got {lengths.tolist()}")
    return torch.arange(seq, device=lengths.device) < lengths[:, None]  # (seq,) < (batch, 1): (batch, seq)


def causal_mask(seq: int, before: int = 0, *, device: torch.device | str | None = None) -> Tensor:
    """Causal mask, each position sees itself and those before it: mask[i, j] = (j ≤ before + i).

    With a KV cache ``before`` positions, at least 0, were read earlier. Bool, (seq, before + seq);
    ``ValueError`` if ``seq`` is not an int of at least 1.
    """
    check_ints(1, seq=seq)
    check_ints(0, before=before)
    return torch.ones(seq, before + seq, dtype=torch.bool, device=device).tril(before)


def padding_mask(lengths: Tensor, seq: int | None = None) -> Tensor:
    """Padding mask: ``length_mask`` as (batch, 1, 1, seq), to broadcast over heads and queries."""
    return length_mask(lengths, seq)[:, None, None, :]


def attention(
    query: Tensor, key: Tensor, value: Tensor, *, mask: Tensor | None = None, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    r"""Scaled dot-product attention, written out.

    $$A = \operatorname{softmax}_{\text{keys}}(s\,QK^\top), \qquad O = AV, \qquad
      s = \tfrac{1}{\sqrt{\text{head\_dim}}}$$

    A masked score counts as −∞, so its weight is 0. A query with nothing to attend to gets weights and
    output of zeros, as from torch.

    Args:
        query: floating, (…, queries, head_dim).
        key: floating, (…, keys, head_dim), keys at least 1.
        value: floating, (…, keys, value_dim).
        mask: bool, broadcasting to (…, queries, keys); True = may be attended to.
        scale: s, finite.

    Returns:
        ``(output, weights)``: (…, queries, value_dim) and (…, queries, keys).

    Raises:
        TypeError: if ``mask`` is not a bool tensor.
        ValueError: if shapes do not fit, there is no key, or ``scale`` is not finite.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.2.1, equation 1.
    """
    if min(query.ndim, key.ndim, value.ndim) < 2 or query.shape[-1] != key.shape[-1]:
        raise ValueError(
            "query and key must be (…, queries, head_dim) and (…, keys, head_dim), "
            f"got {tuple(query.shape)} and {tuple(key.shape)}"
        )
    if key.shape[-2] != value.shape[-2] or key.shape[-2] == 0:
        raise ValueError(
            "key and value must hold one row per key, at least one, "
            f"got {tuple(key.shape)} and {tuple(value.shape)}"
        )
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1])
    elif not math.isfinite(scale):
        raise ValueError(f"scale must be finite, got {scale}")
    scores = scale * query @ key.transpose(-2, -1)  # (…, queries, keys)
    if mask is not None:
        check_mask(mask, scores.shape)
        scores = scores.masked_fill(~mask, -math.inf)
    highest = scores.detach().amax(dim=-1, keepdim=True).clamp_min(torch.finfo(scores.dtype).min)
    powers = torch.exp(scores - highest)
    total = powers.sum(dim=-1, keepdim=True)
    weights = powers / total.masked_fill(total == 0, 1.0)
    return weights @ value, weights  # (…, queries, value_dim), (…, queries, keys)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Cut features into heads: (batch, seq, heads·head_dim) to (batch, heads, seq, head_dim)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Lay the heads side by side again: (batch, heads, seq, head_dim) to (batch, seq, heads·head_dim)."""
    return x.transpose(1, 2).flatten(2)


def check_mask(mask: Tensor, shape: torch.Size) -> None:
    """Refuse a mask that is not bool (``TypeError``) or does not broadcast to ``shape`` (``ValueError``)."""
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"mask must be a bool tensor, True = may be attended to, got {kind}")
    padded = (1,) * (len(shape) - mask.ndim) + tuple(mask.shape)
    if len(padded) != len(shape) or any(m not in (1, n) for m, n in zip(padded, shape, strict=True)):
        raise ValueError(f"mask must broadcast to {tuple(shape)}, got {tuple(mask.shape)}")


class MultiHeadAttention(nn.Module):
    r"""Multi-head attention: several side by side, each in head_dim = d_model/heads dimensions.

    $$\text{head}_h = \operatorname{attention}(XW^Q_h, YW^K_h, ZW^V_h), \qquad
      O = [\text{head}_1, \dots, \text{head}_H]\,W^O$$

    Weights start as ``nn.MultiheadAttention``'s: Xavier-uniform projections (of the three stacked), zero
    biases. ``ValueError`` if ``heads`` < 1 or ``d_model`` is not a positive multiple of it.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.2.2.
    """

    def __init__(self, d_model: int, heads: int, *, bias: bool = True) -> None:
        super().__init__()
        if heads < 1 or d_model < 1 or d_model % heads:
            raise ValueError(
                f"d_model must be a positive multiple of heads, got d_model={d_model} and heads={heads}"
            )
        self.d_model, self.heads = d_model, heads
        self.query_proj = nn.Linear(d_model, d_model, bias=bias)
        self.key_proj = nn.Linear(d_model, d_model, bias=bias)
        self.value_proj = nn.Linear(d_model, d_model, bias=bias)
        self.output_proj = nn.Linear(d_model, d_model, bias=bias)
        limit = math.sqrt(6 / (d_model + 3 * d_model))  # Xavier's, for one matrix of three blocks of rows
        for projection in (self.query_proj, self.key_proj, self.value_proj):
            nn.init.uniform_(projection.weight, -limit, limit)
        if bias:
            for projection in (self.query_proj, self.key_proj, self.value_proj, self.output_proj):
                nn.init.zeros_(projection.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend: self-attention from one sequence, cross-attention from two.

        Args:
            query: floating, (batch, queries, d_model), queries at least 1.
            key: floating, (batch, keys, d_model), keys at least 1; ``None`` means ``query``.
            value: as ``key``; ``None`` means ``key``.
            mask: bool, broadcasting to (batch, heads, queries, keys); True = may be attended to.
            need_weights: also return the weights; they are then computed by the function ``attention``,
                otherwise output comes from ``F.scaled_dot_product_attention``, which never stores them.

        Returns:
            ``(output, weights)``: (batch, queries, d_model), and (batch, heads, queries, keys) or ``None``.

        Raises:
            TypeError: if ``mask`` is not a bool tensor.
            ValueError: if a shape does not fit or a sequence is empty.
        """
        key = query if key is None else key
        value = key if value is None else value
        for name, x in (("query", query), ("key", key), ("value", value)):
            if x.ndim != 3 or x.shape[2] != self.d_model or x.shape[1] == 0 or len(x) != len(query):
                raise ValueError(
                    f"{name} must be (batch, seq, {self.d_model}) with seq at least 1 and the query's batch, "
                    f"got {tuple(x.shape)}"
                )
        if key.shape[1] != value.shape[1]:
            raise ValueError(f"value must hold {key.shape[1]} positions as key, got {value.shape[1]}")
        # q: (batch, heads, queries, head_dim), k and v: (batch, heads, keys, head_dim), mixed: as q
        q = split_heads(self.query_proj(query), self.heads)
        k = split_heads(self.key_proj(key), self.heads)
        v = split_heads(self.value_proj(value), self.heads)
        if mask is not None:
            check_mask(mask, torch.Size((len(query), self.heads, query.shape[1], key.shape[1])))
        if need_weights:
            mixed, weights = attention(q, k, v, mask=mask)
        else:
            mixed, weights = F.scaled_dot_product_attention(q, k, v, attn_mask=mask), None
        return self.output_proj(merge_heads(mixed)), weights
