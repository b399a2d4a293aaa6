"""The exported model is the model: outputs equal, axes free where they should be, errors clear."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import course_lib
from course_lib.data.digits import load_digits
from course_lib.deploy.export import OnnxModel, export_program, to_onnx
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.pretrained.shipped import load
from course_lib.widgets.draw_digit import digit_network

BATCH = {"images": {0: "batch"}}


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    return load_digits("test").images[:100]


@pytest.fixture(scope="module")
def digit_file(digits) -> bytes:
    return to_onnx(digit_network(), {"images": digits[:2]}, axes=BATCH)


@pytest.fixture(scope="module")
def gpt_file() -> bytes:
    gpt = load("moby").model
    return to_onnx(
        gpt,
        {"ids": torch.arange(6).view(2, 3)},
        axes={"ids": {0: "batch", 1: "seq"}},
        limits={"seq": gpt.context},
    )


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_the_digit_nets_onnx_equals_pytorch_at_every_batch(digits, digit_file, batch):
    model = digit_network()
    with torch.no_grad():
        expected = model(digits[:batch])
    found = OnnxModel(digit_file)(images=digits[:batch])
    assert_same_up_to_rounding(found, expected, terms=additions(model))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 64), (1, 256)])
def test_the_gpts_onnx_equals_pytorch_at_every_length(gpt_file, shape):
    gpt = load("moby").model
    ids = torch.randint(gpt.vocab_size, shape, generator=torch.Generator().manual_seed(sum(shape)))
    with torch.no_grad():
        expected = gpt(ids)
    found = OnnxModel(gpt_file)(ids=ids)
    assert_same_up_to_rounding(found, expected, terms=additions(gpt))
    terms = additions(gpt) + gpt.vocab_size
    assert_same_up_to_rounding(found.log_softmax(-1), expected.log_softmax(-1), terms=terms)


def test_an_exported_program_survives_its_file_and_another_batch(digits):
    model = digit_network()
    program = export_program(model, {"images": digits[:2]}, axes=BATCH)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    buffer.seek(0)
    again = torch.export.load(buffer).module()
    with torch.no_grad():
        assert_same_up_to_rounding(again(images=digits), model(digits), terms=additions(model))


def test_the_file_holds_two_images_and_not_the_two_thousand_they_were_cut_from():
    images = load_digits("test").images
    buffer = io.BytesIO()
    torch.export.save(export_program(digit_network(), {"images": images[:2]}, axes=BATCH), buffer)
    assert len(buffer.getvalue()) < 200_000 < images.nbytes


def test_without_a_free_axis_the_batch_is_fixed(digits):
    fixed = OnnxModel(to_onnx(digit_network(), {"images": digits[:2]}))
    assert fixed(images=digits[:2]).shape == (2, 10)
    with pytest.raises(ValueError, match=r"images must have shape \(2, 1, 28, 28\), got \(3, 1, 28, 28\)"):
        fixed(images=digits[:3])


def test_the_same_model_gives_the_same_file(digits, digit_file):
    assert to_onnx(digit_network(), {"images": digits[:2]}, axes=BATCH) == digit_file


def test_the_file_does_not_say_where_it_was_made(digit_file, gpt_file):
    folders = [str(Path(module.__file__).parent).encode() for module in (torch, course_lib)]
    assert not any(folder in content for folder in folders for content in (digit_file, gpt_file))


def test_the_file_holds_the_weights_and_says_its_opset(digit_file):
    import onnx

    proto = onnx.load_from_string(digit_file)
    assert [each.version for each in proto.opset_import if not each.domain] == [20]
    held = sum(torch.tensor(each.dims).prod().item() for each in proto.graph.initializer)
    assert held >= sum(p.numel() for p in digit_network().parameters())


def test_equal_names_are_equal_sizes():
    class Sum(nn.Module):
        def forward(self, left, right):
            return left + right

    example = {"left": torch.ones(3, 2), "right": torch.ones(3, 2)}
    both = OnnxModel(to_onnx(Sum().eval(), example, axes={"left": {0: "n"}, "right": {0: "n"}}))
    assert torch.equal(both(left=torch.ones(5, 2), right=torch.ones(5, 2)), torch.full((5, 2), 2.0))
    with pytest.raises(ValueError, match=r"right must have shape \(n, 2\), got \(4, 2\)"):
        both(left=torch.ones(5, 2), right=torch.ones(4, 2))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"images": torch.ones(1, 1, 28, 27)}, ValueError, r"\(batch, 1, 28, 28\), got \(1, 1, 28, 27\)"),
        ({"images": torch.ones(1, 28, 28)}, ValueError, r"got \(1, 28, 28\)"),
        ({"images": torch.ones(0, 1, 28, 28)}, ValueError, r"got \(0, 1, 28, 28\)"),
        ({"images": torch.ones(1, 1, 28, 28).double()}, TypeError, "torch.float32, got torch.float64"),
        ({}, ValueError, "inputs must be images, got none"),
        ({"pixels": torch.ones(1, 1, 28, 28)}, ValueError, "inputs must be images, got pixels"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_named(digit_file, given, error, message):
    with pytest.raises(error, match=message):
        OnnxModel(digit_file)(**given)


def test_a_sequence_beyond_the_context_is_refused(gpt_file):
    with pytest.raises(ValueError, match=r"\(batch, seq\), seq at most 256, got \(1, 257\)"):
        OnnxModel(gpt_file)(ids=torch.zeros(1, 257, dtype=torch.int64))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axes": {"pixels": {0: "batch"}}}, r"axes must name inputs of example \(images\), got 'pixels'"),
        ({"axes": {"images": {4: "batch"}}}, "axes of 'images' must be from 0 to 3, got 4"),
        ({"limits": {"seq": 9}}, "limits must be of axes named in axes, got seq"),
        ({"example": {}}, "example must hold at least one input"),
    ],
)
def test_a_wrong_description_is_refused(change, message):
    arguments = {"example": {"images": torch.ones(2, 1, 28, 28)}, **change}
    with pytest.raises(ValueError, match=message):
        export_program(digit_network(), **arguments)


def test_a_model_in_train_mode_is_refused(digits):
    with pytest.raises(ValueError, match="eval mode"):
        to_onnx(digit_network().train(), {"images": digits[:2]})


def test_bytes_that_are_no_model_and_no_threads_are_refused(digit_file):
    with pytest.raises(ValueError, match="content must be an ONNX model, got 7 bytes"):
        OnnxModel(b"nothing")
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        OnnxModel(digit_file, threads=0)


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_without_the_writers_packages_the_error_names_them(monkeypatch, digits, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=f"writing ONNX needs {missing}, .*pip install onnx onnxscript"):
        to_onnx(digit_network(), {"images": digits[:2]})


def test_without_the_runtime_the_error_names_it(monkeypatch, digit_file):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnxruntime"):
        OnnxModel(digit_file)
