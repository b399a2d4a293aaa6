"""Teacher forcing's Python side: its printed code against the closed form, and its errors."""

from __future__ import annotations

import math

import pytest
import torch

from course_explorables.teacher_forcing import TeacherForcing


def run(**settings):
    names: dict = {}
    exec(TeacherForcing(**settings).code(), names)
    return names


@pytest.mark.parametrize("slip_rate", [0.0, 0.03, 0.2])
def test_the_printed_probabilities_are_the_closed_form(slip_rate):
    places = torch.arange(1, 13, dtype=torch.float64)
    own = run(teacher=False, mistake=0, slip_rate=slip_rate)["right"]
    torch.testing.assert_close(own, 0.1 + 0.9 * (1 - 10 / 9 * slip_rate) ** places)
    forced = run(teacher=True, mistake=0, slip_rate=slip_rate)["right"]
    torch.testing.assert_close(forced, torch.full((12,), 1 - slip_rate, dtype=torch.float64))


def test_one_mistake_costs_one_token_or_all_that_follow(capsys):
    for teacher, wrong in ((True, 1), (False, 9)):
        names = run(teacher=teacher, mistake=4)
        pairs = list(zip(names["written"], names["target"].tolist(), strict=True))
        assert sum(token != right for token, right in pairs) == wrong
        assert all(token == right for token, right in pairs[:3])
    assert capsys.readouterr().out.count("target  1 2 3 4 5 6 7 8 9 0 1 2") == 2


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"mistake": 13}, ValueError, "mistake must lie between 0 and 12, got 13"),
        ({"mistake": 1.0}, TypeError, r"mistake must be a whole number, got 1\.0"),
        ({"slip_rate": 0.21}, ValueError, "slip_rate must lie between 0 and 0.2, got 0.21"),
        ({"slip_rate": math.nan}, ValueError, "slip_rate must lie between 0 and 0.2, got nan"),
    ],
)
def test_errors_name_the_parameter(options, error, text):
    with pytest.raises(error, match=text):
        TeacherForcing(**options)
