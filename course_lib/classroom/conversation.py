"""Talking to a worker that may say nothing, say too much, or die in mid-sentence."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from course_lib.classroom.sandbox import MEBIBYTE, Sandbox, SandboxError

START_SECONDS = 120.0
LONGEST_REPLY = 16 * MEBIBYTE
_GLANCE_SECONDS = 0.25  # how often memory is looked at while waiting


class WorkerLost(Exception):
    """The worker gave no answer, and none can be had from it any more; `status` is "timeout" or "crash"."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Worker:
    """One process that runs a student's code, and the way to ask it things.

    Args:
        sandbox: what it runs in.
        place: 0 … number of workers − 1; of each place, only one worker may be alive.

    Raises:
        SandboxError: if the process does not come up.
    """

    def __init__(self, sandbox: Sandbox, place: int) -> None:
        self._memory = sandbox.limits.resident_mib * MEBIBYTE
        self._process = sandbox.start(place)
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._to_send: queue.Queue[bytes | None] = queue.Queue()
        for work in (self._receive, self._send):
            threading.Thread(target=work, daemon=True).start()
        self._count = 0
        try:
            self._reply(START_SECONDS)
        except WorkerLost as lost:
            errors = self._process.stderr.read().decode(errors="replace").strip().splitlines()
            raise SandboxError(f"a worker did not start: {errors[-1] if errors else lost}") from lost

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and wait for its reply.

        Args:
            request: `do` and what it needs.
            seconds: wall time after which the worker is given up.

        Returns:
            The reply, of which only the `id` is checked.

        Raises:
            WorkerLost: if there is none in time, the worker ended or took too much memory, or what came is no
                reply to this request. The worker is dead then.
        """
        self._count += 1
        self._to_send.put(json.dumps(request | {"id": self._count}).encode() + b"\n")
        return self._reply(seconds)

    def close(self) -> None:
        """End the worker and everything it started."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                if os.name == "posix":
                    os.killpg(self._process.pid, signal.SIGKILL)
                else:
                    self._process.kill()
        self._process.wait()
        self._to_send.put(None)

    def _reply(self, seconds: float) -> dict[str, Any]:
        try:
            deadline, reply = time.monotonic() + seconds, {"id": -1}
            while reply["id"] < self._count:  # a forked copy of the worker may repeat an earlier reply
                reply = json.loads(self._line(deadline, seconds))
                if not isinstance(reply, dict) or type(reply.get("id")) is not int:
                    raise ValueError("it is no reply")
        except (ValueError, RecursionError) as error:
            self.close()
            raise WorkerLost("crash", "the process sent what is no answer") from error
        except WorkerLost:
            self.close()
            raise
        return reply

    def _line(self, deadline: float, seconds: float) -> bytes:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise WorkerLost("timeout", f"no end within {seconds:.3g} s")
            try:
                line = self._lines.get(timeout=min(left, _GLANCE_SECONDS))
            except queue.Empty:
                if _resident_bytes(self._process.pid) > self._memory:
                    raise WorkerLost("crash", "it took more memory than is allowed") from None
                continue
            if line is None:
                raise WorkerLost("crash", "the process ended")
            return line

    def _receive(self) -> None:
        """Put whole lines into the queue, then None; more than a reply may hold counts as the end."""
        rest = b""
        with contextlib.suppress(OSError, ValueError):
            while chunk := self._process.stdout.read1(MEBIBYTE):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._lines.put(line)
                if len(rest) > LONGEST_REPLY or self._lines.qsize() > 1000:
                    break
        self._lines.put(None)

    def _send(self) -> None:
        """Write what is asked; a worker that reads nothing holds up only this thread, until it is ended."""
        with contextlib.suppress(OSError, ValueError):
            while (message := self._to_send.get()) is not None:
                self._process.stdin.write(message)
                self._process.stdin.flush()


def _resident_bytes(ancestor: int) -> int:
    """Memory that a process and its descendants hold, shared pages once, where the system tells; else 0."""
    if sys.platform != "linux":
        return 0
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[stat.parent] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    family = {ancestor}
    while grown := {int(p.name) for p, parent in parents.items() if parent in family} - family:
        family |= grown
    kibibytes = 0
    for process in (p for p in parents if int(p.name) in family):
        with contextlib.suppress(OSError, IndexError, ValueError):
            rollup = (process / "smaps_rollup").read_text()
            kibibytes += int(rollup.partition("\nPss:")[2].split()[0])
    return 1024 * kibibytes
