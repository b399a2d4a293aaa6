"""The client of a worker process: time-outs, output limits, and workers that die in mid-answer."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_classroom.sandbox import MEBIBYTE, START_SECONDS, MachineBusy, Sandbox, SandboxError

LONGEST_REPLY = 16 * MEBIBYTE
MOSTLY = 0.9  # a worker that was asleep at this share of the glances waits for something of its own
_GLANCE_SECONDS = 0.25  # how often time and memory are looked at while waiting


class WorkerLost(Exception):
    """The worker gave no answer, and none can be had from it any more.

    `status` is "timeout", "crash", or "busy": the machine gave it too little time to tell.
    """

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
        WorkerLost: with "busy", if the machine is too busy for it to come up.
    """

    def __init__(self, sandbox: Sandbox, place: int) -> None:
        self._limits = sandbox.limits
        self.spent = 0.0  # processor time of all requests that took long enough to be looked at, seconds
        try:
            self._running = sandbox.start(place)
        except MachineBusy as busy:
            raise WorkerLost("busy", str(busy)) from busy
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._to_send: queue.Queue[bytes | None] = queue.Queue()
        for work in (self._receive, self._send):
            threading.Thread(target=work, daemon=True).start()
        self._count = 0
        try:
            self._reply(START_SECONDS, START_SECONDS)
        except WorkerLost as lost:
            if lost.status == "busy":
                raise
            raise SandboxError(f"a worker did not start: {lost}") from lost

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and wait for its reply.

        Args:
            request: `do` and what it needs.
            seconds: processor time after which the worker is given up; by the clock, `patience` times that.

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
        self._running.end()
        self._to_send.put(None)

    def _reply(self, seconds: float, by_the_clock: float | None = None) -> dict[str, Any]:
        try:
            waiting, line = _Waiting(seconds, by_the_clock or seconds * self._limits.patience), b""
            reply = {"id": -1}
            while reply["id"] < self._count:  # a forked copy of the worker may repeat an earlier reply
                line = self._line(waiting)
                reply = json.loads(line)
                if not isinstance(reply, dict) or type(reply.get("id")) is not int:
                    raise ValueError("it is no reply")
        except (ValueError, RecursionError) as error:
            self.close()
            said = "" if self._count else f": {line[:200].decode(errors='replace')}"
            raise WorkerLost("crash", f"the process sent something other than an answer{said}") from error
        except WorkerLost:
            self.close()
            raise
        finally:
            self.spent += waiting.spent
        return reply

    def _line(self, waiting: _Waiting) -> bytes:
        while True:
            try:
                line = self._lines.get(timeout=_GLANCE_SECONDS)
            except queue.Empty:
                family = look_at(self._running.pid)
                if family.resident_bytes > self._limits.resident_mib * MEBIBYTE:
                    raise WorkerLost("crash", "it took more memory than is allowed") from None
                waiting.glance(family)
                continue
            if line is None:
                raise WorkerLost("crash", "the process ended")
            return line

    def _receive(self) -> None:
        """Put whole lines into the queue, then None; more than a reply may hold counts as the end."""
        rest = b""
        with contextlib.suppress(OSError, ValueError):
            while chunk := self._running.replies.read1(MEBIBYTE):
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
                self._running.requests.write(message)
                self._running.requests.flush()


@dataclass
class _Waiting:
    """How long one request may take, and what was seen of it so far.

    Attributes:
        seconds: processor time it may take.
        by_the_clock: wall time it may take.
    """

    seconds: float
    by_the_clock: float
    spent: float = 0.0
    _start: float = field(default_factory=time.monotonic)
    _before: float | None = None
    _glances: int = 0
    _asleep: int = 0

    def glance(self, family: Family) -> None:
        """Take note of a look at the worker.

        Raises:
            WorkerLost: if its time is over.
        """
        passed = time.monotonic() - self._start
        if family.processor_seconds is not None:
            if self._before is None:
                self._before = family.processor_seconds
            self.spent = family.processor_seconds - self._before
            self._glances, self._asleep = self._glances + 1, self._asleep + family.asleep
        if self.spent > self.seconds:
            raise WorkerLost("timeout", f"no end within {self.seconds:.3g} s of processor time")
        if passed <= self.by_the_clock:
            return
        if self._glances == 0:
            raise WorkerLost("timeout", f"no end within {self.by_the_clock:.3g} s")
        used = f"in {passed:.0f} s by the clock it used {self.spent:.1f} s of processor time"
        if self._asleep >= MOSTLY * self._glances:
            raise WorkerLost("timeout", f"no end: {used}, and waited for something that did not happen")
        raise WorkerLost("busy", f"the machine was too busy: {used}")


@dataclass(frozen=True)
class Family:
    """What the system tells of a process and its descendants.

    Attributes:
        resident_bytes: memory they hold, shared pages once; 0 where the system does not tell.
        processor_seconds: time they have used, those that have ended included; None where it does not tell.
        asleep: whether none of them runs, wants to run, or waits for a disk.
    """

    resident_bytes: int = 0
    processor_seconds: float | None = None
    asleep: bool = False


def look_at(ancestor: int) -> Family:
    """Look at a process and its descendants."""
    if sys.platform != "linux":
        return Family()
    stats: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            stats[int(stat.parent.name)] = _fields(stat)
    family = {ancestor}
    while grown := {pid for pid, fields in stats.items() if int(fields[1]) in family} - family:
        family |= grown
    kibibytes = ticks = 0
    asleep = True
    for pid in family & stats.keys():
        ticks += sum(map(int, stats[pid][11:15]))
        asleep = asleep and all(state not in "RD" for state in _thread_states(pid))
        with contextlib.suppress(OSError, IndexError, ValueError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
            kibibytes += int(rollup.partition("\nPss:")[2].split()[0])
    return Family(1024 * kibibytes, ticks / os.sysconf("SC_CLK_TCK"), asleep)


def _thread_states(pid: int) -> list[str]:
    states = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            states.append(_fields(stat)[0])
    return states


def _fields(stat: Path) -> list[str]:
    """A stat file of /proc after the program's name, which may hold anything: state, parent, …"""
    return stat.read_text("utf-8", errors="replace").rpartition(")")[2].split()
