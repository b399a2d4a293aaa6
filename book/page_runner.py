"""What the page's worker calls: run a reader's cells, and let the judge say what an answer is."""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import json
import linecache
import os
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

CELL = "your code"
LONGEST = 20_000  # characters of print that are shown
ELSEWHERE = "`{}` is not in the page: what needs files, the network or another package runs in JupyterLab."


class Shown:
    """Standard output that is passed on as it comes, as far as anyone reads."""

    def __init__(self, show: Callable[[str], Any]) -> None:
        self._show = show
        self._left = LONGEST

    def write(self, text: str) -> int:
        """Pass a text on, until so much was printed that the rest is left out."""
        if self._left > 0:
            self._show(text[: self._left])
            if len(text) > self._left:
                self._show("\n… more was printed, and is left out here.\n")
        self._left -= len(text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


class Page:
    """The cells of one page, which share their names, and the exercises that are asked there.

    Args:
        setup: the chapter's first cell and all that it imports; those statements run that can in a page.
        data: by exercise, what `checker_builder.locked` made of it, as JSON.
    """

    def __init__(self, setup: str, data: dict[str, str]) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self._data = {name: json.loads(text) for name, text in data.items()}
        self._cells = 0
        for statement in statements_of(setup):
            with contextlib.suppress(Exception):
                exec(statement, self.names)

    def run(self, source: str, show: Callable[[str], Any]) -> dict[str, Any]:
        """Run a cell and show the value of its last line, as a notebook does.

        Returns:
            "error": what stopped it, in the reader's own lines; empty if it came to its end.
        """
        with contextlib.redirect_stdout(Shown(show)), contextlib.redirect_stderr(Shown(show)):
            return {"error": self._executed(source)}

    def check(self, exercise: str, symbol: str, source: str, show: Callable[[str], Any]) -> dict[str, Any]:
        """Run the cell that answers an exercise, and judge the function that it leaves under `symbol`.

        Returns:
            "status": "right", "wrong", "unanswered" or "error"; "message": what the reader is told.
        """
        with contextlib.redirect_stdout(Shown(show)), contextlib.redirect_stderr(Shown(show)):
            self.names.pop(symbol, None)
            if error := self._executed(source):
                return {"status": "error", "message": error}
            if symbol not in self.names:
                return {
                    "status": "error",
                    "message": f"The function is to be called `{symbol}`; there is none of that name.",
                }
            answer = self.names[symbol]
            if answer is not ... and answer is not None and not callable(answer):
                return {
                    "status": "error",
                    "message": f"`{symbol}` must be your function itself, not the result of calling it.",
                }
            from checker.checker import Checker

            verdict = Checker(self._data).posed(exercise, answer).judge(answer)
            if found := re.search(r"(\S+) is not in the page", verdict.message):
                said = f"{found[1]} is not in the page: this answer can be judged in JupyterLab, not here."
                return {"status": "error", "message": said}
            return {
                "status": verdict.status,
                "message": verdict.message,
                "misconception": verdict.misconception,
            }

    def _executed(self, source: str) -> str:
        """Run a source under a name of its own, so that errors and the judge can show its lines."""
        self._cells += 1
        name = f"<{CELL} {self._cells}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            tree = ast.parse(source, name)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, name, "exec"), self.names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), name, "eval"), self.names)
                if value is not None and value is not ...:
                    print(repr(value))
        except BaseException as error:  # whatever a reader's cell raises is told, and ends nothing
            return told(error)
        return ""


def statements_of(source: str) -> list[str]:
    """The statements of a cell; an import becomes one for each name, since the page may have some of them."""
    statements = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            statements += [ast.unparse(ast.Import([alias])) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            statements += [ast.unparse(ast.ImportFrom(node.module, [alias], 0)) for alias in node.names]
        else:
            statements.append(ast.unparse(node))
    return statements


def told(error: BaseException) -> str:
    """An exception as the reader sees it: her own lines, and what to do where the page is the reason."""
    if isinstance(error, MemoryError):
        return "MemoryError: the page's memory is full. Your text is kept."
    if isinstance(error, RecursionError):
        return "RecursionError: the function calls itself without an end, or too deeply."
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(f"<{CELL}")
    ]
    lines = [f"line {frame.lineno}: {frame.line}" for frame in frames[-6:]]
    if isinstance(error, SyntaxError) and str(error.filename).startswith(f"<{CELL}"):
        lines.append(f"line {error.lineno}: {(error.text or '').rstrip()}")
        return "\n".join([*lines, f"{type(error).__name__}: {error.msg}"])
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    missing = isinstance(error, ModuleNotFoundError) and error.name
    if missing:
        said += f"\n{ELSEWHERE.format(missing)}"
    return "\n".join([*lines, said])


def opened(files: dict[str, dict[str, Any]], folder: str) -> None:
    """Write the page's packages where Python finds them, and put torch's stand-in in its place."""
    for package, modules in files.items():
        for name, text in modules.items():
            path = os.path.join(folder, package, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(base64.b64decode(text["base64"]) if isinstance(text, dict) else text.encode())
    sys.path.insert(0, folder)
    import page_torch

    page_torch.install()
    builtins.input = lambda *_: _refuse("input")


def _refuse(name: str) -> Any:
    raise RuntimeError(
        f"`{name}` waits for the keyboard, which a page cannot: write the value into your code"
    )
