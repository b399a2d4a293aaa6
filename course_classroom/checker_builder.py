"""Building the one-file checker: the judge's source, and packed answers, predictions' encrypted (locked)."""

from __future__ import annotations

import base64
import hashlib
import importlib
import inspect
import itertools
import json
import math
import re
import zlib
from typing import Any

import torch
from torch import Tensor

from course_classroom import checker, serialization
from course_classroom.assignment import Assignment
from course_exercises.exercise import Exercise
from course_exercises.forms import number, roundings
from course_exercises.judging import Posed

FINEST = 6  # places after the point, if the question does not say how many
POINTS = 1000  # tried between the ends of what counts as one number, to meet each rounding of it
MOST_DOORS = 100  # else fewer numbers of an answer make its key
MOST_CELLS = 8  # whole numbers that one may be taken for; of larger ones the key is rounded as of others
_OURS = re.compile(r"^from course_(\w+)\.(\w+) import", re.MULTILINE)
_LOADER = '''"""{about}
"""

import base64
import json
import sys
import types
import zlib

_PACKED = (
{packed}
)

_PARTS = json.loads(zlib.decompress(base64.b85decode(_PACKED)))
for _name, _source in _PARTS["modules"].items():
    sys.modules[_name] = _module = types.ModuleType(_name)
    exec(compile(_source, f"<{{_name}}>", "exec"), _module.__dict__)
check = sys.modules["checker.checker"].Checker(_PARTS["exercises"]).check
'''


def locked(exercise: Exercise, label: str, seed: int) -> dict[str, Any]:
    """An exercise's data for the checker: a prediction's answers locked (encrypted), the rest packed.

    Args:
        exercise: to be checked.
        label: makes its salt its own.
        seed: of the inputs.

    Returns:
        Plain data for `Checker`. Of a function: the inputs, and what the reference and each misconception
        give on them. Of a prediction: the form of what is wanted, and doors that only answers open. In the
        order of their tags, doors do not show which is the right answer's.

    Raises:
        ValueError: if the inputs of `seed` cannot tell its answers apart.
    """
    posed = exercise.on(seed)
    plain = {
        "name": posed.name,
        "title": posed.title,
        "tolerance": posed.tolerance,
        "predicted": posed.asked.predicted,
    }
    if posed.asked.predicted:
        return plain | _doors(posed, hashlib.sha256(f"{label}/{seed}".encode()).hexdigest()[:16])
    return plain | {
        "arguments": posed.asked.names,
        "without": list(posed.without),
        "cases": [[serialization.encode_argument(value) for value in case] for case in posed.asked.cases],
        "next_step": posed.said[None],
        "wanted": [serialization.encode(value) for value in posed.wanted],
        "mistaken": [
            [name, posed.said[name], [_encoded_or_not(value) for value in given]]
            for name, given in posed.mistaken().items()
        ],
    }


def one_file(assignment: Assignment) -> str:
    """The source of a checker for an assignment: one file that needs torch and nothing of ours."""
    data = {item.exercise: locked(item.load(), item.exercise, assignment.seed) for item in assignment.items}
    parts = {"modules": carried(checker.__name__), "exercises": data}
    packed = base64.b85encode(zlib.compress(json.dumps(parts).encode(), 9)).decode()
    written = "\n".join(f'    "{packed[at : at + 100]}"' for at in range(0, len(packed), 100))
    return _LOADER.format(about=inspect.getdoc(checker), packed=written)


def carried(name: str) -> dict[str, str]:
    """The source of a module and before it of all modules of ours that it imports, as parts of `checker`."""
    source, found = inspect.getsource(importlib.import_module(name)), {}
    for house, module in _OURS.findall(source):
        found |= carried(f"course_{house}.{module}")
    return found | {f"checker.{name.rpartition('.')[2]}": _OURS.sub(r"from checker.\2 import", source)}


def _doors(posed: Posed, salt: str) -> dict[str, Any]:
    """Of a prediction: behind each door, all known answers that the judge may take one with its key for."""
    (wanted,) = posed.wanted
    known = {None: wanted} | {
        name: given for name, (given,) in posed.mistaken().items() if not isinstance(given, Exception)
    }
    public = {
        "salt": salt,
        "decimals": posed.asked.decimals,
        "places": _places(list(known.values()), posed),
        "form": serialization.encode(_hollow(wanted)),
        "whole": _exact(list(known.values()), posed),
    }
    cells = {name: _cells(value, posed, public) for name, value in known.items()}

    def count(numbers: int) -> int:
        return sum(math.prod(map(len, each[:numbers])) for each in cells.values())

    public["numbers"] = next((n for n in (3, 2) if count(n) <= MOST_DOORS), 1)
    behind: dict[str, list[Any]] = {}
    for name, value in known.items():
        for chosen in itertools.product(*cells[name][: public["numbers"]]):
            text = checker.joined(checker.leaves(value), chosen)
            behind.setdefault(text, []).append([name, posed.said[name], serialization.encode(value)])
    doors = {}
    for text, entries in behind.items():
        key = checker.derive(text, salt)
        doors[checker.tag(key)] = checker.scramble(json.dumps(entries).encode(), key).hex()
    return public | {"doors": dict(sorted(doors.items()))}


def _cells(value: Any, posed: Posed, public: dict[str, Any]) -> list[list[str]]:
    """For each number of a value, what the numbers that the judge may take for it are rounded to."""
    found = checker.leaves(value)
    cells = []
    for place in checker.places_of_numbers(found):
        low, high = _reach(found[place], posed, nested=_nested(value))
        points = (low + (high - low) * step / POINTS for step in range(POINTS + 1))
        cells.append(list(dict.fromkeys(checker.cell(x, place, public) for x in (*points, high))))
    return cells


def _reach(value: float, posed: Posed, *, nested: bool = False) -> tuple[float, float]:
    """Between which numbers the judge may take one for a value; see `forms.agrees`."""
    if not math.isfinite(value):
        return value, value
    decimals, whole = posed.asked.decimals, value == round(value)
    if decimals is not None and not whole:
        slack = 0.5 * 10.0**-decimals * (1 + 1e-5)
        return value - slack, value + slack
    slack = max(posed.tolerance, 1e-9 if whole else 1e-6) * (abs(value) + nested) * (1 + 1e-5) + 1e-9
    others = roundings(value)
    return min(value - slack, *others, value), max(value + slack, *others, value)


def _nested(value: Any) -> bool:
    """Whether the tolerance is absolute too for the numbers that a value holds."""
    return number(value) is None and isinstance(value, Tensor | dict)


def _places(known: list[Any], posed: Posed) -> int:
    """How many places after the point count at most."""
    if any(map(_nested, known)):
        return min(FINEST, math.floor(-math.log10(max(posed.tolerance, 1e-9))))
    return posed.asked.decimals or FINEST


def _exact(known: list[Any], posed: Posed) -> list[bool]:
    """By place, whether the right answer holds a whole number there, and few others are taken for any."""
    found = [checker.leaves(value) for value in known]

    def few(place: int) -> bool:
        numbers = [each[place] for each in found if len(each) > place and not isinstance(each[place], str)]
        reaches = [_reach(value, posed) for value in numbers if math.isfinite(value)]
        return all(high - low < MOST_CELLS for low, high in reaches)

    return [type(leaf) is int and few(place) for place, leaf in enumerate(found[0])]


def _hollow(value: Any) -> Any:
    """A value of the same form, whose numbers are all 0."""
    if isinstance(value, list | tuple):
        return type(value)([_hollow(entry) for entry in value])
    if isinstance(value, dict):
        return {key: _hollow(entry) for key, entry in value.items()}
    return torch.zeros_like(value) if isinstance(value, Tensor) else type(value)()


def _encoded_or_not(value: Any) -> Any:
    """What a misconception gave, as far as it could also come from a student."""
    if isinstance(value, Exception):
        return serialization.encode_exception(value)
    try:
        return serialization.encode(value)
    except serialization.NotMarkable as error:
        return {"unmarkable": str(error)}
