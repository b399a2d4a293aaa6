"""Making the one-file checker: each message locked by the outcomes that it speaks of."""

from __future__ import annotations

import ast
import base64
import copy
import hashlib
import inspect
import json
import random
import zlib
from types import ModuleType
from typing import Any

from course_lib.classroom import checker, wire
from course_lib.classroom.assignment import Assignment
from course_lib.exercises import comparison, judging
from course_lib.exercises.exercise import Exercise

WIDTHS = (4, 16, 100, 1000)  # tolerances in a step: the wider, the easier to keep every number off an edge
TRIES = 100
FINEST = 1e-12  # where whole numbers are wanted exactly, an answer may still hold fractions


def locked(exercise: Exercise, label: str, seed: int) -> dict[str, Any]:
    """What the checker holds of an exercise: inputs, and messages that only their own outcomes open.

    Args:
        exercise: to be checked.
        label: makes its salts its own.
        seed: of the inputs.

    Returns:
        Plain data for `Checker`. In the order of their tags, locks do not show which is the right answer's.

    Raises:
        ValueError: if two answers cannot be told apart on the inputs of `seed`.

    Taught in: "For instructors".
    """
    cases = exercise.cases(seed)
    wanted = _outcomes(exercise.reference, cases)
    after = f"as far as these inputs show. {exercise.next_step}"
    said = [("", after, wanted)]
    said += [(name, m.hint, _outcomes(m.function, cases)) for name, m in exercise.misconceptions.items()]
    locks = []
    for place, (name, text, outcomes) in enumerate(said):
        encoded = [_encoded(outcome) for outcome in outcomes]
        content = {"name": name, "place": place, "text": text, "outcomes": encoded}
        packed = zlib.compress(json.dumps(content).encode(), 9)
        locks.append(_lock(outcomes, packed, exercise.tolerance, f"{label}/{seed}/{place}"))
    known = {"title": exercise.title, "locks": locks, "tolerance": exercise.tolerance, "forms": []}
    for name, text, outcomes in said:
        told = checker.verdict(known | {"forms": [checker.form(o) for o in outcomes]}, outcomes)
        if not (told.startswith("+") if name == "" else told == f"-{text}"):
            raise ValueError(f"seed must tell the answers to {label} apart, {seed} does not")
    inputs = [] if exercise.kind == "predict" else [[wire.encode_argument(v) for v in c] for c in cases]
    return {
        "title": exercise.title,
        "kind": exercise.kind,
        "inputs": inputs,
        "tolerance": exercise.tolerance,
        "forms": [checker.form(outcome) for outcome in wanted],
        "locks": sorted(locks, key=lambda lock: lock["tag"]),
    }


def one_file(assignment: Assignment) -> str:
    """The source of a checker for an assignment: one file that needs torch and nothing of ours."""
    data = {item.exercise: locked(item.load(), item.exercise, assignment.seed) for item in assignment.items}
    packed = base64.b85encode(zlib.compress(json.dumps(data).encode(), 9)).decode()
    written = "\n".join(f'    "{packed[at : at + 100]}"' for at in range(0, len(packed), 100))
    return "\n\n".join(
        [
            f'"""{inspect.getdoc(checker)}\n"""\n\nfrom __future__ import annotations',
            *map(_body, (wire, comparison, judging, checker)),
            f"import base64\nimport json\nimport zlib\n\n_PACKED = (\n{written}\n)",
            "check = Checker(json.loads(zlib.decompress(base64.b85decode(_PACKED)))).check\n",
        ]
    )


def _body(module: ModuleType) -> str:
    """A module's source without its docstring and its imports of ours."""
    source = inspect.getsource(module)
    lines = source.splitlines()
    for node in ast.parse(source).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ours = isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("course_lib", "__future__")
        )
        if docstring or ours:
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(lines).strip()


def _encoded(outcome: Any) -> Any:
    return wire.encode_exception(outcome) if isinstance(outcome, Exception) else wire.encode(outcome)


def _outcomes(function: Any, cases: list[tuple[Any, ...]]) -> list[Any]:
    outcomes = []
    for case in cases:
        try:
            outcomes.append(function(*copy.deepcopy(case)))
        except Exception as error:  # a misconception may well end in one
            outcomes.append(error)
    return outcomes


def _lock(outcomes: list[Any], text: bytes, tolerance: float, label: str) -> dict[str, Any]:
    """A lock with the narrowest steps that leave every number more than `tolerance` from an edge."""
    texts, places = checker.read_off(outcomes)
    generator = random.Random(label)
    for width in WIDTHS:
        step = max(tolerance, FINEST) * width
        for _ in range(TRIES):
            offset = generator.random()
            fractions = [(place / step + offset) % 1 for place in places]
            if all(1 < fraction * width < width - 1 for fraction in fractions):
                lock = {
                    "salt": hashlib.sha256(label.encode()).hexdigest()[:16],
                    "step": step,
                    "offset": offset,
                }
                key = checker.derive(texts, places, lock)
                tag = hashlib.sha256(key + b"open").hexdigest()[:32]
                return lock | {"tag": tag, "text": checker.scramble(text, key).hex()}
    raise ValueError(f"outcomes of {label} must be fewer than {len(places)} numbers, to be rounded safely")
