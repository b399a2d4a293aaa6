"""Products of matrices, sums over letters, and what solves equations."""

from __future__ import annotations

import math
import operator
from collections import namedtuple
from typing import Any

from . import dtypes
from .pointwise import broadcast
from .reductions import norm
from .registry import PUBLIC, add_method, as_function, not_in_page, public
from .shapes import expand, unsqueeze
from .tape import Mode, record, renamed
from .tensor import Tensor, flat, make

_product = getattr(math, "sumprod", None) or (lambda a, b: sum(map(operator.mul, a, b)))


def _multiplied(a: list[Any], b: list[Any], rows: int, inner: int, columns: int) -> list[Any]:
    """The product of two matrices given row by row: (rows, inner) times (inner, columns)."""
    if inner == 1:
        return [x * y for x in a for y in b]
    if inner == 2:
        tops, lows = b[:columns], b[columns:]
        pairs = list(zip(tops, lows, strict=True))
        return [x * p + y * q for x, y in zip(a[::2], a[1::2], strict=True) for p, q in pairs]
    lines = [b[j::columns] for j in range(columns)]
    return [_product(a[i : i + inner], line) for i in range(0, rows * inner, inner) for line in lines]


def _batched(a: Tensor, b: Tensor) -> Tensor:
    """(batch, n, k) times (batch, k, m), without a record."""
    (count, n, k), m = a._shape, b._shape[-1]
    x, y, data = flat(a), flat(b), []
    if not k:
        return make([0.0 if a.dtype.kind == "f" else 0] * (count * n * m), (count, n, m), a.dtype)
    for i in range(count):
        data += _multiplied(x[i * n * k : (i + 1) * n * k], y[i * k * m : (i + 1) * k * m], n, k, m)
    return make(a.dtype.keep(data), (count, n, m), a.dtype)


def _needs_dtype(a: Tensor, b: Tensor, told: str) -> None:
    if a.dtype is not b.dtype:
        raise RuntimeError(told.format(a=_c(a), b=_c(b), A=a.dtype.title, B=b.dtype.title))


def _c(t: Tensor) -> str:
    return {"Float": "float", "Double": "double", "Long": "long", "Int": "int", "Half": "c10::Half",
            "BFloat16": "c10::BFloat16", "Bool": "bool"}.get(t.dtype.title, t.dtype.title)  # fmt: skip


@public("torch Tensor")
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    if input.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError("self must be a matrix" if input.ndim != 2 else "mat2 must be a matrix")
    _needs_dtype(input, mat2, "expected m1 and m2 to have the same dtype, but got: {a} != {b}")
    if input._shape[1] != mat2._shape[0]:
        (n, k), (l, m) = input._shape, mat2._shape
        raise RuntimeError(f"mm: mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {l}x{m})")
    (n, k), m = input._shape, mat2._shape[1]
    data = _multiplied(flat(input), flat(mat2), n, k, m) if k else [0] * (n * m)
    out = make(input.dtype.keep(data), (n, m), input.dtype)
    pulls = [lambda g: mm(g, mat2.t()), lambda g: mm(input.t(), g)]
    saves = [*([mat2] if input.requires_grad else []), *([input] if mat2.requires_grad else [])]
    return record("MmBackward0", out, [input, mat2], pulls, saves)


@public("torch Tensor")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices."""
    if input.ndim != 3 or mat2.ndim != 3:
        raise RuntimeError(f"batch{1 if input.ndim != 3 else 2} must be a 3D tensor")
    if mat2._shape[:2] != (input._shape[0], input._shape[2]):
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{input._shape[0]}, {input._shape[2]}] but "
            f"got: [{mat2._shape[0]}, {mat2._shape[1]}]."
        )
    _needs_dtype(input, mat2, "expected scalar type {A} but found {B}")
    pulls = [lambda g: bmm(g, mat2.mT), lambda g: bmm(input.mT, g)]
    saves = [*([mat2] if input.requires_grad else []), *([input] if mat2.requires_grad else [])]
    return record("BmmBackward0", _batched(input, mat2), [input, mat2], pulls, saves)


@public("torch Tensor")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Σ of the products of two vectors' entries."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    _needs_dtype(input, tensor, "dot : expected both vectors to have same dtype, but found {A} and {B}")
    m, n = input.numel(), tensor.numel()
    if m != n:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{m}] and src [{n}] to have the same number of elements, but got "
            f"{m} and {n} elements respectively"
        )
    out = make(input.dtype.keep([_product(flat(input), flat(tensor))]), (), input.dtype)
    saves = [*([tensor] if input.requires_grad else []), *([input] if tensor.requires_grad else [])]
    return record("DotBackward0", out, [input, tensor], [lambda g: g * tensor, lambda g: g * input], saves)


@public("torch Tensor")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    (n, k), size = input._shape, vec.numel()
    if k != size:
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{k}), vec ({size})")
    _needs_dtype(input, vec, "expected m1 and m2 to have the same dtype, but got: {a} != {b}")
    data = _multiplied(flat(input), flat(vec), n, k, 1) if k else [0] * n
    pulls = [lambda g: outer(g, vec), lambda g: mv(input.t(), g)]
    saves = [*([vec] if input.requires_grad else []), *([input] if vec.requires_grad else [])]
    return record("MvBackward0", make(input.dtype.keep(data), (n,), input.dtype), [input, vec], pulls, saves)


@public("torch Tensor", "outer", "ger")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Every product of an entry of one vector and one of another."""
    if input.ndim != 1 or vec2.ndim != 1:
        bad = input if input.ndim != 1 else vec2
        raise RuntimeError(
            f"outer: Expected 1-D argument {'self' if bad is input else 'vec2'}, but got {bad.ndim}-D"
        )
    return unsqueeze(input, 1) * vec2


@public("torch Tensor")
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product over the last two dimensions, broadcast over the others."""
    if not isinstance(other, Tensor):
        raise TypeError(f"matmul(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
    a, b = input.ndim, other.ndim
    if not a or not b:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")
    if a == b == 1:
        return dot(input, other)
    if b == 1 and a == 2:
        return mv(input, other)
    if a == 1 and b == 2:
        return renamed("SqueezeBackward4", mm(unsqueeze(input, 0), other).squeeze(0))
    if a == b == 2:
        return mm(input, other)
    if b <= 2 and a >= 3:
        flat_rows = input.reshape(-1, input._shape[-1])
        out = mm(flat_rows, other if b == 2 else unsqueeze(other, 1))
        tail = [other._shape[1]] if b == 2 else []
        return renamed("UnsafeViewBackward0", out.reshape([*input._shape[:-1], *tail]))
    left = unsqueeze(input, 0) if a == 1 else input
    lead = broadcast(left._shape[:-2], other._shape[:-2])
    (n, k), (l, m) = left._shape[-2:], other._shape[-2:]
    x = expand(left, [*lead, n, k]).reshape(-1, n, k)
    y = expand(other, [*lead, l, m]).reshape(-1, l, m)
    shape = [*lead, m] if a == 1 else [*lead, n, m]
    return renamed("UnsafeViewBackward0", bmm(x, y).reshape(shape))


add_method(
    "__matmul__", lambda self, other: matmul(self, other) if isinstance(other, Tensor) else NotImplemented
)
add_method("__rmatmul__", lambda self, other: NotImplemented)
PUBLIC["torch.linalg"]["matmul"] = PUBLIC["torch"]["matmul"]


for _name, _of in (("addmm", mm), ("addmv", mv), ("baddbmm", bmm)):

    def _added(
        input: Tensor, a: Tensor, b: Tensor, *, beta: Any = 1, alpha: Any = 1, _of: Any = _of, _n: str = _name
    ) -> Tensor:
        out = _of(a, b)
        out = (input if beta == 1 else beta * input) + (out if alpha == 1 else alpha * out)
        return renamed(f"{_n.capitalize()}Backward0", out)

    public("torch Tensor", _name)(_added)


@public("torch")
def einsum(equation: str, *operands: Any) -> Tensor:
    """Σ over the letters that the result lacks of the product of all operands."""
    if not isinstance(equation, str):
        raise not_in_page("einsum in sublist format")
    tensors = (
        list(operands[0]) if len(operands) == 1 and isinstance(operands[0], list | tuple) else list(operands)
    )
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        more = "more" if len(terms) < len(tensors) else "fewer"
        raise RuntimeError(f"einsum(): {more} operands were provided than specified in the equation")
    sizes: dict[str, int] = {}
    spelt = [
        _letters(term, t, place, sizes) for place, (term, t) in enumerate(zip(terms, tensors, strict=True))
    ]
    dots = max((sum(c.isdigit() for c in word) for word in spelt), default=0)
    ellipsis = "9876543210"[:dots][::-1]
    if arrow:
        result = right.replace("...", ellipsis)
    else:
        used = "".join(spelt)
        result = ellipsis + "".join(sorted(c for c in set(used) if used.count(c) == 1 and not c.isdigit()))
    for letter in result:
        if letter not in sizes:
            raise RuntimeError(
                f"einsum(): output subscript {letter} does not appear in the equation for any input operand"
            )
        if result.count(letter) > 1:
            raise RuntimeError(f"einsum(): output subscript {letter} appears more than once in the output")
    summed = [c for c in sizes if c not in result]
    order = [*result, *summed]
    whole = None
    for word, t in zip(spelt, tensors, strict=True):
        while len(set(word)) < len(word):
            letter = next(c for c in word if word.count(c) > 1)
            i, j = [k for k, c in enumerate(word) if c == letter][:2]
            t = t.diagonal(0, i, j)
            word = word[:i] + word[i + 1 : j] + word[j + 1 :] + letter
        t = t.permute([word.index(c) for c in order if c in word])
        t = t.reshape(
            [sizes[c] if c in word and t is not None and _size(t, word, order, c) != 1 else 1 for c in order]
        )
        whole = t if whole is None else _contracted(whole, t, order, len(result), word, spelt)
    dims = list(range(len(result), len(order)))
    out = whole.sum(dims) if dims and whole.ndim == len(order) else whole
    full = [sizes[c] for c in result]
    return out if list(out._shape) == full else expand(out, full)


def _size(t: Tensor, word: str, order: list[str], letter: str) -> int:
    return t._shape[[c for c in order if c in word].index(letter)]


def _contracted(a: Tensor, b: Tensor, order: list[str], kept: int, word: str, spelt: list[str]) -> Tensor:
    """Two operands over all letters: as a batched matrix product if they are the only two, else entry by entry."""
    last = word == spelt[-1] and len(spelt) == 2
    inner = list(range(kept, len(order)))
    if not last or not inner or any(a._shape[i] != b._shape[i] for i in inner):
        return a * b
    batch = [i for i in range(kept) if a._shape[i] == b._shape[i]]
    rows = [i for i in range(kept) if i not in batch and b._shape[i] == 1]
    columns = [i for i in range(kept) if i not in batch and i not in rows]
    count = [math.prod(a._shape[i] for i in part) for part in (batch, rows, inner)]
    x = a.permute([*batch, *rows, *columns, *inner]).reshape(count[0], count[1], count[2])
    y = b.permute([*batch, *rows, *inner, *columns]).reshape(count[0], count[2], -1)
    turned = [*batch, *rows, *columns]
    out = bmm(x, y).reshape([max(a._shape[i], b._shape[i]) for i in turned])
    return out.permute([turned.index(i) for i in range(kept)])


def _letters(term: str, t: Tensor, place: int, sizes: dict[str, int]) -> str:
    """An operand's letters, digits for what its dots stand for; their sizes are noted."""
    named = len(term.replace("...", ""))
    if "..." in term:
        if named > t.ndim:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) is more than the number of dimensions ({t.ndim}) for operand {place}"
            )
        word = term.replace("...", "9876543210"[: t.ndim - named][::-1])
    else:
        word = term
        if named != t.ndim:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
                f"({t.ndim}) for operand {place} and no ellipsis was given"
            )
    for letter, size in zip(word, t._shape, strict=True):
        if not letter.isalpha() and not letter.isdigit():
            raise ValueError(
                f"einsum(): invalid subscript given at index {term.index(letter)} in the equation string, subscripts must be in [a-zA-Z]"
            )
        if sizes.get(letter, 1) not in (1, size) and size != 1:
            raise RuntimeError(
                f"einsum(): subscript {letter} has size {size} for operand {place} which does not broadcast with "
                f"previously seen size {sizes[letter]}"
            )
        sizes[letter] = max(sizes.get(letter, 1), size) if size else 0
    return word


@public("torch")
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Σ over pairs of dimensions of two tensors."""
    first, second = (
        dims if not isinstance(dims, int) else (list(range(a.ndim - dims, a.ndim)), list(range(dims)))
    )
    rows, columns = (
        [i for i in range(a.ndim) if i not in first],
        [i for i in range(b.ndim) if i not in second],
    )
    inner = math.prod(a._shape[i] for i in first)
    x = a.permute([*rows, *first]).reshape(-1, inner)
    y = b.permute([*second, *columns]).reshape(inner, -1)
    return mm(x, y).reshape([*(a._shape[i] for i in rows), *(b._shape[i] for i in columns)])


@public("torch")
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0) -> Tensor:
    """The distances between all rows of one tensor and all of another."""
    return renamed("CdistBackward0", norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1))


@public("torch Tensor")
def corrcoef(input: Tensor) -> Tensor:
    """The correlations of a matrix's rows."""
    rows = input - input.mean(-1, keepdim=True)
    both = rows @ rows.mT if rows.ndim == 2 else rows @ rows
    if not both.ndim:
        return both / both
    root = both.diagonal().sqrt()
    return (both / root[:, None] / root).clamp(-1, 1)


@public("torch Tensor")
def cov(input: Tensor, *, correction: int = 1) -> Tensor:
    """The covariances of a matrix's rows."""
    rows = input - input.mean(-1, keepdim=True)
    return (
        rows @ rows.mT / (input._shape[-1] - correction)
        if rows.ndim == 2
        else rows @ rows / (len(input) - correction)
    )


add_method("inner", lambda self, other: matmul(self, other.mT) if other.ndim > 1 else matmul(self, other))
PUBLIC["torch"]["inner"] = as_function(lambda input, other: input.inner(other), "inner", "torch")
