"""Broadcasting and strides, the Python side: the printed code runs, errors name the parameter."""

from __future__ import annotations

import itertools

import pytest
import torch

from course_explorables.broadcasting import Broadcasting
from course_explorables.strides import OPERATIONS, Strides, apply

SHAPES = [(4, 1), (4,), (), (2, 1, 3), (2, 3), (0, 1), (3, 1, 1, 1, 2), (1,)]


@pytest.mark.parametrize(("a", "b"), list(itertools.product(SHAPES, SHAPES)))
def test_broadcasting_code_prints_the_shape_and_the_element_or_torchs_error(a, b, capsys):
    exec(Broadcasting(a, b, element=5).code(), {})
    printed = capsys.readouterr().out
    tensors = [torch.arange(torch.Size(shape).numel()).reshape(shape) for shape in (a, b)]
    try:
        result = tensors[0] - tensors[1]
    except RuntimeError as error:
        expected = f"RuntimeError: {error}\n"
    else:
        expected = f"shape {tuple(result.shape)} strides"
        if result.numel():
            picked = result.flatten()[min(5, result.numel() - 1)]
            assert printed.endswith(f"a - b at the index: {picked!r}\n")
    assert printed.startswith(expected)


def test_broadcasting_lists_what_the_reader_changed():
    widget = Broadcasting()
    widget.b = [4, 1]
    assert "reshape((4, 1))\nb = torch.arange(4).reshape((4, 1))" in widget.code()
    assert widget.initial == {"a": [4, 1], "b": [4], "element": 6}
    assert repr(widget) == "Broadcasting(a=[4, 1], b=[4, 1], element=6)"


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_what_its_name_says(name):
    fewest, most = OPERATIONS[name]
    for shape in ((24,), (4, 6), (2, 3, 4)):
        if fewest <= len(shape) <= most:
            t = torch.arange(24).view(shape)
            assert torch.equal(apply(name, t), eval(f"t{name}"))


def test_strides_code_prints_the_view_or_torchs_error(capsys):
    names: dict = {}
    exec(Strides(["[1:]", "[::2]", "[..., 1:]", "[..., ::2]", ".T"], element=3).code(), names)
    v = torch.arange(24).view(4, 6)[1:][::2][..., 1:][..., ::2].T
    assert torch.equal(names["v"], v)
    assert capsys.readouterr().out == (
        f"shape (3, 2) strides (2, 12) offset 7\ncontiguous: False element: {v[1, 1]!r}\n"
    )
    exec(Strides([".T", ".view(-1)"]).code(), {})
    assert capsys.readouterr().out.startswith("RuntimeError: view size is not compatible")
    exec(Strides(["[1]", "[1]"], element=5).code(), {})
    assert capsys.readouterr().out == "shape () strides () offset 7\ncontiguous: True element: tensor(7)\n"
    exec(Strides(["[1:]"] * 4).code(), {})
    assert "shape (0, 6)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Strides([".T"] * 9), ValueError, "operations must be at most 8, got 9"),
        (
            lambda: Strides(["[2:]"]),
            ValueError,
            r"operations\[0\]: operation is '\[2:\]'; expected one of \.T",
        ),
        (
            lambda: Strides(["[1]", ".T"]),
            ValueError,
            r"operations\[1\]: operation '\.T' needs 2 to 2 dimensions, got a view of 1",
        ),
        (
            lambda: Strides([".T", ".view(-1)", ".T"]),
            ValueError,
            r"operations\[1\] is '\.view\(-1\)', which torch refuses",
        ),
        (lambda: Strides(element=-1), ValueError, "element must be at least 0, got -1"),
        (lambda: Broadcasting((1,) * 6), ValueError, "a must hold at most 5 sizes from 0 to 999"),
        (lambda: Broadcasting((2,), (-1,)), ValueError, "b must hold at most 5 sizes from 0 to 999"),
        (lambda: Broadcasting((1000,)), ValueError, r"a must hold .*, got \(1000,\)"),
        (lambda: Broadcasting((999, 999, 2)), ValueError, "a must hold at most 1,000,000 elements"),
        (lambda: Broadcasting((1.5,)), TypeError, r"a must be a sequence of whole numbers, got \(1.5,\)"),
        (lambda: Broadcasting("44"), TypeError, "a must be a sequence of whole numbers, got '44'"),
        (lambda: Broadcasting((True,)), TypeError, "a must be a sequence of whole numbers"),
        (lambda: Broadcasting(element=-1), ValueError, "element must be at least 0, got -1"),
    ],
)
def test_errors_name_the_parameter(make, error, text):
    with pytest.raises(error, match=text):
        make()
