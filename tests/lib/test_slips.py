"""What a wrong answer is told is true of it, and mostly says more than that it is wrong.

`slips_as_written.py` holds answers as learners write them; to these come slips that are the same for every
exercise. Run as a program, this file prints how each of them is answered.
"""

from __future__ import annotations

import collections
import copy
import functools
import math

import pytest
import torch
from every_exercise import EXERCISES as ALL
from slips_as_written import WRITTEN

from course_lib.exercises.exercise import Exercise

BOOK, OTHER = 2024, (7, 99)
SLOW = {"optimisers.disc_or_ring"}  # trains a model for every case
PARTIAL = {"shape", "length", "some cases", "some entries", "one line", "factor by case", "text", "nan"}
LEAST_SPECIFIC = 0.8


def each(function, value):
    """The function of a value, or of every part of it."""
    if isinstance(value, list | tuple):
        return type(value)(each(function, part) for part in value)
    return function(value)


def numbers_only(value) -> bool:
    if isinstance(value, list | tuple):
        return all(map(numbers_only, value))
    return (isinstance(value, torch.Tensor) and value.dtype != torch.bool) or (
        isinstance(value, int | float) and not isinstance(value, bool)
    )


def systematic(exercise: Exercise) -> dict[str, object]:
    """Slips that one can make in any exercise: the sign, a factor, the form, an axis, half of a pair."""
    wanted = exercise.reference(*copy.deepcopy(exercise.cases(BOOK)[0]))
    found = {}
    if numbers_only(wanted):
        found["the sign"] = lambda value: each(lambda x: -x, value)
        found["twice"] = lambda value: each(lambda x: 2 * x, value)
        found["half"] = lambda value: each(lambda x: x / 2, value)
        found["per cent"] = lambda value: each(lambda x: 100 * x, value)
        found["thousand"] = lambda value: each(lambda x: 1000 * x, value)
    if isinstance(wanted, torch.Tensor):
        found["no return"] = lambda _: None
        found["one dimension more"] = lambda value: value[None]
        if wanted.ndim:
            found["summed"] = lambda value: value.sum()
        if wanted.ndim > 1:
            found["transposed"] = lambda value: value.transpose(-1, -2)
            found["flat"] = lambda value: value.flatten()
        if wanted.ndim == 1:
            found["reversed"] = lambda value: value.flip(0)
    elif isinstance(wanted, tuple):
        found["no return"] = lambda _: None
        found["the first alone"] = lambda value: value[0]
        if len(wanted) == 2:
            found["swapped"] = lambda value: value[::-1]
            found["second half wrong"] = lambda value: (value[0], each(lambda x: x * 0 + 3, value[1]))
            found["first half wrong"] = lambda value: (each(lambda x: x * 0 + 3, value[0]), value[1])
    elif isinstance(wanted, int | float):
        found["as text"] = str
        found["in a list"] = lambda value: [value]
        found["one element"] = lambda value: torch.tensor([value], dtype=torch.float64)
        found["upside down"] = lambda value: 1 / value if value else 7.0
        if isinstance(wanted, int):
            found["one more"] = lambda value: value + 1
            found["one less"] = lambda value: value - 1
    return found


def answers(key: str) -> list[tuple[str, object, str | None, bool]]:
    """Label, function of a case's arguments, the misconception or slip it is, and whether written by hand."""
    exercise = ALL[key]

    def changed(change, *case):
        return change(exercise.reference(*case))

    written = [(label, function, truth, True) for label, function, truth in WRITTEN.get(key, [])]
    return written + [
        (label, functools.partial(changed, change), None, False)
        for label, change in systematic(exercise).items()
    ]


def verdict_on(exercise: Exercise, function, seed: int, *, in_full: bool = False):
    if exercise.kind == "predict":
        function = function(*copy.deepcopy(exercise.cases(seed)[0]))
        if function is None:
            return None
    return exercise.judge(function, seed, in_full=in_full)


def says_what_it_is(exercise: Exercise, name: str) -> bool:
    """Whether a prediction's hint speaks of the number, which it is, and not of how somebody came to it."""
    return exercise.kind == "predict" and own_hints(exercise)[name].startswith(("That is", "Those are"))


def own_hints(exercise: Exercise) -> dict[str, str]:
    return {name: slip.hint for name, slip in (exercise.misconceptions | exercise.slips).items()}


def kind_of_answer(exercise: Exercise, verdict, truth: str | None) -> str:
    """How an answer was met.

    "named" by the hint that is true of it, "asked" among others, "alike" where another hint is said;
    "family", or "in part" where only its shape or place was seen; "raised", "generic", or "accepted".
    """
    if verdict.status == "right":
        return "accepted"
    if verdict.misconception:
        hints = own_hints(exercise)
        if truth and hints[truth] in verdict.message:
            return "named" if verdict.message == hints[truth] else "asked"
        return "asked" if "More than one mistake gives exactly this" in verdict.message else "alike"
    if verdict.family:
        return "in part" if verdict.family in PARTIAL else "family"
    return "raised" if "It raised" in verdict.message else "generic"


def tally() -> tuple[collections.Counter, collections.Counter, list[str]]:
    written, every, lines = collections.Counter(), collections.Counter(), []
    for key, exercise in ALL.items():
        for label, function, truth, by_hand in answers(key) if key not in SLOW else []:
            verdict = verdict_on(exercise, function, BOOK, in_full=True)
            if verdict is None:
                continue
            kind = kind_of_answer(exercise, verdict, truth)
            every[kind] += 1
            written[kind] += by_hand
            lines.append(f"{key:40} {label:28} {kind:8} {verdict.misconception or verdict.family or ''}")
    return written, every, lines


def share(counts: collections.Counter) -> float:
    """Of what was refused, the answers that were told something specific."""
    refused = sum(n for kind, n in counts.items() if kind != "accepted")
    return sum(counts[kind] for kind in ("named", "asked", "alike", "family")) / refused


@pytest.mark.parametrize("key", sorted(set(ALL) - SLOW))
def test_no_hint_names_a_mistake_that_was_not_made(key):
    exercise = ALL[key]
    for label, function, truth in WRITTEN[key]:
        for seed in (BOOK, *OTHER):
            verdict = verdict_on(exercise, function, seed)
            if verdict and kind_of_answer(exercise, verdict, truth) == "alike":
                assert says_what_it_is(exercise, verdict.misconception), (label, seed, verdict.message)


@pytest.mark.parametrize("key", sorted(set(ALL) - SLOW))
def test_who_makes_a_slip_reads_its_hint(key):
    exercise = ALL[key]
    for name, slip in exercise.slips.items():
        verdict = verdict_on(exercise, slip.function, BOOK)
        assert verdict.status == "right" or slip.hint in verdict.message, (name, verdict.message)


def test_most_wrong_answers_are_told_something_specific():
    written, everything, _ = tally()
    for title, counts in (("as written", written), ("all", everything)):
        print(f"{title}: {sum(counts.values())}, specific {share(counts):.1%}")
    assert sum(everything.values()) >= 850
    assert share(everything) >= LEAST_SPECIFIC
    assert share(written) >= 0.6


@pytest.mark.parametrize("key", sorted(set(ALL) - SLOW))
def test_marking_shows_neither_an_input_nor_what_is_right(key):
    exercise = ALL[key]
    for label, function, _, _ in answers(key)[::3]:
        verdict = verdict_on(exercise, function, OTHER[0])
        if verdict is None or verdict.status == "right" or verdict.misconception:
            continue
        assert "\n" not in verdict.message, label
        if exercise.kind == "predict":
            assert verdict.family in {None, "number as text", "text", "wrapped", "one element"}, label


@pytest.mark.parametrize("key", sorted(set(ALL) - SLOW))
def test_the_generic_answer_shows_a_case_and_is_short(key):
    exercise = ALL[key]
    for label, function, _ in WRITTEN[key]:
        verdict = verdict_on(exercise, function, BOOK, in_full=True)
        if verdict is None or verdict.status == "right" or verdict.misconception:
            continue
        assert "by up to nan" not in verdict.message, label
        assert "1 of 1 differ" not in verdict.message, label
        assert len(verdict.message.splitlines()) <= 24, label
        if exercise.kind == "implement":
            assert "wanted: " in verdict.message, label


@pytest.mark.parametrize("key", sorted(k for k, e in ALL.items() if e.kind == "predict"))
def test_a_question_is_wrapped_and_can_be_asked_again(key, capsys):
    exercise = copy.deepcopy(ALL[key])
    first = exercise.ask()
    assert max(map(len, first.splitlines())) <= 76
    for _ in range(3):
        again = exercise.ask(again=True)
        exercise.check(exercise.reference(*exercise.cases(exercise._seed(None, again=False))[0]))
        assert "right" in capsys.readouterr().out
        assert exercise.ask() == again
    assert exercise.ask(BOOK) == first
    with pytest.raises(ValueError, match="leave out seed"):
        exercise.ask(3, again=True)


@pytest.mark.parametrize("key", sorted(k for k, e in ALL.items() if e.kind == "predict"))
@pytest.mark.parametrize("seed", [BOOK, *OTHER])
def test_rounding_makes_no_wrong_answer_right(key, seed):
    exercise = ALL[key]
    case = exercise.cases(seed)[0]
    wanted = exercise.reference(*case)
    if isinstance(wanted, float) and wanted != round(wanted):
        digits = exercise.decimals or 3 - 1 - math.floor(math.log10(abs(wanted)))
        assert exercise.judge(round(wanted, digits), seed).status == "right"
        step = max(
            1.01 * 10.0**-digits, 0 if exercise.decimals else 2 * exercise.tolerance * max(1, abs(wanted))
        )
        assert exercise.judge(round(wanted, digits) + step, seed).status == "wrong"
    for name, misconception in exercise.misconceptions.items():
        assert exercise.judge(misconception.function(*case), seed).status == "wrong", name


@pytest.mark.parametrize("key", sorted(set(ALL) - SLOW))
def test_the_right_answer_in_any_container_is_right(key):
    exercise = ALL[key]

    def other(value):
        if isinstance(value, torch.Tensor):
            return value.detach().numpy()
        if isinstance(value, tuple):
            return [other(part) for part in value]
        return value

    verdict = verdict_on(exercise, lambda *case: other(exercise.reference(*case)), BOOK)
    assert verdict.status == "right", verdict.message


if __name__ == "__main__":
    by_hand, everything, report = tally()
    print(*report, sep="\n")
    for title, counts in (("as written", by_hand), ("all", everything)):
        print(f"{title}: {sum(counts.values())} {dict(counts)}, specific {share(counts):.1%}")
