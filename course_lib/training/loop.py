"""One training loop, written out: forward, loss, backward, update, and the book-keeping round them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.checks import check_ints


class History:
    """The rows of a training run, one per epoch, each a dict of floats by column name.

    ``history["val_loss"]`` is a column, ``history.rows[3]`` a row, ``history.last`` the last row. Its
    ``repr`` is a plain table with four decimals.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def append(self, row: dict[str, float]) -> None:
        """Add one epoch: values by the first row's column names, else a ``ValueError``."""
        if self.rows and row.keys() != self.rows[0].keys():
            raise ValueError(f"row must have the columns {self.columns}, got {list(row)}")
        self.rows.append(dict(row))

    @property
    def columns(self) -> list[str]:
        """Column names in order; empty before the first epoch."""
        return list(self.rows[0]) if self.rows else []

    @property
    def last(self) -> dict[str, float]:
        """The last epoch's row; ``ValueError`` if there is no epoch yet."""
        if not self.rows:
            raise ValueError("history is empty: no epoch has finished")
        return self.rows[-1]

    def __getitem__(self, column: str) -> list[float]:
        """One column, epoch by epoch; ``KeyError`` names the columns that there are."""
        if column not in self.columns:
            raise KeyError(f"history has no column {column!r}, it has {self.columns}")
        return [row[column] for row in self.rows]

    def __repr__(self) -> str:
        if not self.rows:
            return "History: no epoch yet"
        widths = [max(8, len(name)) for name in self.columns]
        lines = ["epoch  " + "  ".join(name.rjust(w) for name, w in zip(self.columns, widths, strict=True))]
        for epoch, row in enumerate(self.rows, start=1):
            cells = (f"{value:.4f}".rjust(w) for value, w in zip(row.values(), widths, strict=True))
            lines.append(f"{epoch:>5}  " + "  ".join(cells))
        return "\n".join(lines)


if TYPE_CHECKING:  # torchmetrics takes a second to import, and a run without metrics needs none of it
    from torchmetrics import MetricCollection

Batch = tuple[Tensor, ...]
LossFunction = Callable[[Tensor, Tensor], Tensor]


def fit(
    model: nn.Module,
    batches: Iterable[Batch],
    loss_function: LossFunction,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    validation: Iterable[Batch] | None = None,
    metrics: MetricCollection | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    clip_norm: float | None = None,
    accumulate: int = 1,
    amp_dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> History:
    """Train a model: for each batch θ ← update(θ, ∇L), L the mean loss over the batch's examples.

    With ``accumulate`` = k the gradient of k batches of n₁ … n_k examples is Σᵢ nᵢ∇Lᵢ / Σᵢ nᵢ: that of one
    large batch, also when the last batch or the last group is smaller. Losses and metrics are averages over
    examples, not over batches. The loss is read, and checked, at every batch; on an accelerator that waits
    for the device.

    Args:
        model: called as ``model(*inputs)``; left in the mode (train or eval) it came in.
        batches: re-iterable; each item ``(*inputs, targets)``, tensors equally long in dimension 0.
        loss_function: ``(outputs, targets)`` to a scalar, the *mean* over the batch's examples.
        optimizer: holds the model's parameters.
        epochs: passes over ``batches``.
        validation: as ``batches``; evaluated after each epoch without gradients.
        metrics: measured on ``validation``; see ``training.metrics``.
        schedule: stepped after every *update* (not every epoch).
        clip_norm: longest gradient allowed, > 0: a longer one is scaled down to this 2-norm over all
            parameters.
        accumulate: batches per update.
        amp_dtype: ``torch.bfloat16`` or ``torch.float16`` to compute the forward pass in mixed precision
            (float16 with gradient scaling); ``None`` for full precision.
        device: where to train; model and batches are moved there. ``None``: where the model lies.
        progress: a progress bar on stderr.

    Returns:
        Each epoch's ``train_loss`` (mean over the examples as they were seen, while θ moved), and with
        ``validation`` also ``val_loss`` and ``val_`` + each metric.

    Raises:
        ValueError: if a setting is out of range; ``metrics`` come without ``validation``; ``batches`` yields
            nothing; or ``loss_function`` refuses a batch or returns no scalar.
        FloatingPointError: if a loss is NaN or infinite; names epoch, step and the first spoilt parameter.
            The update from that batch is not made.
    """
    check_ints(1, epochs=epochs, accumulate=accumulate)
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm must be above 0, got {clip_norm}")
    if amp_dtype not in (None, torch.bfloat16, torch.float16):
        raise ValueError(f"amp_dtype must be torch.bfloat16, torch.float16 or None, got {amp_dtype}")
    if metrics is not None and validation is None:
        raise ValueError("metrics are measured on validation, which is None: pass validation as well")
    where = _place(model, device)
    precision = nullcontext() if amp_dtype is None else torch.autocast(where.type, dtype=amp_dtype)
    scaler = torch.amp.GradScaler(where.type, enabled=amp_dtype is torch.float16)
    was_training = model.training
    history = History()
    total = epochs * math.ceil(len(batches) / accumulate) if hasattr(batches, "__len__") else None
    with tqdm(total=total, disable=not progress, leave=False, unit="update") as bar:
        for epoch in range(1, epochs + 1):
            model.train()
            loss_sum, examples, step = 0.0, 0, 0
            for group, group_size in _groups(batches, accumulate):
                optimizer.zero_grad()
                for batch in group:
                    *inputs, targets = [tensor.to(where) for tensor in batch]
                    with precision:
                        loss, value = _measured(loss_function, model(*inputs), targets)
                    step += 1
                    if not math.isfinite(value):
                        raise FloatingPointError(_diverged(model, value, epoch, step))
                    weighted = loss if len(group) == 1 else loss * (len(targets) / group_size)
                    scaler.scale(weighted).backward()
                    loss_sum += value * len(targets)
                examples += group_size
                if clip_norm is not None:
                    scaler.unscale_(optimizer)
                    nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
                scaler.step(optimizer)
                scaler.update()
                if schedule is not None:
                    schedule.step()
                bar.update()
            if examples == 0:
                raise ValueError(
                    f"batches must be re-iterable and not empty, it yielded none in epoch {epoch}"
                )
            row = {"train_loss": loss_sum / examples}
            if validation is not None:
                scores = evaluate(model, validation, loss_function, metrics=metrics, device=where)
                row |= {f"val_{name}": score for name, score in scores.items()}
            history.append(row)
            bar.set_postfix({name: f"{number:.4f}" for name, number in row.items()}, refresh=False)
    model.train(was_training)
    return history


def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    loss_function: LossFunction,
    *,
    metrics: MetricCollection | None = None,
    device: torch.device | str | None = None,
) -> dict[str, float]:
    """Measure loss and metrics over all examples, in eval mode and without gradients.

    Σᵢ nᵢLᵢ / Σᵢ nᵢ over batches of nᵢ examples: the mean over examples, whatever the batch sizes. Arguments
    and errors as in ``fit``; ``metrics`` are reset, fed batch by batch, and computed once at the end. Gives
    ``{"loss": …}`` and one float per metric.
    """
    where = _place(model, device)
    was_training = model.training
    model.eval()
    loss_sum, examples = 0.0, 0
    if metrics is not None:
        metrics.to(where)
        metrics.reset()
    with torch.no_grad():
        for batch in batches:
            *inputs, targets = [tensor.to(where) for tensor in batch]
            outputs = model(*inputs)
            loss_sum += _measured(loss_function, outputs, targets)[1] * len(targets)
            examples += len(targets)
            if metrics is not None:
                metrics.update(outputs, targets)
    model.train(was_training)
    if examples == 0:
        raise ValueError("batches must hold at least one example, it yielded none")
    scores = {"loss": loss_sum / examples}
    if metrics is not None:
        scores |= {name: float(score) for name, score in metrics.compute().items()}
    return scores


def _groups(batches: Iterable[Batch], size: int) -> Iterator[tuple[list[Batch], int]]:
    """Cut the batches into lists of ``size``, the last possibly shorter, each with its number of examples."""
    group, examples = [], 0
    for batch in batches:
        group.append(batch)
        examples += len(batch[-1])
        if len(group) == size:
            yield group, examples
            group, examples = [], 0
    if group:
        yield group, examples


def _measured(loss_function: LossFunction, outputs: Tensor, targets: Tensor) -> tuple[Tensor, float]:
    """The loss and its value; ``ValueError`` if it refuses the targets or is not one number."""
    try:
        loss = loss_function(outputs, targets)
        return loss, loss.item()
    except torch.OutOfMemoryError:
        raise
    except (IndexError, ValueError, RuntimeError) as error:
        seen = f"targets {targets.dtype} {tuple(targets.shape)}"
        if targets.device.type == "cpu" and targets.numel():
            seen += f" from {targets.min().item()} to {targets.max().item()}"
        raise ValueError(
            f"loss_function refuses outputs {outputs.dtype} {tuple(outputs.shape)} with {seen}: {error}"
        ) from error


def _place(model: nn.Module, device: torch.device | str | None) -> torch.device:
    if device is not None:
        model.to(device)
    parameter = next(model.parameters(), None)
    return torch.device(device or "cpu") if parameter is None else parameter.device


def _diverged(model: nn.Module, value: float, epoch: int, step: int) -> str:
    spoilt = [name for name, p in model.named_parameters() if not torch.isfinite(p).all()]
    if spoilt:
        cause = f"parameter {spoilt[0]!r} holds NaN or infinity: the step before was too large"
    else:
        cause = "every parameter is finite: look at this batch's inputs, targets and the loss function"
    return f"loss is {value} in epoch {epoch}, step {step}; {cause}"
