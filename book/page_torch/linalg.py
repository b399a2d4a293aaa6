"""torch.linalg: elimination, reflections and rotations, on plain lists of rows in double precision."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable
from typing import Any

from . import dtypes
from .linear_algebra import matmul
from .reductions import norm as _norm
from .registry import PUBLIC, as_function, not_in_page, public
from .tape import Mode, record, renamed
from .tensor import Tensor, flat, make

Rows = list[list[float]]
SINGULAR = "linalg.{name}: {where}The solver failed because the input matrix is singular."


class LinAlgError(RuntimeError):
    """What a matrix without a solution raises."""


LinAlgError.__module__ = "torch._C"
LinAlgError.__qualname__ = LinAlgError.__name__ = "_LinAlgError"


def _square(a: Tensor, name: str) -> None:
    if a.ndim < 2:
        raise RuntimeError(f"linalg.{name}: The input tensor A must have at least 2 dimensions.")
    if a._shape[-1] != a._shape[-2]:
        raise RuntimeError(
            f"linalg.{name}: A must be batches of square matrices, but they are {a._shape[-2]} by {a._shape[-1]} matrices"
        )
    if a.dtype.kind != "f":
        raise RuntimeError(
            f"linalg.{name}: Expected a floating point or complex tensor as input. Got {a.dtype.title}"
        )


def _matrices(t: Tensor) -> list[Rows]:
    """Each matrix of a batch, as rows."""
    rows, columns = t._shape[-2:]
    numbers, size = flat(t), rows * columns
    starts = range(0, len(numbers), size) if size else range(math.prod(t._shape[:-2]))
    return [
        [list(map(float, numbers[s + i * columns : s + (i + 1) * columns])) for i in range(rows)]
        for s in starts
    ]


def _packed(found: list[Any], shape: Any, kind: dtypes.dtype) -> Tensor:
    """Rows, vectors or numbers of a batch as one tensor."""

    def leaves(x: Any) -> Any:
        if isinstance(x, list):
            for y in x:
                yield from leaves(y)
        else:
            yield x

    return make(kind.keep(list(leaves(found))), shape, kind)


def _eliminated(a: Rows, b: Rows) -> float:
    """Solve a x = b in place of b by elimination with pivots; returns the determinant, 0 if there is no solution."""
    n, determinant = len(a), 1.0
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(a[k][i]))
        if a[pivot][i] == 0:
            return 0.0
        if pivot != i:
            a[i], a[pivot], b[i], b[pivot] = a[pivot], a[i], b[pivot], b[i]
            determinant = -determinant
        determinant *= a[i][i]
        for k in range(i + 1, n):
            factor = a[k][i] / a[i][i]
            if factor:
                a[k] = [x - factor * y for x, y in zip(a[k], a[i], strict=True)]
                b[k] = [x - factor * y for x, y in zip(b[k], b[i], strict=True)]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            b[i] = [x - a[i][k] * y for x, y in zip(b[i], b[k], strict=True)]
        b[i] = [x / a[i][i] for x in b[i]]
    return determinant


def _identity(n: int) -> Rows:
    return [[float(i == j) for j in range(n)] for i in range(n)]


def _solved(a: Tensor, b: Tensor, name: str) -> Tensor:
    """a⁻¹ b for batches of one shape, without a record."""
    found = []
    for place, (rows, right) in enumerate(zip(_matrices(a), _matrices(b), strict=True)):
        right = [list(r) for r in right]
        if rows and not _eliminated([list(r) for r in rows], right):
            where = f"(Batch element {place}): " if a.ndim > 2 else ""
            told = "The diagonal element 1 is zero, the inversion could not be completed because the input matrix is singular."
            raise LinAlgError(
                f"linalg.inv: {where}{told}" if name == "inv" else SINGULAR.format(name=name, where=where)
            )
        found.append(right)
    return _packed(found, b._shape, b.dtype)


@public("linalg")
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """x with A x = B: (…, n, n) and (…, n) or (…, n, k)."""
    _square(A, "solve")
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type {A.dtype.title} and B of type {B.dtype.title} instead"
        )
    if not left:
        return solve(A.mT, B.mT).mT
    vector = B.ndim == 1 or B._shape == A._shape[:-1]
    right = B.unsqueeze(-1) if vector else B
    if right._shape[-2] != A._shape[-1]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({A._shape[-2]}x{A._shape[-1]} and "
            f"{right._shape[-2]}x{right._shape[-1]})"
        )
    lead = PUBLIC["torch"]["broadcast_shapes"](A._shape[:-2], right._shape[:-2])
    a, b = A.expand([*lead, *A._shape[-2:]]), right.expand([*lead, *right._shape[-2:]])
    out = _solved(a.detach(), b.detach(), "solve")

    def by_b(g: Tensor) -> Tensor:
        return solve(a.mT, g)

    pulls = [lambda g: -matmul(by_b(g), out.mT), by_b]
    out = record("LinalgSolveExBackward0", out, [a, b], pulls, [a, out])
    return out.squeeze(-1) if vector else out


PUBLIC["torch.linalg"]["solve_ex"] = as_function(
    lambda A, B: namedtuple("solve_ex", ("result", "info"))(solve(A, B), A.new_zeros((), dtype=dtypes.int32)),
    "solve_ex",
    "torch.linalg",
)


@public("linalg")
def inv(A: Tensor) -> Tensor:
    """A⁻¹."""
    _square(A, "inv")
    n = A._shape[-1]
    out = _solved(A.detach(), PUBLIC["torch"]["eye"](n, dtype=A.dtype).expand(A._shape), "inv")
    pull = lambda g: -(out.mT @ g @ out.mT)  # noqa: E731
    return record("LinalgInvExBackward0", out, [A], [pull], [out])


public("torch Tensor", "inverse")(inv)


@public("linalg")
def det(A: Tensor) -> Tensor:
    """The determinant."""
    _square(A, "det")
    n = A._shape[-1]
    found = [_eliminated([list(r) for r in rows], _identity(n)) for rows in _matrices(A)]
    out = _packed(found, A._shape[:-2], A.dtype)
    pull = lambda g: (g * out)[..., None, None] * inv(A).mT  # noqa: E731
    return record("LinalgDetBackward0", out, [A], [pull], [A, out])


public("torch Tensor", "det")(det)


@public("linalg")
def slogdet(A: Tensor) -> Any:
    """The determinant's sign, and the logarithm of its size."""
    value = det(A)
    return namedtuple("slogdet", ("sign", "logabsdet"))(value.sign().detach(), value.abs().log())


public("torch Tensor", "slogdet")(slogdet)
public("torch Tensor", "logdet")(lambda A: det(A).log())


@public("linalg")
def cholesky(A: Tensor) -> Tensor:
    """The lower triangle L with L Lᵀ = A."""
    _square(A, "cholesky")
    _no_gradient(A, "cholesky")
    found = []
    for rows in _matrices(A):
        n, lower = len(rows), [[0.0] * len(rows) for _ in rows]
        for i in range(n):
            for j in range(i + 1):
                left = rows[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
                if i == j and left <= 0:
                    raise LinAlgError(
                        "linalg.cholesky: The factorization could not be completed because the input is not "
                        f"positive-definite (the leading minor of order {i + 1} is not positive-definite)."
                    )
                lower[i][j] = math.sqrt(left) if i == j else left / lower[j][j]
        found.append(lower)
    return _packed(found, A._shape, A.dtype)


def _no_gradient(A: Tensor, name: str) -> None:
    if A.requires_grad and Mode.recording:
        raise not_in_page(f"the gradient of torch.linalg.{name}")


def _reflected(rows: Rows) -> tuple[Rows, Rows]:
    """Q and R by Householder's reflections, Q square."""
    m, n, r = len(rows), len(rows[0]) if rows else 0, [list(row) for row in rows]
    q = _identity(m)
    for j in range(min(m - 1, n)):
        below = [r[i][j] for i in range(j, m)]
        length = math.hypot(*below)
        if not any(below[1:]):
            continue
        top = -math.copysign(length, below[0])
        v = [below[0] - top, *below[1:]]
        scale = 2 / sum(x * x for x in v)
        for k in range(n):
            part = scale * sum(v[i] * r[j + i][k] for i in range(m - j))
            for i in range(m - j):
                r[j + i][k] -= part * v[i]
        for row in q:
            part = scale * sum(v[i] * row[j + i] for i in range(m - j))
            for i in range(m - j):
                row[j + i] -= part * v[i]
        for i in range(j + 1, m):
            r[i][j] = 0.0
    return q, r


@public("linalg")
def qr(A: Tensor, mode: str = "reduced") -> Any:
    """A = Q R, Q with orthonormal columns, R upper triangular."""
    _no_gradient(A, "qr")
    m, n = A._shape[-2:]
    k = min(m, n) if mode == "reduced" else m
    both = [_reflected(rows) for rows in _matrices(A)]
    lead = A._shape[:-2]
    q = _packed([[row[:k] for row in q] for q, _ in both], [*lead, m, k], A.dtype)
    return namedtuple("qr", ("Q", "R"))(q, _packed([r[:k] for _, r in both], [*lead, k, n], A.dtype))


@public("linalg")
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """x with A x = B for a triangular A."""
    part = A.triu() if upper else A.tril()
    if unitriangular:
        part = (
            part - part.diagonal(0, -2, -1).diag_embed() + PUBLIC["torch"]["eye"](A._shape[-1], dtype=A.dtype)
        )
    return renamed("LinalgSolveTriangularBackward0", solve(part, B) if left else solve(part.mT, B.mT).mT)


def _rotated(rows: Rows) -> tuple[list[float], Rows]:
    """A symmetric matrix's eigenvalues in order and its eigenvectors, as rows, by Jacobi's rotations."""
    n, a, v = (
        len(rows),
        [[(rows[max(i, j)][min(i, j)]) for j in range(len(rows))] for i in range(len(rows))],
        _identity(len(rows)),
    )
    for _ in range(60):
        off = sum(a[i][j] ** 2 for i in range(n) for j in range(i))
        if off <= 1e-300 or off <= 1e-33 * sum(a[i][i] ** 2 for i in range(n)):
            break
        for p in range(n):
            for q in range(p + 1, n):
                if abs(a[p][q]) < 1e-300:
                    continue
                angle = (a[q][q] - a[p][p]) / (2 * a[p][q])
                t = math.copysign(1, angle) / (abs(angle) + math.hypot(1, angle))
                c = 1 / math.hypot(1, t)
                s = t * c
                for k in range(n):
                    a[k][p], a[k][q] = c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]
                for k in range(n):
                    a[p][k], a[q][k] = c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]
                v[p], v[q] = ([c * x - s * y for x, y in zip(v[p], v[q], strict=True)],
                              [s * x + c * y for x, y in zip(v[p], v[q], strict=True)])  # fmt: skip
    order = sorted(range(n), key=lambda i: a[i][i])
    return [a[i][i] for i in order], [v[i] for i in order]


@public("linalg")
def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """A symmetric matrix's eigenvalues in order, and its eigenvectors as columns."""
    _square(A, "eigh")
    _no_gradient(A, "eigh")
    both = [_rotated(rows) for rows in _matrices(A if UPLO == "L" else A.mT)]
    vectors = _packed([list(map(list, zip(*v, strict=True))) for _, v in both], A._shape, A.dtype)
    return namedtuple("eigh", ("eigenvalues", "eigenvectors"))(
        _packed([w for w, _ in both], A._shape[:-1], A.dtype), vectors
    )


@public("linalg")
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """A symmetric matrix's eigenvalues in order."""
    _square(A, "eigvalsh")
    values = _packed(
        [_rotated(rows)[0] for rows in _matrices(A if UPLO == "L" else A.mT)], A._shape[:-1], A.dtype
    )
    if not (A.requires_grad and Mode.recording):
        return values
    vectors = eigh(A.detach(), UPLO).eigenvectors
    pull = lambda g: (vectors * g.unsqueeze(-2)) @ vectors.mT  # noqa: E731
    return record("LinalgEighBackward0", values, [A], [pull])


def _columns_rotated(rows: Rows) -> tuple[Rows, Rows]:
    """A matrix's columns turned until all are orthogonal, and the turn, both as rows: one-sided Jacobi rotations."""
    columns, turn = [list(c) for c in zip(*rows, strict=True)], _identity(len(rows[0]))
    for _ in range(60):
        turned = False
        for p in range(len(columns)):
            for q in range(p + 1, len(columns)):
                a, b, c = (
                    sum(x * y for x, y in zip(columns[i], columns[j], strict=True))
                    for i, j in ((p, p), (q, q), (p, q))
                )
                if abs(c) <= 1e-16 * math.sqrt(a * b) or c == 0:
                    continue
                turned, angle = True, (b - a) / (2 * c)
                t = math.copysign(1, angle) / (abs(angle) + math.hypot(1, angle))
                cos = 1 / math.hypot(1, t)
                for part in (columns, turn):
                    part[p], part[q] = ([cos * x - cos * t * y for x, y in zip(part[p], part[q], strict=True)],
                                        [cos * t * x + cos * y for x, y in zip(part[p], part[q], strict=True)])  # fmt: skip
        if not turned:
            break
    return columns, turn


@public("linalg")
def svdvals(A: Tensor) -> Tensor:
    """The singular values, the largest first."""
    _no_gradient(A, "svdvals")
    k, found = min(A._shape[-2:]), []
    for rows in _matrices(A if A._shape[-2] >= A._shape[-1] else A.mT):
        columns, _ = _columns_rotated(rows)
        found.append(sorted((math.hypot(*c) for c in columns), reverse=True)[:k])
    return _packed(found, [*A._shape[:-2], k], A.dtype)


@public("linalg")
def matrix_rank(A: Tensor, *, atol: Any = None, rtol: Any = None, tol: Any = None) -> Tensor:
    """How many singular values are larger than rounding."""
    values = svdvals(A)
    least = values.amax(-1, keepdim=True) * (
        max(A._shape[-2:]) * dtypes.finfo(A.dtype).eps if rtol is None else rtol
    )
    return (values > (least if tol is None and atol is None else tol or atol)).sum(-1)


@public("linalg")
def cond(A: Tensor, p: Any = None) -> Tensor:
    """The largest singular value divided by the smallest."""
    if p not in (None, 2):
        raise not_in_page("torch.linalg.cond of another norm")
    values = svdvals(A)
    return values[..., 0] / values[..., -1]


@public("linalg")
def pinv(A: Tensor) -> Tensor:
    """The pseudo-inverse of a matrix of full rank."""
    if int(matrix_rank(A.detach()).min()) < min(A._shape[-2:]):
        raise not_in_page("torch.linalg.pinv of a matrix that has not full rank")
    return solve(A.mT @ A, A.mT) if A._shape[-2] >= A._shape[-1] else A.mT @ inv(A @ A.mT)


@public("linalg")
def lstsq(A: Tensor, B: Tensor, *, rcond: Any = None, driver: Any = None) -> Any:
    """x for which |A x − B|² is least."""
    m, n = A._shape[-2:]
    if B.ndim != A.ndim:
        raise RuntimeError(
            "torch.linalg.lstsq: input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1"
        )
    if int(matrix_rank(A.detach()).min()) < n:
        raise not_in_page("torch.linalg.lstsq of a matrix that has not full rank")
    q, r = qr(A)
    x = solve(r, q.mT @ B)
    gaps = ((A @ x - B) ** 2).sum(-2) if m > n else A.new_zeros(0)
    made = namedtuple("lstsq", ("solution", "residuals", "rank", "singular_values"))
    return made(x, gaps, A.new_full((), n, dtype=dtypes.int64), A.new_zeros(0))


@public("linalg", "norm")
def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """A vector's or a matrix's norm."""
    if ord in (None, "fro") or A.ndim == 1 or isinstance(dim, int):
        return _norm(A, 2 if ord in (None, "fro") else ord, dim, keepdim, dtype)
    if ord == 2 and dim is None and A.ndim == 2:
        return svdvals(A)[0]
    raise not_in_page(f"torch.linalg.norm of a matrix with ord={ord!r}")


@public("linalg")
def vector_norm(
    x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """(Σ|x|ᵖ)^(1/p)."""
    return _norm(x, ord, dim, keepdim, dtype)


@public("linalg")
def matrix_norm(A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    """A matrix's norm."""
    if ord != "fro":
        raise not_in_page(f"torch.linalg.matrix_norm with ord={ord!r}")
    return _norm(A, 2, dim, keepdim)


@public("linalg torch Tensor")
def matrix_power(A: Tensor, n: int) -> Tensor:
    """A multiplied by itself n times."""
    _square(A, "matrix_power")
    base = inv(A) if n < 0 else A
    out = PUBLIC["torch"]["eye"](A._shape[-1], dtype=A.dtype).expand(A._shape).clone()
    for _ in range(abs(n)):
        out = out @ base
    return out


PUBLIC["torch.linalg"]["diagonal"] = as_function(
    lambda A, offset=0, dim1=-2, dim2=-1: A.diagonal(offset, dim1, dim2), "diagonal", "torch.linalg"
)
