"""How each reader of dates is trained: the settings the chapters use, as functions of a seed."""

import hashlib

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from course_lib.data.batches import Batches
from course_lib.data.dates import READ, WRITTEN, load_dates
from course_lib.data.string_pairs import EncodedPairs, encode_pairs
from course_lib.models.seq2seq import Seq2Seq
from course_lib.models.transformer import Transformer
from course_lib.runtime import set_seed
from course_lib.training.loop import fit
from course_lib.training.metrics import exact_match, token_cross_entropy
from studies.recipes import TOO_SLOW, Data, Recipe


def dates_to_train_on() -> Data:
    """4,000 training dates, always the same, as ids; and the hash of their spellings."""
    pairs = load_dates(4000, split="train", generator=torch.Generator().manual_seed(0))
    text = "\n".join([*pairs.source, *pairs.target])
    return Data(encode_pairs(pairs, READ, WRITTEN), hashlib.sha256(text.encode("utf-8")).hexdigest())


def train_seq2seq(dates: EncodedPairs, seed: int, learning_rate: float) -> nn.Module:
    """Train two GRUs with a state of 64 between them: batch 64, AdamW, 5 epochs of a one-cycle schedule.

    Args:
        dates: the pairs to train on.
        seed: seeds initial weights and shuffles.
        learning_rate: highest of the schedule, > 0.

    Returns:
        The trained ``Seq2Seq`` without attention.
    """
    set_seed(seed)
    model = Seq2Seq(len(READ), len(WRITTEN), embedding=32, hidden=64)
    return _trained(model, dates, learning_rate, epochs=5)


def train_attention(dates: EncodedPairs, seed: int, learning_rate: float) -> nn.Module:
    """Train the same two GRUs, the second of which may look back: all other settings as before.

    Args:
        dates: the pairs to train on.
        seed: seeds initial weights and shuffles.
        learning_rate: highest of the schedule, > 0.

    Returns:
        The trained ``Seq2Seq`` with attention.
    """
    set_seed(seed)
    model = Seq2Seq(len(READ), len(WRITTEN), embedding=32, hidden=64, attention=True)
    return _trained(model, dates, learning_rate, epochs=5)


def train_transformer(dates: EncodedPairs, seed: int, learning_rate: float) -> nn.Module:
    """Train a Transformer of one layer, 64 wide with 4 heads: as the GRUs, 8 epochs.

    Args:
        dates: the pairs to train on.
        seed: seeds initial weights and shuffles.
        learning_rate: highest of the schedule, > 0.

    Returns:
        The trained ``Transformer``.
    """
    set_seed(seed)
    model = Transformer(len(READ), len(WRITTEN), d_model=64, heads=4, layers=1, feed_forward=128)
    return _trained(model, dates, learning_rate, epochs=8)


def measure_exact_match(model: nn.Module) -> float:
    """Measure the share of 2,000 test dates written without a wrong character.

    Args:
        model: a translator from ``READ`` to ``WRITTEN``.

    Returns:
        0 … 1.
    """
    pairs = load_dates(2000, split="test", generator=torch.Generator().manual_seed(1))
    return exact_match(model, Batches(*encode_pairs(pairs, READ, WRITTEN), batch_size=500, shuffle=False))


def _trained(model: nn.Module, dates: EncodedPairs, learning_rate: float, *, epochs: int) -> nn.Module:
    batches = Batches(*dates, batch_size=64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    schedule = OneCycleLR(optimizer, learning_rate, epochs=epochs, steps_per_epoch=len(batches))
    fit(
        model,
        batches,
        token_cross_entropy,
        optimizer,
        epochs=epochs,
        schedule=schedule,
        clip_norm=1.0,
        progress=False,
    )
    return model


_TOO_LITTLE = (
    TOO_SLOW,
    "target_in and target_out are not shifted by one: the model must predict the next character",
    "padding counts in the loss, or source_lengths are wrong",
    "gradients are not zeroed between steps",
)
_LEAK = (
    "test dates were trained on",
    "the right characters were given while writing: translate, not forward",
)
_JUDGED_BY = {"data": dates_to_train_on, "measure": measure_exact_match}

RECIPES = {
    "dates.seq2seq.exact_match": Recipe(
        train_seq2seq,
        5e-3,
        12,
        _TOO_LITTLE,
        (*_LEAK, "attention is on, the state wider than 64, or there are more pairs or epochs"),
        **_JUDGED_BY,
    ),
    "dates.attention.exact_match": Recipe(
        train_attention,
        5e-3,
        12,
        (*_TOO_LITTLE, "attention is off, or its softmax runs over the wrong axis"),
        (*_LEAK, "more pairs or epochs"),
        **_JUDGED_BY,
    ),
    "dates.transformer.exact_match": Recipe(
        train_transformer,
        5e-3,
        12,
        (*_TOO_LITTLE, "positions are not added, or a mask is missing or the wrong way round"),
        (*_LEAK, "more layers, pairs or epochs"),
        **_JUDGED_BY,
    ),
}
