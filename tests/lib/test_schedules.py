"""Schedules against torch.optim.lr_scheduler, step by step; clipping against clip_grad_norm_."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim import lr_scheduler

from course_lib.foundations import schedules

steps = st.integers(2, 60)
share = st.floats(0.0, 1.0)


def torch_factors(make, count: int) -> list[float]:
    """The learning rate that torch's scheduler sets before each of the first updates, from a base of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    factors = []
    for _ in range(count):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return factors


def assert_factors(function, make, count: int) -> None:
    assert [function(t) for t in range(count)] == pytest.approx(
        torch_factors(make, count), rel=1e-9, abs=1e-12
    )


@given(total=steps, lowest=share)
def test_cosine(total, lowest):
    assert_factors(
        lambda t: schedules.cosine(t, total=total, lowest=lowest),
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=total, eta_min=lowest),
        total + 1,
    )
    assert schedules.cosine(3 * total, total=total, lowest=lowest) == pytest.approx(lowest, abs=1e-15)


@given(warmup=st.integers(1, 20), rest=st.integers(1, 40))
def test_cosine_after_a_warmup_is_torchs_two_in_a_row(warmup, rest):
    tiny = 1e-13  # torch allows no start at zero

    def make(optimizer):
        up = lr_scheduler.LinearLR(optimizer, start_factor=tiny, total_iters=warmup)
        down = lr_scheduler.CosineAnnealingLR(optimizer, T_max=rest)
        return lr_scheduler.SequentialLR(optimizer, [up, down], milestones=[warmup])

    assert_factors(lambda t: schedules.cosine(t, total=warmup + rest, warmup=warmup), make, warmup + rest + 1)
    for t in range(warmup):
        assert schedules.cosine(t, total=warmup + rest, warmup=warmup) == t / warmup


@given(every=st.integers(1, 20), factor=share, count=steps)
def test_step_decay(every, factor, count):
    assert_factors(
        lambda t: schedules.step_decay(t, every=every, factor=factor),
        lambda o: lr_scheduler.StepLR(o, step_size=every, gamma=factor),
        count,
    )


@given(
    total=st.integers(5, 60), rise=st.floats(0.25, 0.95), start=st.floats(0.01, 1), end=st.floats(0.001, 1)
)
def test_one_cycle(total, rise, start, end):
    assert_factors(
        lambda t: schedules.one_cycle(t, total=total, rise=rise, start=start, end=end),
        lambda o: lr_scheduler.OneCycleLR(
            o,
            max_lr=1.0,
            total_steps=total,
            pct_start=rise,
            div_factor=1 / start,
            final_div_factor=start / end,
            cycle_momentum=False,
        ),
        total,
    )
    assert schedules.one_cycle(9 * total, total=total, rise=rise, start=start, end=end) == pytest.approx(end)


def test_one_cycles_defaults_are_torchs():
    assert_factors(
        lambda t: schedules.one_cycle(t, total=80),
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=80),
        80,
    )


def test_a_schedule_can_be_handed_to_torch():
    def factor(t):
        return schedules.cosine(t, total=20, warmup=5)

    factors = torch_factors(lambda o: lr_scheduler.LambdaLR(o, factor), 21)
    assert factors == [factor(t) for t in range(21)]
    assert factors[0] == 0.0
    assert max(factors) == factors[5] == 1.0


@given(
    seed=st.integers(0, 1000),
    scale=st.floats(1e-6, 1e6),
    max_norm=st.floats(1e-3, 1e3),
    shapes=st.lists(st.lists(st.integers(0, 4), max_size=3), min_size=1, max_size=4),
)
def test_clipping_is_torchs(seed, scale, max_norm, shapes):
    generator = torch.Generator().manual_seed(seed)
    given = [scale * torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    before = [g.clone() for g in given]
    clipped = schedules.clip_by_norm(given, max_norm)
    parameters = [nn.Parameter(torch.zeros_like(g)) for g in given]
    for parameter, gradient in zip(parameters, given, strict=True):
        parameter.grad = gradient.clone()
    nn.utils.clip_grad_norm_(parameters, max_norm)
    torch.testing.assert_close(clipped, [p.grad for p in parameters], rtol=1e-12, atol=0)
    assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))


def test_clipping_keeps_the_direction_and_never_lengthens():
    long = schedules.clip_by_norm([torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])], 1.0)
    assert long[0].tolist() == pytest.approx([0.6, 0.0])
    assert long[1].tolist() == [[pytest.approx(0.8)]]
    short = [torch.tensor([0.3, 0.4])]
    assert torch.equal(schedules.clip_by_norm(short, 1.0)[0], short[0])


ONES = [torch.ones(2)]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: schedules.step_decay(1.0, every=1), TypeError, "step must be an int, got 1.0"),
        (lambda: schedules.cosine(1, total=5, warmup=-1), ValueError, "warmup must be at least 0, got -1"),
        (lambda: schedules.cosine(1, total=0), ValueError, "total must be at least 1, got 0"),
        (lambda: schedules.cosine(1, total=5, warmup=5), ValueError, "total must be at least 6, got 5"),
        (lambda: schedules.cosine(-1, total=5), ValueError, "step must be at least 0, got -1"),
        (lambda: schedules.cosine(1, total=5, lowest=-0.1), ValueError, "lowest must lie .* got -0.1"),
        (lambda: schedules.step_decay(1, every=0), ValueError, "every must be at least 1, got 0"),
        (lambda: schedules.step_decay(1, every=2, factor=1.5), ValueError, "factor must lie .* got 1.5"),
        (lambda: schedules.one_cycle(1, total=1), ValueError, "total must be at least 2, got 1"),
        (lambda: schedules.one_cycle(1, total=10, rise=0.05), ValueError, "rise must lie .* got 0.05"),
        (lambda: schedules.one_cycle(1, total=10, rise=1.0), ValueError, "rise must lie .* got 1.0"),
        (lambda: schedules.one_cycle(1, total=10, end=math.nan), ValueError, "end must lie .* got nan"),
        (lambda: schedules.clip_by_norm([], 1.0), ValueError, "gradients must hold at least one tensor"),
        (lambda: schedules.clip_by_norm(ONES, 0.0), ValueError, "max_norm must be .* got 0.0"),
        (lambda: schedules.clip_by_norm(ONES, math.inf), ValueError, "max_norm must be finite"),
        (lambda: schedules.clip_by_norm([None], 1.0), TypeError, r"gradients\[0\] must be .* got NoneType"),
        (
            lambda: schedules.clip_by_norm([*ONES, torch.tensor([math.nan])], 1.0),
            ValueError,
            r"gradients\[1\] must be finite",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
