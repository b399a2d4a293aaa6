"""A training run's state, and the checkpoints and log it keeps in its folder, to resume from.

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
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from course_lib.files import write_in_one_step
from course_lib.training import checkpoint
from course_lib.training.distributed.checkpoint import newest

CHECKPOINT = "checkpoint.safetensors"
SHARDS = "checkpoints"
BEST = "best.safetensors"
Draw = Callable[[], tuple[Tensor, Tensor]]


class Run(NamedTuple):
    """What a run consists of.

    ``draw()`` gives ``(inputs, targets)``, int64 (batch, seq) each, and takes its randomness from
    ``generator``. ``evaluate()`` gives the validation loss in nats per token. ``before(step)``, where it is
    given, is called before each update.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    draw: Draw
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


def find_checkpoint(folder: Path, *, several: bool) -> Path | None:
    """Find what a run may go on from.

    Args:
        folder: of the run; need not exist.
        several: whether torchrun started this process.

    Returns:
        The checkpoint's path, or ``None``.

    Raises:
        ValueError: if the folder holds only a checkpoint of the other kind; says how to go on.
    """
    single, shards = folder / CHECKPOINT, newest(folder / SHARDS)
    if several and shards is None and single.is_file():
        raise ValueError(f"{single} was written by one process: go on without torchrun")
    if not several and shards is not None:
        raise ValueError(f"{shards} was written by several processes: go on with torchrun")
    return shards if several else single if single.is_file() else None


def resume(run: Run, folder: Path) -> Progress:
    """Load a folder's checkpoint into a run, so that it goes on as if it had never stopped.

    Args:
        run: made with the same settings.
        folder: where ``save_checkpoint`` wrote.

    Returns:
        How far it had come.

    Raises:
        FileNotFoundError: if the folder holds no checkpoint.
        ValueError: as ``find_checkpoint``, or if the checkpoint is corrupt or does not fit the run. What one
            process wrote is checked before the run is changed.
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


def save_checkpoint(run: Run, progress: Progress, folder: Path) -> None:
    """Replace the folder's checkpoint, in one step; under torchrun every process must call it.

    Args:
        run: the run.
        progress: how far it has come.
        folder: must exist.

    Raises:
        OSError: if it cannot be written; the old one is untouched then.
    """
    parts = {"model": run.model, "optimizer": run.optimizer, "step": progress.step}
    if dist.is_initialized():
        from course_lib.training.distributed import checkpoint as sharded

        sharded.save(folder / SHARDS, **parts, generator=run.generator, extra=asdict(progress))
    else:
        checkpoint.save(
            folder / CHECKPOINT, **parts, generators={"windows": run.generator}, extra=asdict(progress)
        )


def save_best(run: Run, folder: Path) -> None:
    """Replace ``best.safetensors`` by the parameters as they are; under torchrun every process must call it.

    Args:
        run: the run.
        folder: must exist.

    Raises:
        OSError: if it cannot be written; the old one is untouched then.
    """
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
