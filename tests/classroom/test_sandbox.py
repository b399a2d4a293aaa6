"""What a worker sees, what it may use, and that values come through the pipe as they were."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from course_classroom.sandbox import Limits, Sandbox, SandboxError
from course_classroom.serialization import (
    NotMarkable,
    Unmarkable,
    decode,
    decode_argument,
    encode,
    encode_argument,
    encode_exception,
)
from course_classroom.worker import Notebook
from course_classroom.worker_client import Worker, WorkerLost
from course_exercises.autograd import EXERCISES as AUTOGRAD
from course_exercises.comparison import same
from course_exercises.gradient_descent import EXERCISES as DESCENT
from course_exercises.transformer import EXERCISES as TRANSFORMER


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Sandbox(Limits(processes=32)) as sandbox:
        started = Worker(sandbox, 0)
        yield started
        started.close()


def value_of(worker: Worker, expression: str):
    """What an expression gives inside, or the exception it ends in."""
    source = f"def asked(): return {expression}"
    worker.ask({"do": "cell", "number": 1, "source": source, "symbols": ["asked"]}, 60)
    return decode(worker.ask({"do": "call", "symbol": "asked", "number": 1, "arguments": []}, 60)["outcome"])


def test_a_worker_is_nobody(worker):
    # An ordinary user's worker calls itself 0, in a world where that is the ordinary user.
    assert os.geteuid() != 0 or value_of(worker, "__import__('os').getuid()") != 0
    status = value_of(worker, "open('/proc/self/status').read()")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


@pytest.mark.usefixtures("worker")
def test_a_superuser_in_disguise_is_refused_because_no_limit_would_hold():
    disguise = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    program = "from course_classroom.sandbox import Sandbox; Sandbox().close(); print('isolated')"
    tried = subprocess.run(
        [*disguise, sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False
    )
    if tried.stderr.startswith("unshare:"):
        pytest.skip("needs Linux namespaces for students' code")
    if os.geteuid() == 0:
        assert "SandboxError: this machine does not limit how many processes" in tried.stderr
    else:
        assert tried.stdout == "isolated\n", tried.stderr


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("open('/intruder', 'w')", OSError),
        ("open('/course/marking/__init__.py', 'w')", OSError),
        ("open('/proc/sys/vm/overcommit_memory', 'w')", OSError),
        ("open('/etc/passwd')", FileNotFoundError),
        ("__import__('course_lib')", ModuleNotFoundError),
        ("__import__('course_exercises')", ModuleNotFoundError),
        ("__import__('marking.sandbox')", ModuleNotFoundError),
        ("open('/tmp/large', 'wb').write(bytes(2**27))", OSError),
        ("[open('/dev/null') for _ in range(1000)]", OSError),
        ("torch.ones(2**33)", NameError),
        ("__import__('torch').ones(2**33)", RuntimeError),
        ("bytearray(2**33)", MemoryError),
        ("__import__('subprocess').run(['unshare', '-U', 'true'], check=True)", Exception),
        ("__import__('os').chroot('/tmp')", PermissionError),
        ("__import__('os').kill(1, 9) or open('/proc/1/environ').read()", PermissionError),
    ],
)
def test_what_a_worker_may_not(worker, expression, error):
    assert isinstance(value_of(worker, expression), error)


def test_what_a_worker_may(worker):
    assert value_of(worker, "open('/tmp/mine', 'w').write('abc')") == 3
    assert value_of(worker, "__import__('torch').ones(2).sum().item()") == 2
    assert value_of(worker, "sorted(__import__('os').listdir('/course/marking'))") == [
        "__init__.py", "keeper.py", "serialization.py", "worker.py",
    ]  # fmt: skip


def test_only_its_own_processes_are_seen(worker):
    seen = value_of(worker, "[p for p in __import__('os').listdir('/proc') if p.isdigit()]")
    assert 1 <= len(seen) < 5


def test_a_lost_worker_says_how(worker):
    with Sandbox(Limits(resident_mib=1200)) as small:
        hog = Worker(small, 1)
        source = (
            "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n"
            "        kept = b'x' * 2**28\n        time.sleep(60)\ntime.sleep(60)"
        )
        with pytest.raises(WorkerLost, match="more memory than is allowed") as lost:
            hog.ask({"do": "cell", "number": 1, "source": source, "symbols": ["asked"]}, 60)
    assert lost.value.status == "crash"
    assert value_of(worker, "1 + 1") == 2


@pytest.mark.parametrize("field", vars(Limits()))
def test_a_limit_must_be_above_zero(field):
    with pytest.raises(ValueError, match=f"{field} must be above 0, got 0"):
        Limits(**{field: 0})


def test_a_place_is_used_again_and_nothing_is_left_behind():
    with Sandbox() as sandbox:
        first = Worker(sandbox, 0)
        for place in ("/tmp", "/dev/shm"):
            assert value_of(first, f"open('{place}/note', 'w').write('for the next')") == 12
        value_of(first, "setattr(__import__('torch'), 'note', 1)")
        first.close()
        second = Worker(sandbox, 0)
        left = "__import__('os').listdir('/tmp') + __import__('os').listdir('/dev/shm')"
        assert "note" not in value_of(second, left)
        assert value_of(second, "hasattr(__import__('torch'), 'note')") is False
        second.close()


def test_a_keeper_that_was_killed_is_replaced():
    with Sandbox() as sandbox:
        Worker(sandbox, 0).close()
        keeper = sandbox._keepers[0]._process
        keeper.kill()
        keeper.wait()
        worker = Worker(sandbox, 0)
        assert value_of(worker, "1 + 1") == 2
        worker.close()


# --- what is not on the list --------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
BASE = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve().parents[1]
LOOK_AROUND = """
import sys
from pathlib import Path
from course_classroom.worker_client import Worker
from course_classroom.sandbox import Sandbox
import course_classroom
assert course_classroom.__file__ == sys.argv[1] + "/course_classroom/__init__.py"
code = '''
import os
def asked():
    return [os.path.join(f, n) for f, _, names in os.walk("/") for n in names
            if n in ("assignment.json", "answers.ipynb", "HEAD") or "exercises" in f and n == "attention.py"]
'''
with Sandbox(hidden=[Path(p) for p in sys.argv[2:]]) as sandbox:
    worker = Worker(sandbox, 0)
    worker.ask({"do": "cell", "number": 1, "source": code, "symbols": ["asked"]}, 60)
    print(worker.ask({"do": "call", "symbol": "asked", "number": 1, "arguments": []}, 120)["outcome"])
    worker.close()
"""


@pytest.mark.parametrize("place", ["/usr/src", "/usr/lib", str(BASE), str(BASE / "lib")])
def test_a_course_below_a_folder_that_is_shown_is_not_seen(place, tmp_path):
    """Course, seeds and submissions in the place where an image or an environment keeps them."""
    if os.geteuid() != 0:
        pytest.skip("needs Linux namespaces for students' code")
    (tmp_path / "look.py").write_text(LOOK_AROUND, "utf-8")
    course, elsewhere, above = f"{place}/app", f"{place}/handed in", BASE if str(BASE) in place else "/usr"
    script = f"""set -e
        cd {tmp_path} && mkdir layer && mount -t tmpfs layer layer && mkdir layer/upper layer/work
        mount -t overlay -o lowerdir={above},upperdir=layer/upper,workdir=layer/work seen {above} || exit 77
        mkdir -p {course}/.git {course}/week '{elsewhere}/ada'
        touch {course}/.git/HEAD {course}/week/assignment.json '{elsewhere}/ada/answers.ipynb'
        cp -r {ROOT}/course_* {course}
        cd {course} && PYTHONPATH={course} {sys.executable} {tmp_path}/look.py {course} '{elsewhere}'"""
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False, timeout=500
    )
    if ran.returncode == 77:
        pytest.skip("needs Linux namespaces for students' code")
    assert ran.stdout == "[]\n", ran.stdout + ran.stderr


def test_a_folder_that_python_needs_cannot_be_hidden():
    with pytest.raises(SandboxError, match="must not hold the course or submissions: Python itself needs"):
        Sandbox(hidden=[Path(torch.__file__).resolve().parents[1]])


@pytest.mark.parametrize("name", ["bin/../bin/python", "bin/python"])
def test_it_does_not_matter_how_python_was_called(name):
    """By a path relative to the folder one happens to be in, too."""
    folder = Path(sys.prefix) / "bin"
    relative = os.path.relpath(Path(sys.prefix), folder) + "/" + name
    program = "from course_classroom.sandbox import Sandbox; Sandbox().close(); print('isolated')"
    ran = subprocess.run(
        [relative, "-c", program], cwd=folder, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert ran.stdout == "isolated\n", ran.stderr


# --- values -------------------------------------------------------------------------------------------------

AWKWARD = [
    None, True, False, 0, -7, 2**62, 0.1, -0.0, 5e-324, math.inf, math.nan, "", "é\n\u2028", ..., (), [],
    (1, (2.0, [3])), {"a": 1, 2: (3,)}, np.float64(0.1), np.int64(3), torch.Size([2, 3]),
    torch.tensor([0.1, math.nan, -math.inf], dtype=torch.float64), torch.rand(2, 0, 3), torch.tensor(1 / 3),
    torch.tensor([0.1, 1e-40]).bfloat16(), torch.arange(6).reshape(2, 3).T, torch.tensor([True]),
    torch.tensor([255], dtype=torch.uint8), torch.rand(3, requires_grad=True),
    torch.max(torch.rand(2, 2), dim=0),
]  # fmt: skip


@pytest.mark.parametrize("value", AWKWARD, ids=lambda value: type(value).__name__)
def test_values_arrive_as_they_were(value):
    arrived = decode(json.loads(json.dumps(encode(value))))
    assert same(arrived, value.item() if isinstance(value, np.generic) else value, 0.0)
    if isinstance(value, torch.Tensor):
        assert arrived.dtype == value.dtype
    if isinstance(value, float) and value == 0:
        assert math.copysign(1, arrived) == math.copysign(1, value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "got object"),
        (torch.ones(1, dtype=torch.complex64), "a dense tensor"),
        (torch.ones(2).to_sparse(), "a dense tensor"),
        (torch.ones(2, device="meta"), "a dense tensor"),
        (torch.ones(200_001), "at most 200000 numbers, got 200001"),
        ("x" * 100_001, "at most 100000 characters"),
        (2**63, "at most 63 bits"),
        (lambda: 1, "got function"),
    ],
)
def test_what_cannot_be_marked_is_refused(value, message):
    with pytest.raises(NotMarkable, match=message):
        encode(value)


@pytest.mark.parametrize(
    "data",
    [
        {"tensor": {"dtype": "float64", "shape": [3], "data": [1.0]}},
        {"tensor": {"dtype": "float64", "shape": [-1], "data": []}},
        {"tensor": {"dtype": "float64", "shape": [1], "data": ["1"]}},
        {"tensor": {"dtype": "object", "shape": [1], "data": [1]}},
        {"tensor": {"dtype": "float64", "shape": [1] * 100, "data": [1]}},
        {"tensor": None},
        {"code": {"source": "raise SystemExit", "name": "x", "fields": None}},
        {"tuple": 3},
        {"dict": [[[1], 2]]},
        {"a": 1, "b": 2},
        10**400,
    ],
)
def test_what_arrives_is_not_believed(data):
    with pytest.raises(ValueError, match="data"):
        decode(data)


def test_exceptions_arrive_by_name():
    for error in (ValueError("a"), IndexError(), KeyError("k"), RuntimeError("b" * 900)):
        assert type(decode(encode_exception(error))) is type(error)
    own = decode(encode_exception(type("Own", (Exception,), {})("said")))
    assert (type(own).__name__, str(own)) == ("Own", "said")
    assert len(str(decode(encode_exception(RuntimeError("b" * 900))))) == 500
    assert isinstance(decode({"unmarkable": "why"}), Unmarkable)


@pytest.mark.parametrize(
    "exercise",
    [AUTOGRAD["central_slope"], DESCENT["gradient_descent"], TRANSFORMER["pre_norm"]],
    ids=lambda exercise: exercise.name,
)
def test_functions_among_the_inputs_arrive_and_compute_the_same(exercise):
    for case in exercise.cases(3):
        arrived = [decode_argument(json.loads(json.dumps(encode_argument(value)))) for value in case]
        assert same(exercise.reference(*arrived), exercise.reference(*case), 0.0)


def test_a_nameless_function_cannot_travel():
    with pytest.raises(NotMarkable, match="must be a function or class of a module"):
        encode_argument(lambda x: x)


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("x = 5 % 3", {"x": 2}),
        ("%matplotlib inline\nx = 1", {"x": 1}),
        ("if True:\n    !ls\nx = 1", {"x": 1}),
        ("torch.ones?\nx = 1", {"x": 1}),
        ("%%time\nx = 1", {"x": 1}),
        ("%%capture out\n!ls\nx = 1", {"x": 1}),
        ("%%bash\nx=1; rm -rf x", {}),
        ('s = """\n%not magic\n"""', {"s": "\n%not magic\n"}),
        ("files = !ls\nx = len(files)", {"x": 0}),
        ("t = %timeit -o f()\nprint(t.average)\nx = 1", {"x": 1}),
        ("!pip install a && \\\n  pip install b\nx = 1", {"x": 1}),
        ("get_ipython().run_line_magic('load_ext', 'a')\nx = 1", {"x": 1}),
        ("import asyncio\nawait asyncio.sleep(0)\nx = 1", {"x": 1}),
        ("import nothing_of_the_kind\nx = 1", {"x": 1}),
        ("from __future__ import annotations\ndef f(a: nothing): ...\nx = 1", {"x": 1}),
        ("1 / 0\nx = 1", {"x": 1}),
        ("raise SystemExit\nx = 1", {}),
    ],
)
def test_a_cell_of_a_notebook_is_read_as_ipython_reads_it(cell, names, monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    notebook = Notebook()
    notebook.run(cell, "<cell 1>")
    assert {name: notebook.names.get(name) for name in names} == names
    assert names or "x" not in notebook.names
