"""The .onnx files of the pages: written once, written anew when the weights change, right at any size."""

from __future__ import annotations

import pytest
import torch

from course_lib.data.digits import load_digits
from course_lib.deploy import page_models
from course_lib.deploy.export import OnnxModel
from course_lib.deploy.page_models import FOLDER, write_onnx
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.pretrained import shipped
from course_lib.widgets.draw_digit import digit_network


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_onnx(folder)
    return folder


def test_the_files_are_the_models_of_the_pages(site):
    digit, moby = (OnnxModel((site / FOLDER / f"{name}.onnx").read_bytes()) for name in ("digit", "moby"))
    images = load_digits("test").images[:5]
    gpt = shipped.load("moby").model
    ids = torch.arange(2 * gpt.context).view(2, -1) % gpt.vocab_size
    with torch.no_grad():
        model = digit_network()
        assert_same_up_to_rounding(digit(images=images), model(images), terms=additions(model))
        assert_same_up_to_rounding(moby(ids=ids), gpt(ids), terms=additions(gpt))


def test_they_are_written_once_and_again_when_anything_they_come_from_changes(site, monkeypatch):
    written = []

    def counted(model, *_arguments, **_settings):
        written.append(type(model).__name__)
        return b"content"

    monkeypatch.setattr(page_models, "to_onnx", counted)
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
    monkeypatch.setattr(page_models, "to_onnx", lambda *_arguments, **_settings: b"other")
    monkeypatch.setattr(page_models, "version", lambda name: f"{name} 99")
    assert [file.read_bytes() for file in write_onnx(site)] == [b"other", b"other"]
