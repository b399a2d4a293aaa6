"""Making tensors, converting them, and their settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import dtypes
from .dtypes import DEFAULT, Size, device, dtype
from .pointwise import broadcast
from .registry import PUBLIC, add_method, as_function, not_in_page, public, shape_of
from .tape import Mode, record, renamed
from .tensor import Storage, Tensor, _nested, _over, axis, flat, make, plain, strides


def _settled(t: Tensor, requires_grad: bool) -> Tensor:
    return t.requires_grad_() if requires_grad else t


def dtype_of_numbers(numbers: list[Any]) -> dtype:
    """The dtype that a list of Python numbers, or of tensors of one, becomes."""
    found = None
    for x in numbers:
        if isinstance(x, Tensor):
            kind = x.dtype
        elif isinstance(x, bool):
            kind = dtypes.bool_
        elif isinstance(x, int | float):
            kind = dtypes.of_number(x)
        elif x is None:
            raise RuntimeError("Could not infer dtype of NoneType")
        elif isinstance(x, str):
            raise TypeError("new(): invalid data type 'str'")
        elif isinstance(x, complex):
            raise not_in_page("a complex tensor")
        else:
            raise RuntimeError(f"Could not infer dtype of {type(x).__name__}")
        found = kind if found is None else dtypes.promote(found, kind)
    return found or DEFAULT[0]


@public("torch")
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A tensor of numbers in nested lists, or a copy of a tensor."""
    _on_cpu(device)
    if isinstance(data, Tensor):
        import warnings

        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=3,
        )
        return _settled(
            data.detach().clone() if dtype is None else data.detach().to(dtype, copy=True), requires_grad
        )
    if hasattr(data, "tolist"):
        data = data.tolist()
    numbers, shape = _nested(data)
    kind = dtype or dtype_of_numbers(numbers)
    numbers = [_number(x) if isinstance(x, Tensor) else x for x in numbers]
    if kind.kind == "i" and any(isinstance(x, int) and not -(2**63) <= x < 2**64 for x in numbers):
        raise RuntimeError("Overflow when unpacking long long")
    try:
        return _settled(make(kind.keep(numbers), shape, kind), requires_grad)
    except (TypeError, ValueError):
        bad = next(x for x in numbers if not isinstance(x, int | float))
        raise TypeError(f"new(): invalid data type '{type(bad).__name__}'" if isinstance(bad, str) else
                        f"must be real number, not {type(bad).__name__}") from None  # fmt: skip


def _number(x: Tensor) -> Any:
    if x.numel() != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return x.item()


def _on_cpu(where: Any) -> None:
    if where is not None:
        device(where)


@public("torch", "as_tensor", "asarray")
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The tensor itself, or one made of the data."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return tensor(data, dtype=dtype)


def _filled(name: str, value: Any) -> None:
    def create(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None,
               pin_memory: bool = False, memory_format: Any = None, out: Any = None) -> Tensor:  # fmt: skip
        _on_cpu(device)
        shape, kind = shape_of(size), dtype or DEFAULT[0]
        for n in shape:
            if n < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(shape)}")
        return _settled(make(kind.keep([value]) * math.prod(shape), shape, kind), requires_grad)

    def like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
             memory_format: Any = None) -> Tensor:  # fmt: skip
        return create(input._shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)

    def new(
        self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        return create(*size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)

    public("torch", name)(create)
    public("torch", f"{name}_like")(like)
    public("Tensor", f"new_{name}")(new)


for _name, _value in (("zeros", 0), ("ones", 1), ("empty", 0)):
    _filled(_name, _value)


@public("torch")
def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of one number everywhere."""
    _on_cpu(device)
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind, shape = dtype or dtype_of_numbers([fill_value]), shape_of([size])
    return _settled(make(kind.keep([value]) * math.prod(shape), shape, kind), requires_grad)


@public("torch")
def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return full(input._shape, fill_value, dtype=dtype or input.dtype, requires_grad=requires_grad)


@public("Tensor")
def new_full(self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None) -> Tensor:
    return full(size, fill_value, dtype=dtype or self.dtype)


@public("Tensor")
def new_tensor(self: Tensor, data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return tensor(data, dtype=dtype or self.dtype, requires_grad=requires_grad)


@public("torch")
def scalar_tensor(s: Any, *, dtype: Any = None) -> Tensor:
    return tensor(s, dtype=dtype or DEFAULT[0])


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
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = max(0, math.ceil((end - start) / step))
    return _settled(make(kind.keep([start + i * step for i in range(count)]), [count], kind), requires_grad)


@public("torch")
def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers at equal distances, both ends included."""
    kind = dtype or DEFAULT[0]
    start, end = (x.item() if isinstance(x, Tensor) else x for x in (start, end))
    gap = (end - start) / (steps - 1) if steps > 1 else 0.0
    (gap,) = kind.keep([gap]) if kind.kind == "f" else [gap]
    data = [
        start + i * gap if i < steps // 2 or steps == 1 else end - (steps - 1 - i) * gap for i in range(steps)
    ]
    return _settled(make(kind.keep(data), [steps], kind), requires_grad)


@public("torch")
def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None) -> Tensor:
    """base to the powers of `linspace`."""
    exact = linspace(start, end, steps, dtype=dtypes.float64)
    return (float(base) ** exact).to(dtype or DEFAULT[0])


@public("torch")
def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """1 on the diagonal, 0 elsewhere."""
    kind, columns = dtype or DEFAULT[0], n if m is None else m
    data = kind.keep([int(i == j) for i in range(n) for j in range(columns)])
    return _settled(make(data, [n, columns], kind), requires_grad)


@public("torch")
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Each vector laid out along a dimension of its own."""
    given = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else list(tensors)
    if indexing == "xy" and len(given) > 1:
        grids = meshgrid(given[1], given[0], *given[2:])
        return (grids[1].transpose(0, 1), grids[0].transpose(0, 1), *(g.transpose(0, 1) for g in grids[2:]))
    shape = [t.numel() for t in given]
    return tuple(
        t.reshape([-1 if i == at else 1 for i in range(len(given))]).expand(shape)
        for at, t in enumerate(given)
    )


@public("torch")
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Every choice of one number from each vector."""
    if len(tensors) == 1:
        return tensors[0]
    return PUBLIC["torch"]["stack"]([g.reshape(-1) for g in meshgrid(*tensors)], 1)


for _name, _keep in (
    ("tril_indices", lambda i, j, k: j - i <= k),
    ("triu_indices", lambda i, j, k: j - i >= k),
):

    def _triangle(row: int, col: int, offset: int = 0, _keep: Any = _keep) -> Tensor:
        both = [(i, j) for i in range(row) for j in range(col) if _keep(i, j, offset)]
        return make([i for i, _ in both] + [j for _, j in both], [2, len(both)], dtypes.int64)

    PUBLIC["torch"][_name] = as_function(_triangle, _name, "torch")


# --- copies and conversions ---------------------------------------------------------------------------------


@public("torch Tensor")
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with a storage of its own."""
    return record(
        "CloneBackward0", make(list(flat(input)), input._shape, input.dtype), [input], [lambda g: g]
    )


@public("Tensor")
def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its numbers lie in order, else a copy."""
    return input if plain(input._shape, input._stride) else clone(input)


@public("Tensor")
def to(
    input: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
) -> Tensor:
    """In another dtype; the tensor itself if it has that already."""
    for given in (*args, device):
        if isinstance(given, Tensor):
            dtype = given.dtype
        elif isinstance(given, dtypes.dtype):
            dtype = given
        elif isinstance(given, str | dtypes.device):
            _on_cpu(given)
    if dtype is None or dtype is input.dtype:
        return clone(input) if copy else input
    before = input.dtype
    out = make(dtype.keep(flat(input)), input._shape, dtype)
    return record("ToCopyBackward0", out, [input], [lambda g: g.to(before)])


for _name in ("float", "double", "half", "bfloat16", "long", "int", "short", "bool", "int8", "uint8"):
    _kind = dtypes.BY_NAME[_name]
    _method = {"int8": "char", "uint8": "byte"}.get(_name, _name)
    public("Tensor", _method)(lambda input, memory_format=None, _kind=_kind: to(input, _kind))


@public("Tensor")
def type_as(input: Tensor, other: Tensor) -> Tensor:
    return to(input, other.dtype)


@public("Tensor")
def type(input: Tensor, dtype: Any = None) -> Any:
    """The name of the tensor's type, or the tensor in another dtype."""
    if dtype is None:
        return input.dtype.legacy
    return to(input, next(d for d in dtypes.ALL if dtype in (d, d.legacy)))


@public("Tensor")
def cpu(input: Tensor) -> Tensor:
    return input


@public("Tensor")
def copy_(input: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Overwrite with the numbers of another tensor, broadcast."""
    from .tensor import overwrite

    src = src if isinstance(src, Tensor) else tensor(src)
    if src._shape != input._shape:
        if broadcast(input._shape, src._shape) != input._shape:
            raise RuntimeError(
                f"output with shape {list(input._shape)} doesn't match the broadcast shape "
                f"{list(broadcast(input._shape, src._shape))}"
            )
        src = src.expand(input._shape)
    return overwrite(input, renamed("CopyBackwards", clone(src.to(input.dtype))))


@public("Tensor")
def fill_(input: Tensor, value: Any) -> Tensor:
    """Overwrite with one number."""
    return copy_(input, full((), value, dtype=input.dtype) if not isinstance(value, Tensor) else value)


@public("Tensor")
def zero_(input: Tensor) -> Tensor:
    return fill_(input, 0)


@public("torch Tensor in-place")
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """No less than `min`, no more than `max`."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        out = input
        out = out if min is None else out.maximum(as_tensor(min))
        return renamed("ClampBackward0", out if max is None else out.minimum(as_tensor(max)))
    kind = dtypes.result_type(input, *(x for x in (min, max) if x is not None))
    low, high = (None if x is None else kind.keep([x])[0] for x in (min, max))
    numbers = flat(input) if input.dtype is kind else kind.keep(flat(input))
    data = numbers if low is None else [low if x < low else x for x in numbers]
    data = data if high is None else [high if x > high else x for x in data]
    out = make(list(data), input._shape, kind)

    def pull(g: Tensor) -> Tensor:
        inside = None if low is None else input >= low
        below = None if high is None else input <= high
        kept = inside if below is None else below if inside is None else inside & below
        return g * kept

    return record("ClampBackward1", out, [input], [pull], [input])


public("torch Tensor in-place", "clip")(clamp)
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
    limits = dtypes.finfo(input.dtype)
    high, low = limits.max if posinf is None else posinf, limits.min if neginf is None else neginf
    data = [nan if x != x else high if x == math.inf else low if x == -math.inf else x for x in flat(input)]
    finite = input.detach().isfinite()
    out = make(input.dtype.keep(data), input._shape, input.dtype)
    return record("NanToNumBackward0", out, [input], [lambda g: g * finite])


@public("torch Tensor in-place")
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight (end − input)."""
    return renamed("LerpBackward0", input + weight * (end - input))


for _name, _join in (("addcmul", lambda a, b: a * b), ("addcdiv", lambda a, b: a / b)):

    def _add_joined(
        input: Tensor,
        tensor1: Tensor,
        tensor2: Tensor,
        *,
        value: Any = 1,
        _join: Any = _join,
        _n: str = _name,
    ) -> Tensor:
        joined = _join(tensor1, tensor2)
        return renamed(f"{_n.capitalize()}Backward0", input + (joined if value == 1 else joined * value))

    public("torch Tensor in-place", _name)(_add_joined)


# --- comparing whole tensors --------------------------------------------------------------------------------


@public("torch Tensor")
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape and the same numbers."""
    return input._shape == other._shape and list(flat(input)) == list(flat(other)) and not _has_nan(input)


def _has_nan(t: Tensor) -> bool:
    return t.dtype.kind == "f" and any(x != x for x in flat(t))


@public("torch Tensor")
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """|input − other| ≤ atol + rtol |other|, entry by entry."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{_title(input)} did not match {_title(other)}")
    shape = broadcast(input._shape, other._shape)
    from .pointwise import spread_over

    def near(x: Any, y: Any) -> bool:
        return (
            x == y
            or (equal_nan and x != x and y != y)
            or (math.isfinite(x) and math.isfinite(y) and abs(x - y) <= atol + abs(rtol * y))
        )

    return make(list(map(near, spread_over(input, shape), spread_over(other, shape))), shape, dtypes.bool_)


def _title(t: Tensor) -> str:
    return t.dtype.title


@public("torch Tensor")
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether `isclose` holds everywhere."""
    return all(flat(isclose(input, other, rtol, atol, equal_nan)))


public("torch", "is_tensor")(lambda obj: isinstance(obj, Tensor))
public("torch", "numel")(lambda input: input.numel())
public("torch", "is_floating_point")(lambda input: input.is_floating_point())
public("torch", "is_complex")(lambda input: False)
public("torch", "is_nonzero")(lambda input: bool(input))
public("torch", "detach")(lambda input: input.detach())
public("torch", "get_default_dtype")(lambda: DEFAULT[0])
public("torch", "result_type")(lambda tensor1, tensor2: dtypes.result_type(tensor1, tensor2))
public("torch", "promote_types")(lambda type1, type2: dtypes.promote(type1, type2))
public("torch", "can_cast")(lambda from_, to: "bif".index(from_.kind) <= "bif".index(to.kind))


@public("torch")
def set_default_dtype(d: Any) -> None:
    DEFAULT[0] = d


@public("torch Tensor")
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each whole number is there."""
    if input.ndim != 1 or any(x < 0 for x in flat(input)):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    counts: list[Any] = [0.0 if weights is not None else 0] * max(minlength, max(flat(input), default=-1) + 1)
    for place, x in enumerate(flat(input)):
        counts[x] += 1 if weights is None else flat(weights)[place]
    kind = dtypes.int64 if weights is None else dtypes.float64 if weights.dtype.kind == "i" else weights.dtype
    return make(kind.keep(counts), [len(counts)], kind)
