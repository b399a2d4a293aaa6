"""The process group: rank, world size, device, and each process's share of the work (torchrun's workers)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import torch
import torch.distributed as dist

from course_lib.checks import check_at_least
from course_lib.runtime import get_device

VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class World(NamedTuple):
    """What a process knows of its process group: its number from 0 to ``size`` − 1, and where it computes.

    ``launched``: whether there is a process group, i.e. whether torchrun, or its like, started the process.
    """

    rank: int
    size: int
    device: torch.device
    launched: bool


def launched(environment: Mapping[str, str] | None = None) -> bool:
    """Say whether torchrun, or its like, started this process: whether its environment has ``VARIABLES``.

    ``False`` if neither ``RANK`` nor ``WORLD_SIZE`` is set; ``ValueError`` names one that is missing beside
    them, or no number in its range.
    """
    given = os.environ if environment is None else environment
    if not {"RANK", "WORLD_SIZE"} & given.keys():
        return False
    missing = [name for name in VARIABLES if name not in given]
    if missing:
        raise ValueError(f"{missing[0]} is not set, which torchrun sets for each process it starts")
    size = _number(given, "WORLD_SIZE", 1, None)
    _number(given, "RANK", 0, size - 1)
    _number(given, "LOCAL_RANK", 0, None)
    _number(given, "MASTER_PORT", 1, 65535)
    return True


def own_device(local_rank: int, preference: str | None = None) -> torch.device:
    """Name the device of the process with this rank on its machine: the GPU of that number, or the CPU.

    ``preference`` is ``"cpu"``, or a kind of accelerator such as ``"cuda"``; ``None``: what there is.
    ``ValueError`` if this machine has no such kind, or fewer of them than processes.
    """
    kind = get_device(preference).type
    if kind == "cpu":
        return torch.device("cpu")
    count = torch.accelerator.device_count()
    if local_rank >= count:
        raise ValueError(
            f"LOCAL_RANK {local_rank} needs a {kind} device of its own, this machine has {count}: "
            f"start at most {count} processes here"
        )
    return torch.device(kind, local_rank)


@contextmanager
def process_group(device: str | None = None, *, timeout: float = 300.0) -> Iterator[World]:
    """Join the process group, and leave it at the end; without torchrun, be a world of one.

    The backend is the device's own: gloo for the CPU, nccl for CUDA. ``device`` is ``own_device``'s
    ``preference``. ``ValueError`` as ``launched`` and ``own_device``, or if torch has no backend for the
    device; ``ConnectionError`` if the port is in use, or the others do not come within ``timeout`` seconds.
    """
    if not launched():
        yield World(0, 1, get_device(device), launched=False)
        return
    rank, size, wait = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), timedelta(seconds=timeout)
    where = own_device(int(os.environ["LOCAL_RANK"]), device)
    backend = dist.get_default_backend_for_device(where)
    place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    if where.type != "cpu":
        torch.accelerator.set_device_index(where.index)
    try:
        dist.init_process_group(
            backend,
            store=_store(wait),
            rank=rank,
            world_size=size,
            timeout=wait,
            device_id=where if where.type == "cuda" else None,
        )
    except dist.DistNetworkError as error:
        if "EADDRINUSE" in str(error):
            advice = "choose another, or let torchrun choose with --standalone"
            raise ConnectionError(f"MASTER_PORT {os.environ['MASTER_PORT']} is in use: {advice}") from error
        raise ConnectionError(f"rank {rank} of {size} found nobody at {place} in {timeout:g} s") from error
    except dist.DistStoreError as error:
        raise ConnectionError(
            f"rank {rank} of {size} waited {timeout:g} s at {place} for the others"
        ) from error
    try:
        dist.barrier()  # who leaves early would look dead to those who are still joining
        yield World(rank, size, where, launched=True)
    finally:
        dist.destroy_process_group()


def equal_share(total: int, rank: int, size: int) -> slice:
    """Cut 0 … total − 1 into ``size`` equal shares, as averages of averages need them; that of ``rank``.

    ``ValueError`` if a number is out of range or ``total`` no multiple of ``size``.
    """
    check_at_least(0, total=total)
    check_at_least(1, size=size)
    if not 0 <= rank < size:
        raise ValueError(f"rank must lie in 0 … {size - 1}, got {rank}")
    if total % size:
        raise ValueError(f"total must be a multiple of the {size} processes, got {total}")
    each = total // size
    return slice(rank * each, (rank + 1) * each)


def _store(wait: timedelta) -> dist.Store:
    """The rendezvous store, where the processes leave each other their addresses.

    One torchrun keeps the same store through its restarts, in which a process could find the address of one
    that is dead. So each attempt has names of its own; but torchruns on several machines count differently.
    """
    store, _, _ = next(dist.rendezvous("env://", timeout=wait))
    if os.environ.get("GROUP_WORLD_SIZE", "1") != "1":
        return store
    return dist.PrefixStore(f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _number(given: Mapping[str, str], name: str, least: int, most: int | None) -> int:
    upper = "" if most is None else f" … {most}"
    if not given[name].isdecimal() or int(given[name]) < least or (most and int(given[name]) > most):
        raise ValueError(f"{name} must be a whole number from {least}{upper}, got {given[name]!r}")
    return int(given[name])
