"""Making tensors, converting and comparing them."""

from __future__ import annotations

import math
import warnings
from typing import Any

from . import dtypes
from .dtypes import DEFAULT, device, dtype
from .pointwise import broadcast, laid_out, repeated
from .registry import not_in_page, public, shape_of
from .tape import record, renamed
from .tensor import Tensor, flat, make, nested, overwrite, plain


def started(
    data: list[Any], shape: Any, kind: dtype, requires_grad: bool = False, where: Any = None
) -> Tensor:
    """A new tensor of numbers, rounded to a dtype."""
    if where is not None:
        device(where)
    if min(shape, default=0) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return make(kind.keep(data), shape, kind).requires_grad_(requires_grad)


def sized(name: str, size: Any) -> Any:
    """A size, which must be a sequence."""
    if not isinstance(size, list | tuple):
        place = 1 if name == "full" else 2
        told = f"argument 'size' (position {place}) must be tuple of ints, not {type(size).__name__}"
        raise TypeError(f"{name}(): {told}")
    return size


def dtype_of_numbers(numbers: list[Any]) -> dtype:
    """The dtype that Python's numbers, or tensors of one, become together."""
    found = None
    for x in numbers:
        if isinstance(x, str):
            raise TypeError("new(): invalid data type 'str'")
        if isinstance(x, complex):
            raise not_in_page("a complex tensor")
        if not isinstance(x, Tensor | int | float):
            raise RuntimeError(f"Could not infer dtype of {type(x).__name__}")
        kind = x.dtype if isinstance(x, Tensor) else dtypes.of_number(x)
        found = kind if found is None else dtypes.promote(found, kind)
    return found or DEFAULT[0]


@public("torch")
def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of numbers in nested lists, or a copy of a tensor."""
    if isinstance(data, Tensor):
        told = "sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True)"
        warnings.warn(
            f"To copy construct from a tensor, it is recommended to use {told}, rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=3,
        )
        return clone(data.detach()).to(dtype or data.dtype).requires_grad_(requires_grad)
    numbers, shape = nested(data)
    kind = dtype or dtype_of_numbers(numbers)
    dtype_of_numbers(numbers)
    numbers = [x.item() if isinstance(x, Tensor) else x for x in numbers]
    if kind.kind == "i" and any(isinstance(x, int) and not -(2**63) <= x < 2**63 for x in numbers):
        raise ValueError("Overflow when unpacking long long")
    return started(numbers, shape, kind, requires_grad, device)


@public("torch", "as_tensor", "asarray")
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The tensor itself, or one made of the data."""
    return (
        data.to(dtype or data.dtype) if isinstance(data, Tensor) else tensor(data, dtype=dtype, device=device)
    )


def _filled(name: str, value: Any) -> None:
    def create(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        shape, kind = shape_of(size), dtype or DEFAULT[0]
        return started([value] * math.prod(shape), shape, kind, requires_grad, device)

    public("torch", name)(create)
    public("torch", f"{name}_like")(
        lambda input, *, dtype=None, requires_grad=False, **kw: laid_out(
            create(input._shape, dtype=dtype or input.dtype, **kw), input
        ).requires_grad_(requires_grad)
    )
    public("Tensor", f"new_{name}")(
        lambda self, *size, dtype=None, **kw: create(*size, dtype=dtype or self.dtype, **kw)
    )


for _name, _value in (("zeros", 0), ("ones", 1), ("empty", 0)):
    _filled(_name, _value)


@public("torch")
def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of one number everywhere."""
    kind, shape = dtype or dtype_of_numbers([fill_value]), shape_of([sized("full", size)])
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    return started([value] * math.prod(shape), shape, kind, requires_grad, device)


public("torch", "full_like")(
    lambda input, fill_value, *, dtype=None, **kw: full(
        input._shape, fill_value, dtype=dtype or input.dtype, **kw
    )
)
public("Tensor", "new_full")(
    lambda self, size, fill_value, *, dtype=None: full(size, fill_value, dtype=dtype or self.dtype)
)
public("Tensor", "new_tensor")(
    lambda self, data, *, dtype=None, **kw: tensor(data, dtype=dtype or self.dtype, **kw)
)


@public("torch")
def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, … up to, not including, the end."""
    start, end = (0, start) if end is None else (start, end)
    start, end, step = (x.item() if isinstance(x, Tensor) else x for x in (start, end, step))
    kind = dtype or (dtypes.int64 if all(isinstance(x, int) for x in (start, end, step)) else DEFAULT[0])
    if step == 0 or (end - start) * step < 0:
        told = "upper bound and lower bound inconsistent with step sign" if step else "step must be nonzero"
        raise RuntimeError(told)
    count = math.ceil((end - start) / step)
    return started([start + i * step for i in range(count)], [count], kind, requires_grad, device)


@public("torch")
def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers at equal distances, both ends included."""
    start, end = (float(x) for x in (start, end))
    gap = (end - start) / (steps - 1) if steps > 1 else 0.0
    data = [
        start + i * gap if i < steps / 2 or steps == 1 else end - (steps - 1 - i) * gap for i in range(steps)
    ]
    return started(data, [steps], dtype or DEFAULT[0], requires_grad, device)


@public("torch")
def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """1 on the diagonal, 0 elsewhere."""
    columns = n if m is None else m
    data = [int(i == j) for i in range(n) for j in range(columns)]
    return started(data, [n, columns], dtype or DEFAULT[0], requires_grad, device)


# --- copies and conversions ---------------------------------------------------------------------------------


@public("torch Tensor")
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with a storage of its own."""
    out = make(list(flat(input)), input._shape, input.dtype)
    out = laid_out(out, input) if str(memory_format) in ("None", "torch.preserve_format") else out
    return record("CloneBackward0", out, [input], [lambda g: g])


@public("Tensor")
def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its numbers lie in order, else a copy."""
    return input if plain(input._shape, input._stride) else clone(input, memory_format="contiguous")


@public("Tensor")
def to(input: Tensor, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False) -> Tensor:
    """In another dtype; the tensor itself if it has that already."""
    for given in (*args, device):
        dtype = (
            given.dtype if isinstance(given, Tensor) else given if isinstance(given, dtypes.dtype) else dtype
        )
        if isinstance(given, str):
            dtypes.device(given)
    before = input.dtype
    if dtype is None or dtype is before:
        return clone(input) if copy else input
    out = laid_out(make(dtype.keep(flat(input)), input._shape, dtype), input)
    return record("ToCopyBackward0", out, [input], [lambda g: g.to(before)])


for _name in ("float", "double", "half", "bfloat16", "long", "int", "short", "bool"):
    public("Tensor", _name)(lambda input, _kind=dtypes.BY_NAME[_name]: to(input, _kind))
public("Tensor", "cpu")(lambda input: input)


@public("Tensor")
def copy_(input: Tensor, src: Tensor) -> Tensor:
    """Overwrite with the numbers of another tensor, broadcast."""
    shape = broadcast(input._shape, src._shape)
    if shape != input._shape:
        told = f"{list(input._shape)} doesn't match the broadcast shape {list(shape)}"
        raise RuntimeError(f"output with shape {told}")
    return overwrite(input, renamed("CopyBackwards", clone(src.expand(shape).to(input.dtype))))


@public("Tensor")
def fill_(input: Tensor, value: Any) -> Tensor:
    """Overwrite with one number."""
    return copy_(input, as_tensor(value).to(input.dtype))


public("Tensor", "zero_")(lambda input: fill_(input, 0))


@public("torch Tensor in-place", "clamp", "clip")
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """No less than `min`, no more than `max`."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        low, high = (None if x is None else as_tensor(x) for x in (min, max))
        out = input if low is None else input.maximum(low)
        return renamed("ClampBackward0", out if high is None else out.minimum(high))
    kind = dtypes.result_type(input, *(x for x in (min, max) if x is not None))
    low, high = (edge if x is None else kind.keep([x])[0] for x, edge in ((min, -math.inf), (max, math.inf)))
    numbers = flat(input) if input.dtype is kind else kind.keep(flat(input))
    out = make([low if x < low else high if x > high else x for x in numbers], input._shape, kind)
    pull = lambda g: g * ((input > low) & (input < high))  # noqa: E731
    return record("ClampBackward1", out, [input], [pull], [input])


public("torch Tensor in-place", "clamp_min")(
    lambda input, min: renamed("ClampMinBackward0", clamp(input, min=min))
)
public("torch Tensor in-place", "clamp_max")(
    lambda input, max: renamed("ClampMaxBackward0", clamp(input, max=max))
)


@public("torch Tensor in-place")
def nan_to_num(input: Tensor, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
    """NaN and infinities replaced by numbers."""
    if input.dtype.kind != "f":
        return clone(input)
    limits, finite = dtypes.finfo(input.dtype), input.detach().isfinite()
    high, low = limits.max if posinf is None else posinf, limits.min if neginf is None else neginf
    data = [nan if x != x else high if x == math.inf else low if x == -math.inf else x for x in flat(input)]
    return record(
        "NanToNumBackward0", started(data, input._shape, input.dtype), [input], [lambda g: g * finite]
    )


public("torch Tensor in-place", "lerp")(
    lambda input, end, weight: renamed("LerpBackward0", input + weight * (end - input))
)
public("torch Tensor in-place", "addcmul")(
    lambda input, tensor1, tensor2, *, value=1: renamed(
        "AddcmulBackward0", input + value * (tensor1 * tensor2)
    )
)
public("torch Tensor in-place", "addcdiv")(
    lambda input, tensor1, tensor2, *, value=1: renamed(
        "AddcdivBackward0", input + value * (tensor1 / tensor2)
    )
)


# --- comparing whole tensors --------------------------------------------------------------------------------


@public("torch Tensor")
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape and the same numbers."""
    return input._shape == other._shape and all(x == y for x, y in zip(flat(input), flat(other), strict=True))


@public("torch Tensor")
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """|input − other| ≤ atol + rtol |other|, entry by entry."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype.title} did not match {other.dtype.title}")

    def near(x: Any, y: Any) -> bool:
        return x == y or (x != x and y != y and equal_nan) or (
            abs(x - y) <= atol + abs(rtol * y) and math.isfinite(y) and math.isfinite(x)
        )  # fmt: skip

    shape = broadcast(input._shape, other._shape)
    return make(list(map(near, repeated(input, shape), repeated(other, shape))), shape, dtypes.bool_)


@public("torch Tensor")
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether `isclose` holds everywhere."""
    return all(flat(isclose(input, other, rtol, atol, equal_nan)))


public("torch", "is_tensor")(lambda obj: isinstance(obj, Tensor))
public("torch", "numel")(lambda input: input.numel())
public("torch", "is_floating_point")(lambda input: input.is_floating_point())
public("torch", "get_default_dtype")(lambda: DEFAULT[0])
public("torch", "set_default_dtype")(lambda d: DEFAULT.__setitem__(0, d))
