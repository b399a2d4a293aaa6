"""GPT-2's architecture, a decoder-only language model: causal self-attention, feed-forward, KV cache."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_ints, check_sizes, check_token_ids
from course_lib.models.attention import attention, causal_mask, merge_heads, split_heads


class KeyValueCache:
    """KV cache: keys and values of the positions read so far, per layer, in storage for a full context.

    A position's keys and values depend on the positions before it only, so a later one never changes them:
    reading a token with the cache costs the work of one position instead of all.
    """

    def __init__(self, layers: int, context: int) -> None:
        check_sizes(layers=layers, context=context)
        self.context = context
        self.length = 0
        self._stored: list[tuple[Tensor, Tensor] | None] = [None] * layers

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store one layer's keys and values, (batch, heads, new, head_dim) each; ``advance`` counts them.

        Returns those of all positions, (batch, heads, length + new, head_dim), views of the storage.
        ``ValueError`` if batch, heads, head_dim or dtype differ from those stored, or the context is too
        short.
        """
        batch, heads, new, head_dim = key.shape
        end = self.length + new
        if end > self.context:
            raise ValueError(f"cache holds {self.length} of {self.context} positions, {new} more do not fit")
        stored = self._stored[layer]
        if stored is None:
            shape = (batch, heads, self.context, head_dim)
            stored = (key.new_empty(shape), value.new_empty(shape))
            self._stored[layer] = stored
        keys, values = stored
        if (keys.shape[:2], keys.shape[3], keys.dtype) != (key.shape[:2], head_dim, key.dtype):
            raise ValueError(
                f"cache is made for (batch, heads, context, head_dim) {tuple(keys.shape)} {keys.dtype}, "
                f"got {tuple(key.shape)} {key.dtype}"
            )
        keys[:, :, self.length : end] = key
        values[:, :, self.length : end] = value
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, new: int) -> None:
        """Count positions as read, once every layer has stored them; ``ValueError`` if they do not fit."""
        if not 1 <= new <= self.context - self.length:
            raise ValueError(f"new must be from 1 to {self.context - self.length}, got {new}")
        self.length += new

    def storage(self) -> list[tuple[Tensor, Tensor]]:
        """Each layer's keys and values so far, (batch, heads, length, head_dim); at first there are none."""
        return [
            (stored[0][:, :, : self.length], stored[1][:, :, : self.length])
            for stored in self._stored
            if stored is not None
        ]


INITIAL_STD = 0.02


class CausalSelfAttention(nn.Module):
    """Causal multi-head self-attention: each position attends to itself and those before it.

    Query, key and value come from one matrix, ``qkv_proj`` (3·d_model, d_model), stacked in this order: one
    product instead of three. The formula is that of ``models.attention``.
    """

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv_proj = nn.Linear(d_model, 3 * d_model)
        self.output_proj = nn.Linear(d_model, d_model)

    def forward(
        self, x: Tensor, cache: KeyValueCache | None = None, layer: int = 0, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Mix the positions of x, (batch, seq, d_model); ``cache`` keeps its keys and values under ``layer``.

        With ``need_weights`` also return the weights (batch, heads, seq, keys), by the hand-written
        ``attention``.
        """
        parts = self.qkv_proj(x).chunk(3, dim=-1)  # (batch, seq, 3·d_model), cut into three
        query, key, value = (split_heads(part, self.heads) for part in parts)  # (batch, heads, seq, head_dim)
        before, seq = 0, x.shape[1]
        if cache is not None:
            before = cache.length
            key, value = cache.extend(layer, key, value)  # (batch, heads, before + seq, head_dim)
        if need_weights:
            mask = causal_mask(seq, before, device=x.device)
            mixed, weights = attention(query, key, value, mask=mask)  # weights: (batch, heads, seq, keys)
            return self.output_proj(merge_heads(mixed)), weights
        # A lone new position may see all there is; SDPA's own causal mask fits where nothing came before.
        mask = causal_mask(seq, before, device=x.device) if before and seq > 1 else None
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=before == 0)
        return self.output_proj(merge_heads(mixed)), None  # (batch, seq, d_model)


class Block(nn.Module):
    r"""Transformer block, pre-norm: x ← x + attention(norm(x)), then x ← x + mlp(norm(x)).

    $$\operatorname{mlp}(x) = W_2\,\operatorname{GELU}(W_1 x + b_1) + b_2, \qquad
      W_1 \in \mathbb{R}^{4d \times d}$$

    with GELU's tanh form, as GPT-2 has it.

    Source: D. Hendrycks and K. Gimpel, arXiv:1606.08415, section 2 (GELU).
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
        hidden = F.gelu(self.expand(self.feed_forward_norm(x)), approximate="tanh")  # (batch, seq, 4·d_model)
        return x + self._drop(self.contract(hidden)), weights

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class GPT(nn.Module):
    r"""A decoder-only transformer: logits of the next token at each position, from it and those before.

    $$h_0 = E[t] + P, \qquad h_l = \operatorname{block}_l(h_{l-1}), \qquad
      \text{logits} = \operatorname{norm}(h_L)\,E^\top$$

    E, the token embedding, is also the matrix of the output (tied). Weights of linear layers and
    embeddings are drawn from a normal distribution of standard deviation 0.02, or 0.02/√(2·layers) for
    ``output_proj`` and ``contract``, whose outputs the residual stream adds up; biases start
    at 0. Parameters: 12·L·d² + 13·L·d + (vocabulary + context + 2)·d.

    Args:
        vocab_size, layers: at least 1.
        context: most positions it can read at once, at least 1.
        d_model: features of a position, a positive multiple of ``heads``.
        heads: at least 1.
        dropout: share dropped in train mode of embeddings and of both halves' outputs, from 0 to below 1. The
            attention weights, which GPT-2 drops too, are not dropped: SDPA's fast kernels never store them.

    Raises:
        ValueError: if a number is out of range.

    Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.3.
    """

    def __init__(
        self, vocab_size: int, *, context: int, d_model: int, heads: int, layers: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        check_ints(1, vocab_size=vocab_size, context=context, d_model=d_model, heads=heads, layers=layers)
        if d_model % heads:
            raise ValueError(f"d_model must be a multiple of heads, got d_model={d_model}, heads={heads}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, got {dropout}")
        self.vocab_size, self.context, self.dropout = vocab_size, context, dropout
        self.token_embedding = nn.Embedding(vocab_size, d_model)
        self.position_embedding = nn.Embedding(context, d_model)
        self.blocks = nn.ModuleList(Block(d_model, heads, dropout) for _ in range(layers))
        self.final_norm = nn.LayerNorm(d_model)
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

    def forward(
        self, ids: Tensor, cache: KeyValueCache | None = None, *, need_weights: bool = False
    ) -> Tensor | tuple[Tensor, list[Tensor]]:
        """Compute the logits of each position's next token.

        Args:
            ids: int, (batch, seq), each from 0 to vocab_size − 1; seq from 1 to what is left of the context.
            cache: what was read before ``ids``; grows by them. ``None``: nothing read, nothing kept.
            need_weights: also return the attention weights, computed by the hand-written ``attention``.

        Returns:
            Logits, (batch, seq, vocab_size), in nats; with ``need_weights`` a pair of them and a list of
            weights (batch, heads, seq, keys), one per layer, where keys count the cache's positions too.

        Raises:
            TypeError: if ``ids`` are not whole numbers.
            ValueError: if ``ids`` are not (batch, seq), too many for the context, or out of range.
        """
        x, all_weights = self.features(ids, cache, need_weights=need_weights)
        logits = F.linear(x, self.token_embedding.weight)  # x·Eᵀ: (batch, seq, vocab_size)
        return (logits, all_weights) if need_weights else logits

    def features(
        self, ids: Tensor, cache: KeyValueCache | None = None, *, need_weights: bool = False
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Compute what the logits are made of, with arguments and errors as ``forward``.

        Returns the normalised features, (batch, seq, d_model), and the weights, ``None`` per layer unless
        asked for.
        """
        before = 0 if cache is None else cache.length
        check_token_ids(ids, self.vocab_size)
        if before + ids.shape[1] > self.context:
            read = f" after {before} already read" if before else ""
            raise ValueError(f"ids must fit the context of {self.context}, got {ids.shape[1]}{read}")
        positions = self.position_embedding.weight[before : before + ids.shape[1]]  # (seq, d_model)
        x = self.token_embedding(ids) + positions  # (batch, seq, d_model)
        if self.dropout:
            x = F.dropout(x, self.dropout, self.training)
        all_weights = []
        for layer, block in enumerate(self.blocks):
            x, weights = block(x, cache, layer, need_weights=need_weights)
            all_weights.append(weights)
        if cache is not None:
            cache.advance(ids.shape[1])
        return self.final_norm(x), all_weights
