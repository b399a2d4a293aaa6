"""Random numbers: torch's generator for the CPU, a Mersenne Twister, and what is drawn from it."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator
from typing import Any

from . import dtypes
from .dtypes import DEFAULT
from .registry import PUBLIC, not_in_page, public, shape_of
from .tensor import Tensor, flat, make, overwrite


class Generator:
    """A stream of random numbers."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device = dtypes.device(device)
        self._core = random.Random()
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to a seed."""
        self._seed = int(seed)
        words = [self._seed & 0xFFFFFFFF]
        for i in range(1, 624):
            words.append((1812433253 * (words[-1] ^ (words[-1] >> 30)) + i) & 0xFFFFFFFF)
        self._core.setstate((3, (*words, 624), None))
        self._next: float | None = None
        return self

    def initial_seed(self) -> int:
        return self._seed

    def seed(self) -> int:
        return self.manual_seed(random.SystemRandom().getrandbits(63)).initial_seed()

    def get_state(self) -> Any:
        return State((self._core.getstate(), self._next, self._seed))

    def set_state(self, state: Any) -> Generator:
        core, self._next, self._seed = state.content
        self._core.setstate(core)
        return self

    def bits32(self) -> int:
        """The next 32 bits."""
        return self._core.getrandbits(32)

    def bits64(self) -> int:
        """The next 64 bits, the high half first."""
        high = self._core.getrandbits(32)
        return high << 32 | self._core.getrandbits(32)

    def uniform(self, kind: dtypes.dtype) -> float:
        """A number of [0, 1) with as many bits as the dtype's fraction."""
        if kind is dtypes.float64:
            return (self.bits64() & (1 << 53) - 1) * 2.0**-53
        bits = {"float32": 24, "float16": 11, "bfloat16": 8}[kind.name]
        return (self.bits32() & (1 << bits) - 1) * 2.0**-bits

    def normal(self) -> float:
        """A standard normal number; they are made in pairs."""
        if self._next is not None:
            value, self._next = self._next, None
            return value
        turn, share = self.uniform(dtypes.float64), self.uniform(dtypes.float64)
        radius, angle = math.sqrt(-2 * math.log1p(-share)), 2 * math.pi * turn
        self._next = radius * math.sin(angle)
        return radius * math.cos(angle)


Generator.__module__ = "torch"


class State:
    """Where a generator stands."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def clone(self) -> State:
        return self


default_generator = Generator()
public("torch", "manual_seed")(lambda seed: default_generator.manual_seed(seed))
public("torch", "seed")(lambda: default_generator.seed())
public("torch", "initial_seed")(lambda: default_generator.initial_seed())
public("torch", "get_rng_state")(lambda: default_generator.get_state())
public("torch", "set_rng_state")(lambda new_state: default_generator.set_state(new_state) and None)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Random numbers drawn inside leave the stream outside as it was."""
    state = default_generator.get_state()
    try:
        yield
    finally:
        if enabled:
            default_generator.set_state(state)


def normals(
    count: int, kind: dtypes.dtype, source: Generator, mean: float = 0.0, std: float = 1.0
) -> list[float]:
    """Normal numbers as torch draws them: one by one if they are fewer than 16, else in blocks of 16."""
    if count < 16:
        return kind.keep([source.normal() * std + mean for _ in range(count)])
    data = [source.uniform(kind) for _ in range(count)]
    for start in range(0, count - 15, 16):
        data[start : start + 16] = _block(data[start : start + 16], kind, mean, std)
    if count % 16:
        data[-16:] = _block([source.uniform(kind) for _ in range(16)], kind, mean, std)
    return data


def _block(draws: list[float], kind: dtypes.dtype, mean: float, std: float) -> list[float]:
    """Box and Muller's transform of 16 uniform numbers, the cosines first."""
    keep = kind.keep
    radii = keep([math.sqrt(-2 * x) for x in keep([math.log(x) for x in keep([1 - u for u in draws[:8]])])])
    angles = keep([keep([2 * math.pi])[0] * u for u in draws[8:]])
    found = [r * math.cos(a) for r, a in zip(radii, angles, strict=True)]
    found += [r * math.sin(a) for r, a in zip(radii, angles, strict=True)]
    return keep([x * std + mean for x in keep(found)])


def _made(data: list[Any], shape: Any, kind: dtypes.dtype, requires_grad: bool) -> Tensor:
    out = make(data, shape, kind)
    return out.requires_grad_() if requires_grad else out


@public("torch")
def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform numbers of [0, 1)."""
    shape, kind, source = shape_of(size), dtype or DEFAULT[0], generator or default_generator
    return _made([source.uniform(kind) for _ in range(math.prod(shape))], shape, kind, requires_grad)


@public("torch")
def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal numbers."""
    shape, kind = shape_of(size), dtype or DEFAULT[0]
    if kind.kind != "f":
        raise NotImplementedError(f"\"normal_kernel_cpu\" not implemented for '{kind.title}'")
    return _made(normals(math.prod(shape), kind, generator or default_generator), shape, kind, requires_grad)


@public("torch")
def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Normal numbers."""
    if size is not None:
        shape = shape_of([size])
        return make(
            normals(math.prod(shape), DEFAULT[0], generator or default_generator, mean, std),
            shape,
            DEFAULT[0],
        )
    like = mean if isinstance(mean, Tensor) else std
    return randn(like._shape, generator=generator, dtype=like.dtype) * std + mean


@public("torch")
def randint(low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = None,
            device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Whole numbers from `low` up to, not including, `high`."""
    if size is None:
        low, high, size = 0, low, high
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    shape, kind = shape_of([size]), dtype or dtypes.int64
    return make(kind.keep(_whole(low, high, math.prod(shape), generator or default_generator)), shape, kind)


def _whole(low: int, high: int, count: int, source: Generator) -> list[int]:
    span = high - low
    draw = source.bits64 if span >= 2**32 else source.bits32
    return [draw() % span + low for _ in range(count)]


for _name in ("rand", "randn"):
    public("torch", f"{_name}_like")(
        lambda input, *, dtype=None, requires_grad=False, generator=None, _of=PUBLIC["torch"][_name]: _of(
            input._shape, dtype=dtype or input.dtype, requires_grad=requires_grad, generator=generator
        )
    )


@public("torch")
def randint_like(input: Tensor, low: int, high: Any = None, *, dtype: Any = None) -> Tensor:
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input._shape, dtype=dtype or input.dtype)


@public("torch")
def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """0 to n − 1 in random order."""
    source, order = generator or default_generator, list(range(n))
    for i in range(n - 1):
        j = i + source.bits32() % (n - i)
        order[i], order[j] = order[j], order[i]
    return (
        make(order, [n], dtypes.int64)
        if dtype in (None, dtypes.int64)
        else make(order, [n], dtypes.int64).to(dtype)
    )


@public("Tensor")
def uniform_(
    input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with uniform numbers."""
    source, keep = generator or default_generator, input.dtype.keep
    draws = [source.uniform(input.dtype) for _ in range(input.numel())]
    (span,), (start,) = keep([keep([to])[0] - keep([from_])[0]]), keep([from_])
    data = keep([x + start for x in keep([u * span for u in draws])])
    return overwrite(input, make(data, input._shape, input.dtype))


@public("Tensor")
def normal_(
    input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with normal numbers."""
    data = normals(input.numel(), input.dtype, generator or default_generator, mean, std)
    return overwrite(input, make(data, input._shape, input.dtype))


@public("Tensor")
def random_(
    input: Tensor, from_: int | None = None, to: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with whole numbers; without bounds, with all that the dtype holds from 0."""
    source = generator or default_generator
    if from_ is None:
        if input.dtype is not dtypes.int64:
            raise not_in_page(f"random_ for {input.dtype}")
        data = [source.bits64() % 2**63 for _ in range(input.numel())]
    else:
        low, high = (0, from_) if to is None else (from_, to)
        data = _whole(low, high, input.numel(), source)
    return overwrite(input, make(input.dtype.keep(data), input._shape, input.dtype))
