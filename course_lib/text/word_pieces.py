"""The tokenizer of a BERT model, read from its file by the package ``tokenizers``; ids come as tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

START, END, PAD = "[CLS]", "[SEP]", "[PAD]"


class WordPieceTokenizer:
    """Words, and pieces of rarer words, as BERT reads them; each text between ``[CLS]`` and ``[SEP]``.

    Small letters only; a word without pieces in the vocabulary becomes ``[UNK]``.

    Args:
        content: a ``tokenizer.json`` with the three special tokens ``[CLS]``, ``[SEP]`` and ``[PAD]``.

    Raises:
        ModuleNotFoundError: if the package ``tokenizers`` is missing; says how to install it.
        ValueError: if ``content`` is no such file.

    Source: Y. Wu et al., arXiv:1609.08144, section 4.1.
    Taught in: "Fine-tuning a pretrained encoder".
    """

    def __init__(self, content: bytes) -> None:
        try:
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "a BERT model's vocabulary is read by the package tokenizers, which is not installed: "
                "pip install tokenizers"
            ) from error
        try:
            self._tokenizer = Tokenizer.from_str(content.decode("utf-8"))
        except Exception as error:  # the package raises nothing narrower
            raise ValueError(f"content must be a whole tokenizer.json: {error}") from error
        missing = [token for token in (START, END, PAD) if self._tokenizer.token_to_id(token) is None]
        if missing:
            raise ValueError(f"content must name the tokens {START}, {END} and {PAD}, lacks {missing}")
        self._tokenizer.no_padding()  # the file asks for texts of one fixed length
        self._tokenizer.no_truncation()

    @property
    def vocab_size(self) -> int:
        """How many tokens there are, the special ones included."""
        return self._tokenizer.get_vocab_size()

    def pieces(self, text: str) -> list[str]:
        """The tokens a text is read as, ``##`` before what goes on with a word."""
        return self._tokenizer.encode(text).tokens

    def encode(self, texts: Sequence[str], *, max_length: int) -> tuple[Tensor, Tensor]:
        """Turn texts into ids, padded behind to the longest of them.

        Args:
            texts: at least one; an empty one is ``[CLS][SEP]``.
            max_length: most tokens a text, at least 2; of a longer one the end is cut, ``[SEP]`` put back.

        Returns:
            ``(ids, lengths)``: int64, (batch, seq) and (batch,).

        Raises:
            TypeError: if ``texts`` is a single string, or holds anything else.
            ValueError: if ``texts`` is empty, or ``max_length`` is not an int of at least 2.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"texts must be a list of strings, got {type(texts).__name__} {texts!r:.40}")
        if not texts:
            raise ValueError("texts must hold at least one text, got none")
        if isinstance(max_length, bool) or not isinstance(max_length, int) or max_length < 2:
            raise ValueError(f"max_length must be an int of at least 2, got {max_length!r}")
        end = self._tokenizer.token_to_id(END)
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        rows = [row if len(row) <= max_length else [*row[: max_length - 1], end] for row in rows]
        ids = pad_sequence(
            [torch.tensor(row) for row in rows],
            batch_first=True,
            padding_value=self._tokenizer.token_to_id(PAD),
        )
        return ids, torch.tensor([len(row) for row in rows])
