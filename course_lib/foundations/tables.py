"""What a table of numbers must be before arithmetic with it means anything, and which entry is not."""

from __future__ import annotations

import torch
from torch import Tensor


def check_table(x: Tensor, y: Tensor, dtype: torch.dtype | None = None) -> None:
    """See that features and targets fit together: ``x`` as in ``check_features``, ``y`` finite and (n,).

    Args:
        x: the features, (n, d).
        y: the targets, (n,).
        dtype: the dtype both must have; ``None`` allows any floating-point dtype.

    Raises:
        TypeError: if ``x`` or ``y`` has another dtype or is no tensor.
        ValueError: if a shape is another, the table is empty, or a value is NaN or infinite; names its place.

    Taught in: Linear regression.
    """
    check_features(x, dtype)
    _check_kind(y, "y", dtype)
    if y.shape != x.shape[:1]:
        raise ValueError(f"y must have shape ({len(x)},), one target a row of x, got {tuple(y.shape)}")
    if not y.isfinite().all():
        row = int((~y.isfinite()).nonzero()[0])
        raise ValueError(f"y must be finite, got {y[row].item()} in row {row}")


def check_features(x: Tensor, dtype: torch.dtype | None = None) -> None:
    """See that ``x`` is a table (n, d) of finite numbers, n ≥ 1 and d ≥ 1.

    Args:
        x: the features.
        dtype: the dtype they must have; ``None`` allows any floating-point dtype.

    Raises:
        TypeError: if ``x`` has another dtype or is no tensor.
        ValueError: if it has not two dimensions, is empty, or holds NaN or infinity; names row and column.

    Taught in: Linear regression.
    """
    _check_kind(x, "x", dtype)
    if x.ndim != 2:
        raise ValueError(f"x must have shape (n, d), got {tuple(x.shape)}")
    if x.numel() == 0:
        raise ValueError(f"x must hold at least one row and one column, got shape {tuple(x.shape)}")
    if not x.isfinite().all():
        row, column = (~x.isfinite()).nonzero()[0].tolist()
        raise ValueError(f"x must be finite, got {x[row, column].item()} in row {row}, column {column}")


def check_variance(x: Tensor) -> None:
    """See that no column of ``x``, (n, d), is constant.

    Raises:
        ValueError: if one is; names the column and its value.

    Taught in: Linear regression.
    """
    # A constant such as 0.1 may have a variance of 1e-34 by rounding, so the values are compared as well.
    constant = (x.amax(dim=0) == x.amin(dim=0)) | (x.var(dim=0, correction=0) == 0)
    if constant.any():
        column = int(constant.nonzero()[0])
        raise ValueError(f"column {column} of x has no variance: every value is {x[0, column].item():g}")


def _check_kind(tensor: Tensor, name: str, dtype: torch.dtype | None) -> None:
    kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
    if dtype is not None and kind != dtype:
        raise TypeError(f"{name} must be a tensor of {dtype}, got {kind}")
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        raise TypeError(f"{name} must be a floating-point tensor, got {kind}")
