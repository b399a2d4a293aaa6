"""The .onnx files of the pages: written once, written anew when the weights change, right at any size."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx_files import digit_onnx, run
from zero_book import page_models
from zero_book.page_models import FOLDER, write_onnx

import course_lib
from course_lib.data.digits import load_digits
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.pretrained import gpts
from course_lib.pretrained.digit_network import digit_network


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_onnx(folder)
    return folder


@pytest.fixture(scope="module")
def files(site):
    return {name: (site / FOLDER / f"{name}.onnx").read_bytes() for name in ("digit", "moby")}


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_the_digit_net_s_file_is_the_model_at_every_batch(files, batch):
    model, images = digit_network(), load_digits("test").images[:batch]
    with torch.no_grad():
        expected = model(images)
    assert_same_up_to_rounding(run(files["digit"], images=images), expected, terms=additions(model))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 64), (1, 256)])
def test_the_gpt_s_file_is_the_model_at_every_length(files, shape):
    gpt = gpts.load("moby").model
    ids = torch.randint(gpt.vocab_size, shape, generator=torch.Generator().manual_seed(sum(shape)))
    with torch.no_grad():
        expected = gpt(ids)
    found = run(files["moby"], ids=ids)
    assert_same_up_to_rounding(found, expected, terms=additions(gpt))
    terms = additions(gpt) + gpt.vocab_size
    assert_same_up_to_rounding(found.log_softmax(-1), expected.log_softmax(-1), terms=terms)


def test_the_same_model_gives_the_same_file_that_does_not_say_where_it_was_made(files):
    assert digit_onnx() == files["digit"]
    folders = [str(Path(module.__file__).parent).encode() for module in (torch, course_lib)]
    assert not any(folder in content for folder in folders for content in files.values())


def test_the_files_hold_the_weights_and_say_their_opset(files):
    proto = onnx.load_from_string(files["digit"])
    assert [each.version for each in proto.opset_import if not each.domain] == [20]
    held = sum(torch.tensor(each.dims).prod().item() for each in proto.graph.initializer)
    assert held >= sum(p.numel() for p in digit_network().parameters())


def test_they_are_written_once_and_again_when_anything_they_come_from_changes(site, monkeypatch):
    written = []

    def counted(model, *_arguments):
        written.append(type(model).__name__)
        return b"content"

    monkeypatch.setattr(page_models, "_to_onnx", counted)
    files = write_onnx(site)
    assert [file.name for file in files] == ["digit.onnx", "moby.onnx"]
    assert written == []
    with torch.no_grad():
        other = digit_network()
        other.linear.bias[0] += 1
    described = (other, *page_models._digit()[1:])
    monkeypatch.setitem(page_models._MODELS, "digit", lambda: described)
    write_onnx(site)
    assert written == ["ConvNet", "GPT"]
    write_onnx(site)
    assert written == ["ConvNet", "GPT"]
    files[0].unlink()
    write_onnx(site)
    assert len(written) == 4


def test_other_versions_of_the_packages_write_anew(site, monkeypatch):
    monkeypatch.setattr(page_models, "_to_onnx", lambda *_arguments: b"other")
    monkeypatch.setattr(page_models, "version", lambda name: f"{name} 99")
    assert [file.read_bytes() for file in write_onnx(site)] == [b"other", b"other"]
