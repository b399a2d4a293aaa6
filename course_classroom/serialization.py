"""Serialization: values as JSON, all that passes between grader and worker process.

Numbers, strings, tuples, lists, dictionaries and tensors travel by value and arrive exactly; an exception
travels as its type's name and its message. Nothing is unpickled, so nothing that arrives can run.
"""

from __future__ import annotations

import builtins
import dataclasses
import inspect
import math
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

MOST_NUMBERS = 200_000
MOST_CHARACTERS = 100_000
DEEPEST = 16
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    )
}  # fmt: skip


class NotMarkable(TypeError):
    """A value of a kind, or of a size, that cannot be marked."""


@dataclasses.dataclass(frozen=True)
class Unmarkable:
    """Stands for what could not be marked; equals nothing but itself."""

    reason: str


@dataclasses.dataclass(frozen=True)
class Array:
    """A NumPy array that arrived, as nested lists of its numbers; the judge takes it as it takes NumPy's."""

    numbers: Any

    def tolist(self) -> Any:
        """The numbers."""
        return self.numbers


def encode(value: Any, _depth: int = 0) -> Any:
    """Turn a value into what `json.dumps` takes.

    Args:
        value: None, ..., a bool, int, float, str, NumPy scalar or array, a tuple, list or dict of such, or a
            dense tensor of a dtype in `DTYPES`, on any device.

    Returns:
        Plain data from which `decode` makes the same value; subclasses arrive as what they extend.

    Raises:
        NotMarkable: for any other kind of value, a whole number of more than 63 bits, more than 200,000
            numbers in one tensor or container or 100,000 characters, or containers more than 16 deep.
    """
    if _depth > DEEPEST:
        raise NotMarkable(f"value must not be nested more than {DEEPEST} deep")
    # The methods of the base classes are called, not the value's own, which a student may have written.
    if value is None or isinstance(value, bool):
        return value
    if value is ...:
        return {"ellipsis": True}
    numpy = sys.modules.get("numpy")  # nothing here needs it; a value of it can only be there if it is
    if numpy is not None and isinstance(value, numpy.generic):
        value = value.item()
    if numpy is not None and isinstance(value, numpy.ndarray):
        _refuse_large(value.size, MOST_NUMBERS, "numbers")
        return {"array": encode(numpy.asarray(value).tolist(), _depth)}
    if isinstance(value, int):
        if int.bit_length(value) > 63:
            raise NotMarkable("value must be a whole number of at most 63 bits")
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, str):
        _refuse_large(str.__len__(value), MOST_CHARACTERS, "characters")
        return str.__str__(value)
    if isinstance(value, Tensor):
        return {"tensor": _tensor_to_data(value)}
    if isinstance(value, tuple):
        _refuse_large(tuple.__len__(value), MOST_NUMBERS, "entries")
        return {"tuple": [encode(entry, _depth + 1) for entry in tuple.__iter__(value)]}
    if isinstance(value, list):
        _refuse_large(list.__len__(value), MOST_NUMBERS, "entries")
        return [encode(entry, _depth + 1) for entry in list.__iter__(value)]
    if isinstance(value, dict):
        _refuse_large(dict.__len__(value), MOST_NUMBERS, "entries")
        pairs = dict.items(value)
        return {"dict": [[encode(key, _depth + 1), encode(entry, _depth + 1)] for key, entry in pairs]}
    raise NotMarkable(f"value must be numbers, text, tensors or tuples of them, got {type(value).__name__}")


def decode(data: Any) -> Any:
    """Make the value that `encode` took apart.

    Args:
        data: what `json.loads` gave; nothing about it is trusted.

    Returns:
        The value. An exception arrives as one of Python's own type, or of a new type with that name; what
        could not be marked arrives as an `Unmarkable` with the reason.

    Raises:
        ValueError: if `data` is not of `encode`'s form.
    """
    if isinstance(data, int) and data.bit_length() > 63:
        raise ValueError("data must hold whole numbers of at most 63 bits")
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if isinstance(data, list):
        return [decode(entry) for entry in data]
    if not isinstance(data, dict) or len(data) != 1:
        raise ValueError(f"data must be of encode's form, got {type(data).__name__}")
    ((kind, content),) = data.items()
    try:
        return _DECODERS[kind](content)
    except (KeyError, TypeError, RuntimeError, OverflowError) as error:
        raise ValueError(f"data must be of encode's form, got a {kind[:40]!r} that is not") from error


def encode_exception(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: its type's name and at most 500 characters of its message."""
    try:
        message = str(error)[:500]
    except Exception:  # the student may have written __str__
        message = ""
    return {"exception": {"type": type(error).__name__, "message": message}}


def encode_argument(value: Any) -> Any:
    """As `encode`, but a function, or a dataclass instance that can be called, travels as its source.

    Only the grader sends source, and only that of an exercise's inputs. It may use `torch`, `math`, `Tensor`
    and `dataclass`.

    Raises:
        NotMarkable: where `encode` does, or if the source of a function cannot be found by its name.
    """
    if not callable(value) or isinstance(value, type):
        return encode(value)
    made_by = value if inspect.isfunction(value) else type(value)
    if made_by.__name__ == "<lambda>" or made_by.__qualname__ != made_by.__name__:
        raise NotMarkable(f"value must be a function or class of a module, got {made_by.__qualname__}")
    fields = [] if made_by is value else [getattr(value, f.name) for f in dataclasses.fields(value)]
    content = {"source": inspect.getsource(made_by), "name": made_by.__name__}
    return {"code": content | {"fields": None if made_by is value else [encode(f) for f in fields]}}


def decode_argument(data: Any) -> Any:
    """Make the value that `encode_argument` took apart; this runs the source, and only a worker may do so."""
    if not (isinstance(data, dict) and "code" in data):
        return decode(data)
    content = data["code"]
    names: dict[str, Any] = {"torch": torch, "math": math, "Tensor": Tensor, "__name__": __name__}
    names["dataclass"] = dataclasses.dataclass
    exec(compile(content["source"], "<inputs>", "exec"), names)  # annotations stay text, as in this file
    made = names[content["name"]]
    return made if content["fields"] is None else made(*(decode(field) for field in content["fields"]))


def _refuse_large(size: int, most: int, unit: str) -> None:
    if size > most:
        raise NotMarkable(f"value must have at most {most} {unit}, got {size}")


def _tensor_to_data(tensor: Tensor) -> dict[str, Any]:
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in DTYPES or tensor.layout != torch.strided or tensor.device.type == "meta":
        raise NotMarkable(f"value must be a dense tensor of numbers, got {_layout(tensor)}")
    _refuse_large(tensor.numel(), MOST_NUMBERS, "numbers")
    return {"dtype": name, "shape": list(tensor.shape), "data": tensor.detach().cpu().reshape(-1).tolist()}


def _layout(tensor: Tensor) -> str:
    where = "on the meta device, which holds no numbers" if tensor.device.type == "meta" else ""
    return where or f"{tensor.dtype}, {tensor.layout}"


def _tensor(content: dict[str, Any]) -> Tensor:
    shape, data = content["shape"], content["data"]
    plain = all(type(n) is int and 0 <= n <= 2**31 for n in shape)
    if not plain or len(shape) > 64 or math.prod(shape) != len(data) or isinstance(data, str):
        raise ValueError("data must hold as many numbers as its shape says")
    if not all(type(x) in (int, float, bool) for x in data):
        raise ValueError("data of a tensor must be numbers")
    return torch.tensor(data, dtype=DTYPES[content["dtype"]]).reshape(shape)


def _exception(content: dict[str, str]) -> Exception:
    name = content["type"] if str(content["type"]).isidentifier() else "Exception"
    message, known = str(content["message"])[:500], getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, Exception):
        try:
            return known(message)
        except TypeError:  # those of Unicode want five arguments
            pass
    return type(name[:80], (Exception,), {})(message)


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "ellipsis": lambda _: ...,
    "tensor": _tensor,
    "tuple": lambda entries: tuple(decode(entry) for entry in entries),
    "dict": lambda pairs: {decode(key): decode(entry) for key, entry in pairs},
    "exception": _exception,
    "array": lambda numbers: Array(decode(numbers)),
    "unmarkable": lambda reason: Unmarkable(str(reason)[:200]),
}
