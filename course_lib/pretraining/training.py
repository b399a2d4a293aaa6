"""Pretraining a language model: the update, the loop, and the checkpoints in a run's folder to resume from.

One process keeps one file, ``checkpoint.safetensors``. Under torchrun the processes keep the folder
``checkpoints``, each its own shards. Either way ``best.safetensors`` is one file, of the plain model. What
only several processes need is imported by them alone: it takes seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.files import write_in_one_step
from course_lib.training import checkpoint
from course_lib.training.distributed.checkpoint import newest
from course_lib.training.distributed.data_parallel import global_mean
from course_lib.training.steps import descend, finite, scheduled

CHECKPOINT, SHARDS, BEST = "checkpoint.safetensors", "checkpoints", "best.safetensors"
LOWEST_RATE = 0.1  # of the learning rate, at the end of the schedule


class Run(NamedTuple):
    """What a run consists of.

    ``draw()`` gives ``(inputs, targets)``, int64 (batch, seq) each, and takes its randomness from
    ``generator``. ``evaluate()`` gives the validation loss in nats per token. ``before(step)``, where it is
    given, is called before each update.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    draw: Callable[[], tuple[Tensor, Tensor]]
    generator: torch.Generator
    evaluate: Callable[[], float]
    before: Callable[[int], None] | None = None


@dataclass
class Progress:
    """How far a run has come.

    ``step``: updates made. ``history``: rows of ``step``, ``train_loss`` (mean over the updates since the row
    before, dropout on) and ``validation_loss``, nats per token. ``best``: the least validation loss.
    ``loss_sum`` and ``losses``: the training losses since the last row.
    """

    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: float = math.inf
    loss_sum: float = 0.0
    losses: int = 0


def update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: Tensor,
    targets: Tensor,
    *,
    clip_norm: float | None = 1.0,
) -> Tensor:
    """Make one update: forward, cross-entropy of each position's next token, backward, clip, step.

    Ids and the tokens that follow them, int64, (batch, seq) each, to the loss before the update, nats per
    token, a scalar without history. ``clip_norm`` is the longest gradient, above 0, or ``None``.
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

    ``progress`` says where to start; it is changed as the run goes, and returned. ``learning_rate`` is the
    highest: it rises from 0 in ``warmup`` updates, below ``steps``, and ends at a tenth. There is a
    validation loss every ``evaluate_every`` updates, a checkpoint every ``checkpoint_every``, and both after
    the last one. ``clip_norm`` is the longest gradient; ``show`` draws a progress bar on stderr.
    ``FloatingPointError`` names the update where a loss is NaN or infinite; checkpoints stay as they were.
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
                _save_checkpoint(run, progress, folder)
            bar.update()
    return progress


def find_checkpoint(folder: Path, *, several: bool) -> Path | None:
    """Find the checkpoint that a run may go on from in its folder, which need not exist.

    ``several``: whether torchrun started this process. ``ValueError`` if the folder holds only a checkpoint
    of the other kind; says how to go on.
    """
    single, shards = folder / CHECKPOINT, newest(folder / SHARDS)
    if several and shards is None and single.is_file():
        raise ValueError(f"{single} was written by one process: go on without torchrun")
    if not several and shards is not None:
        raise ValueError(f"{shards} was written by several processes: go on with torchrun")
    return shards if several else single if single.is_file() else None


def resume(run: Run, folder: Path) -> Progress:
    """Load a folder's checkpoint into a run made with the same settings, so that it goes on where it was.

    ``FileNotFoundError`` if the folder holds no checkpoint; ``ValueError`` as ``find_checkpoint``, or if the
    checkpoint is corrupt or does not fit. What one process wrote is checked before the run is changed.
    """
    several = dist.is_initialized()
    path = find_checkpoint(folder, several=several)
    if path is None:
        raise FileNotFoundError(f"{folder} holds no checkpoint: there is nothing to resume")
    parts = {"model": run.model, "optimizer": run.optimizer}
    if several:
        from course_lib.training.distributed import checkpoint as sharded

        return Progress(**sharded.load(path, **parts, generator=run.generator).extra)
    return Progress(**checkpoint.load(path, **parts, generators={"windows": run.generator}).extra)


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
        _save_best(run, folder)
    return row


def _save_checkpoint(run: Run, progress: Progress, folder: Path) -> None:
    parts = {"model": run.model, "optimizer": run.optimizer, "step": progress.step}
    if dist.is_initialized():
        from course_lib.training.distributed import checkpoint as sharded

        sharded.save(folder / SHARDS, **parts, generator=run.generator, extra=asdict(progress))
    else:
        checkpoint.save(
            folder / CHECKPOINT, **parts, generators={"windows": run.generator}, extra=asdict(progress)
        )


def _save_best(run: Run, folder: Path) -> None:
    several = dist.is_initialized()
    if several:
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=True)  # on the first process
        whole = get_model_state_dict(run.model, options=options)
    else:
        whole = run.model.state_dict()
    if not several or dist.get_rank() == 0:
        state = {name: tensor.cpu().contiguous() for name, tensor in whole.items()}
        write_in_one_step(folder / BEST, to_bytes(state))
