"""What the book claims about the GPT: training no slower than nanoGPT, and a cache that pays."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.nano_gpt import NanoGPT, NanoStep
from benchmarks.pairs import Comparison, compare, repeated
from course_lib.data.batches import RandomWindows
from course_lib.data.text import load_moby_dick
from course_lib.models.fast_linear import convolve_linears
from course_lib.models.gpt import GPT
from course_lib.pretraining.training import update
from course_lib.text.generation import generate
from course_lib.text.tokenizers import CharacterTokenizer
from course_lib.training.steps import adamw

LAYERS, WIDTH, HEADS, CONTEXT, BATCH_SIZE = 4, 128, 4, 64, 12
LEARNING_RATE = 3e-3
LONG_CONTEXT = 512


def training_text() -> tuple[Tensor, int]:
    """The text both train on, as ids a character, and the vocabulary's size."""
    text = load_moby_dick()
    tokenizer = CharacterTokenizer.from_text(text)
    return torch.tensor(tokenizer.encode(text)), tokenizer.vocab_size


def library_step(ids: Tensor, vocab_size: int) -> Callable[[], Tensor]:
    """The library's training step at the benchmark's shapes: each call makes one update.

    Args:
        ids: int64, (n,), the training tokens.
        vocab_size: tokens.

    Returns:
        A function that gives the loss before the update.
    """
    model = GPT(vocab_size, context=CONTEXT, d_model=WIDTH, heads=HEADS, layers=LAYERS).train()
    convolve_linears(model)
    optimizer = adamw(model.parameters(), learning_rate=LEARNING_RATE, weight_decay=0.1)
    windows = RandomWindows(
        ids, context=CONTEXT, batch_size=BATCH_SIZE, generator=torch.Generator().manual_seed(0)
    )
    return lambda: update(model, optimizer, *windows.draw(), clip_norm=1.0)


def nano_step(ids: Tensor, vocab_size: int, *, bias: bool) -> Callable[[], Tensor]:
    """nanoGPT's training step at the same shapes.

    Args:
        ids: int64, (n,), the training tokens.
        vocab_size: tokens.
        bias: with biases it has the library's parameters, without (nanoGPT's default) fewer operations.

    Returns:
        A function that gives the loss before the update.
    """
    model = NanoGPT(vocab_size, context=CONTEXT, width=WIDTH, heads=HEADS, layers=LAYERS, bias=bias).train()
    return NanoStep(model, ids, context=CONTEXT, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE)


def training_against_nano(*, pairs: int = 5, updates: int = 10) -> list[Comparison]:
    """Time whole training steps, batch included, against nanoGPT's with biases and without.

    Args:
        pairs: timed pairs.
        updates: updates a timed call.

    Returns:
        Two comparisons; a call makes updates · 12 · 64 tokens' worth of training.
    """
    ids, vocab_size = training_text()

    tokens = updates * BATCH_SIZE * CONTEXT
    return [
        compare(
            f"GPT training, {tokens:,} tokens",
            (f"nanoGPT, bias={bias}", repeated(nano_step(ids, vocab_size, bias=bias), updates)),
            ("models.gpt", repeated(library_step(ids, vocab_size), updates)),
            pairs=pairs,
        )
        for bias in (True, False)
    ]


def cache_against_none(*, pairs: int = 5, lengths: tuple[int, ...] = (63, 511)) -> list[Comparison]:
    """Time greedy writing of one text, from a prompt of one token, without and with the cache.

    Args:
        pairs: timed pairs.
        lengths: new tokens of each comparison, below 512.

    Returns:
        A comparison a length.
    """
    torch.manual_seed(0)
    model = GPT(1024, context=LONG_CONTEXT, d_model=WIDTH, heads=HEADS, layers=LAYERS).eval()
    prompt = torch.zeros(1, 1, dtype=torch.int64)

    def write(length: int, *, use_cache: bool) -> Callable[[], Tensor]:
        return lambda: generate(model, prompt, length, context=LONG_CONTEXT, use_cache=use_cache)

    return [
        compare(
            f"GPT writing {length} tokens",
            ("whole window each time", write(length, use_cache=False)),
            ("key-value cache", write(length, use_cache=True)),
            pairs=pairs,
            best_of=1 if length > 200 else 3,
        )
        for length in lengths
    ]
