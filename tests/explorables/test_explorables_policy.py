"""The policy gradient's Python side: its printed code climbs to π*, and its errors name the parameter."""

from __future__ import annotations

import math

import pytest
import torch

from course_explorables.policy_gradient import PolicyGradient


def run(**settings):
    names: dict = {}
    exec(PolicyGradient(**settings).code(), names)
    return names


def test_the_printed_code_starts_at_the_reference_and_ends_at_the_best_policy(capsys):
    for beta in (0.7, 1.0):
        names = run(beta=beta, steps=0)
        torch.testing.assert_close(names["policy"], names["reference"])
        late = run(beta=beta, steps=200)
        torch.testing.assert_close(late["policy"], late["best"], rtol=0, atol=2e-3)
        weights = late["reference"] * (late["reward"] / beta).exp()
        torch.testing.assert_close(late["best"], weights / weights.sum())
    assert capsys.readouterr().out.count("policy [0.") == 4


def test_without_a_price_only_the_highest_rewards_are_left():
    names = run(rewards=(1.0, 0.0, 1.0), beta=0.0, steps=3)
    torch.testing.assert_close(names["best"], torch.tensor([2 / 3, 0, 1 / 3], dtype=torch.float64))
    assert names["policy"].isfinite().all()


def test_the_settings_shown_first_are_the_chapters():
    names = run()
    expected = torch.tensor([0.667, 0.316, 0.017], dtype=torch.float64)
    torch.testing.assert_close(names["best"], expected, rtol=0, atol=5e-4)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"rewards": (1.0, 2.0)}, ValueError, "rewards must be three numbers from -2 to 2, got"),
        ({"rewards": (1.0, 2.0, 2.1)}, ValueError, "rewards must be three numbers"),
        ({"rewards": (1.0, math.nan, 0.0)}, ValueError, "rewards must be three numbers"),
        ({"beta": -0.1}, ValueError, "beta must lie between 0 and 2, got -0.1"),
        ({"beta": math.inf}, ValueError, "beta must lie between 0 and 2, got inf"),
        ({"steps": 201}, ValueError, "steps must lie between 0 and 200, got 201"),
        ({"steps": 1.0}, TypeError, r"steps must be a whole number, got 1\.0"),
    ],
)
def test_errors_name_the_parameter(options, error, text):
    with pytest.raises(error, match=text):
        PolicyGradient(**options)
