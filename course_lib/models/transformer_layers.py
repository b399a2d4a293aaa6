"""The Transformer's layers: attention and a feed-forward network, each with a way round it and a norm."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.models.attention import MultiHeadAttention

Norm = Literal["pre", "post"]


class FeedForward(nn.Module):
    """The same small network at every position: W₂·max(0, W₁·x + b₁) + b₂.

    Args:
        d_model: features in and out, at least 1.
        feed_forward: features between, at least 1.

    Raises:
        ValueError: if a size is below 1.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.3, equation 2.
    Taught in: "The Transformer".
    """

    def __init__(self, d_model: int, feed_forward: int) -> None:
        super().__init__()
        if d_model < 1 or feed_forward < 1:
            raise ValueError(f"d_model and feed_forward must be at least 1, got {d_model} and {feed_forward}")
        self.expand = nn.Linear(d_model, feed_forward)
        self.contract = nn.Linear(feed_forward, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Compute (…, d_model) from (…, d_model)."""
        return self.contract(F.relu(self.expand(x)))


class Residual(nn.Module):
    """One sublayer's way round itself: x + f(norm(x)) with the norm before, norm(x + f(x)) with it after.

    Args:
        d_model: features, at least 1.
        norm: ``"pre"`` or ``"post"``.
        dropout: share of f's outputs set to 0 while training, 0 ≤ dropout < 1.

    Raises:
        ValueError: if ``norm`` is another word or ``dropout`` is out of range.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.1 (post); R. Xiong et al., arXiv:2002.04745 (pre).
    Taught in: "The Transformer".
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
    """Self-attention over the source, then the feed-forward network, each with its residual.

    Args:
        d_model: features of a position, a multiple of ``heads``.
        heads: of the attention, at least 1.
        feed_forward: features inside the feed-forward network, at least 1.
        norm: ``"pre"`` (x + f(norm(x))) or ``"post"`` (norm(x + f(x))).
        dropout: on each sublayer's result, 0 ≤ dropout < 1.

    Raises:
        ValueError: if a size, ``norm`` or ``dropout`` is out of range.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.1.
    Taught in: "The Transformer".
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
        """Compute (batch, s, d_model) from (batch, s, d_model).

        Args:
            x: floating, (batch, s, d_model).
            mask: bool, broadcasting to (batch, heads, s, s); True = may be attended to.
        """
        attended, _ = self.attention(self.attention_residual.enter(x), mask=mask)
        x = self.attention_residual.leave(x, attended)
        return self.feed_forward_residual.leave(x, self.feed_forward(self.feed_forward_residual.enter(x)))


class DecoderLayer(nn.Module):
    """Self-attention over the target, cross-attention to the source, feed-forward network.

    Args:
        d_model: features of a position, a multiple of ``heads``.
        heads: of both attentions, at least 1.
        feed_forward: features inside the feed-forward network, at least 1.
        norm: ``"pre"`` or ``"post"``, as in ``EncoderLayer``.
        dropout: on each sublayer's result, 0 ≤ dropout < 1.

    Raises:
        ValueError: if a size, ``norm`` or ``dropout`` is out of range.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.1.
    Taught in: "The Transformer".
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
        """Compute (batch, t, d_model) from (batch, t, d_model).

        Args:
            x: floating, (batch, t, d_model).
            memory: the encoder's output, (batch, s, d_model).
            mask: bool, broadcasting to (batch, heads, t, t): causal, for a decoder that is to write.
            memory_mask: bool, broadcasting to (batch, heads, t, s).
        """
        attended, _ = self.attention(self.attention_residual.enter(x), mask=mask)
        x = self.attention_residual.leave(x, attended)
        looked_up, _ = self.cross_attention(self.cross_attention_residual.enter(x), memory, mask=memory_mask)
        x = self.cross_attention_residual.leave(x, looked_up)
        return self.feed_forward_residual.leave(x, self.feed_forward(self.feed_forward_residual.enter(x)))
