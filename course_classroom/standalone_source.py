"""Stand-alone source of a reference: with the imports, helpers and constants it uses, and no more."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import textwrap
from types import ModuleType

from course_classroom.assignment import Item


def parts(item: Item) -> tuple[list[str], ast.FunctionDef]:
    """What a reference needs, and the reference itself, as a function called `item.symbol`.

    Args:
        item: of an assignment.

    Returns:
        The source of each import, constant and helper it needs, in an order that runs, and the definition of
        the reference, without its docstring and without annotations.

    Raises:
        ValueError: if the reference is not a function of a module of `course_exercises`.
    """
    exercise = item.load()
    topic = importlib.import_module(f"course_exercises.{item.exercise.partition('/')[0]}")
    reference = exercise.reference
    if not inspect.isfunction(reference) or reference.__module__ != topic.__name__:
        raise ValueError(f"reference of {item.exercise} must be a function of {topic.__name__}")
    definition = _definition(topic, reference.__name__, exercise.name)
    needed: dict[str, str] = {}
    _collect(definition, topic, needed, seen={reference.__name__})
    definition.name = item.symbol if item.kind == "implement" else exercise.name
    return list(needed.values()), _bare(definition)


def standalone(item: Item, stub: str, before: str = "", after: str = "") -> str:
    """The stub's function with all of the solution inside, so that one cell holds it.

    Args:
        item: of kind "implement".
        stub: the stub's source; its function's parameters are kept.
        before, after: lines to put around the solution, such as a marker's; none where empty.

    Returns:
        Source that defines `item.symbol`.
    """
    needed, definition = parts(item)
    given = next(node for node in ast.parse(stub).body if isinstance(node, ast.FunctionDef))
    mine, theirs = ([argument.arg for argument in f.args.args] for f in (given, definition))
    renamed = [f"{', '.join(theirs)} = {', '.join(mine)}"] if mine != theirs else []
    body = [*needed, *renamed, *map(ast.unparse, definition.body)]
    lines = [before, *(line for text in body for line in text.splitlines()), after]
    indented = "\n".join(f"    {line}" for line in lines if line)
    return f"def {item.symbol}({', '.join(mine)}):\n{indented}"


def computed(item: Item, seed: int) -> str:
    """The source that works out a prediction with the values that `seed` draws, and assigns it."""
    needed, definition = parts(item)
    (case,) = item.load().cases(seed)
    call = f"{item.symbol} = {definition.name}({', '.join(map(repr, case))})"
    return "\n".join([*needed, ast.unparse(definition), call])


def shown(item: Item) -> str:
    """The solution as it is printed: what it needs but torch, and the reference with its comments.

    Args:
        item: of an assignment.

    Returns:
        Source that runs where torch is imported, and defines `item.symbol`; of a prediction, a function of
        the question's numbers.
    """
    needed, definition = parts(item)
    before = [text for text in needed if text != "import torch"]
    reference = item.load().reference
    text = ast.unparse(definition)
    if reference.__name__ != "<lambda>":
        source = textwrap.dedent(inspect.getsource(reference)).rstrip()
        body = source.splitlines()[ast.parse(source).body[0].body[0].lineno - 1 :]
        text = "\n".join([f"def {definition.name}({ast.unparse(definition.args)}):", *body])
    imports = [text for text in before if text.startswith(("import ", "from "))]
    others = [text for text in before if text not in imports]
    return "\n\n\n".join([*(["\n".join(imports)] if imports else []), *others, text])


def lines_of(item: Item) -> list[str]:
    """Every line of a reference and of what it needs, as it stands in the library, without indentation."""
    exercise = item.load()
    source = inspect.getsource(exercise.reference)
    needed, definition = parts(item)
    texts = [source, *needed, ast.unparse(definition)]
    if exercise.reference.__name__ == "<lambda>":
        texts = [*needed, ast.unparse(definition)]
    return sorted({line.strip() for text in texts for line in text.splitlines()} - {""})


def _definition(module: ModuleType, name: str, key: str) -> ast.FunctionDef:
    """A function of a module by its name; a lambda, by the exercise whose reference it is."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.Call) and name == "<lambda>":
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if isinstance(given.get("reference"), ast.Lambda) and ast.unparse(given["name"]) == repr(key):
                body = [ast.Return(given["reference"].body)]
                made = ast.FunctionDef(key, given["reference"].args, body, decorator_list=[])
                return ast.fix_missing_locations(made)
    raise ValueError(f"reference {name!r} must be a function of {module.__name__}")


def _collect(node: ast.AST, module: ModuleType, needed: dict[str, str], seen: set[str]) -> None:
    """Add to `needed`, innermost first, whatever of its module the node names."""
    statements = {name: statement for statement in _top_level(module) for name in _bound(statement)}
    for name in _free(node):
        if name in seen or name not in statements:
            continue
        seen.add(name)
        statement = statements[name]
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("course_"):
            home = importlib.import_module(statement.module)
            other = next(s for s in _top_level(home) if name in _bound(s))
            _collect(other, home, needed, seen)
            needed[name] = ast.unparse(_bare(other))
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            alias = next(a for a in statement.names if name == (a.asname or a.name))
            needed[name] = ast.unparse(_only(statement, alias))
        else:
            _collect(statement, module, needed, seen)
            needed[name] = ast.unparse(_bare(statement))


def _top_level(module: ModuleType) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(module)).body


def _bound(statement: ast.stmt) -> list[str]:
    """The names that a statement at the top of a module sets."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in statement.names]
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _free(node: ast.AST) -> list[str]:
    """The names that a node reads, annotations left out, in order."""
    reads = [n for n in ast.walk(_bare(node)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    return [n.id for n in reads if not hasattr(builtins, n.id)]


def _only(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    if isinstance(statement, ast.Import):
        return ast.Import([alias])
    return ast.ImportFrom(statement.module, [alias], statement.level)


def _bare(node: ast.AST) -> ast.AST:
    """A copy without docstrings and annotations of functions."""
    copy = ast.parse(ast.unparse(node)).body[0]
    for function in [n for n in ast.walk(copy) if isinstance(n, ast.FunctionDef)]:
        function.returns = None
        arguments = function.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            argument.annotation = None
        if ast.get_docstring(function) is not None and len(function.body) > 1:
            del function.body[0]
    return copy
