"""What the tests run on two processes: each function is called in every one, and returns what is compared."""

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from course_lib.training.distributed.data_parallel import (
    average_gradients,
    average_gradients_by_examples,
    global_mean,
    loss_weight,
)
from course_lib.training.distributed.group import process_group
from course_lib.training.distributed.model_parallel import TensorParallelMLP, pipeline_step


@contextlib.contextmanager
def one_gpu_in_the_machine() -> Iterator[None]:
    """Make torch believe in one GPU, and raise where anything starts it: a world on the CPU needs none."""
    there = {
        "torch.cuda.is_available": lambda: True,
        "torch.cuda.device_count": lambda: 1,
        "torch.accelerator.is_available": lambda: True,
        "torch.accelerator.device_count": lambda: 1,
        "torch.accelerator.current_accelerator": lambda *_, **__: torch.device("cuda"),
        "torch._C._get_accelerator": lambda *_: torch.device("cuda"),
        "torch._utils._get_available_device_type": lambda: "cuda",
        # torch's optimisers ask, wherever the parameters are, whether the GPU records a graph
        "torch.accelerator.current_stream": lambda *_: mock.Mock(is_capturing=lambda: False),
        "torch.cuda._lazy_init": _started,
        "torch.cuda.set_device": _started,
        "torch.cuda.current_device": _started,
        "torch.cuda.current_stream": _started,
        "torch.accelerator.set_device_index": _started,
        "torch.accelerator.synchronize": _started,
    }
    with contextlib.ExitStack() as patches:
        for name, value in there.items():
            patches.enter_context(mock.patch(name, value))
        yield


def _started(*_: object, **__: object) -> None:
    raise AssertionError("a world on the CPU started the GPU")


def beside_a_gpu(function: Callable[..., object], *arguments: object) -> object:
    """Call a function on a machine with one GPU."""
    with one_gpu_in_the_machine():
        return function(*arguments)


def perceptron() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 6)).double()


def examples(count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    shape = (count, 6)
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))


def gradients(model: nn.Module) -> list[Tensor]:
    found = [parameter.grad for parameter in model.parameters()]
    return [g.full_tensor() if isinstance(g, DTensor) else g for g in found]


def alone(count: int) -> list[Tensor]:
    """The gradients that one process finds for the whole batch: what all ways are compared with."""
    model, (x, y) = perceptron(), examples(count)
    F.mse_loss(model(x), y).backward()
    return gradients(model)


def shared(way: str, count: int, cuts: tuple[int, ...] | None = None) -> list[Tensor]:
    """The gradients after a batch shared by the processes, at ``cuts`` or as evenly as can be."""
    with process_group("cpu") as world:
        (x, y), model = examples(count), perceptron()
        share = torch.arange(count).tensor_split(world.size if cuts is None else cuts)[world.rank]
        x, y = x[share], y[share]
        if way.startswith("ddp"):
            model = DistributedDataParallel(model)
        if way.startswith("fsdp"):
            mesh = init_device_mesh("cpu", (world.size,))
            fully_shard(model[0], mesh=mesh)
            fully_shard(model, mesh=mesh)
        loss = F.mse_loss(model(x), y) if len(x) else None
        if way.endswith("weighted"):
            loss = loss * loss_weight(len(x))
        if loss is not None:
            loss.backward()
        if way == "by hand":
            average_gradients(model)
        if way == "by examples":
            average_gradients_by_examples(model, len(x))
        return gradients(model)


def accumulated(synchronise_each: bool) -> tuple[list[Tensor], int]:
    """Two micro-batches a process, with DDP; and how many buckets were reduced."""
    with process_group("cpu") as world:
        model, (x, y) = DistributedDataParallel(perceptron()), examples(8)
        reduced = []

        def counting(state: None, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:  # noqa: ARG001
            reduced.append(bucket.index())
            work = dist.all_reduce(bucket.buffer().div_(world.size), async_op=True)
            return work.get_future().then(lambda done: done.value()[0])

        model.register_comm_hook(None, counting)
        share = x[world.rank :: world.size].chunk(2), y[world.rank :: world.size].chunk(2)
        (x0, x1), (y0, y1) = share
        if synchronise_each:
            (F.mse_loss(model(x0), y0) / 2).backward()
        else:
            with model.no_sync():
                (F.mse_loss(model(x0), y0) / 2).backward()
        (F.mse_loss(model(x1), y1) / 2).backward()
        return gradients(model), len(reduced)


def columns_and_rows() -> tuple[Tensor, Tensor, list[Tensor]]:
    """Output, gradient of x and gradients of the process's own shares."""
    with process_group("cpu") as world:
        model, (x, y) = perceptron(), examples(5)
        cut = TensorParallelMLP(model[0], model[2], world.rank, world.size)
        x.requires_grad_()
        output = cut(x)
        F.mse_loss(output, y).backward()
        return output.detach(), x.grad, gradients(cut)


def stages(micro_batches: int) -> tuple[Tensor, list[Tensor]]:
    """The loss, and the gradients of the process's own stage."""
    with process_group("cpu") as world:
        model, (x, y) = perceptron(), examples(8)
        stage = model[:1] if world.rank == 0 else model[1:]
        loss = pipeline_step(stage, x, y, F.mse_loss, micro_batches=micro_batches, boundary=(8,))
        return loss, gradients(stage)


def mean_of_ranks() -> float:
    with process_group("cpu") as world:
        return global_mean(torch.tensor(float(world.rank))).item()


def describe() -> tuple[int, int, str, bool]:
    with process_group("cpu") as world:
        return world.rank, world.size, world.device.type, world.launched
