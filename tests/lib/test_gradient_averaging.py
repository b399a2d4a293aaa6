"""DDP, FSDP2 and averages by hand equal one process with the whole batch; uneven shares need weights."""

from __future__ import annotations

import pytest
import torch
from small_worlds import accumulated, alone, beside_a_gpu, mean_of_ranks, shared
from torch import nn

from course_lib.training.distributed.data_parallel import (
    average_gradients,
    average_gradients_by_examples,
    global_mean,
    loss_weight,
)
from course_lib.training.distributed.launch import ProcessFailed, on_processes

CLOSE = 1e-7  # what the chapter promises; the differences measured are below 1e-16


def distance(found: list[torch.Tensor], expected: list[torch.Tensor]) -> float:
    return max((f - e).abs().max().item() for f, e in zip(found, expected, strict=True))


@pytest.mark.parametrize("way", ["by hand", "ddp", "fsdp", "by examples", "ddp weighted"])
def test_even_shares_equal_the_whole_batch(way: str):
    for found in on_processes(shared, way, 8):
        assert distance(found, alone(8)) < CLOSE


@pytest.mark.parametrize("way", ["by hand", "ddp", "fsdp", "by examples", "ddp weighted"])
def test_a_world_on_the_cpu_lets_the_machines_only_gpu_alone(way: str):
    for found in on_processes(beside_a_gpu, shared, way, 8):
        assert distance(found, alone(8)) < CLOSE


@pytest.mark.parametrize("way", ["by hand", "ddp", "fsdp"])
def test_plain_averages_of_uneven_shares_are_wrong(way: str):
    first, second = on_processes(shared, way, 8, (6,))
    assert distance(first, second) == 0  # all agree
    assert distance(first, alone(8)) > 1e-2


@pytest.mark.parametrize("way", ["by examples", "ddp weighted", "fsdp weighted"])
def test_weights_repair_uneven_shares(way: str):
    for found in on_processes(shared, way, 8, (6,)):
        assert distance(found, alone(8)) < CLOSE


def test_a_process_without_examples_takes_part():
    for found in on_processes(shared, "by examples", 8, (8,)):
        assert distance(found, alone(8)) < CLOSE


def test_accumulating_without_synchronising_gives_the_same_and_sends_half():
    (often, sent_often), _ = on_processes(accumulated, True)
    (once, sent_once), _ = on_processes(accumulated, False)
    assert distance(once, alone(8)) < CLOSE
    assert distance(often, alone(8)) < CLOSE
    assert sent_often == 2 * sent_once > 0


def test_the_mean_over_processes():
    assert on_processes(mean_of_ranks) == [0.5, 0.5]
    value = torch.tensor(3.0)
    assert global_mean(value) is value


def test_bad_counts_are_refused():
    for call in (lambda: loss_weight(-1), lambda: average_gradients_by_examples(nn.Linear(1, 1), -1)):
        with pytest.raises(ValueError, match="examples must be at least 0, got -1"):
            call()
    with pytest.raises(ProcessFailed, match="examples must be above 0 on some process, got 0 on all"):
        on_processes(shared, "by examples", 0)


def test_without_a_group_the_message_says_where_it_comes_from():
    model = nn.Linear(1, 1)
    for call in (
        lambda: average_gradients(model),
        lambda: average_gradients_by_examples(model, 2),
        lambda: loss_weight(2),
    ):
        with pytest.raises(RuntimeError, match=r"enter training\.distributed\.process_group\(\) first"):
            call()
