"""The page's own reverse mode equals torch's, for every operation it knows, on numbers drawn at run time."""

from __future__ import annotations

import pytest
import torch

from course_explorables.base import joined_module
from course_explorables.base.fx_trace import record

FUNCTIONS = {
    "+": lambda x: x + (3 + x),
    "−": lambda x: (2 - x) - x * 0.5,
    "×": lambda x: x * x * 0.25,
    "÷": lambda x: (1 + x) / (x + 2) - 3 / x,
    "neg": lambda x: -torch.exp(-x),
    "abs": lambda x: torch.abs(x - 1.1),
    "exp": lambda x: x.exp(),
    "log": lambda x: torch.log(x) * x,
    "sqrt": lambda x: torch.sqrt(x + 1),
    "sin": lambda x: torch.sin(3 * x),
    "cos": lambda x: x.cos() ** 2,
    "tan": lambda x: torch.tan(x / 3),
    "tanh": lambda x: torch.tanh(2 * x) - x.tanh(),
    "sigmoid": lambda x: torch.sigmoid(x) * 4,
    "relu": lambda x: torch.nn.functional.relu(x - 1.3) + torch.relu(2 - x),
    "^": lambda x: x**3 - 2 * x**-1.5 + torch.pow(x, 2) + x**0,
    "square": lambda x: torch.square(x).sub(x),
    "2^x": lambda x: 2**x,
    "rsub": lambda x: torch.rsub(x, 5),
    "constant": lambda x: torch.tensor(1.5, dtype=torch.float64) * x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_gradient_equal_torch(name, run_module, chance):
    function = FUNCTIONS[name]
    program = record(function)
    assert program is not None
    module = joined_module(("base.mjs", "frame.mjs", "tape.mjs")) + (
        "const both = (program, places) => places.map((x) => {"
        " const tape = forward(program, { x });"
        " const at = program.findIndex(([operation]) => operation === 'input');"
        " return [tape.values.at(-1), backward(program, tape)[at]]; });"
    )
    places = [chance.uniform(0.2, 3.0) for _ in range(40)]
    x = torch.tensor(places, dtype=torch.float64, requires_grad=True)
    y = function(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    found = torch.tensor(run_module(module, "both", program, places), dtype=torch.float64)
    torch.testing.assert_close(found[:, 0], y.detach(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found[:, 1], slope, rtol=1e-12, atol=1e-12)


def test_every_operation_of_the_page_is_covered():
    import re

    text = joined_module(("tape.mjs",))
    table = text[text.index("const OPERATIONS") : text.index("};", text.index("const OPERATIONS"))]
    known = {quoted or bare for quoted, bare in re.findall(r'^  (?:"(.)"|(\w+)): \(', table, re.MULTILINE)}
    assert known | {"^"} <= set(FUNCTIONS)
    assert len(known) >= 15
