"""GPT-2's architecture: a stack of causal attention and feed-forward blocks that predicts the next token."""

from __future__ import annotations

import math
from typing import Literal, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.models.attention import attention, merge_heads, split_heads
from course_lib.models.convolved_linear import TiedOutput
from course_lib.models.kv_cache import KeyValueCache, reading_mask
from course_lib.models.sizes import check_ids

INITIAL_STD = 0.02


class CausalSelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself, each position to those not after it.

    Query, key and value come from one matrix, ``qkv_proj`` (3·d_model, d_model), stacked in this order: one
    product instead of three. The formula is that of ``models.attention``.

    Args:
        d_model: features of a position, a multiple of ``heads``.
        heads: at least 1.

    Taught in: "Pretraining a GPT".
    """

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv_proj = nn.Linear(d_model, 3 * d_model)
        self.output_proj = nn.Linear(d_model, d_model)

    def forward(
        self, x: Tensor, cache: KeyValueCache | None = None, layer: int = 0, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Mix the positions.

        Args:
            x: float, (batch, seq, d_model).
            cache: what was read before; takes the keys and values of ``x`` as those of ``layer``.
            layer: the cache's layer.
            need_weights: also return the weights, by the hand-written ``attention``.

        Returns:
            (batch, seq, d_model), and the weights (batch, heads, seq, keys) or ``None``.
        """
        query, key, value = (split_heads(part, self.heads) for part in self.qkv_proj(x).chunk(3, dim=-1))
        before, seq = 0, x.shape[1]
        if cache is not None:
            before = cache.length
            key, value = cache.extend(layer, key, value)
        if need_weights:
            mask = reading_mask(before, seq, device=x.device)
            mixed, weights = attention(query, key, value, mask=mask)
            return self.output_proj(merge_heads(mixed)), weights
        # A lone new position may see all there is; SDPA's own causal mask fits where nothing came before.
        mask = reading_mask(before, seq, device=x.device) if before and seq > 1 else None
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=before == 0)
        return self.output_proj(merge_heads(mixed)), None


class Block(nn.Module):
    r"""One layer, normalised before each half: x ← x + attention(norm(x)), then x ← x + mlp(norm(x)).

    $$\operatorname{mlp}(x) = W_2\,\operatorname{GELU}(W_1 x + b_1) + b_2, \qquad
      W_1 \in \mathbb{R}^{4d \times d}$$

    with GELU's tanh form, as GPT-2 has it.

    Args:
        d_model: features of a position, a multiple of ``heads``.
        heads: at least 1.
        dropout: share of either half's output dropped in train mode, from 0 to below 1.

    Source: D. Hendrycks and K. Gimpel, arXiv:1606.08415, section 2 (GELU).

    Taught in: "Pretraining a GPT".
    """

    def __init__(self, d_model: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(d_model)
        self.attention = CausalSelfAttention(d_model, heads)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.expand = nn.Linear(d_model, 4 * d_model)
        self.contract = nn.Linear(4 * d_model, d_model)
        self.dropout = dropout

    def forward(
        self, x: Tensor, cache: KeyValueCache | None = None, layer: int = 0, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Compute the layer; arguments and returns as ``CausalSelfAttention.forward``."""
        mixed, weights = self.attention(self.attention_norm(x), cache, layer, need_weights=need_weights)
        x = x + self._drop(mixed)
        hidden = F.gelu(self.expand(self.feed_forward_norm(x)), approximate="tanh")
        return x + self._drop(self.contract(hidden)), weights

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class GPT(nn.Module):
    r"""A decoder-only transformer: logits of the next token at each position, from it and those before.

    $$h_0 = E[t] + P, \qquad h_l = \operatorname{block}_l(h_{l-1}), \qquad
      \text{logits} = \operatorname{norm}(h_L)\,E^\top$$

    E, the token embedding, is also the matrix of the output (tied). Weights start normal with standard
    deviation 0.02, those of ``output_proj`` and ``contract``, whose outputs add up over 2·layers halves, with
    0.02/√(2·layers); biases start at 0. Parameters: 12·L·d² + 13·L·d + (vocabulary + context + 2)·d.

    Args:
        vocab_size: tokens, at least 1.
        context: most positions it can read at once, at least 1.
        d_model: features of a position, a positive multiple of ``heads``.
        heads: at least 1.
        layers: L, at least 1.
        dropout: share dropped in train mode of embeddings and of both halves' outputs, from 0 to below 1. The
            attention weights, which GPT-2 drops too, are spared: SDPA's fast kernels never store them.

    Raises:
        ValueError: if a number is out of range.

    Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.3.

    Taught in: "Pretraining a GPT".
    """

    def __init__(
        self, vocab_size: int, *, context: int, d_model: int, heads: int, layers: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        for name, value in {
            "vocab_size": vocab_size,
            "context": context,
            "d_model": d_model,
            "heads": heads,
            "layers": layers,
        }.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be an int of at least 1, got {value!r}")
        if d_model % heads:
            raise ValueError(f"d_model must be a multiple of heads, got d_model={d_model}, heads={heads}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, got {dropout}")
        self.vocab_size, self.context, self.dropout = vocab_size, context, dropout
        self.token_embedding = nn.Embedding(vocab_size, d_model)
        self.position_embedding = nn.Embedding(context, d_model)
        self.blocks = nn.ModuleList(Block(d_model, heads, dropout) for _ in range(layers))
        self.final_norm = nn.LayerNorm(d_model)
        self.output = TiedOutput()
        self._initialise()

    def _initialise(self) -> None:
        for name, parameter in self.named_parameters():
            if name.endswith(("output_proj.weight", "contract.weight")):
                nn.init.normal_(parameter, std=INITIAL_STD / math.sqrt(2 * len(self.blocks)))
            elif parameter.ndim == 2:
                nn.init.normal_(parameter, std=INITIAL_STD)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def new_cache(self) -> KeyValueCache:
        """An empty cache for this model, to pass to ``forward`` call after call."""
        return KeyValueCache(len(self.blocks), self.context)

    @overload
    def forward(
        self, ids: Tensor, cache: KeyValueCache | None = None, *, need_weights: Literal[False] = False
    ) -> Tensor: ...

    @overload
    def forward(
        self, ids: Tensor, cache: KeyValueCache | None = None, *, need_weights: Literal[True]
    ) -> tuple[Tensor, list[Tensor]]: ...

    def forward(
        self, ids: Tensor, cache: KeyValueCache | None = None, *, need_weights: bool = False
    ) -> Tensor | tuple[Tensor, list[Tensor]]:
        """Compute the logits of each position's next token.

        Args:
            ids: int, (batch, seq), each from 0 to vocab_size − 1; seq from 1 to what is left of the context.
            cache: what was read before ``ids``; grows by them. ``None``: nothing was, and nothing is kept.
            need_weights: also return the attention weights, computed by the hand-written ``attention``.

        Returns:
            Logits, (batch, seq, vocab_size), in nats; with ``need_weights`` a pair of them and a list of
            weights (batch, heads, seq, keys), one a layer, where keys count the cache's positions too.

        Raises:
            TypeError: if ``ids`` are not whole numbers.
            ValueError: if ``ids`` are not (batch, seq), too many for the context, or out of range.
        """
        x, all_weights = self.features(ids, cache, need_weights=need_weights)
        logits = self.output(x, self.token_embedding.weight)
        return (logits, all_weights) if need_weights else logits

    def features(
        self, ids: Tensor, cache: KeyValueCache | None = None, *, need_weights: bool = False
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Compute what the logits are made of.

        Args:
            ids: as for ``forward``.
            cache: as for ``forward``.
            need_weights: as for ``forward``.

        Returns:
            The normalised features, (batch, seq, d_model), and a list of weights, ``None`` a layer unless
            asked for.

        Raises:
            TypeError: as ``forward``.
            ValueError: as ``forward``.
        """
        before = 0 if cache is None else cache.length
        self._check(ids, before)
        x = self.token_embedding(ids) + self.position_embedding.weight[before : before + ids.shape[1]]
        if self.dropout:
            x = F.dropout(x, self.dropout, self.training)
        all_weights = []
        for layer, block in enumerate(self.blocks):
            x, weights = block(x, cache, layer, need_weights=need_weights)
            all_weights.append(weights)
        if cache is not None:
            cache.advance(ids.shape[1])
        return self.final_norm(x), all_weights

    def _check(self, ids: Tensor, before: int) -> None:
        if ids.dtype not in (torch.int64, torch.int32):
            raise TypeError(f"ids must be int64 or int32, got {ids.dtype}")
        if ids.ndim != 2 or 0 in ids.shape:
            raise ValueError(f"ids must be (batch, seq), neither of them 0, got {tuple(ids.shape)}")
        if before + ids.shape[1] > self.context:
            read = f" after {before} already read" if before else ""
            raise ValueError(f"ids must fit the context of {self.context}, got {ids.shape[1]}{read}")
        check_ids(ids, self.vocab_size)
