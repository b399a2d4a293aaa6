"""A world of processes: joined from torchrun's variables, refused with a clear message, shared out."""

from __future__ import annotations

import os
import socket

import pytest
import torch
from small_worlds import describe
from torch.utils.data import DistributedSampler

from course_lib.training.distributed.data_parallel import epoch_shard
from course_lib.training.distributed.group import (
    equal_share,
    launched,
    own_device,
    process_group,
)
from course_lib.training.distributed.launch import ProcessFailed, free_port, on_processes

COMPLETE = {
    "RANK": "1",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}


def test_each_process_knows_its_place():
    assert on_processes(describe, processes=3) == [(rank, 3, "cpu", True) for rank in range(3)]


def test_without_torchrun_it_is_a_world_of_one():
    with process_group("cpu") as world:
        assert world == (0, 1, torch.device("cpu"), False)
        assert not torch.distributed.is_initialized()


def test_the_group_is_left_after_an_error():
    def fail_and_join_again() -> tuple[int, int, str, bool]:
        with pytest.raises(KeyError), process_group("cpu"):
            raise KeyError
        assert not torch.distributed.is_initialized()
        os.environ["MASTER_PORT"] = str(port)
        return describe()

    port = free_port()
    assert [found[0] for found in on_processes(fail_and_join_again)] == [0, 1]


@pytest.mark.parametrize("name", ["LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK"])
def test_a_missing_variable_is_named(name: str):
    given = {key: value for key, value in COMPLETE.items() if key != name}
    with pytest.raises(ValueError, match=f"{name} is not set, which torchrun sets"):
        launched(given)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RANK", "2", "RANK must be a whole number from 0 … 1, got '2'"),
        ("RANK", "-1", "RANK must be a whole number from 0 … 1, got '-1'"),
        ("WORLD_SIZE", "0", "WORLD_SIZE must be a whole number from 1, got '0'"),
        ("LOCAL_RANK", "one", "LOCAL_RANK must be a whole number from 0, got 'one'"),
        ("MASTER_PORT", "70000", "MASTER_PORT must be a whole number from 1 … 65535, got '70000'"),
    ],
)
def test_a_variable_out_of_range_is_named(name: str, value: str, message: str):
    with pytest.raises(ValueError, match=message):
        launched({**COMPLETE, name: value})


def test_launched_means_all_variables_or_neither():
    assert launched(COMPLETE)
    assert not launched({"MASTER_ADDR": "left over from something else"})


def test_a_port_in_use_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ProcessFailed, match=f"raised ConnectionError: MASTER_PORT {port} is in use"):
            on_processes(describe, processes=1, port=port)


def test_processes_that_do_not_come_are_not_waited_for_for_ever():
    def alone_of_two(rank: str) -> None:
        os.environ.update(RANK=rank, WORLD_SIZE="2")
        with process_group("cpu", timeout=1):
            pass

    with pytest.raises(ProcessFailed, match=r"ConnectionError: rank 0 of 2 waited 1 s at 127\.0\.0\.1:"):
        on_processes(alone_of_two, "0", processes=1)
    with pytest.raises(ProcessFailed, match="ConnectionError: rank 1 of 2 found nobody at"):
        on_processes(alone_of_two, "1", processes=1)


def test_a_process_without_a_device_of_its_own_is_refused(monkeypatch):
    monkeypatch.setattr("course_lib.training.distributed.group.get_device", lambda _: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    assert own_device(1, "cuda") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="LOCAL_RANK 2 needs a cuda device of its own, this machine has 2"):
        own_device(2, "cuda")
    monkeypatch.undo()
    assert own_device(7, "cpu") == torch.device("cpu")


@pytest.mark.parametrize(("total", "size"), [(0, 1), (9, 3), (10, 5)])
def test_shares_are_disjoint_complete_and_equal(total: int, size: int):
    shares = [list(range(total))[equal_share(total, rank, size)] for rank in range(size)]
    assert [place for share in shares for place in share] == list(range(total))
    assert {len(share) for share in shares} == {total // size}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0, 1), "total must be at least 0, got -1"),
        ((4, 0, 0), "size must be at least 1, got 0"),
        ((4, 2, 2), "rank must lie in 0 … 1, got 2"),
        ((4, -1, 2), "rank must lie in 0 … 1, got -1"),
        ((7, 0, 3), "total must be a multiple of the 3 processes, got 7"),
    ],
)
def test_bad_shares_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        equal_share(*arguments)


@pytest.mark.parametrize(("examples", "size"), [(10, 2), (11, 3), (2, 5)])
@pytest.mark.parametrize("epoch", [0, 3])
def test_an_epochs_shards_are_those_of_the_distributed_sampler(examples: int, size: int, epoch: int):
    for rank in range(size):
        theirs = DistributedSampler(range(examples), num_replicas=size, rank=rank, seed=7)
        theirs.set_epoch(epoch)
        ours = epoch_shard(examples, epoch=epoch, rank=rank, size=size, seed=7)
        assert ours.tolist() == list(theirs)


def test_without_padding_each_example_is_seen_once():
    shards = [epoch_shard(11, epoch=1, rank=rank, size=3, pad=False) for rank in range(3)]
    assert sorted(torch.cat(shards).tolist()) == list(range(11))
    assert not torch.equal(shards[0], epoch_shard(11, epoch=2, rank=0, size=3, pad=False))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"examples": 0}, "examples must be at least 1, got 0"),
        ({"epoch": -1}, "epoch must be at least 0, got -1"),
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"rank": 2}, "rank must lie in 0 … 1, got 2"),
    ],
)
def test_bad_shards_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        epoch_shard(**{"examples": 8, "epoch": 0, "rank": 0, "size": 2, "seed": 0, **changes})
