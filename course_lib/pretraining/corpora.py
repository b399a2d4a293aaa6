"""The corpora a GPT is pretrained on, by name, as text and as token ids."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data import text
from course_lib.data.text import load_moby_dick, load_tang, quatrains_as_text
from course_lib.text.tokenizers import CharacterTokenizer, Tokenizer

CORPORA = {"moby": text.MOBY_DICK_SHA256, "tang": text.TANG_SHA256}  # name → SHA-256 of its file
PARAGRAPH_BREAK = "\n\n"


class Encoded(NamedTuple):
    """A text as token ids.

    ``ids``: int64, (n,). ``text``: what they stand for. ``left_out``: paragraphs or poems of the split that
    are not in it, because they hold a character the tokenizer does not know.
    """

    ids: Tensor
    text: str
    left_out: int


def corpus_text(name: str, split: str) -> str:
    """Load a split, ``"train"`` or ``"validation"``, of ``"moby"`` or ``"tang"`` as one text."""
    if name not in CORPORA:
        raise ValueError(f"name must be one of {', '.join(CORPORA)}, got {name!r}")
    return load_moby_dick(split) if name == "moby" else quatrains_as_text(load_tang(split))


def encode_split(tokenizer: Tokenizer, content: str) -> Encoded:
    """Encode what a tokenizer can read of a text: with characters, not the paragraphs that hold others.

    Paragraphs, or poems, have an empty line between them.
    """
    left_out = 0
    if isinstance(tokenizer, CharacterTokenizer):
        known = set(tokenizer.alphabet)
        paragraphs = content.split(PARAGRAPH_BREAK)
        readable = [paragraph for paragraph in paragraphs if known.issuperset(paragraph)]
        left_out = len(paragraphs) - len(readable)
        content = PARAGRAPH_BREAK.join(readable)
    return Encoded(torch.tensor(tokenizer.encode(content), dtype=torch.int64), content, left_out)
