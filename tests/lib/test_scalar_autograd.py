"""The scalar engine against torch, against finite differences, and against its own promises."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course_lib.foundations.scalar_autograd import Value, topological_order, zero_grad

numbers = st.floats(-3, 3).map(lambda x: round(x, 3))

UNARY = {
    "exp": (lambda v: v.exp(), lambda t: t.exp()),
    "tanh": (lambda v: v.tanh(), lambda t: t.tanh()),
    "relu": (lambda v: v.relu(), lambda t: t.relu()),
    "negative": (lambda v: -v, lambda t: -t),
    "square": (lambda v: v**2, lambda t: t**2),
    "cube": (lambda v: v**3, lambda t: t**3),
    "shift": (lambda v: 1.5 + v, lambda t: 1.5 + t),
    "mirror": (lambda v: 1.5 - v, lambda t: 1.5 - t),
    "scale": (lambda v: -2 * v, lambda t: -2 * t),
}
BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


def both(f, *points: float):
    """The value and gradients of f by our engine and by torch."""
    ours = [Value(p) for p in points]
    theirs = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in points]
    mine, its = f(*ours), f(*theirs)
    mine.backward()
    its.backward()
    return (mine.data, [v.grad for v in ours]), (its.item(), [t.grad.item() for t in theirs])


@pytest.mark.parametrize("name", UNARY)
@given(x=numbers)
def test_unary_operations_equal_torch(name, x):
    ours, theirs = UNARY[name]
    value, leaf = Value(x), torch.tensor(x, dtype=torch.float64, requires_grad=True)
    mine, its = ours(value), theirs(leaf)
    mine.backward()
    its.backward()
    assert mine.data == pytest.approx(its.item(), rel=1e-12)
    assert value.grad == pytest.approx(leaf.grad.item(), rel=1e-12)


@pytest.mark.parametrize("name", BINARY)
@given(a=numbers, b=numbers)
def test_binary_operations_equal_torch(name, a, b):
    assume(name != "/" or abs(b) > 1e-3)
    (value, gradients), (expected, expected_gradients) = both(BINARY[name], a, b)
    assert value == pytest.approx(expected, rel=1e-12)
    assert gradients == pytest.approx(expected_gradients, rel=1e-12)


@given(x=st.floats(0.01, 5))
def test_log_and_real_powers_equal_torch(x):
    for f in (lambda v: v.log(), lambda v: v**0.5, lambda v: v**-1.5, lambda v: 2 / v):
        (value, gradients), (expected, expected_gradients) = both(f, x)
        assert value == pytest.approx(expected, rel=1e-12)
        assert gradients == pytest.approx(expected_gradients, rel=1e-12)


@settings(max_examples=60)
@given(data=st.data())
def test_random_graphs_with_shared_values_equal_torch(data):
    points = data.draw(st.lists(numbers, min_size=2, max_size=4))
    program = data.draw(
        st.lists(
            st.tuples(st.sampled_from(["+", "-", "*", "tanh"]), st.integers(0, 30), st.integers(0, 30)),
            min_size=1,
            max_size=12,
        )
    )

    def f(*inputs):
        values = list(inputs)
        for operation, i, j in program:
            a, b = values[i % len(values)], values[j % len(values)]
            values.append(a.tanh() if operation == "tanh" else BINARY[operation](a, b))
        return sum(values[1:], start=values[0])

    (value, gradients), (expected, expected_gradients) = both(f, *points)
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert gradients == pytest.approx(expected_gradients, rel=1e-9, abs=1e-9)


def test_a_second_backward_adds_and_does_not_compound():
    x = Value(3.0)
    y = (x * x) * x
    y.backward()
    y.backward()
    assert x.grad == 2 * 27.0
    zero_grad([x])
    assert x.grad == 0.0


def test_a_value_used_twice_collects_both_uses():
    x = Value(3.0)
    (x * x + x).backward()
    assert x.grad == 7.0


def test_intermediate_values_know_their_sensitivity():
    w, x, b = Value(2.0), Value(-3.0), Value(8.0)
    s = w * x + b
    (s * s).backward()
    assert [v.grad for v in (w, x, b, s)] == [-12.0, 8.0, 4.0, 4.0]


def test_topological_order_puts_parents_first_and_each_value_once():
    a, b = Value(1.0), Value(2.0)
    c = a + b
    d = c * a
    result = d + c
    order = topological_order(result)
    place = {id(node): i for i, node in enumerate(order)}
    assert len(place) == len(order) == 5
    assert order[-1] is result
    assert all(place[id(p)] < place[id(node)] for node in order for p in node.parents)


def test_a_chain_longer_than_the_recursion_limit():
    x = result = Value(1.0)
    for _ in range(20_000):
        result = result + 1.0
    result.backward()
    assert x.grad == 1.0


def test_doubling_takes_one_visit_a_value():
    x = result = Value(1.0)
    for _ in range(60):
        result = result + result
    assert len(topological_order(result)) == 61
    result.backward()
    assert x.grad == 2.0**60


def test_a_root_of_zero_has_no_finite_slope():
    x = Value(0.0)
    (x**0.5).backward()
    assert math.isinf(x.grad)
    y = Value(0.0)
    (y**0).backward()
    assert y.grad == 0.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Value("1"), TypeError, "data must be an int or a float, got str"),
        (lambda: Value(True), TypeError, "data must be an int or a float, got bool"),
        (lambda: Value(1.0) + "1", TypeError, "data must be an int or a float, got str"),
        (lambda: Value(1.0) / 0.0, ValueError, "other is the divisor and must not be zero"),
        (lambda: Value(1.0) ** Value(2.0), TypeError, "exponent must be an int or a float, got Value"),
        (lambda: Value(-1.0) ** 0.5, ValueError, "exponent 0.5 of a negative base -1.0"),
        (lambda: Value(0.0) ** -1, ValueError, "exponent -1 of a zero base"),
        (lambda: Value(0.0).log(), ValueError, "log needs a positive value, got 0.0"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_repr_shows_label_value_and_gradient():
    x = Value(2.0, "x")
    assert repr(x) == "Value(x=2, grad=0)"
    assert repr(x * 3) == "Value(6, grad=0)"
