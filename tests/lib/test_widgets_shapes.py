"""Broadcasting and strides, the Python side: the printed code runs, errors name the parameter."""

from __future__ import annotations

import itertools

import pytest
import torch

from course_lib.widgets.broadcasting import Broadcasting

SHAPES = [(4, 1), (4,), (), (2, 1, 3), (2, 3), (0, 1), (3, 1, 1, 1, 2), (1,)]


@pytest.mark.parametrize(("a", "b"), itertools.product(SHAPES, SHAPES))
def test_broadcasting_code_prints_the_shape_and_the_element_or_torchs_error(a, b, capsys):
    exec(Broadcasting(a, b, element=5).code(), {})
    printed = capsys.readouterr().out
    tensors = [torch.arange(torch.Size(shape).numel()).reshape(shape) for shape in (a, b)]
    try:
        result = tensors[0] - tensors[1]
    except RuntimeError as error:
        assert printed == f"RuntimeError: {error}\n"
    else:
        assert printed.startswith(f"shape {tuple(result.shape)} strides")
        if result.numel():
            picked = result.flatten()[min(5, result.numel() - 1)]
            assert printed.endswith(f"a - b at the index: {picked!r}\n")


def test_broadcasting_lists_what_the_reader_changed():
    widget = Broadcasting()
    widget.b = [4, 1]
    assert "reshape((4, 1))\nb = torch.arange(4).reshape((4, 1))" in widget.code()
    assert widget.initial == {"a": [4, 1], "b": [4], "element": 6}
    assert repr(widget) == "Broadcasting(a=[4, 1], b=[4, 1], element=6)"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
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
