"""Explorables of gradients, the Python side: through time, of batches, of two losses."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.utils import data

from course_explorables.fit_line import FitLine
from course_explorables.mini_batches import MiniBatches
from course_explorables.through_time import ThroughTime
from course_explorables.two_losses import TwoLosses
from course_lib.data.cars import load_cars
from course_lib.foundations.linear_regression import solve_least_squares


@pytest.mark.parametrize(("radius", "clip"), [(0.6, False), (1.8, True), (2.5, True)])
def test_the_parts_of_every_step_add_up_to_the_gradient_of_one_shared_weight(radius, clip):
    names: dict = {}
    exec(ThroughTime(radius, clip=clip).code(), names)
    shared = nn.Parameter(names["W"].clone())
    h = torch.zeros(16, dtype=torch.float64)
    for x_t in 0.5 * names["x"]:
        h = torch.tanh(shared @ h + x_t)
    h.square().sum().backward()
    torch.testing.assert_close(names["parts"].sum(dim=0), shared.grad, rtol=1e-9, atol=0)
    if clip:
        nn.utils.clip_grad_norm_([shared], 1.0)
    torch.testing.assert_close(names["factor"] * names["total"], shared.grad.norm(), rtol=1e-9, atol=0)
    assert torch.linalg.eigvals(names["W"]).abs().max().item() == pytest.approx(radius, abs=1e-6)


def test_the_eigenvalues_drawn_are_those_of_w_and_the_largest_lies_on_the_circle():
    widget = ThroughTime()
    weights = torch.tensor(widget.weights, dtype=torch.float64)
    found = torch.linalg.eigvals(weights / widget.largest)
    drawn = torch.view_as_complex(torch.tensor(widget.eigenvalues, dtype=torch.float64))
    assert (drawn[:, None] - found).abs().min(dim=1).values.max() < 1e-3
    assert drawn.abs().max().item() == pytest.approx(1, abs=1e-3)


def test_both_lines_in_the_printed_code_are_the_best_of_their_kind(capsys):
    widget = TwoLosses([(0.8, 3.0), (1.0, 9.5), (1.3, 8.0), (1.9, 20.0), (2.3, 2.0)])
    names: dict = {}
    exec(widget.code(), names)
    x, y, table = names["x"], names["y"], names["table"]
    w, b = solve_least_squares(x[:, None], y)
    torch.testing.assert_close(names["squares"], torch.cat([w, b[None]]))
    least = (table @ names["absolute"] - y).abs().sum()
    turned = names["absolute"] + 0.3 * torch.randn(2000, 2, dtype=torch.float64)
    assert ((turned @ table.T - y).abs().sum(dim=1) >= least).all()
    assert capsys.readouterr().out.count("absolute ") == 3


def test_the_two_losses_begin_with_the_cars_of_fit_line():
    assert TwoLosses().points == FitLine().points


def test_the_loader_in_the_printed_code_draws_the_orders_of_the_page():
    for size in (1, 5, 24):
        draw = torch.Generator().manual_seed(0)
        loader = data.DataLoader(range(24), batch_size=size, shuffle=True, generator=draw)
        for order in MiniBatches().orders:
            assert torch.cat(list(loader)).tolist() == order


def test_the_batches_gradients_average_to_the_full_one(capsys):
    widget = MiniBatches((1.0, 9.0), batch_size=7, shuffle=True, epoch=3)
    names: dict = {}
    exec(widget.code(), names)
    parts = torch.stack([len(z) * names["gradient"](z, y) for z, y in names["batches"]])
    torch.testing.assert_close(parts.sum(dim=0) / 24, names["full"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["7", "7", "7", "3"]


def test_the_cars_of_the_batches_are_real_ones_sorted_by_weight():
    z, y = torch.tensor(MiniBatches().cars, dtype=torch.float64).T
    assert (z.diff() >= 0).all()
    assert z.mean().item() == pytest.approx(0, abs=1e-3)
    assert z.std(correction=0).item() == pytest.approx(1, abs=1e-3)
    assert (y[:, None] - load_cars().litres_per_100km).abs().min(dim=1).values.max() < 0.051


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ThroughTime(3.1), "radius must lie between 0.1 and 3, got 3.1"),
        (lambda: ThroughTime(math.nan), "radius must lie between 0.1 and 3, got nan"),
        (lambda: ThroughTime(size=0.0), "size must lie between 0.1 and 2, got 0.0"),
        (lambda: TwoLosses([(1.0, 2.0)]), "points must be two to twelve, got 1"),
        (lambda: TwoLosses([(1.0, 2.0), (1.0, 25.0)]), r"points\[1\] must lie within"),
        (lambda: TwoLosses([(1.0, 2.0), (1.0, 5.0)]), "points must not all lie at one x"),
        (lambda: MiniBatches((0.0,)), r"theta must be w from -6 to 14 and b from 3 to 17, got \(0\.0,\)"),
        (lambda: MiniBatches((0.0, math.nan)), "theta must be w from"),
        (lambda: MiniBatches(batch_size=0), "batch_size must lie between 1 and 24, got 0"),
        (lambda: MiniBatches(epoch=21), "epoch must lie between 1 and 20, got 21"),
    ],
)
def test_errors_name_the_parameter(make, text):
    with pytest.raises(ValueError, match=text):
        make()
