"""What an exercise is, and the check that tells *which* misunderstanding an answer shows.

An exercise holds a reference and several misconceptions: wrong implementations, each one edit away from the
reference, each with a hint. An answer is run on fresh inputs. If it equals the reference everywhere it is
right; if it equals a misconception everywhere, its author reads that misconception's hint.
"""

from __future__ import annotations

import copy
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from course_exercises.forms import agrees, is_short
from course_exercises.judging import Posed, Verdict
from course_exercises.random_inputs import MOST_DRAWS, outcome, tell_apart
from course_exercises.showing import Asked

BOOK_SEED = 2024
WIDTH = 76  # of a question, in characters: what a page shows without scrolling


@dataclass(frozen=True)
class Misconception:
    """A wrong implementation that people really write, and what to tell them.

    Attributes:
        function: takes the exercise's inputs, returns what the misunderstanding would.
        hint: one or two sentences that point at the misunderstanding without giving the solution.
    """

    function: Callable[..., Any]
    hint: str


@dataclass(frozen=True)
class Exercise:
    """A question with a checkable answer.

    Attributes:
        name: the key under which the topic's `EXERCISES` holds it.
        title: as in the chapter.
        kind: "implement" (the answer is a function) or "predict" (the answer is the value for one draw).
        points: for marking, at least 1.
        inputs: takes a `torch.Generator`, returns the tuple of arguments of one fresh case.
        reference: takes those arguments, returns the right answer.
        misconceptions: at least three, by name.
        next_step: what to try once it is right.
        question: for "predict": takes the arguments, returns the question as text.
        tolerance: relative and absolute tolerance for floating-point answers.
        draws: fresh cases an implementation is run on.
        rivals: wrong answers without a hint that the cases must also tell from all others; see `tell_apart`.
        slips: further likely mistakes, by name. Unlike misconceptions they may give on some inputs what another
            mistake gives too: whoever answers so reads the hints of all that fit, as a question.
        decimals: of a prediction, the places after the point that its question asks for. Without, three
            significant digits are enough.
        text: the question, Markdown; "" where it stands in a chapter.
        reason: of a prediction: why, in two sentences, shown with its solution.
        without: what an answer may not use: names of functions, or `LOOP` or `AUTOGRAD` of `rules`.
    """

    name: str
    title: str
    kind: Literal["implement", "predict"]
    points: int
    inputs: Callable[[torch.Generator], tuple[Any, ...]]
    reference: Callable[..., Any]
    misconceptions: dict[str, Misconception]
    next_step: str
    question: Callable[..., str] | None = None
    tolerance: float = 1e-5
    draws: int = 4
    rivals: tuple[Callable[..., Any], ...] = ()
    slips: dict[str, Misconception] = field(default_factory=dict)
    decimals: int | None = None
    text: str = ""
    reason: str = ""
    without: tuple[str, ...] = ()
    _drawn: list[int] = field(default_factory=lambda: [BOOK_SEED], init=False, repr=False, compare=False)
    _known: dict[tuple[str, int], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.misconceptions) < 3:
            raise ValueError(f"misconceptions of {self.name!r} must be at least three")
        if self.points < 1:
            raise ValueError(f"points of {self.name!r} must be at least 1, got {self.points}")
        if (self.kind == "predict") != (self.question is not None):
            raise ValueError(f"question of {self.name!r} belongs to a prediction, and only to one")
        if self.decimals is not None and (self.kind != "predict" or self.decimals < 1):
            raise ValueError(
                f"decimals of {self.name!r} must be at least 1, of a prediction, got {self.decimals}"
            )
        if both := self.slips.keys() & self.misconceptions.keys():
            raise ValueError(f"slips of {self.name!r} must not repeat a misconception, got {min(both)!r}")

    def cases(self, seed: int = BOOK_SEED) -> list[tuple[Any, ...]]:
        """The inputs drawn with `seed`: one case for a prediction, `draws` for an implementation.

        They are drawn again until they tell every known wrong answer from the right one; see `tell_apart`.
        """
        # telling them apart runs every misconception, and one of them may train for seconds
        return copy.deepcopy(self._once("cases", seed, lambda: self._draw(seed)))

    def _once(self, what: str, seed: int, make: Callable[[], Any]) -> Any:
        """What is made from the cases of a seed, made the first time it is asked for."""
        if (what, seed) not in self._known:
            self._known[what, seed] = make()
        return self._known[what, seed]

    def _draw(self, seed: int) -> list[tuple[Any, ...]]:
        generator = torch.Generator().manual_seed(seed)
        known = [self.reference, *(m.function for m in self.misconceptions.values())]
        for _ in range(MOST_DRAWS):
            cases = [self.inputs(generator) for _ in range(1 if self.kind == "predict" else self.draws)]
            if tell_apart(cases, known, self.rivals, self.agrees):
                return cases
        raise ValueError(f"inputs of {self.name!r} must tell its answers apart; {MOST_DRAWS} draws did not")

    def agrees(self, given: Any, wanted: Any) -> bool:
        """Whether the judge takes two outcomes of one case for the same."""
        predicted = self.kind == "predict"
        return agrees(given, wanted, self.tolerance, predicted=predicted, decimals=self.decimals)

    def ask(self, seed: int | None = None, *, again: bool = False) -> str:
        """The text of a prediction, in lines of at most 76 characters.

        Args:
            seed: of the values; those asked last if left out, at first the book's own.
            again: draw fresh values. `check` then wants the answer to these.

        Raises:
            ValueError: if the exercise asks for a function, or both a seed and fresh values are asked for.
        """
        if self.question is None:
            raise ValueError(f"{self.name!r} asks for a function; its question stands in the chapter")
        case = self.cases(self._seed(seed, again=again))[0]
        text = self.question(*copy.deepcopy(case))
        if self.decimals is None and not is_short(self.reference(*copy.deepcopy(case))):
            text += " (Three significant digits are enough.)"
        return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)

    def posed(self) -> str:
        """A prediction's question with the book's own values, in Markdown, as in the chapter."""
        text = " ".join(self.ask(BOOK_SEED).split())
        return re.sub(r"(`[^`]*`)|([\\*_`$<\[\]])", lambda found: found[1] or f"\\{found[2]}", text)

    def _seed(self, seed: int | None, *, again: bool) -> int:
        """The seed meant: the one given, the next one, or the one drawn last."""
        if seed is not None and again:
            raise ValueError("again draws a seed of its own: leave out seed")
        if again:
            self._drawn[0] += 1
        return self._drawn[0] if seed is None else seed

    def judge(self, answer: Any, seed: int = BOOK_SEED, *, in_full: bool = False) -> Verdict:
        """Run `answer` on the cases of `seed` and say what it is; never raises for what the answer does.

        Args:
            answer: the function, or for a prediction the value.
            seed: of the inputs.
            in_full: whether the message may show an input and what is wanted: to a reader, not in marking.
        """
        return self.on(seed, in_full=in_full).judge(answer)

    def judge_outcomes(self, given: list[Any], seed: int = BOOK_SEED, words: Collection[str] = ()) -> Verdict:
        """Say what an answer is from what it gave, wherever it was run.

        Args:
            given: what came of each case of `seed`, in order: a value, or the exception it ended in.
            seed: of the inputs.
            words: that the answer's source holds; see `rules.words_in`.

        Raises:
            ValueError: if there are not as many as cases.
        """
        posed = self.on(seed)
        if len(given) != len(posed.wanted):
            raise ValueError(f"given must hold {len(posed.wanted)} outcomes, got {len(given)}")
        return posed.judge_outcomes(given, words)

    def on(self, seed: int = BOOK_SEED, *, in_full: bool = False) -> Posed:
        """The question on the cases of `seed`, for the judge.

        Args:
            seed: of the inputs.
            in_full: whether a message may show an input and what is wanted.
        """
        cases = self.cases(seed)
        known = self.misconceptions | self.slips

        def mistaken() -> dict[str, list[Any]]:
            return {name: [outcome(wrong.function, case) for case in cases] for name, wrong in known.items()}

        return Posed(
            self.name,
            self.title,
            {None: self.next_step} | {name: wrong.hint for name, wrong in known.items()},
            self._once("right", seed, lambda: [self.reference(*copy.deepcopy(case)) for case in cases]),
            functools.partial(self._once, "mistaken", seed, mistaken),
            self.tolerance,
            Asked(
                cases=cases,
                names=tuple(inspect.signature(self.reference).parameters),
                predicted=self.kind == "predict",
                decimals=self.decimals,
                about=self._about(cases[0]),
                in_full=in_full,
            ),
            self.without,
        )

    def _about(self, case: tuple[Any, ...]) -> str:
        """Its own words: name and title, and a prediction's question."""
        asked = self.question(*copy.deepcopy(case)) if self.question else ""
        return f"{self.name} {self.title} {asked}"

    def check(self, answer: Any, seed: int | None = None, *, again: bool = False) -> None:
        """Say whether `answer` is right; print what comes next, or raise `WrongAnswer` with the hint.

        Args:
            answer: the function, or for a prediction the value. `...`, or a function whose body is still
                `...` or that raises `NotImplementedError`, counts as unanswered.
            seed: of the inputs; if left out those drawn last, at first the book's own.
            again: draw fresh inputs first, and try a function on these.

        Raises:
            WrongAnswer: if the answer is wrong.
            TypeError: if an implementation was asked for and `answer` cannot be called.
            ValueError: if fresh inputs are asked for together with a seed, or for a prediction.
        """
        if again and self.kind == "predict":
            raise ValueError("again is for functions: ask(again=True) draws new values for a prediction")
        self.on(self._seed(seed, again=again), in_full=True).check(answer)
