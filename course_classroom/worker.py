"""The worker process that runs a student's code: cells and calls come in as JSON lines, values go out.

It holds no reference, no hint and no mark, so nothing a student's code finds here is worth finding. Whatever
that code does to this process, the worst that can come of it is a value, and values are compared elsewhere.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import json
import linecache
import os
import sys
import types
from collections.abc import Callable
from typing import Any, BinaryIO

from .serialization import NotMarkable, decode_argument, encode, encode_exception

try:
    import resource
except ImportError:  # Windows has none
    resource = None

RUN_MAGICS = ("time", "timeit", "capture", "prun")  # whose cell is Python, and is run


def main() -> None:
    """Run as a plain process: LIMITS, the one argument, is JSON, numbers by the name of a resource.

    Requests arrive on standard input, replies leave on standard output.
    """
    for name, most in json.loads(sys.argv[1]).items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            resource.setrlimit(kind, (most, most))
    serve(os.dup(0), os.dup(1))


def serve(requests: int, replies: int) -> None:
    """Answer requests until there are no more; each, and each reply, is one JSON object per line.

    Args:
        requests, replies: descriptors. What the student's code prints goes nowhere.
    """
    incoming, outgoing = os.fdopen(requests, "rb"), os.fdopen(replies, "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    sys.argv[:] = ["notebook"]
    answer(incoming, outgoing, Notebook())


def answer(requests: BinaryIO, replies: BinaryIO, notebook: Notebook) -> None:
    """Serve `requests` in order."""
    _send(replies, {"id": 0})
    for line in requests:
        request = json.loads(line)
        handle = _HANDLERS[request["do"]]
        _send(replies, {"id": request["id"], **handle(notebook, request)})


class Notebook:
    """What the cells share, and what each left under the names of answers."""

    def __init__(self) -> None:
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.names = module.__dict__
        shell = Shell(self)
        self.names |= {"display": print, "check": lambda *_: None, "get_ipython": lambda: shell}
        self.kept: dict[tuple[str, int], Any] = {}

    def run(self, source: str, name: str) -> tuple[BaseException | None, set[str]]:
        """Run a cell's statements; one that fails costs only itself, as if it stood in a cell of its own.

        Returns:
            The first exception, and the names that were set at the top.
        """
        try:
            source = as_python(source)
            tree = ast.parse(source, name)
        except (SyntaxError, ValueError, RecursionError) as error:
            return error, set()
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        first, flags, bound = None, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, set()
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                for alias in statement.names:
                    flags |= getattr(getattr(__future__, alias.name, None), "compiler_flag", 0)
            try:
                code = compile(ast.Module([statement], []), name, "exec", flags, dont_inherit=True)
                waits = eval(code, self.names)
                if asyncio.iscoroutine(waits):
                    asyncio.run(waits)
                bound |= _bound(statement)
            except Exception as error:
                first = first or error
            except BaseException as error:  # SystemExit and KeyboardInterrupt end a cell, not the marking
                return first or error, bound
        return first, bound


class Shell:
    """Stands for IPython's shell: magics and commands do nothing here, and what they would give is empty."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    def run_cell_magic(self, name: str, _line: str = "", cell: str = "") -> Nothing:
        """Run the cell below a magic that times it or the like; one in another language is passed over."""
        if name in RUN_MAGICS:
            error, _ = self._notebook.run(cell, "<cell>")
            if error is not None:
                raise error
        return Nothing()

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        """No command is run, so there is no output."""
        return []

    def __getattr__(self, name: str) -> Callable[..., Nothing]:
        return lambda *_, **__: Nothing()


class Nothing:
    """What a magic gives here: every attribute, item and call of it is the same nothing, and its number 0."""

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Nothing:
        return self

    def __getitem__(self, _: Any) -> Nothing:
        return self

    def __iter__(self) -> Any:
        return iter(())

    def __float__(self) -> float:
        return 0.0

    def __len__(self) -> int:
        return 0

    def __format__(self, _: str) -> str:
        return ""

    def __add__(self, other: Any) -> Any:
        return self

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __add__


def as_python(source: str) -> str:
    """A cell as plain Python: where Python cannot read it as it stands, IPython's own rules make it so.

    IPython is imported only then. `get_ipython()` in what comes of it is a `Shell`.

    Raises:
        SyntaxError: if IPython could not read it either.
    """
    try:
        ast.parse(source)
        return source
    except (SyntaxError, ValueError):
        from IPython.core.inputtransformer2 import TransformerManager

        return TransformerManager().transform_cell(source)


def run_cell(notebook: Notebook, request: dict[str, Any]) -> dict[str, Any]:
    """Run a cell; the reply tells of each symbol that it set whether that is blank, a function or a value."""
    number, symbols = request["number"], request["symbols"]
    name, missing = f"<cell {number}>", object()
    before = {symbol: notebook.names.get(symbol, missing) for symbol in symbols}
    error, bound = notebook.run(request["source"], name)
    kinds = {}
    for symbol in symbols:
        value = notebook.names.get(symbol, missing)
        if value is not missing and (symbol in bound or value is not before[symbol]):
            notebook.kept[symbol, number] = value
            kinds[symbol] = _kind(value, request["source"], symbol)
    encoded = None if error is None else encode_exception(error)
    return {"error": encoded, "line": error and _line(error, name), "set": kinds}


def get_value(notebook: Notebook, request: dict[str, Any]) -> dict[str, Any]:
    """The value that a cell left under a name."""
    return {"value": _outcome(notebook.kept[request["symbol"], request["number"]])}


def call(notebook: Notebook, request: dict[str, Any]) -> dict[str, Any]:
    """Call a function of the notebook; the reply holds the outcome, and the arguments as they are then."""
    arguments = [decode_argument(data) for data in request["arguments"]]
    try:
        outcome = _outcome(notebook.kept[request["symbol"], request["number"]](*arguments))
    except BaseException as error:
        outcome = encode_exception(error)
    return {"outcome": outcome, "arguments": [None if callable(a) else _outcome(a) for a in arguments]}


def _kind(value: Any, source: str, symbol: str) -> str:
    """ "blank", "started" where `...` still stands in the function, "function", or "value"."""
    if value is ... or value is None:
        return "blank"
    if not callable(value):
        return "value"
    try:
        tree = ast.parse(as_python(source))
    except (SyntaxError, ValueError, RecursionError):
        return "function"
    made = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == symbol]
    if not made:
        return "function"
    returns = any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(made[-1]))
    last = made[-1].body[-1]
    refuses = isinstance(last, ast.Raise) and "NotImplementedError" in ast.unparse(last)
    empty = all(isinstance(node, ast.Pass) or _is_constant(node) for node in made[-1].body)
    if not returns and (empty or refuses or _is_dots(last)):
        return "blank"
    return "started" if any(map(_is_dots, ast.walk(made[-1]))) else "function"


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_dots(node: ast.AST) -> bool:
    return _is_constant(node) and node.value.value is ...


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement at the top of a cell sets."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _outcome(value: Any) -> Any:
    try:
        return encode(value)
    except Exception as error:  # the value may be an object of the student's, whose attributes are code
        known = isinstance(error, NotMarkable)
        return {"unmarkable": str(error) if known else f"value is an unusual {type(value).__name__}"}


def _line(error: BaseException, name: str) -> int | None:
    """The line of the cell at which an exception arose."""
    if isinstance(error, SyntaxError):
        return error.lineno if error.filename == name else None
    line, trace = None, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == name else line
        trace = trace.tb_next
    return line


def _send(replies: BinaryIO, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply).encode() + b"\n")
    replies.flush()


_HANDLERS: dict[str, Callable[[Notebook, dict[str, Any]], dict[str, Any]]] = {
    "cell": run_cell,
    "value": get_value,
    "call": call,
}

if __name__ == "__main__":
    main()
