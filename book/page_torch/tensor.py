"""The tensor: a shape, strides and an offset over a flat storage, and what autograd knows of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from . import dtypes
from .dtypes import Size, device, dtype
from .tape import Mode, Node, checked, edge_of, node_type, record, sweep

CPU = device("cpu")


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
    device, layout, is_sparse, is_cuda, is_meta, is_quantized, names = (
        CPU,
        "torch.strided",
        False,
        False,
        False,
        False,
        None,
    )

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Tensor:
            first = args[0] if args else []
            data = first if isinstance(first, list | tuple) and not isinstance(first, Size) else None
            shape = first if isinstance(first, Size) else args
            if data is None:
                return make([0.0] * math.prod(shape), shape, dtypes.float32)
            flat, shape = _nested(data)
            return make(dtypes.float32.keep(flat), shape, dtypes.float32)
        return object.__new__(cls)

    # --- numbers ---

    @property
    def shape(self) -> Size:
        return self._shape

    @property
    def ndim(self) -> int:
        return len(self._shape)

    def dim(self) -> int:
        return len(self._shape)

    ndimension = dim

    def size(self, dim: int | None = None) -> Any:
        return self._shape if dim is None else self._shape[axis(dim, len(self._shape))]

    def stride(self, dim: int | None = None) -> Any:
        return self._stride if dim is None else self._stride[axis(dim, len(self._shape))]

    def numel(self) -> int:
        return math.prod(self._shape)

    nelement = numel

    def storage_offset(self) -> int:
        return self._offset

    def element_size(self) -> int:
        return self.dtype.itemsize

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.numel() * self.dtype.itemsize

    def data_ptr(self) -> int:
        return id(self._storage) + self._offset * self.dtype.itemsize if self.numel() else 0

    def untyped_storage(self) -> UntypedStorage:
        return UntypedStorage(self)

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return self._stride == strides(self._shape) or plain(self._shape, self._stride)

    def is_floating_point(self) -> bool:
        return self.dtype.kind == "f"

    def is_complex(self) -> bool:
        return False

    def is_signed(self) -> bool:
        return self.dtype.is_signed

    def item(self) -> Any:
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self._storage.data[self._offset]

    def tolist(self) -> Any:
        numbers: Any = list(flat(self))
        if not self._shape:
            return numbers[0]
        for size in reversed(self._shape[1:]):
            numbers = [numbers[i : i + size] for i in range(0, len(numbers), size)] if size else []
        return numbers if self.numel() else _empty(self._shape)

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("len() of a 0-d tensor")
        return self._shape[0]

    def __bool__(self) -> bool:
        if self.numel() != 1:
            empty = "" if self.numel() else "Boolean value of Tensor with no values is ambiguous"
            raise RuntimeError(empty or "Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.numel() != 1 or self.dtype.kind == "f":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return self.item().__format__(spec) if not self._shape else object.__format__(self, spec)

    def __hash__(self) -> int:
        return id(self)

    def __iter__(self) -> Any:
        if not self._shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __reversed__(self) -> Tensor:
        return self.flip(0) if self._shape else self

    def __contains__(self, value: Any) -> bool:
        if isinstance(value, Tensor | int | float):
            return bool((self == value).any())
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(value)}."
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.grad_fn is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                "moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm"
                " usage, see https://github.com/pytorch/pytorch/pull/103001"
            )
        if id(self) not in memo:
            store = memo.setdefault(id(self._storage), Storage(list(self._storage.data)))
            copy = _over(store, self._shape, self.dtype, self._stride, self._offset, type(self))
            copy._wants = self._wants
            copy._grad = None if self._grad is None else self._grad.__deepcopy__(memo)
            memo[id(self)] = copy
            memo[id(store)] = store  # alive as long as the memo
        return memo[id(self)]

    # --- autograd ---

    @property
    def grad_fn(self) -> Node | None:
        base = self._base
        if base is not None and self._epoch != base._epoch:
            self._epoch, self._node = base._epoch, None
            if base.requires_grad:
                there, shape = logical(self, base), base._shape
                pull = lambda g: spread(g, there, shape)  # noqa: E731
                self._node, self._slot = node_type("AsStridedBackward0")([edge_of(base)], [pull]), 0
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
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                    "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            return self
        if requires_grad and self.dtype.kind != "f":
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        self._wants = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        return self.grad_fn is None

    @property
    def grad(self) -> Tensor | None:
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__!r}"
            )
        if value is not None and value._shape != self._shape:
            raise RuntimeError(
                f"assigned grad has data of a different size (expected {list(self._shape)}, got {list(value._shape)})"
            )
        self._grad = value

    @property
    def output_nr(self) -> int:
        return self._slot

    @property
    def _version(self) -> int:
        return self._storage.version

    @property
    def data(self) -> Tensor:
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        self._storage, self._shape, self._stride = value._storage, value._shape, value._stride
        self._offset, self.dtype = value._offset, value.dtype

    def detach(self) -> Tensor:
        return _over(self._storage, self._shape, self.dtype, self._stride, self._offset)

    def detach_(self) -> Tensor:
        self._node, self._wants = None, False
        return self

    def retain_grad(self) -> None:
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.grad_fn is not None:
            self.grad_fn.retained = (self.grad_fn.retained or {}) | {self._slot: self}

    @property
    def retains_grad(self) -> bool:
        return bool(self.grad_fn and self.grad_fn.retained and self.grad_fn.retained.get(self._slot) is self)

    def register_hook(self, hook: Callable) -> Handle:
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node, slot = edge_of(self)
        node.hooks.append((slot, hook))
        return Handle(node.hooks, (slot, hook))

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        start = checked(self, gradient)
        wanted = None if inputs is None else [inputs] if isinstance(inputs, Tensor) else list(inputs)
        keep = create_graph if retain_graph is None else retain_graph
        edges = None if wanted is None else [edge_of(t) for t in wanted]
        found = sweep([(edge_of(self), start)], keep=keep, create=create_graph, wanted=edges)
        for t, edge in zip(wanted or (), edges or (), strict=True):
            if edge in found:
                from .tape import accumulate

                accumulate(t, found[edge], create_graph)

    def __getattr__(self, name: str) -> Any:
        from .names import missing

        raise missing("torch.Tensor", name, "'{kind}' object has no attribute '{name}'".format(
            kind=type(self).__name__, name=name))  # fmt: skip


class Handle:
    """Takes a hook away again."""

    def __init__(self, hooks: list[Any], entry: Any) -> None:
        self.hooks, self.entry = hooks, entry

    def remove(self) -> None:
        if self.entry in self.hooks:
            self.hooks.remove(self.entry)


class UntypedStorage:
    """The bytes below a tensor."""

    def __init__(self, t: Tensor) -> None:
        self._storage, self._itemsize = t._storage, t.dtype.itemsize

    def data_ptr(self) -> int:
        return id(self._storage)

    def nbytes(self) -> int:
        return len(self._storage.data) * self._itemsize

    size = __len__ = nbytes


for _class in (Tensor, UntypedStorage):
    _class.__module__ = "torch"


def strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a contiguous tensor."""
    found, step = [], 1
    for size in reversed(shape):
        found.append(step)
        step *= max(size, 1)
    return tuple(reversed(found))


def plain(shape: Sequence[int], stride: Sequence[int]) -> bool:
    """Whether numbers in this shape, with these strides, lie side by side."""
    return 0 in shape or all(n == 1 or s == t for n, s, t in zip(shape, stride, strides(shape), strict=True))


def _over(
    storage: Storage,
    shape: Sequence[int],
    kind: dtype,
    stride: Sequence[int],
    offset: int,
    cls: type = Tensor,
) -> Tensor:
    t = object.__new__(cls)
    t._storage, t._shape, t._stride = storage, shape if type(shape) is Size else Size(shape), tuple(stride)
    t._offset, t.dtype = offset, kind
    return t


def make(data: list[Any], shape: Sequence[int], kind: dtype) -> Tensor:
    """A tensor over a list of its own, in order; the numbers are already as the dtype holds them."""
    return _over(Storage(data), shape, kind, strides(shape), 0)


def view(
    t: Tensor, shape: Sequence[int], stride: Sequence[int], offset: int, name: str, pull: Callable
) -> Tensor:
    """A tensor over the same storage; `pull` brings a gradient back to `t`."""
    out = _over(t._storage, shape, t.dtype, stride, offset)
    out._base = t if t._base is None else t._base
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
    numbers, zero = flat(t), dtypes_zero(t.dtype)
    data = [numbers[i] if i >= 0 else zero for i in there] if -1 in there else [numbers[i] for i in there]
    of = t._shape
    return record(name, make(data, shape, t.dtype), [t], [lambda g: spread(g, there, of)])


def spread(t: Tensor, there: list[int], shape: Sequence[int]) -> Tensor:
    """Zeros of a shape, with the tensor's numbers added at places in its order; the adjoint of `pick`."""
    data = [dtypes_zero(t.dtype)] * math.prod(shape)
    for i, x in zip(there, flat(t), strict=True):
        if i >= 0:
            data[i] += x
    of = t._shape
    data = data if t.dtype is dtypes.float64 else t.dtype.keep(data)
    return record("IndexPutBackward0", make(data, shape, t.dtype), [t], [lambda g: pick(g, there, of)])


def dtypes_zero(kind: dtype) -> Any:
    """The dtype's zero as Python has it."""
    return {"f": 0.0, "i": 0, "b": False}[kind.kind]


def axis(dim: int, ndim: int) -> int:
    """A dimension counted from the left."""
    count = max(ndim, 1)
    if isinstance(dim, Tensor):
        dim = dim.__index__()
    if not isinstance(dim, int):
        raise TypeError(f"dim must be int, not {type(dim).__name__}")
    if not -count <= dim < count:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-count}, {count - 1}], but got {dim})"
        )
    return dim % count


def overwrite(t: Tensor, out: Tensor) -> Tensor:
    """Put a result in a tensor's place, in its storage and in its history.

    Args:
        t: what an in-place operation was called on.
        out: what the same operation gives out of place; of the same shape.
    """
    tracked = Mode.recording and (t.requires_grad or out.requires_grad)
    base = t._base
    if tracked and t._wants:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if tracked and base is not None and base._wants:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation."
        )
    if 0 in t._stride and any(n > 1 and s == 0 for n, s in zip(t._shape, t._stride, strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )
    numbers = flat(out) if out.dtype is t.dtype else t.dtype.keep(flat(out))
    store = t._storage
    if plain(t._shape, t._stride):
        store.data[t._offset : t._offset + len(numbers)] = numbers
    else:
        for place, x in zip(places(t._shape, t._stride, t._offset), numbers, strict=True):
            store.data[place] = x
    store.version += 1
    if not tracked:
        return t
    out_edge = edge_of(out)
    if base is None:
        if out_edge is None:
            zero = lambda g: g * 0  # noqa: E731
            out_edge = (node_type("CopyBackwards")([edge_of(t)], [zero]), 0)
        (t._node, t._slot), t._epoch = out_edge, t._epoch + 1
        return t
    there, shape = logical(t, base), t._shape
    inside = set(there)
    outside = [-1 if i in inside else i for i in range(base.numel())]
    pulls = [lambda g: pick(g, outside, g._shape), lambda g: pick(g, there, shape)]
    node = node_type("CopySlices")([edge_of(base), out_edge], pulls)
    base._node, base._slot, base._epoch = node, 0, base._epoch + 1
    return t


def _nested(data: Any) -> tuple[list[Any], list[int]]:
    """The numbers of nested lists, and the shape."""
    if isinstance(data, Tensor):
        return flat(data), list(data._shape)
    if not isinstance(data, list | tuple | range):
        return [data], []
    parts = [_nested(entry) for entry in data]
    if not parts:
        return [], [0]
    if len(parts[0][1]) == 0 and all(not p[1] for p in parts):
        return [p[0][0] for p in parts], [len(parts)]
    for place, part in enumerate(parts):
        if part[1] != parts[0][1]:
            _refuse_ragged(parts, place)
    return list(itertools.chain.from_iterable(p[0] for p in parts)), [len(parts), *parts[0][1]]


def _refuse_ragged(parts: list[Any], place: int) -> None:
    mine, first = parts[place][1], parts[0][1]
    if not mine or not first:
        raise (
            TypeError("must be real number, not list")
            if not first
            else TypeError(f"expected sequence of length {first[0]} at dim 1, got a number")
        )
    raise ValueError(f"expected sequence of length {first[0]} at dim 1 (got {mine[0]})")


def _empty(shape: Sequence[int]) -> list[Any]:
    return [_empty(shape[1:]) for _ in range(shape[0])] if len(shape) > 1 or shape[0] else []
