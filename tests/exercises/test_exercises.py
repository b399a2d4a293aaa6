"""Every exercise recognises its own misconceptions, and nothing else."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from pathlib import Path

import pytest
import torch
from every_exercise import EXERCISES

from course_exercises.comparison import describe_difference, same
from course_exercises.exercise import Exercise, Misconception
from course_exercises.judging import WrongAnswer

ALL = [pytest.param(exercise, id=name) for name, exercise in EXERCISES.items()]
WRONG = [
    pytest.param(p.values[0], name, id=f"{p.id}.{name.replace(' ', '_')}")
    for p in ALL
    for name in p.values[0].misconceptions
]
SEEDS = (2024, 7, 99)


def answer_from(exercise: Exercise, function, seed: int):
    """What somebody who thinks like `function` would hand in."""
    return function(*exercise.cases(seed)[0]) if exercise.kind == "predict" else function


@pytest.mark.parametrize("exercise", ALL)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_reference_is_right(exercise, seed, capsys):
    exercise.check(answer_from(exercise, exercise.reference, seed), seed=seed)
    assert capsys.readouterr().out.strip() == f"{exercise.title}: right. {exercise.next_step}"


NEVER_NEGATIVE = {
    "assistant.dpo_loss", "data_and_modules.collate_padded", "data_and_modules.huber",
    "distributed.epoch_shard", "distributed.ring_bytes", "gradient_descent.largest_stable_rate",
    "language_model.merge", "language_model.nucleus", "language_model.window",
    "language_model.with_temperature", "mnist_classifier.cross_entropy",
    "mnist_classifier.precision_and_recall", "optimisers.disc_or_ring", "optimisers.warmup_cosine",
    "sequences.padded_loss", "sequences.teacher_forcing", "tensors.mean_squared_error",
    "tensors.squared_distances", "transformer.exact_match",
}  # fmt: skip


@pytest.mark.parametrize("key", sorted(k for k, e in EXERCISES.items() if e.kind == "implement"))
def test_the_cases_show_a_lost_sign(key):
    def unsigned(value):
        if isinstance(value, list | tuple):
            return type(value)(unsigned(part) for part in value)
        counts = isinstance(value, int | float | torch.Tensor) and getattr(value, "dtype", None) != torch.bool
        return abs(value) if counts and not isinstance(value, bool) else value

    exercise = EXERCISES[key]
    for seed in SEEDS:
        right = [exercise.reference(*case) for case in exercise.cases(seed)]
        signed = any(not exercise.agrees(unsigned(value), value) for value in right)
        numbers = any(unsigned(value) is not value for value in right)
        assert signed == (numbers and key not in NEVER_NEGATIVE), seed


@pytest.mark.parametrize("exercise", ALL)
def test_a_blank_is_unanswered_and_never_wrong(exercise, capsys):
    def empty(*_):
        pass

    def not_yet(*_):
        raise NotImplementedError

    blanks = [...] if exercise.kind == "predict" else [..., empty, not_yet]
    for blank in blanks:
        exercise.check(blank)
        assert "not answered yet" in capsys.readouterr().out


@pytest.mark.parametrize(("exercise", "name"), WRONG)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_misconception_gets_its_own_hint(exercise, name, seed):
    misconception = exercise.misconceptions[name]
    verdict = exercise.judge(answer_from(exercise, misconception.function, seed), seed)
    assert (verdict.status, verdict.misconception) == ("wrong", name)
    assert misconception.hint in verdict.message  # alone, or as a question where a slip gives the same
    with pytest.raises(WrongAnswer) as caught:
        exercise.check(answer_from(exercise, misconception.function, seed), seed=seed)
    assert misconception.hint in str(caught.value)


@pytest.mark.parametrize("exercise", ALL)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_answers_coincide_on_the_inputs(exercise, seed):
    functions = {"the reference": exercise.reference} | {
        name: m.function for name, m in exercise.misconceptions.items()
    }
    outcomes = {}
    for name, function in functions.items():
        outcomes[name] = []
        for case in exercise.cases(seed):
            try:
                outcomes[name].append(function(*copy.deepcopy(case)))
            except Exception as error:
                outcomes[name].append(error)
    names = list(outcomes)
    for i, one in enumerate(names):
        for other in names[:i]:
            pairs = zip(outcomes[one], outcomes[other], strict=True)
            assert not all(same(a, b, exercise.tolerance) for a, b in pairs), f"{one!r} equals {other!r}"


@pytest.mark.parametrize("exercise", ALL)
def test_inputs_come_from_their_own_generator(exercise):
    torch.manual_seed(1)
    first = exercise.cases(5)
    exercise = dataclasses.replace(exercise)  # one that has drawn nothing yet
    state = torch.get_rng_state()
    torch.manual_seed(2)
    torch.rand(3)
    assert all(same(a, b, 0.0) for a, b in zip(first, exercise.cases(5), strict=True))
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state), "the global generator was used"
    assert not all(same(a, b, 0.0) for a, b in zip(first, exercise.cases(6), strict=True))


# A sentence may begin with a symbol or with a name from the code, which keep their small letters.
NAMES = tuple(f"{name} " for name in ("y", "b", "e", "ε", "π", "beta", "eps", "tanh", "float32"))


@pytest.mark.parametrize("exercise", ALL)
def test_the_texts_are_whole_sentences(exercise):
    for text in [exercise.next_step, *(m.hint for m in (exercise.misconceptions | exercise.slips).values())]:
        assert text[0].isupper() or not text[0].isalpha() or text.startswith(NAMES), text
        assert text.rstrip(")").endswith((".", "?")), text
        # code stands between backticks; any other Markdown would be shown as it is typed
        assert not re.search(r"\*\S[^*]*\*|__|\$|\]\(|^#", re.sub(r"`[^`]*`", "", text)), text
    assert len({m.hint for m in exercise.misconceptions.values()}) == len(exercise.misconceptions)


BOXES = {
    label: box
    for chapter in (Path(__file__).parents[2] / "notebooks").glob("[01]*.ipynb")
    for cell in json.loads(chapter.read_text("utf8"))["cells"]
    for label, box in re.findall(r":label: ex-(\S+)\n(.*?):::", "".join(cell["source"]), re.DOTALL)
}
# The shape of the answer and of an argument are the same, but nobody would write the one into the other.
NOTHING_TO_WRITE_INTO = {"autograd.linear_backward", "language_model.cached_step", "tensors.weighted_mean"}


@pytest.mark.parametrize("key", sorted(k for k, e in EXERCISES.items() if e.kind == "implement"))
def test_what_could_be_written_into_its_input_is_said_to_leave_it(key):
    def could_be_the_answer(argument, answer):
        if isinstance(argument, torch.Tensor) and isinstance(answer, torch.Tensor) and argument.ndim:
            return (argument.shape, argument.dtype) == (answer.shape, answer.dtype)
        return isinstance(argument, list) and isinstance(answer, list)

    (case, *_) = EXERCISES[key].cases()
    answer = EXERCISES[key].reference(*copy.deepcopy(case))
    answer = answer[0] if isinstance(answer, tuple) else answer
    if any(could_be_the_answer(argument, answer) for argument in case) and key not in NOTHING_TO_WRITE_INTO:
        box = BOXES[key.replace(".", "-").replace("_", "-")]
        assert re.search(r"\b[Ll]eave .* as (it is|they are)", box)


# --- the mechanism ------------------------------------------------------------------------------------------


def doubling(**changes) -> Exercise:
    settings = {
        "name": "double",
        "title": "Double it",
        "kind": "implement",
        "points": 1,
        "inputs": lambda g: (torch.randn(3, generator=g),),
        "reference": lambda x: 2 * x,
        "misconceptions": {
            "squared": Misconception(lambda x: x**2, "You squared."),
            "kept": Misconception(lambda x: x, "You returned x."),
            "raised": Misconception(lambda x: x @ torch.ones(9), "The sizes do not fit."),
        },
        "next_step": "Halve it.",
    }
    return Exercise(**(settings | changes))


def test_an_unknown_mistake_is_described_without_the_answer():
    verdict = doubling().judge(lambda x: 3 * x)
    assert (verdict.status, verdict.misconception) == ("wrong", None)
    assert "everywhere one and a half times what is wanted" in verdict.message


def test_a_right_answer_that_spoils_its_input_is_wrong():
    verdict = doubling().judge(lambda x: x.mul_(2))
    assert verdict.status == "wrong"
    assert "in place" in verdict.message


def test_an_exception_is_reported_and_may_be_a_known_mistake():
    def divide(x):
        return 1 / 0 * x

    assert "ZeroDivisionError" in doubling().judge(divide).message
    assert doubling().judge(lambda x: x @ torch.ones(5)).misconception == "raised"


def test_calling_instead_of_passing_the_function_is_told():
    with pytest.raises(TypeError, match="answer must be your function double itself"):
        doubling().check(torch.ones(3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"misconceptions": {}}, "misconceptions of 'double' must be at least three"),
        ({"points": 0}, "points of 'double' must be at least 1, got 0"),
        ({"kind": "predict"}, "question of 'double'"),
    ],
)
def test_a_malformed_exercise_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        doubling(**changes)


def test_ask_needs_a_question():
    with pytest.raises(ValueError, match="'double' asks for a function"):
        doubling().ask()


@pytest.mark.parametrize(
    ("given", "wanted", "equal"),
    [
        (torch.ones(2), torch.ones(2), True),
        (torch.ones(2), torch.ones(2, dtype=torch.float64), True),
        (torch.ones(2, dtype=torch.int64), torch.ones(2), False),
        (torch.ones(2, 1), torch.ones(2), False),
        (torch.tensor(float("nan")), torch.tensor(float("nan")), True),
        (2.0, torch.tensor(2.0), True),
        (True, 1, False),
        ("error", (1, 2), False),
        ((1, 2), [1, 2], True),
        ((1, 2), (1, 2, 3), False),
        ({"a": 1.0}, {"a": 1.0}, True),
        ({"a": 1.0}, {"b": 1.0}, False),
        (float("nan"), 1.0, False),
        (ValueError("a"), ValueError("b"), True),
        (ValueError("a"), TypeError("a"), False),
    ],
)
def test_same(given, wanted, equal):
    assert same(given, wanted, 1e-6) is equal
    assert same(wanted, given, 1e-6) is equal


@pytest.mark.parametrize(
    ("given", "wanted", "text"),
    [
        (torch.ones(2, 1), torch.ones(2), r"shape is \(2, 1\) where \(2,\)"),
        (torch.ones(2, dtype=torch.int64), torch.ones(2), "dtype is torch.int64 where torch.float32"),
        (3, torch.ones(2), "A tensor of shape"),
        (3, (1, 2), "2 values are wanted, in a tuple"),
        ((3,), (1, 2), "2 values are wanted; these are 1"),
        (3, 4, "3 is not the answer"),
    ],
)
def test_describe_difference(given, wanted, text):
    import re

    assert re.search(text, describe_difference(given, wanted))


def test_some_batch_keeps_up_with_whatever_requests_are_drawn():
    served = EXERCISES["shipping.served"]
    for seed in range(40):
        _, each, _, gap = served.cases(seed)[0]
        assert gap > each
