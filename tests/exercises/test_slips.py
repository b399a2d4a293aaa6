"""What a wrong answer is told is true of it, and mostly says more than that it is wrong.

`slips_as_written.py` holds answers as learners write them; to these come slips that are the same for every
exercise. Run as a program, this file prints how each of them is answered.
"""

from __future__ import annotations

import collections
import copy
import functools
import math
import re

import pytest
import torch
import torch.nn.functional as F
from every_exercise import EXERCISES as ALL
from slips_as_written import UNSEEN, WRITTEN

from course_exercises.exercise import Exercise
from course_exercises.raised import CAUSES, cause
from course_exercises.slips import BYTES, OF_BYTES, seen_in

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
    assert share(written) >= LEAST_SPECIFIC


def met_unseen() -> collections.Counter:
    """How answers were met that no slip was made for."""
    found = collections.Counter()
    for key, rows in UNSEEN.items():
        for _, function in rows:
            found[kind_of_answer(ALL[key], verdict_on(ALL[key], function, BOOK, in_full=True), None)] += 1
    return found


def test_most_of_those_that_no_slip_was_made_for_are_told_something_specific_too():
    found = met_unseen()
    assert sum(found.values()) >= 75
    assert not found["accepted"]
    assert share(found) >= 0.6


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

    def plain(value):
        if isinstance(value, torch.Tensor) and value.ndim == 0:
            number = value.item()
            return int(number) if not isinstance(number, bool) and number == round(number) else number
        return tuple(map(plain, value)) if isinstance(value, tuple) else value

    for form in (other, plain):
        given = [form(exercise.reference(*case)) for case in exercise.cases(BOOK)]
        verdict = exercise.judge_outcomes(given, BOOK)
        assert verdict.status == "right", (form.__name__, verdict.message)


PREDICTED = sorted(k for k, e in ALL.items() if e.kind == "predict")


@pytest.mark.parametrize("key", PREDICTED)
def test_what_is_nearly_right_is_told_of_no_sign_root_or_factor(key):
    exercise = ALL[key]
    for seed in (BOOK, *OTHER):
        wanted = exercise.reference(*copy.deepcopy(exercise.cases(seed)[0]))
        for by in (2e-3, -2e-3, 3e-3, -3e-3):
            nearly = each(lambda x, by=by: x * (1 + by) if isinstance(x, float) else x, wanted)
            verdict = exercise.judge(nearly, seed, in_full=True)
            if verdict.status == "right" or verdict.misconception:
                continue
            said = re.findall(r"sign\b|root|square|factor|one over|minus what|times what", verdict.message)
            assert not said, (seed, by, verdict.message)


@pytest.mark.parametrize("key", sorted(set(ALL) - SLOW))
def test_bits_and_bytes_are_spoken_of_only_where_the_exercise_does(key):
    exercise = ALL[key]
    case = exercise.cases(BOOK)[0]
    if BYTES.search(exercise._about(case)) or not numbers_only(exercise.reference(*copy.deepcopy(case))):
        return
    for factor in OF_BYTES:

        def scaled(*case, factor=factor):
            return each(lambda x: factor * x, exercise.reference(*case))

        verdict = verdict_on(exercise, scaled, BOOK, in_full=True)
        if verdict.status == "wrong" and not verdict.misconception:
            assert not re.search(r"\b(bit|byte)s?\b", verdict.message), verdict.message


A, B = torch.arange(6.0).reshape(2, 3), torch.arange(4.0)
LEAF = torch.ones(3, requires_grad=True)

# What a learner runs into, and a word of what is said of it.
RAISED = {
    "sizes": (lambda: A + B, "one with 3 and one with 4 places along dimension 1"),
    "inner sizes": (lambda: A @ A, "here they are 3 and 2. With the second one transposed"),
    "inner sizes, nothing fits": (lambda: A @ torch.ones(5, 4), "summed over"),
    "batches": (lambda: torch.bmm(torch.ones(2, 3, 4), torch.ones(2, 5, 6)), "inner sizes must be equal"),
    "targets": (lambda: F.cross_entropy(A, torch.zeros(3).long()), "2 rows of predictions and 3 targets"),
    "a letter": (lambda: torch.einsum("ij,jk->ik", A, A), "stands for a dimension of size 2"),
    "letters": (lambda: torch.einsum("ijk->i", A), "3 letters for 2 dimensions"),
    "a vector": (lambda: A @ B, "with a vector"),
    "two vectors": (lambda: B @ B[1:], "with a vector"),
    "gather": (lambda: A.gather(0, torch.zeros(1, 4).long()), "`gather`"),
    "expand": (lambda: B.expand(3), "size 4 and should get 3"),
    "mask": (lambda: A[torch.ones(3) > 0], "counted from the first"),
    "labels": (lambda: F.cross_entropy(A, torch.ones(2)), "whole numbers"),
    "singular": (lambda: torch.linalg.inv(torch.ones(2, 2)), "no inverse"),
    "if": (lambda: bool(A > 0), "torch.where"),
    "a list": (lambda: [1, 2].sum(), "this is a list"),
    "a float": (lambda: (2.0).exp(), "this is a float"),
    "values and places": (lambda: A - A.max(dim=1, keepdim=True), "`max` returns two tensors"),
    "values and places, called": (lambda: A.sort(1).exp(), "`sort` returns two tensors"),
    "a tuple": (lambda: A - A.max(1)[:1], "A tuple stands where"),
    "None": (lambda: None.sum(), "without `return`"),
    "parentheses": (lambda: A.sum.item(), "parentheses missing"),
    "cat": (lambda: torch.cat([A, A.T]), "along dimension 0"),
    "stack": (lambda: torch.stack([A, A.T]), "one shape"),
    "dtypes": (lambda: A @ A.double().T, "one dtype"),
    "reshape": (lambda: A.reshape(4, 2), "must multiply to 6"),
    "view": (lambda: A.T.view(6), "`reshape` copies"),
    "dim": (lambda: A.sum(2), "fewer dimensions"),
    "indices": (lambda: A[0, 0, 0], "fewer dimensions"),
    "index": (lambda: A[5], "count from 0"),
    "index of a list": (lambda: [1][3], "count from 0"),
    "math": (lambda: math.exp(A), "holds several"),
    "a number to torch": (lambda: torch.exp(2.0), "plain numbers"),
    "no graph": (lambda: A.sum().backward(), "asked for gradients"),
    "not one number": (lambda: (2 * LEAF).backward(), "begins at one number"),
    "in place": (lambda: LEAF.add_(1), "overwritten"),
    "mean of integers": (lambda: torch.arange(3).mean(), "Whole numbers"),
    "a name": (lambda: nothing_of_the_kind, "`nothing_of_the_kind`"),  # noqa: F821
    "not on this way": (lambda: unset(), "not on the way"),
    "arguments": (lambda: cause(1, 2), "those of the stub"),
    "not a function": (lambda: 2.5(A), "is a `*` missing"),
    "math domain": (lambda: math.log(-1.0), "has none"),
    "by zero": (lambda: 1 / 0, "denominator"),
}  # fmt: skip


def unset():
    if A.ndim > 5:
        value = 1
    return value


def error_of(function) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        function()
    return caught.value


@pytest.mark.parametrize("name", RAISED)
def test_a_common_exception_is_explained(name):
    function, said = RAISED[name]
    error = error_of(function)
    assert said in (cause(error) or ""), error
    seen = seen_in([error], [A])
    assert seen.family == "raised"
    assert seen.text.startswith(
        f"It raised {type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}. "
    )


def test_every_cause_has_its_exception():
    errors = [str(error_of(function)) for function, _ in RAISED.values()]
    assert [p for p, _ in CAUSES if not any(re.search(p, error) for error in errors)] == []
    assert cause(ValueError("something of one's own")) is None


X = torch.tensor([1.0, 4.0, 2.5, 7.0])

# Relations of one wrong answer to its arguments or to what is wanted, and what is said.
RELATED = {
    "given back": (lambda x: x, lambda x: x.sin(), "That is `x`"),
    "a part, first": (lambda x: x[:2], lambda x: x, "the first along dimension 0"),
    "a part, last": (lambda x: x[None, 1:], lambda x: x[None], "the last along dimension 1"),
    "place": (lambda x: x.argmax(), lambda x: x.cos(), None),
    "place of the largest": (lambda x: (x**2).argmax(), lambda x: x**2, "places of the largest"),
    "in pieces": (lambda x: (x[:1], x[1:]), lambda x: x, "torch.cat"),
    "marked": (lambda x: torch.where(x > 3, 0.0, -math.inf), lambda x: x > 3, "marked with 0 and -inf"),
    "marked otherwise": (lambda x: torch.where(x > 3, 0.0, x), lambda x: x > 3, None),
    "one term less": (lambda x: x.exp() - x, lambda x: x.exp(), "less `x`"),
    "one term more": (lambda x: x.exp() + x, lambda x: x.exp(), "plus `x`"),
    "a short step": (lambda x: x - 0.1 * x.exp(), lambda x: x - x.exp(), "0.1 times as far"),
    "the wrong way": (lambda x: x + x.exp(), lambda x: x - x.exp(), "opposite direction"),
    "softmax": (lambda x: x.sin().softmax(0), lambda x: x.sin(), "one softmax too many"),
    "no softmax": (lambda x: x.sin(), lambda x: x.sin().softmax(0), "is missing"),
    "some signs": (lambda x: x.sin() * torch.tensor([1, -1, 1, 1]), lambda x: x.sin(), "some signs are not"),
    "a code": (lambda x: torch.full_like(x, -1).long(), lambda x: torch.where(x > 6, 1, -1), None),
    "the smallest": (lambda x: x + 1, lambda x: (x + 1).amin(), "smallest"),
    "a sum": (lambda x: x.sin(), lambda x: x.square() / x.square().sum(), "adds up to 1"),
    "a mean": (lambda x: x.exp(), lambda x: x.sin() - x.sin().mean(), "has mean 0"),
    "a deviation": (lambda x: x.exp(), lambda x: x.sin() / x.sin().std(correction=0), "has deviation 1"),
    "nothing": (lambda x: x.sin() * x.cos(), lambda x: x.exp(), None),
}  # fmt: skip


@pytest.mark.parametrize("name", RELATED)
def test_a_relation_is_seen_where_it_holds_and_nowhere_else(name):
    wrong, right, said = RELATED[name]
    cases = [(X,), (X.flip(0) * 0.7,), (X - 3,)]
    seen = seen_in([wrong(x) for (x,) in cases], [right(x) for (x,) in cases], cases, ("x",))
    if said is None:
        assert seen is None or seen.family in PARTIAL, seen
    else:
        assert said in seen.text, seen


if __name__ == "__main__":
    by_hand, everything, report = tally()
    print(*report, sep="\n")
    for title, counts in (("as written", by_hand), ("all", everything)):
        print(f"{title}: {sum(counts.values())} {dict(counts)}, specific {share(counts):.1%}")
    unseen = met_unseen()
    print(f"unseen: {sum(unseen.values())} {dict(unseen)}, specific {share(unseen):.1%}")
