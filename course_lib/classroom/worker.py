"""The process in which a student's code runs: cells and calls come in as JSON lines, values go out as such.

It holds no reference, no hint and no mark, so nothing a student's code finds here is worth finding. Whatever
that code does to this process, the worst that can come of it is a value, and values are compared elsewhere.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import sys
import types
from collections.abc import Callable
from typing import Any, BinaryIO

from .wire import NotMarkable, decode_argument, encode, encode_exception

try:
    import resource
except ImportError:  # Windows has none
    resource = None


def main() -> None:
    """Run as a plain process: LIMITS, the one argument, is JSON, numbers by the name of a resource.

    Requests arrive on standard input, replies leave on standard output.

    Taught in: "For instructors".
    """
    for name, most in json.loads(sys.argv[1]).items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            resource.setrlimit(kind, (most, most))
    serve(os.dup(0), os.dup(1))


def serve(requests: int, replies: int) -> None:
    """Answer requests until there are no more; each, and each reply, is one JSON object a line.

    Args:
        requests, replies: descriptors. What the student's code prints goes nowhere.
    """
    incoming, outgoing = os.fdopen(requests, "rb"), os.fdopen(replies, "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    notebook = types.ModuleType("__main__")
    notebook.__dict__["display"] = print
    sys.modules["__main__"] = notebook
    sys.argv[:] = ["notebook"]
    answer(incoming, outgoing, notebook.__dict__)


def answer(requests: BinaryIO, replies: BinaryIO, namespace: dict[str, Any]) -> None:
    """Serve `requests` in order; `namespace` is what the notebook's cells share."""
    _send(replies, {"id": 0})
    for line in requests:
        request = json.loads(line)
        handle = _HANDLERS[request["do"]]
        _send(replies, {"id": request["id"], **handle(namespace, request)})


def without_magics(source: str) -> str:
    """The cell as plain Python: IPython's ``%``, ``!`` and trailing ``?`` lines do nothing here.

    Args:
        source: a cell. One that starts with ``%%`` and is no timing is another language: nothing remains.

    Returns:
        `source` itself where Python can read it, else a copy of as many lines in which such a line is `pass`.
    """
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        timed = first.split()[0] in ("%%time", "%%timeit", "%%capture", "%%prun")
        return without_magics("\n" + rest) if timed else ""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return "\n".join(_without_magic(line) for line in source.split("\n"))
    return source


def _without_magic(line: str) -> str:
    code = line.lstrip()
    is_magic = code.startswith(("%", "!", "?")) or (code.endswith("?") and "#" not in code)
    return line[: len(line) - len(code)] + "pass" if is_magic else line


def run_cell(namespace: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Run a cell; where it is an answer, what stood under the answer's name before is forgotten first."""
    name, source = f"<cell {request['number']}>", without_magics(request["source"])
    if request["symbol"] is not None:
        namespace.pop(request["symbol"], None)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        exec(compile(source, name, "exec", dont_inherit=True), namespace)
    except BaseException as error:  # SystemExit and KeyboardInterrupt end a cell, not the marking
        return {"error": encode_exception(error), "line": _line(error, name)}
    return {"error": None, "line": None}


def get_value(namespace: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """What stands under a name: absent, a function, or a value."""
    if request["symbol"] not in namespace:
        return {"found": "nothing", "value": None}
    value = namespace[request["symbol"]]
    return {"found": "function" if callable(value) else "value", "value": _outcome(value)}


def call(namespace: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Call a function of the notebook; the reply holds the outcome, and the arguments as they are then."""
    arguments = [decode_argument(data) for data in request["arguments"]]
    try:
        outcome = _outcome(namespace[request["symbol"]](*arguments))
    except BaseException as error:
        outcome = encode_exception(error)
    return {"outcome": outcome, "arguments": [None if callable(a) else _outcome(a) for a in arguments]}


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


_HANDLERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]] = {
    "cell": run_cell,
    "value": get_value,
    "call": call,
}

if __name__ == "__main__":
    main()
