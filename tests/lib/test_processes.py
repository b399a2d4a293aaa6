"""Functions on several processes: results by rank, what was printed, and how a failure is told."""

import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest
import torch

from course_lib.training.distributed import launch
from course_lib.training.distributed.group import process_group
from course_lib.training.distributed.launch import ProcessFailed, free_port, on_processes


def rank_and_size(factor: int) -> tuple[int, str]:
    print("I am", os.environ["RANK"])
    return factor * int(os.environ["RANK"]), os.environ["WORLD_SIZE"]


def fail_on_one(error: Exception) -> None:
    if os.environ["RANK"] == "1":
        print("before it")
        raise error


def kill_one() -> None:
    if os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError("connection closed by peer")


def test_results_and_output_come_by_rank(capsys):
    assert on_processes(rank_and_size, 10, processes=3) == [(0, "3"), (10, "3"), (20, "3")]
    assert capsys.readouterr().out == "[0] I am 0\n[1] I am 1\n[2] I am 2\n"


def test_a_function_of_a_notebook_takes_its_surroundings_along():
    weights = torch.arange(3.0)

    def scaled() -> torch.Tensor:
        return weights * int(os.environ["LOCAL_RANK"])

    found = on_processes(scaled)
    assert [tensor.tolist() for tensor in found] == [[0, 0, 0], [0, 1, 2]]


def test_an_exception_names_its_process_and_keeps_the_traceback(capsys):
    with pytest.raises(ProcessFailed, match=r"^process 1 of 2 raised KeyError: 'layers'$") as caught:
        on_processes(fail_on_one, KeyError("layers"))
    assert "in fail_on_one" in caught.value.stderr
    assert capsys.readouterr().out == "[1] before it\n"


def test_a_death_is_told_before_what_it_did_to_the_others():
    with pytest.raises(ProcessFailed, match=r"^process 1 of 2 was killed by SIGKILL$"):
        on_processes(kill_one)
    with pytest.raises(ProcessFailed, match=r"^process 0 of 2 ended with exit status 3 before"):
        on_processes(lambda: os._exit(3))


def test_the_others_are_ended_with_the_first_that_fails():
    def one_fails_one_sleeps() -> None:
        fail_on_one(ValueError("no"))
        time.sleep(600)

    with pytest.raises(ProcessFailed, match="process 1 of 2 raised ValueError: no"):
        on_processes(one_fails_one_sleeps, timeout=300)


def test_too_long_is_a_timeout():
    with pytest.raises(TimeoutError, match=r"^1 of 2 processes ran for over 0\.5 s$"):
        on_processes(lambda: time.sleep(600 * int(os.environ["RANK"])), timeout=0.5)


def test_a_free_port_is_free():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"processes": 0}, "processes must be at least 1, got 0"),
        ({"timeout": 0}, "timeout must be above 0 seconds, got 0"),
    ],
)
def test_bad_numbers_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        on_processes(rank_and_size, 1, **settings)


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="function must be callable, got 3"):
        on_processes(3)


@pytest.fixture(scope="module")
def spawned() -> Iterator[None]:
    """As on Windows, which has no other way: workers are started by spawn, and wait for the next call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "START_METHOD", "spawn")
        patch.setattr(launch, "_waiting", [])
        patch.setattr(launch, "_SLOW", [])  # no function here needs them
        yield
        launch._release(launch._waiting, [])


def leave_traces() -> tuple[int, float]:
    """What a call finds, and then what it leaves behind: a variable, draws, a default, words."""
    assert "LEFT" not in os.environ
    assert torch.get_default_dtype() is torch.float32
    os.environ["LEFT"] = "behind"
    torch.set_default_dtype(torch.float64)
    print("from", os.environ["RANK"])
    return os.getpid(), torch.rand(()).item()


@pytest.mark.usefixtures("spawned")
def test_spawned_workers_are_used_again_and_are_as_new(capsys):
    first, second = on_processes(leave_traces), on_processes(leave_traces)
    assert {pid for pid, _ in first} == {pid for pid, _ in second}
    assert {draw for _, draw in first} == {draw for _, draw in second}
    assert capsys.readouterr().out == "[0] from 0\n[1] from 1\n" * 2
    for pid, _ in first:  # as an interruption of the notebook does
        os.kill(pid, signal.SIGINT)
    larger = on_processes(leave_traces, processes=3)
    assert {pid for pid, _ in first} < {pid for pid, _ in larger}
    assert [size for _, size in on_processes(rank_and_size, 1, processes=1)] == ["1"]


@pytest.mark.usefixtures("spawned")
def test_spawned_workers_talk_call_after_call():
    def summed(number: int) -> int:
        with process_group("cpu") as world:
            total = torch.tensor(number * (world.rank + 1))
            torch.distributed.all_reduce(total)
            return total.item()

    assert [on_processes(summed, number) for number in (1, 10)] == [[3, 3], [30, 30]]


@pytest.mark.usefixtures("spawned")
def test_a_spawned_worker_that_fails_or_dies_is_replaced():
    before = {pid for pid, _ in on_processes(leave_traces)}
    with pytest.raises(ProcessFailed, match=r"^process 1 of 2 raised KeyError: 'layers'$") as caught:
        on_processes(fail_on_one, KeyError("layers"))
    assert "in fail_on_one" in caught.value.stderr
    with pytest.raises(ProcessFailed, match=r"^process 1 of 2 was killed by SIGKILL$"):
        on_processes(kill_one)
    [(waiting, _)] = on_processes(leave_traces, processes=1)
    os.kill(waiting, signal.SIGKILL)  # and where it dies while it waits
    while any(each.process.is_alive() for each in launch._waiting if each.process.pid == waiting):
        time.sleep(0.01)
    [(after, _)] = on_processes(leave_traces, processes=1)
    assert after not in {*before, waiting}


@pytest.mark.usefixtures("spawned")
def test_a_worker_whose_group_is_still_open_is_not_used_again():
    def opens() -> int:
        torch.distributed.init_process_group("gloo")
        return os.getpid()

    [left_open] = on_processes(opens, processes=1)
    assert left_open not in {worker.process.pid for worker in launch._waiting}
