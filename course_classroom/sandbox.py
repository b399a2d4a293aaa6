"""The sandbox (Linux namespaces) in which a student's code runs: it sees Python, its packages, and no more.

On Linux the process gets its own mounts, process ids, network and user. Its disk is read-only and holds what
is on a list: the interpreter, its packages, the system's libraries and programs. The course, its exercises,
other submissions and the seeds are on no list, and are masked where they lie below something that is.
There is no network but an unplugged one; nothing outside can be seen, signalled or written. What the kernel
refuses to count, limits on resources do.

One keeper per place imports PyTorch once and forks a process for each submission, so that no submission pays
for the import and none finds anything that another left behind.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
import shutil
import signal
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from course_classroom.keeper import UNLIMITED

HERE = Path(__file__).resolve().parent
HOUSES = ("course_lib", "course_exercises", "course_explorables", "course_classroom")
WORKER_FILES = ("keeper.py", "serialization.py", "worker.py")  # all of the course that a worker sees
# Users that no account has, one for each place, so that none uses up another's share of processes.
FIRST_USER, USERS = 60_000, 5_000
PROGRAMS = ("unshare", "setpriv", "mount", "umount", "pivot_root", "chroot", "sh")
SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
START_SECONDS = 600.0  # by the clock; a busy machine takes a minute to import PyTorch
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """What one worker may use.

    Times are processor time of all processes together, so an answer gets the same on a busy machine as on a
    quiet one. Behind each stands a limit by the clock, `patience` times as long, for answers that wait.

    Attributes:
        cell_seconds: processor time for a cell.
        call_seconds: processor time for a call of an answer; the first use of `torch.func` imports a lot.
        submission_seconds: processor time for everything of one student.
        patience: seconds by the clock for each second of processor time.
        memory_mib: address space of one process, MiB; torch alone takes 3000.
        resident_mib: memory that all processes together really hold, MiB.
        file_mib: size of one file, and of all in each of the two folders that can be written, MiB.
        processes: processes and threads at a time.
        open_files: open files of one process.
    """

    cell_seconds: float = 30.0
    call_seconds: float = 20.0
    submission_seconds: float = 300.0
    patience: float = 10.0
    memory_mib: int = 4096
    resident_mib: int = 3072
    file_mib: int = 64
    processes: int = 64
    open_files: int = 256

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, got {value!r}")
        if self.patience < 1:
            raise ValueError(f"patience must be at least 1, got {self.patience!r}")

    def resources(self, *, isolated: bool) -> str:
        """The worker's argument: limits by the name of a resource, as JSON."""
        limits = {
            "CORE": 0,
            "CPU": int(self.submission_seconds) + 60,
            "FSIZE": self.file_mib * MEBIBYTE,
            "NOFILE": self.open_files,
        }
        if isolated:  # elsewhere all processes of the user count, and not every system can limit memory
            limits |= {"AS": self.memory_mib * MEBIBYTE, "NPROC": self.processes}
        return json.dumps(limits)


class SandboxError(RuntimeError):
    """The sandbox could not be set up on this machine."""


class KeeperGone(SandboxError):
    """The process that starts workers does not live."""


class MachineBusy(SandboxError):
    """A worker did not start in a time that is ample on a machine with anything to spare."""


@dataclass
class Running:
    """A worker that was started: the pipes to it, and a way to end it.

    Attributes:
        requests: to be written.
        replies: to be read.
        pid: of the process below which everything of it runs.
        lifeline: a descriptor; once it is closed the worker is killed. None for a plain process.
        process: the worker itself where it is a plain process, else None.
    """

    requests: BinaryIO
    replies: BinaryIO
    pid: int
    lifeline: int | None = None
    process: subprocess.Popen[bytes] | None = None

    def end(self) -> None:
        """End the worker and everything it started; the second time does nothing."""
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None
        if self.process is not None:
            _kill(self.process)


class Sandbox:
    """Starts workers, isolated or, where asked for, as plain processes.

    Args:
        limits: what each worker may use.
        isolated: False runs students' code with your own rights: only for code you trust as your own.
        hidden: folders that no worker may see, wherever they lie; the course's own is always among them.

    Raises:
        SandboxError: if isolation is asked for and this machine does not offer it, or if a folder to be
            hidden is one that Python itself needs; the message says why.
    """

    def __init__(
        self, limits: Limits | None = None, *, isolated: bool = True, hidden: Iterable[Path] = ()
    ) -> None:
        self.limits = limits or Limits()
        self.isolated = isolated
        self._hidden = [_course(), *(Path(path).resolve() for path in hidden)]
        self._keepers: dict[int, _Keeper] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="marking-")
        os.chmod(self._folder.name, 0o755)
        try:
            if isolated:
                reason = self._why_not()
                if reason is not None:
                    raise SandboxError(reason)
            else:
                _copy_worker(Path(self._folder.name))
        except BaseException:
            self.close()
            raise

    def start(self, place: int) -> Running:
        """Start a worker; of each `place`, 0 … workers − 1, one at a time.

        Raises:
            SandboxError: if it cannot be started.
        """
        if self.isolated:
            if place in self._keepers:
                with contextlib.suppress(KeeperGone):
                    return self._keepers[place].start(b"w")
                self._keepers[place].close()
            self._keepers[place] = self._keeper(place)
            return self._keepers[place].start(b"w")
        view = self._folder.name
        home = tempfile.mkdtemp(dir=view)
        command = [sys.executable, "-P", "-s", "-S", "-c", _bootstrap(view, "worker"), self._resources()]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=None, env=_environment(home), cwd=home,
            start_new_session=True,
        )  # fmt: skip
        return Running(process.stdin, process.stdout, process.pid, process=process)

    def close(self) -> None:
        """End what still runs, and remove the folder that the workers were set up in."""
        for keeper in self._keepers.values():
            keeper.close()
        self._folder.cleanup()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _resources(self) -> str:
        return self.limits.resources(isolated=self.isolated)

    def _keeper(self, place: int) -> _Keeper:
        """Start the process that keeps PyTorch imported for one place."""
        user = FIRST_USER + (8 * os.getpid() + place) % USERS if os.geteuid() == 0 else None
        command = [str(_interpreter()), "-P", "-s", "-S", "-c", _bootstrap("/course", "keeper")]
        kept = [str(path) for path in _trees() if Path("/tmp") in path.parents]
        command += [self._resources(), json.dumps(user), json.dumps(kept)]
        script = _script(Path(self._folder.name), command, self._hidden)
        mapped = [] if user is not None else ["--user", "--map-root-user"]
        spaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
        return _Keeper(["setpriv", "--pdeathsig", "KILL", "unshare", *mapped, *spaces, "sh", "-c", script])

    def _why_not(self) -> str | None:
        """Why nothing can be isolated here, or None if a trial shows that it can."""
        if sys.platform != "linux":
            return f"students' code can be isolated on Linux only; this is {sys.platform}"
        missing = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
        if missing:
            return f"isolating students' code needs the program {missing[0]!r}, which this machine lacks"
        needed = [path for path in self._hidden if path in _trees()]
        if needed:
            return f"{needed[0]} must not hold the course or submissions: Python itself needs that folder"
        try:
            self._keepers[0] = self._keeper(0)
            trial = self._keepers[0].start(b"t")
        except SandboxError as error:
            return f"this machine does not let students' code be isolated ({error})"
        said = trial.replies.read()
        trial.end()
        if said == UNLIMITED:
            return (
                "this machine does not limit how many processes students' code starts (a root user outside?)"
            )
        if said:
            return f"this machine does not let students' code be isolated ({said.decode(errors='replace')})"
        return None


class _Keeper:
    """The process of one place, from the outside."""

    def __init__(self, command: list[str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                env=_environment("/tmp"), cwd="/", start_new_session=True,
            )  # fmt: skip
        self._socket.settimeout(START_SECONDS)

    def start(self, what: bytes) -> Running:
        """Have a process forked: b"w" for a worker, b"t" for a trial of the limits."""
        (request, send), (receive, reply), (lifeline, alive) = os.pipe(), os.pipe(), os.pipe()
        try:
            socket.send_fds(self._socket, [what], [request, reply, lifeline])
            started = self._socket.recv(1)
        except TimeoutError as error:
            self._close(send, receive, alive)
            raise MachineBusy(f"no worker started within {START_SECONDS:.0f} s") from error
        except OSError:
            started = b""
        finally:
            for descriptor in (request, reply, lifeline):
                os.close(descriptor)
        if not started:
            self._close(send, receive, alive)
            raise KeeperGone(self._complaint())
        return Running(os.fdopen(send, "wb"), os.fdopen(receive, "rb"), self._process.pid, alive)

    def close(self) -> None:
        self._socket.close()
        _kill(self._process)
        self._process.stderr.close()

    def _close(self, *descriptors: int) -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    def _complaint(self) -> str:
        """The last line that the dead process wrote."""
        _kill(self._process)
        said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return said[-1] if said else f"exit status {self._process.returncode}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    process.wait()


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _interpreter() -> Path:
    """The interpreter itself, behind every link and virtual environment, however it was called."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


def _packages() -> list[Path]:
    """The folders of installed packages, PyTorch's own among them."""
    torch_home = Path(importlib.util.find_spec("torch").origin).resolve().parents[1]
    places = [*map(Path, site.getsitepackages()), torch_home]
    return list(dict.fromkeys(path.resolve() for path in places if path.is_dir()))


def _bootstrap(view: str, module: str) -> str:
    """A program that runs a module of the worker's, with `view` and the packages to import from.

    Neither .pth files nor a virtual environment's start-up are read: they may lead to the course itself.
    """
    path = [str(path) for path in _packages()]
    return (
        f"import sys; sys.path[:] = [{view!r}, *[p for p in sys.path if p], *{path!r}]; "
        f"from marking.{module} import main; main()"
    )


def _environment(home: str) -> dict[str, str]:
    """All that a worker's environment holds, in an order of its own."""
    environment = {
        "PATH": _PATH,
        "HOME": home,
        "TMPDIR": home,
        "USER": "student",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "",
    }
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    inherited = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    return environment | threads | inherited


def _course() -> Path:
    """The folder of the whole course; of an installed one, this package's own."""
    return HERE if HERE.parent in _packages() else HERE.parent


def _copy_worker(view: Path) -> None:
    """The worker's files as the package `marking`, beside packages of the course that cannot be imported."""
    (view / "marking").mkdir()
    (view / "marking" / "__init__.py").touch()
    for name in WORKER_FILES:
        shutil.copy(HERE / name, view / "marking" / name)
    for name in HOUSES:
        refusal = f'raise ModuleNotFoundError("No module named {name!r}", name={name!r})\n'
        (view / f"{name}.py").write_text(refusal, "utf-8")


def _trees() -> list[Path]:
    """The folders that Python, its packages and the system's programs lie in, none below another."""
    prefixes = {Path("/usr"), _interpreter().parents[1], Path(sys.base_prefix).resolve()}
    wanted = {prefix / part for prefix in prefixes for part in ("bin", "lib", "lib32", "lib64")}
    wanted |= {Path("/usr/sbin"), Path("/usr/include"), Path("/usr/libexec"), Path("/nix/store")}
    wanted |= {path for path in map(Path, SYSTEM) if not path.is_symlink()} | set(_packages())
    present = sorted({path.resolve() for path in wanted if path.is_dir()})
    return [path for path in present if not any(other in path.parents for other in present)]


def _masked(hidden: Iterable[Path]) -> list[Path]:
    """What must not be seen: the folders to hide, and any copy of the course's packages among the others."""
    copies = [path / name for path in _packages() for name in HOUSES]
    return sorted({path for path in [*hidden, *copies] if path.is_dir()})


def _script(folder: Path, command: list[str], hidden: Iterable[Path]) -> str:
    """Shell lines that build a small world below `folder`, make it the root, and run `command` in it."""
    root = shlex.quote(str(folder))
    lines = ["set -eu", f"mount -t tmpfs -o size=1m,mode=755 world {root}", f"cd {root}", "mkdir tmp"]
    # First the folder that students may write in: what Python needs may itself lie below /tmp.
    lines.append("mount -t tmpfs -o size=64m,nr_inodes=4k,mode=1777,nosuid,nodev files tmp")
    lines += _view(_trees(), _masked(hidden))
    for link in map(Path, SYSTEM):
        if link.is_symlink():
            lines.append(f"ln -s {shlex.quote(os.readlink(link))} .{link}")
    lines.append("mkdir -p course/marking && touch course/marking/__init__.py")
    for name in WORKER_FILES:
        lines += _bind(HERE / name, Path("/course/marking") / name)
    for path in map(Path, ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/etc/ld.so.cache")):
        if path.exists():
            lines += _bind(path, path)
    lines += [
        "mkdir -p dev/shm proc old inner kept",
        "mount -t tmpfs -o size=64m,nr_inodes=1k,mode=1777,nosuid,nodev shared dev/shm",
        "mount -t proc -o ro,nosuid,nodev,noexec proc proc",
        "mount -o remount,bind,ro .",
        "pivot_root . old",
        "umount -l /old",
        # A process whose root is not that of its mount namespace is refused namespaces of its own.
        "mount --rbind / /inner",
        f"chroot /inner sh -c {shlex.quote('cd /tmp && exec ' + shlex.join(command))}",
        "exit $?",
    ]
    return "\n".join(lines)


def _view(trees: list[Path], masked: list[Path]) -> list[str]:
    """Shell lines that show the trees, with an empty folder over what is masked in them.

    From the outermost inwards, so that a tree inside a masked folder, such as the environment in a course's
    own folder, is seen again, and nothing else of that folder is.
    """
    lines, closed = [], []
    steps = dict.fromkeys(trees, False) | dict.fromkeys(masked, True)
    for path in sorted(steps, key=lambda path: len(path.parts)):
        above = max((p for p in steps if p in path.parents), key=lambda p: len(p.parts), default=None)
        inside_a_tree = above is not None and not steps[above]
        if steps[path] and inside_a_tree:
            place = shlex.quote(f".{path}")
            # Where another disk is mounted above it, it is not there to be seen.
            lines.append(f"if [ -d {place} ]; then mount -t tmpfs -o size=1m,mode=755 nothing {place}; fi")
            closed.append(f"if [ -d {place} ]; then mount -o remount,ro {place}; fi")
        elif not steps[path] and not inside_a_tree:
            lines += _bind(path, path)
    return lines + closed


def _bind(source: Path, target: Path) -> list[str]:
    """Shell lines that show `source`, not to be written, at `target` below the working directory."""
    place, parent = shlex.quote(f".{target}"), shlex.quote(f".{target.parent}")
    make = f"mkdir -p {place}" if source.is_dir() else f"mkdir -p {parent} && touch {place}"
    options = "bind,ro,nosuid" + ("" if str(target).startswith("/dev") else ",nodev")
    return [make, f"mount -o {options} {shlex.quote(str(source))} {place}"]
