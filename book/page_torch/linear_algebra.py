"""Products of matrices, and sums over letters."""

from __future__ import annotations

import math
import operator
from typing import Any

from .pointwise import broadcast
from .reductions import norm
from .registry import add_method, not_in_page, public
from .shapes import expand, unsqueeze
from .tape import record, renamed
from .tensor import Tensor, flat, make

_product = getattr(math, "sumprod", None) or (lambda a, b: sum(map(operator.mul, a, b)))


def _multiplied(a: list[Any], b: list[Any], inner: int, columns: int) -> list[Any]:
    """The product of two matrices given row by row: (rows, inner) times (inner, columns)."""
    if inner == 1:
        return [x * y for x in a for y in b]
    if inner == 2:
        pairs = list(zip(b[:columns], b[columns:], strict=True))
        return [x * p + y * q for x, y in zip(a[::2], a[1::2], strict=True) for p, q in pairs]
    lines = [b[j::columns] for j in range(columns)]
    return [
        _product(row, line) for row in [a[i : i + inner] for i in range(0, len(a), inner)] for line in lines
    ]


def _recorded(name: str, a: Tensor, b: Tensor, data: list[Any], shape: Any, pulls: Any) -> Tensor:
    saves = [other for mine, other in ((a, b), (b, a)) if mine.requires_grad]
    return record(name, make(a.dtype.keep(data), shape, a.dtype), [a, b], pulls, saves)


_C = {"Long": "long int", "Int": "int", "Half": "c10::Half", "BFloat16": "c10::BFloat16"}


def _one_dtype(a: Tensor, b: Tensor, told: str) -> None:
    if a.dtype is not b.dtype:
        (m, c), (n, d) = ((t.dtype.title, _C.get(t.dtype.title, t.dtype.title.lower())) for t in (a, b))
        raise RuntimeError(told.format(m=m, n=n, c=c, d=d))


@public("torch Tensor")
def mm(input: Tensor, mat2: Tensor, told: str = "mm") -> Tensor:
    """The product of two matrices."""
    if input.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError("self must be a matrix" if input.ndim != 2 else "mat2 must be a matrix")
    (n, k), (inner, m) = input._shape, mat2._shape
    if k != inner:
        raise RuntimeError(f"{told}: mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {inner}x{m})")
    _one_dtype(input, mat2, "expected m1 and m2 to have the same dtype, but got: {c} != {d}")
    data = _multiplied(flat(input), flat(mat2), k, m) if k else [0] * (n * m)
    return _recorded(
        "MmBackward0", input, mat2, data, (n, m), [lambda g: mm(g, mat2.t()), lambda g: mm(input.t(), g)]
    )


@public("torch Tensor")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices."""
    if input.ndim != 3 or mat2.ndim != 3:
        raise RuntimeError(f"batch{1 if input.ndim != 3 else 2} must be a 3D tensor")
    (count, n, k), (other, inner, m) = input._shape, mat2._shape
    if (count, k) != (other, inner):
        told = f"[{count}, {k}] but got: [{other}, {inner}]."
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: {told}")
    _one_dtype(input, mat2, "expected scalar type {m} but found {n}")
    x, y, data = flat(input), flat(mat2), [] if k else [0] * (count * n * m)
    for i in range(count if k else 0):
        data += _multiplied(x[i * n * k : (i + 1) * n * k], y[i * k * m : (i + 1) * k * m], k, m)
    pulls = [lambda g: bmm(g, mat2.mT), lambda g: bmm(input.mT, g)]
    return _recorded("BmmBackward0", input, mat2, data, (count, n, m), pulls)


@public("torch Tensor")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Σ of the products of two vectors' entries."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    _one_dtype(input, tensor, "dot : expected both vectors to have same dtype, but found {m} and {n}")
    m, n = input.numel(), tensor.numel()
    if m != n:
        told = f"to have the same number of elements, but got {m} and {n} elements respectively"
        raise RuntimeError(f"inconsistent tensor size, expected tensor [{m}] and src [{n}] {told}")
    pulls = [lambda g: g * tensor, lambda g: g * input]
    return _recorded("DotBackward0", input, tensor, [_product(flat(input), flat(tensor))], (), pulls)


@public("torch Tensor")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector."""
    (n, k), size = input._shape, vec.numel()
    if k != size:
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{k}), vec ({size})")
    _one_dtype(input, vec, "addmv input tensors must have the same dtype, but got {n}, {m}, and {n}")
    data = _multiplied(flat(input), flat(vec), k, 1) if k else [0] * n
    return _recorded(
        "MvBackward0", input, vec, data, (n,), [lambda g: unsqueeze(g, 1) * vec, lambda g: mv(input.t(), g)]
    )


@public("torch Tensor")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Every product of an entry of one vector and one of another."""
    if not isinstance(vec2, Tensor):
        raise TypeError(f"outer(): argument 'vec2' (position 2) must be Tensor, not {type(vec2).__name__}")
    for name, t in (("self", input), ("vec2", vec2)):
        if t.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {t.ndim}-D")
    return unsqueeze(input, 1) * vec2


@public("torch Tensor linalg")
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product over the last two dimensions, broadcast over the others."""
    if not isinstance(other, Tensor):
        raise TypeError(f"matmul(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
    a, b = input.ndim, other.ndim
    if not a or not b:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")
    if (a, b) in ((1, 1), (2, 1), (2, 2)):
        return (dot if a == 1 else mv if b == 1 else mm)(input, other)
    if (a, b) == (1, 2):
        return renamed("SqueezeBackward4", mm(unsqueeze(input, 0), other).squeeze(0))
    if b <= 2:
        rows = input.reshape(-1, input._shape[-1])
        out = (mv if b == 1 else mm)(rows, other)
        return renamed("UnsafeViewBackward0", out.reshape([*input._shape[:-1], *other._shape[1:]]))
    left = unsqueeze(input, 0) if a == 1 else input
    lead = broadcast(left._shape[:-2], other._shape[:-2])
    x, y = (expand(t, [*lead, *t._shape[-2:]]).reshape(-1, *t._shape[-2:]) for t in (left, other))
    rows = [] if a == 1 else [left._shape[-2]]
    return renamed("UnsafeViewBackward0", bmm(x, y).reshape([*lead, *rows, other._shape[-1]]))


add_method(
    "__matmul__", lambda self, other: matmul(self, other) if isinstance(other, Tensor) else NotImplemented
)


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
    words = [
        _letters(term, t, place, sizes) for place, (term, t) in enumerate(zip(terms, tensors, strict=True))
    ]
    dots, used = "9876543210"[: max(sum(c.isdigit() for c in word) for word in words)][::-1], "".join(words)
    alone = "".join(sorted(c for c in set(used) if used.count(c) == 1 and c.isalpha()))
    result = right.replace("...", dots) if arrow else dots + alone
    for letter in result:
        if letter not in sizes or result.count(letter) > 1:
            told = (
                "appears more than once in the output"
                if letter in sizes
                else "does not appear in the equation for any input operand"
            )
            raise RuntimeError(f"einsum(): output subscript {letter} {told}")
    order, whole = [*result, *(c for c in sizes if c not in result)], None
    for word, t in zip(words, tensors, strict=True):
        for letter in {c for c in word if word.count(c) > 1}:
            i, j = [k for k, c in enumerate(word) if c == letter][:2]
            t, word = t.diagonal(0, i, j), word[:i] + word[i + 1 : j] + word[j + 1 :] + letter
        t = t.permute([word.index(c) for c in order if c in word])
        for at, letter in enumerate(order):
            t = t if letter in word else unsqueeze(t, at)
        whole = t if whole is None else _contracted(whole, t, len(result), len(words) == 2)
    dims = list(range(len(result), whole.ndim))
    out, full = whole.sum(dims) if dims else whole, [sizes[c] for c in result]
    out = renamed("ViewBackward0", out) if len(words) > 1 and len(order) > len(result) else out
    return out if list(out._shape) == full else expand(out, full)


def _contracted(a: Tensor, b: Tensor, kept: int, alone: bool) -> Tensor:
    """Two operands over all letters: as a batched matrix product if they are all there are, else entry by entry."""
    m, n, inner = a._shape, b._shape, list(range(kept, a.ndim))
    if not alone or not inner or any(m[i] != n[i] for i in inner):
        return a * b
    batch = [i for i in range(kept) if m[i] == n[i]]
    rows, columns = (
        [i for i in range(kept) if i not in batch and (n[i] == 1) == side] for side in (True, False)
    )
    count, height, depth = (math.prod(m[i] for i in part) for part in (batch, rows, inner))
    x = a.permute([*batch, *rows, *columns, *inner]).reshape(count, height, depth)
    y = b.permute([*batch, *rows, *inner, *columns]).reshape(count, depth, math.prod(n[i] for i in columns))
    turned = [*batch, *rows, *columns]
    return (
        bmm(x, y).reshape([max(m[i], n[i]) for i in turned]).permute([turned.index(i) for i in range(kept)])
    )


def _letters(term: str, t: Tensor, place: int, sizes: dict[str, int]) -> str:
    """An operand's letters, digits for what its dots stand for; their sizes are noted."""
    named = len(term.replace("...", ""))
    if named > t.ndim or (named != t.ndim and "..." not in term):
        told = f"({named}) does not match the number of dimensions ({t.ndim}) for operand {place} and no ellipsis was given"
        raise RuntimeError(f"einsum(): the number of subscripts in the equation {told}")
    word = term.replace("...", "9876543210"[: t.ndim - named][::-1])
    for letter, size in zip(word, t._shape, strict=True):
        if sizes.get(letter, 1) not in (1, size) and size != 1:
            told = f"for operand {place} which does not broadcast with previously seen size {sizes[letter]}"
            raise RuntimeError(f"einsum(): subscript {letter} has size {size} {told}")
        sizes[letter] = max(sizes.get(letter, 1), size)
    return word


@public("torch")
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0) -> Tensor:
    """The distances between all rows of one tensor and all of another."""
    for name, t in (("X1", x1), ("X2", x2)):
        if t.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {t.ndim}D")
    return renamed("CdistBackward0", norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1))


@public("torch Tensor")
def cov(input: Tensor, *, correction: int = 1) -> Tensor:
    """The covariances of a matrix's rows."""
    rows = input - input.mean(-1, keepdim=True)
    return matmul(rows, rows.mT if rows.ndim == 2 else rows) / (input._shape[-1] - correction)


@public("torch Tensor")
def corrcoef(input: Tensor) -> Tensor:
    """The correlations of a matrix's rows."""
    both = cov(input)
    if not both.ndim:
        return both / both
    scale = both.diagonal().sqrt()
    return (both / scale[:, None] / scale).clamp(-1, 1)
