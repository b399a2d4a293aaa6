"""A classifier of texts: an encoder, the mean of what it says of a text, and a linear head."""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.models.text_encoder import mean_pool

CLASSES = 2


class TextClassifier(nn.Module):
    r"""Scores of two classes from the mean of a text's hidden states.

    $$z_b = W\,\frac{1}{n_b}\sum_{t=1}^{n_b} h_{b,t} + c$$

    Args:
        encoder: ids (batch, seq) and lengths (batch,) to hidden states (batch, seq, d_model).
        d_model: features of a position.

    Source: N. Reimers and I. Gurevych, arXiv:1908.10084, section 3.
    Taught in: "Fine-tuning a pretrained encoder".
    """

    def __init__(self, encoder: nn.Module, d_model: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(d_model, CLASSES)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Read texts: int64 (batch, seq) and (batch,) to logits (batch, 2)."""
        return self.head(mean_pool(self.encoder(ids, lengths), lengths))
