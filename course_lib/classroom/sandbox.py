"""Where a student's code runs: a process of its own that sees torch, a few rooms of the library, and no more.

On Linux the process gets its own mounts, process ids, network and user: the disk is read-only and holds only
Python, its packages and `course_lib` without the exercises; there is no network but an unplugged one; nothing
outside can be seen, signalled or written. What the kernel refuses to count, limits on resources do.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import site
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent.parent
HIDDEN_ROOMS = ("exercises", "classroom", "__pycache__")
WORKER_FILES = ("__init__.py", "wire.py", "worker.py")  # what a worker sees of this room
FIRST_USER = (
    60_000  # of the users that no account has; one for each place, so that none uses up another's share
)
PROGRAMS = ("unshare", "setpriv", "mount", "umount", "pivot_root", "chroot", "sh")
MEBIBYTE = 2**20
_UNLIMITED = 77
# Where there is room for one process, a second must be refused: to a superuser, even in disguise, it is not.
_TRIAL = f"""import os, resource
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
try:
    os.fork()
except OSError:
    os._exit(0)
os._exit({_UNLIMITED})"""


@dataclass(frozen=True)
class Limits:
    """What one worker may use.

    Attributes:
        cell_seconds: wall time for a cell.
        call_seconds: wall time for a call of an answer. The first use of `torch.func` imports for seconds.
        submission_seconds: wall time for everything of one student.
        memory_mib: address space of one process, MiB; torch alone takes 3000.
        resident_mib: memory that all processes together really hold, MiB.
        file_mib: size of one file, and of all in each of the two folders that can be written, MiB.
        processes: processes and threads at a time.
        open_files: open files of one process.
    """

    cell_seconds: float = 30.0
    call_seconds: float = 20.0
    submission_seconds: float = 300.0
    memory_mib: int = 4096
    resident_mib: int = 3072
    file_mib: int = 64
    processes: int = 64
    open_files: int = 256

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, got {value!r}")

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


class Sandbox:
    """Starts workers, isolated or, where asked for, as plain processes.

    Args:
        limits: what each worker may use.
        isolated: False runs students' code with your own rights: only for code you trust as your own.

    Raises:
        SandboxError: if isolation is asked for and this machine does not offer it; the message says why.

    Taught in: "For instructors".
    """

    def __init__(self, limits: Limits | None = None, *, isolated: bool = True) -> None:
        self.limits = limits or Limits()
        self.isolated = isolated
        self._folder = tempfile.TemporaryDirectory(prefix="marking-")
        os.chmod(self._folder.name, 0o755)
        if isolated:
            reason = self._why_not()
            if reason is not None:
                raise SandboxError(reason)
        else:
            _copy_library(Path(self._folder.name) / "course_lib")

    def start(self, place: int) -> subprocess.Popen[bytes]:
        """Start a worker with pipes to its streams; of each `place`, 0 … workers − 1, one at a time."""
        if not self.isolated:
            view = self._folder.name
            arguments = [self.limits.resources(isolated=False)]
            home = tempfile.mkdtemp(dir=view)
            return self._popen([*_python(), *arguments], _environment(home, view), cwd=home)
        command = [*_python(), self.limits.resources(isolated=True)]
        return self._popen(self._isolate(command, place), _environment("/tmp", "/course"), cwd="/")

    def close(self) -> None:
        """Remove the folder that the workers were set up in."""
        self._folder.cleanup()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _popen(command: list[str], environment: dict[str, str], cwd: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, cwd=cwd, start_new_session=True
        )

    def _isolate(self, command: list[str], place: int) -> list[str]:
        """The command inside namespaces of its own; it dies with the thread that starts it."""
        root = os.geteuid() == 0
        user = [] if root else ["--user", "--map-root-user"]
        spaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
        drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
        if root:
            drop += [f"--reuid={FIRST_USER + place}", f"--regid={FIRST_USER + place}", "--clear-groups"]
        script = _script(Path(self._folder.name), [*drop, *command])
        return ["setpriv", "--pdeathsig", "KILL", "unshare", *user, *spaces, "sh", "-c", script]

    def _why_not(self) -> str | None:
        """Why nothing can be isolated here, or None if a trial shows that it can."""
        if sys.platform != "linux":
            return f"students' code can be isolated on Linux only; this is {sys.platform}"
        missing = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
        if missing:
            return f"isolating students' code needs the program {missing[0]!r}, which this machine lacks"
        trial = subprocess.run(
            self._isolate([sys.executable, "-I", "-c", _TRIAL], place=0),
            capture_output=True,
            text=True,
            env=_environment("/tmp", "/course"),
            check=False,
            timeout=60,
        )
        if trial.returncode == _UNLIMITED:
            return (
                "this machine does not limit how many processes students' code starts (a root user outside?)"
            )
        if trial.returncode:
            said = (trial.stderr.strip().splitlines() or [f"exit status {trial.returncode}"])[-1]
            return f"this machine does not let students' code be isolated ({said})"
        return None


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _python() -> list[str]:
    return [sys.executable, "-P", "-s", "-m", "course_lib.classroom.worker"]


def _environment(home: str, path: str) -> dict[str, str]:
    """All that a worker's environment holds, in an order of its own."""
    environment = {
        "PATH": _PATH,
        "HOME": home,
        "TMPDIR": home,
        "USER": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "",
    }
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    inherited = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    return environment | threads | inherited


def _library_entries() -> list[Path]:
    return [entry for entry in sorted(LIBRARY.iterdir()) if entry.name not in HIDDEN_ROOMS]


def _copy_library(target: Path) -> None:
    """The rooms of the library that a worker may see, copied."""
    (target / "classroom").mkdir(parents=True)
    for entry in _library_entries():
        copy = shutil.copytree if entry.is_dir() else shutil.copy
        copy(entry, target / entry.name)
    for name in WORKER_FILES:
        shutil.copy(LIBRARY / "classroom" / name, target / "classroom" / name)


def _trees() -> list[Path]:
    """The folders that Python and its packages lie in, none below another."""
    torch_home = Path(importlib.util.find_spec("torch").origin).resolve().parents[1]
    wanted = {
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path("/usr"),
        torch_home,
        *map(Path, site.getsitepackages()),
    }
    wanted |= {
        path for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")) if not path.is_symlink()
    }
    wanted |= {Path(sys.executable).resolve().parents[1]}
    present = sorted(path for path in wanted if path.is_dir())
    return [path for path in present if not any(other in path.parents for other in present)]


def _installed() -> list[Path]:
    """Where a copy of the library with all its rooms lies among the packages that a worker sees."""
    places = {Path(path).resolve() / "course_lib" for path in [*sys.path, *site.getsitepackages()] if path}
    return sorted(p for p in places if p.is_dir() and any(tree in p.parents for tree in _trees()))


def _script(folder: Path, command: list[str]) -> str:
    """Shell lines that build a small world below `folder`, make it the root, and run `command` in it."""
    root = shlex.quote(str(folder))
    lines = ["set -eu", f"mount -t tmpfs -o size=1m,mode=755 world {root}", f"cd {root}", "mkdir tmp"]
    # First the folder that students may write in: what Python needs may itself lie below /tmp.
    lines.append("mount -t tmpfs -o size=64m,nr_inodes=4k,mode=1777,nosuid,nodev files tmp")
    for path in _trees():
        lines += _bind(path, path)
    for path in _installed():
        lines.append(f"mount -t tmpfs -o ro nothing {shlex.quote(f'.{path}')}")
    for link in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")):
        if link.is_symlink():
            lines.append(f"ln -s {shlex.quote(os.readlink(link))} .{link}")
    for entry in _library_entries():
        lines += _bind(entry, Path("/course/course_lib") / entry.name)
    for name in WORKER_FILES:
        lines += _bind(LIBRARY / "classroom" / name, Path("/course/course_lib/classroom") / name)
    for path in map(Path, ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/etc/ld.so.cache")):
        if path.exists():
            lines += _bind(path, path)
    lines += [
        "mkdir -p dev/shm proc old inner",
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


def _bind(source: Path, target: Path) -> list[str]:
    """Shell lines that show `source`, not to be written, at `target` below the working directory."""
    place, parent = shlex.quote(f".{target}"), shlex.quote(f".{target.parent}")
    make = f"mkdir -p {place}" if source.is_dir() else f"mkdir -p {parent} && touch {place}"
    options = "bind,ro,nosuid" + ("" if str(target).startswith("/dev") else ",nodev")
    return [make, f"mount -o {options} {shlex.quote(str(source))} {place}"]
