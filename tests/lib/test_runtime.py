"""Seed, device and timing."""

import random

import numpy as np
import pytest
import torch

from course_lib import runtime


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.random()), torch.rand(()).item()  # noqa: NPY002


def test_set_seed_repeats_all_three_generators() -> None:
    runtime.set_seed(7)
    first = draws()
    runtime.set_seed(8)
    other = draws()
    runtime.set_seed(7)
    assert draws() == first
    assert all(a != b for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_set_seed_refuses_what_numpy_cannot_take(seed: int) -> None:
    with pytest.raises(ValueError, match=rf"seed must lie in 0 … .* got {seed}"):
        runtime.set_seed(seed)


@pytest.mark.parametrize("seed", [1.0, "1", None, True])
def test_set_seed_refuses_other_types(seed: object) -> None:
    with pytest.raises(TypeError, match="seed must be an int, got"):
        runtime.set_seed(seed)


def pretend_accelerator(monkeypatch: pytest.MonkeyPatch, available: bool, count: int = 1) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: available)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: count)


def test_get_device_ignores_an_accelerator_that_is_only_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_accelerator(monkeypatch, available=False)
    assert runtime.get_device() == torch.device("cpu")
    with pytest.raises(ValueError, match="'cuda' is not on this machine; it has cpu"):
        runtime.get_device("cuda")


def test_get_device_takes_an_accelerator_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_accelerator(monkeypatch, available=True, count=2)
    assert runtime.get_device() == torch.device("cuda")
    assert runtime.get_device("cpu") == torch.device("cpu")
    assert runtime.get_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="asks for device 2, this machine has 2"):
        runtime.get_device("cuda:2")
    with pytest.raises(ValueError, match="'mps' is not on this machine; it has cpu, cuda"):
        runtime.get_device("mps")


def test_get_device_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="preference must name a torch device, got 'toaster'"):
        runtime.get_device("toaster")
    with pytest.raises(TypeError, match="preference must be a string or None, got 0"):
        runtime.get_device(0)


def test_time_call_gives_the_median_after_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], []
    lengths = iter([100.0, 100.0, 5.0, 1.0, 3.0])  # two warm-up calls, then the three that count

    def work() -> None:
        calls.append(now[0])
        now[0] += next(lengths)

    monkeypatch.setattr(runtime.time, "perf_counter", lambda: now[0])
    assert runtime.time_call(work, repeats=3, warmup=2, device="cpu") == 3.0
    assert len(calls) == 5


def test_time_call_waits_for_the_accelerator_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    now, queued = [0.0], [0.0]

    def synchronise(device: torch.device) -> None:
        assert device.type == "cuda"
        now[0], queued[0] = now[0] + queued[0], 0.0

    def launch() -> None:
        queued[0] += 2.0  # seconds of work, queued at once

    monkeypatch.setattr(runtime.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(torch.accelerator, "synchronize", synchronise)
    assert runtime.time_call(launch, repeats=3, warmup=1, device="cuda") == 2.0


def test_time_call_refuses_bad_settings() -> None:
    with pytest.raises(TypeError, match="function must be callable, got 3"):
        runtime.time_call(3)
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        runtime.time_call(draws, repeats=0)
    with pytest.raises(ValueError, match="warmup must be at least 0, got -1"):
        runtime.time_call(draws, warmup=-1)
