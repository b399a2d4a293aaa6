"""Pretraining a language model: the update and the loop, with a validation loss and checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.pretraining.run_folder import Progress, Run, save_best, save_checkpoint
from course_lib.training.distributed.data_parallel import global_mean
from course_lib.training.steps import descend, finite, scheduled

LOWEST_RATE = 0.1  # of the learning rate, at the end of the schedule


def update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: Tensor,
    targets: Tensor,
    *,
    clip_norm: float | None = 1.0,
) -> Tensor:
    """Make one update: forward, cross-entropy of each position's next token, backward, clip, step.

    Args:
        model: ids (batch, seq) to logits (batch, seq, vocabulary); in train mode.
        optimizer: holds the model's parameters.
        inputs: int64, (batch, seq).
        targets: int64, (batch, seq), the tokens that follow.
        clip_norm: longest gradient, above 0, or ``None``.

    Returns:
        The loss before the update, nats per token, a scalar without history.
    """
    logits = model(inputs)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    descend(loss, list(model.parameters()), optimizer, clip_norm=clip_norm)
    return loss.detach()


def train(
    run: Run,
    progress: Progress,
    folder: Path,
    *,
    steps: int,
    learning_rate: float,
    warmup: int,
    evaluate_every: int,
    checkpoint_every: int,
    clip_norm: float = 1.0,
    show: bool = True,
) -> Progress:
    """Make updates until there are ``steps``, with a learning rate that warms up and falls along a cosine.

    The folder gets a checkpoint, from which ``resume`` goes on bit for bit, and ``best.safetensors``, the
    parameters of the least validation loss; both are replaced in one step. Under torchrun every process calls
    this with its equal share of each batch; losses are means over all of them.

    Args:
        run: model, optimiser and batches.
        progress: where to start; changed as the run goes.
        folder: must exist.
        steps: updates in all.
        learning_rate: the highest, above 0; the last is a tenth of it.
        warmup: updates in which it rises from 0, below ``steps``.
        evaluate_every: updates between two validation losses; there is one after the last update too.
        checkpoint_every: updates between two checkpoints; there is one after the last update too.
        clip_norm: longest gradient, above 0.
        show: draw a progress bar on stderr.

    Returns:
        ``progress``, at ``steps``.

    Raises:
        FloatingPointError: if a loss is NaN or infinite; names the update. Checkpoints are left as they were.
    """
    run.model.train()
    rates = [learning_rate] * len(run.optimizer.param_groups)
    schedule = scheduled(
        run.optimizer, steps=steps, warmup=warmup, lowest=LOWEST_RATE, start=progress.step, rates=rates
    )
    with tqdm(total=steps, initial=progress.step, disable=not show, unit="update") as bar:
        for step in schedule:
            if run.before is not None:
                run.before(step)
            loss = update(run.model, run.optimizer, *run.draw(), clip_norm=clip_norm)
            progress.loss_sum += finite(global_mean(loss), step)
            progress.losses += 1
            progress.step = step + 1
            last = progress.step == steps
            if last or progress.step % evaluate_every == 0:
                row = _evaluate(run, progress, folder)
                bar.set_postfix({name: f"{value:.4f}" for name, value in row.items() if name != "step"})
            if last or progress.step % checkpoint_every == 0:
                save_checkpoint(run, progress, folder)
            bar.update()
    return progress


def _evaluate(run: Run, progress: Progress, folder: Path) -> dict[str, float]:
    row = {
        "step": progress.step,
        "train_loss": progress.loss_sum / progress.losses,
        "validation_loss": run.evaluate(),
    }
    progress.history.append(row)
    progress.loss_sum, progress.losses = 0.0, 0
    if row["validation_loss"] < progress.best:
        progress.best = row["validation_loss"]
        save_best(run, folder)
    return row
