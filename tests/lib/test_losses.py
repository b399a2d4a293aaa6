"""The Huber loss against torch's, values and gradients, as function and as module."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from course_lib.foundations.losses import Huber, huber


@given(seed=st.integers(0, 1000), delta=st.floats(0.01, 10), shape=st.lists(st.integers(1, 4), max_size=3))
def test_values_and_gradients_are_torchs(seed, delta, shape):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randn(shape, generator=generator, dtype=torch.float64)
    ours = (3 * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    one, other = Huber(delta)(ours, target), F.huber_loss(theirs, target, delta=delta)
    one.backward()
    other.backward()
    torch.testing.assert_close(one, other, rtol=1e-12, atol=0)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=0)
    assert torch.equal(one, huber(ours, target, delta))


def test_the_pieces_join_at_delta():
    zero = torch.zeros(1, dtype=torch.float64)
    at, above = (huber(torch.tensor([r], dtype=torch.float64), zero, 0.5) for r in (0.5, 0.5 + 1e-9))
    assert at.item() == pytest.approx(0.125)
    assert above.item() == pytest.approx(0.125)


def test_one_outlier_rules_the_squares_and_not_this():
    """The centre that minimises each loss over five measurements, one of them wild, found on a grid."""
    measured = torch.tensor([1.0, 1.1, 0.9, 1.0, 100.0], dtype=torch.float64)
    grid = torch.linspace(0, 40, 4001, dtype=torch.float64)
    by_huber = min(grid, key=lambda c: huber(c.expand(5), measured, 0.5))
    by_squares = min(grid, key=lambda c: F.mse_loss(c.expand(5), measured))
    assert by_huber == pytest.approx(1.1, abs=0.05)
    assert by_squares == pytest.approx(20.8, abs=0.01)


def test_the_module_has_nothing_to_save():
    loss = Huber(delta=0.3)
    assert list(loss.parameters()) == []
    assert loss.state_dict() == {}
    assert repr(loss) == "Huber(delta=0.3)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Huber(0.0), ValueError, "delta must be finite and above 0, got 0.0"),
        (lambda: Huber(math.inf), ValueError, "delta must be finite and above 0, got inf"),
        (lambda: huber(torch.zeros(2), torch.zeros(2), -1.0), ValueError, "delta must be .* got -1.0"),
        (
            lambda: huber(torch.zeros(8, 1), torch.zeros(8)),
            ValueError,
            r"one shape, got \(8, 1\) and \(8,\)",
        ),
        (
            lambda: huber(torch.zeros(0), torch.zeros(0)),
            ValueError,
            r"at least one element, got shape \(0,\)",
        ),
        (lambda: huber(torch.zeros(2), torch.zeros(2).long()), TypeError, "target must be .* torch.int64"),
        (lambda: huber(0.5, torch.zeros(())), TypeError, "pred must be a floating-point tensor, got float"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
