"""The Transformer: an encoder–decoder of self-attention, cross-attention and feed-forward layers."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_sizes
from course_lib.models.attention import MultiHeadAttention, causal_mask, padding_mask
from course_lib.models.positions import sinusoidal
from course_lib.models.seq2seq import check_pair, checked_opening, write_greedily

Norm = Literal["pre", "post"]


class FeedForward(nn.Module):
    """Position-wise feed-forward network: W₂·max(0, W₁·x + b₁) + b₂, of (…, d_model) and that shape again.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.3, equation 2.
    """

    def __init__(self, d_model: int, feed_forward: int) -> None:
        super().__init__()
        check_sizes(d_model=d_model, feed_forward=feed_forward)
        self.expand = nn.Linear(d_model, feed_forward)
        self.contract = nn.Linear(feed_forward, d_model)

    def forward(self, x: Tensor) -> Tensor:
        return self.contract(F.relu(self.expand(x)))  # between: (…, feed_forward)


class Residual(nn.Module):
    """Residual connection and layer norm: x + f(norm(x)) (pre-norm), or norm(x + f(x)) (post-norm).

    ``ValueError`` if ``norm`` is neither ``"pre"`` nor ``"post"``, or not 0 ≤ ``dropout`` < 1.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.1 (post); R. Xiong et al., arXiv:2002.04745 (pre).
    """

    def __init__(self, d_model: int, norm: Norm, dropout: float) -> None:
        super().__init__()
        if norm not in ("pre", "post"):
            raise ValueError(f"norm must be 'pre' or 'post', got {norm!r}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in 0 ≤ dropout < 1, got {dropout}")
        self.before = norm == "pre"
        self.norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)

    def enter(self, x: Tensor) -> Tensor:
        """What f is to read."""
        return self.norm(x) if self.before else x

    def leave(self, x: Tensor, result: Tensor) -> Tensor:
        """Join x and f's result."""
        joined = x + self.dropout(result)
        return joined if self.before else self.norm(joined)


class EncoderLayer(nn.Module):
    """Self-attention over the source, then the feed-forward network, each with a residual connection.

    ``feed_forward`` counts the features inside the network, ``norm`` is ``"pre"`` (x + f(norm(x))) or
    ``"post"`` (norm(x + f(x))), and ``dropout``, 0 ≤ dropout < 1, strikes each sublayer's result.
    ``ValueError`` if a size, ``norm`` or ``dropout`` is out of range.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.1.
    """

    def __init__(
        self, d_model: int, heads: int, feed_forward: int, *, norm: Norm = "pre", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, heads)
        self.attention_residual = Residual(d_model, norm, dropout)
        self.feed_forward = FeedForward(d_model, feed_forward)
        self.feed_forward_residual = Residual(d_model, norm, dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compute (batch, s, d_model) from that shape; ``mask`` broadcasts to (batch, heads, s, s)."""
        attended, _ = self.attention(self.attention_residual.enter(x), mask=mask)
        x = self.attention_residual.leave(x, attended)
        return self.feed_forward_residual.leave(x, self.feed_forward(self.feed_forward_residual.enter(x)))


class DecoderLayer(nn.Module):
    """Self-attention over the target, cross-attention to the source, feed-forward network.

    Arguments and errors as ``EncoderLayer``.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.1.
    """

    def __init__(
        self, d_model: int, heads: int, feed_forward: int, *, norm: Norm = "pre", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, heads)
        self.attention_residual = Residual(d_model, norm, dropout)
        self.cross_attention = MultiHeadAttention(d_model, heads)
        self.cross_attention_residual = Residual(d_model, norm, dropout)
        self.feed_forward = FeedForward(d_model, feed_forward)
        self.feed_forward_residual = Residual(d_model, norm, dropout)

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        """Compute (batch, t, d_model) from that shape and the encoder's memory, (batch, s, d_model).

        ``mask`` broadcasts to (batch, heads, t, t) and is causal if the decoder is to write; ``memory_mask``
        to (batch, heads, t, s).
        """
        # x, attended, looked_up: (batch, t, d_model), memory: (batch, s, d_model)
        attended, _ = self.attention(self.attention_residual.enter(x), mask=mask)
        x = self.attention_residual.leave(x, attended)
        looked_up, _ = self.cross_attention(self.cross_attention_residual.enter(x), memory, mask=memory_mask)
        x = self.cross_attention_residual.leave(x, looked_up)
        return self.feed_forward_residual.leave(x, self.feed_forward(self.feed_forward_residual.enter(x)))


class Transformer(nn.Module):
    r"""Encoder and decoder stacks over token embeddings with sinusoidal positions.

    $$x_p = \sqrt{d_{\text{model}}}\,E[\text{token}_p] + P_p$$

    goes through the encoder's layers (masked where there is padding) to a memory, a vector for each source
    token; the decoder's layers (causal) read the memory and end in logits. With ``norm="pre"`` one more norm
    closes each stack, because there the sum of the residuals leaves it unnormalised. Padding of the target
    needs no mask: it stands at the end, where no real token can see it.

    Args:
        source_vocab, target_vocab: ids there are, at least 1.
        d_model: features of a position, even and a multiple of ``heads``.
        layers: of the encoder, and as many of the decoder, at least 1.
        heads, feed_forward, norm: as for ``EncoderLayer``.
        dropout: on embeddings and on each sublayer's result, 0 ≤ dropout < 1.
        max_length: longest source or target, in tokens, at least 1.

    Raises:
        ValueError: if a size, ``norm`` or ``dropout`` is out of range.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.
    """

    def __init__(
        self,
        source_vocab: int,
        target_vocab: int,
        *,
        d_model: int,
        heads: int,
        layers: int,
        feed_forward: int,
        norm: Norm = "pre",
        dropout: float = 0.0,
        max_length: int = 128,
    ) -> None:
        super().__init__()
        check_sizes(
            source_vocab=source_vocab, target_vocab=target_vocab, layers=layers, max_length=max_length
        )
        self.vocabs = source_vocab, target_vocab
        self.source_embedding = nn.Embedding(source_vocab, d_model)
        self.target_embedding = nn.Embedding(target_vocab, d_model)
        for embedding in (self.source_embedding, self.target_embedding):
            nn.init.normal_(embedding.weight, std=d_model**-0.5)  # times √d_model: variance 1
        self.register_buffer("positions", sinusoidal(max_length, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        sizes = (d_model, heads, feed_forward)
        self.encoder = nn.ModuleList(EncoderLayer(*sizes, norm=norm, dropout=dropout) for _ in range(layers))
        self.decoder = nn.ModuleList(DecoderLayer(*sizes, norm=norm, dropout=dropout) for _ in range(layers))
        self.encoder_norm = nn.LayerNorm(d_model) if norm == "pre" else nn.Identity()
        self.decoder_norm = nn.LayerNorm(d_model) if norm == "pre" else nn.Identity()
        self.output = nn.Linear(d_model, target_vocab)

    def forward(self, source: Tensor, source_lengths: Tensor, target_in: Tensor) -> Tensor:
        """Predict each token of the target from the source and the *right* tokens before (teacher forcing).

        Arguments, logits and errors as ``Seq2Seq.forward``; no row has more than ``max_length`` tokens.
        """
        check_pair(source, source_lengths, target_in, self.vocabs)
        memory = self.encode(source, source_lengths)
        return self.decode(target_in, memory, padding_mask(source_lengths, source.shape[1]))

    def encode(self, source: Tensor, source_lengths: Tensor) -> Tensor:
        """Read the source: a vector for each token that has seen all the others, (batch, s, d_model)."""
        mask = padding_mask(source_lengths, source.shape[1])  # (batch, 1, 1, s)
        x = self._embed("source", source, self.source_embedding)  # (batch, s, d_model)
        for layer in self.encoder:
            x = layer(x, mask)
        return self.encoder_norm(x)

    def decode(self, target_in: Tensor, memory: Tensor, memory_mask: Tensor) -> Tensor:
        """Compute logits (batch, t, target_vocab) from ids (batch, t) and the memory that ``encode`` gave.

        ``memory_mask`` is bool, (batch, 1, 1, s), True where the source is real.
        """
        mask = causal_mask(target_in.shape[1], device=target_in.device)  # (t, t)
        x = self._embed("target", target_in, self.target_embedding)  # (batch, t, d_model)
        for layer in self.decoder:
            x = layer(x, memory, mask, memory_mask)
        return self.output(self.decoder_norm(x))  # (batch, t, target_vocab)

    @torch.no_grad()
    def translate(
        self, source: Tensor, source_lengths: Tensor, *, start: int, end: int, max_new_tokens: int
    ) -> Tensor:
        """Write greedily, as ``Seq2Seq.translate`` but for at most ``max_length`` new tokens.

        All tokens so far are read again at each step; texts are short here.
        """
        opening = checked_opening(source, source_lengths, start=start, end=end, vocabs=self.vocabs)
        if max_new_tokens > len(self.positions):
            raise ValueError(f"max_new_tokens must be at most {len(self.positions)}, got {max_new_tokens}")
        memory = self.encode(source, source_lengths)
        mask = padding_mask(source_lengths, source.shape[1])

        def next_logits(ids: Tensor) -> Tensor:
            return self.decode(ids, memory, mask)[:, -1]

        return write_greedily(next_logits, opening, end=end, max_new_tokens=max_new_tokens)

    def _embed(self, name: str, ids: Tensor, embedding: nn.Embedding) -> Tensor:
        seq, longest = ids.shape[1], len(self.positions)
        if seq > longest:
            raise ValueError(f"{name} must have at most max_length={longest} tokens per row, got {seq}")
        return self.dropout(math.sqrt(embedding.embedding_dim) * embedding(ids) + self.positions[:seq])
