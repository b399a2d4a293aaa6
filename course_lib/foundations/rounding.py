"""Rounding error: how far apart floating point lets two ways of computing one result lie, and its check.

Two processors, two libraries, or one library on two thread counts add the same numbers in different orders
and round after each addition, so their results differ in the last steps. A fixed ``atol=1e-5`` does not
describe that: it is large for numbers of size 0.01 and less than one step for numbers of size 100.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.checks import check_ints


def rounding_bound(expected: Tensor, *, terms: int, dtype: torch.dtype | None = None) -> float:
    """Largest difference that rounding explains between two ways of computing ``expected``, in its unit.

    Each operation errs by at most half a step, eps/2, relative to its result. In a chain of ``terms``
    additions these errors have random signs and add up like √terms; four standard deviations for each of the
    two ways give

        bound = 4 · eps(dtype) · √terms · max |expected|

    Args:
        expected: the result, floating point, finite, any shape with at least one entry.
        terms: additions on the longest path from the inputs to an entry of the result, at least 1: n for a
            sum or a dot product of length n, `additions` for a network.
        dtype: in which the coarser of the two ways computes; by default, that of ``expected``.

    Raises:
        TypeError: if ``expected`` or ``dtype`` is not of floating point.
        ValueError: if ``terms`` is below 1, or ``expected`` is empty or not finite.

    Source: N. Higham and T. Mary, *A New Approach to Probabilistic Rounding Error Analysis*, 2019.
    """
    dtype = dtype or expected.dtype
    if not dtype.is_floating_point or not expected.is_floating_point():
        raise TypeError(f"expected must be of floating point, got {expected.dtype} and dtype {dtype}")
    check_ints(1, terms=terms)
    if not expected.numel() or not expected.isfinite().all():
        raise ValueError("expected must hold at least one number, all of them finite")
    return 4 * torch.finfo(dtype).eps * terms**0.5 * expected.abs().max().item()


def additions(model: nn.Module, *, backward: bool = False) -> int:
    """Additions on the longest path through a network, for `rounding_bound`: the sum of its layers' fan-ins.

    Weight matrices and kernels are taken as lying one behind the other, which is no fewer than there are on a
    path; attention's means over positions are left out: weights that sum to 1 average the errors of what they
    mix. ``backward`` counts the way back too, where the fan-outs are summed over, for gradients of one
    example.
    """
    total = 0
    for weight in model.parameters():
        if weight.ndim >= 2:
            total += weight[0].numel() + (weight[:, 0].numel() if backward else 0)
    return max(total, 1)


def steps_apart(found: Tensor, exact: Tensor) -> float:
    """Largest difference in steps of ``found``'s dtype at the size of the largest entry of ``exact``.

    max |found − exact| / (eps · max |exact|), with ``exact`` in float64 or any dtype at least as fine: 0.5 is
    the error of a single rounding. ``ValueError`` if the shapes differ.
    """
    if found.shape != exact.shape:
        raise ValueError(f"exact must have found's shape {tuple(found.shape)}, got {tuple(exact.shape)}")
    exact = exact.detach().double()
    gap = (found.detach().double() - exact).abs().max().item()
    step = torch.finfo(found.dtype).eps * exact.abs().max().item()
    return gap / step if gap else 0.0


def assert_same_up_to_rounding(found: Tensor, expected: Tensor, *, terms: int) -> None:
    """Check that two computed results differ by no more than `rounding_bound` of the coarser dtype.

    ``AssertionError`` if shapes differ or an entry is further apart than the bound; says how many steps.
    """
    dtype = max(found.dtype, expected.dtype, key=lambda each: torch.finfo(each).eps)
    assert found.shape == expected.shape, f"shapes differ: {tuple(found.shape)} and {tuple(expected.shape)}"
    bound = rounding_bound(expected.detach(), terms=terms, dtype=dtype)
    gap = (found.detach().double() - expected.detach().double()).abs().max().item()
    step = torch.finfo(dtype).eps * expected.detach().abs().max().item()
    assert gap <= bound, (  # not `gap > bound`: a NaN is no agreement
        f"{gap:.3g} apart, {gap / max(step, 1e-300):.1f} steps of {dtype}; rounding explains {bound:.3g}"
    )
