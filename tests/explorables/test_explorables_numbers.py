"""Number formats and what fits in Python: the printed code runs and agrees, errors name the parameter."""

from __future__ import annotations

import math

import pytest
import torch

from course_explorables.number_formats import NumberFormats
from course_explorables.what_fits import MODELS, WhatFits
from course_lib.foundations.number_formats import FORMATS, round_to
from course_lib.models.cost import PRECISIONS
from course_lib.training.memory import AVERAGES, SHARDED


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


SETTINGS = [
    {},
    {"precision": "autocast bf16", "checkpointing": True, "optimizer": "sgd"},
    {"layers": 32, "width": 4096, "sharding": "weights", "devices": 16, "precision": "bf16", "memory": 80},
    {"layers": 4, "width": 256, "sharding": "gradients", "devices": 4, "batch": 1, "seq": 128},
    {"sharding": "optimizer", "devices": 64, "optimizer": "momentum", "checkpointing": True},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_printed_code_counts_what_the_widget_counts(settings, capsys):
    widget = WhatFits(**settings)
    exec(widget.code(), {})
    lines = capsys.readouterr().out.splitlines()
    counts = widget.budget()
    fullest = counts.pop("fullest")
    moment = fullest.pop("moment")
    assert lines[0] == f"{counts.pop('parameters'):,} parameters"
    for line, (name, size) in zip(lines[1:], {**counts, "working": fullest["working"]}.items(), strict=False):
        assert line == f"{name:11} {size / 2**30:12.4f} GiB"
    state = counts["weights"] + counts["optimizer"]
    moments = {moment: sum(fullest.values()), "at the update": counts["gradients"]}
    assert lines[-2:] == [
        f"{name:27} {(state + size) / 2**30:12.4f} GiB of {widget.memory}" for name, size in moments.items()
    ]


def test_a_models_name_is_its_number_of_parameters():
    for name, (layers, width) in MODELS.items():
        count = WhatFits(layers=layers, width=width).budget()["parameters"]
        number, unit = name.split()
        assert count / {"million": 1e6, "billion": 1e9}[unit] == pytest.approx(float(number), rel=0.03)


def fullest(**settings):
    counts = WhatFits(layers=32, width=4096, **settings).budget()
    _, *parts = counts["fullest"].values()
    return (counts["weights"] + counts["optimizer"] + max(sum(parts), counts["gradients"])) / 2**30


def test_the_fullest_moment_is_named_for_what_it_holds():
    """Recomputing takes the activations away: what is full then is the end, with nearly all gradients."""
    large = {"layers": 32, "width": 4096}
    begins = WhatFits(**large).budget()
    assert begins["fullest"]["moment"] == "as the backward pass begins"
    assert (begins["fullest"]["activations"], begins["fullest"]["gradients"]) == (begins["activations"], 0)
    ends = WhatFits(**large, checkpointing=True).budget()
    assert ends["fullest"]["moment"] == "in the first block"
    assert 0.9 * ends["gradients"] < ends["fullest"]["gradients"] < ends["gradients"]
    assert ends["fullest"]["activations"] < ends["activations"]


def test_of_the_single_buttons_only_bf16_brings_the_large_model_below_eighty_gibibytes():
    buttons = [
        *[{"precision": precision} for precision in PRECISIONS],
        *[{"optimizer": optimizer} for optimizer in AVERAGES],
        *[{"sharding": sharding} for sharding in SHARDED],
        {"checkpointing": True},
    ]
    assert [button for button in buttons if fullest(**button) <= 80] == [{"precision": "bf16"}]
    assert fullest(checkpointing=True, optimizer="momentum") <= 80


def test_nothing_fits_at_first_and_both_goals_can_be_reached():
    assert 4 * WhatFits(layers=32, width=4096, memory=80).budget()["weights"] > 80 * 2**30
    assert fullest(sharding="weights", devices=8, checkpointing=True) < 80


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"layers": 5}, r"layers must be one of 4, 6, .*, got 5"),
        ({"width": True}, r"width must be one of 256, .*, got True"),
        ({"batch": 3}, r"batch must be one of 1, 2, .*, got 3"),
        ({"seq": 64}, r"seq must be one of 128, .*, got 64"),
        ({"devices": 0}, r"devices must be one of 1, .*, got 0"),
        ({"precision": "fp8"}, r"precision must be one of fp32, autocast bf16, bf16, got 'fp8'"),
        ({"optimizer": "lion"}, r"optimizer must be one of sgd, momentum, adam, got 'lion'"),
        ({"sharding": "all"}, r"sharding must be one of none, optimizer, gradients, weights, got 'all'"),
        ({"memory": 2}, r"memory must be a whole number from 4 to 256 GiB, got 2"),
        ({"memory": 24.0}, r"memory must be a whole number from 4 to 256 GiB, got 24\.0"),
    ],
)
def test_what_fits_refuses_other_settings(settings, text):
    with pytest.raises(ValueError, match=text):
        WhatFits(**settings)
