"""Where each function can be called: in torch, as a method, in torch.nn.functional, in torch.linalg."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from .dtypes import Size, rank
from .names import not_in_page as not_in_page
from .tape import Mode
from .tensor import METHODS, PROPERTIES, Storage, Tensor, over, overwrite

HOMES = {"torch": "torch", "Tensor": "torch.Tensor", "F": "torch.nn.functional", "linalg": "torch.linalg"}
PUBLIC: dict[str, dict[str, Any]] = {home: {} for home in HOMES.values()}
TORCH = PUBLIC["torch"]
SEVERAL = re.compile(
    r"add|addcdiv|addcmul|all|any|arange|argsort|bitwise_and|bitwise_or|bitwise_xor|bmm|clamp|clamp_max|cl"
    r"amp_min|clip|count_nonzero|div|divide|eq|eye|floor_divide|ge|gt|le|lerp|linspace|lt|masked_fill|max|"
    r"mean|min|mm|movedim|multiply|narrow|ne|pow|prod|remainder|rsub|scatter|sort|squeeze|std|sub|subtract"
    r"|sum|to|true_divide|var|view|where"
)
NUMPY = {"axis": "dim", "keepdims": "keepdim", "x": "input"}  # names that torch takes as well


def public(where: str, *names: str) -> Callable:
    """Make a function part of modules, or a method, under its own name or others.

    Args:
        where: some of "torch", "Tensor", "F" and "linalg"; and "in-place" for a method that ends in "_".
        names: under which.
    """

    def register(function: Callable) -> Callable:
        for name in names or (function.__name__,):
            for place in where.split():
                if place == "in-place":
                    add_method(f"{name}_", in_place(function, name))
                elif place == "Tensor":
                    add_method(name, _called(function, name, "torch", method=True))
                else:
                    PUBLIC[HOMES[place]][name] = _called(function, name, HOMES[place])
        return function

    return register


def add_method(name: str, function: Any) -> None:
    """Make a function, or a property, one of tensors."""
    PUBLIC["torch.Tensor"][name] = function
    if not isinstance(function, property) and function.__name__ == "<lambda>":
        function.__name__, function.__module__ = name, "torch"
    setattr(Tensor, name, function)


def _called(function: Callable, name: str, home: str, *, method: bool = False) -> Callable:
    """The function as torch has it: in a module, a first argument called `input` must be a tensor."""
    code = function.__code__
    first = code.co_varnames[0] if code.co_argcount and not method else ""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs and not NUMPY.keys().isdisjoint(kwargs):
            kwargs = {NUMPY.get(key, key): value for key, value in kwargs.items()}
        if first == "input" and args and not isinstance(args[0], Tensor):
            told = f"argument 'input' (position 1) must be Tensor, not {type(args[0]).__name__}"
            raise TypeError(
                f"{name}(): {told}" if name not in ("max", "min") else _misfit(name, function, args, None)
            )
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__.tb_next is not None:  # raised inside
                raise
            raise TypeError(_misfit(name, function, args, error, method)) from None

    call.__name__ = call.__qualname__ = f"linalg_{name}" if home == "torch.linalg" else name
    call.__module__ = home
    return call


def _misfit(name: str, function: Callable, args: Any, error: Any, method: bool = False) -> str:
    """What torch says of arguments that do not fit: less, where a function can be called in several ways."""
    if SEVERAL.fullmatch(name):
        told = ", ".join(type(value).__name__ for value in args[1:])
        return f"{name}() received an invalid combination of arguments - got ({told})"
    if function.__code__.co_argcount == 1 and len(args) > 1 and method:
        return f"TensorBase.{name}() takes no arguments ({len(args) - 1} given)"
    return str(error).replace(f"{function.__qualname__}()", f"{name}()")


def in_place(function: Callable, name: str) -> Callable:
    """The method that puts the function's result where its first argument was."""

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        out = function(_twin(self) if Mode.recording and self.requires_grad else self, *args, **kwargs)
        if rank(out.dtype) > rank(self.dtype):
            told = f"{out.dtype.title} can't be cast to the desired output type {self.dtype.title}"
            raise RuntimeError(f"result type {told}")
        if out._shape != self._shape:
            told = f"{list(self._shape)} doesn't match the broadcast shape {list(out._shape)}"
            raise RuntimeError(f"output with shape {told}")
        return overwrite(self, out)

    call.__name__, call.__module__ = f"{name}_", "torch"
    return call


def _twin(t: Tensor) -> Tensor:
    """The tensor with its history, over a storage of its own."""
    twin = over(Storage(list(t._storage.data)), t._shape, t.dtype, t._stride, t._offset)
    twin._node, twin._slot, twin._wants = t.grad_fn, t._slot, t._wants
    return twin


def shape_of(sizes: Any) -> Size:
    """Sizes given one by one, or as one sequence."""
    if not sizes:
        raise TypeError('missing 1 required positional arguments: "size"')
    sizes = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], list | tuple) else sizes
    for place, size in enumerate(sizes):
        if not hasattr(size, "__index__"):
            told = f"found element of type {type(size).__name__} at pos {place}"
            raise TypeError(f"shape must be a tuple of ints, but {told}")
    return Size(size.__index__() for size in sizes)


for _name, _function in METHODS.items():
    add_method(_name, _function)
for _name, _function in PROPERTIES.items():
    add_method(_name, property(_function))
