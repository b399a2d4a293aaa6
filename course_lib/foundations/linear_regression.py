"""Linear regression: squared error and gradient, normal equations, least squares, ridge, standardisation.

Everywhere x is a table (n, d), floating and finite, one row per example and one column per feature; y (n,)
holds the targets; the prediction is xw + b with w (d,) and b (). A coefficient's unit is y's unit per unit of
its column. The closed forms and the standardisation take float64 alone and give it. ``TypeError`` refuses
another dtype; ``ValueError`` another shape, an empty table, and NaN or infinity (names row and column).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import check_floating


def check_table(x: Tensor, y: Tensor, dtype: torch.dtype | None = None) -> None:
    """See that features (n, d) and targets (n,) fit together, are finite, and of ``dtype`` or floating."""
    _check_features(x, dtype)
    _check_kind(y, "y", dtype)
    if y.shape != x.shape[:1]:
        raise ValueError(f"y must have shape ({len(x)},), one target a row of x, got {tuple(y.shape)}")
    if not y.isfinite().all():
        row = int((~y.isfinite()).nonzero()[0])
        raise ValueError(f"y must be finite, got {y[row].item()} in row {row}")


def _check_features(x: Tensor, dtype: torch.dtype | None = None) -> None:
    _check_kind(x, "x", dtype)
    if x.ndim != 2:
        raise ValueError(f"x must have shape (n, d), got {tuple(x.shape)}")
    if x.numel() == 0:
        raise ValueError(f"x must hold at least one row and one column, got shape {tuple(x.shape)}")
    if not x.isfinite().all():
        row, column = (~x.isfinite()).nonzero()[0].tolist()
        raise ValueError(f"x must be finite, got {x[row, column].item()} in row {row}, column {column}")


def _check_variance(x: Tensor) -> None:
    # A constant such as 0.1 may have a variance of 1e-34 by rounding, so the values are compared as well.
    constant = (x.amax(dim=0) == x.amin(dim=0)) | (x.var(dim=0, correction=0) == 0)
    if constant.any():
        column = int(constant.nonzero()[0])
        raise ValueError(f"column {column} of x has no variance: every value is {x[0, column].item():g}")


def _check_kind(tensor: Tensor, name: str, dtype: torch.dtype | None) -> None:
    kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
    if dtype is not None and kind != dtype:
        raise TypeError(f"{name} must be a tensor of {dtype}, got {kind}")
    check_floating(**{name: tensor})


def mean_squared_error(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    r"""Mean squared error of the predictions, in the square of y's unit; ``w``, ``b`` may require gradients.

    $$\mathrm{MSE}(w, b) = \frac1n \sum_{i=1}^n (x_i \cdot w + b - y_i)^2$$
    """
    _check_coefficients(x, y, w, b)
    return (x @ w + b - y).square().mean()


def mse_gradient(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    r"""Gradient of ``mean_squared_error`` for w and b, written out.

    $$\frac{\partial\,\mathrm{MSE}}{\partial w} = \frac2n\, x^{\top} r, \qquad
      \frac{\partial\,\mathrm{MSE}}{\partial b} = \frac2n \sum_i r_i, \qquad r = xw + b - y$$
    """
    _check_coefficients(x, y, w, b)
    residual = x @ w + b - y
    return 2 / len(y) * (x.T @ residual), 2 * residual.mean()


def solve_normal_equations(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    r"""Normal equations: least-squares coefficients (w, b) where the gradient is zero.

    $$A^{\top} A \begin{pmatrix} w \\ b \end{pmatrix} = A^{\top} y, \qquad A = (x \;\; 1)$$

    Forming AᵀA squares the condition number of A, so half the digits of a badly scaled table are lost before
    the solving starts.

    Raises:
        ValueError: if a column is constant (names it), there are fewer rows than coefficients, or AᵀA is
            singular to within float64, whatever the units of the columns.

    Source: C. F. Gauss, *Theoria motus corporum coelestium*, 1809, section 3.
    """
    a = _design(x, y)
    gram, lengths = a.T @ a, a.norm(dim=0)
    spectrum = torch.linalg.eigvalsh(gram / lengths / lengths.unsqueeze(1))
    if spectrum[0] <= len(gram) * torch.finfo(gram.dtype).eps * spectrum[-1]:
        raise ValueError(
            "XᵀX is singular to within float64: a column of x is (nearly) a combination of the others and a "
            "constant; drop one of them, or use solve_least_squares or ridge"
        )
    return _split(torch.linalg.solve(gram, a.T @ y))


def solve_least_squares(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    r"""Least-squares coefficients (w, b) by a QR decomposition, without forming AᵀA.

    $$A = QR, \qquad R \begin{pmatrix} w \\ b \end{pmatrix} = Q^{\top} y, \qquad A = (x \;\; 1)$$

    Errors as ``solve_normal_equations``, but it is A that must not be singular to within float64.

    Source: G. H. Golub, *Numerische Mathematik* 7, 1965.
    """
    a = _design(x, y)
    q, r = torch.linalg.qr(a)
    spectrum = torch.linalg.svdvals(r / a.norm(dim=0))
    if spectrum[-1] <= max(a.shape) * torch.finfo(a.dtype).eps * spectrum[0]:
        raise ValueError(
            "XᵀX is singular: to within float64 a column of x is a combination of the others and a constant; "
            "drop one of them, or use ridge"
        )
    return _split(torch.linalg.solve_triangular(r, (q.T @ y).unsqueeze(1), upper=True).squeeze(1))


def ridge(x: Tensor, y: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    r"""Ridge regression (L2): coefficients pay for their own size, the intercept does not.

    $$\min_{w, b}\ \mathrm{MSE}(w, b) + \alpha\,|w|^2: \qquad
      \Bigl(\tfrac1n \tilde x^{\top} \tilde x + \alpha I\Bigr) w = \tfrac1n \tilde x^{\top} \tilde y,
      \qquad b = \bar y - \bar x \cdot w$$

    with x̃ and ỹ centred on their means. The size of w depends on units, so standardise x first.
    ``ValueError`` if α, the ``strength``, is not finite and above 0, or too small to mend a singular table.

    Source: A. E. Hoerl and R. W. Kennard, *Technometrics* 12, 1970.
    """
    check_table(x, y, torch.float64)
    if not 0 < strength < float("inf"):
        raise ValueError(f"strength must be finite and above 0, got {strength}")
    centred, n = x - x.mean(dim=0), len(y)
    penalty = strength * torch.eye(x.shape[1], dtype=x.dtype)
    right = centred.T @ (y - y.mean()) / n
    w, failed = torch.linalg.solve_ex(centred.T @ centred / n + penalty, right)
    if failed or not w.isfinite().all():
        raise ValueError(f"strength {strength} is too small to mend a singular table")
    return w, y.mean() - x.mean(dim=0) @ w


@dataclass(frozen=True)
class Standardiser:
    r"""Standardisation: columns of mean 0 and standard deviation 1, and the way back.

    $$z = \frac{x - \bar x}{s}, \qquad s^2 = \frac1n \sum_i (x_i - \bar x)^2$$

    Attributes:
        mean: (d,), float64, each in its column's unit.
        scale: s, (d,), float64, each above 0 and in its column's unit.
    """

    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, x: Tensor) -> Standardiser:
        """Take each column's mean and standard deviation; ``ValueError`` names a column without variance."""
        _check_features(x, torch.float64)
        _check_variance(x)
        return cls(x.mean(dim=0), x.std(dim=0, correction=0))

    def transform(self, x: Tensor) -> Tensor:
        """Return (x − mean)/scale, (n, d), without units; the columns must be those of ``fit``."""
        _check_features(x, torch.float64)
        if x.shape[1] != len(self.mean):
            raise ValueError(f"x must have {len(self.mean)} columns, as in fit, got {x.shape[1]}")
        return (x - self.mean) / self.scale

    def inverse_coefficients(self, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Turn coefficients for z into those for x: w/s and b − Σ w·mean/s, the same predictions.

        ``w`` goes in in y's unit (a standard deviation of the column is worth so much) and comes out in y's
        unit per unit of the column. ``ValueError`` if it is not (d,) or ``b`` not ().
        """
        if w.shape != self.scale.shape or b.ndim:
            raise ValueError(
                f"w and b must have shapes {tuple(self.scale.shape)} and (), "
                f"got {tuple(w.shape)} and {tuple(b.shape)}"
            )
        original = w / self.scale
        return original, b - self.mean @ original


def _split(coefficients: Tensor) -> tuple[Tensor, Tensor]:
    return coefficients[:-1], coefficients[-1]


def _design(x: Tensor, y: Tensor) -> Tensor:
    """The table of a closed form with a column of ones, (n, d + 1)."""
    check_table(x, y, torch.float64)
    n, d = x.shape
    if n < d + 1:
        raise ValueError(f"XᵀX is singular: x has {n} rows for {d + 1} coefficients ({d} weights and b)")
    _check_variance(x)
    return torch.cat([x, torch.ones(n, 1, dtype=x.dtype)], dim=1)


def _check_coefficients(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> None:
    check_table(x, y)
    if w.shape != x.shape[1:] or b.ndim:
        raise ValueError(
            f"w and b must have shapes ({x.shape[1]},) and (), got {tuple(w.shape)} and {tuple(b.shape)}"
        )
