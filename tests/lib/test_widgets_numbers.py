"""Number formats and what fits in Python: the printed code runs and agrees, errors name the parameter."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.foundations.number_formats import FORMATS, round_to
from course_lib.widgets.number_formats import NumberFormats


@pytest.mark.parametrize("value", [0.1, -70000.0, 0.0, -0.0, 2.0**-149, 3e38, 1e16, -123456789.0, 2.0**130])
@pytest.mark.parametrize("form", FORMATS)
def test_the_printed_code_rounds_as_torch_does(value, form, capsys):
    exec(NumberFormats(value, form).code(), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(FORMATS) + 1
    for line, each in zip(lines, FORMATS.values(), strict=False):
        rounded = round_to(torch.tensor(value, dtype=torch.float64), each).item()
        assert line.startswith(f"{each.name:9} {rounded:15.9g}")
    sign, exponent, fraction = lines[-1].split()
    assert sign == ("1" if math.copysign(1, value) < 0 else "0")
    assert (len(exponent), len(fraction)) == (FORMATS[form].exponent_bits, FORMATS[form].fraction_bits)


def test_changed_settings_reach_the_code():
    widget = NumberFormats()
    widget.value, widget.form = -1.5, "fp16"
    assert "torch.tensor(-1.5, dtype=torch.float64)" in widget.code()
    assert widget.code().endswith("# 1 01111 1000000000\n")
    assert repr(widget) == "NumberFormats(value=-1.5, form='fp16')"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2.0**131, 1e-50, -1e40])
def test_number_formats_refuses_what_it_cannot_show(value):
    with pytest.raises(ValueError, match=r"value must be 0 or of a size from 2\*\*-152 to 2\*\*130, got"):
        NumberFormats(value)


def test_number_formats_refuses_another_format():
    with pytest.raises(ValueError, match=r"form must be one of fp32, tf32, .*, got 'fp4'"):
        NumberFormats(1.0, "fp4")
