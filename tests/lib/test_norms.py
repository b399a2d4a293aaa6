"""The two norms against torch's, values and gradients, and what they do not notice."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from course_lib.models.norms import LayerNorm, RMSNorm

PAIRS = {LayerNorm: nn.LayerNorm, RMSNorm: nn.RMSNorm}
every_norm = pytest.mark.parametrize("kind", PAIRS, ids=lambda kind: kind.__name__)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair(kind: type[nn.Module], d: int, *eps: float) -> tuple[nn.Module, nn.Module]:
    """Ours and torch's with the same weights, drawn so that they count."""
    ours, theirs = kind(d, *eps).double(), PAIRS[kind](d, *eps).double()
    with torch.no_grad():
        for i, parameter in enumerate(ours.parameters()):
            parameter.copy_(draw(d, seed=i + 5))
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@every_norm
@given(
    shape=st.lists(st.integers(1, 4), max_size=2),
    d=st.integers(2, 8),
    seed=st.integers(0, 999),
    eps=st.sampled_from([(), (1e-5,), (0.1,)]),
)
def test_values_and_gradients_are_torchs(kind, shape, d, seed, eps):
    ours, theirs = pair(kind, d, *eps)
    x = (3 * draw(*shape, d, seed=seed) + 1).requires_grad_()
    one, other = ours(x), theirs(x)
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    tide = draw(*shape, d, seed=seed + 1)
    at_ours = torch.autograd.grad((tide * one).sum(), [x, *ours.parameters()])
    at_theirs = torch.autograd.grad((tide * other).sum(), [x, *theirs.parameters()])
    torch.testing.assert_close(at_ours, at_theirs, rtol=1e-8, atol=1e-8)


@every_norm
def test_the_default_eps_is_torchs(kind):
    """Tiny inputs, where eps decides."""
    for dtype in (torch.float32, torch.float64):
        x = 1e-4 * draw(3, 6).to(dtype)
        torch.testing.assert_close(kind(6).to(dtype)(x), PAIRS[kind](6).to(dtype)(x))


def test_layer_norm_leaves_mean_zero_and_variance_one():
    y = LayerNorm(50, eps=1e-12).double()(7 * draw(4, 50) + 3)
    torch.testing.assert_close(y.mean(dim=-1), torch.zeros(4).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(y.var(dim=-1, correction=0), torch.ones(4).double())


def test_rms_norm_leaves_a_root_mean_square_of_one_and_the_mean_where_it_is():
    x = draw(4, 50) + 3
    y = RMSNorm(50).double()(x)
    torch.testing.assert_close(y.square().mean(dim=-1), torch.ones(4).double())
    torch.testing.assert_close(y / x, (y / x)[:, :1].expand_as(y))


def test_scale_leaves_no_trace_and_only_layer_norm_forgets_a_shift():
    x = draw(3, 8)
    for norm in (LayerNorm(8, eps=1e-12).double(), RMSNorm(8, eps=1e-12).double()):
        torch.testing.assert_close(norm(5 * x), norm(x))
    layer, rms = LayerNorm(8).double(), RMSNorm(8).double()
    torch.testing.assert_close(layer(x + 2), layer(x))
    assert not torch.isclose(rms(x + 2), rms(x)).any()


@every_norm
def test_each_position_stands_alone(kind):
    norm, _ = pair(kind, 5)
    x = draw(2, 3, 5)
    changed = x.clone()
    changed[0, 1] = 100.0 * draw(5, seed=9)
    same = norm(x) == norm(changed)
    assert same.all(dim=-1).tolist() == [[True, False, True], [True, True, True]]


@every_norm
def test_bad_input_is_named(kind):
    with pytest.raises(ValueError, match="d must be at least 1, got 0"):
        kind(0)
    with pytest.raises(ValueError, match="eps must be above 0, got 0"):
        kind(3, eps=0)
    with pytest.raises(ValueError, match=r"x must be \(…, 3\), got \(2, 4\)"):
        kind(3)(torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"x must be \(…, 3\), got \(\)"):
        kind(3)(torch.tensor(1.0))


def test_their_settings_show():
    assert repr(LayerNorm(4)) == "LayerNorm(4, eps=1e-05)"
    assert repr(RMSNorm(4)) == "RMSNorm(4, eps=None)"
