"""The stand-alone checker: checks answers, kept locked or packed, by the same judge that marks them.

What is right of a function on the inputs here gives nothing away, since marks are given on others. Of a
prediction it is what is asked. So it lies behind doors, to which an answer, coarsely rounded, is the key; the
judge then compares what opened with the answer itself.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from course_classroom.serialization import decode, decode_argument
from course_exercises.judging import Posed
from course_exercises.showing import Asked

ROUNDS = 50_000  # of PBKDF2: some hundredths of a second per try, so that guessing costs more than answering


class Checker:
    """Checks the answers of one assignment.

    Args:
        data: by exercise, what `checker_builder.locked` made of it.
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
            WrongAnswer: if the answer is wrong; the message holds the hint, if there is one.
        """
        self.posed(exercise, answer).check(answer)

    def posed(self, exercise: str, answer: Any) -> Posed:
        """The question, with all that the judge has to know of it to judge this answer."""
        if exercise not in self._data:
            raise ValueError(f"exercise must be one of {', '.join(self._data)}, got {exercise!r}")
        known = self._data[exercise]
        if known["predicted"]:
            return _opened(known, answer)
        cases = [tuple(decode_argument(value) for value in case) for case in known["cases"]]
        said = {None: known["next_step"]} | {name: hint for name, hint, _ in known["mistaken"]}
        wrong = {name: [decode(value) for value in given] for name, _, given in known["mistaken"]}
        wanted = [decode(value) for value in known["wanted"]]
        about = f"{known['name']} {known['title']}"
        asked = Asked(cases, known["arguments"], about=about, in_full=True)
        return Posed(
            known["name"],
            known["title"],
            said,
            wanted,
            lambda: wrong,
            known["tolerance"],
            asked,
            known["without"],
        )


def _opened(known: dict[str, Any], answer: Any) -> Posed:
    """The question, decrypted as far as an answer is the key to it."""
    key = derive(key_text(leaves(answer), known), known["salt"])
    locked = bytes.fromhex(known["doors"].get(tag(key), ""))
    entries = json.loads(scramble(locked, key)) if locked else []
    said = {name: text for name, text, _ in entries}
    values = {name: [decode(value)] for name, _, value in entries}
    wanted = values.pop(None, None)
    asked = Asked([()], predicted=True, decimals=known["decimals"], closed=wanted is None)
    form = wanted or [decode(known["form"])]
    return Posed(known["name"], known["title"], said, form, lambda: values, known["tolerance"], asked)


def leaves(value: Any) -> list[float | str]:
    """What an answer holds, whatever contains it: numbers, also those written as text, and other text."""
    try:
        if isinstance(value, Tensor) or (type(value).__module__ == "numpy" and hasattr(value, "tolist")):
            value = value.tolist()
        if isinstance(value, dict):
            value = [value[key] for key in sorted(value, key=str)]
        if isinstance(value, list | tuple):
            return [leaf for entry in value for leaf in leaves(entry)]
        if isinstance(value, str):
            return [_number_in(value)]
        if isinstance(value, int | float) and not isinstance(value, bool):
            float(value)  # which a number of hundreds of digits refuses
            return [value]
        return [f"{type(value).__name__} {value}"]
    except Exception:  # an answer may be anything, and what cannot be read opens nothing
        return ["?"]


def key_text(found: list[float | str], known: dict[str, Any]) -> str:
    """The leaves as the text of a key: the first numbers rounded, all text, and how many there are."""
    places = places_of_numbers(found)[: known["numbers"]]
    return joined(found, [cell(found[place], place, known) for place in places])


def places_of_numbers(found: list[float | str]) -> list[int]:
    """The places of the leaves that are numbers."""
    return [place for place, leaf in enumerate(found) if not isinstance(leaf, str)]


def joined(found: list[float | str], cells: Sequence[str]) -> str:
    """The text of a key whose numbers are rounded already."""
    return json.dumps([len(found), cells, [leaf for leaf in found if isinstance(leaf, str)]])


def cell(number: float, place: int, known: dict[str, Any]) -> str:
    """A number rounded: to a whole one where such is wanted, else to two significant digits or `places`."""
    if not math.isfinite(number):
        return str(number)
    if known["whole"][place : place + 1] == [True]:
        return str(round(number))
    step = 10.0 ** -known["places"]
    if abs(number) < 10 * step:
        return f"{round(number / step)} steps"
    return f"{number:.1e}"


def derive(text: str, salt: str) -> bytes:
    """The encryption key, 32 bytes: PBKDF2 of an answer's text."""
    return hashlib.pbkdf2_hmac("sha256", text.encode(), bytes.fromhex(salt), ROUNDS)


def tag(key: bytes) -> str:
    """A hash of a key, by which the entry it decrypts is found."""
    return hashlib.sha256(key + b"open").hexdigest()[:32]


def scramble(text: bytes, key: bytes) -> bytes:
    """Encrypt a text: XOR with a key's stream of bytes; twice gives the text again."""
    blocks = range(len(text) // 32 + 1)
    stream = b"".join(hashlib.sha256(key + block.to_bytes(4, "big")).digest() for block in blocks)
    return bytes(a ^ b for a, b in zip(text, stream, strict=False))


def _number_in(text: str) -> float | str:
    try:
        return float(text.replace(",", "").strip("% "))
    except ValueError:
        return text
