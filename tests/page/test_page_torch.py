"""The page's torch against torch: values, shapes, dtypes, gradients, graphs, errors and print."""

from __future__ import annotations

import ast
import functools
import itertools
import math
import random
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch_calls import ANY, ENTRYWISE, FLOAT, MADE, MATRIX, MISTAKEN, PROMOTING, listed

from course_exercises.raised import cause

BOOK = Path(__file__).resolve().parents[2] / "book"
sys.path.insert(0, str(BOOK))
import page_torch  # noqa: E402

PAGE = page_torch.torch
TOLERANCE = {"float64": 1e-12, "float32": 1e-6, "float16": 1e-3, "bfloat16": 1e-2}
KINDS = ["bool", "uint8", "int32", "int64", "float32", "float64"]
# calls whose last digits depend on how a sum is ordered, or on a solver: by how much more they may differ
LOOSER = {
    "linalg": 1e3,
    "corrcoef": 1e2,
    "cov": 1e1,
    "layer_norm": 1e2,
    "inverse": 1e3,
    "det(": 1e3,
    "randn": 4,
    "normal": 4,
}
# compositions here that end in another operation than torch's own
OTHER_GRAPH = re.compile(
    r"//|floor_divide|atleast_2d|A @ r3|scaled_dot|cov\(|pad_sequence"
    r"|\] = |zero_\(|fill_\("
)
random_seed = st.integers(0, 2**32 - 1)


class Data:
    """Plain numbers for the names of a group, the same for both torches."""

    def __init__(self, seed: int, kind: str = "float32") -> None:
        self.draw, self.kind = random.Random(seed), kind
        self.tensors: dict[str, tuple[list[Any], tuple[int, ...], str, bool]] = {}
        self.plain: dict[str, Any] = {"s": self.draw.choice([2, 0.5, -1.5, 3])}

    def add(self, name: str, shape: tuple[int, ...], low: float, high: float, *, grad: bool = True) -> None:
        count = math.prod(shape)
        numbers = [round(self.draw.uniform(low, high), self.draw.choice([0, 1, 3, 9])) for _ in range(count)]
        numbers = [min(max(x, low), high) for x in numbers]
        self.tensors[name] = (numbers, shape, self.kind, grad)

    def whole(self, name: str, shape: tuple[int, ...], kind: str, low: int, high: int) -> None:
        numbers = [self.draw.randint(low, high) for _ in range(math.prod(shape))]
        self.tensors[name] = (numbers, shape, kind, False)

    def names(self, lib: Any) -> dict[str, Any]:
        found = {"torch": lib, "nn": lib.nn, "F": lib.nn.functional, "math": math} | self.plain
        for name, (numbers, shape, kind, grad) in self.tensors.items():
            made = lib.tensor(numbers, dtype=getattr(lib, kind)).reshape(shape)
            found[name] = made.requires_grad_() if grad else made
        return found


def floats(seed: int, shape: tuple[int, ...], kind: str) -> Data:
    data = Data(seed, kind)
    data.add("x", shape, -3, 3)
    data.add("y", tuple(data.draw.choice([n, 1, n]) for n in shape)[data.draw.randint(0, 1) :], -3, 3)
    data.add("p", shape, 0.2, 4)
    data.add("u", shape, -0.9, 0.9)
    return data


def anything(seed: int, shape: tuple[int, ...]) -> Data:
    data = Data(seed)
    for name in "mn":
        kind = data.draw.choice(KINDS)
        if kind.startswith("float"):
            data.kind = kind
            data.add(name, shape, -3, 3, grad=False)
        else:
            data.whole(name, shape, kind, 0, 1 if kind == "bool" else 9)
    for name in "ij":
        data.whole(name, shape, data.draw.choice(["int32", "int64"]), -4, 6)
    for name in "kl":
        data.whole(name, shape, "bool", 0, 1)
    return data


def matrices(seed: int, kind: str) -> Data:
    data = Data(seed, kind)
    n, k, m = (data.draw.randint(2, 4) for _ in range(3))
    for name, shape in {
        "A": (n, k),
        "B": (k, m),
        "v": (k,),
        "w": (n,),
        "t3": (2, n, k),
        "r3": (2, k, m),
        "z": (n, 3),
    }.items():
        data.add(name, shape, -2, 2)
    data.add("v0", (3,), 0.5, 2, grad=False)
    data.add("S", (n, n), -1, 1)
    numbers, shape, kind, grad = data.tensors["S"]
    data.tensors["S"] = ([x + 4 * (i % (n + 1) == 0) for i, x in enumerate(numbers)], shape, kind, grad)
    square = [[numbers[i * n + j] for j in range(n)] for i in range(n)]
    whole = [
        sum(a * b for a, b in zip(p, q, strict=True)) + 2.0 * (p is q) * (1 + i)
        for i, p in enumerate(square)
        for q in square
    ]
    data.tensors["Q"] = (whole, shape, kind, grad)
    data.whole("labels", (n,), "int64", 0, 2)
    return data


def run(call: str, names: dict[str, Any]) -> Any:
    """What a call gives; if it is more than one statement, the last one's value."""
    *before, last = call.split("; ")
    exec("\n".join(before), names)
    if re.match(r"^\w+(\[.*\])? (\W?=|\*\*=|//=) ", last) or re.match(r"^\w+(\[.*\])? = ", last):
        exec(last, names)
        return None
    return eval(last, names)


def plain(value: Any) -> Any:
    """An outcome as plain data: a tensor's dtype, shape, numbers and graph; else as Python has it."""
    if type(value).__name__ in ("Tensor", "Parameter") and hasattr(value, "grad_fn"):
        node = value.grad_fn.name().rpartition("::")[2] if value.grad_fn is not None else None
        return {"dtype": str(value.dtype), "shape": tuple(value.shape),
                "numbers": value.detach().reshape(-1).tolist(),
                "requires_grad": value.requires_grad, "node": node}  # fmt: skip
    if isinstance(value, tuple | list) and "Size" not in type(value).__name__:
        return [plain(v) for v in value]
    return value if isinstance(value, bool | int | float | str | None) else repr(value)


def tensors_in(value: Any) -> list[Any]:
    if isinstance(value, tuple | list) and "Size" not in type(value).__name__:
        return [t for v in value for t in tensors_in(v)]
    return [value] if hasattr(value, "grad_fn") and value.requires_grad else []


def outcome(call: str, names: dict[str, Any]) -> dict[str, Any]:
    """What a call gives and the gradients that it passes on, or how it fails."""
    inputs = {name: v for name, v in names.items() if hasattr(v, "grad_fn") and v.requires_grad}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = run(call, names)
        except Exception as error:
            return {"error": type(error).__name__, "cause": cause(error), "text": str(error)}
        found: dict[str, Any] = {"value": plain(value)}
        total = None
        for t in tensors_in(value):
            if t.grad_fn is not None:
                ramp = names["torch"].arange(1, t.numel() + 1, dtype=t.dtype).reshape(t.shape) / 7
                total = (t * ramp).sum().double() + (0 if total is None else total)
        if total is not None and "backward" not in call:
            try:
                total.backward()
                found["gradients"] = {name: plain(v.grad) for name, v in inputs.items()}
            except Exception as error:
                found["gradients"] = type(error).__name__
    return found


def same(page: Any, real: Any, slack: float, call: str = "", path: str = "") -> str | None:
    """Where two outcomes differ; None if they do not."""
    if isinstance(real, dict) and isinstance(page, dict) and real.keys() == page.keys():
        if "numbers" in real:
            skipped = {"numbers", "node"} if OTHER_GRAPH.search(call) else {"numbers"}
            mine, theirs = ({k: v for k, v in side.items() if k not in skipped} for side in (page, real))
            if mine != theirs:
                return f"{path}: {mine} where torch has {theirs}"
            return close(page["numbers"], real["numbers"], real["dtype"].removeprefix("torch."), slack, path)
        return next(
            filter(None, (same(page[k], real[k], slack, call, f"{path}/{k}") for k in real if k != "text")),
            None,
        )
    if isinstance(real, list) and isinstance(page, list) and len(real) == len(page):
        pairs = enumerate(zip(page, real, strict=True))
        return next(filter(None, (same(p, r, slack, call, f"{path}/{i}") for i, (p, r) in pairs)), None)
    if isinstance(real, float) and isinstance(page, float):
        return close([page], [real], "float32", slack, path)
    return None if type(page) is type(real) and page == real else f"{path}: {page!r} where torch has {real!r}"


def gap_of(page: list[Any], real: list[Any]) -> float:
    """The largest difference, relative to the largest number."""
    finite = [abs(x) for x in real if math.isfinite(x)]
    size = max([1.0, *finite])
    pairs = [(p, r) for p, r in zip(page, real, strict=True) if p != r and not (p != p and r != r)]
    return max(
        (abs(p - r) / size if math.isfinite(p) and math.isfinite(r) else math.inf for p, r in pairs),
        default=0.0,
    )


WORST: dict[str, float] = {}


def close(page: list[Any], real: list[Any], kind: str, slack: float, path: str) -> str | None:
    if kind not in TOLERANCE:
        return None if page == real else f"{path}: {page} where torch has {real}"
    gap = gap_of(page, real)
    if gap <= slack * TOLERANCE[kind]:
        WORST[kind] = max(WORST.get(kind, 0.0), gap / slack)
        return None
    return f"{path}: {page} where torch has {real}, {gap:.2g} apart"


def differences(calls: str, data: Data) -> list[str]:
    """Of a group's calls, where the page and torch differ."""
    found = []
    for call in listed(calls):
        slack = max([1, *(much for word, much in LOOSER.items() if word in call)])
        page, real = outcome(call, data.names(PAGE)), outcome(call, data.names(torch))
        if told := same(page, real, slack, call):
            texts = [side.get("text", "no error") for side in (page, real)]
            found.append(f"{call}: {told[:400]} ({texts[0]!r}, {texts[1]!r})")
        TRIED[call] = TRIED.get(call, 0) + 1
    return found


TRIED: dict[str, int] = {}
shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)
kinds = st.sampled_from(["float32", "float64"])


def tried(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate]
    )


@tried(20)
@given(seed=random_seed, shape=shapes, kind=kinds)
def test_floating_point(seed, shape, kind):
    assert differences(FLOAT, floats(seed, shape, kind)) == []


@tried(40)
@given(seed=random_seed, shape=shapes)
def test_any_dtype(seed, shape):
    assert differences(ANY, anything(seed, shape)) == []


@tried(24)
@given(seed=random_seed, kind=kinds)
def test_matrices(seed, kind):
    assert differences(MATRIX, matrices(seed, kind)) == []


def test_made_from_nothing():
    assert differences(MADE, Data(1)) == []


EDGES = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e-30, 1e30, 0.5, 2.0, -2.5, 88.8, -104.0]


@tried(40)
@given(seed=random_seed, kind=kinds)
def test_edges_of_arithmetic(seed, kind):
    data = Data(seed, kind)
    for name in "xy":
        data.tensors[name] = ([data.draw.choice(EDGES) for _ in range(5)], (5,), kind, False)
    assert differences(ENTRYWISE, data) == []


@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_mistakes_fail_as_in_torch(shape):
    """With the same type of exception, for the same cause as far as the judge names one."""
    assert differences(MISTAKEN, floats(3, shape, "float32")) == []


@pytest.mark.parametrize("one", page_torch.dtypes.ALL, ids=str)
def test_dtypes_promote_as_in_torch(one):
    for other in page_torch.dtypes.ALL:
        for shapes_ in itertools.product([(), (1,)], repeat=2):
            data = Data(0)
            for name, kind, shape in zip("ab", (one.name, other.name), shapes_, strict=True):
                data.tensors[name] = ([1], shape, kind, False)
            assert differences(PROMOTING, data) == []


OPTIMISERS = [
    ("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.5, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.1}), ("Adam", {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True}), ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3}),
]  # fmt: skip


def trained(lib: Any, name: str, options: dict[str, Any], numbers: list[float]) -> list[Any]:
    """Parameters after some steps, the gradients clipped; and how the optimiser is printed."""
    weight = lib.tensor(numbers, dtype=lib.float64, requires_grad=True)
    optimiser = getattr(lib.optim, name)([weight], **options)
    lengths = []
    for _ in range(5):
        optimiser.zero_grad()
        ((weight - 1) ** 2 * lib.arange(1, len(numbers) + 1)).sum().backward()
        lengths.append(lib.nn.utils.clip_grad_norm_([weight], 3.0).item())
        optimiser.step()
    return [weight.tolist(), lengths, repr(optimiser).replace("0.0\n", "0\n")]


@tried(5)
@given(numbers=st.lists(st.floats(-3, 3), min_size=1, max_size=4))
def test_optimisers(numbers):
    for name, options in OPTIMISERS:
        page, real = trained(PAGE, name, options, numbers), trained(torch, name, options, numbers)
        assert page[2] == real[2]
        for mine, theirs in zip(page[:2], real[:2], strict=True):
            assert gap_of(mine, theirs) < 1e-9, (name, options)


def own_function(lib: Any) -> list[Any]:
    """A function with a backward of its own: what it gives, what it needs, and how it fails."""

    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, scale: float) -> Any:
            ctx.save_for_backward(x)
            ctx.scale = scale
            return scale * x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            assert ctx.needs_input_grad == (True, False)
            return g * 3 * ctx.scale * x**2, None

    class Wrong(Cube):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
            return g

    x, found = lib.tensor([1.0, 2.0], requires_grad=True), []
    y = Cube.apply(x, 2.0)
    found += [y.tolist(), type(y.grad_fn).__name__, y.requires_grad]
    y.sum().backward()
    found.append(x.grad.tolist())
    for attempt in (lambda: y.sum().backward(), lambda: Wrong.apply(x, 1.0).sum().backward()):
        with pytest.raises(RuntimeError) as caught:
            attempt()
        found.append(str(caught.value))
    return found


def test_a_function_with_a_backward_of_its_own():
    assert own_function(PAGE) == own_function(torch)


def test_fork_rng_leaves_the_stream_as_it_was():
    drawn = []
    for lib in (PAGE, torch):
        lib.manual_seed(3)
        with lib.random.fork_rng():
            lib.rand(7)
        drawn.append(lib.rand(1).item())
    assert drawn[0] == drawn[1]


def named_in(calls: list[str]) -> set[str]:
    """What calls name: "torch.Tensor.x" for every attribute, and "torch.nn.x" for those of modules."""
    short, found = {"F": "torch.nn.functional", "nn": "torch.nn", "torch": "torch", "lib": "torch"}, set()
    for call in calls:
        for node in ast.walk(ast.parse(call)):
            if isinstance(node, ast.Attribute):
                head, _, rest = ast.unparse(node).partition(".")
                found |= {f"torch.Tensor.{node.attr}", f"{short.get(head, head)}.{rest}"}
    return found


# covered without a comparison: switches, what only a page answers, and what is compared through others
ELSEWHERE = {
    "torch.default_generator", "torch.set_printoptions", "torch.Generator", "torch.optim.Optimizer",
    "torch.dtype", "torch.Tensor.normal_", "torch.Tensor.uniform_",
}  # fmt: skip


def test_every_name_that_is_covered_is_compared():
    groups = [group for calls in (FLOAT, ANY, MATRIX, MADE, ENTRYWISE) for group in listed(calls)]
    named = named_in([*(call.replace("; ", "\n") for call in groups), Path(__file__).read_text("utf-8")])
    named |= {f"torch.optim.{name}" for name, _ in OPTIMISERS}
    missing = [
        n
        for n in page_torch.covered()
        if n.replace("autograd.", "") not in named and n.removesuffix("_") not in named | ELSEWHERE
    ]
    assert missing == []


def test_all_that_is_covered_is_torchs_and_called_as_there():
    """The judge's rules go by a function's own name and module, however it was imported."""
    for name in page_torch.covered():
        page, real = (functools.reduce(getattr, name.split(".")[1:], lib) for lib in (PAGE, torch))
        if callable(real):
            assert page.__name__ == real.__name__, name
            assert page.__module__.partition(".")[0] == "torch", name


def test_what_torch_has_and_the_page_has_not_says_so():
    for make in (
        lambda: PAGE.fft,
        lambda: PAGE.tensor(1.0).bernoulli_,
        lambda: PAGE.nn.Conv2d,
        lambda: PAGE.nn.Module().register_buffer,
        lambda: PAGE.special,
    ):
        with pytest.raises(AttributeError, match="is not in the page: run this in JupyterLab"):
            make()
    assert not hasattr(PAGE, "fft")
    assert hasattr(PAGE.Tensor, "numpy")
    with pytest.raises(AttributeError, match=r"^module 'torch' has no attribute 'sofmax'$"):
        _ = PAGE.sofmax


def test_the_names_of_torch_are_those_of_this_torch():
    """In a process of its own, since what is imported adds names."""
    ask = "import page_torch_names as names; print(names.packed(), end='')"
    packed = subprocess.run(
        [sys.executable, "-c", ask], cwd=BOOK / "scripts", capture_output=True, text=True, check=True
    )
    assert packed.stdout
    assert packed.stdout in (BOOK / "page_torch" / "names.py").read_text("utf-8")


def test_it_is_small_and_imports_nothing_else():
    lines = 0
    for path in (BOOK / "page_torch").glob("*.py"):
        source = path.read_text("utf-8")
        lines += len(source.splitlines())
        assert len(source.splitlines()) <= 400, path.name
        for node in ast.walk(ast.parse(source)):
            names = [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert all(name.partition(".")[0] in sys.stdlib_module_names for name in names), path.name
    assert lines <= 5000
