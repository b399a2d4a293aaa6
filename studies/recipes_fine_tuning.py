"""How the chapter on fine-tuning trains what it trains live: settings as functions of a seed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data.batches import Batches
from course_lib.data.digits import EMBEDDED_SHA256 as DIGITS_SHA256
from course_lib.data.digits import Digits, load_digits
from course_lib.data.reviews import EMBEDDED_SHA256, Reviews, some_snippets
from course_lib.fine_tuning import (
    cut,
    length_batches,
    measure_high_digits,
    measure_unseen_snippets,
    train_classifier,
)
from course_lib.models.encoder import TextClassifier
from course_lib.models.image_classifiers import ConvNet
from course_lib.models.lora import add_lora
from course_lib.pretrained.encoders import load_encoder
from course_lib.runtime import set_seed
from course_lib.training.loop import fit
from studies.recipes import TOO_SLOW, Data, Recipe

SNIPPETS = 500


def snippets_to_train_on() -> Data:
    """500 training snippets, and the hash of the file they come from."""
    return Data(some_snippets("train", SNIPPETS), EMBEDDED_SHA256)


def train_adapter(snippets: Reviews, seed: int, learning_rate: float) -> nn.Module:
    """Train adapters of rank 8 and a head on the pretrained reader: AdamW, batches of 20, two passes.

    Args:
        snippets: the examples to train on.
        seed: seeds adapters, head and the order of batches.
        learning_rate: highest of the schedule, > 0.

    Returns:
        The trained ``TextClassifier``, in eval mode.
    """
    set_seed(seed)
    reader = load_encoder()
    add_lora(reader.model, reader.targets, 8, 16.0)
    model = TextClassifier(reader.model, reader.d_model)
    ids, lengths = reader.tokenizer.encode(snippets.texts, max_length=64)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=learning_rate)
    batches = length_batches(lengths, 20, torch.Generator().manual_seed(seed), epochs=2)
    train_classifier(lambda places: model(*cut(ids, lengths, places)), snippets.labels, batches, optimizer)
    return model.eval()


def few_digits() -> Data:
    """The training digits, of which transfer sees 0 … 4 and three each of 5 … 9; and their file's hash."""
    return Data(load_digits("train"), DIGITS_SHA256)


def train_transferred(digits: Digits, seed: int, learning_rate: float) -> nn.Module:
    """Train a ConvNet on the digits 0 … 4, then all of it on three each of 5 … 9.

    Args:
        digits: the examples to train on.
        seed: seeds weights and shuffles.
        learning_rate: AdamW's in the second part, > 0; in the first it is 3e-3.

    Returns:
        The ``ConvNet``, which has seen three each of 5 … 9.
    """
    images, labels = digits
    low = labels < 5
    set_seed(seed)
    model = ConvNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    batches = Batches(images[low], labels[low], batch_size=64)
    fit(model, batches, F.cross_entropy, optimizer, epochs=2, progress=False)
    model.linear.reset_parameters()
    places = torch.cat([torch.nonzero(labels == digit)[:3, 0] for digit in range(5, 10)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    shots = Batches(images[places], labels[places], batch_size=25)
    fit(model, shots, F.cross_entropy, optimizer, epochs=40, progress=False)
    return model


RECIPES = {
    "snippets.lora.accuracy": Recipe(
        train_adapter,
        3e-3,
        12,
        (
            TOO_SLOW,
            "the reader is the fallback, not MiniLM, whose weights this band was made with",
            "padding is averaged in, or labels and texts were shuffled apart",
            "the adapters are frozen, or the optimiser was made before them",
        ),
        ("validation snippets were trained on", "more snippets or epochs"),
        snippets_to_train_on,
        measure_unseen_snippets,
    ),
    "digits.transfer.accuracy": Recipe(
        train_transferred,
        1e-3,
        12,
        (
            TOO_SLOW,
            "the first five digits were not learnt, or their weights not loaded",
            "the wrong layers are frozen",
        ),
        ("more than three examples a digit", "test digits were trained on"),
        few_digits,
        measure_high_digits,
    ),
}
