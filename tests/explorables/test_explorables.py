"""The explorables' Python side: deterministic html, honest state, errors that name the parameter."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import subprocess
import sys

import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from ipywidgets import DOMWidget
from safetensors.torch import load_file, save_file

from course_explorables import ALL, explorable
from course_explorables.base import Explorable, joined_module, rounded
from course_explorables.base.fx_trace import expression, record
from course_explorables.draw_digit import DrawDigit
from course_explorables.graph_stepper import GraphStepper
from course_explorables.softmax import Softmax
from course_explorables.tangent import Tangent
from course_explorables.tangent.slopes import STEPS, slope_by_autograd, slope_by_central_difference, value
from course_lib.foundations.scalar_autograd import Value
from course_lib.pretrained.digit_network import WEIGHTS, digit_network

# The GPT in the page brings weights and a slow engine: test_gpt_visits and test_gpt_page visit it.
KINDS = {name.split(":")[0]: explorable(name) for name in ALL if name != "gpt_page:GPTInPage"}
LARGE = {
    "draw_digit": 160_000,
    "tangent": 80_000,
    "graph_stepper": 80_000,
    "softmax": 80_000,
    "low_rank": 80_000,
}


# --- the base --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_html_is_the_same_from_two_objects_and_small(kind):
    first, second = KINDS[kind]().to_html(), KINDS[kind]().to_html()
    assert first == second
    assert len(first.encode()) <= LARGE.get(kind, 60_000)
    assert not re.search(r"(https?:)?//(?!www\.w3\.org/2000/svg)[a-z]+\.[a-z]", first.replace("// ", ""))
    assert first.count("</script") == 1


@pytest.mark.parametrize("name", ["Tangent", "GraphStepper", "Softmax"])
def test_html_is_the_same_from_another_process_with_other_hashes_and_threads(name):
    module = {"Tangent": "tangent", "GraphStepper": "graph_stepper", "Softmax": "softmax"}[name]
    script = (
        f"from course_explorables.{module} import {name} as K; import sys; sys.stdout.write(K().to_html())"
    )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "123",
        "OMP_NUM_THREADS": "2",
        "ATEN_CPU_CAPABILITY": "default",
    }
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert run.stdout == KINDS[module]().to_html()


@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_gets_the_live_view_the_html_and_a_plain_text_without_addresses(kind):
    widget = KINDS[kind]()
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == widget.to_html()
    assert data["text/plain"] == repr(KINDS[kind]())
    assert "0x" not in data["text/plain"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_keeps_its_html_where_widgets_display_themselves(kind, monkeypatch):
    """As with ipywidgets 7, which hosted notebooks still have: IPython asks `_ipython_display_` first."""
    asked = []
    monkeypatch.setattr(DOMWidget, "_ipython_display_", lambda self: asked.append(self), raising=False)
    DisplayFormatter().format(DOMWidget())
    assert len(asked) == 1
    data, _ = DisplayFormatter().format(KINDS[kind]())
    assert len(asked) == 1
    assert {"text/html", "text/plain", "application/vnd.jupyter.widget-view+json"} <= data.keys()


def test_changed_settings_reach_the_html_and_the_code():
    widget = Tangent(x=1.0)
    before = widget.to_html()
    widget.x = -2.5
    assert widget.to_html() != before
    assert "torch.tensor(-2.5" in widget.code()
    assert widget.initial["x"] == 1.0


def test_state_that_could_end_the_script_is_escaped():
    widget = Softmax(labels=("</script><b>", "<!--", "a", "b"))
    text = widget.to_html()
    assert text.count("</script") == 1
    assert "<!--" not in text
    state = text.rsplit('", ', 1)[1].removesuffix(");\n</script>\n")
    assert json.loads(state)["labels"][0] == "</script><b>"


def test_joined_module_imports_nothing_and_exports_once():
    text = joined_module(("base.mjs", "frame.mjs", "tape.mjs", "tangent.mjs"))
    assert not re.search(r"^import", text, re.MULTILINE)
    assert re.findall(r"^export .*", text, re.MULTILINE) == ["export default { render };"]


def test_joined_module_refuses_outside_imports_and_script_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("course_explorables.base._FOLDER", tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "far.mjs").write_text('import { x } from "far-away";\n')
    (tmp_path / "base" / "end.mjs").write_text("const a = '</SCRIPT>';\n")
    with pytest.raises(ValueError, match=r"names holds 'far\.mjs'"):
        joined_module(("far.mjs",))
    with pytest.raises(ValueError, match=r"names holds 'end\.mjs'"):
        joined_module(("end.mjs",))
    with pytest.raises(ValueError, match=r"explorable, got 'none\.mjs'"):
        joined_module(("none.mjs",))


def test_a_base_without_a_module_has_no_settings():
    assert Explorable.modules == ()
    assert Explorable.settings == ()


def test_rounded_keeps_digits_and_knows_no_nan():
    assert rounded(math.pi, 4) == 3.142
    assert rounded(1.23456e-9, 3) == 1.23e-9
    assert rounded(math.nan) is None
    assert rounded(-math.inf) is None
    assert math.copysign(1, rounded(-0.0)) == 1


# --- slopes ----------------------------------------------------------------------------------------------


def test_slopes_agree_with_calculus_and_with_each_other():
    for x in (-2.0, 0.3, 1.7):
        exact = math.cos(x) * math.exp(math.sin(x))
        f = lambda t: torch.exp(torch.sin(t))  # noqa: E731
        assert slope_by_autograd(f, x) == pytest.approx(exact, rel=1e-12)
        assert slope_by_central_difference(f, x, 1e-5) == pytest.approx(exact, abs=1e-9)
        assert value(f, x) == pytest.approx(math.exp(math.sin(x)), rel=1e-12)


def test_central_difference_is_exact_on_a_parabola_and_off_by_h_squared_on_a_cubic():
    assert slope_by_central_difference(lambda x: x**2, 3.0, 0.5) == pytest.approx(6.0, abs=1e-12)
    assert slope_by_central_difference(lambda x: x**3, 1.0, 0.1) == pytest.approx(3 + 0.01, abs=1e-9)


def test_a_function_that_ignores_its_input_has_slope_zero():
    assert slope_by_autograd(lambda _: torch.tensor(3.0), 1.0) == 0.0
    assert slope_by_autograd(lambda x: x.detach() * 2, 1.0) == 0.0


@pytest.mark.parametrize("h", [0.0, -1e-3, math.inf, math.nan])
def test_central_difference_refuses_a_step_that_is_none(h):
    with pytest.raises(ValueError, match="h must be positive and finite"):
        slope_by_central_difference(torch.sin, 1.0, h)


def test_slopes_refuse_what_is_no_number():
    with pytest.raises(TypeError, match="real tensor, got float"):
        value(lambda _: 3.0, 1.0)
    with pytest.raises(TypeError, match=r"real tensor, got torch\.complex128"):
        slope_by_autograd(lambda x: torch.complex(x, x), 1.0)
    with pytest.raises(ValueError, match=r"one number for one number, got shape \(3,\)"):
        value(lambda x: x.expand(3), 1.0)


def test_steps_run_from_1e_16_to_1e_1_four_a_decade():
    assert len(STEPS) == 61
    assert STEPS[0] == 1e-16
    assert STEPS[-1] == 1e-1
    assert all(later > earlier for earlier, later in itertools.pairwise(STEPS))


# --- recording -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "printed"),
    [
        (lambda x: (x + 1) * (x - 2), "(x + 1) * (x - 2)"),
        (lambda x: -(x**2), "-x ** 2"),
        (lambda x: (-x) ** 2, "(-x) ** 2"),
        (lambda x: 1 - (2 - x), "1 - (2 - x)"),
        (lambda x: x / (x * 3), "x / (x * 3)"),
        (lambda x: x.sin() + torch.relu(x), "torch.sin(x) + torch.relu(x)"),
        (lambda x: x * -3, "x * -3"),
        (lambda x: (x**2) ** 3, "(x ** 2) ** 3"),
    ],
)
def test_recorded_functions_print_as_code_that_computes_the_same(function, printed):
    program = record(function)
    assert expression(program) == printed
    x = torch.linspace(-2.2, 2.3, 7, dtype=torch.float64)
    torch.testing.assert_close(eval(printed, {"torch": torch, "x": x}), function(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x if x > 0 else -x,
        lambda x: torch.where(x > 0, x, -x),
        lambda x: torch.div(x, 2, rounding_mode="floor"),
        lambda x: torch.add(x, x, alpha=2),
        lambda x: x**x,
        lambda x: torch.erf(x),
        lambda x: x + torch.ones(3),
        lambda x: torch.sin(x, out=torch.empty(1)),
    ],
)
def test_what_is_not_elementary_needs_a_kernel(function):
    assert record(function) is None


# --- tangent ---------------------------------------------------------------------------------------------


def test_tangent_reads_what_torch_computes_whenever_x_or_h_changes():
    widget = Tangent(lambda x: torch.erf(x) * x, 0.5, domain=(-2, 2), formula_derivative=torch.cos)
    for x, h in ((0.25, 1e-2), (-1.5, 1e-6)):
        widget.x, widget.h = x, h
        place = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        (torch.erf(place) * place).backward()
        assert widget.reading["autograd"] == pytest.approx(place.grad.item(), rel=1e-12)
        assert widget.reading["formula"] == pytest.approx(math.cos(x))
        assert widget.reading["difference"] == pytest.approx(place.grad.item(), abs=max(1e-9, h**2))
        assert (widget.reading["x"], widget.reading["h"]) == (x, h)
        assert len(widget.reading["errors"]) == len(STEPS)


def test_tangent_curve_is_torchs_and_none_where_there_is_no_value():
    widget = Tangent(torch.log, 1.0, domain=(-2, 2))
    assert widget.curve[0] is None
    assert widget.curve[-1] == pytest.approx(math.log(2), rel=1e-5)
    widget.x = -1.0
    assert widget.reading["y"] is None
    json.dumps(widget.state(), allow_nan=False)


def test_tangent_shows_the_body_near_a_pole_and_all_of_a_tame_curve():
    low, high = Tangent(lambda x: 1 / x, 1.0, domain=(-2.0, 2.001)).heights
    assert high - low < 200
    low, high = Tangent(torch.sin, 1.0).heights
    assert low < -1
    assert high > 1


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"x": 9.0}, ValueError, r"x must lie in the domain \[-5, 5\], got 9"),
        ({"h": 0.02}, ValueError, "h must be one of"),
        ({"domain": (2, 1)}, ValueError, "domain must be finite with low < high"),
        ({"domain": (0, math.inf)}, ValueError, "domain must be finite with low < high"),
        ({"domain": 3}, ValueError, "domain must be two numbers"),
        ({"f": 3}, TypeError, "f must be a function of a tensor, got int"),
        (
            {"formula_derivative": "cos"},
            TypeError,
            "formula_derivative must be a function of a tensor, got str",
        ),
        ({"f": lambda x: x * math.nan}, ValueError, "f must be finite somewhere"),
        ({"f": lambda _: 1.0}, TypeError, "function must return a real tensor"),
    ],
)
def test_tangent_errors_name_the_parameter(options, error, text):
    with pytest.raises(error, match=text):
        Tangent(**options)


def test_tangent_code_runs_with_a_named_function_torch_fx_cannot_follow():
    def f(x):
        return torch.where(x > 0, x, x**3)

    names: dict = {}
    exec(Tangent(f, 1.0).code(), names)
    assert names["autograd"] == 1.0


# --- graph stepper, softmax ------------------------------------------------------------------------------


@pytest.mark.parametrize("root", [None, "mixed"])
def test_graph_code_gives_the_gradients_the_engine_gives(root):
    a, b = Value(1.5, "a"), Value(0.5, "b")
    result = None if root is None else -((a * b + 2) ** -1.5).log() + (a / b - b).relu().exp() * a.tanh()
    widget = GraphStepper(result)
    names: dict = {}
    exec(widget.code(), names)
    if result is not None:
        result.backward()
        assert names[widget.names[-1]].item() == pytest.approx(result.data)
        assert names["a"].grad.item() == pytest.approx(a.grad)
        assert names["b"].grad.item() == pytest.approx(b.grad)
    else:
        w, x, t = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in widget.inputs)
        (torch.tanh(w * x) + x - t).square().backward()
        for name, leaf in zip("wxt", (w, x, t), strict=True):
            assert names[name].grad.item() == pytest.approx(leaf.grad.item(), rel=1e-12)


def test_the_graph_that_is_shown_first_uses_a_value_twice():
    widget = GraphStepper()
    operands = [int(place) for operation, *places in widget.program if operation in "×+−" for place in places]
    assert operands.count(widget.names.index("x")) == 2


def chain(length):
    node = Value(0.5, "a")
    for _ in range(length):
        node = node + 1
    return node


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: GraphStepper(3.0), TypeError, "root must be a Value, got float"),
        (lambda: GraphStepper(Value(1.0) + 2), ValueError, "at least one labelled leaf"),
        (lambda: GraphStepper(chain(30)), ValueError, "at most 40 nodes"),
        (
            lambda: GraphStepper(Value(9.0, "a") + 1),
            ValueError,
            r"input a must lie in \[-3\.0, 3\.0\], got 9",
        ),
        (lambda: GraphStepper(Value(1.0, "a b") + 1), ValueError, "labels must be Python names"),
        (lambda: GraphStepper(Value(1.0, "a") + Value(2.0, "a")), ValueError, "each used once"),
        (lambda: GraphStepper(Value(2.0, "a") ** (1 / 3)), ValueError, "at most six digits"),
        (lambda: GraphStepper(low=1, high=1), ValueError, "low must lie below high"),
        (lambda: Softmax((1.0,)), ValueError, "logits must be two to eight finite numbers"),
        (lambda: Softmax((1.0, math.nan)), ValueError, "logits must be two to eight finite numbers"),
        (lambda: Softmax((1.0, 2.0), ("a",)), ValueError, "labels must name all 2 classes"),
        (lambda: Softmax(target=4), ValueError, "target must be a class from 0 to 3, got 4"),
        (lambda: Softmax(temperature=0.0), ValueError, "temperature must lie between 0.1 and 10"),
        (lambda: Softmax(shift=101), ValueError, "shift must be a whole number"),
        (lambda: Softmax(shift=0.5), ValueError, "shift must be a whole number"),
        (lambda: DrawDigit(10), ValueError, "example must be a whole number from -1 to 9, got 10"),
        (lambda: DrawDigit(True), ValueError, "example must be a whole number from -1 to 9, got True"),
    ],
)
def test_errors_name_the_parameter(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_softmax_code_checks_its_own_gradient_and_gives_the_loss():
    widget = Softmax((3.0, -1.0, 0.5), target=2, temperature=2.0, shift=7)
    names: dict = {}
    exec(widget.code(), names)
    expected = torch.nn.functional.cross_entropy(torch.tensor([3.0, -1.0, 0.5]).double() / 2, torch.tensor(2))
    assert names["loss"].item() == pytest.approx(expected.item(), rel=1e-12)


# --- draw a digit ----------------------------------------------------------------------------------------


def test_draw_digit_carries_the_committed_weights_bit_by_bit():
    widget = DrawDigit()
    flat = torch.frombuffer(bytearray(widget.weights), dtype=torch.float16)
    tensors = load_file(WEIGHTS)
    order = [
        f"{layer}.{part}" for layer in ("conv1", "conv2", "conv3", "linear") for part in ("weight", "bias")
    ]
    assert torch.equal(flat, torch.cat([tensors[name].flatten().half() for name in order]))
    assert widget.image().shape == (1, 1, 28, 28)
    names: dict = {}
    exec(widget.code(), names)
    assert names["probabilities"].argmax() == 3
    assert torch.equal(names["image"], widget.image()[0, 0])


def test_digit_network_refuses_a_broken_missing_or_foreign_file(tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(WEIGHTS.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"path must be a whole safetensors file, got .*broken"):
        digit_network(broken)
    with pytest.raises(ValueError, match=r"path must be a whole safetensors file, got .*gone"):
        digit_network(tmp_path / "gone.safetensors")
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, foreign)
    with pytest.raises(
        ValueError,
        match=r"foreign\.safetensors must hold the model's tensors, lack \[.*, hold besides \['weight'\]",
    ):
        digit_network(foreign)
