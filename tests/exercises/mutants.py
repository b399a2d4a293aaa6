"""Wrong programs made from a right one: every single edit of an exercise's reference, and a run of each.

An edit swaps an operator, a function or two arguments, changes a number, an axis or a letter, scales or
ignores a parameter, drops a call, a keyword, an index or a statement, or cuts a branch. The edited source is
compiled in a copy of the reference's own module, together with the module's functions that it calls.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_exercises.exercise import Exercise

LONGEST_LOOP = 1000
LONGEST_NUMBER = 4096

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult, ast.FloorDiv)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
SYMMETRIC = {"minimum", "maximum", "transpose"}
NAMES = [
    {"sum", "mean", "prod", "cumsum"},
    {"max", "min", "mean", "sum"},
    {"argmax", "argmin"},
    {"minimum", "maximum"},
    {"all", "any"},
    {"floor", "ceil", "round", "trunc"},
    {"tril", "triu"},
    {"ones", "zeros"},
    {"sin", "cos", "tan"},
    {"softmax", "log_softmax", "sigmoid"},
    {"sigmoid", "tanh", "exp", "logsigmoid"},
    {"log", "log2", "log10", "exp"},
    {"std", "var"},
    {"square", "abs", "sqrt"},
    {"eigvalsh", "eigvals"},
    {"values", "indices"},
    {"squeeze", "unsqueeze"},
]


@dataclass(frozen=True)
class Mutant:
    """One edit.

    Attributes:
        text: "old → new", the lines that differ.
        function: the edited program.
    """

    text: str
    function: Callable[..., Any]


class TooLong(Exception):
    """A loop or a number became longer than any right one."""


# --- which edits --------------------------------------------------------------------------------------------


def _numbers_near(value: float) -> Iterator[float]:
    near = [value + 1, value - 1, 2 * value, value / 2, 0, -value]
    if isinstance(value, float):
        near += [1.01 * value, value / 10]
    else:
        near = [int(n) for n in near]
    yield from (n for n in dict.fromkeys(near) if n != value)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _letters_swapped(text: str) -> Iterator[str]:
    parts = text.replace("->", ",").split(",")
    for at, part in enumerate(parts):
        for i in range(len(part)):
            for j in range(i):
                letters = list(part)
                letters[i], letters[j] = letters[j], letters[i]
                changed = [*parts[:at], "".join(letters), *parts[at + 1 :]]
                yield ",".join(changed[:-1]) + "->" + changed[-1]


def _other_names(name: str) -> list[str]:
    return sorted({other for group in NAMES if name in group for other in group} - {name})


def _two_swapped(nodes: list[ast.expr], at: int) -> list[ast.expr]:
    return [*nodes[: at - 1], nodes[at], nodes[at - 1], *nodes[at + 1 :]]


def _scaled(name: str, how: str) -> ast.expr:
    return ast.parse(f"_{how}({name})", mode="eval").body


def _reads_the_size(parent: ast.AST) -> bool:
    """Whether a parent takes no more than the size of a tensor, so that its values cannot matter."""
    if isinstance(parent, ast.Attribute):
        return parent.attr == "shape"
    if not isinstance(parent, ast.Call):
        return False
    name = getattr(parent.func, "id", getattr(parent.func, "attr", ""))
    return name == "len" or name.endswith("_like")


def _instead(node: ast.AST, parent: ast.AST, parameters: list[str]) -> Iterator[ast.AST]:
    """Everything that may stand in a node's place."""
    if isinstance(parent, ast.Attribute) and parent.attr == "dtype":
        return  # no case changes its dtypes
    if isinstance(node, ast.BinOp):
        for operator in ARITHMETIC:
            if not isinstance(node.op, operator):
                yield ast.BinOp(node.left, operator(), node.right)
        if not isinstance(node.op, ast.Add | ast.Mult | ast.BitOr | ast.BitAnd):
            yield ast.BinOp(node.right, node.op, node.left)
        yield from (node.left, node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _is_number(node.operand):
        yield from (ast.Constant(value) for value in _numbers_near(-node.operand.value))
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        yield from node.values
    elif isinstance(node, ast.Compare):
        for operator in COMPARISONS:
            if not isinstance(node.ops[0], operator):
                yield ast.Compare(node.left, [operator()], node.comparators)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif _is_number(node) and not (isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.USub)):
        yield from (ast.Constant(value) for value in _numbers_near(node.value))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "->" in node.value:
        yield from (ast.Constant(value) for value in _letters_swapped(node.value))
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in parameters:
        if not _reads_the_size(parent):
            yield from (_scaled(node.id, how) for how in ("more", "nought", "minus"))
        yield ast.Name(f"_frozen_{node.id}", ast.Load())
        yield from (ast.Name(other, ast.Load()) for other in parameters if other != node.id)
    elif isinstance(node, ast.Attribute):
        yield node.value
        yield from (ast.Attribute(node.value, name, node.ctx) for name in _other_names(node.attr))
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value
    elif isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            if getattr(node, part) is not None:
                yield ast.Slice(**{**vars(node), part: None})
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
        for at in range(len(node.elts)):
            yield type(node)(node.elts[:at] + node.elts[at + 1 :], node.ctx)
            if at:
                yield type(node)(_two_swapped(node.elts, at), node.ctx)
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if isinstance(node.func, ast.Attribute):
        yield node.func.value
    yield from (a for a in node.args if not isinstance(a, ast.Starred))
    for at in range(len(node.args)):
        yield ast.Call(node.func, node.args[:at] + node.args[at + 1 :], node.keywords)
        if at and called not in SYMMETRIC:
            yield ast.Call(node.func, _two_swapped(node.args, at), node.keywords)
    for at in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, node.keywords[:at] + node.keywords[at + 1 :])
    if isinstance(node.func, ast.Name):
        for name in _other_names(node.func.id):
            yield ast.Call(ast.Name(name, ast.Load()), node.args, node.keywords)


def _other_statements(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    yield []
    if isinstance(node, ast.If):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.For):
        yield [ast.For(node.target, node.iter, [*node.body, ast.Break()], node.orelse, lineno=node.lineno)]
    elif isinstance(node, ast.AugAssign):
        for operator in ARITHMETIC:
            if not isinstance(node.op, operator):
                yield [ast.AugAssign(node.target, operator(), node.value)]
        yield [ast.Assign([node.target], node.value, lineno=node.lineno)]


def _edits(function: ast.FunctionDef) -> Iterator[None]:
    """Edit the tree in place, hand over, and undo it."""
    parameters = [a.arg for a in function.args.args + function.args.kwonlyargs]
    for parent in list(ast.walk(function)):
        for field, value in list(ast.iter_fields(parent)):
            if parent is function and field != "body":
                continue
            if isinstance(value, ast.AST):
                for new in _instead(value, parent, parameters):
                    setattr(parent, field, new)
                    yield
            elif isinstance(value, list):
                for at, child in enumerate(value):
                    if isinstance(child, ast.stmt):
                        instead = _other_statements(child)
                    else:
                        instead = ([new] for new in _instead(child, parent, parameters))
                    for new in instead:
                        rest = [*value[:at], *new, *value[at + 1 :]]
                        setattr(parent, field, rest or [ast.Pass()])
                        yield
            setattr(parent, field, value)


def _difference(old: str, new: str) -> str:
    before, after = old.splitlines(), new.splitlines()
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    return " → ".join("; ".join(map(str.strip, lines)) or "nothing" for lines in (before, after))


# --- the edited programs ------------------------------------------------------------------------------------


def _each(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def apply(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(apply(v) for v in value)
        if callable(value) and not isinstance(value, Tensor):
            return lambda *args: change(value(*args))
        return change(value)

    return apply


def _slightly_more(value: Any) -> Any:
    floating = value.is_floating_point() if isinstance(value, Tensor) else isinstance(value, float)
    if isinstance(value, Tensor) and value.dtype == torch.bool:
        return torch.ones_like(value)
    return 1.01 * value if floating else value + 1


def _sources(exercise: Exercise) -> tuple[dict[str, ast.FunctionDef], Any]:
    """The reference and the functions of its module that it reaches, without docstrings and annotations."""
    module = sys.modules[exercise.reference.__module__]
    tree = ast.parse(textwrap.dedent(inspect.getsource(module)))
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    reached, waiting = {}, [exercise.reference.__name__]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in defined:
            continue
        function = reached[name] = defined[name]
        waiting += [node.id for node in ast.walk(function) if isinstance(node, ast.Name)]
        if ast.get_docstring(function) is not None:
            function.body = function.body[1:]
        function.returns = None
        for node in ast.walk(function):
            if isinstance(node, ast.arg):
                node.annotation = None
        for parent in ast.walk(function):
            for at, node in enumerate(getattr(parent, "body", []) if isinstance(parent, ast.stmt) else []):
                if isinstance(node, ast.AnnAssign):
                    parent.body[at] = ast.Assign([node.target], node.value, lineno=node.lineno)
    return reached, module


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > LONGEST_NUMBER:
        raise TooLong
    return base**exponent


class _Bounded(ast.NodeTransformer):
    """Make every `while` count its turns, and refuse powers of thousands of digits."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            return ast.Call(ast.Name("_power", ast.Load()), [node.left, node.right], [])
        return node

    def visit_While(self, node: ast.While) -> ast.While:
        self.generic_visit(node)
        node.test = ast.BoolOp(ast.And(), [ast.parse("_turn()", mode="eval").body, node.test])
        return node


def mutants(exercise: Exercise) -> Iterator[Mutant]:
    """All single edits of an exercise's reference that compile, each once."""
    functions, module = _sources(exercise)
    names = list(inspect.signature(exercise.reference).parameters)
    first = dict(zip(names, exercise.cases(0)[0], strict=True))
    original = "\n".join(map(ast.unparse, functions.values()))
    seen = {original}
    for function in functions.values():
        for _ in _edits(function):
            source = "\n".join(map(ast.unparse, functions.values()))
            if source in seen:
                continue
            seen.add(source)
            text = _difference(original, source)
            turns = [0]

            def turn(turns: list[int] = turns) -> bool:
                turns[0] += 1
                if turns[0] > LONGEST_LOOP:
                    raise TooLong
                return True

            space = dict(vars(module))
            space |= {"_more": _each(_slightly_more), "_nought": _each(lambda v: 0 * v)}
            space |= {"_minus": _each(lambda v: -v), "_turn": turn, "_power": _power}
            space |= {f"_frozen_{name}": value for name, value in first.items()}
            try:
                bounded = ast.fix_missing_locations(_Bounded().visit(ast.parse(source)))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    exec(compile(bounded, f"<{exercise.name}: {text}>", "exec"), space)
            except (SyntaxError, ValueError, TypeError):
                continue
            made = space[exercise.reference.__name__]

            def fresh(*case: Any, made: Callable[..., Any] = made, turns: list[int] = turns) -> Any:
                turns[0] = 0
                return made(*case)

            yield Mutant(text, fresh)


# --- a run of each ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """The cases of one seed and what is wanted of each, to be asked again and again."""

    exercise: Exercise
    cases: list[tuple[Any, ...]]
    wanted: list[Any]

    @classmethod
    def of(cls, exercise: Exercise, seed: int) -> Trial:
        """Draw the cases and run the reference on them."""
        cases = exercise.cases(seed)
        return cls(exercise, cases, [exercise.reference(*copy.deepcopy(case)) for case in cases])

    def right(self, function: Callable[..., Any]) -> bool:
        """Whether a function is right on all of them; it is not run after the first on which it is not."""
        for case, wanted in zip(self.cases, self.wanted, strict=True):
            try:
                given = function(*copy.deepcopy(case))
                if given is None or not self.exercise.agrees(given, wanted):
                    return False
            except Exception:
                return False
        return True
