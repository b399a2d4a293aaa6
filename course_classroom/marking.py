"""Marking one submission: its cells run in the sandbox, its answers are compared here.

An answer runs first on the inputs that students have, and what its author is told of it comes from there,
before anything of the hidden inputs is in reach. Points come from the hidden ones, of which no text gets out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from course_classroom.assignment import Assignment, Item
from course_classroom.marks import Mark, Status
from course_classroom.sandbox import Sandbox
from course_classroom.serialization import Unmarkable, decode, encode_argument
from course_classroom.submissions import Cell
from course_classroom.worker_client import Worker, WorkerLost
from course_exercises.comparison import InputChanged, same
from course_exercises.exercise import Exercise
from course_exercises.judging import Verdict
from course_exercises.rules import words_in

MOST_NOTES = 8
LONGEST_MESSAGE = 600  # characters; an answer that is shown may be long
HIDDEN = (
    "It is right on the inputs that you have, and wrong on others. Which kinds of input does it not cover?"
)
# What an exception says where the answer may be right, and this machine lacks what it needs.
_LACKS = re.compile(r"No module named|NVIDIA|CUDA|cuda|\bMPS\b|\bmps\b|HIP GPU")


@dataclass(frozen=True)
class Question:
    """An item made ready for marking: its exercise, the seed it is marked with, and its inputs encoded.

    `shown` are the inputs that students have, encoded; none for a prediction.
    """

    item: Item
    exercise: Exercise
    seed: int
    cases: list[tuple[Any, ...]] = field(repr=False)
    encoded: list[list[Any]] = field(repr=False)
    shown_seed: int
    shown: list[list[Any]] = field(repr=False)


def questions(assignment: Assignment) -> list[Question]:
    """Draw the inputs of every item: a prediction's as the student saw it, an implementation's for marking.

    Raises:
        ValueError: if the assignment is a student's copy, without a seed for marking, or names an exercise
            that does not exist.
        NotMarkable: if an exercise's inputs cannot travel to a worker.
    """
    if assignment.marking_seed is None:
        raise ValueError("marking_seed must be set: this is a student's copy of the assignment")
    prepared = []
    for item in assignment.items:
        exercise = item.load()
        seed = assignment.seed if item.kind == "predict" else assignment.marking_seed
        cases, shown = exercise.cases(seed), exercise.cases(assignment.seed)
        encoded, shown = ([[encode_argument(v) for v in case] for case in drawn] for drawn in (cases, shown))
        prepared.append(Question(item, exercise, seed, cases, encoded, assignment.seed, shown))
    return prepared


class _Notebook:
    """The cells of one submission, run in a worker, and run again in a fresh one when that is lost."""

    def __init__(self, cells: list[Cell], symbols: list[str], sandbox: Sandbox, place: int) -> None:
        self.cells, self._symbols, self._sandbox, self._place = cells, symbols, sandbox, place
        limits = sandbox.limits
        self._deadline = time.monotonic() + limits.submission_seconds * limits.patience
        self._spent = 0.0  # processor time of the workers that were lost
        self._worker: Worker | None = None
        self.lost: dict[int, WorkerLost] = {}  # by the cell's number
        self.errors: dict[int, Exception] = {}
        self.lines: dict[int, int] = {}
        self.set: dict[str, dict[int, str]] = {symbol: {} for symbol in symbols}  # kinds, by cell

    def start(self) -> None:
        """Run the cells, if they have not been."""
        while self._worker is None:
            self._run_cells()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask a worker in which all cells were run; see `Worker.ask`."""
        self.start()
        return self._to_worker(request, self._sandbox.limits.call_seconds)

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()

    def _left(self) -> float:
        """Processor time left for this submission; where there is none, the worker is ended and lost."""
        most = self._sandbox.limits.submission_seconds
        left = most - self._spent - (self._worker.spent if self._worker else 0.0)
        if left <= 0:
            self.close()
            raise WorkerLost("timeout", f"no end of it all within {most:.3g} s of processor time")
        if time.monotonic() > self._deadline:
            self.close()
            raise WorkerLost("busy", "the machine was too busy to come to an end")
        return left

    def _to_worker(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        left = self._left()
        try:
            return self._worker.ask(request, min(seconds, left))
        except WorkerLost:
            self._spent += self._worker.spent
            self._worker = None
            raise

    def _run_cells(self) -> None:
        """Start a worker and run every cell that no worker was lost to; leave none if one is lost now."""
        self._left()
        self._worker = Worker(self._sandbox, self._place)
        for cell in self.cells:
            if cell.number in self.lost:
                continue
            request = {
                "do": "cell", "number": cell.number, "source": cell.source, "symbols": self._symbols,
            }  # fmt: skip
            try:
                reply = self._to_worker(request, self._sandbox.limits.cell_seconds)
            except WorkerLost as lost:
                self.lost[cell.number] = lost
                return
            self._take_note(cell.number, reply)

    def _take_note(self, number: int, reply: dict[str, Any]) -> None:
        if reply.get("error") is not None:
            error = _decoded(reply["error"])
            self.errors[number] = error if isinstance(error, Exception) else RuntimeError("an error")
            if type(reply.get("line")) is int:
                self.lines[number] = reply["line"]
        kinds = reply.get("set")
        for symbol, kind in kinds.items() if isinstance(kinds, dict) else ():
            if symbol in self.set:
                self.set[symbol][number] = str(kind)


def mark(
    cells: list[Cell], asked: list[Question], sandbox: Sandbox, place: int = 0
) -> tuple[list[Mark], list[str]]:
    """Mark every question of one submission.

    Args:
        cells: of the notebook, in order.
        asked: of the assignment, from `questions`.
        sandbox: in which the cells are run.
        place: which of the sandbox's places to use; nobody else may use it meanwhile.

    Returns:
        A mark for each question, in order, and notes on cells that did not run to their end.

    Raises:
        SandboxError: if no worker can be started; that is no fault of the student's.
    """
    notebook = _Notebook(cells, [question.item.symbol for question in asked], sandbox, place)
    try:
        shown = [_guarded(notebook, question, _shown) for question in asked]
        marks = [
            seen if isinstance(seen, Mark) else _guarded(notebook, question, _marker(seen))
            for question, seen in zip(asked, shown, strict=True)
        ]
    finally:
        notebook.close()
    return marks, _notes(notebook)


Shown = dict[int, Verdict]  # what an answer is on the inputs that students have, by its cell


def _guarded(notebook: _Notebook, question: Question, work: Callable[[_Notebook, Question], Any]) -> Any:
    try:
        return work(notebook, question)
    except WorkerLost as lost:
        return _failed(question, lost.status, f"It was stopped: {lost}.")


def _shown(notebook: _Notebook, question: Question) -> Shown | Mark:
    """What each candidate for an answer is on the inputs that students have; or the mark, if it is clear."""
    notebook.start()
    item = question.item
    own = [cell.number for cell in notebook.cells if cell.exercise == item.exercise]
    candidates = _candidates(notebook, question)
    if not candidates:
        return _nothing(notebook, question, own)
    seen: Shown = {}
    for number in candidates:
        try:
            seen[number] = _verdict(notebook, question, number, hidden=False)
        except WorkerLost as lost:
            if len(candidates) == 1:
                return _failed(question, lost.status, f"Your function was stopped: {lost}.")
            seen[number] = Verdict("wrong", f"Your function was stopped: {lost}.")
    return seen


def _candidates(notebook: _Notebook, question: Question) -> list[int]:
    """The cells that set an answer which is not blank: the answer's own first, and of each the last first."""
    kinds = notebook.set[question.item.symbol]
    own = {cell.number for cell in notebook.cells if cell.exercise == question.item.exercise}
    filled = [number for number, kind in kinds.items() if kind != "blank"]
    return sorted(filled, key=lambda number: (number not in own, -number))[:3]


def _nothing(notebook: _Notebook, question: Question, own: list[int]) -> Mark:
    """The mark where no cell set an answer: left blank, or stopped before it could be set, or gone."""
    symbol = question.item.symbol
    for number in own:
        if number in notebook.lost:
            lost = notebook.lost[number]
            return _failed(question, lost.status, f"Its cell was stopped: {lost}.")
    stopped = [number for number in own if number in notebook.errors]
    if stopped:
        told = f"Its cell stopped with {_error_text(notebook, stopped[-1])}"
        lacks = any(_lacks(error) for error in notebook.errors.values())
        return _failed(question, "look" if lacks else "wrong", told)
    if notebook.set[symbol]:
        return _failed(question, "unanswered", f"{question.exercise.title}: not answered yet.")
    where = "its cell sets no" if own else "its cell is gone, and nothing sets"
    return _failed(question, "missing", f"There is no answer: {where} `{symbol}`.")


def _marker(seen: Shown) -> Callable[[_Notebook, Question], Mark]:
    """Mark the first candidate; where another would be right instead, a person has to say which counts."""

    def work(notebook: _Notebook, question: Question) -> Mark:
        first, *others = seen
        got = _marked(notebook, question, first, seen[first])
        own = {cell.number for cell in notebook.cells if cell.exercise == question.item.exercise}
        if got.status == "ok" and own and first not in own:
            told = f"`{question.item.symbol}` is set outside its cell, which holds no answer."
            return _failed(question, "look", told)
        if got.status == "wrong" and any(seen[n].status == "right" for n in others):
            told = f"Several cells set `{question.item.symbol}`, and the last is not the right one."
            return _failed(question, "look", told)
        return got

    return work


def _marked(notebook: _Notebook, question: Question, number: int, seen: Verdict) -> Mark:
    verdict = seen if not question.shown or question.item.kind == "predict" else None
    verdict = verdict or _verdict(notebook, question, number, hidden=True)
    item = question.item
    case = None if verdict.case is None else verdict.case + 1
    status: Status = {"right": "ok", "unanswered": "unanswered"}.get(verdict.status, "wrong")
    message = verdict.message
    if status == "wrong" and verdict.misconception is None:
        message = seen.message if seen.status != "right" else f"{question.exercise.title}: not yet. {HIDDEN}"
        if verdict.form_only:
            status = "look"
        elif _lacks_something(notebook, number, message):
            status, message = "look", f"{message} What it needs is not there when marking."
    points = item.credit(verdict) if status in ("ok", "wrong") else 0
    told = _without_paths(message)[:LONGEST_MESSAGE]
    return Mark(
        item.exercise, status, points, item.points, told, verdict.misconception, case, len(question.cases)
    )


def _lacks_something(notebook: _Notebook, number: int, message: str) -> bool:
    """Whether a wrong answer may be due to what this machine lacks: a package, a GPU."""
    missing_name = "NameError" in message or "AttributeError" in message
    errors = notebook.errors.values() if missing_name else [notebook.errors.get(number)]
    return bool("It raised" in message and _LACKS.search(message)) or any(map(_lacks, errors))


def _lacks(error: Exception | None) -> bool:
    """Whether an exception says that something is not installed or no GPU is there."""
    text = f"{type(error).__name__}: {error}"
    return error is not None and "No module named 'checker'" not in text and bool(_LACKS.search(text))


def _verdict(notebook: _Notebook, question: Question, number: int, *, hidden: bool) -> Verdict:
    """Say what the answer that a cell set is, on the inputs of marking or on those that students have."""
    item, exercise = question.item, question.exercise
    kind = notebook.set[item.symbol].get(number, "function")
    unanswered = Verdict("unanswered", f"{exercise.title}: not answered yet.")
    if item.kind == "predict":
        value = _decoded(notebook.ask({"do": "value", "symbol": item.symbol, "number": number}).get("value"))
        outcomes = [value]
    elif kind == "value":
        return Verdict("wrong", f"`{item.symbol}` should be a function, and is none.")
    else:
        outcomes = []
        seed = question.seed if hidden else question.shown_seed
        cases = question.cases if hidden else exercise.cases(seed)
        for case, arguments in zip(cases, question.encoded if hidden else question.shown, strict=True):
            request = {"do": "call", "symbol": item.symbol, "number": number, "arguments": arguments}
            reply = notebook.ask(request)
            outcome = _decoded(reply.get("outcome"))
            outcomes.append(InputChanged() if _changed(case, reply.get("arguments")) else outcome)
        undone = (o is ... or isinstance(o, NotImplementedError) for o in outcomes)
        if any(undone) or (kind == "started" and any(o is None for o in outcomes)):
            return unanswered
    for outcome in outcomes:
        if isinstance(outcome, Unmarkable):
            return Verdict("wrong", f"{exercise.title}: not yet. That cannot be marked: {outcome.reason}.")
    seed = question.seed if hidden or item.kind == "predict" else question.shown_seed
    words = words_in(_read_in_order(notebook, number), item.symbol) if exercise.without else ()
    return exercise.judge_outcomes(outcomes, seed, words)


def _read_in_order(notebook: _Notebook, number: int) -> list[str]:
    """The sources of the cells, in an order in which what the cell of that number sets is set last."""
    return [
        cell.source for cell in sorted(notebook.cells, key=lambda cell: (cell.number <= number, cell.number))
    ]


def _decoded(data: Any) -> Any:
    try:
        return decode(data)
    except (ValueError, RecursionError):
        return Unmarkable("it arrived in pieces")


def _changed(case: tuple[Any, ...], afterwards: Any) -> bool:
    """Whether a call left its arguments other than they were; functions are not looked at."""
    if not isinstance(afterwards, list) or len(afterwards) != len(case):
        return True
    pairs = [(before, after) for before, after in zip(case, afterwards, strict=True) if not callable(before)]
    return not all(same(_decoded(after), before, 0.0) for before, after in pairs)


def _failed(question: Question, status: str, message: str, case: int | None = None) -> Mark:
    item = question.item
    told = _without_paths(message)[:LONGEST_MESSAGE]
    return Mark(item.exercise, status, 0, item.points, told, None, case, len(question.cases))


def _without_paths(text: str) -> str:
    """The text with only the last part of each path of this machine."""
    return re.sub(r"(?<![\w.:/])/(?:[\w.@+~-]+/)+([\w.@+~-]+)", r"\1", text)


def _error_text(notebook: _Notebook, number: int) -> str:
    error = notebook.errors[number]
    line = notebook.lines.get(number)
    where = f" (line {line})" if line is not None else ""
    return _without_paths(f"{type(error).__name__}{where}: {str(error)[:200]}")


def _notes(notebook: _Notebook) -> list[str]:
    """What happened in cells that answer nothing; each is named by how it begins."""
    others = [cell for cell in notebook.cells if cell.exercise is None]
    lost = [
        f"{_named(cell)} was left out: {notebook.lost[cell.number]}."
        for cell in others
        if cell.number in notebook.lost
    ]
    stopped = [
        f"{_named(cell)} stopped with {_error_text(notebook, cell.number)}"
        for cell in others
        if cell.number in notebook.errors
    ]
    return (lost + stopped)[:MOST_NOTES]


def _named(cell: Cell) -> str:
    lines = cell.source.strip().splitlines() or [""]
    return f"The cell that begins with `{lines[0][:60]}`"
