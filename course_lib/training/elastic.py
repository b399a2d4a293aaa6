"""torchrun without its command line: processes that are all started again if one of them dies."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import pickle
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from course_lib.training.processes import (
    GRACE,
    START_METHOD,
    ProcessFailed,
    check_call,
    ending,
    free_port,
    prepare,
    print_by_rank,
)

_WITHOUT_LIBUV = sys.platform == "win32"
_SIGNALS = [  # Windows lacks the last two
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT") if hasattr(signal, name)
]


def under_torchrun(
    function: Callable[..., Any], *arguments: Any, processes: int = 2, restarts: int = 0
) -> list[Any]:
    """Call ``function(*arguments)`` in several processes by ``elastic_launch``, which is what torchrun calls.

    Where one dies or raises, the others are ended and all are started again, and each then finds a larger
    ``TORCHELASTIC_RESTART_COUNT``. Otherwise as ``processes.on_processes``; there is no time limit.

    Args:
        function: any function, of a notebook too.
        arguments: for each process the same.
        processes: how many, at least 1.
        restarts: how often all may be started again, at least 0.

    Returns:
        What the function returned, by rank.

    Raises:
        TypeError: if ``function`` cannot be called.
        ValueError: if ``processes`` < 1 or ``restarts`` < 0.
        ProcessFailed: if a process raised or died once more than ``restarts`` allows.

    Taught in: "More than one device".
    """
    check_call(function, processes)
    if restarts < 0:
        raise ValueError(f"restarts must be at least 0, got {restarts}")
    prepare()
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
    print_by_rank({rank: printed for rank, (_, printed) in enumerate(found)})
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
    return 2 * (failure.exitcode == -signal.SIGTERM), rank, ending(failure.exitcode)


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
