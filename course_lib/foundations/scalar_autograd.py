"""Reverse-mode automatic differentiation on single numbers.

A `Value` holds one float and remembers which values it was computed from, together with the derivative of
the operation with respect to each of them. `Value.backward` walks that record once, from the result to the
inputs, and multiplies derivatives along the way: the chain rule, bookkept.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

Number = int | float


class Value:
    r"""One number, a node of a recorded computation graph.

    For a result $y$ and a node $v$ with children $c$ (the nodes computed from $v$),

    $$\frac{\partial y}{\partial v} = \sum_{c} \frac{\partial y}{\partial c}\,\frac{\partial c}{\partial v}.$$

    ``data`` is an int or float, kept as a float (else ``TypeError``); ``label`` is a name for drawings.

    Attributes:
        grad: the accumulated derivative of every result `backward` was called on; 0.0 at first. A second
            `backward` adds to it, as in `torch`.
        parents: the values this one was computed from; empty for an input (a *leaf*).
        operation: the operation's sign or name, `""` for a leaf.
        local_gradients: the derivative of this value with respect to each parent, one float per parent.

    Source: Griewank and Walther, *Evaluating Derivatives*, 2nd edition, 2008, section 3.2.
    """

    __slots__ = ("data", "grad", "label", "local_gradients", "operation", "parents")

    def __init__(self, data: Number, label: str = "") -> None:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise TypeError(f"data must be an int or a float, got {type(data).__name__}")
        self.data = float(data)
        self.grad = 0.0
        self.label = label
        self.parents: tuple[Value, ...] = ()
        self.operation = ""
        self.local_gradients: tuple[float, ...] = ()

    def __repr__(self) -> str:
        name = f"{self.label}=" if self.label else ""
        return f"Value({name}{self.data:.6g}, grad={self.grad:.6g})"

    # --- operations: the value, and its derivative with respect to each operand ---------------------------

    def __add__(self, other: Value | Number) -> Value:
        other = as_value(other)
        return _record(self.data + other.data, "+", (self, other), (1.0, 1.0))

    def __mul__(self, other: Value | Number) -> Value:
        other = as_value(other)
        return _record(self.data * other.data, "×", (self, other), (other.data, self.data))

    def __sub__(self, other: Value | Number) -> Value:
        other = as_value(other)
        return _record(self.data - other.data, "−", (self, other), (1.0, -1.0))

    def __truediv__(self, other: Value | Number) -> Value:
        other = as_value(other)
        if other.data == 0.0:
            raise ValueError(f"other is the divisor and must not be zero, got {other!r}")
        quotient = self.data / other.data
        return _record(quotient, "÷", (self, other), (1.0 / other.data, -quotient / other.data))

    def __pow__(self, exponent: Number) -> Value:
        if isinstance(exponent, bool) or not isinstance(exponent, int | float):
            raise TypeError(f"exponent must be an int or a float, got {type(exponent).__name__}")
        if self.data < 0.0 and exponent != int(exponent):
            raise ValueError(f"exponent {exponent} of a negative base {self.data} is not a real number")
        if self.data == 0.0 and exponent < 0:
            raise ValueError(f"exponent {exponent} of a zero base has no value")
        slope = 0.0 if exponent == 0 else _power_slope(self.data, exponent)
        return _record(self.data**exponent, f"^{exponent:g}", (self,), (slope,))

    def __neg__(self) -> Value:
        return _record(-self.data, "neg", (self,), (-1.0,))

    def __radd__(self, other: Number) -> Value:
        return as_value(other) + self

    def __rmul__(self, other: Number) -> Value:
        return as_value(other) * self

    def __rsub__(self, other: Number) -> Value:
        return as_value(other) - self

    def __rtruediv__(self, other: Number) -> Value:
        return as_value(other) / self

    def exp(self) -> Value:
        """e to the power of this value; its derivative is itself."""
        result = math.exp(self.data)
        return _record(result, "exp", (self,), (result,))

    def log(self) -> Value:
        """Natural logarithm; raises `ValueError` where the value is not positive."""
        if self.data <= 0.0:
            raise ValueError(f"log needs a positive value, got {self.data}")
        return _record(math.log(self.data), "log", (self,), (1.0 / self.data,))

    def tanh(self) -> Value:
        """Hyperbolic tangent t; its derivative is 1 − t²."""
        result = math.tanh(self.data)
        return _record(result, "tanh", (self,), (1.0 - result * result,))

    def relu(self) -> Value:
        """max(0, v); its derivative at 0 is taken to be 0, as torch takes it."""
        positive = self.data > 0.0
        return _record(self.data if positive else 0.0, "relu", (self,), (1.0 if positive else 0.0,))

    # --- the chain rule, bookkept ---------------------------------------------------------------------------

    def backward(self) -> None:
        """Add this value's derivative with respect to every node to its `grad`.

        The pass keeps its own sums and adds each to `grad` once it is
        complete: were they kept in `grad` itself, a second call would send the
        first call's leftovers through the graph again.
        """
        sums = defaultdict(float, {id(self): 1.0})
        for node in reversed(topological_order(self)):
            upstream = sums[id(node)]
            node.grad += upstream
            edges = zip(node.parents, node.local_gradients, strict=True)
            for parent, local in edges:
                sums[id(parent)] += upstream * local


def as_value(number: Value | Number) -> Value:
    """Return `number` itself if it is a `Value`, else a new leaf holding it."""
    return number if isinstance(number, Value) else Value(number)


def topological_order(root: Value) -> list[Value]:
    """List every value `root` depends on once, parents before children, `root` last.

    Depth-first with a stack of its own, so that a chain of 100,000 operations does not exhaust Python's.
    """
    order: list[Value] = []
    visited: set[int] = set()
    stack: list[tuple[Value, bool]] = [(root, False)]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif id(node) not in visited:
            visited.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent in reversed(node.parents))
    return order


def zero_grad(values: Iterable[Value]) -> None:
    """Set the `grad` of every value back to 0.0."""
    for value in values:
        value.grad = 0.0


def _record(data: float, operation: str, parents: tuple[Value, ...], local: tuple[float, ...]) -> Value:
    result = Value(data)
    result.operation, result.parents, result.local_gradients = operation, parents, local
    return result


def _power_slope(base: float, exponent: Number) -> float:
    if base == 0.0 and exponent < 1:
        return math.inf
    return exponent * base ** (exponent - 1)
