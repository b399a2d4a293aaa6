"""Training on several processes: each holds the model, or a shard of it, and takes its share of a batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from course_lib.training.distributed import World

Sharding = Literal["ddp", "fsdp"]


def spread(model: nn.Module, world: World, sharding: Sharding, blocks: Iterable[nn.Module]) -> nn.Module:
    """Make a model average its gradients over the processes in ``backward``.

    Args:
        model: the same on every process, on its device.
        world: the processes.
        sharding: ``"ddp"``: each holds all; ``"fsdp"``: each holds 1/size of parameters, gradients and
            optimiser state, and gathers a block's parameters while it computes it (FSDP2, in place).
        blocks: parts of the model that FSDP gathers one at a time.

    Returns:
        The model to call; its optimiser is to be made from its parameters, after this.

    Raises:
        ValueError: if ``sharding`` is unknown, or there is no process group.

    Source: S. Li et al., arXiv:2006.15704 (DDP); S. Rajbhandari et al., arXiv:1910.02054, and Y. Zhao et
    al., arXiv:2304.11277 (FSDP).

    Taught in: "More than one device".
    """
    if sharding not in ("ddp", "fsdp"):
        raise ValueError(f"sharding must be 'ddp' or 'fsdp', got {sharding!r}")
    if not world.launched:
        raise ValueError("world must have a process group: enter training.distributed.process_group() first")
    if sharding == "ddp":
        return DistributedDataParallel(
            model, device_ids=None if world.device.type == "cpu" else [world.device]
        )
    mesh = init_device_mesh(world.device.type, (world.size,), mesh_dim_names=("shards",))
    for block in blocks:
        fully_shard(block, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def arrange_buckets(model: nn.Module, inputs: Tensor) -> None:
    """Make DDP arrange its buckets now, by one pass forward and back, whose gradients are dropped.

    It packs gradients by the order of the parameters first, and after the first ``backward`` by the order in
    which they came. From three processes on, a number's place decides who adds it up in which order. Without
    this the first update after a restart would round otherwise than the same update of an undisturbed run.

    Args:
        model: what ``spread`` returned; nothing happens unless DDP wraps it. Every process must call this.
        inputs: a batch of any size, on the model's device.

    Taught in: "More than one device".
    """
    if isinstance(model, DistributedDataParallel):
        model(inputs).sum().backward()
        model.zero_grad(set_to_none=True)


def seed_update(seed: int, step: int, rank: int) -> None:
    """Seed torch's global generators for one update of one process, so that its dropout is its own.

    The state depends on nothing else: after a restart no random state has to be found again.

    Args:
        seed: of the run.
        step: number of the update.
        rank: of the process.

    Taught in: "More than one device".
    """
    digest = hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:4], "big"))  # the CPU's generator takes 32 bits of it
