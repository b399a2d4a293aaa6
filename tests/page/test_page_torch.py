"""The page's torch against torch: values, shapes, dtypes, gradients, graphs, errors and print, on inputs of any kind."""

from __future__ import annotations

import ast
import math
import random
import re
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_calls import ANY, FLOAT, MADE, MATRIX, listed

from course_exercises.raised import cause

BOOK = Path(__file__).resolve().parents[2] / "book"
sys.path.insert(0, str(BOOK))
import page_torch  # noqa: E402

PAGE = page_torch.torch
EXAMPLES = 6
TOLERANCE = {"float64": 1e-12, "float32": 1e-6, "float16": 1e-3, "bfloat16": 1e-2}
KINDS = ["bool", "uint8", "int32", "int64", "float32", "float64"]
# calls whose last digits depend on how a sum is ordered, or on a solver: by how much more they may differ
LOOSER = {"linalg": 1e3, "corrcoef": 1e2, "cov": 1e1, "layer_norm": 1e2, "inverse": 1e3, "det(": 1e3, "randn": 4, "normal": 4}
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
        self.tensors[name] = (numbers, shape, self.kind, grad)

    def whole(self, name: str, shape: tuple[int, ...], kind: str, low: int, high: int) -> None:
        numbers = [self.draw.randint(low, high) for _ in range(math.prod(shape))]
        self.tensors[name] = (numbers, shape, kind, False)

    def names(self, lib: Any) -> dict[str, Any]:
        found = {"torch": lib, "nn": lib.nn, "F": lib.nn.functional} | self.plain
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
            data.whole(name, shape, kind, 0, 1 if kind == "bool" else 9 if kind == "uint8" else 9)
    for name in "ij":
        data.whole(name, shape, data.draw.choice(["int32", "int64"]), -4, 6)
    for name in "kl":
        data.whole(name, shape, "bool", 0, 1)
    return data


def matrices(seed: int, kind: str) -> Data:
    data = Data(seed, kind)
    n, k, m = (data.draw.randint(2, 4) for _ in range(3))
    for name, shape in {"A": (n, k), "B": (k, m), "v": (k,), "w": (n,), "t3": (2, n, k), "r3": (2, k, m), "z": (n, 3)}.items():
        data.add(name, shape, -2, 2)
    data.add("v0", (3,), 0.5, 2)
    data.add("S", (n, n), -1, 1)
    numbers, shape, kind, grad = data.tensors["S"]
    data.tensors["S"] = ([x + 4 * (i % (n + 1) == 0) for i, x in enumerate(numbers)], shape, kind, grad)
    square = [[numbers[i * n + j] for j in range(n)] for i in range(n)]
    whole = [sum(a * b for a, b in zip(p, q, strict=True)) + 2.0 * (p is q) * (1 + i) for i, p in enumerate(square) for q in square]
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


def plain(value: Any, weight: Any = None) -> Any:
    """An outcome as plain data: a tensor's dtype, shape, numbers and graph; anything else as Python has it."""
    if type(value).__name__ in ("Tensor", "Parameter") and hasattr(value, "grad_fn"):
        node = value.grad_fn.name() if value.grad_fn is not None else None
        return {"dtype": str(value.dtype), "shape": tuple(value.shape), "numbers": value.detach().reshape(-1).tolist(),
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
            total.backward()
            found["gradients"] = {name: plain(v.grad) for name, v in inputs.items()}
    return found


def same(page: Any, real: Any, slack: float, path: str = "") -> str | None:
    """Where two outcomes differ; None if they do not."""
    if isinstance(real, dict) and isinstance(page, dict) and real.keys() == page.keys():
        if "numbers" in real:
            mine, theirs = ({k: v for k, v in side.items() if k != "numbers"} for side in (page, real))
            if mine != theirs:
                return f"{path}: {mine} where torch has {theirs}"
            return close(page["numbers"], real["numbers"], real["dtype"].removeprefix("torch."), slack, path)
        return next(filter(None, (same(page[k], real[k], slack, f"{path}/{k}") for k in real if k != "text")), None)
    if isinstance(real, list) and isinstance(page, list) and len(real) == len(page):
        pairs = enumerate(zip(page, real, strict=True))
        return next(filter(None, (same(p, r, slack, f"{path}/{i}") for i, (p, r) in pairs)), None)
    if isinstance(real, float) and isinstance(page, float):
        return close([page], [real], "float32", slack, path)
    return None if type(page) is type(real) and page == real else f"{path}: {page!r} where torch has {real!r}"


def gap_of(page: list[Any], real: list[Any]) -> float:
    """The largest difference, relative to the largest number."""
    finite = [abs(x) for x in real if math.isfinite(x)]
    size = max([1.0, *finite])
    pairs = [(p, r) for p, r in zip(page, real, strict=True) if p != r and not (p != p and r != r)]
    return max((abs(p - r) / size if math.isfinite(p) and math.isfinite(r) else math.inf for p, r in pairs), default=0.0)


WORST: dict[str, float] = {}


def close(page: list[Any], real: list[Any], kind: str, slack: float, path: str) -> str | None:
    if kind not in TOLERANCE:
        return None if page == real else f"{path}: {page} where torch has {real}"
    gap = gap_of(page, real)
    if gap <= slack * TOLERANCE[kind]:
        WORST[kind] = max(WORST.get(kind, 0.0), gap / slack)
        return None
    return f"{path}: {page} where torch has {real}, {gap:.2g} apart"


def agree(call: str, data: Data) -> None:
    slack = max([1, *(much for word, much in LOOSER.items() if word in call)])
    page, real = outcome(call, data.names(PAGE)), outcome(call, data.names(torch))
    told = same(page, real, slack)
    assert told is None, f"{told}\n  page:  {page}\n  torch: {real}\n  inputs: {data.tensors}"


shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)
kinds = st.sampled_from(["float32", "float64"])
quick = settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)


@pytest.mark.parametrize("call", listed(FLOAT))
@quick
@given(seed=random_seed, shape=shapes, kind=kinds)
def test_floating_point(call, seed, shape, kind):
    agree(call, floats(seed, shape, kind))


@pytest.mark.parametrize("call", listed(ANY))
@quick
@given(seed=random_seed, shape=shapes)
def test_any_dtype(call, seed, shape):
    agree(call, anything(seed, shape))


@pytest.mark.parametrize("call", listed(MATRIX))
@quick
@given(seed=random_seed, kind=kinds)
def test_matrices(call, seed, kind):
    agree(call, matrices(seed, kind))


@pytest.mark.parametrize("call", listed(MADE))
@settings(max_examples=1, deadline=None, database=None, derandomize=True)
@given(seed=random_seed)
def test_made_from_nothing(call, seed):
    agree(call, Data(seed))
