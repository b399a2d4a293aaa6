"""The doctor: sound installations pass, each ailment is found, named and told how to mend."""

import importlib.metadata
import runpy
import sys

import pytest
import torch
import torchvision

from course_lib import doctor
from course_lib.data import digits


def test_this_installation_is_sound(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, doctor.__name__)
    with pytest.raises(SystemExit) as left:
        runpy.run_module(doctor.__name__, run_name="__main__")
    output = capsys.readouterr().out
    assert left.value.code == 0, output
    lines = output.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["ok"] * len(doctor.CHECKS)
    assert torch.__version__ in lines[1]
    assert "8,000 + 2,000 digits" in output


def test_a_corrupt_data_file_makes_it_fail_and_the_other_checks_still_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(digits, "EMBEDDED_SHA256", "f" * 64)
    checks = {name: doctor.CHECKS[name] for name in ("Python", "embedded digits", "widgets")}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    assert doctor.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "WRONG", "ok", "1"]
    assert "f" * 64 in lines[1]
    assert lines[3] == "1 of 3 checks failed."


def test_examine_survives_any_error() -> None:
    def broken() -> str:
        raise OSError("libcudart.so not found")

    found = doctor.examine({"a": broken, "b": lambda: "fine"})
    assert found == [
        doctor.Finding("a", False, "OSError: libcudart.so not found"),
        doctor.Finding("b", True, "fine"),
    ]


def test_an_apple_gpu_is_told_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ones = torch.ones
    monkeypatch.setattr(torch, "ones", lambda *size, **_: ones(*size))
    monkeypatch.setattr("course_lib.runtime.get_device", lambda: torch.device("mps"))
    said = doctor.check_device()
    assert said.startswith("mps, ")
    assert "no float64" in said
    assert "PYTORCH_ENABLE_MPS_FALLBACK=1" in said
    monkeypatch.setattr("course_lib.runtime.get_device", lambda: torch.device("cpu"))
    assert "Apple" not in doctor.check_device()


def test_an_old_python_is_too_old() -> None:
    assert doctor.check_python((3, 11, 0)).startswith("3.11.0")
    with pytest.raises(RuntimeError, match=r"3\.10\.14 is too old: install Python 3\.11"):
        doctor.check_python((3, 10, 14))


def test_torch_and_torchvision_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_arguments: object, **_named: object) -> torch.Tensor:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(torchvision.ops, "nms", missing)
    with pytest.raises(RuntimeError, match=r"not a pair .*nms does not exist.*install both anew"):
        doctor.check_torch_pair()
    monkeypatch.setattr(torchvision.ops, "nms", lambda *_arguments, **_named: torch.tensor([0, 1, 2]))
    with pytest.raises(RuntimeError, match=r"gives \[0, 1, 2\] instead of \[0, 2\]"):
        doctor.check_torch_pair()


def test_a_missing_widget_package_is_named() -> None:
    assert importlib.metadata.version("anywidget") in doctor.check_widgets()
    with pytest.raises(RuntimeError, match="no-such-package is missing: pip install no-such-package"):
        doctor.check_widgets(("anywidget", "no-such-package"))


def test_a_torch_that_does_not_learn_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.optim.Adam, "step", lambda _self: None)
    with pytest.raises(RuntimeError, match=r"loss went from .* torch does not train here"):
        doctor.check_training()


def test_a_device_that_cannot_add_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "sum", lambda self: self[0])
    with pytest.raises(RuntimeError, match="cpu adds 1000 ones to 1"):
        doctor.check_device()
