"""Record a function of one number as a list of elementary steps that the page can run without torch.

`record` lets torch.fx watch the function once. What it sees becomes a *program*: steps with parents first,
each `["input", name]`, `["constant", c]`, `["sin", i]`, `["×", i, j]` or `["^", i, power]`, where i and j
count steps from 0. tape.mjs runs programs forwards and backwards; `expression` prints one as torch code.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.fx

Step = list[str | int | float]
Program = list[Step]

_UNARY = ("abs", "exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "relu", "neg")
_NAMES = {
    **{name: name for name in (*_UNARY, "square", "rsub")},
    **dict.fromkeys(("add",), "+"),
    **dict.fromkeys(("sub", "subtract"), "−"),
    **dict.fromkeys(("mul", "multiply"), "×"),
    **dict.fromkeys(("truediv", "div", "divide", "true_divide"), "÷"),
    **{"pow": "^", "absolute": "abs", "negative": "neg"},
}
_INFIX = {"+": ("+", 1), "−": ("-", 1), "×": ("*", 2), "÷": ("/", 2)}


class _Unknown(Exception):
    """The function does something the page has no step for."""


def record(function: Callable[[torch.Tensor], torch.Tensor]) -> Program | None:
    """Record the elementary steps of a function of one tensor.

    Args:
        function: takes one real tensor, returns one; called once, with a stand-in.

    Returns:
        The program, its last step the result; None where the function branches on its input, or uses an
        operation that is not elementary: such a function needs a kernel.
    """

    def watched(x: torch.Tensor) -> torch.Tensor:
        return function(x)

    try:
        module = torch.fx.symbolic_trace(watched)
        return _Recorder(module).run()
    except Exception:
        # Whatever a reader's function raises on a stand-in, the answer is the same: it needs a kernel.
        return None


class _Recorder:
    def __init__(self, module: torch.fx.GraphModule) -> None:
        self.module = module
        self.program: Program = []
        self.place: dict[torch.fx.Node, int] = {}

    def run(self) -> Program:
        for node in self.module.graph.nodes:
            if node.op == "placeholder":
                self.place[node] = self.add("input", "x")
            elif node.op == "get_attr":
                self.place[node] = self.add("constant", float(getattr(self.module, node.target)))
            elif node.op in ("call_function", "call_method"):
                self.place[node] = self.call(node)
            elif node.op == "output":
                self.result(node.args[0])
            else:
                raise _Unknown(node.op)
        return self.program

    def call(self, node: torch.fx.Node) -> int:
        target = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
        if node.kwargs and node.kwargs != {"inplace": False}:
            raise _Unknown(target)
        name = _NAMES.get(target, "")
        if name == "^":
            return self.power(*node.args)
        operands = [self.operand(argument) for argument in node.args]
        if name == "square":
            return self.add("^", operands[0], 2)
        if name == "rsub":
            return self.add("−", operands[1], operands[0])
        if not name or len(operands) != (2 if name in _INFIX else 1):
            raise _Unknown(target)
        return self.add(name, *operands)

    def power(self, base: object, exponent: object) -> int:
        if isinstance(exponent, int | float):
            return self.add("^", self.operand(base), exponent)
        if isinstance(base, int | float) and base > 0:
            rate = self.add("constant", math.log(base))
            return self.add("exp", self.add("×", rate, self.operand(exponent)))
        raise _Unknown("pow")

    def operand(self, argument: object) -> int:
        if isinstance(argument, torch.fx.Node):
            return self.place[argument]
        if isinstance(argument, bool) or not isinstance(argument, int | float):
            raise _Unknown(repr(argument))
        return self.add("constant", argument)

    def result(self, argument: object) -> None:
        """Make the function's result the last step."""
        place = self.operand(argument)
        if place != len(self.program) - 1:
            self.add("+", place, self.add("constant", 0.0))

    def add(self, *step: str | int | float) -> int:
        self.program.append(list(step))
        return len(self.program) - 1


def expression(program: Program) -> str:
    """Print a program as torch code in its inputs' names, with no more brackets than Python needs.

    Args:
        program: as `record` returns it.

    Returns:
        One Python expression.
    """
    texts: list[tuple[str, int]] = []
    for operation, *operands in program:
        if operation == "input":
            texts.append((str(operands[0]), 9))
        elif operation == "constant":
            texts.append((repr(operands[0]), 9 if operands[0] >= 0 else 3))
        elif operation in _INFIX:
            sign, strength = _INFIX[str(operation)]
            left, right = (texts[int(index)] for index in operands)
            right_strength = strength + 1 if sign in "-/" else strength
            texts.append(
                (f"{_bracketed(left, strength)} {sign} {_bracketed(right, right_strength)}", strength)
            )
        elif operation == "^":
            texts.append((f"{_bracketed(texts[int(operands[0])], 5)} ** {operands[1]!r}", 4))
        elif operation == "neg":
            texts.append((f"-{_bracketed(texts[int(operands[0])], 3)}", 3))
        else:
            texts.append((f"torch.{operation}({texts[int(operands[0])][0]})", 9))
    return texts[-1][0]


def _bracketed(text: tuple[str, int], strength: int) -> str:
    return text[0] if text[1] >= strength else f"({text[0]})"
