"""Six ways to teach a model whether a film snippet is kind, from counting words to training every weight."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from course_lib.data.reviews import Reviews
from course_lib.fine_tuning import (
    cut,
    length_batches,
    read_texts,
    train_classifier,
)
from course_lib.models.encoder import CLASSES, TextClassifier, TextEncoder, mean_pool
from course_lib.models.fast_linear import convolve_linears
from course_lib.models.lora import add_lora, count_parameters
from course_lib.pretrained.minilm import PretrainedEncoder
from course_lib.training.memory import optimizer_bytes

Settings = dict[str, Any]
WEIGHT_DECAY = 0.01
_TRAINED = {"epochs": 2, "batch_size": 32, "head_learning_rate": 1e-3}
_ADAPTED = {**_TRAINED, "targets": ["query_proj", "value_proj"], "rank": 8, "alpha": 16}
# What is tried on the validation split, a method.
CANDIDATES: dict[str, list[Settings]] = {
    "probe": [{"epochs": 20, "batch_size": 32, "head_learning_rate": rate} for rate in (1e-3, 1e-2, 1e-1)],
    "tfidf": [{"words": words, "C": c} for words in (1, 2) for c in (0.3, 1.0, 3.0, 10.0)],
    "lora": [{**_ADAPTED, "learning_rate": rate} for rate in (1e-3, 3e-3)],
    "full": [{**_TRAINED, "learning_rate": rate} for rate in (5e-5, 1.5e-4, 5e-4)],
    "random": [{**_TRAINED, "learning_rate": rate} for rate in (1.5e-4, 5e-4)],
    "peft": [],
}
METHODS = tuple(CANDIDATES)  # in the order in which they are measured
SETTINGS_OF = {"peft": "lora"}  # the same mathematics, so the same settings


class Task(NamedTuple):
    """Where texts and weights come from.

    ``load(split)`` gives the snippets of "train", "validation" or "test"; ``load_encoder()`` a pretrained
    encoder, made anew; ``max_length`` is the most tokens of a text, the rest is cut.
    """

    load: Callable[[str], Reviews]
    load_encoder: Callable[[], PretrainedEncoder]
    max_length: int


class Fitted(NamedTuple):
    """A trained classifier.

    ``predict(texts)`` gives classes, int64, (n,). ``trainable_parameters``: numbers trained.
    ``optimizer_bytes``: what the optimiser keeps between updates, ``None`` where it is not one of torch's.
    ``seconds``: processor time of training alone, which other work on the machine does not lengthen much.
    """

    predict: Callable[[list[str]], Tensor]
    trainable_parameters: int
    optimizer_bytes: int | None
    seconds: float


def fit(method: str, settings: Settings, train: Reviews, task: Task, *, seed: int) -> Fitted:
    """Train a classifier by one of the methods.

    Args:
        method: ``"tfidf"``, logistic regression on weighted word counts; ``"probe"``, a linear map on the
            frozen encoder's mean-pooled vectors; ``"full"``, encoder and head trained; ``"lora"``, adapters
            and head, by ``models.lora``; ``"peft"``, the same by the package of this name; ``"random"``, as
            ``"full"``, the encoder untrained at the start.
        settings: one of ``CANDIDATES``.
        train: the snippets to learn from.
        task: for the encoder.
        seed: draws head, adapters or weights, and the order of batches.

    Returns:
        The classifier and what it took.

    Raises:
        ValueError: if there is no such method.
        ModuleNotFoundError: if a package the method needs is missing.
        FloatingPointError: if the loss diverges.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if method == "tfidf":
            return _count_words(settings, train)
        if method == "probe":
            return _probe(settings, train, task, seed)
        return _train_encoder(method, settings, train, task, seed)


def _count_words(settings: Settings, train: Reviews) -> Fitted:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    counts = TfidfVectorizer(ngram_range=(1, settings["words"]), sublinear_tf=True)
    regression = LogisticRegression(C=settings["C"], max_iter=1000)
    pipeline = make_pipeline(counts, regression)
    started = time.process_time()
    pipeline.fit(train.texts, train.labels.numpy())
    seconds = time.process_time() - started
    numbers = regression.coef_.size + regression.intercept_.size
    return Fitted(lambda texts: torch.from_numpy(pipeline.predict(texts)), numbers, None, seconds)


def _probe(settings: Settings, train: Reviews, task: Task, seed: int) -> Fitted:
    loaded = task.load_encoder()
    convolve_linears(loaded.model)

    def features(texts: list[str]) -> Tensor:
        texts_read = loaded.tokenizer.encode(texts, max_length=task.max_length)
        return read_texts(lambda ids, lengths: mean_pool(loaded.model(ids, lengths), lengths), *texts_read)

    head = nn.Linear(loaded.model.d_model, CLASSES)
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=settings["head_learning_rate"], weight_decay=WEIGHT_DECAY
    )
    started = time.process_time()
    vectors = features(train.texts)  # once: nothing below the head changes
    same = torch.ones(len(vectors), dtype=torch.int64)
    batches = _batches(same, settings, seed)
    train_classifier(lambda places: head(vectors[places]), train.labels, batches, optimizer)
    return Fitted(
        lambda texts: head(features(texts)).argmax(-1),
        count_parameters(head).trainable,
        optimizer_bytes(optimizer),
        time.process_time() - started,
    )


def _train_encoder(method: str, settings: Settings, train: Reviews, task: Task, seed: int) -> Fitted:
    encoder, tokenizer, architecture = task.load_encoder()
    d_model = encoder.d_model
    if method == "random":
        encoder = TextEncoder(**architecture)
    elif method == "lora":
        add_lora(encoder, settings["targets"], settings["rank"], settings["alpha"])
    elif method == "peft":
        encoder = _peft(encoder, settings)
    model = TextClassifier(encoder, d_model)
    convolve_linears(model.encoder)  # after the adapters, which ask for plain nn.Linear
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.encoder.parameters() if p.requires_grad]},
            {"params": list(model.head.parameters()), "lr": settings["head_learning_rate"]},
        ],
        lr=settings["learning_rate"],
        weight_decay=WEIGHT_DECAY,
        fused=True,
    )
    started = time.process_time()
    ids, lengths = tokenizer.encode(train.texts, max_length=task.max_length)
    batches = _batches(lengths, settings, seed)
    model.train()
    train_classifier(lambda places: model(*cut(ids, lengths, places)), train.labels, batches, optimizer)
    seconds = time.process_time() - started
    model.eval()

    def predict(texts: list[str]) -> Tensor:
        return read_texts(model, *tokenizer.encode(texts, max_length=task.max_length)).argmax(-1)

    return Fitted(predict, count_parameters(model).trainable, optimizer_bytes(optimizer), seconds)


def _peft(encoder: nn.Module, settings: Settings) -> nn.Module:
    import peft

    config = peft.LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        target_modules=settings["targets"],
        lora_dropout=0.0,
    )
    return peft.get_peft_model(encoder, config)


def _batches(lengths: Tensor, settings: Settings, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return length_batches(lengths, settings["batch_size"], generator, epochs=settings["epochs"])
