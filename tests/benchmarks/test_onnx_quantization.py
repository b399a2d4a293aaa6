"""ONNX Runtime's int8 file, run again in our own whole numbers, with and without saturating sums."""

from __future__ import annotations

import sys

import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from onnx_files import digit_onnx, run
from onnxruntime import quantization

from benchmarks.onnx_quantization import quantize_onnx
from course_lib.data.digits import load_digits
from course_lib.deploy.quantization import saturating_product


@pytest.fixture(scope="module")
def digits():
    return load_digits("test")


@pytest.fixture(scope="module")
def digit_file():
    return digit_onnx()


@pytest.fixture(scope="module")
def small_file(digit_file):
    return quantize_onnx(digit_file, {"images": load_digits("train").images[:100]})


@pytest.fixture(scope="module")
def eight_bit_file(digit_file):
    """The same with all eight bits for weights, as ONNX Runtime quantises unless told otherwise."""
    patch = pytest.MonkeyPatch()
    original = quantization.quantize_static
    patch.setattr(
        quantization, "quantize_static", lambda *a, **k: original(*a, **{**k, "reduce_range": False})
    )
    content = quantize_onnx(digit_file, {"images": load_digits("train").images[:100]})
    patch.undo()
    return content


def plain_product(q, weight):
    return q.int() @ weight.int().T


def run_in_whole_numbers(content, images, product):
    """Walk a quantised file's graph: int8 values between the layers, `product` for every Conv and Gemm.

    Kernels are laid out channels last, as the runtime's are: neighbours are two channels of a pixel.
    """
    graph = onnx.load_from_string(content).graph
    held = {each.name: torch.tensor(numpy_helper.to_array(each)) for each in graph.initializer}
    whole = {}  # name of a float value in the graph: (int8 values, scale, zero point)
    values = {"images": images.double()}
    for node in graph.node:
        (out,), source = node.output, node.input[0]
        settings = {each.name: list(each.ints) or each.i for each in node.attribute}
        if node.op_type == "QuantizeLinear":
            scale, zero = (held[name] for name in node.input[1:])
            q = (values[source] / scale.double()).round() + zero
            whole[out] = q.clamp(-128, 127).to(torch.int8), scale, zero
        elif node.op_type == "DequantizeLinear":
            whole[out] = whole.get(source) or (held[source], *(held[name] for name in node.input[1:]))
            q, scale, zero = whole[out]
            shape = (-1, *[1] * (q.ndim - 1)) if scale.ndim else ()
            values[out] = (q.double() - zero.double().view(shape)) * scale.double().view(shape)
        elif node.op_type == "MaxPool":
            assert settings["kernel_shape"] == settings["strides"] == [2, 2]
            values[out] = F.max_pool2d(values[source], 2)
        elif node.op_type == "Reshape":
            values[out] = values[source].reshape(held[node.input[1]].tolist())
        else:
            (q, scale, zero), (weight, weight_scale, _) = whole[source], whole[node.input[1]]
            if node.op_type == "Conv":
                assert settings["strides"] == settings["dilations"] == [1, 1]
                assert settings["group"] == 1
                assert not any(settings["pads"])
                high, wide = weight.shape[2:]
                rows, columns = q.shape[2] - high + 1, q.shape[3] - wide + 1
                # (batch, places, high · wide · channels)
                q = q.unfold(2, high, 1).unfold(3, wide, 1).permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)
                weight = weight.permute(0, 2, 3, 1).flatten(1)
            total = product(q, weight) - zero.int() * weight.sum(1, dtype=torch.int32)
            result = total.double() * (scale.double() * weight_scale.double())
            if node.op_type == "Conv":
                result = result.transpose(1, 2).unflatten(2, (rows, columns))
                values[out] = result + values[node.input[2]].view(-1, 1, 1)
            else:
                assert settings["transB"] == 1
                values[out] = result + values[node.input[2]]
    return values[graph.output[0].name]


def right(logits, labels):
    return (logits.argmax(1) == labels).double().mean().item()


def test_it_is_smaller_and_as_right_as_the_float_file(digits, digit_file, small_file):
    found, plain = (run(file, images=digits.images) for file in (small_file, digit_file))
    assert len(small_file) < 0.5 * len(digit_file)
    assert 1e-4 < (found - plain).abs().max() < 0.1 * plain.abs().max()
    assert abs(right(found, digits.labels) - right(plain, digits.labels)) <= 0.005


def test_our_whole_numbers_give_the_runtimes_logits(digits, small_file):
    """Here, and on a processor that saturates: with seven bits a weight there is nothing to cut off."""
    images = digits.images[:200]
    found = run(small_file, images=images).double()
    step = max(
        numpy_helper.to_array(each).item()
        for each in onnx.load_from_string(small_file).graph.initializer
        if each.name == "logits_scale"
    )
    exact = run_in_whole_numbers(small_file, images, plain_product)
    # A value on the edge of rounding may fall to either side between two layers: a few steps at the end.
    assert (found - exact).abs().max() < 4 * step
    assert (found - exact).abs().mean() < 0.1 * step
    saturated = run_in_whole_numbers(small_file, images, saturating_product)
    assert torch.equal(saturated, exact)


def test_with_eight_bits_a_saturating_processor_would_be_wrong(digits, eight_bit_file, small_file):
    images, labels = digits.images[:500], digits.labels[:500]
    exact = run_in_whole_numbers(eight_bit_file, images, plain_product)
    saturated = run_in_whole_numbers(eight_bit_file, images, saturating_product)
    assert (saturated - exact).abs().max() > 2, "logits of size 29 move by whole units"
    seven = run_in_whole_numbers(small_file, images, saturating_product)
    print(
        f"right: 8 bits {right(exact, labels):.3f}, saturated {right(saturated, labels):.3f} "
        f"(logits move by up to {(saturated - exact).abs().max():.1f}), 7 bits {right(seven, labels):.3f}"
    )
    assert abs(right(seven, labels) - right(exact, labels)) <= 0.005


def test_no_two_neighbouring_weights_can_saturate(small_file, eight_bit_file):
    def widest(content):
        weights = [
            numpy_helper.to_array(each).astype(int)
            for each in onnx.load_from_string(content).graph.initializer
            if each.name.endswith("weight_quantized")
        ]
        assert len(weights) == 4
        return max(abs(each).max() for each in weights)

    assert 2 * 255 * widest(small_file) < 2**15 < 2 * 255 * widest(eight_bit_file)


def test_without_examples_there_is_nothing_to_take_ranges_from(digit_file):
    with pytest.raises(ValueError, match="examples must hold at least one example"):
        quantize_onnx(digit_file, {"images": torch.ones(0, 1, 28, 28)})


def test_without_the_quantiser_the_error_names_its_packages(monkeypatch, digit_file):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnx onnxruntime"):
        quantize_onnx(digit_file, {"images": torch.ones(1, 1, 28, 28)})
