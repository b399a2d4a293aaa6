"""Autograd's tape: nodes that know how to pull a gradient back, and the sweep over them."""

from __future__ import annotations

import functools
import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any

TWICE = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
    "saved tensors after calling backward."
)
OVERWRITTEN = (
    "one of the variables needed for gradient computation has been modified by an inplace operation: [{}]{} is at "
    "version {}; expected version {} instead. Hint: enable anomaly detection to find the operation that failed to "
    "compute its gradient, with torch.autograd.set_detect_anomaly(True, check_nan=False)."
)
NO_GRAPH = "element 0 of tensors does not require grad and does not have a grad_fn"
_numbers = itertools.count(1)
Edge = tuple["Node", int]


class Mode:
    """Whether operations are recorded."""

    recording = True


class Node:
    """One operation of the graph.

    Attributes:
        edges: for each input, the node that made it and which of its outputs it is; None if no gradient is due.
        pulls: for each input, the function that turns the output's gradient into the input's.
        saves: the tensors that these functions need, with their versions when they were saved.
    """

    slots = 1

    def __init__(self, edges: Sequence[Edge | None], pulls: Any, saves: Sequence[Any] = ()) -> None:
        self.edges, self.pulls, self.saves = edges, pulls, [(t, t._storage.version, t._node) for t in saves]
        self.number, self.hooks, self.retained, self.freed = next(_numbers), [], {}, False

    def name(self) -> str:
        """What the operation is called."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes that the gradient goes to."""
        return tuple(edge or (None, 0) for edge in self.edges)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {hex(id(self))}>"

    def give(self, gradients: list[Any], keep: bool) -> list[tuple[Edge, Any]]:
        """The gradients of the inputs, given those of the outputs."""
        if self.freed:
            raise RuntimeError(TWICE)
        for t, version, node in self.saves:
            if t._storage.version != version:
                # What had no node when it was saved, and has one now, this very operation made.
                name = (t._node if node or not t._node else self).name() if t._node else ""
                source = f", which is output {t._slot} of {name.partition('Backward')[0]}," if name else ""
                kind = f"{t.dtype.legacy} {list(t._shape)}"
                raise RuntimeError(OVERWRITTEN.format(kind, source, t._storage.version, version))
        given = self._pulled(gradients)
        if not keep and self.saves:
            self.pulls, self.saves, self.freed = None, [], True
        return given

    def _pulled(self, gradients: list[Any]) -> list[tuple[Edge, Any]]:
        pairs = zip(self.edges, self.pulls, strict=True)
        return [(edge, pull(gradients[0])) for edge, pull in pairs if edge]


class AccumulateGrad(Node):
    """Where the graph begins: what arrives is added to a leaf's `grad`."""

    def __init__(self, variable: Any) -> None:
        super().__init__((), ())
        self.variable, self.number = variable, 0


@functools.cache
def node_type(name: str) -> type[Node]:
    """The class of nodes of a name, such as AddBackward0."""
    return type(name, (Node,), {"__module__": "torch.autograd.graph"})


def edge_of(t: Any) -> Edge | None:
    """Where a tensor's gradient goes."""
    if (node := t.grad_fn) is not None:
        return node, t._slot
    if t._wants and t._leaf is None:
        t._leaf = AccumulateGrad(t)
    return (t._leaf, 0) if t._wants else None


def record(
    name: str, out: Any, inputs: Sequence[Any], pulls: Sequence[Callable], saves: Sequence = ()
) -> Any:
    """Note how an output came about, if a gradient may be asked of it.

    Args:
        name: of the operation, such as "MulBackward0".
        out: its result.
        inputs: the tensors it was made of.
        pulls: for each input, the function from the gradient of `out` to its own.
        saves: tensors that these functions use, and that must not be overwritten.
    """
    if Mode.recording and out.dtype.kind == "f" and any(t.requires_grad for t in inputs):
        out._node, out._slot = node_type(name)([edge_of(t) for t in inputs], pulls, saves), 0
    return out


def renamed(name: str, out: Any) -> Any:
    """A composite operation's result, under the name that torch gives the whole."""
    if out._node is not None and Mode.recording:
        out._node.__class__ = node_type(name)
    return out


def sweep(
    roots: list[Any], *, keep: bool, create: bool, wanted: Sequence[Any] | None = None
) -> dict[Edge, Any]:
    """Pull gradients back through the graph, each node after all that use its output.

    Args:
        roots: where to start, and with which gradients.
        keep: whether the graph may be used again.
        create: whether the gradients are themselves recorded.
        wanted: collect the gradients that arrive here, instead of adding them to the leaves' `grad`.
    """
    due: dict[Node, list[Any]] = {}
    order: list[tuple[int, int, Node]] = []
    found: dict[Edge, Any] = {}

    def add(edge: Edge, gradient: Any) -> None:
        node, slot = edge
        if node not in due:
            due[node] = [None] * node.slots
            heapq.heappush(order, (-node.number, id(node), node))
        due[node][slot] = gradient if due[node][slot] is None else due[node][slot] + gradient

    before, Mode.recording = Mode.recording, create
    try:
        for edge, gradient in roots:
            add(edge, gradient)
        while order:
            node = heapq.heappop(order)[2]
            gradients = due.pop(node)
            for slot, hook in node.hooks:
                new = hook(gradients[slot])
                gradients[slot] = gradients[slot] if new is None else new
            found |= {
                e: gradients[e[1]] for e in wanted or () if e[0] is node and gradients[e[1]] is not None
            }
            if isinstance(node, AccumulateGrad):
                if wanted is None:
                    accumulate(node.variable, gradients[0], create)
                continue
            for slot, t in node.retained.items():
                accumulate(t, gradients[slot], create)
            for edge, gradient in node.give(gradients, keep):
                if gradient is not None:
                    add(edge, gradient)
    finally:
        Mode.recording = before
    return found


def accumulate(t: Any, gradient: Any, create: bool) -> None:
    """Add to a tensor's `grad`: in place, unless the addition itself is recorded."""
    if t._grad is None:
        t._grad = gradient.clone() if create else gradient.detach().clone()
    elif create:
        t._grad = t._grad + gradient
    else:
        t._grad.add_(gradient)


def checked(t: Any, gradient: Any) -> Any:
    """The gradient to start with at an output: given, or 1 of a single number."""
    if not t.requires_grad:
        raise RuntimeError(NO_GRAPH)
    if gradient is None and t.numel() != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if gradient is not None and gradient._shape != t._shape:
        told = f"{gradient._shape} and output[0] has a shape of {t._shape}."
        raise RuntimeError(f"Mismatch in shape: grad_output[0] has a shape of {told}")
    return t.detach().new_ones(t._shape) if gradient is None else gradient


class set_grad_enabled:
    """Recording on or off from here; as a context or a decorator, inside it."""

    def __init__(self, mode: bool) -> None:
        self.mode, self.before, Mode.recording = mode, Mode.recording, mode

    def __enter__(self) -> None:
        Mode.recording = self.mode

    def __exit__(self, *_: Any) -> None:
        Mode.recording = self.before

    def __call__(self, function: Callable) -> Callable:
        Mode.recording = self.before  # a decorator changes nothing where it stands

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with set_grad_enabled(self.mode):
                return function(*args, **kwargs)

        return inside


class no_grad(set_grad_enabled):
    """Nothing inside is recorded."""

    mode = False

    def __new__(cls, function: Callable | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        self.before = Mode.recording

    def __enter__(self) -> None:
        self.before, Mode.recording = Mode.recording, self.mode


class enable_grad(no_grad):
    """All inside is recorded, even within `no_grad`."""

    mode = True
