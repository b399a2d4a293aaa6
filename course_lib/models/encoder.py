"""BERT's encoder: bidirectional self-attention, one hidden state per token; mean pooling and a classifier.

``course_lib.pretrained.minilm`` fills it with real weights.
"""

from __future__ import annotations

import re

import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_ints, check_token_ids
from course_lib.models.attention import MultiHeadAttention, length_mask, padding_mask

INITIAL_STD = 0.02
SEGMENTS = 2
# BERT's names → ours. Segments and position numbers are BERT's; the pooler serves a task we do not have.
_NAMES = (
    (r"embeddings\.word_embeddings", "token_embedding"),
    (r"embeddings\.position_embeddings", "position_embedding"),
    (r"embeddings\.token_type_embeddings", "segment_embedding"),
    (r"embeddings\.LayerNorm", "embedding_norm"),
    (r"encoder\.layer\.(\d+)\.attention\.self\.(query|key|value)", r"blocks.\1.attention.\2_proj"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense", r"blocks.\1.attention.output_proj"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm", r"blocks.\1.attention_norm"),
    (r"encoder\.layer\.(\d+)\.intermediate\.dense", r"blocks.\1.expand"),
    (r"encoder\.layer\.(\d+)\.output\.dense", r"blocks.\1.contract"),
    (r"encoder\.layer\.(\d+)\.output\.LayerNorm", r"blocks.\1.feed_forward_norm"),
)
_LEFT_OUT = re.compile(r"embeddings\.position_ids|pooler\.dense\.(weight|bias)")


class EncoderBlock(nn.Module):
    r"""Transformer block, post-norm: x ← norm(x + attention(x)), then x ← norm(x + mlp(x)).

    $$\operatorname{mlp}(x) = W_2\,\operatorname{GELU}(W_1 x + b_1) + b_2$$

    with ``feed_forward`` rows of W₁ and GELU in its exact form, xΦ(x).

    Source: J. Devlin et al., arXiv:1810.04805, section 3 and appendix A.2.
    """

    def __init__(self, d_model: int, heads: int, feed_forward: int, *, dropout: float, eps: float) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, heads)
        self.attention_norm = nn.LayerNorm(d_model, eps)
        self.expand = nn.Linear(d_model, feed_forward)
        self.contract = nn.Linear(feed_forward, d_model)
        self.feed_forward_norm = nn.LayerNorm(d_model, eps)
        self.dropout = dropout

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Compute the layer: (batch, seq, d_model) and a mask for attention to (batch, seq, d_model)."""
        mixed, _ = self.attention(x, mask=mask)
        x = self.attention_norm(x + F.dropout(mixed, self.dropout, self.training))
        thought = self.contract(F.gelu(self.expand(x)))  # between: (batch, seq, feed_forward)
        return self.feed_forward_norm(x + F.dropout(thought, self.dropout, self.training))


class TextEncoder(nn.Module):
    r"""An encoder-only transformer: one vector for each token of a text.

    $$h_0 = \operatorname{norm}(E[t] + P + S_0), \qquad h_l = \operatorname{block}_l(h_{l-1})$$

    E holds tokens, P positions, S BERT's two segments; a single text is segment 0 throughout. Every position
    sees every real token, before and behind it. Weights start normal with standard deviation 0.02, biases
    at 0. The pooler that BERT trained for guessing the next sentence is left out.

    Args:
        vocab_size, layers, feed_forward: at least 1, the last the width of the blocks' hidden layer.
        max_length: most tokens of a text, at least 1.
        d_model: features of a position, a positive multiple of ``heads``.
        heads: at least 1.
        dropout: share dropped in train mode of embeddings and of both halves' outputs, from 0 to below 1.
            BERT's 0.1 also strikes attention weights, which SDPA's fast kernels never store.
        eps: the norms' ε, above 0; BERT's is 1e-12.

    Raises:
        ValueError: if a number is out of range.

    Source: J. Devlin et al., arXiv:1810.04805, section 3.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        max_length: int,
        d_model: int,
        heads: int,
        layers: int,
        feed_forward: int,
        dropout: float = 0.0,
        eps: float = 1e-12,
    ) -> None:
        super().__init__()
        check_ints(1, vocab_size=vocab_size, max_length=max_length, d_model=d_model)
        check_ints(1, heads=heads, layers=layers, feed_forward=feed_forward)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, got {dropout}")
        if not eps > 0:
            raise ValueError(f"eps must be above 0, got {eps}")
        self.vocab_size, self.max_length = vocab_size, max_length
        self.d_model, self.dropout = d_model, dropout
        self.token_embedding = nn.Embedding(vocab_size, d_model)
        self.position_embedding = nn.Embedding(max_length, d_model)
        self.segment_embedding = nn.Embedding(SEGMENTS, d_model)
        self.embedding_norm = nn.LayerNorm(d_model, eps)
        self.blocks = nn.ModuleList(
            EncoderBlock(d_model, heads, feed_forward, dropout=dropout, eps=eps) for _ in range(layers)
        )
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=INITIAL_STD)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Compute the last hidden states, (batch, seq, d_model); those of padding mean nothing.

        Args:
            ids: int, (batch, seq), each from 0 to vocab_size − 1, what stands behind a text's end included;
                seq from 1 to max_length.
            lengths: int, (batch,), real tokens of each text, 1 … seq.

        Raises:
            TypeError: if ``ids`` or ``lengths`` are not whole numbers.
            ValueError: if ``ids`` are not (batch, seq), too many or out of range, or a length leaves 1 … seq.
        """
        check_token_ids(ids, self.vocab_size)
        if ids.shape[1] > self.max_length:
            raise ValueError(f"ids must be at most {self.max_length} a text, got {ids.shape[1]}")
        mask = padding_mask(lengths, ids.shape[1])  # (batch, 1, 1, seq)
        if len(mask) != len(ids):
            raise ValueError(f"lengths must be one for each of {len(ids)} texts, got {len(mask)}")
        x = self.token_embedding(ids) + self.position_embedding.weight[: ids.shape[1]]
        x = self.embedding_norm(x + self.segment_embedding.weight[0])  # (batch, seq, d_model)
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x, mask)
        return x


def mean_pool(hidden: Tensor, lengths: Tensor) -> Tensor:
    r"""Mean pooling: each text's mean over its real tokens, $\frac{1}{n_b} \sum_{t=1}^{n_b} h_{b,t}$.

    Of floating (batch, seq, features) and int lengths n_b (batch,), each 1 … seq, makes (batch, features).
    ``TypeError`` if ``lengths`` is not an int tensor, ``ValueError`` if a shape or length does not fit.

    Source: N. Reimers and I. Gurevych, arXiv:1908.10084, section 3.
    """
    if hidden.ndim != 3:
        raise ValueError(f"hidden must be (batch, seq, features), got {tuple(hidden.shape)}")
    real = length_mask(lengths, hidden.shape[1])  # (batch, seq)
    if len(real) != len(hidden):
        raise ValueError(f"lengths must be one for each of {len(hidden)} texts, got {len(real)}")
    return hidden.masked_fill(~real[..., None], 0.0).sum(dim=1) / lengths[:, None]


def from_bert_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give a BERT checkpoint's tensors (transformers' ``BertModel``) their names in ``TextEncoder``.

    The pooler's and the position numbers are left out; ``ValueError`` names a tensor that is not BERT's.
    """
    renamed = {}
    for name, tensor in tensors.items():
        if _LEFT_OUT.fullmatch(name):
            continue
        for theirs, ours in _NAMES:
            match = re.fullmatch(theirs + r"\.(weight|bias)", name)
            if match:
                renamed[match.expand(ours) + "." + match.groups()[-1]] = tensor
                break
        else:
            raise ValueError(f"tensors must have the names of a BERT encoder, {name!r} is none")
    return renamed


CLASSES = 2


class TextClassifier(nn.Module):
    r"""Text classifier: logits of two classes from the mean of a text's hidden states.

    $$z_b = W\,\frac{1}{n_b}\sum_{t=1}^{n_b} h_{b,t} + c$$

    ``encoder`` maps ids (batch, seq) and lengths (batch,) to hidden states (batch, seq, d_model).

    Source: N. Reimers and I. Gurevych, arXiv:1908.10084, section 3.
    """

    def __init__(self, encoder: nn.Module, d_model: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(d_model, CLASSES)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Read texts: int64 (batch, seq) and (batch,) to logits (batch, 2)."""
        return self.head(mean_pool(self.encoder(ids, lengths), lengths))
