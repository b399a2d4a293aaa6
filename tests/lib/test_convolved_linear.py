"""Linear maps as 1×1 convolutions: the same values, gradients, names and parameters."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.models.fast_linear import ConvolvedLinear, convolve_linears, convolved_linear
from course_lib.models.gpt import GPT


@pytest.mark.parametrize("shape", [(17, 32, 24), (12, 64, 24), (3, 5, 24), (1, 24), (544, 24), (18, 33, 24)])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_a_linear_map(shape, bias):
    torch.manual_seed(0)
    tensors = [torch.randn(shape), torch.randn(40, 24), torch.randn(40) if bias else None]
    pull = torch.randn(*shape[:-1], 40)
    found = []
    for function in (convolved_linear, F.linear):
        x, weight, shift = (None if t is None else t.clone().requires_grad_() for t in tensors)
        result = function(x, weight, shift)
        (result * pull).sum().backward()
        found.append([result, x.grad, weight.grad, *([shift.grad] if bias else [])])
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        terms = 40 + 24 + math.prod(shape)  # no sum here is over more of inputs, outputs and positions
        assert_same_up_to_rounding(ours, theirs, terms=terms)


@pytest.mark.parametrize(
    ("shape", "dtype", "convolved"),
    [
        ((17, 32, 8), torch.float32, True),
        ((16, 32, 8), torch.float32, False),
        ((17, 33, 8), torch.float32, False),
        ((17, 32, 8), torch.float64, False),
    ],
)
def test_a_convolution_is_used_where_it_pays(monkeypatch, shape, dtype, convolved):
    calls = []
    original = F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda *arguments: (calls.append(1), original(*arguments))[1])
    convolved_linear(torch.randn(shape, dtype=dtype), torch.randn(3, 8, dtype=dtype))
    assert bool(calls) == convolved


def test_a_gpt_keeps_its_names_parameters_and_gradients():
    torch.manual_seed(0)
    plain = GPT(50, context=32, d_model=24, heads=3, layers=2)
    changed = copy.deepcopy(plain)
    before = dict(changed.named_parameters())
    convolve_linears(changed)
    assert not [module for module in changed.modules() if type(module) is nn.Linear]
    assert sum(isinstance(module, ConvolvedLinear) for module in changed.modules()) == 8
    after = dict(changed.named_parameters())
    assert list(after) == list(before)
    assert all(after[name] is before[name] for name in before)
    assert list(changed.state_dict()) == list(plain.state_dict())
    ids = torch.randint(50, (18, 32))
    for model in (plain, changed):
        F.cross_entropy(model(ids).flatten(0, 1), ids.flatten()).backward()
    assert_same_up_to_rounding(changed(ids), plain(ids), terms=additions(plain))
    terms = additions(plain, backward=True) + ids.numel()
    for name, parameter in plain.named_parameters():
        assert_same_up_to_rounding(after[name].grad, parameter.grad, terms=terms)
    assert changed.eval().blocks[0].expand.training is False
