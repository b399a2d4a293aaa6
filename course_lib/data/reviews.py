"""Sentiment data: snippets of film reviews, each scored by 15 to 29 readers for how kind it is.

Origin: sentences of Rotten Tomatoes reviews collected by B. Pang and L. Lee, scored for C. J. Hutto and
E. Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014;
ours come from the source archive of the Python package ``vaderSentiment`` 3.3.2 and were made by
``python -m studies.build_reviews``. Licences: DATA_LICENSES.md.
"""

import lzma
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.files import read_verified

EMBEDDED_FILE = Path(__file__).parent / "files" / "reviews.tsv.xz"
EMBEDDED_SHA256 = "16414678889b2d54ac4f599fe95285dbc3c37d64b4e3a41c5d337bbb91b68df9"
SPLITS = ("train", "validation", "test")
SPLIT_BREAK = "\n\n"


class Reviews(NamedTuple):
    """A snippet in each position.

    ``texts``: n strings without line ends, no two of them alike in letters and digits.
    ``labels``: int64, (n,), 1 where the score is above 0, else 0.
    ``scores``: float32, (n,), mean of the readers' scores, each a whole number from −4 (extremely negative)
    to 4; 0.5 at least in size: between −0.5 and 0.5 readers saw neither praise nor blame.
    """

    texts: list[str]
    labels: Tensor
    scores: Tensor


def load_reviews(split: str = "train") -> Reviews:
    """Load one of the three splits of 10,070 scored film snippets, in the order of the source.

    Which split a snippet is in is decided by its text alone (a hash of it), so no text is in two of them and
    a rebuilt file cannot shuffle them. Choose on ``"validation"`` (about one in ten); ``"test"`` (as many) is
    for the last word; ``"train"`` has the rest.

    Raises:
        ValueError: if ``split`` is none of the three, or the file's SHA-256 is not the expected one (names
            file, expected and found hash).
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    content = lzma.decompress(read_verified(EMBEDDED_FILE, EMBEDDED_SHA256)).decode("utf-8")
    lines = content.split(SPLIT_BREAK)[SPLITS.index(split)].splitlines()
    rows = [line.split("\t", maxsplit=1) for line in lines]
    scores = torch.tensor([float(score) for score, _ in rows])
    return Reviews([text for _, text in rows], (scores > 0).long(), scores)


def some_snippets(split: str, count: int) -> Reviews:
    """Draw ``count`` snippets of a split in random order, always the same ones for a split and a count."""
    every = load_reviews(split)
    places = torch.randperm(len(every.texts), generator=torch.Generator().manual_seed(0))[:count]
    return Reviews([every.texts[i] for i in places], every.labels[places], every.scores[places])
