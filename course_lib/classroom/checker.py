"""Checks answers without knowing the right ones: what it has to say is locked, and the answer is the key.

An answer's outcomes are rounded and hashed. The hash of the right outcomes unlocks "right", that of a known
misunderstanding unlocks its hint; any other opens nothing. Marks are given elsewhere, on other inputs.
"""

from __future__ import annotations

import copy
import hashlib
import math
from typing import Any

import torch
from torch import Tensor

from course_lib.classroom.wire import decode_argument

ROUNDS = 20_000  # of PBKDF2: some milliseconds a try, so that guessing costs more than answering


class NotYet(AssertionError):
    """The answer was run and is not right; the message says what it looks like."""


class Checker:
    """Checks the answers of one assignment.

    Args:
        data: by exercise: its title, kind, inputs, the forms of the right outcomes, and the locks.
    """

    def __init__(self, data: dict[str, dict[str, Any]]) -> None:
        self._data = data

    def check(self, exercise: str, answer: Any) -> None:
        """Say whether an answer is right, as far as these inputs show.

        Args:
            exercise: "topic/name".
            answer: your function itself, or your prediction; `...` counts as unanswered.

        Raises:
            ValueError: if the assignment has no such exercise.
            TypeError: if a function is asked for and `answer` is none.
            NotYet: if the answer is wrong; the message holds the hint, if there is one.
        """
        if exercise not in self._data:
            raise ValueError(f"exercise must be one of {', '.join(self._data)}, got {exercise!r}")
        known = self._data[exercise]
        if known["kind"] == "implement" and answer is not ... and not callable(answer):
            raise TypeError(f"answer must be your function itself, got {type(answer).__name__}")
        outcomes = [answer] if known["kind"] == "predict" else _run(answer, known["inputs"])
        if any(outcome is None or outcome is ... for outcome in outcomes):
            print(f"{known['title']}: not answered yet. Replace the `...` and run again.")
            return
        message = unlock(known["locks"], outcomes)
        if message is None:
            raise NotYet(f"{known['title']}: not yet. {_difference(outcomes, known['forms'])}")
        if message[0] != "+":
            raise NotYet(message[1:])
        print(message[1:])


def unlock(locks: list[dict[str, Any]], outcomes: list[Any]) -> str | None:
    """What outcomes unlock: "+" and a message if they are right, "-" and a hint; None if nothing opens."""
    texts, places = read_off(outcomes)
    for lock in locks:
        key = derive(texts, places, lock)
        if hashlib.sha256(key + b"open").hexdigest()[:32] == lock["tag"]:
            return scramble(bytes.fromhex(lock["text"]), key).decode()
    return None


def derive(texts: str, places: list[float], lock: dict[str, Any]) -> bytes:
    """The key that outcomes make for a lock, 32 bytes; any within the same steps make the same."""
    steps = [math.floor(place / lock["step"] + lock["offset"]) for place in places]
    return hashlib.pbkdf2_hmac("sha256", f"{texts}{steps}".encode(), bytes.fromhex(lock["salt"]), ROUNDS)


def scramble(text: bytes, key: bytes) -> bytes:
    """The text under a key's stream of bytes; twice gives the text again."""
    blocks = range(len(text) // 32 + 1)
    stream = b"".join(hashlib.sha256(key + block.to_bytes(4, "big")).digest() for block in blocks)
    return bytes(a ^ b for a, b in zip(text, stream, strict=False))


def read_off(value: Any) -> tuple[str, list[float]]:
    """A value's kind and shape as text, and its numbers x as sign(x) · log(1 + |x|).

    There an absolute and relative tolerance are one and the same: both differ by at most that much.
    """
    if isinstance(value, Tensor) and (value.ndim > 0 or value.dtype == torch.bool):
        return _read_tensor(value.detach().cpu())
    if isinstance(value, Exception):
        return f"!{type(value).__name__}", []
    if isinstance(value, list | tuple):
        inner = [read_off(entry) for entry in value]
        return f"[{','.join(text for text, _ in inner)}]", [place for _, places in inner for place in places]
    if isinstance(value, dict):
        return read_off([[key, value[key]] for key in sorted(value, key=str)])
    if value is None or isinstance(value, bool | str):
        return repr(value), []
    try:
        return _read_numbers("x", [float(value)])
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return "?", []


def form(value: Any) -> str:
    """What kind of thing an outcome is, without its numbers."""
    if isinstance(value, Tensor) and value.ndim > 0:
        kind = "real" if value.is_floating_point() else "boolean" if value.dtype == torch.bool else "whole"
        return f"a tensor of {kind} numbers, {tuple(value.shape)}" if kind != "boolean" else (
            f"a boolean tensor, {tuple(value.shape)}"
        )  # fmt: skip
    if isinstance(value, Exception):
        return f"an error, {type(value).__name__}: {value}"
    if isinstance(value, list | tuple):
        return f"({'; '.join(form(entry) for entry in value)})"
    return (
        "a number" if isinstance(value, Tensor | int | float) and not isinstance(value, bool) else "a value"
    )


def _read_tensor(value: Tensor) -> tuple[str, list[float]]:
    shape = tuple(value.shape)
    if value.is_floating_point():
        return _read_numbers(f"real{shape}", value.double().flatten().tolist())
    kind = "boolean" if value.dtype == torch.bool else "whole"
    return f"{kind}{shape}{value.flatten().tolist()}", []


def _read_numbers(text: str, numbers: list[float]) -> tuple[str, list[float]]:
    unusual = [f"{i}:{x}" for i, x in enumerate(numbers) if not math.isfinite(x)]
    places = [math.copysign(math.log1p(abs(x)), x) for x in numbers if math.isfinite(x)]
    return text + ";".join(unusual), places


def _run(answer: Any, inputs: list[list[Any]]) -> list[Any]:
    """What an answer gives on each of the inputs; `...` where it is not written yet."""
    if answer is ...:
        return [...]
    outcomes = []
    for encoded in inputs:
        case = [decode_argument(data) for data in encoded]
        before = read_off([copy.deepcopy(value) for value in case if not callable(value)])
        try:
            outcome = answer(*case)
        except NotImplementedError:
            outcome = ...
        except Exception as error:  # whatever your function raises is an outcome to be described
            outcome = error
        if read_off([value for value in case if not callable(value)]) != before:
            outcome = ValueError("your function changed its input in place; the caller still needs it")
        outcomes.append(outcome)
    return outcomes


def _difference(outcomes: list[Any], forms: list[str]) -> str:
    for outcome, wanted in zip(outcomes, forms, strict=True):
        if form(outcome) != wanted:
            return f"It gives {form(outcome)}, where {wanted} is wanted."
    return "What it gives has the right form; the values are others."
