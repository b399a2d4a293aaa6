"""What torch.compile costs and gives on this machine's CPU: the first call, and every other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from benchmarks.pairs import Comparison, compare
from benchmarks.workload import Prepare, Step, Workload, difference
from course_lib.models.cost import GPTShape

WORK = Workload(GPTShape(vocab_size=1024, context=64, d_model=128, heads=4, layers=4), batch=12, seq=64)
PARITY = 1e-3


def compiled_against_eager(
    *, pairs: int = 5, first_pairs: int = 3, work: Workload = WORK, backend: str = "inductor"
) -> list[Comparison]:
    """Time training steps of a GPT, plain and compiled, and the calls that compile.

    Before anything is timed, losses and gradients of the compiled model are held against the plain one's.

    Args:
        pairs: timed pairs of steps.
        first_pairs: timed pairs of first calls.
        work: sizes of model and batch.
        backend: the compiler.

    Returns:
        Steps: eager against the whole model compiled, and against its blocks. First calls, forward and
        backward pass compiled with empty caches: the whole model against its blocks.

    Raises:
        RuntimeError: if compiled and plain model differ by more than 1e-3.
    """
    ways = {"whole model": whole(backend), "block by block": regional(backend)}
    device = torch.device("cpu")
    comparisons = []
    for name, prepare in ways.items():
        torch.compiler.reset()
        apart = difference(Step(work, device), Step(work, device, prepare=prepare))
        if not apart <= PARITY:
            raise RuntimeError(
                f"compiled ({name}) and eager differ by {apart:.2g}, expected at most {PARITY}"
            )
        comparisons.append(
            compare(
                f"GPT training step, {work.tokens} tokens",
                ("eager", Step(work, device)),
                (f"compiled, {name}", Step(work, device, prepare=prepare)),
                pairs=pairs,
            )
        )
    first = [(name, first_call(work, prepare)) for name, prepare in ways.items()]
    comparisons.append(
        compare(
            f"first call, {work.shape.layers} layers",
            first[0],
            first[1],
            pairs=first_pairs,
            best_of=1,
        )
    )
    return comparisons


def whole(backend: str) -> Prepare:
    """Compile model and loss as one."""
    return lambda both: torch.compile(both, backend=backend)


def regional(backend: str) -> Prepare:
    """Compile each block of the model."""

    def prepare(both: nn.Module) -> nn.Module:
        for block in both.model.blocks:
            block.compile(backend=backend)
        return both

    return prepare


def first_call(work: Workload, prepare: Prepare) -> Callable[[], None]:
    """Make a function that compiles with empty caches: a new model's first step."""

    def call() -> None:
        torch.compiler.reset()
        with torch._inductor.config.patch(force_disable_caches=True):
            Step(work, torch.device("cpu"), prepare=prepare)()

    return call
