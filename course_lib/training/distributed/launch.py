"""Launching workers as torchrun does: rank, world size, rendezvous, elastic restarts, on this machine.

torchrun starts a fresh interpreter per worker, and each imports torch. Here that is paid once. On Linux and
macOS a server process imports it and forks each worker; on Windows, which cannot fork, the workers of one
call wait for the next. So the second launch takes a fraction of a second, and a function defined in a
notebook will do.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import multiprocessing
import os
import pickle
import random
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle
import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from course_lib.checks import check_at_least

# What takes seconds to import, torch._dynamo among it, which DDP and FSDP import when they are first used.
_SLOW = [
    "torch._dynamo",
    "course_lib.training.distributed.data_parallel",
    "course_lib.training.distributed.checkpoint",
]
GRACE = 2.0  # seconds in which the others may end too, once one has failed
_CLEANING = 5.0  # seconds for a process to end that has nothing more to do
START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


class ProcessFailed(RuntimeError):
    """A process raised or died; the message says which and how, ``stderr`` holds what it wrote there."""

    def __init__(self, message: str, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr


class _Outcome(NamedTuple):
    """How a process ended."""

    value: Any = None
    error: str | None = None
    rank_of_cause: int = 0  # 0 for a death, 1 for an exception, 2 for its consequences
    printed: str = ""
    reusable: bool = False  # the process is as it was before: the next call may have it


class _Worker(NamedTuple):
    process: Any
    pipe: Connection  # our end


# Those that have done their work and wait for more, where starting another takes seconds.
_waiting: list[_Worker] = []


def free_port() -> int:
    """Find a TCP port of this machine that is free, until somebody takes it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _check_call(function: Callable[..., Any], processes: int) -> None:
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    check_at_least(1, processes=processes)


def _prepare() -> None:
    """Tell the server, before it starts, what to import; later it is too late, and does no harm."""
    if START_METHOD == "forkserver":
        multiprocessing.set_forkserver_preload(_SLOW)


def _print_by_rank(printed: dict[int, str]) -> None:
    for rank, text in printed.items():
        for line in text.splitlines():
            print(f"[{rank}] {line}")


def _ending(code: int) -> str:
    """How a process ended that did not finish; ``code`` is as ``multiprocessing`` has it."""
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
    set. Each process computes on one thread. The function may be a notebook's: what it uses is sent along,
    tensors are copied. The processes' output comes afterwards, in the order of the ranks; what they return
    is the result, by rank. ``port`` is the meeting point's, ``None`` a free one.

    Raises:
        TypeError: if ``function`` cannot be called.
        ValueError: if ``processes`` < 1 or ``timeout`` is not above 0.
        ProcessFailed: if a process raised or died; the others are ended.
        TimeoutError: if they did not finish within ``timeout`` seconds from when all are there; all end.
    """
    _check_call(function, processes)
    if not timeout > 0:
        raise ValueError(f"timeout must be above 0 seconds, got {timeout}")
    call = cloudpickle.dumps((function, arguments))
    meeting = {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port() if port is None else port),
    }
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, str(rank)) for rank in range(processes)]
        workers = _taken(processes)
        outcomes: dict[int, _Outcome] = {}
        try:
            for rank, worker in enumerate(workers):
                place = {**meeting, "RANK": str(rank), "LOCAL_RANK": str(rank)}
                with contextlib.suppress(OSError):  # it has died since: the pipe's other end will say so
                    worker.pipe.send((call, place, files[rank]))
            outcomes = _collect(workers, timeout)
        finally:
            _release(workers, [rank for rank, outcome in outcomes.items() if outcome.reusable])
        stderr = [file.read_text("utf-8", "replace") if file.exists() else "" for file in files]
    _print_by_rank({rank: outcome.printed for rank, outcome in outcomes.items()})
    failures = [(found.rank_of_cause, rank, found.error) for rank, found in outcomes.items() if found.error]
    if failures:
        _, rank, error = min(failures)
        raise ProcessFailed(f"process {rank} of {processes} {error}", stderr[rank])
    if len(outcomes) < processes:
        raise TimeoutError(f"{processes - len(outcomes)} of {processes} processes ran for over {timeout:g} s")
    return [outcomes[rank].value for rank in range(processes)]


def _taken(processes: int) -> list[_Worker]:
    """As many workers as are asked for, all ready: those that wait, and new ones."""
    workers = []
    while _waiting and len(workers) < processes:
        worker = _waiting.pop()
        if worker.process.is_alive():
            workers.append(worker)
    _prepare()
    context, keep = multiprocessing.get_context(START_METHOD), START_METHOD == "spawn"
    started = []
    try:
        for _ in range(processes - len(workers)):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, keep, _SLOW if keep else []), daemon=True)
            process.start()
            theirs.close()
            started.append(_Worker(process, ours))
        for worker in started:  # importing torch is not the function's time
            with contextlib.suppress(EOFError):  # it died at once, which the call will find out
                worker.pipe.recv()
    except BaseException:  # an interruption: nobody else knows of them
        _release([*workers, *started], [])
        raise
    return workers + started


def _release(workers: list[_Worker], reusable: list[int]) -> None:
    """Keep those that may work again; the others end, by themselves if they are as good as done."""
    for rank, worker in enumerate(workers):
        if rank in reusable and START_METHOD == "spawn":
            _waiting.append(worker)
            continue
        if rank in reusable:
            worker.process.join(_CLEANING)
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


def _collect(workers: list[_Worker], timeout: float) -> dict[int, _Outcome]:
    """Wait for all, by rank; where one fails, wait a little longer for the others."""
    outcomes = {}
    waiting = {worker.pipe: rank for rank, worker in enumerate(workers)}
    deadline = time.monotonic() + timeout
    while waiting and (left := deadline - time.monotonic()) > 0:
        for pipe in wait(list(waiting), left):
            rank = waiting.pop(pipe)
            try:
                outcomes[rank] = _Outcome(*pickle.loads(pipe.recv_bytes()))
            except (EOFError, ConnectionError):
                workers[rank].process.join()
                outcomes[rank] = _Outcome(error=_ending(workers[rank].process.exitcode))
            if outcomes[rank].error:
                deadline = min(deadline, time.monotonic() + GRACE)
    return dict(sorted(outcomes.items()))


def _work(pipe: Connection, keep: bool, modules: list[str]) -> None:
    """What a process does: imports; then calls, with their output caught: one, or all that come."""
    for module in modules:
        importlib.import_module(module)
    torch.set_num_threads(1)
    environment, own_stderr = dict(os.environ), os.dup(2)
    states = torch.get_rng_state(), random.getstate()
    pipe.send("ready")
    while True:
        # A notebook's interruption reaches all of its processes; one that waits has nothing to interrupt.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            call, meeting, file = pipe.recv()
        except EOFError:  # whoever started us is gone
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(meeting)
        with file.open("wb") as stderr:
            os.dup2(stderr.fileno(), 2)  # the file descriptor: C++ writes there too
        message = _outcome(call)
        if not keep:
            pipe.send_bytes(message)
            return
        # As a new process would be, for the next call.
        os.dup2(own_stderr, 2)
        os.environ.clear()
        os.environ.update(environment)
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(1)
        pipe.send_bytes(message)


def _outcome(call: bytes) -> bytes:
    """Call, and pickle the fields of an ``_Outcome``."""
    printed = io.StringIO()
    try:
        function, arguments = pickle.loads(call)
        with contextlib.redirect_stdout(printed):
            value = function(*arguments)
        return pickle.dumps((value, None, 0, printed.getvalue(), not dist.is_initialized()))
    except Exception as error:  # whatever it is, the caller is told
        traceback.print_exc()
        sys.stderr.flush()
        told = f"raised {type(error).__name__}: {error}"
        return pickle.dumps((None, told, 1 + isinstance(error, RuntimeError), printed.getvalue()))


_WITHOUT_LIBUV = sys.platform == "win32"
_SIGNALS = [  # Windows lacks the last two
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT") if hasattr(signal, name)
]


def under_torchrun(
    function: Callable[..., Any], *arguments: Any, processes: int = 2, restarts: int = 0
) -> list[Any]:
    """Call ``function(*arguments)`` in several processes by ``elastic_launch``, which is what torchrun calls.

    Where one dies or raises, the others are ended and all are started again, and each then finds a larger
    ``TORCHELASTIC_RESTART_COUNT``. ``ProcessFailed`` if that happens more than ``restarts`` times. Otherwise
    as ``on_processes``; there is no time limit.
    """
    _check_call(function, processes)
    check_at_least(0, restarts=restarts)
    _prepare()
    # "c10d" finds a free port as it binds one, and insists on libuv, which torch for Windows lacks.
    # "static" is told a port, and asks USE_LIBUV. (So says torch's source; tried on Linux, not on Windows.)
    meeting: dict[str, Any] = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0"}
    if _WITHOUT_LIBUV:
        os.environ.setdefault("USE_LIBUV", "0")
        address = f"127.0.0.1:{free_port()}"
        meeting = {"rdzv_backend": "static", "rdzv_endpoint": address, "rdzv_configs": {"rank": 0}}
    with tempfile.TemporaryDirectory() as folder, _undisturbed():
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id="run",
            **meeting,
            max_restarts=restarts,
            start_method=START_METHOD,
            logs_specs=DefaultLogsSpecs(log_dir=folder, redirects=Std.ALL),
        )
        try:
            results = elastic_launch(config, _call)(cloudpickle.dumps((function, arguments)))
        except ChildFailedError as error:
            _, rank, told = min(_ranked(rank, failure) for rank, failure in error.failures.items())
            raise ProcessFailed(f"process {rank} of {processes} {told}") from None
    found = [pickle.loads(results[rank]) for rank in range(processes)]
    _print_by_rank({rank: printed for rank, (_, printed) in enumerate(found)})
    return [value for value, _ in found]


def _call(call: bytes) -> bytes:
    """What a process does; the launcher keeps an exception for the caller."""
    torch.set_num_threads(1)
    printed = io.StringIO()
    function, arguments = pickle.loads(call)
    try:
        with contextlib.redirect_stdout(printed):
            value = function(*arguments)
    except RuntimeError:  # what the peers of a dead process get: let the launcher find the dead one first
        time.sleep(GRACE)
        raise
    return pickle.dumps((value, printed.getvalue()))


def _ranked(rank: int, failure: ProcessFailure) -> tuple[int, int, str]:
    """A failure behind its place among the causes: a death, an exception, what they did to the others."""
    kept = failure.error_file_data.get("message")
    if isinstance(kept, dict):
        told = kept["message"]
        return 1 + told.startswith("RuntimeError"), rank, f"raised {told}"
    return 2 * (failure.exitcode == -signal.SIGTERM), rank, _ending(failure.exitcode)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Undo what torchrun does to a program that is not its own: signal handlers stay, its log is silent."""
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    silent = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(silent)
        for number, handler in handlers.items():
            signal.signal(number, handler)
