"""Self-test of the marking: right, blank and mistaken answers are handed in, and each must get its due.

The mistaken ones are the exercises' own misconceptions: the first submission holds the first of every
exercise, the second the second, and so on. All go the way of a student's notebook: written to a file, read
without belief, run in the sandbox, compared by the grader.
"""

from __future__ import annotations

import importlib
import inspect
import tempfile
from collections.abc import Sequence
from pathlib import Path

from course_classroom import assignment as assignments
from course_classroom import release_notebook
from course_classroom.assignment import Assignment, Item, counted
from course_classroom.chapter_exercises import CHAPTERS, Stub, find_stubs, own_stubs, select
from course_classroom.grade import grade
from course_classroom.marks import Mark
from course_classroom.sandbox import Sandbox, SandboxError
from course_classroom.submissions import find
from course_exercises import MACHINERY
from course_lib.command_line import OneLineParser

RIGHT, BLANK = "right", "blank"
# The sandbox hides the exercises, so a mistaken answer brings the source of its misconception along.
_CARRIED = """import sys, types
for name, source in {sources!r}.items():
    sys.modules[name] = module = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
"""


def submissions(assignment: Assignment, stubs: list[Stub]) -> dict[str, dict[str, release_notebook.Answer]]:
    """How each pretended student answers: "right", "blank", "mistaken-1", "mistaken-2", …

    Args:
        assignment: with a seed for marking.
        stubs: of its items, in their order.

    Returns:
        By student, what makes the source of an answer's cell.
    """
    most = max(len(item.load().misconceptions) for item in assignment.items)
    answers: dict[str, release_notebook.Answer] = {
        RIGHT: lambda item, stub: release_notebook.solved(item, stub, assignment.seed),
        BLANK: release_notebook.blank,
    }
    for place in range(most):
        answers[f"mistaken-{place + 1}"] = _mistaken(assignment, place)
    return {student: _notebook(assignment, stubs, answer) for student, answer in answers.items()}


def expected(item: Item, student: str) -> tuple[str, str | None]:
    """The status and the misconception that a pretended student's answer should get."""
    if student in (RIGHT, BLANK):
        return ("ok" if student == RIGHT else "unanswered"), None
    names = list(item.load().misconceptions)
    return "wrong", names[(int(student.rpartition("-")[2]) - 1) % len(names)]


def surprises(
    assignment: Assignment, stubs: list[Stub], sandbox: Sandbox, folder: Path, workers: int = 2
) -> list[str]:
    """Hand in, mark, and list what did not get what it should.

    Args:
        assignment: with a seed for marking.
        stubs: of its items, in their order.
        sandbox: in which answers are run.
        folder: where submissions and marks are written.
        workers: submissions at a time.

    Returns:
        A line for each surprise; empty if the marking does what it should.

    Raises:
        ValueError: if the assignment has no seed for marking.
        SandboxError: if no worker can be started.
    """
    handed_in = folder / "submissions"
    for student, content in submissions(assignment, stubs).items():
        path = handed_in / student / f"{assignment.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(release_notebook.as_bytes(content))
    everyone = grade(assignment, find(handed_in, assignment.name), folder / "marks", sandbox, workers=workers)
    found = []
    for student in everyone:
        for item, mark in zip(assignment.items, student.marks, strict=True):
            line = _surprise(item, student.student, mark)
            found += [line] if line else []
        if student.problem:
            found.append(f"{student.student}: {student.problem}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: 0 if every answer gets what it should, 1 if one does not, 2 for bad input."""
    command = OneLineParser(prog="python -m course_classroom selftest", description=__doc__)
    command.add_argument("assignment", type=Path, nargs="?", help="the instructor's assignment.json")
    command.add_argument("--module", type=Path, metavar="FILE", help="your own exercises")
    command.add_argument("--chapter", type=int, nargs="+", default=[], help="or all exercises of chapters")
    command.add_argument("--workers", type=int, default=2, help="submissions at a time (default 2)")
    command.add_argument(
        "--without-isolation",
        action="store_true",
        help="run them as plain processes: nothing but the book's own answers is run",
    )
    given = command.parse_args(arguments)
    try:
        assignment, stubs = _chosen(given.assignment, given.chapter, given.module)
        with (
            Sandbox(isolated=not given.without_isolation) as sandbox,
            tempfile.TemporaryDirectory() as folder,
        ):
            found = surprises(assignment, stubs, sandbox, Path(folder), given.workers)
    except (ValueError, OSError, SandboxError) as error:
        command.error(" ".join(str(error).split()))
    print(*found, sep="\n", end="\n" if found else "")
    mistakes = sum(len(item.load().misconceptions) for item in assignment.items)
    print(
        f"{assignment.name}: {counted(len(assignment.items), 'exercise')}, right, blank and {mistakes} "
        f"misconceptions; {counted(len(found), 'surprise')}"
    )
    return 1 if found else 0


def _chosen(path: Path | None, chapters: list[int], module: Path | None) -> tuple[Assignment, list[Stub]]:
    """The assignment of a file; or one of all exercises of chapters, of a module, or of the book."""
    own = own_stubs(module) if module else []
    stubs = [*find_stubs(CHAPTERS), *own]
    if path is not None and chapters:
        raise ValueError("assignment and --chapter must not both be given")
    if path is not None:
        assignment = assignments.read(path)
        return assignment, select(stubs, [item.exercise for item in assignment.items])
    if own and not chapters:
        chosen = own
    else:
        chosen = select(stubs, chapters=chapters or sorted({stub.number for stub in stubs}))
    items = tuple(stub.item(place) for place, stub in enumerate(chosen, start=1))
    return Assignment("selftest", items, seed=2024, marking_seed=7), chosen


def _mistaken(assignment: Assignment, place: int) -> release_notebook.Answer:
    """Answers as somebody with the misconception at `place` of each exercise would give them."""

    def answer(item: Item, _stub: Stub) -> str:
        known = item.load()
        name = list(known.misconceptions)[place % len(known.misconceptions)]
        if item.kind == "predict":
            (case,) = known.cases(assignment.seed)
            return f"{item.symbol} = {_literal(known.misconceptions[name].function(*case))}"
        topic, _, key = item.exercise.partition("/")
        return (
            f"from course_exercises.{topic} import EXERCISES\n"
            f"{item.symbol} = EXERCISES[{key!r}].misconceptions[{name!r}].function"
        )

    return answer


def _literal(value: object) -> str:
    """Source of a value that a reader might predict."""
    tolist = getattr(value, "tolist", None)
    return repr(value) if tolist is None else f"torch.tensor({tolist()!r})"


def _notebook(
    assignment: Assignment, stubs: list[Stub], answer: release_notebook.Answer
) -> dict[str, object]:
    content = release_notebook.notebook(assignment, stubs, answer=answer)
    if any("course_exercises." in "".join(cell["source"]) for cell in content["cells"]):
        carry = next(cell for cell in content["cells"] if cell["id"] == "setup")
        carry["source"] = [*carry["source"], "\n", *_carried(assignment).splitlines(keepends=True)]
    return content


def _carried(assignment: Assignment) -> str:
    """Source that makes the exercises of an assignment importable where they are hidden."""
    topics = dict.fromkeys(item.exercise.partition("/")[0] for item in assignment.items)
    sources = {"course_exercises": ""}
    for module in (*MACHINERY, *topics):
        name = f"course_exercises.{module}"
        sources[name] = inspect.getsource(importlib.import_module(name))
    return _CARRIED.format(sources=sources)


def _surprise(item: Item, student: str, mark: Mark) -> str | None:
    status, misconception = expected(item, student)
    points = item.points if status == "ok" else 0
    told = item.load().misconceptions[misconception].hint in mark.message if misconception else True
    if (mark.status, mark.misconception, mark.points) == (status, misconception, points) and told:
        return None
    wanted = f"{status}, {misconception!r}" if misconception else status
    return f"{student}: {item.exercise} should be {wanted}; it is {mark.status}: {mark.message}"
