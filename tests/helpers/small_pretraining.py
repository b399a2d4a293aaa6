"""A pretraining run that takes a second: its words, and the same run in one of several processes."""

import contextlib
import io
import os
import signal
from collections.abc import Callable, Iterator
from unittest import mock

from course_lib.data.text import load_tang
from course_lib.pretraining import pretrain

# Small, and with dropout, so that random states have to survive a kill too.
SMALL = [
    *("--corpus", "tang", "--tokenizer", "characters"),
    *("--layers", "1", "--heads", "2", "--d-model", "8", "--context", "16", "--batch-size", "4"),
    *("--warmup", "3", "--dropout", "0.2", "--evaluate-every", "25", "--checkpoint-every", "10"),
    *("--threads", "1", "--device", "cpu", "--quiet"),
]


@contextlib.contextmanager
def few_quatrains() -> Iterator[None]:
    """A short corpus: a few lines of code, not the text, are what is tested here."""

    def few(split: str) -> list:
        return load_tang(split)[: 200 if split == "train" else 40]

    with mock.patch("course_lib.pretraining.pretrain.load_tang", few):
        yield


def die_at(name: str, call: int) -> contextlib.AbstractContextManager[object]:
    """Make the second process kill itself with signal 9 at a function's n-th call."""
    module, _, attribute = name.rpartition(".")
    original = getattr(__import__(module, fromlist=[attribute]), attribute)
    calls = []

    def dying(*arguments: object, **keywords: object) -> object:
        calls.append(1)
        if len(calls) == call and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **keywords)

    return mock.patch(name, dying)


def run_one(words: list[str], spoilt: Callable[[], contextlib.AbstractContextManager] | None = None):
    """One process's part of a run: its exit status and what it wrote to stderr."""
    errors = io.StringIO()
    with few_quatrains(), (spoilt or contextlib.nullcontext)(), contextlib.redirect_stderr(errors):
        status = pretrain.main([*SMALL, *words])
    return status, errors.getvalue()
