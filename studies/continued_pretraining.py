"""Going on with a language model on new text, and watching what becomes of the old."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data.batches import RandomWindows
from course_lib.data.reviews import load_reviews
from course_lib.models.fast_linear import convolve_linears
from course_lib.models.gpt import GPT
from course_lib.models.lora import add_lora
from course_lib.pretraining.pretrain import PARAGRAPH_BREAK, corpus_text
from course_lib.pretraining.training import update
from course_lib.text.evaluation import model_loss
from course_lib.text.tokenizers import Tokenizer
from course_lib.training.steps import WARMUP_SHARE, adamw, finite, scheduled

BATCH_SIZE = 8
HELD_OUT_TOKENS = 8192  # of either kind
TARGETS = ("qkv_proj", "output_proj", "expand", "contract")
ALPHA = 16


class Plan(NamedTuple):
    """A way of going on: its learning rate, the adapters' rank if any, old text's windows per batch."""

    name: str
    learning_rate: float
    rank: int | None = None
    rehearsed: int = 0


class Texts(NamedTuple):
    """Token ids, int64, (n,) each: of what is learnt now, of what was learnt before, and held out of both."""

    new: Tensor
    old: Tensor
    new_held_out: Tensor
    old_held_out: Tensor


def load_texts(tokenizer: Tokenizer) -> Texts:
    """Encode the snippets and Moby-Dick, of their validation splits the first 8,192 tokens.

    Args:
        tokenizer: the model's own.

    Returns:
        The four texts.
    """

    def ids(text: str) -> Tensor:
        return torch.tensor(tokenizer.encode(text), dtype=torch.int64)

    snippets = {split: PARAGRAPH_BREAK.join(load_reviews(split).texts) for split in ("train", "validation")}
    return Texts(
        ids(snippets["train"]),
        ids(corpus_text("moby", "train")),
        ids(snippets["validation"])[:HELD_OUT_TOKENS],
        ids(corpus_text("moby", "validation"))[:HELD_OUT_TOKENS],
    )


def go_on(
    model: GPT, plan: Plan, texts: Texts, *, steps: int, evaluate_every: int, seed: int
) -> list[dict[str, float]]:
    """Train a model on the new text and measure its losses on both as it goes.

    Args:
        model: pretrained on the old text; changed in place, through adapters if the plan says so.
        plan: how.
        texts: the old and the new.
        steps: updates, at least 1.
        evaluate_every: updates between two measurements; there is one before the first and after the last.
        seed: draws windows, dropout and adapters.

    Returns:
        Rows of ``step``, ``moby_loss`` (old) and ``reviews_loss`` (new), nats per token.

    Raises:
        ValueError: if ``steps`` or ``evaluate_every`` is below 1.
        FloatingPointError: if a loss is NaN or infinite; names the update.
    """
    for name, value in {"steps": steps, "evaluate_every": evaluate_every}.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _go_on(model, plan, texts, steps, evaluate_every, seed)


def _go_on(
    model: GPT, plan: Plan, texts: Texts, steps: int, evaluate_every: int, seed: int
) -> list[dict[str, float]]:
    generator = torch.Generator().manual_seed(seed)
    if plan.rank is not None:
        add_lora(model, TARGETS, plan.rank, ALPHA, generator=generator)
    convolve_linears(model)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = adamw(trained, learning_rate=plan.learning_rate, weight_decay=0.0)
    sources = [
        RandomWindows(ids, context=model.context, batch_size=count, generator=generator)
        for ids, count in ((texts.new, BATCH_SIZE - plan.rehearsed), (texts.old, plan.rehearsed))
        if count
    ]
    history = [_losses(model, texts, 0)]
    model.train()
    for step in scheduled(optimizer, steps=steps, warmup=int(WARMUP_SHARE * steps)):
        drawn = [source.draw() for source in sources]
        inputs, targets = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        finite(update(model, optimizer, inputs, targets), step)
        if (step + 1) % evaluate_every == 0 or step + 1 == steps:
            history.append(_losses(model, texts, step + 1))
    return history


def _losses(model: GPT, texts: Texts, step: int) -> dict[str, float]:
    return {
        "step": step,
        "moby_loss": model_loss(model, texts.old_held_out, context=model.context),
        "reviews_loss": model_loss(model, texts.new_held_out, context=model.context),
    }
