"""Batches from tensors in memory."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.batches import Batches


@given(n=st.integers(1, 40), batch_size=st.integers(1, 45), shuffle=st.booleans(), seed=st.integers(0, 99))
def test_every_example_once_with_its_own_label(n: int, batch_size: int, shuffle: bool, seed: int) -> None:
    labels = torch.arange(n)
    images = labels[:, None] * torch.tensor([1.0, -2.0])
    generator = torch.Generator().manual_seed(seed)
    batches = Batches(images, labels, batch_size=batch_size, shuffle=shuffle, generator=generator)
    seen = list(batches)
    assert len(seen) == len(batches) == math.ceil(n / batch_size)
    assert [len(y) for _, y in seen[:-1]] == [batch_size] * (len(seen) - 1)
    assert len(seen[-1][1]) == (n % batch_size or batch_size)
    for x, y in seen:
        assert torch.equal(x, y[:, None] * torch.tensor([1.0, -2.0]))
    order = torch.cat([y for _, y in seen])
    assert torch.equal(order.sort().values, labels)
    if not shuffle:
        assert torch.equal(order, labels)


@given(n=st.integers(1, 40), batch_size=st.integers(1, 40))
def test_drop_last_keeps_whole_batches_only(n: int, batch_size: int) -> None:
    if batch_size > n:
        with pytest.raises(ValueError, match=rf"batch_size is {batch_size}, there are {n} examples"):
            Batches(torch.zeros(n), batch_size=batch_size, drop_last=True)
        return
    batches = Batches(torch.arange(n), batch_size=batch_size, drop_last=True)
    assert [len(x) for (x,) in batches] == [batch_size] * (n // batch_size)
    assert len(batches) == n // batch_size


def orders(batches: Batches, passes: int) -> list[list[int]]:
    return [torch.cat([x for (x,) in batches]).tolist() for _ in range(passes)]


def test_each_pass_has_its_own_order_and_a_seed_repeats_them() -> None:
    def run(seed: int) -> list[list[int]]:
        return orders(
            Batches(torch.arange(50), batch_size=8, generator=torch.Generator().manual_seed(seed)), 3
        )

    first, second, third = run(0)
    assert first != second != third != first
    assert run(0) == [first, second, third]
    assert run(1) != [first, second, third]


def test_without_a_generator_the_global_one_is_used_and_with_one_it_is_not() -> None:
    torch.manual_seed(3)
    once = orders(Batches(torch.arange(50)), 1)
    torch.manual_seed(3)
    assert orders(Batches(torch.arange(50)), 1) == once
    before = torch.get_rng_state()
    orders(Batches(torch.arange(50), generator=torch.Generator()), 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_shuffles_are_uniform() -> None:
    """Each of the 6 orders of 3 examples, 6,000 draws: counts within 5 standard deviations of 1,000."""
    batches = Batches(torch.arange(3), batch_size=3, generator=torch.Generator().manual_seed(0))
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(6000):
        order = tuple(next(iter(batches))[0].tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert max(abs(count - 1000) for count in counts.values()) < 5 * math.sqrt(6000 * 1 / 6 * 5 / 6)


def test_in_the_given_order_batches_are_views_shuffled_they_are_copies() -> None:
    tensor = torch.arange(6)
    storage = tensor.untyped_storage().data_ptr()
    assert all(
        x.untyped_storage().data_ptr() == storage for (x,) in Batches(tensor, batch_size=2, shuffle=False)
    )
    for (x,) in Batches(tensor, batch_size=2):
        x += 100
    assert tensor.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("tensors", "settings", "error", "message"),
    [
        ((), {}, ValueError, "tensors must hold at least one tensor, got none"),
        ((torch.zeros(3), [1, 2, 3]), {}, TypeError, r"tensors\[1\] must be a torch.Tensor, got list"),
        ((torch.tensor(1.0),), {}, ValueError, r"tensors\[0\] must have at least one dimension"),
        (
            (torch.zeros(3), torch.zeros(4)),
            {},
            ValueError,
            r"equally long in dimension 0, got lengths \[3, 4\]",
        ),
        ((torch.zeros(0, 5),), {}, ValueError, "at least one example, got length 0"),
        ((torch.zeros(3),), {"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ((torch.zeros(3),), {"batch_size": 2.0}, TypeError, "batch_size must be an int, got 2.0"),
        ((torch.zeros(3),), {"batch_size": True}, TypeError, "batch_size must be an int, got True"),
    ],
)
def test_bad_input(
    tensors: tuple[object, ...], settings: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Batches(*tensors, **settings)
