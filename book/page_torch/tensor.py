"""The tensor: a shape, strides and an offset over a flat storage, and what autograd knows of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from . import dtypes
from .dtypes import Size, device, dtype
from .names import missing
from .tape import Mode, Node, accumulate, checked, edge_of, node_type, record, sweep


class Storage:
    """A flat list of numbers that tensors share, and how often it was overwritten."""

    __slots__ = ("data", "version")

    def __init__(self, data: list[Any]) -> None:
        self.data, self.version = data, 0


class Tensor:
    """Numbers of one dtype in a grid of any number of dimensions."""

    _node: Node | None = None
    _slot = 0
    _wants = False
    _leaf: Any = None
    _grad: Tensor | None = None
    _base: Tensor | None = None
    _epoch = 0  # of a base: how often its history was rewritten; of a view: the base's when it was made
    device, is_sparse, is_cuda = device("cpu"), False, False

    def __new__(cls, *args: Any) -> Any:
        first = args[0] if args else []
        if isinstance(first, list | tuple) and not isinstance(first, Size):
            numbers, shape = nested(first)
            return make(dtypes.float32.keep(numbers), shape, dtypes.float32)
        shape = first if isinstance(first, Size) else args
        return make([0.0] * math.prod(shape), shape, dtypes.float32)

    def item(self) -> Any:
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self._storage.data[self._offset]

    def tolist(self) -> Any:
        numbers: Any = list(flat(self))
        if not numbers:
            return list(itertools.repeat([], self._shape[0])) if len(self._shape) > 1 else []
        for size in reversed(self._shape[1:]):
            numbers = [numbers[i : i + size] for i in range(0, len(numbers), size)]
        return numbers if self._shape else numbers[0]

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("len() of a 0-d tensor")
        return self._shape[0]

    def __bool__(self) -> bool:
        if self.numel() != 1:
            how = "more than one value" if self.numel() else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {how} is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        return float(_alone(self))

    def __int__(self) -> int:
        return int(_alone(self))

    def __index__(self) -> int:
        if self.numel() != 1 or self.dtype.kind == "f":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec) if self._shape else self.item().__format__(spec)

    __hash__ = object.__hash__

    def __iter__(self) -> Any:
        if not self._shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, Tensor | int | float):
            told = f"only supports Tensor or scalar, but you passed in a {type(value)}."
            raise RuntimeError(f"Tensor.__contains__ {told}")
        return bool((self == value).any())

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.grad_fn is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment."
            )
        if id(self) not in memo:
            store = memo.setdefault(id(self._storage), Storage(list(self._storage.data)))
            memo[id(self)] = copy = over(
                store, self._shape, self.dtype, self._stride, self._offset, type(self)
            )
            copy._wants, copy._grad = self._wants, self._grad and self._grad.__deepcopy__(memo)
        return memo[id(self)]

    @property
    def grad_fn(self) -> Node | None:
        base = self._base
        if base is not None and self._epoch != base._epoch:  # the base was overwritten since: begin there
            self._epoch, self._node = base._epoch, None
            if base.requires_grad:
                there, shape = logical(self, base), base._shape
                self._node = node_type("AsStridedBackward0")(
                    [edge_of(base)], [lambda g: spread(g, there, shape)]
                )
                self._slot = 0
        return self._node

    @property
    def requires_grad(self) -> bool:
        return self._wants or self._node is not None or (self._base is not None and self.grad_fn is not None)

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        if self.grad_fn is not None:
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
                    "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            return self
        if requires_grad and self.dtype.kind != "f":
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        self._wants = bool(requires_grad)
        return self

    @property
    def grad(self) -> Tensor | None:
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and value._shape != self._shape:
            told = f"(expected {list(self._shape)}, got {list(value._shape)})"
            raise RuntimeError(f"assigned grad has data of a different size {told}")
        self._grad = value

    @property
    def data(self) -> Tensor:
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        self._storage, self._shape, self._stride = value._storage, value._shape, value._stride
        self._offset, self.dtype = value._offset, value.dtype

    def detach(self) -> Tensor:
        return over(self._storage, self._shape, self.dtype, self._stride, self._offset)

    def retain_grad(self) -> None:
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.grad_fn is not None:
            self.grad_fn.retained[self._slot] = self

    def register_hook(self, hook: Callable) -> None:
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node, slot = edge_of(self)
        node.hooks.append((slot, hook))

    def backward(
        self, gradient: Any = None, retain_graph: Any = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        start, keep = checked(self, gradient), create_graph if retain_graph is None else retain_graph
        chosen = [inputs] if isinstance(inputs, Tensor) else inputs
        edges = None if chosen is None else [edge_of(t) for t in chosen]
        found = sweep([(edge_of(self), start)], keep=keep, create=create_graph, wanted=edges)
        for t, edge in zip(chosen or (), edges or (), strict=True):
            accumulate(t, found[edge], create_graph)

    def __getattr__(self, name: str) -> Any:
        raise missing("torch.Tensor", name, f"'{type(self).__name__}' object has no attribute '{name}'")


for _value in (Tensor, *vars(Tensor).values()):
    if getattr(_value, "__module__", None) == __name__:
        _value.__module__ = "torch"
PROPERTIES = {
    "shape": lambda t: t._shape, "ndim": lambda t: len(t._shape), "itemsize": lambda t: t.dtype.itemsize,
    "nbytes": lambda t: t.numel() * t.dtype.itemsize, "is_leaf": lambda t: t.grad_fn is None,
    "output_nr": lambda t: t._slot, "_version": lambda t: t._storage.version,
    "retains_grad": lambda t: t.grad_fn is not None and t.grad_fn.retained.get(t._slot) is t,
}  # fmt: skip
METHODS = {
    "dim": lambda t: len(t._shape), "numel": lambda t: math.prod(t._shape), "nelement": lambda t: math.prod(t._shape),
    "size": lambda t, dim=None: t._shape if dim is None else t._shape[axis(dim, len(t._shape))],
    "stride": lambda t, dim=None: t._stride if dim is None else t._stride[axis(dim, len(t._shape))],
    "storage_offset": lambda t: t._offset, "element_size": lambda t: t.dtype.itemsize,
    "data_ptr": lambda t: id(t._storage) + t._offset * t.dtype.itemsize, "untyped_storage": lambda t: Bytes(t),
    "is_contiguous": lambda t: plain(t._shape, t._stride), "is_floating_point": lambda t: t.dtype.kind == "f",
    "is_complex": lambda t: False, "is_signed": lambda t: t.dtype.is_signed,
}  # fmt: skip


class Bytes:
    """The bytes below a tensor."""

    def __init__(self, t: Tensor) -> None:
        self.data_ptr, size = lambda: id(t._storage), len(t._storage.data) * t.dtype.itemsize
        self.nbytes = self.size = lambda: size

    def __len__(self) -> int:
        return self.size()


def _alone(t: Tensor) -> Any:
    if t.numel() != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return t.item()


def strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a contiguous tensor."""
    found, step = [], 1
    for size in reversed(shape):
        found.append(step)
        step *= max(size, 1)
    return tuple(reversed(found))


def plain(shape: Sequence[int], stride: Sequence[int]) -> bool:
    """Whether numbers in this shape, with these strides, lie side by side in order."""
    step = 1
    for size, mine in zip(reversed(shape), reversed(stride), strict=True):
        if size != 1 and mine != step:
            return 0 in shape
        step *= size
    return True


def over(
    store: Storage, shape: Sequence[int], kind: dtype, stride: Any, offset: int, cls: type = Tensor
) -> Any:
    """A tensor over a storage."""
    t = object.__new__(cls)
    t._storage, t._shape, t._stride = store, shape if type(shape) is Size else Size(shape), tuple(stride)
    t._offset, t.dtype = offset, kind
    return t


def make(data: list[Any], shape: Sequence[int], kind: dtype) -> Tensor:
    """A tensor over a list of its own, in order; the numbers are already as the dtype holds them."""
    return over(Storage(data), shape, kind, strides(shape), 0)


def view(
    t: Tensor, shape: Sequence[int], stride: Sequence[int], offset: int, name: str, pull: Callable
) -> Tensor:
    """A tensor over the same storage; `pull` brings a gradient back to `t`."""
    out = over(t._storage, shape, t.dtype, stride, offset)
    out._base = t if t._base is None or t._wants else t._base
    out._epoch = out._base._epoch
    return record(name, out, [t], [pull])


def places(shape: Sequence[int], stride: Sequence[int], offset: int = 0) -> list[int]:
    """Where each number lies, in the order of the shape."""
    found = [offset]
    for size, step in zip(shape, stride, strict=True):
        if size != 1:
            steps = [i * step for i in range(size)]
            found = [place + s for place in found for s in steps]
    return found


def flat(t: Tensor) -> list[Any]:
    """The numbers in order; not to be changed, since it may be the storage's own list."""
    data, count = t._storage.data, math.prod(t._shape)
    if plain(t._shape, t._stride):
        return data if count == len(data) else data[t._offset : t._offset + count]
    return gathered(data, t._shape, t._stride, t._offset)


def gathered(data: list[Any], shape: Sequence[int], stride: Sequence[int], offset: int) -> list[Any]:
    """The numbers of a storage that a shape, strides and an offset mean, in order."""
    if not shape or 0 in shape:
        return [] if shape else [data[offset]]
    size, step = shape[-1], stride[-1]
    starts = places(shape[:-1], stride[:-1], offset)
    if step == 0:
        return [data[place] for place in starts for _ in range(size)]
    reach = (size - 1) * step + 1
    return list(itertools.chain.from_iterable([data[place : place + reach : step] for place in starts]))


def logical(t: Tensor, base: Tensor) -> list[int]:
    """For each number of a view, its place in the order of the base."""
    here = places(t._shape, t._stride, t._offset)
    if plain(base._shape, base._stride):
        return [place - base._offset for place in here]
    order = {place: i for i, place in enumerate(places(base._shape, base._stride, base._offset))}
    return [order[place] for place in here]


def pick(t: Tensor, there: list[int], shape: Sequence[int], name: str = "IndexBackward0") -> Tensor:
    """The numbers of a tensor at places in its order, 0 for place −1; the adjoint of `spread`."""
    numbers, of = flat(t), t._shape
    data = (
        [numbers[i] if i >= 0 else t.dtype.zero for i in there]
        if -1 in there
        else [numbers[i] for i in there]
    )
    return record(name, make(data, shape, t.dtype), [t], [lambda g: spread(g, there, of)])


def spread(t: Tensor, there: list[int], shape: Sequence[int], name: str = "IndexPutBackward0") -> Tensor:
    """Zeros of a shape, with the tensor's numbers added at places in its order; the adjoint of `pick`."""
    data, of = [t.dtype.zero] * math.prod(shape), t._shape
    for i, x in zip(there, flat(t), strict=True):
        if i >= 0:
            data[i] += x
    return record(name, make(t.dtype.keep(data), shape, t.dtype), [t], [lambda g: pick(g, there, of)])


def axis(dim: Any, ndim: int) -> int:
    """A dimension counted from the left."""
    count = max(ndim, 1)
    if not hasattr(dim, "__index__"):
        raise TypeError(f"dim must be int, not {type(dim).__name__}")
    if not -count <= dim < count:
        told = f"(expected to be in range of [{-count}, {count - 1}], but got {dim})"
        raise IndexError(f"Dimension out of range {told}")
    return dim % count


def overwrite(t: Tensor, out: Tensor) -> Tensor:
    """Put a result, of the same shape, in a tensor's place: in its storage and in its history."""
    tracked, base = Mode.recording and (t.requires_grad or out.requires_grad), t._base
    if tracked and (t._wants or (base is not None and base._wants)):
        what = (
            "a leaf Variable that requires grad"
            if t._wants
            else "a view of a leaf Variable that requires grad"
        )
        raise RuntimeError(f"{what} is being used in an in-place operation.")
    if any(n > 1 and s == 0 for n, s in zip(t._shape, t._stride, strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )
    numbers, data = flat(out) if out.dtype is t.dtype else t.dtype.keep(flat(out)), t._storage.data
    if plain(t._shape, t._stride):
        data[t._offset : t._offset + len(numbers)] = numbers
    else:
        for place, x in zip(places(t._shape, t._stride, t._offset), numbers, strict=True):
            data[place] = x
    t._storage.version += 1
    if not tracked:
        return t
    edge, shape = edge_of(out), t._shape
    if base is None:
        edge = edge or (node_type("CopyBackwards")([edge_of(t)], [lambda g: g * 0]), 0)
        (t._node, t._slot), t._epoch = edge, t._epoch + 1
        return t
    there = logical(t, base)
    inside = set(there)
    outside = [-1 if i in inside else i for i in range(base.numel())]
    pulls = [lambda g: pick(g, outside, g._shape), lambda g: pick(g, there, shape)]
    base._node, base._slot, base._epoch = (
        node_type("CopySlices")([edge_of(base), edge], pulls),
        0,
        base._epoch + 1,
    )
    return t


def nested(data: Any) -> tuple[list[Any], list[int]]:
    """The numbers of nested lists, and the shape."""
    if isinstance(data, Tensor):
        return [_alone(data)], []
    if not isinstance(data, list | tuple | range):
        return [data], []
    parts = [nested(entry) for entry in data]
    first = parts[0][1] if parts else []
    for _, shape in parts:
        if shape != first and shape and first:
            raise ValueError(f"expected sequence of length {first[0]} at dim 1 (got {shape[0]})")
        if shape != first:
            raise TypeError("must be real number, not list" if shape else "expected a sequence, got a number")
    return list(itertools.chain.from_iterable(p[0] for p in parts)), [len(parts), *first]
