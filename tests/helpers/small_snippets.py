"""A task small enough for tests: texts that one word decides, a tokenizer of words, a small encoder."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from course_lib.data.reviews import SPLITS, Reviews
from course_lib.models.encoder import TextEncoder
from course_lib.pretrained.minilm import PretrainedEncoder
from studies import fine_tuning, fine_tuning_methods
from studies.fine_tuning_methods import CANDIDATES, Task

ARCHITECTURE = {
    "vocab_size": 40,
    "max_length": 12,
    "d_model": 16,
    "heads": 2,
    "layers": 1,
    "feed_forward": 20,
}
KIND, UNKIND, FILLER = (
    ("fine", "warm", "sly"),
    ("dull", "cold", "thin"),
    ["a", "film", "of", "some", "men", "and", "a", "dog"],
)
VOCABULARY = [*KIND, *UNKIND, *dict.fromkeys(FILLER)]
ADAPTED = CANDIDATES["lora"][0]["targets"]


class Words:
    """A tokenizer of whole words, for texts made here."""

    def encode(self, texts: list[str], *, max_length: int) -> tuple[Tensor, Tensor]:
        rows = [[VOCABULARY.index(word) for word in text.split()][:max_length] for text in texts]
        lengths = torch.tensor([len(row) for row in rows])
        return torch.tensor([[*row, *[0] * (int(lengths.max()) - len(row))] for row in rows]), lengths


def snippets(split: str) -> Reviews:
    """Texts that one word decides, other ones in each split."""
    generator = torch.Generator().manual_seed(SPLITS.index(split))
    texts, labels = [], []
    for i in range({"train": 128, "validation": 24, "test": 36}[split]):
        order = torch.randperm(len(FILLER), generator=generator)[: 2 + i % 5].tolist()
        kind = KIND if i % 2 else UNKIND
        texts.append(" ".join([kind[i % 3], *(FILLER[j] for j in order)]))
        labels.append(i % 2)
    return Reviews(texts, torch.tensor(labels), torch.tensor(labels) * 2.0 - 1)


def small_encoder() -> PretrainedEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return PretrainedEncoder(TextEncoder(**ARCHITECTURE).eval(), Words(), dict(ARCHITECTURE))


class Watched:
    """A task that keeps a record of what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.task = Task(self.load, self.load_encoder, max_length=8)

    def load(self, split: str) -> Reviews:
        self.asked.append(split)
        return snippets(split)

    def load_encoder(self) -> PretrainedEncoder:
        self.asked.append("encoder")
        return small_encoder()


def settings_of(method: str) -> dict[str, object]:
    return CANDIDATES[fine_tuning_methods.SETTINGS_OF.get(method, method)][0]


def run(output: Path, watched: Watched, *words: str) -> int:
    arguments = ["--training-examples", "48", "--choice-examples", "32", "--output", str(output), *words]
    return fine_tuning.main(arguments, watched.task)
