"""Sharded checkpoints, in folders such as ``step-00000300``: complete if run.json is in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

from course_lib.checks import check_at_least
from course_lib.files import write_in_one_step

RUN = "run.json"
_PREFIX, _PARTIAL = "step-", "partial"


def folder_of(folder: Path, step: int) -> Path:
    """Name the folder of one checkpoint in the folder of its run; ``ValueError`` if ``step`` is below 0."""
    check_at_least(0, step=step)
    return folder / f"{_PREFIX}{step:08}"


def step_of(path: Path) -> int:
    """Read the step from a path that ``folder_of`` made; ``ValueError`` if it bears another name."""
    digits = path.name.removeprefix(_PREFIX)
    if not path.name.startswith(_PREFIX) or not digits.isdecimal():
        raise ValueError(f"path must be named {_PREFIX} and a number, got {path.name!r}")
    return int(digits)


def newest(folder: Path) -> Path | None:
    """Find the newest whole checkpoint in a folder, which need not exist."""
    found = [path.parent for path in folder.glob(f"{_PREFIX}*/{RUN}")]
    return max(found, key=step_of, default=None)


class ShardedCheckpoint(NamedTuple):
    """What ``load`` hands back: ``step`` and ``extra`` as saved, and how many ``processes`` had saved it."""

    step: int
    extra: Any
    processes: int


def save(
    folder: Path,
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    step: int,
    extra: Any = None,
) -> Path:
    """Write a checkpoint, and remove the one before it when the new one is whole; gives its path.

    Every process calls it, and sees the ``folder``, which holds one run's checkpoints. A process killed
    meanwhile leaves the old one whole. The model is plain, wrapped by DDP, or sharded by ``fully_shard``; the
    generator in the same state everywhere; ``extra`` what JSON can hold.

    ``ValueError`` if ``step`` is not above the newest checkpoint's; after an ``OSError`` that one is
    untouched.
    """
    old = newest(folder)
    if old is not None and step <= step_of(old):
        raise ValueError(f"step must be above {step_of(old)}, the newest in {folder}, got {step}")
    partial, whole = folder / _PARTIAL, folder_of(folder, step)
    dist.barrier()  # nobody looks for the old one any more when the first process begins
    if dist.get_rank() == 0:
        shutil.rmtree(partial, ignore_errors=True)  # of a save that was cut short
        partial.mkdir(parents=True)
    dist.barrier()
    # Copying ahead of writing is done on a GPU's stream, even where there is nothing on the GPU.
    ahead = {"per_thread_copy_ahead": 0} if next(model.parameters()).device.type == "cpu" else {}
    writer = dcp.FileSystemWriter(partial, **ahead)
    dcp.save(_state(model, optimizer, generator), storage_writer=writer)
    digests = _digests(partial)
    if dist.get_rank() == 0:
        run = {"step": step, "extra": extra, "processes": dist.get_world_size(), "sha256": digests}
        write_in_one_step(partial / RUN, (json.dumps(run) + "\n").encode())
        os.replace(partial, whole)
        if old is not None:
            shutil.rmtree(old)
    dist.barrier()
    return whole


def load(
    path: Path, *, model: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator
) -> ShardedCheckpoint:
    """Read a checkpoint into objects made as those that were saved, by however many processes.

    The model need not be wrapped or sharded as the saved one was. ``FileNotFoundError`` if there is no
    checkpoint; ``ValueError`` if an object does not fit, or a file is corrupt: nothing has been changed then.
    """
    if not (path / RUN).is_file():
        raise FileNotFoundError(f"{path} holds no checkpoint")
    run = json.loads((path / RUN).read_text("utf-8"))
    found = _digests(path)
    for name, expected in run["sha256"].items():
        if found.get(name) != expected:
            raise ValueError(
                f"{path / name} is corrupt or missing: expected SHA-256 {expected}, found {found.get(name)}"
            )
    state = _state(model, optimizer, generator)
    try:
        dcp.load(state, storage_reader=dcp.FileSystemReader(path))
    except CheckpointException as error:
        reasons = {f"{type(one).__name__}: {one}" for one, _ in error.failures.values()}
        raise ValueError(f"{path} does not fit the model: {min(reasons)}") from error
    set_state_dict(model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"])
    generator.set_state(state["generator"])
    return ShardedCheckpoint(run["step"], run["extra"], run["processes"])


def _state(
    model: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator
) -> dict[str, dict[str, Any] | Tensor]:
    """Names as of the plain model, whatever wraps it; each process's own shards."""
    model_state, optimizer_state = get_state_dict(model, optimizer)
    return {"model": model_state, "optimizer": optimizer_state, "generator": generator.get_state()}


def _digests(path: Path) -> dict[str, str]:
    """Each file's SHA-256; the processes share the reading."""
    names = sorted(file.name for file in path.iterdir() if file.name != RUN)
    own = {}
    for name in names[dist.get_rank() :: dist.get_world_size()]:
        with (path / name).open("rb") as file:
            own[name] = hashlib.file_digest(file, "sha256").hexdigest()
    gathered: list[dict[str, str] | None] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, own)
    return {name: digest for part in gathered for name, digest in (part or {}).items()}
