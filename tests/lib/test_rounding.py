"""The bound holds for honest sums in every dtype and order, and a real mistake exceeds it."""

from __future__ import annotations

import pytest
import torch

from course_lib.foundations.rounding import assert_same_up_to_rounding, rounding_bound, steps_apart


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("terms", [2, 30, 1000])
def test_no_order_of_summation_exceeds_the_bound(dtype, terms):
    generator = torch.Generator().manual_seed(terms)
    for _ in range(20):
        x = torch.randn(8, terms, generator=generator).to(dtype)
        exact = x.double().sum(1)
        one_by_one = torch.zeros(8, dtype=dtype)
        for column in x[:, torch.randperm(terms, generator=generator)].T:
            one_by_one = one_by_one + column
        assert_same_up_to_rounding(one_by_one, exact, terms=terms)
        assert_same_up_to_rounding(x.sum(1), one_by_one, terms=terms)


def test_a_lost_term_a_transposed_factor_and_a_nan_are_no_rounding():
    generator = torch.Generator().manual_seed(0)
    x, w = torch.randn(5, 64, generator=generator), torch.randn(64, 64, generator=generator)
    exact = x.double() @ w.double()
    assert_same_up_to_rounding(x @ w, exact, terms=64)
    for wrong in (x[:, 1:] @ w[1:], x @ w.T, (x @ w) * (1 + 1e-4), torch.full_like(x, torch.nan)):
        with pytest.raises(AssertionError, match="apart"):
            assert_same_up_to_rounding(wrong, exact, terms=64)
    with pytest.raises(AssertionError, match="shapes differ"):
        assert_same_up_to_rounding(x @ w, exact[:1], terms=64)


def test_the_bound_by_hand_and_the_coarser_dtype_counts():
    ones = torch.full((3,), -2.0)
    assert rounding_bound(ones, terms=9) == 4 * 2.0**-23 * 3 * 2
    assert rounding_bound(ones.double(), terms=1, dtype=torch.float32) == 4 * 2.0**-23 * 2
    assert_same_up_to_rounding(ones.double() * (1 + 2.0**-23), ones, terms=1)
    with pytest.raises(AssertionError):
        assert_same_up_to_rounding(ones.double() * (1 + 2.0**-23), ones.double(), terms=1)


def test_steps_are_counted_at_the_largest_entry():
    exact = torch.tensor([4.0, 1.0], dtype=torch.float64)
    found = (exact + torch.tensor([0.0, 2 * 4 * 2.0**-23], dtype=torch.float64)).float()
    assert steps_apart(found, exact) == pytest.approx(2, rel=1e-6)
    assert steps_apart(torch.zeros(2), torch.zeros(2)) == 0


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="terms must be an int of at least 1, got 0"):
        rounding_bound(torch.ones(2), terms=0)
    with pytest.raises(TypeError, match=r"expected must be of floating point, got torch\.int64"):
        rounding_bound(torch.ones(2, dtype=torch.int64), terms=1)
    for bad in (torch.ones(0), torch.tensor([torch.inf])):
        with pytest.raises(ValueError, match="expected must hold at least one number, all of them finite"):
            rounding_bound(bad, terms=1)
    with pytest.raises(ValueError, match=r"exact must have found's shape \(2,\), got \(3,\)"):
        steps_apart(torch.ones(2), torch.ones(3))
