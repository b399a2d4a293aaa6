"""What torch.compile makes of a function: how many graphs, when it makes more, whether it can at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch._dynamo.utils import counters


class GraphCounter:
    """Let torch.compile take a function apart, count the graphs it finds, and run them uncompiled.

    A function that can be traced from end to end becomes one graph. Where Dynamo meets what it cannot trace,
    it breaks the graph: Python runs that line, and another graph follows. A call that an earlier graph's
    guards refuse (another dtype, another shape, another value of a Python number) makes further ones. Nothing
    is compiled to machine code, so counting takes milliseconds and gives what the function gives.

    Args:
        function: a function or module.
        dynamic: as ``torch.compile``'s: ``False`` fixes every size, ``True`` leaves sizes open from the
            start, ``None`` fixes them until one changes.
        fullgraph: raise at a break, instead of breaking.

    Attributes:
        graphs: the graphs, in the order they were made.

    Raises:
        TypeError: if ``function`` cannot be called.

    Taught in: "GPU, mixed precision and torch.compile".
    """

    def __init__(
        self, function: Callable[..., Any], *, dynamic: bool | None = None, fullgraph: bool = False
    ) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, got {function!r}")
        torch._dynamo.reset()
        counters.clear()
        self.graphs: list[fx.GraphModule] = []
        self._compiled = torch.compile(function, backend=self.keep, dynamic=dynamic, fullgraph=fullgraph)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function, through whatever graphs its arguments fit or make."""
        return self._compiled(*arguments, **named)

    def keep(self, graph: fx.GraphModule, _: list[Tensor]) -> Callable[..., Any]:
        """Be a backend: note the graph, and return what runs it."""
        self.graphs.append(graph)
        return graph.forward

    @property
    def operations(self) -> list[int]:
        """The calls in each graph."""
        calls = ("call_function", "call_method", "call_module")
        return [sum(node.op in calls for node in graph.graph.nodes) for graph in self.graphs]

    @property
    def reasons(self) -> list[str]:
        """Why graphs were broken, each reason once and in a few words."""
        met = [*counters["graph_break"], *counters["unimplemented"]]
        return list(dict.fromkeys(reason.splitlines()[0] for reason in met))


class Compiled(NamedTuple):
    """What ``compile_or_fall_back`` found.

    ``function``: to call. ``backend``: what runs it, ``"eager"`` if nothing could be compiled. ``reason``:
    why, in one line; empty where it was compiled.
    """

    function: Callable[..., Any]
    backend: str
    reason: str


def compile_or_fall_back(
    function: Callable[..., Any],
    *example: Any,
    backend: str = "inductor",
    mode: str | None = None,
) -> Compiled:
    """Compile a function, or say why that is not possible here and give the function itself.

    ``torch.compile`` returns at once; the work is done, and fails, in the first call. So the first call is
    made here. No C++ compiler, no Triton, a compiler that stops with an error: all come out as a reason.

    Args:
        function: a function or module.
        example: arguments for the first call, of the shapes and dtypes to come.
        backend: as ``torch.compile``'s.
        mode: as ``torch.compile``'s, such as ``"reduce-overhead"``.

    Returns:
        The compiled function, its backend and no reason; or ``function``, ``"eager"`` and the reason.

    Raises:
        torch._dynamo.exc.InvalidBackend: if there is no backend of that name.
        Exception: what ``function`` itself raises on the example.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    compiled = torch.compile(function, backend=backend, mode=mode)
    try:
        compiled(*example)
    except torch._dynamo.exc.TorchDynamoException as error:
        function(*example)
        cause = getattr(error, "inner_exception", error)
        lines = [type(cause).__name__, *str(cause).splitlines()]
        return Compiled(function, "eager", ": ".join(line for line in lines[:2] if line))
    return Compiled(compiled, backend, "")


def compile_each(modules: Iterable[nn.Module], backend: str | Callable[..., Any] = "inductor") -> int:
    """Compile modules one by one, in place: regional compilation.

    Blocks of one class, size and mode share one compiled graph, which is made for the first and found fitting
    by the others. A model of L equal blocks then costs about the compile time of one.

    Args:
        modules: such as a GPT's ``blocks``.
        backend: as ``torch.compile``'s.

    Returns:
        How many modules.

    Raises:
        ValueError: if there are none.

    Taught in: "GPU, mixed precision and torch.compile".
    """
    count = 0
    for count, module in enumerate(modules, start=1):  # noqa: B007  the last number is how many there were
        module.compile(backend=backend)
    if count == 0:
        raise ValueError("modules must hold at least one module, got none")
    return count
