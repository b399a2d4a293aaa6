"""The checker that students get, the judge, and the marking say the same of every answer, whatever it is."""

from __future__ import annotations

import copy
import itertools
import json
import math
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from course_classroom import checker, checker_builder, serialization, worker
from course_classroom.chapter_exercises import find_stubs, load
from course_exercises.exercise import Exercise, Misconception
from course_exercises.judging import Verdict
from course_exercises.random_inputs import outcome

ALL = [stub.exercise for stub in find_stubs()]
SEED = 11
FACTORS = [1 + sign * size for size in (0.5, 2.0) for sign in (1, -1)]  # of the tolerance


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch):
    """A key's cost is no part of what it opens."""
    monkeypatch.setattr(checker, "ROUNDS", 1)


def travelled(value: Any) -> Any:
    """An outcome as it arrives from the worker in which a student's code runs."""
    encoded = (
        serialization.encode_exception(value) if isinstance(value, Exception) else worker._outcome(value)
    )
    return serialization.decode(json.loads(json.dumps(encoded)))


class Ask:
    """The checker, the judge and the marking, to be asked of the same answer."""

    def __init__(self, exercise: Exercise, seed: int = SEED) -> None:
        known = json.loads(json.dumps(checker_builder.locked(exercise, "topic/name", seed)))
        self._checker = checker.Checker({"topic/name": known})
        self._exercise, self._seed = exercise, seed

    def checker(self, answer: Any) -> Verdict:
        return self._checker.posed("topic/name", answer).judge(answer)

    def judge(self, answer: Any) -> Verdict:
        in_full = self._exercise.kind == "implement"
        return self._exercise.judge(answer, self._seed, in_full=in_full)

    def marks(self, outcomes: list[Any]) -> Verdict:
        return self._exercise.judge_outcomes([travelled(value) for value in outcomes], self._seed)


def each(function: Callable[[Any], Any], value: Any) -> Any:
    """The function of a value, or of every part of it."""
    if isinstance(value, list | tuple):
        return type(value)(each(function, part) for part in value)
    return function(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def scaled(factor: float) -> Callable[[Any], Any]:
    """A number or a tensor of such times a factor; anything else as it is."""

    def change(x: Any) -> Any:
        real = (isinstance(x, Tensor) and x.is_floating_point()) or is_number(x)
        return x * factor if real else x

    return change


def forms(tolerance: float) -> dict[str, Callable[[Any], Any]]:
    """Changes of a value in its form, its precision, or by about the tolerance."""

    def single(x: Any) -> Any:
        return x.float() if isinstance(x, Tensor) and x.is_floating_point() else x

    def as_list(x: Any) -> Any:
        return x.tolist() if isinstance(x, Tensor) else x

    def as_array(x: Any) -> Any:
        return x.detach().numpy() if isinstance(x, Tensor) else np.float64(x) if is_number(x) else x

    def none(x: Any) -> Any:
        return x * math.nan if isinstance(x, Tensor) and x.is_floating_point() else math.nan

    found = {
        "as it is": lambda value: value,
        "float32": lambda value: each(single, value),
        "a list": lambda value: each(as_list, value),
        "an array": lambda value: each(as_array, value),
        "one array": lambda value: np.asarray(each(as_list, value)),
        "one tensor": lambda value: torch.as_tensor(np.asarray(each(as_list, value))),
        "a list of parts": lambda value: list(value) if isinstance(value, tuple) else value,
        "wrapped": lambda value: [value],
        "one dimension more": lambda value: each(lambda x: torch.as_tensor(x)[None], value),
        "text": lambda value: str(value),
        "NaN": lambda value: each(none, value),
        "infinite": lambda value: each(lambda _: math.inf, value),
        "the first part": lambda value: value[0] if isinstance(value, tuple | list) else value,
        "twice": lambda value: each(scaled(2), value),
        "negative": lambda value: each(scaled(-1), value),
        "nothing": lambda _: None,
        "a shape": lambda _: torch.zeros(2, 3),
        "a function": lambda _: abs,
        "a set": lambda _: {1, 2},
    }
    for factor in FACTORS:
        by = 1 + (factor - 1) * tolerance
        found[f"times {by!r}"] = lambda value, by=by: each(scaled(by), value)
    return found


def quietly(change: Callable[[Any], Any], value: Any) -> Any:
    """The change of a value, or the exception that comes of it."""
    try:
        return change(copy.deepcopy(value))
    except Exception as error:
        return error


def replay(outcomes: list[Any]) -> Callable[..., Any]:
    """A function that gives these outcomes in turn."""
    turn: Iterator[Any] = itertools.cycle(copy.deepcopy(outcomes))

    def answer(*_: Any) -> Any:
        outcome = next(turn)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return answer


def functions(exercise: Exercise) -> dict[str, Callable[[], Any]]:
    """Makers of functions that somebody might hand in."""
    wanted = exercise.on(SEED).wanted

    def empty(*_: Any) -> None: ...

    def refused(*_: Any) -> None:
        raise NotImplementedError

    def forgotten(*case: Any) -> None:
        exercise.reference(*case)

    def in_place(*case: Any) -> Any:
        value = exercise.reference(*case)
        for argument in case:
            if isinstance(argument, Tensor):
                argument.zero_()
            elif isinstance(argument, list):
                argument.clear()
        return value

    plain = (..., None, empty, refused, forgotten, in_place, lambda: 0, lambda *_: [][1], lambda *_: "a")
    found = {f"{place}: {answer}": lambda answer=answer: answer for place, answer in enumerate(plain)}
    known = {"reference": exercise.reference}
    known |= {name: wrong.function for name, wrong in (exercise.misconceptions | exercise.slips).items()}
    found |= {name: lambda function=function: function for name, function in known.items()}
    for label, change in forms(exercise.tolerance).items():
        outcomes = [quietly(change, value) for value in wanted]
        found[label] = lambda outcomes=outcomes: replay(outcomes)
        found[f"{label}, once"] = lambda outcomes=outcomes: replay([outcomes[0], *wanted[1:]])
    return found


def digits(value: Any, count: int) -> Any:
    return float(f"{value:.{count - 1}e}") if is_number(value) and math.isfinite(value) else value


def predictions(exercise: Exercise, seed: int) -> dict[str, Callable[[], Any]]:
    """Makers of values that somebody might answer: all that is known, exact, rounded and in other forms."""
    posed = exercise.on(seed)
    known = {"reference": posed.wanted[0]} | {name: given for name, (given,) in posed.mistaken().items()}
    places = exercise.decimals or 3
    step = 10.0**-places
    changes = forms(exercise.tolerance)
    changes |= {
        f"{count} digits": lambda v, n=count: each(lambda x: digits(x, n), v) for count in range(1, 6)
    }
    for share in (-1.01, -0.51, -0.49, 0.49, 0.51, 1.01):
        changes[f"{share} steps"] = lambda v, s=share: each(lambda x: x + s * step if is_number(x) else x, v)
    changes |= {
        "rounded": lambda value: each(lambda x: round(x, places), value),
        "a fraction": lambda value: each(lambda x: x + 0.3, value),
        "one more": lambda value: each(lambda x: x + 1, value),
        "one less": lambda value: each(lambda x: x - 1, value),
        "a float": lambda value: each(float, value),
        "a whole number": lambda value: each(round, value),
        "text with commas": lambda value: f"{value:,}",
        "per cent": lambda value: f"{100 * value} %",
        "one element": lambda value: torch.tensor([[value]]),
        "no dimension": lambda value: each(torch.tensor, value),
        "nested": lambda value: [[value]],
        "with None": lambda value: (value, None),
        "reversed": lambda value: value[::-1],
        "complex": complex,
    }
    given = {
        f"{name}, {label}": quietly(change, value)
        for name, value in known.items()
        for label, change in changes.items()
    }
    plain = [
        ...,
        0,
        -1,
        1,
        True,
        "",
        "nan",
        "error",
        math.nan,
        -math.inf,
        10**400,
        (),
        [],
        {},
        {"a": 1},
        object,
    ]
    given |= {f"plain {place}": value for place, value in enumerate(plain)}
    return {label: lambda value=value: copy.deepcopy(value) for label, value in given.items()}


def recognised(verdict: Verdict) -> tuple[str, str | None]:
    return verdict.status, verdict.misconception


def agree(mine: Verdict, judges: Verdict) -> bool:
    """Whether two verdicts are one; how an answer that nobody knows is described may differ."""
    unknown = judges.misconception is None and judges.status == "wrong"
    return recognised(mine) == recognised(judges) and (unknown or mine.message == judges.message)


@pytest.mark.parametrize("key", [key for key in ALL if load(key).kind == "implement"])
def test_a_function_gets_from_the_checker_all_that_the_judge_says(key):
    exercise = load(key)
    ask, found = Ask(exercise), set()
    for label, answer in functions(exercise).items():
        mine, judges = ask.checker(answer()), ask.judge(answer())
        assert mine == judges, label
        found.add(mine.status)
    assert found == {"right", "wrong", "unanswered"}


@pytest.mark.parametrize("key", [key for key in ALL if load(key).kind == "implement"])
def test_what_a_function_gives_is_judged_alike_after_it_has_travelled(key):
    exercise = load(key)
    posed, ask = exercise.on(SEED), Ask(exercise)
    known = {"reference": posed.wanted} | posed.mistaken()
    known |= {
        label: [quietly(change, value) for value in posed.wanted]
        for label, change in forms(exercise.tolerance).items()
    }
    for label, outcomes in known.items():
        judges = exercise.judge_outcomes(copy.deepcopy(outcomes), SEED)
        assert recognised(ask.marks(outcomes)) == recognised(judges), label


@pytest.mark.parametrize("key", [key for key in ALL if load(key).kind == "predict"])
@pytest.mark.parametrize("seed", [SEED, 2024])
def test_a_prediction_gets_one_verdict_from_checker_judge_and_marking(key, seed):
    exercise = load(key)
    ask, found = Ask(exercise, seed), set()
    for label, answer in predictions(exercise, seed).items():
        mine, judges = ask.checker(answer()), ask.judge(answer())
        assert agree(mine, judges), (label, answer(), mine, judges)
        found.add(mine.status)
        if judges.status != "unanswered":
            assert recognised(ask.marks([answer()])) == recognised(judges), label
    assert found == {"right", "wrong", "unanswered"}


BODIES = [
    "...",
    "pass",
    "0",
    '"""What it does."""',
    '"""What it does."""\n    ...',
    "raise NotImplementedError",
    'y = x\n    raise NotImplementedError("later")',
    "y = x\n    ...",
    "y = x\n    pass",
    "y = x\n    0",
    "y = x",
    "...\n    y = x",
    "return x\n    ...",
    "return ...",
    "return",
    "return None",
    "return x",
    "1 / 0",
    "if False:\n        return x",
    "if False:\n        return x\n    ...",
]


@pytest.mark.parametrize("body", BODIES)
def test_what_is_left_blank_is_so_for_the_judge_and_for_marking(body, monkeypatch):
    source = f"def answer(x):\n    {body}\n"
    exercise = doubling()
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    notebook = worker.Notebook()
    request = {"number": 1, "source": source, "symbols": ["answer"]}
    kind = worker.run_cell(notebook, request)["set"]["answer"]
    function = notebook.names["answer"]
    outcomes = [outcome(function, case) for case in exercise.cases(SEED)]
    undone = any(
        o is ... or isinstance(o, NotImplementedError) or (kind == "started" and o is None) for o in outcomes
    )
    marks = "unanswered" if kind == "blank" or undone else exercise.judge_outcomes(outcomes, SEED).status
    assert exercise.judge(function, SEED).status == Ask(exercise).checker(function).status == marks


def doubling() -> Exercise:
    wrong = {
        "squared": Misconception(lambda x: x**2, "Squared."),
        "kept": Misconception(lambda x: x, "Kept."),
        "half": Misconception(lambda x: x / 2, "Half."),
    }
    return Exercise(
        name="double", title="Double", kind="implement", points=1, next_step="", reference=lambda x: 2 * x,
        inputs=lambda g: (torch.randn(3, generator=g, dtype=torch.float64),), misconceptions=wrong,
    )  # fmt: skip


def asking(value: Any, wrong: Any, **settings: Any) -> Exercise:
    """A prediction whose answer is `value`, with a misconception that gives `wrong`."""
    misconceptions = {
        name: Misconception(lambda _, given=given: given, f"{name}.")
        for name, given in (("wrong", wrong), ("text", "nothing"), ("none", math.nan))
    }
    return Exercise(
        name="any", title="Any", kind="predict", points=1, next_step="", inputs=lambda _: (1,),
        reference=lambda _: value, misconceptions=misconceptions, question=lambda _: "What?", **settings,
    )  # fmt: skip


def drawn(generator: random.Random) -> float | int:
    """A number of any size and sign, often whole, often on the edge of a rounding."""
    size = generator.choice([1e-9, 1e-5, 1e-3, 0.01, 0.1, 1.0, 10.0, 1e3, 1e6, 1e12])
    number = (
        generator.choice([-1, 1]) * size * generator.choice([generator.random() * 9 + 1, 1.05, 9.95, 2.45])
    )
    return generator.choice([number, number, round(number), float(round(number)), digits(number, 2)])


@pytest.mark.parametrize("seed", range(40))
def test_any_prediction_that_the_judge_takes_opens_its_door(seed):
    """Of any value, tolerance and places: numbers about as far from it as is allowed, in any form."""
    generator = random.Random(seed)
    tolerance = generator.choice([1e-9, 1e-6, 1e-5, 1e-3, 0.01, 0.05])
    decimals = generator.choice([None, None, 1, 2, 3])
    count = generator.choice([1, 1, 1, 2, 5])

    def value() -> Any:
        return drawn(generator) if count == 1 else tuple(drawn(generator) for _ in range(count))

    wanted, wrong = value(), value()
    if generator.random() < 0.2:
        wanted = torch.tensor(wanted, dtype=torch.float64)
    exercise = asking(wanted, wrong, tolerance=tolerance, decimals=decimals)
    while exercise.agrees(wanted, wrong) or exercise.agrees(wrong, wanted):
        wrong = value()
        exercise = asking(wanted, wrong, tolerance=tolerance, decimals=decimals)
    ask, taken = Ask(exercise), 0
    for given, _ in itertools.product((wanted, wrong), range(60)):
        spread = generator.choice([tolerance, tolerance, 5e-3, 1e-9])
        by = 1 + generator.choice([-1, 1, generator.uniform(-1, 1)]) * spread * generator.choice(
            [0.999, 1.001]
        )
        step = generator.choice([0, 0, generator.uniform(-0.51, 0.51) * 10.0 ** -(decimals or 9)])
        count_of_digits = generator.choice([3, 4, 5])
        for change in (
            lambda x, by=by: x * by if isinstance(x, Tensor | float | int) else x,
            lambda x, step=step: x + step,
            lambda x, n=count_of_digits: digits(x, n),
            lambda x: round(x, decimals or 3) if is_number(x) else x,
        ):
            answer = each(change, given)
            mine, judges = ask.checker(answer), ask.judge(answer)
            assert agree(mine, judges), (answer, wanted, mine, judges)
            taken += judges.status == "right" or judges.misconception is not None
    assert taken
