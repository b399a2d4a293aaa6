"""Where each function can be called: in torch, as a method, in torch.nn.functional, in torch.linalg."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .dtypes import Size
from .tensor import Storage, Tensor, _over, overwrite
from .tape import Mode

PUBLIC: dict[str, dict[str, Any]] = {
    "torch": {},
    "torch.Tensor": {},
    "torch.nn.functional": {},
    "torch.linalg": {},
}
_SHORT = {"torch": "torch", "Tensor": "torch.Tensor", "F": "torch.nn.functional", "linalg": "torch.linalg"}
NUMPY = {"axis": "dim", "keepdims": "keepdim"}  # names that torch takes as well


class NotInPage(AttributeError):
    """torch has this; the page has not."""


def not_in_page(what: str) -> NotInPage:
    """The error for what only torch itself can do."""
    return NotInPage(f"{what} is not in the page: run this in JupyterLab")


def public(where: str, *names: str) -> Callable:
    """Make a function part of modules, or a method.

    Args:
        where: some of "torch", "Tensor", "F" and "linalg"; of those, and "in-place" for a method that ends in "_".
        names: under which; the function's own if left out.
    """

    def register(function: Callable) -> Callable:
        for name in names or (function.__name__,):
            for place in where.split():
                if place == "in-place":
                    add_method(f"{name}_", in_place(function, name))
                elif place == "Tensor":
                    add_method(name, _as_method(function, name))
                else:
                    PUBLIC[_SHORT[place]][name] = as_function(function, name, _SHORT[place])
        return function

    return register


def add_method(name: str, function: Any) -> None:
    """Make a function a method of tensors."""
    PUBLIC["torch.Tensor"][name] = function
    setattr(Tensor, name, function)


def as_function(function: Callable, name: str, home: str) -> Callable:
    """The function as torch's modules have it: its first argument must be a tensor, if it is called `input`."""
    parameters = list(inspect.signature(function).parameters)
    first = parameters[0] if parameters else ""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs and not NUMPY.keys().isdisjoint(kwargs):
            kwargs = {NUMPY.get(key, key): value for key, value in kwargs.items()}
        given = args[0] if args else kwargs.get(first)
        if first == "input" and (args or first in kwargs) and not isinstance(given, Tensor):
            kind = type(given).__name__
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {kind}")
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__module__ = home
    return call


def _as_method(function: Callable, name: str) -> Callable:
    @functools.wraps(function)
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if kwargs and not NUMPY.keys().isdisjoint(kwargs):
            kwargs = {NUMPY.get(key, key): value for key, value in kwargs.items()}
        return function(self, *args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__module__ = "torch"
    return call


def in_place(function: Callable, name: str) -> Callable:
    """The method that puts the function's result where its first argument was."""

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        out = function(_twin(self) if Mode.recording and self.requires_grad else self, *args, **kwargs)
        if "bif".index(out.dtype.kind) > "bif".index(self.dtype.kind):
            raise RuntimeError(
                f"result type {out.dtype.title} can't be cast to the desired output type {self.dtype.title}"
            )
        if out._shape != self._shape:
            raise RuntimeError(
                f"output with shape {list(self._shape)} doesn't match the broadcast shape {list(out._shape)}"
            )
        return overwrite(self, out)

    call.__name__ = call.__qualname__ = f"{name}_"
    call.__module__ = "torch"
    return call


def _twin(t: Tensor) -> Tensor:
    """The tensor with its history, over a storage of its own."""
    twin = _over(Storage(list(t._storage.data)), t._shape, t.dtype, t._stride, t._offset)
    twin._node, twin._slot, twin._wants = t.grad_fn, t._slot, t._wants
    return twin


def shape_of(sizes: Any) -> Size:
    """Sizes given one by one, or as one sequence."""
    if len(sizes) == 1 and isinstance(sizes[0], list | tuple):
        sizes = sizes[0]
    for place, size in enumerate(sizes):
        if isinstance(size, float) or not hasattr(size, "__index__"):
            raise TypeError(
                f"shape must be a tuple of ints, but found element of type {type(size).__name__} at pos {place}"
            )
    return Size(size.__index__() for size in sizes)
