"""Sinusoid and rotation: their formulas by other means, and that only distances count."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course_lib.models import positions
from course_lib.models.positions import rotate, sinusoidal

EXACT = {"rtol": 1e-10, "atol": 1e-11}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_sinusoid_by_loops():
    encoding = sinusoidal(5, 6, dtype=torch.float64)
    for p in range(5):
        for i in range(3):
            angle = p / 10000 ** (2 * i / 6)
            assert encoding[p, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-15)
            assert encoding[p, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-15)


@given(half=st.integers(1, 8), seq=st.integers(2, 40), base=st.floats(2, 1e5))
def test_the_sinusoids_dot_product_depends_on_distance_alone(half, seq, base):
    encoding = sinusoidal(seq, 2 * half, base=base, dtype=torch.float64)
    dots = encoding @ encoding.T
    torch.testing.assert_close(dots[1:, 1:], dots[:-1, :-1], **EXACT)
    torch.testing.assert_close(dots.diagonal(), torch.full((seq,), float(half)).double(), **EXACT)


def test_the_sinusoids_dot_product_falls_off():
    dots = sinusoidal(60, 64)[0] @ sinusoidal(60, 64).T
    assert (dots[1:] < dots[0]).all()
    assert dots[:5].diff().lt(0).all()


def test_far_positions_keep_their_digits_in_single_precision():
    exact = sinusoidal(100_001, 4, dtype=torch.float64)
    torch.testing.assert_close(sinusoidal(100_001, 4), exact.float(), rtol=0, atol=0)
    assert sinusoidal(2, 4).dtype == torch.float32


@given(half=st.integers(1, 5), seq=st.integers(1, 8), seed=st.integers(0, 999))
def test_rotation_is_multiplication_by_a_complex_phase(half, seq, seed):
    x = draw(2, 3, seq, 2 * half, seed=seed)
    frequency = torch.tensor([10000.0 ** (-i / half) for i in range(half)], dtype=torch.float64)
    phase = torch.exp(1j * torch.arange(seq, dtype=torch.float64)[:, None] * frequency)
    turned = torch.view_as_complex(x.unflatten(-1, (half, 2))) * phase
    torch.testing.assert_close(rotate(x), torch.view_as_real(turned).flatten(-2), **EXACT)


@given(seed=st.integers(0, 999), shift=st.integers(-50, 500), seq=st.integers(1, 7))
def test_scores_of_turned_queries_and_keys_depend_on_distance_alone(seed, shift, seq):
    q, k = draw(2, seq, 8, seed=seed), draw(2, seq, 8, seed=seed + 1)
    here = rotate(q) @ rotate(k).mT
    positions = torch.arange(seq) + shift
    there = rotate(q, positions) @ rotate(k, positions).mT
    torch.testing.assert_close(here, there, **EXACT)


def test_scores_do_change_with_distance():
    q, k = draw(1, 8, seed=1), draw(1, 8, seed=2)
    near, far = (rotate(q, torch.tensor([3])) @ rotate(k, torch.tensor([p])).T for p in (3, 5))
    torch.testing.assert_close(near, q @ k.T, **EXACT)
    assert not torch.isclose(near, far)


@given(seed=st.integers(0, 999), position=st.integers(-1000, 100_000))
def test_rotation_keeps_lengths_and_is_undone_by_turning_back(seed, position):
    x, p = draw(3, 6, seed=seed), torch.tensor([position])
    turned = rotate(x, p)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1), **EXACT)
    torch.testing.assert_close(rotate(turned, -p), x, **EXACT)


def test_each_sequence_may_have_positions_of_its_own():
    x = draw(2, 3, 4, 6)
    positions = torch.stack([torch.arange(4), torch.arange(4) + 7])[:, None]
    both = rotate(x, positions)
    torch.testing.assert_close(both[0], rotate(x[0]), **EXACT)
    torch.testing.assert_close(both[1], rotate(x[1], torch.arange(4) + 7), **EXACT)
    assert rotate(x.float()).dtype == torch.float32
    torch.testing.assert_close(rotate(x.half()), rotate(x).half(), rtol=2e-3, atol=2e-3)


def test_the_base_sets_the_slowest_hand():
    x = torch.tensor([[0.0, 0.0, 1.0, 0.0]], dtype=torch.float64)
    turned = rotate(x, torch.tensor([1]), base=100.0)
    assert turned[0].tolist() == pytest.approx([0.0, 0.0, math.cos(0.1), math.sin(0.1)])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sinusoidal(0, 4), ValueError, "seq must be at least 1, got 0"),
        (lambda: sinusoidal(3, 5), ValueError, "d_model must be even and at least 2, got 5"),
        (lambda: sinusoidal(3, 0), ValueError, "d_model must be even and at least 2, got 0"),
        (lambda: sinusoidal(3, 4, base=1.0), ValueError, "base must be above 1, got 1.0"),
        (lambda: rotate(torch.zeros(3, 5)), ValueError, r"head_dim even, got \(3, 5\)"),
        (lambda: rotate(torch.zeros(3, 0)), ValueError, r"head_dim even, got \(3, 0\)"),
        (lambda: rotate(torch.zeros(4)), ValueError, r"x must be \(…, seq, head_dim\)"),
        (lambda: rotate(torch.zeros(3, 4).long()), TypeError, "x must be a floating-point .* torch.int64"),
        (lambda: rotate([[0.0, 1.0]]), TypeError, "x must be a floating-point tensor, got list"),
        (
            lambda: rotate(torch.zeros(2, 3, 4), torch.arange(4)),
            ValueError,
            r"positions must broadcast to \(2, 3\), .* got \(4,\)",
        ),
        (
            lambda: rotate(torch.zeros(3, 4), torch.zeros(2, 3)),
            ValueError,
            r"positions must broadcast to \(3,\), .* got \(2, 3\)",
        ),
        (lambda: rotate(torch.zeros(3, 4), base=0.5), ValueError, "base must be above 1, got 0.5"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


class NoFloat64OnTheGPU(TorchDispatchMode):
    """Stop where a tensor on the GPU would be in float64, as MPS does."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for each in tree_leaves(found):
            if isinstance(each, torch.Tensor) and each.device.type == "cuda" and each.dtype == torch.float64:
                raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return found


def test_positions_are_computed_where_there_is_no_float64(monkeypatch):
    """Tensors without numbers, said to be on CUDA, stand for a Mac's, which PyTorch knows on a Mac only."""
    assert positions._WITHOUT_FLOAT64 == ("mps",)
    monkeypatch.setattr(positions, "_WITHOUT_FLOAT64", ("cuda",))
    with FakeTensorMode(), NoFloat64OnTheGPU():
        with pytest.raises(TypeError, match="float64"):
            torch.ones(2, device="cuda").double()
        encoding = sinusoidal(5, 6, device="cuda")
        assert (encoding.device.type, encoding.dtype) == ("cuda", torch.float32)
        for places in (None, torch.arange(4, device="cuda")):
            turned = rotate(torch.ones(2, 4, 6, device="cuda"), places)
            assert (turned.device.type, turned.dtype) == ("cuda", torch.float32)
