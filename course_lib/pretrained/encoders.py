"""A pretrained reader of sentences: MiniLM where its weights are installed, else the book's own GPT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from course_lib.checks import check_at_least
from course_lib.models.attention import length_mask
from course_lib.models.gpt import GPT
from course_lib.pretrained import gpts, minilm
from course_lib.text.tokenizers import BytePairTokenizer


class GPTEncoder(nn.Module):
    """A GPT as an encoder: its last normalised features instead of logits.

    Each position has read what stands before it, not what follows; the mean over a text has read it all.
    """

    def __init__(self, gpt: GPT) -> None:
        super().__init__()
        self.gpt = gpt

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Hidden states, (batch, seq, d_model), of texts; meaningless where there is padding.

        ``ids``: int64, (batch, seq), padded at the end with any id, which no real token sees; ``lengths``:
        int, (batch,), each 1 … seq. ``ValueError`` if one is out of range or ``ids`` longer than the context.
        """
        seq = ids.shape[1]
        if seq > self.gpt.context:
            raise ValueError(f"ids must be at most {self.gpt.context} tokens per row, got {seq}")
        length_mask(lengths, seq)  # refuses what does not fit; a causal model needs no mask itself
        hidden, _ = self.gpt.features(ids)
        return hidden


class BytePairEncoder:
    """A byte-pair tokenizer with the interface of ``WordPieceTokenizer``: many texts at once, padded."""

    def __init__(self, tokenizer: BytePairTokenizer) -> None:
        self.tokenizer = tokenizer

    def encode(self, texts: Sequence[str], *, max_length: int) -> tuple[Tensor, Tensor]:
        """Turn texts into ``(ids, lengths)``, int64, (batch, seq), padded behind with 0, and (batch,).

        An empty text is read as a line end; what is beyond ``max_length`` tokens is cut. ``ValueError`` if
        there is no text or ``max_length`` is below 1.
        """
        if not texts:
            raise ValueError("texts must hold at least one text, got none")
        check_at_least(1, max_length=max_length)
        rows = [self.tokenizer.encode(text or "\n")[:max_length] for text in texts]
        ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        return ids, torch.tensor([len(row) for row in rows])


class Reader(NamedTuple):
    """A pretrained model in eval mode, ``model(ids, lengths)`` to hidden states, and what belongs to it.

    ``name`` says which it is; ``tokenizer.encode(texts, max_length=…)`` gives ids and lengths; ``d_model`` is
    the width of the hidden states; ``targets`` the linear layers that suit adapters.
    """

    name: str
    model: nn.Module
    tokenizer: Any
    d_model: int
    targets: tuple[str, ...]


def load_encoder() -> Reader:
    """Load MiniLM if the package with its weights is installed, else the shipped English GPT.

    It is made anew at each call. ``ValueError`` if an installed file is not the expected one.
    """
    if minilm.installed():
        found = minilm.load_minilm()
        targets = ("query_proj", "value_proj")
        return Reader("MiniLM", found.model, found.tokenizer, found.settings["d_model"], targets)
    moby = gpts.load("moby")
    model, tokenizer = GPTEncoder(moby.model).eval(), BytePairEncoder(moby.tokenizer)
    return Reader("our GPT", model, tokenizer, moby.card["model"]["d_model"], ("qkv_proj",))
