"""Processes under torchrun's own launcher: restarted together, and their end told as elsewhere."""

import logging
import os
import signal

import pytest
import torch
from small_worlds import describe

from course_lib.training.distributed import launch
from course_lib.training.distributed.data_parallel import global_mean
from course_lib.training.distributed.group import process_group
from course_lib.training.distributed.launch import ProcessFailed, under_torchrun


def restarts_seen() -> int:
    return int(os.environ["TORCHELASTIC_RESTART_COUNT"])


def die_until(count: int) -> int:
    if restarts_seen() < count and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    describe()  # the others wait for it here
    print("alive")
    return restarts_seen()


def test_processes_join_and_what_they_print_comes_by_rank(capsys):
    def told() -> int:
        print("here")
        return describe()[:3]

    assert under_torchrun(told) == [(0, 2, "cpu"), (1, 2, "cpu")]
    assert capsys.readouterr().out == "[0] here\n[1] here\n"


def test_all_are_started_again_when_one_dies(capsys):
    assert under_torchrun(die_until, 1, restarts=1) == [1, 1]
    assert capsys.readouterr().out == "[0] alive\n[1] alive\n"


def test_they_meet_and_are_started_again_without_libuv_too(monkeypatch):
    """As on Windows, but for Windows."""
    monkeypatch.setattr(launch, "_WITHOUT_LIBUV", True)
    monkeypatch.setenv("USE_LIBUV", "0")
    assert under_torchrun(die_until, 1, restarts=1) == [1, 1]


def test_a_death_too_many_is_told():
    with pytest.raises(ProcessFailed, match=r"^process 1 of 2 was killed by SIGKILL$"):
        under_torchrun(die_until, 1)


def die_while_the_other_waits() -> None:
    with process_group("cpu") as world:
        if world.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        global_mean(torch.zeros(()))


def test_what_a_death_does_to_the_others_is_not_taken_for_the_cause():
    for _ in range(3):
        with pytest.raises(ProcessFailed, match=r"^process 1 of 2 was killed by SIGKILL$"):
            under_torchrun(die_while_the_other_waits)


def test_an_exception_is_told():
    def fail() -> None:
        raise KeyError("layers")

    with pytest.raises(ProcessFailed, match=r"^process 0 of 1 raised KeyError: 'layers'$"):
        under_torchrun(fail, processes=1)


def test_an_early_end_is_told():
    with pytest.raises(ProcessFailed, match=r"^process 0 of 1 ended with exit status 3 before"):
        under_torchrun(lambda: os._exit(3), processes=1)


def test_handlers_and_logging_are_left_as_they_were(capfd):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), logging.root.manager.disable
    under_torchrun(die_until, 1, restarts=1)
    after = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), logging.root.manager.disable
    assert after == before
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"processes": 0}, "processes must be at least 1, got 0"),
        ({"restarts": -1}, "restarts must be at least 0, got -1"),
    ],
)
def test_impossible_numbers_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        under_torchrun(describe, **settings)


def test_only_functions_are_called():
    with pytest.raises(TypeError, match="function must be callable, got 'describe'"):
        under_torchrun("describe")
