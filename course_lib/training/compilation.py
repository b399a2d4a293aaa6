"""What torch.compile makes of a function: its graphs, graph breaks and recompilations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch._dynamo.utils import counters


class GraphCounter:
    """Let torch.compile take a function apart, count the graphs it finds, and run them uncompiled.

    A function that can be traced from end to end becomes one graph. Where Dynamo meets what it cannot trace,
    it breaks the graph: Python runs that line, and another graph follows. A call that an earlier graph's
    guards refuse (another dtype, another shape, another value of a Python number) makes further ones. Nothing
    is compiled to machine code, so counting takes milliseconds and gives what the function gives.

    ``dynamic`` is ``torch.compile``'s: ``False`` fixes every size, ``True`` leaves sizes open from the start,
    ``None`` fixes them until one changes. ``fullgraph`` raises at a break, instead of breaking. ``graphs``
    lists the graphs in the order they were made. ``TypeError`` if ``function`` cannot be called.
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
