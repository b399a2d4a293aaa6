"""Strides, positions and broadcasting by hand, against torch."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.foundations.strided import (
    broadcast_shape,
    broadcast_strides,
    buffer_position,
    contiguous_strides,
)

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@given(shape=shapes)
def test_contiguous_strides_equal_torch(shape):
    assert contiguous_strides(shape) == torch.empty(shape).stride()


@given(
    shape=st.lists(st.integers(1, 4), min_size=2, max_size=3).map(tuple),
    start=st.integers(0, 2),
    step=st.integers(1, 3),
    swap=st.booleans(),
)
def test_every_element_of_a_view_lies_at_its_position(shape, start, step, swap):
    base = torch.arange(torch.Size(shape).numel())
    view = base.reshape(shape)[start::step]
    view = view.transpose(0, 1) if swap else view
    for index in itertools.product(*map(range, view.shape)):
        assert view[index] == base[buffer_position(index, view.stride(), view.storage_offset())]


@given(first=shapes, second=shapes)
def test_broadcast_shape_equals_torch(first, second):
    try:
        expected = tuple(torch.broadcast_shapes(first, second))
    except RuntimeError:
        with pytest.raises(ValueError, match="do not broadcast"):
            broadcast_shape(first, second)
    else:
        assert broadcast_shape(first, second) == expected
        assert broadcast_shape(second, first) == expected


@given(data=st.data(), target=st.lists(st.integers(1, 4), max_size=4).map(tuple))
def test_broadcast_strides_equal_torch(data, target):
    keep = data.draw(st.integers(0, len(target)))
    shape = tuple(n if data.draw(st.booleans()) else 1 for n in target[len(target) - keep :])
    small = torch.empty(shape)
    ours, theirs = broadcast_strides(shape, small.stride(), target), small.expand(target).stride()
    # along a dimension of size 1 nobody ever steps: its stride is anyone's guess
    steps = [k for k, size in enumerate(target) if size > 1]
    assert [ours[k] for k in steps] == [theirs[k] for k in steps]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: contiguous_strides((2, -1)), r"shape must hold sizes of at least 0, got \(2, -1\)"),
        (lambda: buffer_position((1,), (1, 2)), "index has 1 entries but strides has 2"),
        (lambda: buffer_position((-1,), (1,)), r"index must not be negative, got \(-1,\)"),
        (lambda: broadcast_shape((2, 3), (2,)), "sizes 3 and 2 meet in dimension -1 and neither is 1"),
        (lambda: broadcast_shape((2,), (-3,)), "second must hold sizes of at least 0"),
        (lambda: broadcast_strides((3,), (1, 1), (3,)), "shape has 1 entries but strides has 2"),
        (lambda: broadcast_strides((3,), (1,), (1,)), r"shape \(3,\) does not broadcast to target \(1,\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
