"""Sequence to sequence: an encoder–decoder of two GRU cells, with and without attention; greedy decoding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.checks import check_at_least, check_sizes, check_token_ids
from course_lib.models.attention import attention, length_mask, padding_mask
from course_lib.models.recurrent import GRUCell, unroll


class Seq2Seq(nn.Module):
    r"""Encoder–decoder of GRU cells: read a sequence into a state, write another from it.

    The decoder goes on from the encoder's last state, and at each step t mixes its own state d_t with a
    context c_t from the encoder's outputs h_1 … h_s:

    $$\text{logits}_t = V \tanh(U\,[d_t, c_t]) + b$$

    Without attention the context is h_s at every step: all that the decoder knows of the source, however
    long. With attention the state asks all outputs, and the context is a new mean of them at each step:

    $$c_t = \sum_j \operatorname{softmax}_j\!\left(\frac{(W d_t)^\top h_j}{\sqrt{\text{hidden}}}\right) h_j$$

    ``embedding`` and ``hidden`` are features of a token and of the state; ``ValueError`` if a size is below
    1.

    Source: K. Cho et al., arXiv:1406.1078, section 2.2 (the context read at every step); attention:
        M.-T. Luong et al., arXiv:1508.04025, section 3.1, equations 5 and 8, "general" score, scaled here.
    """

    def __init__(
        self,
        source_vocab: int,
        target_vocab: int,
        *,
        embedding: int = 32,
        hidden: int = 128,
        attention: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(source_vocab=source_vocab, target_vocab=target_vocab, embedding=embedding, hidden=hidden)
        self.vocabs = source_vocab, target_vocab
        self.source_embedding = nn.Embedding(source_vocab, embedding)
        self.target_embedding = nn.Embedding(target_vocab, embedding)
        self.encoder = GRUCell(embedding, hidden)
        self.decoder = GRUCell(embedding, hidden)
        self.query_proj = nn.Linear(hidden, hidden, bias=False) if attention else None
        self.mix = nn.Linear(2 * hidden, hidden, bias=False)
        self.output = nn.Linear(hidden, target_vocab)

    def forward(self, source: Tensor, source_lengths: Tensor, target_in: Tensor) -> Tensor:
        """Predict each token of the target from the source and the *right* tokens before (teacher forcing).

        Args:
            source: ids, (batch, s), padded at the end.
            source_lengths: int, (batch,), each 1 … s.
            target_in: ids, (batch, t), a start token first.

        Returns:
            Logits, (batch, t, target_vocab).

        Raises:
            TypeError: if ids or lengths are not int tensors.
            ValueError: if a shape, an id or a length is out of range.
        """
        check_pair(source, source_lengths, target_in, self.vocabs)
        memory, state = self.encode(source, source_lengths)
        logits, _, _ = self.decode(target_in, state, memory, padding_mask(source_lengths, source.shape[1]))
        return logits

    def encode(self, source: Tensor, source_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Read the source: what the decoder may look at, and the encoder's last state, (batch, hidden).

        The former is the encoder's outputs (batch, s, hidden), or without attention the last state, (batch,
        1, hidden).
        """
        embedded = self.source_embedding(source)  # (batch, s, embedding)
        outputs, state = unroll(self.encoder, embedded, lengths=source_lengths)  # (batch, s, hidden)
        return (state[:, None] if self.query_proj is None else outputs), state

    def decode(
        self, target_in: Tensor, state: Tensor, memory: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Go on writing from a state.

        Args:
            target_in: ids, (batch, t).
            state: the decoder's, (batch, hidden).
            memory: from ``encode``.
            mask: bool, (batch, 1, 1, s), True where the source is real; matters only with attention.

        Returns:
            Logits (batch, t, target_vocab), the state after the last token (batch, hidden), and the
            weights on the source (batch, t, s), or ``None`` without attention.
        """
        decoded, state = unroll(self.decoder, self.target_embedding(target_in), state)  # (batch, t, hidden)
        if self.query_proj is None:
            context, weights = memory.expand_as(decoded), None
        else:
            query = self.query_proj(decoded)
            context, weights = attention(query, memory, memory, mask=mask[:, 0])  # (batch, t, hidden), (…, s)
        mixed = torch.tanh(self.mix(torch.cat([decoded, context], dim=-1)))  # 2·hidden to hidden
        return self.output(mixed), state, weights  # (batch, t, target_vocab)

    @torch.no_grad()
    def translate(
        self, source: Tensor, source_lengths: Tensor, *, start: int, end: int, max_new_tokens: int
    ) -> Tensor:
        """Write greedily, each token from the model's own tokens before; arguments and errors as ``forward``.

        ``start`` stands before a text and ``end`` ends it. Returns ids, (batch, at most max_new_tokens),
        without ``start``; ``end`` repeated after an end.
        """
        opening = checked_opening(source, source_lengths, start=start, end=end, vocabs=self.vocabs)
        memory, state = self.encode(source, source_lengths)
        mask = padding_mask(source_lengths, source.shape[1])

        def next_logits(ids: Tensor) -> Tensor:
            nonlocal state
            logits, state, _ = self.decode(ids[:, -1:], state, memory, mask)
            return logits[:, -1]

        return write_greedily(next_logits, opening, end=end, max_new_tokens=max_new_tokens)


def check_pair(source: Tensor, lengths: Tensor, target_in: Tensor, vocabs: tuple[int, int]) -> None:
    """Refuse ids (batch, s), lengths (batch,) and ids (batch, t) that no encoder–decoder reads together."""
    check_token_ids(source, vocabs[0], "source")
    check_token_ids(target_in, vocabs[1], "target_in")
    if len(length_mask(lengths, source.shape[1])) != len(source):
        raise ValueError(
            f"source_lengths must hold one length per source, got {len(lengths)} for {len(source)}"
        )
    if len(target_in) != len(source):
        raise ValueError(f"target_in must hold one target per source, got {len(target_in)} for {len(source)}")


def checked_opening(
    source: Tensor, lengths: Tensor, *, start: int, end: int, vocabs: tuple[int, int]
) -> Tensor:
    """Refuse what cannot be translated; ``start`` for each source, int64 (batch, 1), opens what can."""
    for name, token in (("start", start), ("end", end)):
        check_token_ids(torch.tensor([[token]]), vocabs[1], name)
    opening = torch.full((len(source), 1), start)
    check_pair(source, lengths, opening, vocabs)
    return opening.to(source.device)


@torch.no_grad()
def write_greedily(
    next_logits: Callable[[Tensor], Tensor], opening: Tensor, *, end: int, max_new_tokens: int
) -> Tensor:
    """Greedy decoding, the likeliest token each time: yₜ = argmax over tokens of the logits after y₁ … yₜ₋₁.

    Greedy: the likeliest whole text may be another one. ``next_logits`` is called with all ids so far,
    (batch, t), from ``opening`` on, and returns logits (batch, vocab); writing stops once every sequence has
    ended.
    """
    check_at_least(1, max_new_tokens=max_new_tokens)
    ids = opening
    ended = torch.zeros(len(opening), dtype=torch.bool, device=opening.device)
    for _ in range(max_new_tokens):
        chosen = next_logits(ids).argmax(dim=-1).masked_fill(ended, end)
        ids = torch.cat([ids, chosen[:, None]], dim=1)
        ended |= chosen == end
        if ended.all():
            break
    return ids[:, opening.shape[1] :]
