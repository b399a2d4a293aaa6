"""Random numbers: torch's generator for the CPU, a Mersenne Twister, and what is drawn from it."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator
from typing import Any

from . import dtypes
from .creation import sized, started
from .dtypes import DEFAULT, dtype
from .registry import not_in_page, public, shape_of
from .tensor import Tensor, make, overwrite


class Generator:
    """A stream of random numbers."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device, self._core = dtypes.device(device), random.Random()
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to a seed."""
        words, self._seed, self._next = [int(seed) & 0xFFFFFFFF], int(seed), None
        for i in range(1, 624):
            words.append((1812433253 * (words[-1] ^ (words[-1] >> 30)) + i) & 0xFFFFFFFF)
        self._core.setstate((3, (*words, 624), None))
        return self

    def initial_seed(self) -> int:
        """The seed."""
        return self._seed

    def get_state(self) -> Any:
        """Where the stream stands."""
        return self._core.getstate(), self._next, self._seed

    def set_state(self, new_state: Any) -> Generator:
        """Go on from where a stream stood."""
        state, self._next, self._seed = new_state
        self._core.setstate(state)
        return self

    def bits(self, count: int = 32) -> int:
        """The next 32 bits, or 64, the high half first."""
        high = self._core.getrandbits(32)
        return high if count == 32 else high << 32 | self._core.getrandbits(32)

    def uniform(self, kind: dtype) -> float:
        """A number of [0, 1) with as many bits as the dtype's fraction."""
        if kind.bits == 16:
            raise not_in_page(f"a random tensor of {kind}")
        digits, count = (53, 64) if kind is dtypes.float64 else (24, 32)
        return (self.bits(count) & (1 << digits) - 1) * 2.0**-digits

    def normal(self) -> float:
        """A standard normal number; they are made in pairs."""
        value, self._next = self._next, None
        if value is not None:
            return value
        turn, share = self.uniform(dtypes.float64), self.uniform(dtypes.float64)
        radius, angle = math.sqrt(-2 * math.log1p(-share)), 2 * math.pi * turn
        self._next = radius * math.sin(angle)
        return radius * math.cos(angle)

    def normals(self, count: int, kind: dtype, mean: float = 0.0, std: float = 1.0) -> list[float]:
        """Normal numbers as torch draws them: one by one if they are fewer than 16, else in blocks of 16."""
        if count < 16:
            return kind.keep([self.normal() * std + mean for _ in range(count)])
        data = [self.uniform(kind) for _ in range(count)]
        for start in range(0, count - 15, 16):
            data[start : start + 16] = _block(data[start : start + 16], kind, mean, std)
        if count % 16:
            data[-16:] = _block([self.uniform(kind) for _ in range(16)], kind, mean, std)
        return data


Generator.__module__ = "torch"
default_generator = Generator()


def _block(draws: list[float], kind: dtype, mean: float, std: float) -> list[float]:
    """Box and Muller's transform of 16 uniform numbers, the cosines first."""
    keep = kind.keep
    radii = keep([math.sqrt(-2 * x) for x in keep([math.log(1 - u) for u in draws[:8]])])
    angles = keep([keep([2 * math.pi])[0] * u for u in draws[8:]])
    found = [r * turn(a) for turn in (math.cos, math.sin) for r, a in zip(radii, angles, strict=True)]
    return keep([x * std + mean for x in keep(found)])


public("torch", "manual_seed")(lambda seed: default_generator.manual_seed(seed))
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
        default_generator.set_state(state)


@public("torch")
def rand(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform numbers of [0, 1)."""
    shape, kind, source = shape_of(size), dtype or DEFAULT[0], generator or default_generator
    return started(
        [source.uniform(kind) for _ in range(math.prod(shape))], shape, kind, requires_grad, device
    )


@public("torch")
def randn(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Standard normal numbers."""
    shape, kind, source = shape_of(size), dtype or DEFAULT[0], generator or default_generator
    if kind.kind != "f":
        raise NotImplementedError(f"\"normal_kernel_cpu\" not implemented for '{kind.title}'")
    return started(source.normals(math.prod(shape), kind), shape, kind, requires_grad, device)


for _of in (rand, randn):
    public("torch", f"{_of.__name__}_like")(
        lambda input, *, dtype=None, _of=_of, **kw: _of(input._shape, dtype=dtype or input.dtype, **kw)
    )


@public("torch")
def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    """Whole numbers from `low` up to, not including, `high`."""
    low, high, size = (0, low, sized("randint", high)) if size is None else (low, high, size)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    shape, source, count = shape_of([size]), generator or default_generator, 64 if high - low >= 2**32 else 32
    data = [source.bits(count) % (high - low) + low for _ in range(math.prod(shape))]
    return started(data, shape, dtype or dtypes.int64, where=device)


@public("torch")
def randperm(n: int, *, generator: Any = None, dtype: Any = None, device: Any = None) -> Tensor:
    """0 to n − 1 in random order."""
    source, order = generator or default_generator, list(range(n))
    for i in range(n - 1):
        j = i + source.bits() % (n - i)
        order[i], order[j] = order[j], order[i]
    return started(order, [n], dtype or dtypes.int64, where=device)


@public("Tensor")
def uniform_(input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None) -> Tensor:
    """Overwrite with uniform numbers."""
    keep, (low, high) = input.dtype.keep, input.dtype.keep([from_, to])
    span = keep([high - low])[0]
    draws = rand(input._shape, generator=generator, dtype=input.dtype)._storage.data
    data = keep([x + low for x in keep([u * span for u in draws])])
    return overwrite(input, make(data, input._shape, input.dtype))


@public("Tensor")
def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Overwrite with normal numbers."""
    data = (generator or default_generator).normals(input.numel(), input.dtype, mean, std)
    return overwrite(input, make(data, input._shape, input.dtype))
