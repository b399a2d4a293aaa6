"""A computation as a graph: values forward, then gradients back along its edges, one step at a time."""

from __future__ import annotations

import math
from typing import ClassVar

import traitlets

from course_explorables.base import Explorable
from course_explorables.base.fx_trace import Program
from course_lib.foundations.scalar_autograd import Value, topological_order

_NAMED = ("exp", "log", "tanh", "relu")
_INFIX = {"+": "+", "−": "-", "×": "*", "÷": "/"}
_MOST_NODES = 40


class GraphStepper(Explorable):
    """Step through a recorded expression: each value in turn, then each edge's share of the gradient.

    The page computes the same operations the expression recorded; the inputs are its labelled leaves, each on
    a slider, and unlabelled leaves are constants.

    Args:
        root: the result; the default is the squared error of a tanh neuron with a residual connection, so
            that one input is used twice.
        low: left end of every input's slider.
        high: right end.
        title: what to try.

    Raises:
        TypeError: if `root` is not a `Value`.
        ValueError: if low is not below high, the graph has no labelled leaf or more than 40 nodes, an input
            lies outside the sliders' range, a label is no Python name or stands for two nodes, or an exponent
            has more than the six digits a `Value` records.
    """

    modules: ClassVar[tuple[str, ...]] = ("tape.mjs", "graph_stepper.mjs")
    settings: ClassVar[tuple[str, ...]] = ("inputs", "step")

    inputs = traitlets.List().tag(sync=True, own=True, echo_update=False)
    step = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    input_names = traitlets.List().tag(sync=True, own=True)
    names = traitlets.List().tag(sync=True, own=True)
    program = traitlets.List().tag(sync=True, own=True)
    limits = traitlets.List().tag(sync=True, own=True)

    def __init__(
        self,
        root: Value | None = None,
        *,
        low: float = -3.0,
        high: float = 3.0,
        title: str = "Step forward, then follow each gradient back to its input",
    ) -> None:
        if root is None:
            root = _neuron()
        if not isinstance(root, Value):
            raise TypeError(f"root must be a Value, got {type(root).__name__}")
        if not low < high:
            raise ValueError(f"low must lie below high, got {low} and {high}")
        nodes = topological_order(root)
        if len(nodes) > _MOST_NODES:
            raise ValueError(f"root must depend on at most {_MOST_NODES} nodes to be drawn, got {len(nodes)}")
        leaves = [node for node in nodes if not node.parents and node.label]
        if not leaves:
            raise ValueError("root must depend on at least one labelled leaf, got none")
        for leaf in leaves:
            if not low <= leaf.data <= high:
                raise ValueError(f"root's input {leaf.label} must lie in [{low}, {high}], got {leaf.data}")
        names = _names(nodes)
        program = _program(nodes, names)
        super().__init__(
            title=title,
            inputs=[leaf.data for leaf in leaves],
            input_names=[leaf.label for leaf in leaves],
            names=names,
            program=program,
            limits=[float(low), float(high)],
            step=0,
            code_template=_code(program, names),
        )

    def code_values(self) -> dict[str, object]:
        """Return each input's present value by its name."""
        return dict(zip(self.input_names, self.inputs, strict=True))


def _neuron() -> Value:
    w, x, t = Value(0.8, "w"), Value(1.5, "x"), Value(-0.5, "t")
    product = w * x
    activation = product.tanh()
    output = activation + x
    error = output - t
    loss = error**2
    product.label, activation.label, output.label, error.label, loss.label = "p", "a", "o", "e", "loss"
    return loss


def _names(nodes: list[Value]) -> list[str]:
    """Labels where there are any, `v3` for the fourth node otherwise; constants are written out."""
    names = [node.label or f"v{place}" for place, node in enumerate(nodes)]
    for name in names:
        if not name.isidentifier() or names.count(name) > 1:
            raise ValueError(f"root's labels must be Python names, each used once, got {name!r}")
    return names


def _program(nodes: list[Value], names: list[str]) -> Program:
    place = {id(node): k for k, node in enumerate(nodes)}
    program: Program = []
    for node, name in zip(nodes, names, strict=True):
        operands = [place[id(parent)] for parent in node.parents]
        if not node.parents:
            program.append(["input", name] if node.label else ["constant", node.data])
        elif node.operation.startswith("^"):
            exponent = float(node.operation[1:])
            if not math.isclose(node.parents[0].data ** exponent, node.data, rel_tol=1e-9, abs_tol=1e-12):
                raise ValueError(
                    f"root's exponent in {name} must have at most six digits, got {node.operation}"
                )
            program.append(["^", operands[0], exponent])
        elif node.operation in (*_INFIX, *_NAMED, "neg"):
            program.append([node.operation, *operands])
        else:
            raise ValueError(f"root's operation {node.operation!r} in {name} is not one the page can compute")
    return program


def _code(program: Program, names: list[str]) -> str:
    inputs, lines, written = [], [], list(names)
    for place, (operation, *operands) in enumerate(program):
        computed = operation in (*_INFIX, *_NAMED, "neg")
        left, *right = (written[int(index)] for index in operands) if computed else ("",)
        if operation == "input":
            name = names[place]
            inputs.append(f"{name} = torch.tensor(«{name}», dtype=torch.float64, requires_grad=True)")
        elif operation == "constant":
            written[place] = repr(operands[0]) if float(operands[0]) >= 0 else f"({operands[0]!r})"
        elif operation == "^":
            lines.append(f"{names[place]} = {written[int(operands[0])]} ** {operands[1]:g}")
        elif operation in _INFIX:
            lines.append(f"{names[place]} = {left} {_INFIX[str(operation)]} {right[0]}")
        elif operation == "neg":
            lines.append(f"{names[place]} = -{left}")
        else:
            lines.append(f"{names[place]} = torch.{operation}({left})")
    shown = ", ".join(f'"{step[1]}": {step[1]}.grad.item()' for step in program if step[0] == "input")
    result = names[-1]
    end = [f"{result}.backward()", f"print({result}.item(), {{{shown}}})", ""]
    return "\n".join(["import torch", "", *inputs, "", *lines, "", *end])
