"""The adapter's Python side: its printed code trains what it names, and its errors name the parameter."""

from __future__ import annotations

import math

import pytest
import torch

from course_explorables.adapter import METHODS, Adapter


def run(capsys, **settings):
    names: dict = {}
    exec(Adapter(**settings).code(), names)
    return names, capsys.readouterr().out


def test_the_printed_code_reaches_what_each_way_can(capsys):
    asked = torch.tensor([[0.5, -0.7], [0.9, -0.4]], dtype=torch.float64)
    least = torch.linalg.svdvals(asked)[1].square().item() / 2
    ends = {method: run(capsys, method=method, steps=200) for method in METHODS}
    for method, loss in (("full", 0), ("LoRA", least), ("both zero", asked.square().sum().item() / 2)):
        names, text = ends[method]
        assert names["loss"]().item() == pytest.approx(loss, abs=1e-6), method
        assert f"least at rank 1 {least:.6f}" in text
    assert torch.linalg.matrix_rank(ends["LoRA"][0]["change"], rtol=1e-9) == 1
    assert not ends["both zero"][0]["change"].any()


def test_two_parallel_moves_are_of_rank_one(capsys):
    names, text = run(capsys, targets=((1.8, 0.4), (-0.8, 0.6)), steps=200)
    assert names["loss"]().item() < 1e-6
    assert "least at rank 1 0.000000" in text


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"targets": ((1, 0),)}, ValueError, "targets must be two points with coordinates from -1 to 2"),
        ({"targets": ((1, 0), (0, 2.1))}, ValueError, "targets must be two points"),
        ({"targets": ((1, 0), (0, math.nan))}, ValueError, "targets must be two points"),
        ({"method": "lora"}, ValueError, "method must be one of LoRA, both zero, full, got 'lora'"),
        ({"steps": -1}, ValueError, "steps must lie between 0 and 200, got -1"),
        ({"steps": 3.0}, TypeError, r"steps must be a whole number, got 3\.0"),
    ],
)
def test_errors_name_the_parameter(options, error, text):
    with pytest.raises(error, match=text):
        Adapter(**options)
