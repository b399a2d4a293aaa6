"""torch.linalg: elimination, reflections and rotations, on plain lists of rows in double precision."""

from __future__ import annotations

import itertools
import math
from typing import Any

from . import dtypes
from .extremes import result
from .linear_algebra import matmul
from .reductions import norm as _norm
from .registry import TORCH, not_in_page, public
from .tape import Mode, record, renamed
from .tensor import Tensor, flat

Rows = list[list[float]]


class LinAlgError(RuntimeError):
    """What a matrix without a solution raises."""


LinAlgError.__module__, LinAlgError.__name__ = "torch._C", "_LinAlgError"


def _square(a: Tensor, name: str) -> None:
    if a.ndim < 2 or a._shape[-1] != a._shape[-2]:
        shape = "x".join(map(str, a._shape[-2:]))
        told = f"A must be batches of square matrices, but they are {shape.replace('x', ' by ')} matrices"
        raise RuntimeError(
            f"linalg.{name}: {told if a.ndim > 1 else 'The input tensor A must have at least 2 dimensions.'}"
        )


def _matrices(t: Tensor) -> list[Rows]:
    """Each matrix of a batch, as rows."""
    (m, n), numbers = t._shape[-2:], list(map(float, flat(t)))
    return [[numbers[s + i * n : s + i * n + n] for i in range(m)] for s in range(0, len(numbers), m * n)]


def _packed(found: list[Any], shape: Any, like: Tensor) -> Tensor:
    """Rows, vectors or numbers of a batch as one tensor."""
    return TORCH["tensor"](found, dtype=like.dtype).reshape(shape)


def _identity(n: int) -> Rows:
    return [[float(i == j) for j in range(n)] for i in range(n)]


def _eliminated(a: Rows, b: Rows) -> float:
    """Solve a x = b in place of b by elimination with pivots; returns the determinant, 0 if there is no solution."""
    n, a, determinant = len(a), [list(row) for row in a], 1.0
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(a[k][i]))
        if a[pivot][i] == 0:
            return 0.0
        if pivot != i:
            a[i], a[pivot], b[i], b[pivot], determinant = a[pivot], a[i], b[pivot], b[i], -determinant
        determinant *= a[i][i]
        for k in range(i + 1, n):
            factor = a[k][i] / a[i][i]
            for rows in (a, b):
                rows[k] = [x - factor * y for x, y in zip(rows[k], rows[i], strict=True)]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            b[i] = [x - a[i][k] * y for x, y in zip(b[i], b[k], strict=True)]
        b[i] = [x / a[i][i] for x in b[i]]
    return determinant


def _solved(a: Tensor, b: Tensor, name: str) -> Tensor:
    """a⁻¹ b for batches of one shape, without a record."""
    found = _matrices(b)
    for place, (rows, right) in enumerate(zip(_matrices(a), found, strict=True)):
        if not _eliminated(rows, right):
            where = f"(Batch element {place}): " if a.ndim > 2 else ""
            told = "The solver failed because the input matrix is singular."
            if name == "inv":
                told = "The diagonal element 1 is zero, the inversion could not be completed because the input matrix is singular."
            raise LinAlgError(f"linalg.{name}: {where}{told}")
    return _packed(found, b._shape, b)


@public("linalg")
def solve(A: Tensor, B: Tensor) -> Tensor:
    """x with A x = B: (…, n, n) and (…, n) or (…, n, k)."""
    _square(A, "solve")
    vector = B.ndim == 1 or B._shape == A._shape[:-1]
    right = B.unsqueeze(-1) if vector else B
    if right._shape[-2] != A._shape[-1]:
        sizes = ("x".join(map(str, t._shape[-2:])) for t in (A, right))
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({' and '.join(sizes)})"
        )
    lead = TORCH["broadcast_shapes"](A._shape[:-2], right._shape[:-2])
    a, b = A.expand([*lead, *A._shape[-2:]]), right.expand([*lead, *right._shape[-2:]])
    out = _solved(a, b, "solve")
    pulls = [lambda g: -matmul(solve(a.mT, g), out.mT), lambda g: solve(a.mT, g)]
    out = record("LinalgSolveExBackward0", out, [a, b], pulls, [a, out])
    return renamed("LinalgSolveExBackward0", out.squeeze(-1)) if vector else out


@public("linalg")
def inv(A: Tensor) -> Tensor:
    """A⁻¹."""
    _square(A, "inv")
    out = _solved(A, TORCH["eye"](A._shape[-1], dtype=A.dtype).expand(A._shape), "inv")
    return record("LinalgInvExBackward0", out, [A], [lambda g: -(out.mT @ g @ out.mT)], [out])


@public("linalg torch Tensor")
def det(A: Tensor) -> Tensor:
    """The determinant."""
    _square(A, "det")
    found = [_eliminated(rows, _identity(len(rows))) for rows in _matrices(A)]
    out = _packed(found, A._shape[:-2], A)
    return record(
        "LinalgDetBackward0", out, [A], [lambda g: (g * out)[..., None, None] * inv(A).mT], [A, out]
    )


public("torch Tensor", "inverse")(inv)


def _no_gradient(A: Tensor, name: str) -> None:
    if A.requires_grad and Mode.recording:
        raise not_in_page(f"the gradient of torch.linalg.{name}")


@public("linalg")
def cholesky(A: Tensor) -> Tensor:
    """The lower triangle L with L Lᵀ = A."""
    _square(A, "cholesky")
    _no_gradient(A, "cholesky")
    found = []
    for rows in _matrices(A):
        lower = [[0.0] * len(rows) for _ in rows]
        for i in range(len(rows)):
            for j in range(i + 1):
                left = rows[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
                if i == j and left <= 0:
                    told = f"positive-definite (the leading minor of order {i + 1} is not positive-definite)."
                    raise LinAlgError(
                        f"linalg.cholesky: The factorization could not be completed because the input is not {told}"
                    )
                lower[i][j] = math.sqrt(left) if i == j else left / lower[j][j]
        found.append(lower)
    return _packed(found, A._shape, A)


def _reflected(rows: Rows) -> tuple[Rows, Rows]:
    """Q, square, and R by Householder's reflections."""
    m, n, r, q = len(rows), len(rows[0]), [list(row) for row in rows], _identity(len(rows))
    for j in range(min(m - 1, n)):
        below = [r[i][j] for i in range(j, m)]
        if not any(below[1:]):
            continue
        v = [below[0] + math.copysign(math.hypot(*below), below[0]), *below[1:]]
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
    k, both, lead = (
        min(m, n) if mode == "reduced" else m,
        [_reflected(rows) for rows in _matrices(A)],
        A._shape[:-2],
    )
    q = _packed([[row[:k] for row in q] for q, _ in both], [*lead, m, k], A)
    return result("linalg_qr", "Q", "R")(q, _packed([r[:k] for _, r in both], [*lead, k, n], A))


@public("linalg")
def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True) -> Tensor:
    """x with A x = B for a triangular A."""
    part = A.triu() if upper else A.tril()
    return renamed("LinalgSolveTriangularBackward0", solve(part, B) if left else solve(part.mT, B.mT).mT)


def _turn(columns: list[Rows], p: int, q: int, angle: float) -> None:
    """Rotate two rows of each matrix so that what `angle` measures between them vanishes."""
    t = math.copysign(1, angle) / (abs(angle) + math.hypot(1, angle))
    c = 1 / math.hypot(1, t)
    for rows in columns:
        pairs = list(zip(rows[p], rows[q], strict=True))
        rows[p], rows[q] = [c * x - c * t * y for x, y in pairs], [c * t * x + c * y for x, y in pairs]


def _eigen(rows: Rows) -> tuple[list[float], Rows]:
    """A symmetric matrix's eigenvalues in order, and its eigenvectors as rows, by Jacobi's rotations."""
    n, vectors = len(rows), _identity(len(rows))
    whole = [[rows[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]
    while sum(whole[i][j] ** 2 for i in range(n) for j in range(i)) > 1e-32 * sum(
        whole[i][i] ** 2 for i in range(n)
    ):
        for p, q in itertools.combinations(range(n), 2):
            if whole[p][q]:
                angle = (whole[q][q] - whole[p][p]) / (2 * whole[p][q])
                _turn([whole, vectors], p, q, angle)
                whole = [list(row) for row in zip(*whole, strict=True)]
                _turn([whole], p, q, angle)
    order = sorted(range(n), key=lambda i: whole[i][i])
    return [whole[i][i] for i in order], [vectors[i] for i in order]


@public("linalg")
def eigh(A: Tensor) -> Any:
    """A symmetric matrix's eigenvalues in order, and its eigenvectors as columns."""
    _square(A, "eigh")
    _no_gradient(A, "eigh")
    both = [_eigen(rows) for rows in _matrices(A)]
    vectors = _packed([v for _, v in both], A._shape, A).mT
    return result("linalg_eigh", "eigenvalues", "eigenvectors")(
        _packed([w for w, _ in both], A._shape[:-1], A), vectors
    )


@public("linalg")
def eigvalsh(A: Tensor) -> Tensor:
    """A symmetric matrix's eigenvalues in order."""
    values, vectors = eigh(A.detach())
    return record("LinalgEighBackward0", values, [A], [lambda g: (vectors * g.unsqueeze(-2)) @ vectors.mT])


@public("linalg")
def lstsq(A: Tensor, B: Tensor) -> Any:
    """x for which |A x − B|² is least."""
    made = result("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
    if A.ndim == 2 and B.ndim == 1:
        x, _, rank, none = lstsq(A, B.unsqueeze(1))
        return made(x[:, 0], none, rank, none)
    q, r = qr(A)
    size = r.diagonal(0, -2, -1).abs()
    if (size <= size.amax(-1, keepdim=True) * 1e3 * dtypes.finfo(A.dtype).eps).any():
        raise not_in_page("torch.linalg.lstsq of a matrix that has not full rank")
    x, none = solve(r, q.mT @ B), A.new_zeros(0)
    gaps = ((A @ x - B) ** 2).sum(-2)
    rank = A.new_full((), A._shape[-1], dtype=dtypes.int64)
    return made(x, gaps if A._shape[-2] > A._shape[-1] else none, rank, none)


@public("linalg", "norm", "vector_norm")
def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Tensor:
    """(Σ|x|ᵖ)^(1/p), of a matrix with p = 2."""
    if A.ndim > 1 and ord not in (None, "fro") and dim is None:
        raise not_in_page(f"torch.linalg.norm of a matrix with ord={ord!r}")
    return _norm(A, 2 if ord in (None, "fro") else ord, dim, keepdim)
