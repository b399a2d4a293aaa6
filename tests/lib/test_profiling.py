"""Operations counted by the profiler, without its notices."""

from __future__ import annotations

import os

import pytest
import torch
from torch import nn

from course_lib.training.profiling import count_calls


def test_calls_are_counted_by_operation(capfd):
    model = nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2))
    x = torch.ones(5, 3)
    calls = count_calls(lambda: model(x))
    assert (calls["aten::addmm"], calls["aten::gelu"], calls.get("aten::item", 0)) == (2, 1, 0)
    assert count_calls(lambda: x.sum().item())["aten::item"] == 1
    assert capfd.readouterr().err == ""


def test_stderr_is_itself_again_even_after_an_error(capfd):
    def fail():
        os.write(2, b"unheard\n")
        raise OSError("stop")

    with pytest.raises(OSError, match="stop"):
        count_calls(fail)
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="function must be callable, got 3"):
        count_calls(3)
