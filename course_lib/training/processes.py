"""Run a function in several processes on this machine, set up as torchrun sets its workers up.

torchrun starts a fresh interpreter a worker, and each imports torch. Here one server process imports it once
and forks the workers, so that the second launch takes a fraction of a second, and a function defined in a
notebook will do.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle
import torch

# What takes seconds to import, torch._dynamo among it, which DDP and FSDP import when they are first used.
_SLOW = ["torch._dynamo", "course_lib.training.data_parallel", "course_lib.training.sharded_checkpoint"]
GRACE = 2.0  # seconds in which the others may end too, once one has failed
_CLEANING = 5.0  # seconds for a process to end that has nothing more to do
START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


class ProcessFailed(RuntimeError):
    """A process raised or died; the message says which and how, ``stderr`` holds what it wrote there."""

    def __init__(self, message: str, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr


class _Outcome(NamedTuple):
    """How a process ended; ``rank_of_cause`` is 0 for a death, 1 for an exception, 2 for its consequences."""

    value: Any = None
    error: str | None = None
    rank_of_cause: int = 0
    printed: str = ""


def free_port() -> int:
    """Find a TCP port on which nobody on this machine listens.

    Returns:
        Its number; it stays free only until somebody takes it.

    Taught in: "More than one device".
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check_call(function: Callable[..., Any], processes: int) -> None:
    """Refuse what cannot be called (``TypeError``) and fewer than one process (``ValueError``).

    Args:
        function: to call in each process.
        processes: how many.

    Taught in: "More than one device".
    """
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    if processes < 1:
        raise ValueError(f"processes must be at least 1, got {processes}")


def prepare() -> None:
    """Tell the server, before it starts, what to import; later it is too late, and does no harm.

    Taught in: "More than one device".
    """
    if START_METHOD == "forkserver":
        multiprocessing.set_forkserver_preload(_SLOW)


def print_by_rank(printed: dict[int, str]) -> None:
    """Print what the processes printed, each line behind its rank.

    Args:
        printed: text by rank, printed in its order.

    Taught in: "More than one device".
    """
    for rank, text in printed.items():
        for line in text.splitlines():
            print(f"[{rank}] {line}")


def ending(code: int) -> str:
    """Say how a process ended that did not finish.

    Args:
        code: its exit status; below 0 the number of a signal, as ``multiprocessing`` has it.

    Returns:
        The end of a sentence about the process.

    Taught in: "More than one device".
    """
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit status {code} before the function returned"


def on_processes(
    function: Callable[..., Any],
    *arguments: Any,
    processes: int = 2,
    timeout: float = 120.0,
    port: int | None = None,
) -> list[Any]:
    """Call ``function(*arguments)`` in several processes at once, each with torchrun's environment variables.

    ``RANK``, ``LOCAL_RANK``, ``WORLD_SIZE``, ``LOCAL_WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT`` are
    set. Each process computes on one thread. What they print comes afterwards, in the order of the ranks.

    Args:
        function: any function, of a notebook too; what it uses is sent along.
        arguments: for each process the same; tensors are copied.
        processes: how many, at least 1.
        timeout: seconds after which all are ended.
        port: of the meeting point; ``None`` means a free one.

    Returns:
        What the function returned, by rank.

    Raises:
        TypeError: if ``function`` cannot be called.
        ValueError: if ``processes`` < 1 or ``timeout`` is not above 0.
        ProcessFailed: if a process raised or died; the others are ended.
        TimeoutError: if they did not finish in time; all are ended.

    Taught in: "More than one device".
    """
    check_call(function, processes)
    if not timeout > 0:
        raise ValueError(f"timeout must be above 0 seconds, got {timeout}")
    call = cloudpickle.dumps((function, arguments))
    meeting = {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port() if port is None else port),
    }
    prepare()
    context = multiprocessing.get_context(START_METHOD)
    with tempfile.TemporaryDirectory() as folder:
        started, pipes = [], []
        for rank in range(processes):
            receiver, sender = context.Pipe(duplex=False)
            environment = {**meeting, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            process = context.Process(
                target=_work, args=(call, environment, sender, os.path.join(folder, str(rank))), daemon=True
            )
            process.start()
            sender.close()
            started.append(process)
            pipes.append(receiver)
        try:
            outcomes = _collect(started, pipes, timeout)
            for rank in outcomes:  # these are done, and only clean up after themselves
                started[rank].join(_CLEANING)
        finally:
            for process in started:
                process.kill()
                process.join()
        stderr = [_read(os.path.join(folder, str(rank))) for rank in range(processes)]
    print_by_rank({rank: outcome.printed for rank, outcome in outcomes.items()})
    failures = [(found.rank_of_cause, rank, found.error) for rank, found in outcomes.items() if found.error]
    if failures:
        _, rank, error = min(failures)
        raise ProcessFailed(f"process {rank} of {processes} {error}", stderr[rank])
    if len(outcomes) < processes:
        raise TimeoutError(f"{processes - len(outcomes)} of {processes} processes ran for over {timeout:g} s")
    return [outcomes[rank].value for rank in range(processes)]


def _collect(started: list[Any], pipes: list[Connection], timeout: float) -> dict[int, _Outcome]:
    """Wait for all, by rank; where one fails, wait a little longer for the others."""
    outcomes = {}
    waiting = dict(zip(pipes, range(len(pipes)), strict=True))
    deadline = time.monotonic() + timeout
    while waiting and (left := deadline - time.monotonic()) > 0:
        for pipe in wait(list(waiting), left):
            rank = waiting.pop(pipe)
            try:
                outcomes[rank] = _Outcome(*pickle.loads(pipe.recv_bytes()))
            except EOFError:
                started[rank].join()
                outcomes[rank] = _Outcome(error=ending(started[rank].exitcode))
            if outcomes[rank].error:
                deadline = min(deadline, time.monotonic() + GRACE)
    return dict(sorted(outcomes.items()))


def _work(call: bytes, environment: dict[str, str], pipe: Connection, stderr: str) -> None:
    """What a process does: the call, with its output caught, and the outcome into the pipe."""
    os.environ.update(environment)
    with open(stderr, "wb") as file:
        os.dup2(file.fileno(), 2)  # the file descriptor: C++ writes there too
    torch.set_num_threads(1)
    printed = io.StringIO()
    try:
        function, arguments = pickle.loads(call)
        with contextlib.redirect_stdout(printed):
            value = function(*arguments)
        message = pickle.dumps((value, None, 0, printed.getvalue()))
    except Exception as error:  # whatever it is, the caller is told
        traceback.print_exc()
        sys.stderr.flush()
        told = f"raised {type(error).__name__}: {error}"
        message = pickle.dumps((None, told, 1 + isinstance(error, RuntimeError), printed.getvalue()))
    pipe.send_bytes(message)


def _read(path: str) -> str:
    return Path(path).read_text("utf-8", "replace") if os.path.exists(path) else ""
