"""Making the one-file checker: each message locked by the outcomes that it speaks of."""

from __future__ import annotations

import ast
import base64
import hashlib
import inspect
import json
import random
import zlib
from types import ModuleType
from typing import Any

from course_lib.classroom import checker, wire
from course_lib.classroom.assignment import Assignment
from course_lib.exercises.draws import outcome
from course_lib.exercises.exercise import Exercise

WIDTHS = (4, 16, 100, 1000)  # tolerances in a step: the wider, the easier to keep every number off an edge
TRIES = 100


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
    wanted = [outcome(exercise.reference, case) for case in cases]
    said = [(wanted, f"+{exercise.title}: right, as far as these inputs show. {exercise.next_step}")]
    for wrong in exercise.misconceptions.values():
        said.append(([outcome(wrong.function, case) for case in cases], f"-{wrong.hint}"))
    locks = []
    for place, (outcomes, text) in enumerate(said):
        locks.append(_lock(outcomes, text, exercise.tolerance, f"{label}/{seed}/{place}"))
    if not all(checker.unlock(locks, outcomes) == text for outcomes, text in said):
        raise ValueError(f"seed must tell the answers to {label} apart, {seed} does not")
    inputs = [] if exercise.kind == "predict" else [[wire.encode_argument(v) for v in c] for c in cases]
    return {
        "title": exercise.title,
        "kind": exercise.kind,
        "inputs": inputs,
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
            _body(wire),
            _body(checker),
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


def _lock(outcomes: list[Any], text: str, tolerance: float, label: str) -> dict[str, Any]:
    """A lock with the narrowest steps that leave every number more than `tolerance` from an edge."""
    texts, places = checker.read_off(outcomes)
    generator = random.Random(label)
    for width in WIDTHS:
        step = tolerance * width
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
                return lock | {"tag": tag, "text": checker.scramble(text.encode(), key).hex()}
    raise ValueError(f"outcomes of {label} must be fewer than {len(places)} numbers, to be rounded safely")
