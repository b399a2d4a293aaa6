"""Every optimiser against its namesake in torch: drawn settings and problems, a hundred steps, schedules."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_lib.foundations import optimizers, schedules
from course_lib.foundations.optimizers import Optimizer

STEPS = 100
NAMES = ("SGD", "Adagrad", "RMSprop", "Adam", "AdamW", "Muon")

beta = st.floats(0.0, 0.999)
usual_betas = st.tuples(st.floats(0.0, 0.95), st.floats(0.95, 0.9999))
decay = st.sampled_from([0.0, 1e-3, 0.1])
eps = st.floats(1e-10, 1e-4)
SETTINGS = {
    "SGD": st.fixed_dictionaries(
        {"lr": st.floats(1e-4, 0.05), "momentum": st.floats(0.1, 0.95), "nesterov": st.booleans()}
    )
    | st.fixed_dictionaries({"lr": st.floats(1e-4, 0.05)}),
    "Adagrad": st.fixed_dictionaries({"lr": st.floats(1e-4, 0.2), "lr_decay": st.floats(0, 0.1), "eps": eps}),
    "RMSprop": st.fixed_dictionaries({"lr": st.floats(1e-4, 0.05), "alpha": beta, "eps": eps}),
    "Adam": st.fixed_dictionaries({"lr": st.floats(1e-4, 0.1), "betas": st.tuples(beta, beta), "eps": eps}),
    "AdamW": st.fixed_dictionaries({"lr": st.floats(1e-4, 0.1), "betas": st.tuples(beta, beta), "eps": eps}),
    "Muon": st.fixed_dictionaries(
        {"lr": st.floats(1e-4, 0.05), "momentum": st.floats(0.0, 0.95), "nesterov": st.booleans()}
    ),
}
SCHEDULES: dict[str, tuple[Callable[[int], float], Callable[[torch.optim.Optimizer], object]]] = {
    "constant": (lambda _: 1.0, lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1.0)),
    "cosine": (
        lambda t: schedules.cosine(t, total=STEPS),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=STEPS),
    ),
    "step_decay": (
        lambda t: schedules.step_decay(t, every=17, factor=0.6),
        lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=17, gamma=0.6),
    ),
    "one_cycle": (
        lambda t: schedules.one_cycle(t, total=STEPS),
        # max_lr is the rate the optimiser was made with; momentum is left alone, as ours is
        lambda o: torch.optim.lr_scheduler.OneCycleLR(
            o, max_lr=o.param_groups[0]["lr"], total_steps=STEPS, cycle_momentum=False
        ),
    ),
}


class Problem:
    """Two matrices and, if asked for, a bias, under a loss that is new at each step.

    The loss is a small network's, or linear: then gradients do not depend on where the parameters are.
    """

    def __init__(self, seed: int, bias: bool, linear: bool = False) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        rows, columns = (int(n) for n in torch.randint(1, 6, (2,), generator=self.generator))
        shapes = [(rows, columns), (columns, 3)] + [(3,)] * bias
        self.params = [self.draw(*shape).requires_grad_() for shape in shapes]
        self.rows, self.linear = rows, linear

    def draw(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)

    def loss(self) -> Tensor:
        if self.linear:
            return torch.stack([(p * self.draw(*p.shape)).sum() for p in self.params]).sum()
        first, second, *bias = self.params
        hidden = torch.tanh(self.draw(8, self.rows) @ first)
        outputs = hidden @ second + (bias[0] if bias else 0.0)
        return (outputs - self.draw(8, 3)).square().mean() + 0.1 * outputs.sin().sum()


def path(
    problem: Problem, optimizer: Optimizer | torch.optim.Optimizer, before: Callable, after: Callable
) -> Tensor:
    """All parameters after each of a hundred steps, (steps, numbers)."""
    points = []
    for t in range(STEPS):
        before(t)
        optimizer.zero_grad()
        problem.loss().backward()
        if t % 10 == 3:  # a parameter without a gradient rests, and its count of updates with it
            problem.params[-1].grad = None
        optimizer.step()
        after()
        points.append(torch.cat([p.detach().flatten().clone() for p in problem.params]))
    return torch.stack(points)


def both_paths(
    name: str, options: dict, seed: int, bias: bool, schedule: str = "constant", linear: bool = False
) -> tuple[Tensor, Tensor]:
    factor, make_scheduler = SCHEDULES[schedule]
    problem = Problem(seed, bias, linear)
    ours = getattr(optimizers, name)(problem.params, **options)
    base = ours.lr

    def set_rate(t: int) -> None:
        ours.lr = base * factor(t)

    one = path(problem, ours, set_rate, lambda: None)
    problem = Problem(seed, bias, linear)
    theirs = getattr(torch.optim, name)(problem.params, **options)
    scheduler = make_scheduler(theirs)
    return one, path(problem, theirs, lambda t: None, scheduler.step)  # noqa: ARG005


def assert_equal(ours: Tensor, theirs: Tensor) -> None:
    """Every number of every step within 1e-6 of the largest number of that step."""
    size = theirs.abs().amax(dim=1).clamp(min=1e-3)
    gap = ((ours - theirs).abs().amax(dim=1) / size).max().item()
    assert gap <= 1e-6, f"relative distance {gap:.1e}"
    assert theirs.isfinite().all()
    assert not torch.equal(theirs[0], theirs[-1])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(data=st.data(), seed=st.integers(0, 10_000), bias=st.booleans(), weight_decay=decay)
def test_a_hundred_steps_equal_torch_whatever_the_settings(name, data, seed, bias, weight_decay):
    """Gradients are drawn, so that settings which amplify rounding (β₂ near 0) compare as well as others."""
    options = data.draw(SETTINGS[name]) | {"weight_decay": weight_decay}
    schedule = data.draw(st.sampled_from(sorted(SCHEDULES)))
    assert_equal(*both_paths(name, options, seed, bias and name != "Muon", schedule, linear=True))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(data=st.data(), seed=st.integers(0, 10_000), bias=st.booleans(), weight_decay=decay)
def test_a_hundred_steps_of_training_equal_torch(name, data, seed, bias, weight_decay):
    """A network's gradients: the steps feed back, and with the usual memories differences stay small."""
    options = data.draw(SETTINGS[name]) | {"weight_decay": weight_decay}
    if "betas" in options:
        options["betas"] = data.draw(usual_betas)
    if "alpha" in options:
        options["alpha"] = data.draw(st.floats(0.9, 0.999))
    schedule = data.draw(st.sampled_from(sorted(SCHEDULES)))
    assert_equal(*both_paths(name, options, seed, bias and name != "Muon", schedule))


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
@pytest.mark.parametrize("name", NAMES)
def test_every_schedule_with_every_optimiser(name, schedule):
    assert_equal(*both_paths(name, {"lr": 0.02}, seed=5, bias=name != "Muon", schedule=schedule))


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_torchs(name):
    assert_equal(*both_paths(name, {}, seed=1, bias=name != "Muon"))
    ours = inspect.signature(getattr(optimizers, name)).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    assert {n: p.default for n, p in ours.items()} == {n: theirs[n].default for n in ours}


@pytest.mark.parametrize("name", NAMES)
def test_the_comparison_notices_a_rate_off_by_a_thousandth(name):
    problem = Problem(2, bias=False)
    wrong = path(problem, getattr(optimizers, name)(problem.params, lr=0.02002), lambda t: None, lambda: None)  # noqa: ARG005
    _, theirs = both_paths(name, {"lr": 0.02}, seed=2, bias=False)
    with pytest.raises(AssertionError, match="relative distance"):
        assert_equal(wrong, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_each_update_fits_into_25_lines(name):
    source = inspect.getsource(getattr(optimizers, name).step).splitlines()
    assert len(source) <= 25
    assert "sub_" in "\n".join(source) or name == "AdamW"


def test_muon_brings_every_singular_value_near_one():
    generator = torch.Generator().manual_seed(0)
    for shape in ((6, 4), (4, 6), (5, 5), (1, 7), (7, 1)):
        matrix = torch.randn(shape, generator=generator, dtype=torch.float64)
        matrix[0] *= 10
        result = optimizers.orthogonalise(matrix)
        assert result.shape == shape
        values = torch.linalg.svdvals(result.double())
        assert 0.6 < values.min() <= values.max() < 1.3
        u, _, vt = torch.linalg.svd(matrix, full_matrices=False)
        turned = u.T @ result.double() @ vt.T  # the singular vectors stay: almost diagonal
        assert (turned - turned.diag().diag()).abs().max() < 0.05
        if min(shape) > 1:
            assert torch.linalg.svdvals(matrix)[0] > 5 * torch.linalg.svdvals(matrix)[-1]


def test_orthogonalise_leaves_its_argument_and_zeros_alone():
    matrix = torch.randn(3, 2)
    before = matrix.clone()
    optimizers.orthogonalise(matrix)
    assert torch.equal(matrix, before)
    assert torch.equal(optimizers.orthogonalise(torch.zeros(2, 3)).float(), torch.zeros(2, 3))
    once, five = optimizers.orthogonalise(matrix, rounds=1), optimizers.orthogonalise(matrix)
    assert not torch.equal(once, five)


def test_a_model_on_its_way_to_another_dtype_after_the_optimiser_was_made():
    model = nn.Linear(2, 1)
    optimizer = optimizers.Adam(model.parameters(), lr=0.1)
    model.double()
    model(torch.ones(1, 2, dtype=torch.float64)).sum().backward()
    optimizer.step()
    assert all(p.dtype == torch.float64 for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_stops_the_step_and_changes_nothing(name, poison):
    params = [torch.ones(2, 2, requires_grad=True) for _ in range(2)]
    optimizer = getattr(optimizers, name)(params, lr=0.25)
    params[0].grad = torch.ones(2, 2)
    params[1].grad = torch.tensor([[0.0, poison], [1.0, 1.0]])
    with pytest.raises(
        FloatingPointError, match=r"gradient of params\[1\] holds NaN or infinity.*lr is 0\.25"
    ):
        optimizer.step()
    assert all(torch.equal(p, torch.ones(2, 2)) for p in params)


def test_zero_grad_drops_gradients_and_step_without_any_does_nothing():
    parameter = torch.ones(2, requires_grad=True)
    optimizer = optimizers.SGD([parameter], lr=1.0)
    parameter.grad = torch.ones(2)
    optimizer.zero_grad()
    assert parameter.grad is None
    optimizer.step()
    assert torch.equal(parameter, torch.ones(2))


LEAF = torch.zeros(2, 2, requires_grad=True)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optimizers.SGD([]), ValueError, "params must hold at least one tensor, got none"),
        (lambda: optimizers.SGD(LEAF), TypeError, "params must be a list of tensors, got a single Tensor"),
        (
            lambda: optimizers.SGD([{"params": [LEAF]}]),
            TypeError,
            r"params\[0\] must be a floating-point tensor, got dict",
        ),
        (lambda: optimizers.SGD([torch.arange(3)]), TypeError, r"params\[0\] must be .* got torch.int64"),
        (lambda: optimizers.SGD([LEAF, LEAF]), ValueError, r"params\[1\] occurs twice"),
        (lambda: optimizers.SGD([LEAF * 2]), ValueError, r"params\[0\] must be a leaf"),
        (
            lambda: optimizers.SGD([LEAF], lr=-0.1),
            ValueError,
            "lr must be finite and at least 0, got -0.1",
        ),
        (lambda: optimizers.SGD([LEAF], lr=float("nan")), ValueError, "lr must be finite"),
        (lambda: optimizers.SGD([LEAF], momentum=-1.0), ValueError, "momentum must be .* got -1.0"),
        (lambda: optimizers.SGD([LEAF], nesterov=True), ValueError, "momentum must be above 0 with nesterov"),
        (lambda: optimizers.Adam([LEAF], weight_decay=-1.0), ValueError, "weight_decay must be .* got -1.0"),
        (lambda: optimizers.Adam([LEAF], betas=(0.9, 1.0)), ValueError, r"betas\[1\] must be .* got 1.0"),
        (lambda: optimizers.Adam([LEAF], betas=(-0.1, 0.9)), ValueError, r"betas\[0\] must be .* got -0.1"),
        (lambda: optimizers.Adam([LEAF], betas=(0.9,)), ValueError, "betas must be two numbers"),
        (lambda: optimizers.AdamW([LEAF], eps=-1.0), ValueError, "eps must be .* got -1.0"),
        (lambda: optimizers.RMSprop([LEAF], alpha=1.5), ValueError, "alpha must be .* got 1.5"),
        (lambda: optimizers.Adagrad([LEAF], lr_decay=-1.0), ValueError, "lr_decay must be .* got -1.0"),
        (lambda: optimizers.Muon([LEAF], momentum=1.0), ValueError, "momentum must be .* got 1.0"),
        (
            lambda: optimizers.Muon(nn.Linear(3, 2).parameters()),
            ValueError,
            r"params\[1\] must be a matrix, got shape \(2,\)",
        ),
        (lambda: optimizers.orthogonalise(torch.zeros(3)), ValueError, r"got shape \(3,\)"),
        (lambda: optimizers.orthogonalise(torch.eye(2).long()), TypeError, "matrix must be a floating"),
        (lambda: optimizers.orthogonalise(torch.eye(2), rounds=0), ValueError, "rounds must be at least 1"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
