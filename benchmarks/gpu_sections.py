"""What is measured on an accelerator, section by section; every time includes waiting for the device."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

from benchmarks.accelerator import allocated, kernels_own, most_allocated
from benchmarks.pairs import Comparison, compare, repeated
from benchmarks.workload import Prepare, Step, Workload, difference, nano, ours
from course_lib.models.cost import (
    PRECISIONS,
    gpt_activation_bytes,
    gpt_forward_flops,
    gpt_parameters,
    gpt_tensors,
    gpt_working_bytes,
)
from course_lib.runtime import synchronise, time_call
from course_lib.training.memory import peak_bytes, state_bytes

BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "memory-efficient": SDPBackend.EFFICIENT_ATTENTION,
    "cuDNN": SDPBackend.CUDNN_ATTENTION,
}


class Setting(NamedTuple):
    """How large everything is, and how often it is timed."""

    product: int
    work: Workload
    attention: tuple[int, int, int, int]
    memory: tuple[Workload, ...]
    modes: dict[str, Prepare]
    pairs: int = 5
    calls: int = 10


def synchronised(call: Callable[[], object], device: torch.device, calls: int) -> Callable[[], None]:
    """Make a function that calls several times and then waits for the device."""

    several = repeated(call, calls)

    def finished() -> None:
        several()
        synchronise(device)

    return finished


@contextmanager
def float32_products(precision: str) -> Iterator[None]:
    """Let float32 matrix products be exact (``"highest"``) or in tf32 (``"high"``), for a while."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def products(setting: Setting, device: torch.device) -> list[dict[str, Any]]:
    """Time square matrix products in fp32 against tf32, bf16 and fp16.

    Returns:
        Comparisons' rows, with ``tflops`` of either side: 10¹² operations per second.
    """
    size = setting.product
    whole = torch.randn(2, size, size, device=device)
    rows = []
    for name, dtype in (("tf32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)):
        a, b = whole.to(dtype)

        def narrow(a=a, b=b, name=name) -> None:
            with float32_products("high" if name == "tf32" else "highest"):
                torch.mm(a, b)

        comparison = compare(
            f"{size} × {size} product",
            ("fp32", synchronised(lambda: torch.mm(*whole), device, setting.calls)),
            (name, synchronised(narrow, device, setting.calls)),
            pairs=setting.pairs,
        )
        rows.append(_with_tflops(comparison, 2 * size**3 * setting.calls))
    return rows


def precisions(setting: Setting, device: torch.device) -> list[dict[str, Any]]:
    """Time the GPT's training step in fp32 against tf32, autocast to bf16, and bf16 throughout."""
    rows = []
    for name in ("tf32", *[name for name in PRECISIONS if name != "fp32"]):
        step = Step(setting.work, device, precision="fp32" if name == "tf32" else name)

        def narrow(step=step, name=name) -> None:
            with float32_products("high" if name == "tf32" else "highest"):
                step()

        comparison = compare(
            f"GPT step, {setting.work.tokens} tokens",
            ("fp32", Step(setting.work, device)),
            (name, narrow),
            pairs=setting.pairs,
        )
        rows.append(comparison.row())
    return rows


def modes(setting: Setting, device: torch.device) -> list[dict[str, Any]]:
    """Time the GPT's step under autocast, eager against each way to compile it.

    Returns:
        Comparisons' rows, with ``first_call_seconds`` and ``difference``, the largest from eager; a way that
        fails is a row with its ``name`` and why it was ``refused``.
    """
    rows = []
    for name, prepare in setting.modes.items():
        torch.compiler.reset()
        eager = Step(setting.work, device, precision="autocast bf16")
        compiled = Step(setting.work, device, precision="autocast bf16", prepare=prepare)
        start = time.perf_counter()
        try:
            compiled.loss().backward()
        except RuntimeError as error:
            rows.append({"name": name, "refused": str(error).splitlines()[0]})
            continue
        synchronise(device)
        first = time.perf_counter() - start
        apart = difference(eager, compiled)
        comparison = compare(
            f"GPT step, {setting.work.tokens} tokens", ("eager", eager), (name, compiled), pairs=setting.pairs
        )
        rows.append({**comparison.row(), "first_call_seconds": first, "difference": apart})
    return rows


def peers(setting: Setting, device: torch.device) -> list[dict[str, Any]]:
    """Time the GPT's step under autocast against nanoGPT's model, eager and compiled as one with its loss.

    Returns:
        Comparisons' rows; a compiler that fails is a row with its ``name`` and why it was ``refused``.
    """
    name, compiled = next(iter(setting.modes.items()))
    rows = []
    for way, prepare in {"eager": lambda both: both, name: compiled}.items():
        torch.compiler.reset()
        theirs, own = (
            Step(setting.work, device, precision="autocast bf16", prepare=prepare, build=build)
            for build in (nano, ours)
        )
        try:
            theirs(), own()
        except RuntimeError as error:
            rows.append({"name": way, "refused": str(error).splitlines()[0]})
            continue
        comparison = compare(
            f"GPT step, {setting.work.tokens} tokens",
            (f"nanoGPT, {way}", theirs),
            (f"models.gpt, {way}", own),
            pairs=setting.pairs,
        )
        rows.append(comparison.row())
    return rows


def attention(setting: Setting, device: torch.device) -> list[dict[str, Any]]:
    """Time causal attention, forward and backward in bf16, the written-out way against each fused kernel.

    Returns:
        Comparisons' rows; a kernel that is not to be had is a row with its ``name`` and why it was
        ``refused``.
    """
    shape = setting.attention
    inputs = [torch.randn(shape, device=device, dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]

    def run(backend: SDPBackend) -> None:
        with sdpa_kernel(backend):
            F.scaled_dot_product_attention(*inputs, is_causal=True).float().sum().backward()

    rows = []
    for name, backend in BACKENDS.items():
        try:
            run(backend)
        except RuntimeError as error:
            rows.append({"name": name, "refused": str(error).splitlines()[0]})
            continue
        comparison = compare(
            f"attention, {shape[2]} tokens",
            ("math", synchronised(lambda: run(SDPBackend.MATH), device, setting.calls)),
            (name, synchronised(lambda backend=backend: run(backend), device, setting.calls)),
            pairs=setting.pairs,
        )
        rows.append(comparison.row())
    return rows


def utilisation(setting: Setting, device: torch.device, fastest_product: float) -> dict[str, float]:
    """Relate the operations of a compiled step under autocast to what the device could do.

    Args:
        setting: the sizes.
        device: where.
        fastest_product: 10¹² operations per second of the best bf16 product measured.

    Returns:
        ``tokens_per_second``, ``tflops`` of the model's own operations (three forward passes' worth), and
        ``share_of_product``.
    """
    work = setting.work
    prepare = next(iter(setting.modes.values()))
    torch.compiler.reset()
    step = Step(work, device, precision="autocast bf16", prepare=prepare)
    seconds = time_call(step, repeats=setting.pairs, device=device)
    tflops = 3 * gpt_forward_flops(work.shape, work.batch, work.seq) / seconds / 1e12
    return {
        "tokens_per_second": work.tokens / seconds,
        "tflops": tflops,
        "share_of_product": tflops / fastest_product,
    }


def memory(setting: Setting, device: torch.device) -> list[dict[str, Any]]:
    """Hold the memory formula against the device's allocator, for each size and precision, and checkpointing.

    Returns:
        Rows of ``work``, ``precision``, ``checkpointing``; ``predicted`` and ``measured`` peak in bytes; and
        on an accelerator ``predicted_held`` and ``measured_held``, as they stand after the forward pass, and
        ``kernels``, what the three greediest operations take for themselves while they run.
    """
    Step(setting.memory[0], device)()  # libraries' own workspaces are there from now on
    rows = []
    for work in setting.memory:
        for precision in PRECISIONS:
            for checkpointing in (False, True):
                rows.append(_memory_row(work, precision, checkpointing, device))
    return rows


def _memory_row(work: Workload, precision: str, checkpointing: bool, device: torch.device) -> dict[str, Any]:
    gc.collect()  # a checkpointed block is in a reference cycle, and the last row's may still be there
    before = 0 if device.type == "cpu" else allocated(device)
    step = Step(work, device, precision=precision)
    if checkpointing:
        for block in step.model.blocks:
            block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    step()
    step.optimizer.zero_grad(set_to_none=True)
    kind = {"precision": precision, "checkpointing": checkpointing}
    predicted = state_bytes(
        gpt_parameters(work.shape),
        tensors=gpt_tensors(work.shape),
        bytes_each=PRECISIONS[precision].weight,
    )._replace(activations=gpt_activation_bytes(work.shape, work.batch, work.seq, **kind))
    state = predicted.weights + predicted.optimizer
    row = {
        "work": {**work.shape._asdict(), "batch": work.batch, "seq": work.seq},
        **kind,
        "predicted": peak_bytes(
            predicted, working=gpt_working_bytes(work.shape, work.batch, work.seq, **kind)
        ),
    }
    held = state if device.type == "cpu" else allocated(device) - before
    row["measured"] = held + most_allocated(lambda: (step(), step.optimizer.zero_grad()), device)
    if device.type != "cpu":
        loss = step.loss()
        row["predicted_held"] = state + predicted.activations
        row["measured_held"] = allocated(device) - before
        del loss
        row["kernels"] = kernels_own(step, device)
    return row


def _with_tflops(comparison: Comparison, operations: int) -> dict[str, Any]:
    row = comparison.row()
    sides = {side: operations / row[f"{side}_median"] / 1e12 for side in ("baseline", "candidate")}
    return {**row, "tflops": sides}
