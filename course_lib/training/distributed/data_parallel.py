"""Data parallelism: gradients averaged by all-reduce (as DDP), or parameters sharded (FSDP)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from course_lib.checks import check_at_least
from course_lib.training.distributed.group import World


def epoch_shard(
    examples: int, *, epoch: int, rank: int, size: int, seed: int = 0, pad: bool = True
) -> Tensor:
    """Draw an epoch's order, the same on every process, and take one process's places of it.

    The order is that of a generator seeded with ``seed + epoch``, as in
    ``torch.utils.data.DistributedSampler`` after ``set_epoch``: without the epoch each pass would repeat the
    first one's order. ``pad`` begins again at the order's start until all shares are equally long, so that
    some examples are seen twice. Without it shares differ by at most one, and their gradients must be
    weighted. Gives indices of examples, int64, (⌈examples / size⌉,) with ``pad``; ``ValueError`` if a number
    is out of range.
    """
    check_at_least(1, examples=examples, size=size)
    check_at_least(0, epoch=epoch, seed=seed)
    if not 0 <= rank < size:
        raise ValueError(f"rank must lie in 0 … {size - 1}, got {rank}")
    generator = torch.Generator().manual_seed(seed + epoch)
    order = torch.randperm(examples, generator=generator)
    if pad:
        whole = -(-examples // size) * size
        order = order.repeat(-(-whole // examples))[:whole]
    return order[rank::size]


def average_gradients(model: nn.Module) -> None:
    r"""All-reduce gradients to their mean over the processes, as DistributedDataParallel (DDP) does.

    $$g \leftarrow \frac{1}{n} \sum_{r=0}^{n-1} g_r$$

    With losses that are means over shares of *equal* size, it is the gradient of the whole batch. Call it
    after ``backward``, on every process. Parameters without a gradient are left out, which must be the same
    ones everywhere. ``RuntimeError`` if there is no process group.

    Source: S. Li et al., arXiv:2006.15704, section 3.
    """
    size = _world_size()
    for parameter in model.parameters():
        if parameter.grad is not None:
            dist.all_reduce(parameter.grad)
            parameter.grad /= size


def average_gradients_by_examples(model: nn.Module, examples: int) -> None:
    r"""All-reduce gradients to the mean over all examples, however unevenly they are shared.

    $$g \leftarrow \frac{\sum_r n_r\, g_r}{\sum_r n_r}$$

    ``examples`` is n_r, what this process's loss, before ``backward``, was the *mean* over. A process that
    has none needs no ``backward``: its gradients are set to zero. Errors as ``loss_weight``.
    """
    weight = loss_weight(examples, next(model.parameters()).device)
    for parameter in model.parameters():
        if examples == 0 and parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
        elif parameter.grad is not None:
            parameter.grad *= weight
    average_gradients(model)


def loss_weight(examples: int, device: torch.device | str = "cpu") -> float:
    r"""Find the factor that makes a plain mean over processes the mean over all examples.

    $$w_r = \frac{n\, n_r}{\sum_s n_s}, \qquad
      \frac{1}{n} \sum_r w_r\, g_r = \frac{\sum_r n_r\, g_r}{\sum_r n_r}$$

    Where DDP or FSDP average, multiply this process's mean loss, over n_r examples on ``device``, by it
    before ``backward``; it is 1 where all shares are equal. ``ValueError`` if ``examples`` is negative, or no
    process has any; ``RuntimeError`` if there is no process group.
    """
    check_at_least(0, examples=examples)
    size = _world_size()
    total = torch.tensor(examples, device=device)
    dist.all_reduce(total)
    if total == 0:
        raise ValueError("examples must be above 0 on some process, got 0 on all")
    return size * examples / total.item()


def global_mean(value: torch.Tensor) -> torch.Tensor:
    """Average a scalar on the process's device over the processes; in a world of one it is itself."""
    if not dist.is_initialized():
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def _world_size() -> int:
    if not dist.is_initialized():
        raise RuntimeError("there is no process group: enter training.distributed.process_group() first")
    return dist.get_world_size()


def wrap_data_parallel(
    model: nn.Module, world: World, sharding: Literal["ddp", "fsdp"], blocks: Iterable[nn.Module]
) -> nn.Module:
    """Wrap a model in DDP or FSDP: ``backward`` then averages its gradients over the processes.

    With ``"ddp"`` each process holds all; with ``"fsdp"`` 1/size of parameters, gradients and optimiser
    state, and gathers the parameters of one of the ``blocks`` while it computes it (FSDP2, in place). The
    optimiser is to be made from the parameters of what comes back. ``ValueError`` if ``sharding`` is
    unknown, or there is no process group.

    Source: S. Li et al., arXiv:2006.15704 (DDP); S. Rajbhandari et al., arXiv:1910.02054, and Y. Zhao et
    al., arXiv:2304.11277 (FSDP).
    """
    if sharding not in ("ddp", "fsdp"):
        raise ValueError(f"sharding must be 'ddp' or 'fsdp', got {sharding!r}")
    if not world.launched:
        raise ValueError("world must have a process group: enter training.distributed.process_group() first")
    if sharding == "ddp":
        devices = None if world.device.type == "cpu" else [world.device]
        return DistributedDataParallel(model, device_ids=devices)
    mesh = init_device_mesh(world.device.type, (world.size,), mesh_dim_names=("shards",))
    for block in blocks:
        fully_shard(block, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def arrange_buckets(model: nn.Module, inputs: Tensor) -> None:
    """Make DDP arrange its buckets now, by one pass forward and back, whose gradients are dropped.

    It packs gradients by the order of the parameters first, and after the first ``backward`` by the order in
    which they came. From three processes on, a number's place decides who adds it up in which order. Without
    this the first update after a restart would round otherwise than the same update of an undisturbed run.
    Every process must call this, with a batch of any size; nothing happens unless DDP wraps the model.
    """
    if isinstance(model, DistributedDataParallel):
        model(inputs).sum().backward()
        model.zero_grad(set_to_none=True)


def seed_update(seed: int, step: int, rank: int) -> None:
    """Seed torch's global generators for one update of one process, so that its dropout is its own.

    The state depends on nothing else: after a restart no random state has to be found again.
    """
    digest = hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:4], "big"))  # the CPU's generator takes 32 bits of it
