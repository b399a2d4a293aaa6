"""The two GPTs that come with the library, each with its tokenizer and the record of how it was made.

``moby`` writes English after *Moby-Dick*, ``tang`` quatrains after the Complete Tang Poems. Made by
``python -m course_lib.pretraining`` and ``python -m studies.ship``; the card names the
exact commands. Terms: DATA_LICENSES.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors

from course_lib.checks import check_tensors
from course_lib.files import read_verified
from course_lib.models.gpt import GPT
from course_lib.text.tokenizers import Tokenizer, tokenizer_from_json

FILES = Path(__file__).parent / "files"
# SHA-256 of the weights and of the card.
SHIPPED = {
    "moby": (
        "f764d54a699825cb7d66e024a5eea6e390a6e1f4b956d700064481d6b412809e",
        "79de401dc92f4c80cca7ec7d2b9381139409b36fec0a83258a51b0ffc9067c0c",
    ),
    "tang": (
        "80f2320495e14e2d3ce5e57d894e4cb3176503cb450accdcb6b49466d7ddd61d",
        "c08d598d8673221fa009d203c819592b2ac12cf8d4da52c4d185d7b38b14f229",
    ),
}


class Pretrained(NamedTuple):
    """A model in eval mode on the CPU (float32), its tokenizer, and its card.

    The card is plain data: ``model`` (the arguments of ``GPT``), ``command``, ``seed``, ``data_sha256``,
    ``validation`` (losses in nats per token and bits per byte, of the model and of what only counts),
    ``samples`` (what was measured on them), ``training`` (with ``history``, the loss curve), ``machine`` and
    ``date``.
    """

    model: GPT
    tokenizer: Tokenizer
    card: dict[str, Any]


def load(name: str) -> Pretrained:
    """Load a shipped model, ``"moby"`` or ``"tang"``, made anew at each call.

    ``ValueError`` if there is no such model, or a file is not the expected one (names file, expected and
    found hash).
    """
    if name not in SHIPPED:
        raise ValueError(f"name must be one of {', '.join(SHIPPED)}, got {name!r}")
    weights_sha256, card_sha256 = SHIPPED[name]
    weights = read_verified(FILES / f"{name}.safetensors", weights_sha256)
    card = read_verified(FILES / f"{name}.json", card_sha256)
    return parse(weights, card)


def parse(weights: bytes, card: bytes) -> Pretrained:
    """Put a model together from the contents of its two files.

    ``weights``: a safetensors file of the parameters of a ``GPT``, any floating dtype; ``card``: JSON with
    ``model`` and ``tokenizer`` at least. ``ValueError`` if one cannot be read, tokenizer and model differ in
    vocabulary, or a parameter is missing, unknown or of another shape; names the difference.
    """
    try:
        record = json.loads(card)
        settings, tokenizer_data = record["model"], record.pop("tokenizer")
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"card must be JSON with model and tokenizer: {error!r}") from error
    try:
        tensors = parse_tensors(weights)
    except SafetensorError as error:
        raise ValueError(f"weights must be a whole safetensors file: {error}") from error
    tokenizer = tokenizer_from_json(json.dumps(tokenizer_data))
    if tokenizer.vocab_size != settings["vocab_size"]:
        raise ValueError(
            f"vocabulary mismatch: the tokenizer has {tokenizer.vocab_size} tokens, "
            f"the model {settings['vocab_size']}"
        )
    model = GPT(**settings)
    check_tensors("weights", tensors, model.state_dict())
    model.load_state_dict({parameter: tensor.to(torch.float32) for parameter, tensor in tensors.items()})
    return Pretrained(model.eval(), tokenizer, record)
