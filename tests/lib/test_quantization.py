"""int8 by hand: the bound holds, torchao finds the same numbers, the digit net keeps its accuracy."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib.data.digits import load_digits
from course_lib.deploy.quantization import (
    MOST_PRODUCTS,
    QuantizedConv2d,
    QuantizedLinear,
    Scheme,
    dequantize,
    integer_product,
    quantize,
    quantize_model,
    saturating_product,
    scheme_for,
    scheme_for_range,
)
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.pretrained.digit_network import digit_network
from course_lib.training.memory import storage_bytes

warnings.filterwarnings("ignore", module="torchao")
from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_  # noqa: E402
from torchao.quantization.quant_primitives import (  # noqa: E402
    MappingType,
    choose_qparams_affine,
    dequantize_affine,
    quantize_affine,
)

FINITE = st.floats(-1e6, 1e6, width=32)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 3 + 1


def test_a_range_by_hand():
    """−1 … 1.55 in 255 steps of 0.01; −128 stands for −1, so −28 for 0."""
    scale, zero = scheme_for_range(torch.tensor(-1.0), torch.tensor(1.55))
    assert scale.item() == pytest.approx(0.01)
    assert zero == -28
    q = quantize(torch.tensor([-1.0, 0.0, 0.444, 1.55, 9.0, -9.0]), Scheme(scale, zero))
    assert q.tolist() == [-128, -28, 16, 127, 127, -128]
    assert dequantize(q, Scheme(scale, zero))[:4].tolist() == pytest.approx([-1.0, 0.0, 0.44, 1.55])


@given(st.lists(FINITE, min_size=1, max_size=20), st.booleans())
def test_inside_the_range_the_error_is_at_most_half_a_step(values, symmetric):
    x = torch.tensor(values)
    scheme = scheme_for(x, symmetric=symmetric)
    error = (x - dequantize(quantize(x, scheme), scheme)).abs().max().item()
    assert error <= scheme.scale.item() / 2 * (1 + 1e-4)
    assert dequantize(quantize(torch.zeros(1), scheme), scheme) == 0


def test_the_bound_is_reached():
    scheme = Scheme(torch.tensor(0.5), torch.tensor(3, dtype=torch.int32))
    x = torch.arange(-20, 20) * 0.5 + 0.25
    assert ((x - dequantize(quantize(x, scheme), scheme)).abs() == 0.25).all()


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_torchao_finds_the_same_scheme_and_the_same_numbers(symmetric, axis):
    x = numbers(16, 40)
    block = {None: (16, 40), 0: (1, 40), 1: (16, 1)}[axis]
    kind = MappingType.SYMMETRIC if symmetric else MappingType.ASYMMETRIC
    scale, zero = choose_qparams_affine(x, kind, block, torch.int8)
    ours = scheme_for(x, axis=axis, symmetric=symmetric)
    torch.testing.assert_close(ours.scale.flatten(), scale.flatten(), rtol=1e-6, atol=0)
    assert torch.equal(ours.zero_point.flatten(), zero.flatten().int())
    theirs = quantize_affine(x, block, scale, zero, torch.int8)
    assert torch.equal(quantize(x, ours), theirs)
    torch.testing.assert_close(
        dequantize(quantize(x, ours), ours),
        dequantize_affine(theirs, block, scale, zero, torch.int8),
    )


def test_torchs_fake_quantisation_agrees():
    x = numbers(500, seed=1)
    scheme = scheme_for(x)
    expected = torch.fake_quantize_per_tensor_affine(
        x, scheme.scale.item(), scheme.zero_point.item(), -128, 127
    )
    torch.testing.assert_close(dequantize(quantize(x, scheme), scheme), expected)


def test_a_linear_layer_equals_torchaos():
    torch.manual_seed(0)
    layer = nn.Linear(64, 20)
    # With every second weight 0 no pair of products can leave an int16: see saturating_product.
    layer.weight.data[:, 1::2] = 0
    x = numbers(8, 64, seed=2)
    rows = scheme_for(x, axis=0, symmetric=True)
    weights = scheme_for(layer.weight.detach(), axis=0, symmetric=True)
    ours = integer_product(
        quantize(x, rows), rows, quantize(layer.weight.detach(), weights), weights.scale, layer.bias.detach()
    )
    plain = layer(x)
    quantize_(layer, Int8DynamicActivationInt8WeightConfig())
    with torch.no_grad():
        assert_same_up_to_rounding(ours, layer(x), terms=64)
    assert (ours - plain).abs().max() > 1e-3  # rounded, and not the float product under another name


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_integer_product_is_the_product_of_what_was_rounded(symmetric):
    x, weight, bias = numbers(5, 30), numbers(7, 30, seed=1), numbers(7, seed=2)
    scheme, rows = scheme_for(x, symmetric=symmetric), scheme_for(weight, axis=0, symmetric=True)
    q, w = quantize(x, scheme), quantize(weight, rows)
    expected = dequantize(q, scheme).double() @ dequantize(w, rows).double().T + bias
    found = integer_product(q, scheme, w, rows.scale, bias)
    assert_same_up_to_rounding(found, expected, terms=30)


def test_sums_do_not_overflow_at_the_most_inputs():
    ones = torch.full((1, MOST_PRODUCTS), -128, dtype=torch.int8)
    scheme = Scheme(torch.tensor(1.0), torch.tensor(127, dtype=torch.int32))
    found = integer_product(ones, scheme, ones, torch.tensor(1.0))
    assert found.item() == pytest.approx(255 * 128 * MOST_PRODUCTS)
    wide = torch.zeros(1, MOST_PRODUCTS + 1, dtype=torch.int8)
    with pytest.raises(ValueError, match="at most 65,793 inputs, got 65,794"):
        integer_product(wide, scheme, wide, torch.tensor(1.0))


def test_a_scale_a_row_is_finer_than_one_for_all():
    weight = numbers(10, 50) * torch.logspace(-3, 0, 10)[:, None]
    errors = []
    for axis in (None, 0):
        scheme = scheme_for(weight, axis=axis, symmetric=True)
        errors.append((weight - dequantize(quantize(weight, scheme), scheme))[0].abs().max())
    assert errors[1] * 100 < errors[0]


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_that_of_the_rounded_numbers(stride):
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 5, (3, 2), stride=stride)
    x = numbers(2, 3, 9, 8)
    scheme = scheme_for(x)
    found = QuantizedConv2d(layer, scheme)
    rounded = layer.weight.detach().flatten(1)
    rows = scheme_for(rounded, axis=0, symmetric=True)
    layer.weight.data = dequantize(quantize(rounded, rows), rows).view_as(layer.weight)
    expected = layer(dequantize(quantize(x, scheme), scheme)).detach()
    assert_same_up_to_rounding(found(x), expected, terms=additions(layer))


def test_the_digit_net_keeps_its_accuracy_in_a_quarter_of_the_bytes():
    model, digits = digit_network(), load_digits("test")
    small = quantize_model(model, load_digits("train").images[:100])
    images, labels = digits.images[:500], digits.labels[:500]
    with torch.no_grad():
        before, after = model(images), small(images)
    assert (
        abs((before.argmax(1) == labels).float().mean() - (after.argmax(1) == labels).float().mean()) < 0.01
    )
    assert 1e-4 < (before - after).abs().max() < 0.1 * before.abs().max()
    sizes = [storage_bytes(each.state_dict().values()) for each in (model, small)]
    assert sizes[0] == 4 * 23_258
    assert 0.25 < sizes[1] / sizes[0] < 0.28
    assert [small.conv1.weight.dtype, small.linear.weight.dtype] == [torch.int8, torch.int8]
    assert isinstance(model.conv1, nn.Conv2d)  # the float model is as it was


def test_the_models_input_ranges_come_from_the_examples():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).eval()
    x = numbers(50, 4)
    small = quantize_model(model, x)
    expected = scheme_for(model[:2](x).detach())
    assert isinstance(small[2], QuantizedLinear)
    assert small[2].input_scale == expected.scale
    assert small[2].input_zero_point == expected.zero_point


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_the_range_of_a_layer_used_twice_spans_both_uses(order: slice):
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return sum(self.layer(factor * x) for factor in (1.0, -3.0)[order])

    layer = quantize_model(Shared().eval(), torch.tensor([[0.0, 2.0]])).layer
    expected = scheme_for_range(torch.tensor(-6.0), torch.tensor(2.0))
    assert (layer.input_scale, layer.input_zero_point) == expected


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("size", [0.0, 1e-38])
def test_no_scale_is_below_epsilon(size: float, symmetric: bool):
    scheme = scheme_for_range(torch.tensor(0.0), torch.tensor(size), symmetric=symmetric)
    assert scheme.scale == torch.finfo(torch.float32).eps
    assert scheme.zero_point == (0 if symmetric else -128)
    assert dequantize(quantize(torch.zeros(3), scheme), scheme).tolist() == [0.0] * 3


def test_a_layer_of_zeros_stays_one():
    layer = nn.Linear(3, 2)
    layer.weight.data.zero_()
    found = QuantizedLinear(layer, scheme_for(torch.zeros(1)))(torch.ones(1, 3))
    torch.testing.assert_close(found[0], layer.bias.detach())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: scheme_for(torch.empty(0)), ValueError, r"x must not be empty, got shape \(0,\)"),
        (lambda: scheme_for(torch.ones(2, 3), axis=2), ValueError, r"axis must be .* \(2, 3\), got 2"),
        (lambda: scheme_for(torch.tensor([1.0, torch.inf])), ValueError, "must be finite, got 1.0 and inf"),
        (
            lambda: scheme_for_range(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.5])),
            ValueError,
            "low must not exceed high, got 2 and 1.5",
        ),
        (lambda: quantize(torch.tensor([torch.nan]), scheme_for(torch.ones(1))), ValueError, "got NaN"),
        (lambda: dequantize(torch.ones(1), scheme_for(torch.ones(1))), TypeError, "q must be int8"),
        (
            lambda: integer_product(
                torch.ones(1, 2).char(), scheme_for(torch.ones(1)), torch.ones(1, 3).char(), torch.ones(1)
            ),
            ValueError,
            "q must have 3 inputs, as weight has, got 2",
        ),
        (
            lambda: integer_product(
                torch.ones(1, 2).char(), scheme_for(torch.ones(1)), torch.ones(1, 2), torch.ones(1)
            ),
            TypeError,
            "weight must be int8, got torch.float32",
        ),
        (lambda: quantize_model(nn.Linear(2, 2), torch.ones(1, 2)), ValueError, "eval mode"),
        (lambda: quantize_model(nn.ReLU().eval(), torch.ones(1, 2)), ValueError, "nn.Conv2d, got ReLU"),
        (
            lambda: quantize_model(nn.Conv2d(1, 1, 3, padding=1).eval(), torch.ones(1, 1, 4, 4)),
            ValueError,
            "layer must have no padding",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_quantised_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_layer_the_examples_do_not_reach_is_named():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(ValueError, match="they did not reach idle"):
        quantize_model(Idle().eval(), torch.ones(1, 2))


@pytest.mark.parametrize("inputs", [1, 2, 7, 40])
def test_a_saturating_product_is_the_product_unless_a_pair_leaves_int16(inputs):
    generator = torch.Generator().manual_seed(inputs)
    q = torch.randint(-128, 128, (3, inputs), generator=generator).to(torch.int8)
    weight = torch.randint(-64, 65, (5, inputs), generator=generator).to(torch.int8)
    assert torch.equal(saturating_product(q, weight), q.int() @ weight.int().T)
    rows, columns = q.int() + 128, torch.randint(-128, 128, (5, inputs), generator=generator)

    def by_hand(row, column):
        products = [r * c for r, c in zip(row, column, strict=True)]
        pairs = [sum(products[k : k + 2]) for k in range(0, inputs, 2)]
        return sum(min(max(pair, -(2**15)), 2**15 - 1) for pair in pairs) - 128 * sum(column)

    expected = [[by_hand(row, column) for column in columns.tolist()] for row in rows.tolist()]
    assert saturating_product(q, columns.to(torch.int8)).tolist() == expected


def test_two_products_are_enough_to_saturate():
    q, weight = torch.full((1, 2), 127, dtype=torch.int8), torch.full((1, 2), 127, dtype=torch.int8)
    assert saturating_product(q, weight).item() == 2**15 - 1 - 128 * 254 == 255
    assert (q.int() @ weight.int().T).item() == 32_258
    with pytest.raises(TypeError, match=r"q must be int8, got torch\.int32"):
        saturating_product(q.int(), weight)
    with pytest.raises(ValueError, match="q must have 2 inputs, as weight has, got 1"):
        saturating_product(q[:, :1], weight)


def test_pytorchs_own_product_saturates_where_there_is_no_vnni():
    """The same instruction, chosen by a switch of oneDNN's in a process of its own; every bit is ours."""
    program = """
import torch
from course_lib.deploy.quantization import saturating_product
generator = torch.Generator().manual_seed(0)
for rows, inputs, outputs in ((32, 64, 32), (17, 64, 24), (64, 128, 64)):
    q = torch.randint(-128, 128, (rows, inputs), generator=generator).to(torch.int8)
    for largest in (127, 64):
        weight = torch.randint(-largest, largest + 1, (outputs, inputs), generator=generator).to(torch.int8)
        found, exact = torch._int_mm(q, weight.T.contiguous()), q.int() @ weight.int().T
        assert torch.equal(found, saturating_product(q, weight)), "not as processors without VNNI do"
        assert torch.equal(found, exact) == (largest == 64)
"""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("needs an x86 processor")
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
