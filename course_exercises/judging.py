"""The one judge: chapters, the checker that students get, and the marking all ask it what an answer is."""

from __future__ import annotations

import ast
import copy
import dis
import inspect
import textwrap
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from course_exercises.comparison import (
    InputChanged,
    describe_difference,
    describe_form,
    right_in_another_form,
    same,
    shortly,
)
from course_exercises.forms import agrees, as_wanted
from course_exercises.random_inputs import Case, outcome_on
from course_exercises.rules import broken, words_of
from course_exercises.showing import Asked, in_full, smallest
from course_exercises.slips import form_of, seen_in

Status = Literal["right", "wrong", "unanswered"]


class WrongAnswer(AssertionError):
    """The answer was run and is not right; the message says what it looks like."""


class Unanswered(Exception):
    """The stub was left as it is."""


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        status: "right", "wrong" or "unanswered".
        message: what the reader is told.
        misconception: the recognised misconception's name, if one was.
        case: of a wrong answer, the first case on which it differs, counted from 0.
        right_cases: how many cases it is right on; none of an answer that uses what is forbidden.
        form_only: whether a wrong answer holds the right numbers, such as `"0.5"` for 0.5.
        family: the family of slips that its outcomes show, if no misconception was recognised.
    """

    status: Status
    message: str
    misconception: str | None = None
    case: int | None = None
    right_cases: int = 0
    form_only: bool = False
    family: str | None = None


def judge(
    title: str,
    said: dict[str | None, str],
    given: list[Any],
    wanted: list[Any],
    mistaken: Callable[[], dict[str, list[Any]]],
    tolerance: float,
    asked: Asked | None = None,
) -> Verdict:
    """Say what an answer is, from what came of each case.

    Args:
        title: the exercise's.
        said: what to say by misconception; under None, what comes next once the answer is right.
        given: the answer's outcomes: a value, or the exception it ended in, for each case.
        wanted: the reference's.
        mistaken: gives the outcomes of each misconception, by its name; asked only if the answer is wrong.
        tolerance: relative and absolute, for floating-point numbers.
        asked: what is known of the question; nothing, if left out.
    """
    asked = asked or Asked()
    given = [as_wanted(g, w) for g, w in zip(given, wanted, strict=True)]

    def equal(one: list[Any], other: list[Any]) -> list[bool]:
        return [
            agrees(a, b, tolerance, predicted=asked.predicted, decimals=asked.decimals)
            for a, b in zip(one, other, strict=True)
        ]

    right = [False] * len(given) if asked.closed else equal(given, wanted)
    count = sum(right)
    if all(right):
        return Verdict("right", f"{title}: right. {said[None]}".rstrip(), right_cases=count)
    first = right.index(False)
    if names := [name for name, outcomes in mistaken().items() if all(equal(given, outcomes))]:
        return Verdict("wrong", _either(title, [said[name] for name in names]), names[0], first, count)
    if asked.closed:
        slip = form_of(given, wanted, lambda _: False)
        seen = slip.text if slip else describe_form(given[0], wanted[0])
        seen = seen or f"{shortly(given[0])} is not the answer."
        return Verdict("wrong", f"{title}: not yet. {seen}", None, first, family=slip and slip.family)
    shown, slip = smallest(asked, right), None
    if asked.in_full or not asked.predicted or form_of(given, wanted):
        slip = seen_in(
            _from(given, shown),
            _from(wanted, shown),
            _from(asked.cases, shown),
            asked.names,
            tolerance=tolerance,
            predicted=asked.predicted,
            decimals=asked.decimals,
            about=asked.about,
        )
    seen = slip.text if slip else describe_difference(given[shown], wanted[shown], tolerance)
    if asked.in_full and not (asked.predicted and slip):
        seen = in_full(seen, asked, shown, given[shown], wanted[shown], tolerance)
    form_only = all(right_in_another_form(g, w, tolerance) for g, w in zip(given, wanted, strict=True))
    family = slip.family if slip else None
    return Verdict("wrong", f"{title}: not yet. {seen}", None, first, count, form_only, family)


@dataclass(frozen=True)
class Posed:
    """A question on certain inputs, and all that the judge has to know of it.

    Attributes:
        name: of the exercise.
        title: as in the chapter.
        said: as `judge` takes it.
        wanted: what the reference gives on each case.
        mistaken: gives what each misconception gives on them, by its name.
        tolerance: relative and absolute, for floating-point numbers.
        asked: the cases, and what else is known of the question.
        without: what an answer may not use; see `rules.broken`.
    """

    name: str
    title: str
    said: dict[str | None, str]
    wanted: list[Any]
    mistaken: Callable[[], dict[str, list[Any]]]
    tolerance: float
    asked: Asked
    without: Sequence[str] = ()

    def judge(self, answer: Any) -> Verdict:
        """Run an answer on the cases and say what it is; never raises for what the answer does.

        Args:
            answer: the function, or for a prediction the value.
        """
        try:
            given = [self._outcome(answer, case) for case in self.asked.cases]
        except Unanswered:
            return Verdict("unanswered", f"{self.title}: not answered yet. Replace the `...` and run again.")
        return self.judge_outcomes(given, words_of(answer) if self.without else ())

    def judge_outcomes(self, given: list[Any], words: Collection[str] = ()) -> Verdict:
        """Say what an answer is from what came of each case: a value, or the exception it ended in.

        Args:
            given: the outcomes.
            words: that the answer's source holds; see `rules.words_in`.
        """
        verdict = judge(self.title, self.said, given, self.wanted, self.mistaken, self.tolerance, self.asked)
        if verdict.status == "right" and (told := broken(self.without, set(words))):
            return Verdict("wrong", f"{self.title}: not yet. {told}", family="forbidden")
        return verdict

    def check(self, answer: Any) -> None:
        """Print what comes next if an answer is right, or that there is none yet.

        Raises:
            WrongAnswer: if it is wrong.
            TypeError: if a function is asked for and `answer` cannot be called.
        """
        blank = answer is ... or answer is None
        if not self.asked.predicted and not blank and not callable(answer):
            raise TypeError(
                f"answer must be your function {self.name} itself, not the result of calling it; "
                f"got {type(answer).__name__}"
            )
        verdict = self.judge(answer)
        if verdict.status == "wrong":
            raise WrongAnswer(verdict.message)
        print(verdict.message)

    def _outcome(self, answer: Any, case: Case) -> Any:
        if answer is ... or answer is None:
            raise Unanswered
        if self.asked.predicted:
            return answer
        mine = copy.deepcopy(case)
        result = outcome_on(answer, mine)
        if result is ... or isinstance(result, NotImplementedError):
            raise Unanswered
        if result is None and left_blank(answer):
            raise Unanswered
        if not all(same(now, before, 0.0) for now, before in zip(mine, case, strict=True)):
            return InputChanged()
        return result


def _either(title: str, hints: list[str]) -> str:
    """One hint, or several that fit equally well: then none of them is said to be the one."""
    if len(set(hints)) == 1:
        return hints[0]
    return (
        f"{title}: not yet. More than one mistake gives exactly this; is one of them yours? "
        + " Or: ".join(dict.fromkeys(hints))
    )


def _from(values: Sequence[Any], place: int) -> list[Any]:
    """The values, in turn, from one of them on."""
    return [*values[place:], *values[:place]]


def left_blank(answer: Callable[..., Any]) -> bool:
    """Whether a function still is the stub: `...` stands in it, or there is nothing in it at all."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(answer)))
    except (OSError, TypeError, SyntaxError, ValueError):
        code = getattr(answer, "__code__", None)
        if code is None:
            return False
        nothing = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
        return {instruction.opname for instruction in dis.get_instructions(code)} <= nothing
    statements = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    if any(isinstance(value, ast.Constant) and value.value is ... for value in statements):
        return True
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return bool(functions) and all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in functions[0].body
    )
