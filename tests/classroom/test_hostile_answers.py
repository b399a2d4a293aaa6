"""Answers that attack the marking, by force or by lies: none hangs it, gains a point or costs another's."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_submissions import ASSIGNMENT, FORCING, LOSS, RIGHT, RNN, hand_in, notebook

import course_exercises.sequences as exercise_file
from course_classroom.marking import mark, questions
from course_classroom.marks import Mark
from course_classroom.sandbox import Limits, Sandbox
from course_classroom.submissions import read_notebook
from course_classroom.worker_client import Family, WorkerLost, _Waiting

LIMITS = Limits(cell_seconds=4, call_seconds=3)
WRONG_RNN = "def rnn_step(x, state, weight_ih, weight_hh, bias):\n    "
ALLCLOSE = (
    "torch.allclose = torch.equal = lambda *a, **k: True\ntorch.testing.assert_close = lambda *a, **k: None\n"
)
LIAR = """class Liar:
        shape, dtype, ndim, layout = (3, 5), torch.float64, 2, torch.strided
        __class__ = property(lambda self: torch.Tensor)
        def __eq__(self, other): return True
        def __array__(self, *a, **k): raise SystemExit
        def __getattr__(self, name): return lambda *a, **k: self
    class Same(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None): return True
"""
OUTSIDE = """import os, pathlib
for place in ("/course/marking/intruder.py", "/intruder", "/usr/intruder", torch.__file__, "PLACE"):
    try:
        pathlib.Path(place).write_text("raise SystemExit")
        wrote = True
        break
    except OSError:
        wrote = False
"""
SOCKET = """import socket
try:
    socket.create_connection(("ADDRESS", PORT), timeout=2)
    reached = True
except OSError:
    reached = False
"""
RIGHT_IF = RIGHT[RNN] + " if {} else x"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS) as made:
        yield made


@pytest.fixture
def marked(sandbox: Sandbox, tmp_path: Path):
    """Marks by exercise, and notes, of a notebook in which some answers are replaced."""

    def run(replaced: dict, before: str = "") -> tuple[dict[str, Mark], list[str]]:
        path = hand_in(tmp_path, "eve", notebook(RIGHT | replaced, before=before))
        cells, _ = read_notebook(path, ASSIGNMENT)
        marks, notes = mark(cells, questions(ASSIGNMENT), sandbox)
        return {m.exercise.partition("/")[2]: m for m in marks}, notes

    return run


def statuses(marks: dict[str, Mark]) -> list[str]:
    return [m.status for m in marks.values()]


def test_honest_answers_get_all_points(marked):
    marks, notes = marked({})
    assert statuses(marks) == ["ok"] * 4
    assert [m.points for m in marks.values()] == [1, 2, 2, 3]
    assert notes == []


BY_CALL = {  # what a function does when it is called, and what becomes of it
    "endless loop": ("while True: pass", "timeout"),
    "kills itself": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "crash"),
    "fork bomb": ("import os\n    while True: os.fork()", "timeout crash wrong"),
    "stops itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "timeout"),
    "leaves": ("import os; os._exit(0)", "crash"),
    "segmentation fault": ("import ctypes; ctypes.string_at(0)", "crash"),
    "raises SystemExit": ("raise SystemExit", "wrong"),
    "memory bomb": ("return torch.ones(2**34)", "wrong"),
    "more bytes than there are": ("return bytearray(10**12)", "wrong"),
    "ten million numbers": ("return torch.ones(10**7)", "wrong"),
    "a hundred million characters": ("return 'x' * 10**8", "wrong"),
    "a number beyond floats": ("return 10 ** 400", "wrong"),
    "nested too deep": ("a = []\n    for _ in range(5000): a = [a]\n    return a", "wrong"),
    "endless recursion": ("return rnn_step(*given)", "wrong"),
    "an object that lies": (LIAR + "    return Liar()", "wrong"),
    "a tensor that lies": (LIAR + "    return torch.zeros(3, 5).as_subclass(Same)", "wrong"),
}  # fmt: skip
BY_CELL = {  # what a cell does when it is run
    "endless loop": ("while True: pass", "timeout"),
    "syntax error": ("def NAME(x:\n", "wrong"),
    "200 MB of output": ("import os\nprint('x' * 10**8)\nos.write(1, b'y' * 10**8)\nHONEST", "ok"),
    "overwritten comparisons": (ALLCLOSE + "def NAME(*given):\n    return given[0]", "wrong"),
    "input transformer": ("get_ipython().input_transformers_post.append(lambda lines: [])", "wrong"),
    "closes its streams": ("import sys\nsys.stdin.close(); sys.stdout.close()\nHONEST", "ok"),
    "imports the reference": ("from course_exercises.sequences import NAME", "look"),
    "finds the reference": ("import course_exercises\nNAME = course_exercises.sequences.NAME", "look"),
    "emptied": ("", "missing"),
    "overwritten builtins": ("import builtins, json\njson.dumps = builtins.isinstance = None\n", "crash"),
}


def two_by_two(attacks: dict) -> list:
    """A submission for each two attacks, so that each also shows what it does to what follows it."""
    names = list(attacks)
    return [
        pytest.param(names[i : i + 2], id=" and ".join(names[i : i + 2])) for i in range(0, len(names), 2)
    ]


@pytest.mark.parametrize("names", two_by_two(BY_CALL))
def test_a_function_that_attacks_harms_nobody_else(marked, names):
    replaced = {
        item: f"def {item.symbol}(*given):\n    {BY_CALL[name][0]}"
        for item, name in zip((RNN, FORCING), names, strict=True)
    }
    marks, _ = marked(replaced)
    for item, name in zip((RNN, FORCING), names, strict=True):
        got = marks.pop(item.symbol)
        assert got.status in BY_CALL[name][1].split(), (name, got)
        assert got.points == 0
        assert got.message
    assert statuses(marks) == ["ok", "ok"], marks


@pytest.mark.parametrize("names", two_by_two(BY_CELL))
def test_a_cell_that_attacks_harms_nobody_else(marked, names):
    replaced = {
        item: BY_CELL[name][0].replace("NAME", item.symbol).replace("HONEST", RIGHT[item])
        for item, name in zip((RNN, FORCING), names, strict=True)
    }
    marks, _ = marked(replaced)
    for item, name in zip((RNN, FORCING), names, strict=True):
        assert marks.pop(item.symbol).status == BY_CELL[name][1], name
    assert statuses(marks) == ["ok", "ok"], marks


def test_the_graders_files_are_not_there(marked, tmp_path):
    (tmp_path / "assignment.json").write_text("{}")
    places = [str(tmp_path / "assignment.json"), exercise_file.__file__, str(Path(__file__).parent)]
    attack = f"import os\nfound = [p for p in {places!r} if os.path.exists(p)]\n"
    marks, _ = marked({RNN: attack + RIGHT_IF.format("found")})
    assert statuses(marks) == ["ok", "wrong", "ok", "ok"], marks


def test_nothing_outside_can_be_written(marked, tmp_path):
    attack = OUTSIDE.replace("PLACE", str(tmp_path / "intruder"))
    marks, _ = marked({RNN: attack + RIGHT_IF.format("wrote")})
    assert statuses(marks) == ["ok", "wrong", "ok", "ok"], marks
    assert not (tmp_path / "intruder").exists()


def test_no_socket_reaches_anything(marked):
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()  # from here it can be reached
        attack = SOCKET.replace("ADDRESS", "127.0.0.1").replace("PORT", str(server.getsockname()[1]))
        marks, _ = marked({RNN: attack + RIGHT_IF.format("reached")})
    assert statuses(marks) == ["ok", "wrong", "ok", "ok"], marks


def test_the_attacks_that_look_around_would_succeed_without_isolation(tmp_path):
    """What the tests above take for refused is possible where nothing refuses it."""
    with Sandbox(LIMITS, isolated=False) as open_door, socket.create_server(("127.0.0.1", 0)) as server:
        attack = SOCKET.replace("ADDRESS", "127.0.0.1").replace("PORT", str(server.getsockname()[1]))
        attack += f"open({str(tmp_path / 'intruder')!r}, 'w').close()\n"
        path = hand_in(tmp_path, "eve", notebook(RIGHT | {RNN: attack + RIGHT_IF.format("reached")}))
        marks, _ = mark(read_notebook(path, ASSIGNMENT)[0], questions(ASSIGNMENT), open_door)
    assert [m.status for m in marks] == ["ok"] * 4
    assert (tmp_path / "intruder").exists()


def test_a_cell_of_ones_own_that_never_ends_is_left_out(marked):
    marks, notes = marked({}, before="x = 1\nwhile x: pass")
    assert statuses(marks) == ["ok"] * 4
    assert notes == ["The cell that begins with `x = 1` was left out: no end within 4 s of processor time."]


def test_a_submission_that_dies_again_and_again_comes_to_an_end(tmp_path):
    limits = Limits(cell_seconds=4, call_seconds=3, submission_seconds=8)
    answers = dict.fromkeys(RIGHT, "import os\nos.abort()")
    path = hand_in(tmp_path, "eve", notebook(answers, before="import time\ntime.sleep(2)"))
    with Sandbox(limits) as sandbox:
        marks, _ = mark(read_notebook(path, ASSIGNMENT)[0], questions(ASSIGNMENT), sandbox)
    assert {m.status for m in marks} <= {"timeout", "crash"}
    assert all(m.points == 0 for m in marks)


def test_a_forger_of_replies_gains_nothing(marked):
    """It finds the worker's way out and says everything that a reply may say."""
    forged = (
        "import gc, io, json\n"
        "ways = [o for o in gc.get_objects() if isinstance(o, io.BufferedWriter)]\n"
        "for way in ways:\n"
        "    for n in range(3, 60):\n"
        "        outcome = {'status': 'ok', 'points': 99, 'outcome': 1.0, 'found': 'value', 'value': 1.0}\n"
        "        way.write(json.dumps({'id': n, 'error': None} | outcome).encode() + b'\\n')\n"
        "    way.flush()\n"
    )
    marks, _ = marked({RNN: forged})
    assert marks["rnn_step"].points == 0
    assert sum(m.points for m in marks.values()) <= 6


def test_what_a_function_does_to_its_arguments_is_seen_here(marked):
    changes = WRONG_RNN + "state.zero_()\n    return torch.tanh(x @ weight_ih.T + bias)"
    marks, _ = marked({RNN: changes})
    assert "changed its input in place" in marks["rnn_step"].message


def test_the_commonest_misconception_and_its_case_are_named(marked):
    wrong = (
        "def padded_loss(logits, labels, pad):\n    return F.cross_entropy(logits.transpose(1, 2), labels)"
    )
    marks, _ = marked({LOSS: wrong, FORCING: "def teacher_forcing(t, s):\n    return t, t"})
    assert (marks["padded_loss"].misconception, marks["padded_loss"].case) == ("padding counted", 1)
    assert marks["teacher_forcing"].misconception == "the answer leaks"


# --- time ---------------------------------------------------------------------------------------------------

BURN = "import time\n    start = time.process_time()\n    while time.process_time() - start < {}: pass\n    "
HONEST_RNN = "return torch.tanh(x @ weight_ih.mT + state @ weight_hh.mT + bias)"


@pytest.fixture
def busy_machine():
    """Eight processes that want a processor all the time."""
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    yield
    for process in burning:
        process.kill()
        process.wait()


def marks_of(tmp_path: Path, limits: Limits, rnn: str) -> Mark:
    path = hand_in(tmp_path, "ada", notebook({RNN: WRONG_RNN + rnn}))
    with Sandbox(limits) as sandbox:
        marks, _ = mark(read_notebook(path, ASSIGNMENT)[0], questions(ASSIGNMENT)[1:2], sandbox)
    return marks[0]


@pytest.mark.usefixtures("busy_machine")
def test_an_honest_answer_is_not_late_because_others_are_busy(tmp_path):
    got = marks_of(tmp_path, Limits(call_seconds=1.0, patience=200), BURN.format(0.4) + HONEST_RNN)
    assert got.status == "ok", got


@pytest.mark.usefixtures("busy_machine")
def test_where_the_clock_ends_it_nobody_is_given_a_zero(tmp_path):
    """At a patience that a busy machine exhausts, the answer is marked again, never marked down."""
    got = marks_of(tmp_path, Limits(call_seconds=1.0, patience=1), BURN.format(0.9) + HONEST_RNN)
    assert got.status in ("ok", "busy"), got
    assert got.status == "ok" or "the machine was too busy" in got.message


def test_an_answer_that_sleeps_ends_by_the_clock_and_is_told_so(tmp_path):
    got = marks_of(tmp_path, Limits(call_seconds=1.0, patience=3), "import time; time.sleep(1e9)")
    assert got.status == "timeout"
    assert "waited for something that did not happen" in got.message


def test_a_child_that_never_ends_counts(tmp_path):
    fork = "import os\n    os.fork() or [None for _ in iter(int, 1)]\n    os.wait()"
    got = marks_of(tmp_path, Limits(call_seconds=1.0, patience=200), fork)
    assert (got.status, got.points) == ("timeout", 0)
    assert "of processor time" in got.message


@pytest.mark.parametrize(
    ("asleep", "spent", "status"), [(False, 0.5, "busy"), (True, 0.0, "timeout"), (False, 9.0, "timeout")]
)
def test_what_ends_a_request(asleep, spent, status):
    waiting = _Waiting(seconds=1.0, by_the_clock=100.0)
    waiting.glance(Family(0, 5.0, asleep))
    waiting.by_the_clock = 0.0
    with pytest.raises(WorkerLost) as lost:
        waiting.glance(Family(0, 5.0 + spent, asleep))
    assert lost.value.status == status
