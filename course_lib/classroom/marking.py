"""Marking one submission: run its cells elsewhere, ask for the answers, and compare them here."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from course_lib.classroom.assignment import Assignment, Item
from course_lib.classroom.conversation import Worker, WorkerLost
from course_lib.classroom.marks import Mark, Status
from course_lib.classroom.sandbox import Sandbox
from course_lib.classroom.submissions import Cell
from course_lib.classroom.wire import Unmarkable, decode, encode_argument
from course_lib.exercises.comparison import InputChanged, same
from course_lib.exercises.exercise import Exercise

MOST_NOTES = 8
LONGEST_MESSAGE = 600  # characters; an answer that is shown may be long


@dataclass(frozen=True)
class Question:
    """An item made ready for marking: its exercise, the seed it is marked with, and its inputs encoded."""

    item: Item
    exercise: Exercise
    seed: int
    cases: list[tuple[Any, ...]] = field(repr=False)
    encoded: list[list[Any]] = field(repr=False)


def questions(assignment: Assignment) -> list[Question]:
    """Draw the inputs of every item: a prediction's as the student saw it, an implementation's for marking.

    Raises:
        ValueError: if the assignment is a student's copy, without a seed for marking, or names an exercise
            that does not exist.
        NotMarkable: if an exercise's inputs cannot travel to a worker.

    Taught in: "For instructors".
    """
    if assignment.marking_seed is None:
        raise ValueError("marking_seed must be set: this is a student's copy of the assignment")
    prepared = []
    for item in assignment.items:
        exercise = item.load()
        seed = assignment.seed if item.kind == "predict" else assignment.marking_seed
        cases = exercise.cases(seed)
        encoded = [[encode_argument(value) for value in case] for case in cases]
        prepared.append(Question(item, exercise, seed, cases, encoded))
    return prepared


class _Notebook:
    """The cells of one submission, run in a worker, and run again in a fresh one when that is lost."""

    def __init__(self, cells: list[Cell], symbols: dict[str, str], sandbox: Sandbox, place: int) -> None:
        self.cells, self._symbols, self._sandbox, self._place = cells, symbols, sandbox, place
        limits = sandbox.limits
        self._deadline = time.monotonic() + limits.submission_seconds * limits.patience
        self._spent = 0.0  # processor time of the workers that were lost
        self._worker: Worker | None = None
        self.lost: dict[int, WorkerLost] = {}  # by the cell's number
        self.errors: dict[int, str] = {}

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask a worker in which all cells were run; see `Worker.ask`."""
        while self._worker is None:
            self._run_cells()
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
            symbol = self._symbols.get(cell.exercise or "")
            request = {"do": "cell", "number": cell.number, "source": cell.source, "symbol": symbol}
            try:
                reply = self._to_worker(request, self._sandbox.limits.cell_seconds)
            except WorkerLost as lost:
                self.lost[cell.number] = lost
                return
            if reply.get("error") is not None:
                self.errors[cell.number] = _error_text(reply)


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

    Taught in: "For instructors".
    """
    symbols = {question.item.exercise: question.item.symbol for question in asked}
    notebook = _Notebook(cells, symbols, sandbox, place)
    try:
        marks = [_mark_one(notebook, question) for question in asked]
    finally:
        notebook.close()
    return marks, _notes(notebook)


def _mark_one(notebook: _Notebook, question: Question) -> Mark:
    try:
        outcomes = _outcomes(notebook, question)
    except WorkerLost as lost:
        return _failed(question, lost.status, f"It was stopped: {lost}.")
    if isinstance(outcomes, Mark):
        return outcomes
    for number, outcome in enumerate(outcomes, start=1):
        if isinstance(outcome, Unmarkable):
            return _failed(question, "wrong", f"That cannot be marked: {outcome.reason}.", case=number)
    verdict = question.exercise.judge_outcomes(outcomes, question.seed)
    item, case = question.item, None if verdict.case is None else verdict.case + 1
    status: Status = "ok" if verdict.status == "right" else "wrong"
    points = item.points if status == "ok" else 0
    message = verdict.message[:LONGEST_MESSAGE]
    return Mark(
        item.exercise, status, points, item.points, message, verdict.misconception, case, len(outcomes)
    )


def _outcomes(notebook: _Notebook, question: Question) -> list[Any] | Mark:
    """What the answer gives on each case; or the mark, where it is clear without."""
    item = question.item
    found = notebook.ask({"do": "value", "symbol": item.symbol})
    own_cells = [cell.number for cell in notebook.cells if cell.exercise == item.exercise]
    for number in own_cells:
        if number in notebook.lost:
            lost = notebook.lost[number]
            return _failed(question, lost.status, f"Its cell was stopped: {lost}.")
    if found.get("found") == "nothing":
        stopped = [notebook.errors[number] for number in own_cells if number in notebook.errors]
        if stopped:
            return _failed(question, "wrong", f"Its cell stopped with {stopped[-1]}")
        where = "its cell sets no" if own_cells else "its cell is gone, and nothing sets"
        return _failed(question, "missing", f"There is no answer: {where} `{item.symbol}`.")
    value = _decoded(found.get("value"))
    if value is ...:
        return _failed(question, "unanswered", f"{question.exercise.title}: not answered yet.")
    if item.kind == "predict":
        return [value]
    if found.get("found") != "function":
        return _failed(question, "wrong", f"`{item.symbol}` should be a function, and is none.")
    outcomes = []
    for number, (case, arguments) in enumerate(zip(question.cases, question.encoded, strict=True), start=1):
        try:
            reply = notebook.ask({"do": "call", "symbol": item.symbol, "arguments": arguments})
        except WorkerLost as lost:
            return _failed(question, lost.status, f"Your function was stopped: {lost}.", case=number)
        outcome = _decoded(reply.get("outcome"))
        if outcome is None or outcome is ... or isinstance(outcome, NotImplementedError):
            return _failed(question, "unanswered", f"{question.exercise.title}: not answered yet.")
        outcomes.append(InputChanged() if _changed(case, reply.get("arguments")) else outcome)
    return outcomes


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
    return Mark(item.exercise, status, 0, item.points, message, None, case, len(question.cases))


def _error_text(reply: dict[str, Any]) -> str:
    error = _decoded(reply["error"])
    if not isinstance(error, Exception):
        return "an error."
    line = reply.get("line")
    where = f" (line {line})" if type(line) is int else ""
    return f"{type(error).__name__}{where}: {str(error)[:200]}"


def _notes(notebook: _Notebook) -> list[str]:
    """What happened in cells that answer nothing."""
    others = [cell.number for cell in notebook.cells if cell.exercise is None]
    lost = [f"Cell {n} was left out: {notebook.lost[n]}." for n in others if n in notebook.lost]
    stopped = [f"Cell {n} stopped with {notebook.errors[n]}" for n in others if n in notebook.errors]
    return (lost + stopped)[:MOST_NOTES]
