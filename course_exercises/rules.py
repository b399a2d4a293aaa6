"""What an exercise forbids, found in an answer's source: a function that would give it away, a loop, autograd.

An answer is read, not run. What cannot be read counts as allowed, so no honest answer fails for it.
"""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable, Sequence
from types import CodeType
from typing import Any

LOOP = "loop"
AUTOGRAD = "autograd"
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.comprehension)
GRADIENTS = {"backward", "grad", "requires_grad", "requires_grad_", "value_and_grad", "grad_and_value"} | {
    "jacobian", "hessian", "jacrev", "jacfwd", "vjp", "jvp",
}  # fmt: skip

Resolve = Callable[[str], set[str]]  # what a name from outside a function stands for


def broken(forbidden: Iterable[str], words: set[str]) -> str | None:
    """What to say of an answer that is right and uses what its exercise forbids.

    Args:
        forbidden: names of functions, `LOOP` or `AUTOGRAD`.
        words: that its source holds, from `words_of` or `words_in`.

    Returns:
        Two sentences, or None if it keeps to the rules.
    """
    for word in forbidden:
        if word == AUTOGRAD and words & GRADIENTS:
            return "The values are right. The exercise asks for them without autograd, and your function uses it."
        if word == LOOP and LOOP in words:
            return "The values are right. The exercise asks for them without a loop, and there is one in your function."
        if word in words and word != LOOP:
            return f"The values are right. The exercise asks for them without `{word}`, and your function uses it."
    return None


def words_of(answer: Any) -> set[str]:
    """The names that a function and its own helpers use, and `LOOP` if one of them loops; of others, none."""
    return _of_value(answer, set())


def words_in(sources: Sequence[str], symbol: str) -> set[str]:
    """The same, of the function that a notebook's cells leave under a name.

    Args:
        sources: of the cells, in the order in which they ran; what is not Python is passed over.
        symbol: the function's name.
    """
    bound: dict[str, ast.AST] = {}
    for source in sources:
        for statement in _statements(source):
            bound |= dict.fromkeys(_names_bound(statement), statement)

    def resolve(name: str, seen: frozenset[str]) -> set[str]:
        if name in seen:
            return set()
        if name not in bound:
            return {name}
        statement, deeper = bound[name], seen | {name}
        if isinstance(statement, ast.Import | ast.ImportFrom):
            return {a.name.rpartition(".")[2] for a in statement.names if name == (a.asname or a.name)}
        return _words(statement, lambda inner: resolve(inner, deeper))

    return resolve(symbol, frozenset()) if symbol in bound else set()


def _of_value(value: Any, seen: set[int], home: str | None = None) -> set[str]:
    """The words of a function of the module `home`; of anything else that can be called, its name."""
    if isinstance(value, functools.partial):
        return _of_value(value.func, seen, home)
    value = getattr(value, "__func__", value)
    if not inspect.isfunction(value) or value.__module__ != (home or value.__module__):
        return {getattr(value, "__name__", type(value).__name__)} if callable(value) else set()
    if home is None and (value.__module__ or "").partition(".")[0] == "torch":
        return {value.__name__}
    if id(value) in seen:
        return set()
    seen.add(id(value))
    outside = value.__globals__ | dict(inspect.getclosurevars(value).nonlocals)

    def resolve(name: str) -> set[str]:
        return _of_value(outside[name], seen, value.__module__) if name in outside else {name}

    node = _node(value)
    return _words(node, resolve) if node else _of_code(value.__code__, resolve)


def _node(function: Any) -> ast.AST | None:
    """A function's definition, or a lambda, where its source can be read without doubt."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    name = function.__name__
    kinds = ast.Lambda if name == "<lambda>" else (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [n for n in ast.walk(tree) if isinstance(n, kinds) and getattr(n, "name", "<lambda>") == name]
    return found[0] if len(found) == 1 else None


def _words(node: ast.AST, resolve: Resolve) -> set[str]:
    inside = list(ast.walk(node))
    own = {n.arg for n in inside if isinstance(n, ast.arg)}
    own |= {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {n.name for n in inside if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    words = {LOOP} if any(isinstance(n, LOOPS) for n in inside) else set()
    for n in inside:
        if isinstance(n, ast.Attribute):
            words.add(n.attr)
        elif isinstance(n, ast.alias):
            words.add(n.name.rpartition(".")[2])
        elif isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id not in own:
            words |= resolve(n.id) if not hasattr(builtins, n.id) else set()
    return words


def _of_code(code: CodeType, resolve: Resolve) -> set[str]:
    """The names that compiled code holds, where there is no source; of loops, those with `for`."""
    words: set[str] = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname == "FOR_ITER":
            words.add(LOOP)
        elif instruction.opname in {"LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"}:
            words.add(str(instruction.argval))
        elif instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"}:
            words |= resolve(instruction.argval) if not hasattr(builtins, instruction.argval) else set()
    return words.union(*(_of_code(c, resolve) for c in code.co_consts if isinstance(c, CodeType)))


def _statements(source: str) -> list[ast.stmt]:
    """A cell's statements, without the lines that speak to the notebook."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _names_bound(statement: ast.stmt) -> list[str]:
    """The names that a statement at the top of a cell sets."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in statement.names]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
