"""A pretrained reader of sentences: MiniLM where its weights are installed, else the book's own GPT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from course_lib.models.attention import length_mask
from course_lib.models.gpt import GPT
from course_lib.pretrained import gpts, minilm
from course_lib.text.tokenizers import BytePairTokenizer


class GPTEncoder(nn.Module):
    """A GPT as an encoder: its last normalised features instead of logits.

    Each position has read what stands before it, not what follows; the mean over a text has read it all.

    Args:
        gpt: the model, kept, not copied.
    """

    def __init__(self, gpt: GPT) -> None:
        super().__init__()
        self.gpt = gpt

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Read texts.

        Args:
            ids: int64, (batch, seq), padded at the end with any id; seq at most the GPT's context.
            lengths: int, (batch,), each 1 … seq. Padding stands behind every real token, so none sees it.

        Returns:
            Hidden states, (batch, seq, d_model); meaningless where there is padding.

        Raises:
            ValueError: if ``ids`` is longer than the context or a length is out of range.
        """
        seq = ids.shape[1]
        if seq > self.gpt.context:
            raise ValueError(f"ids must be at most {self.gpt.context} tokens per row, got {seq}")
        length_mask(
            lengths, seq
        )  # refuses what does not fit; a causal model needs no mask for padding behind
        hidden, _ = self.gpt.features(ids)
        return hidden


class BytePairEncoder:
    """A byte-pair tokenizer with the interface of ``WordPieceTokenizer``: many texts at once, padded.

    Args:
        tokenizer: of one text at a time.
    """

    def __init__(self, tokenizer: BytePairTokenizer) -> None:
        self.tokenizer = tokenizer

    def encode(self, texts: Sequence[str], *, max_length: int) -> tuple[Tensor, Tensor]:
        """Turn texts into ids, padded with 0 behind to the longest of them.

        Args:
            texts: at least one; an empty one is read as a line end.
            max_length: most tokens per text, at least 1; the rest is cut.

        Returns:
            ``(ids, lengths)``: int64, (batch, seq) and (batch,).

        Raises:
            ValueError: if ``texts`` is empty or ``max_length`` is below 1.
        """
        if not texts:
            raise ValueError("texts must hold at least one text, got none")
        if max_length < 1:
            raise ValueError(f"max_length must be at least 1, got {max_length}")
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

    Returns:
        The reader, made anew at each call.

    Raises:
        ValueError: if an installed file is not the expected one.
    """
    if minilm.installed():
        found = minilm.load_minilm()
        return Reader(
            "MiniLM",
            found.model,
            found.tokenizer,
            found.settings["d_model"],
            ("query_proj", "value_proj"),
        )
    moby = gpts.load("moby")
    width = moby.card["model"]["d_model"]
    return Reader(
        "our GPT", GPTEncoder(moby.model).eval(), BytePairEncoder(moby.tokenizer), width, ("qkv_proj",)
    )
