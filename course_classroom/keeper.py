"""The fork server: imports PyTorch once and forks a worker per submission, each in namespaces of its own.

It never runs a student's code, nor reads what one sends. A worker gets fresh folders to write in, process ids
in which this process does not exist, an ordinary user's rights and no capability, before the first request.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import socket
import sys

try:
    import resource
except ImportError:  # Windows has none
    resource = None

UNLIMITED = b"unlimited"
_NEW_MOUNTS, _NEW_NAMES, _NEW_IPC, _NEW_PIDS = 0x00020000, 0x04000000, 0x08000000, 0x20000000
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _NO_PROGRAMS, _BIND = 1, 2, 4, 8, 4096 | 16384
_DETACH = 2
_DEATH_SIGNAL, _DUMPABLE, _DROP_BOUND, _NO_NEW_PRIVILEGES = 1, 4, 24, 38
_CAPABILITY_VERSION = 0x20080522


def main() -> None:
    """Fork what is asked for on standard input, a socket: arguments are LIMITS, USER and KEPT, all JSON.

    KEPT are the folders below /tmp that Python needs.

    Each message is one byte, b"w" for a worker or b"t" for a trial of the limits, with three descriptors:
    requests to read, replies to write, and a lifeline whose end is the worker's.
    """
    limits, user, kept = map(json.loads, sys.argv[1:])
    door = socket.socket(fileno=os.dup(0))
    while True:
        what, descriptors, _, _ = socket.recv_fds(door, 1, 3)
        if not what:
            return
        if what == b"w":
            importlib.import_module("marking.worker")  # PyTorch comes with it, once
        guard = os.fork()
        if guard == 0:
            try:
                _guard(what, descriptors, limits, user, kept)
            except BaseException as error:
                os.write(descriptors[1], f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        door.sendall(b"s")
        os.waitpid(guard, 0)


def _guard(
    what: bytes, descriptors: list[int], limits: dict[str, int], user: int | None, kept: list[str]
) -> None:
    """Make the new namespaces, start their first process, and kill it when the lifeline ends."""
    requests, replies, lifeline = descriptors
    _call("unshare", _NEW_MOUNTS | _NEW_NAMES | _NEW_IPC | _NEW_PIDS)
    first = os.fork()
    if first == 0:
        os.close(lifeline)
        try:
            _furnish(kept)
            _give_up_rights(user)
            _first(what, requests, replies, limits)
        except BaseException as error:
            os.write(replies, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(0)
    os.close(requests)
    os.close(replies)
    os.read(lifeline, 1)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)


def _furnish(kept: list[str]) -> None:
    """Mount fresh folders to write in, and the new world's own list of processes."""
    _call("mount", b"/tmp", b"/kept", None, _BIND, None)
    for place, size, files in (("/tmp", "64m", "4k"), ("/dev/shm", "64m", "1k")):
        options = f"size={size},nr_inodes={files},mode=1777".encode()
        _call("mount", b"files", place.encode(), b"tmpfs", _NO_SETUID | _NO_DEVICES, options)
    for folder in kept:
        os.makedirs(folder)
        source = "/kept" + folder.removeprefix("/tmp")
        _call("mount", source.encode(), folder.encode(), None, _BIND, None)
    _call("umount2", b"/kept", _DETACH)
    flags = _READ_ONLY | _NO_SETUID | _NO_DEVICES | _NO_PROGRAMS
    _call("mount", b"proc", b"/proc", b"proc", flags, None)
    os.chdir("/tmp")


def _first(what: bytes, requests: int, replies: int, limits: dict[str, int]) -> None:
    """Process 1 of the new world: start the worker, and reap what dies."""
    if what == b"t":
        _try_limit(replies)
        return
    worker = os.fork()
    if worker == 0:
        for name, most in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
        _call("prctl", _DUMPABLE, 1, 0, 0, 0)
        _call("prctl", _DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor > 2 and descriptor not in (requests, replies):
                with contextlib.suppress(OSError):  # the listing's own is closed already
                    os.close(descriptor)
        importlib.import_module("marking.worker").serve(requests, replies)
        os._exit(0)
    os.close(requests)
    os.close(replies)
    while os.wait()[0] != worker:
        pass


def _try_limit(replies: int) -> None:
    """Where there is room for one process, a second must be refused: to a superuser it is not."""
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    try:
        if os.fork() == 0:
            os._exit(0)
    except OSError:
        return
    os.write(replies, UNLIMITED)


def _give_up_rights(user: int | None) -> None:
    """Become `user`, where one is given, without any capability, now and later."""
    for capability in range(64):
        if _LIBC.prctl(_DROP_BOUND, capability, 0, 0, 0) != 0:
            break
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _call("capset", (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)())
    _call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _call("prctl", _DUMPABLE, 0, 0, 0, 0)


_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library; an error is raised by its number."""
    if getattr(_LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
