"""Memory of a training step (weights, gradients, optimiser state, activations): measured and predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from course_lib.checks import check_at_least

AVERAGES: dict[str, int] = {"sgd": 0, "momentum": 1, "adam": 2}
"""Numbers that an optimiser keeps for each parameter between its updates."""
SHARDED: dict[str, frozenset[str]] = {
    "none": frozenset(),
    "optimizer": frozenset({"optimizer"}),
    "gradients": frozenset({"optimizer", "gradients"}),
    "weights": frozenset({"optimizer", "gradients", "weights"}),
}
"""What several devices share out among them: nothing (DDP), or one kind more at each stage of ZeRO; the last
is FSDP."""


class TrainingBytes(NamedTuple):
    """Bytes of a training step, by what they are for.

    ``activations`` are what the graph saved for the backward pass and is no parameter: features, the batch
    itself, statistics, masks. Each storage counts once, however many tensors look at it.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int = 0


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Count the bytes behind tensors that are alive together; views of one storage count as one."""
    storages = {storage.data_ptr(): storage.nbytes() for storage in (t.untyped_storage() for t in tensors)}
    return sum(storages.values())


def optimizer_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Count the bytes of all tensors that an optimiser keeps between its updates.

    There are none before the first update. AdamW's are 8 per trained number, and 4 per tensor for the count
    of updates.
    """
    states = optimizer.state.values()
    return storage_bytes(each for state in states for each in state.values() if isinstance(each, Tensor))


def saved_tensors(forward: Callable[[], Tensor], model: nn.Module) -> tuple[Tensor, list[Tensor]]:
    """Record the activations that a forward pass saves for the backward pass.

    Left out are the model's parameters and views of them. Gives the loss that ``forward`` gave, and the
    tensors in the order they were saved; a storage may occur several times.
    """
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept.append(tensor.detach())
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        loss = forward()
    return loss, kept


def measure_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, forward: Callable[[], Tensor]
) -> TrainingBytes:
    """Make one training step on the loss that ``forward`` gives, and count the bytes it needs.

    Counted are weights, gradients after the backward pass, the optimiser's state after the update, and
    activations after the forward pass.
    """
    optimizer.zero_grad(set_to_none=True)
    loss, kept = saved_tensors(forward, model)
    activations = storage_bytes(kept)
    kept.clear()
    loss.backward()
    gradients = storage_bytes(p.grad for p in model.parameters() if p.grad is not None)
    optimizer.step()
    return TrainingBytes(
        storage_bytes(model.parameters()), gradients, optimizer_bytes(optimizer), activations
    )


def state_bytes(
    parameters: int,
    *,
    tensors: int = 0,
    optimizer: str = "adam",
    bytes_each: int = 4,
    devices: int = 1,
    sharding: str = "none",
) -> TrainingBytes:
    r"""Predict the bytes of weights, gradients and optimiser state on one device.

    $$\text{weights} = \text{gradients} = bN, \qquad \text{optimiser} = kbN \; [\, + 4m \text{ for Adam}\,]$$

    with N parameters of b bytes in m tensors, and k averages per parameter. What is sharded is divided by the
    number of devices, rounded up; activations are 0. All of N are trained; m = 0 leaves out Adam's counts of
    updates, 4 bytes per tensor. ``optimizer`` is a key of ``AVERAGES``, ``sharding`` one of ``SHARDED``;
    ``ValueError`` if a word is another or a number out of range.

    Source: S. Rajbhandari et al., arXiv:1910.02054, section 5 (ZeRO's stages).
    """
    check_at_least(1, parameters=parameters, bytes_each=bytes_each, devices=devices)
    check_at_least(0, tensors=tensors)
    for name, word, known in (("optimizer", optimizer, AVERAGES), ("sharding", sharding, SHARDED)):
        if word not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {word!r}")
    each = bytes_each * parameters
    whole = {"weights": each, "gradients": each, "optimizer": AVERAGES[optimizer] * each}
    shared = {
        kind: -(-size // devices) if kind in SHARDED[sharding] else size for kind, size in whole.items()
    }
    counts = 4 * tensors if optimizer == "adam" else 0
    return TrainingBytes(shared["weights"], shared["gradients"], shared["optimizer"] + counts)


def peak_bytes(step: TrainingBytes, *, working: int = 0) -> int:
    r"""Peak memory of a training step: the bytes it holds at its worst moment, ``step`` giving them by kind.

    $$\text{weights} + \text{optimiser} + \max(\underbrace{\text{activations} + \text{working}}_{\text{as the
      backward pass begins}}, \; \underbrace{\text{gradients}}_{\text{at the update}})$$

    Gradients and activations never fill the memory together: the backward pass gives up a layer's activations
    as it writes that layer's gradients. This is so if the gradients of the step before are dropped
    (``zero_grad(set_to_none=True)``, the default), and the optimiser makes no lists of temporaries
    (``fused=True``). ``working`` bytes, at least 0, are needed besides, as the backward pass begins.
    """
    check_at_least(0, working=working)
    return step.weights + step.optimizer + max(step.activations + working, step.gradients)
