"""Mini-batches from tensors that already lie in memory: one shuffle an epoch, one gather a batch."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor


class Batches:
    """Mini-batches of tensors kept in memory, freshly shuffled each time it is iterated.

    A ``DataLoader`` fetches example by example, because a data set may live on disk. Tensors in memory need
    no such care: a batch is ``tensor[indices]``, one gather for all its examples.

    With n examples and batch size b one pass yields ⌈n/b⌉ batches, the last of them possibly smaller
    (⌊n/b⌋ with ``drop_last``). Each example occurs once a pass.

    Args:
        tensors: one or more tensors, any dtype and device, equal in their first dimension n ≥ 1.
        batch_size: examples a batch, at least 1.
        shuffle: draw a new order for each pass; otherwise keep the given order (the batches are then views).
        generator: where the orders are drawn from; ``None`` means torch's global CPU generator.
        drop_last: leave out a last batch with fewer than ``batch_size`` examples.

    Raises:
        TypeError: if something among ``tensors`` is not a tensor, or ``batch_size`` is not an int.
        ValueError: if there are no tensors, a tensor has no dimension, lengths differ, n = 0, ``batch_size``
            < 1, or ``drop_last`` would leave no batch at all.

    Example:
        >>> len(Batches(torch.zeros(10, 3), torch.zeros(10), batch_size=4))
        3

    Taught in: "MNIST classifier".
    """

    def __init__(
        self,
        *tensors: Tensor,
        batch_size: int = 64,
        shuffle: bool = True,
        generator: torch.Generator | None = None,
        drop_last: bool = False,
    ) -> None:
        self.examples = _common_length(tensors)
        if isinstance(batch_size, bool) or not isinstance(batch_size, int):
            raise TypeError(f"batch_size must be an int, got {batch_size!r}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if drop_last and batch_size > self.examples:
            raise ValueError(
                f"drop_last leaves no batch: batch_size is {batch_size}, there are {self.examples} examples"
            )
        self.tensors = tensors
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.generator = generator
        self.drop_last = drop_last

    def __len__(self) -> int:
        """Batches in one pass."""
        if self.drop_last:
            return self.examples // self.batch_size
        return math.ceil(self.examples / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """One pass over the examples; each item holds a batch of every tensor, in the order given."""
        bounds = [(i * self.batch_size, (i + 1) * self.batch_size) for i in range(len(self))]
        if not self.shuffle:
            for start, stop in bounds:
                yield tuple(tensor[start:stop] for tensor in self.tensors)
            return
        order_device = "cpu" if self.generator is None else self.generator.device
        order = torch.randperm(self.examples, generator=self.generator, device=order_device)
        orders = {tensor.device: order.to(tensor.device) for tensor in self.tensors}
        for start, stop in bounds:
            yield tuple(tensor.index_select(0, orders[tensor.device][start:stop]) for tensor in self.tensors)


def _common_length(tensors: tuple[Tensor, ...]) -> int:
    if not tensors:
        raise ValueError("tensors must hold at least one tensor, got none")
    for position, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"tensors[{position}] must be a torch.Tensor, got {type(tensor).__name__}")
        if tensor.ndim == 0:
            raise ValueError(f"tensors[{position}] must have at least one dimension, got a scalar")
    lengths = [tensor.shape[0] for tensor in tensors]
    if len(set(lengths)) > 1:
        raise ValueError(f"tensors must be equally long in dimension 0, got lengths {lengths}")
    if lengths[0] == 0:
        raise ValueError("tensors must hold at least one example, got length 0")
    return lengths[0]
