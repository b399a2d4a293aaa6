"""The checker and the marking say the same of every answer, right, nearly right or in another form."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch

from course_lib.classroom import checker, locks
from course_lib.classroom.stubs import find_stubs, load
from course_lib.classroom.wire import Unmarkable, decode, encode

ALL = find_stubs()
SHARES = (1e-3, 0.3, 0.9, 1.2, 2.5, 7, 60, 900)  # of the tolerance


def changed(value, draw: random.Random, tolerance: float):
    """The value in another dtype, shape or form, with other numbers, or as it is."""
    if isinstance(value, list | tuple):
        inner = [changed(entry, draw, tolerance) for entry in value]
        return draw.choice([tuple(inner), inner, inner[:-1]])
    kind = draw.randrange(9)
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        off = draw.choice(SHARES) * tolerance
        noise = torch.empty_like(value).uniform_(-1, 1, generator=torch.Generator().manual_seed(kind))
        forms = [
            value, value.float(), value.bfloat16(), value + off * noise, value + off * (1 + value.abs()),
            value.unsqueeze(0), torch.where(noise > 0.5, torch.nan, value), value.numpy(), value.tolist(),
        ]  # fmt: skip
        return forms[kind]
    if isinstance(value, torch.Tensor):
        return [value, value.int(), value.double(), value.flatten(), value + 1, value.bool(), value.tolist(),
                value.numpy(), None][kind]  # fmt: skip
    if isinstance(value, int | float) and not isinstance(value, bool):
        off = draw.choice(SHARES) * tolerance
        return [value, float(value), value + off, value * (1 + off), torch.tensor(float(value)), str(value),
                torch.tensor([float(value)]), np.float64(value), float("nan")][kind]  # fmt: skip
    return draw.choice([value, None, str(value), ValueError("x")])


def travelled(outcome):
    """As it arrives in marking."""
    if isinstance(outcome, Exception):
        return outcome
    try:
        return decode(json.loads(json.dumps(encode(outcome))))
    except TypeError as error:
        return Unmarkable(str(error))


@pytest.mark.parametrize("stub", [pytest.param(s, id=s.exercise) for s in ALL[::3]])
def test_checker_and_marking_agree(stub, monkeypatch):
    monkeypatch.setattr(checker, "ROUNDS", 1)
    exercise, draw = load(stub.exercise), random.Random(stub.exercise)
    known = json.loads(json.dumps(locks.locked(exercise, stub.exercise, 5)))
    cases = exercise.cases(5)
    wanted = [exercise.reference(*case) for case in exercise.cases(5)]
    mistaken = list(exercise.mistaken(cases).values())
    for _ in range(40):
        start = wanted if draw.random() < 0.7 else draw.choice(mistaken)
        only = draw.randrange(len(start)) if draw.random() < 0.3 else None
        outcomes = [
            changed(outcome, draw, exercise.tolerance) if only in (None, place) else outcome
            for place, outcome in enumerate(start)
        ]
        said = checker.verdict(known, outcomes)
        judged = exercise.judge_outcomes([travelled(outcome) for outcome in outcomes], 5)
        assert said.startswith("+") == (judged.status == "right"), (said, judged)
        if judged.misconception is not None:
            assert said == f"-{judged.message}"
        assert "0 of" not in said


def test_what_rounds_too_much_is_told_so():
    """Single precision where double is wanted: not right in either place, and neither contradicts itself."""
    exercise = load("optimisers/adam_step")
    known = locks.locked(exercise, "a", 5)
    reference = exercise.reference
    rounded = [
        tuple(t.float() for t in out) if isinstance(out, tuple) else out.float()
        for out in (reference(*case) for case in exercise.cases(5))
    ]
    said = checker.verdict(known, rounded)
    judged = exercise.judge_outcomes(rounded, 5)
    assert said[0] == "-"
    assert judged.status == "wrong"
    assert "; 0 of" not in said + judged.message
