"""torch.utils.data, torch.nn.utils and torch.testing, as far as a page needs them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from . import dtypes
from .randomness import Generator, randperm
from .reductions import norm
from .registry import PUBLIC, not_in_page
from .tape import SetMode
from .tensor import Tensor, flat, make


class Dataset:
    """Examples by number."""

    def __getitem__(self, place: int) -> Any:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")


class TensorDataset(Dataset):
    """The rows of tensors, side by side."""

    def __init__(self, *tensors: Tensor) -> None:
        if any(t._shape[0] != tensors[0]._shape[0] for t in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, place: Any) -> tuple[Tensor, ...]:
        return tuple(t[place] for t in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0]._shape[0]


class Subset(Dataset):
    """Some examples of a data set."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, place: int) -> Any:
        return self.dataset[self.indices[place]]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Any, lengths: Sequence[Any], generator: Generator | None = None) -> list[Subset]:
    """Parts of a data set, chosen at random."""
    sizes = list(lengths)
    if math.isclose(sum(sizes), 1) and sum(sizes) <= 1:
        sizes = [math.floor(len(dataset) * share) for share in lengths]
        for i in range(len(dataset) - sum(sizes)):
            sizes[i % len(sizes)] += 1
    if sum(sizes) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order, ends = randperm(len(dataset), generator=generator).tolist(), []
    for i in range(len(sizes)):
        ends.append(sum(sizes[: i + 1]))
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def default_collate(batch: Sequence[Any]) -> Any:
    """Examples as one batch: tensors stacked, numbers as a tensor, tuples part by part."""
    first = batch[0]
    if isinstance(first, Tensor):
        return PUBLIC["torch"]["stack"](list(batch))
    if isinstance(first, int | float):
        kind = dtypes.float64 if isinstance(first, float) else None
        return PUBLIC["torch"]["tensor"](list(batch), dtype=kind)
    if isinstance(first, dict):
        return {key: default_collate([example[key] for example in batch]) for key in first}
    if isinstance(first, tuple | list):
        return [default_collate(column) for column in zip(*batch, strict=True)]
    return list(batch)


class DataLoader:
    """The examples of a data set in batches, in order or shuffled."""

    def __init__(self, dataset: Any, batch_size: int | None = 1, shuffle: bool = False, sampler: Any = None,
                 num_workers: int = 0, collate_fn: Any = None, drop_last: bool = False, generator: Any = None) -> None:  # fmt: skip
        if sampler is not None or num_workers:
            raise not_in_page("a DataLoader with a sampler or workers")
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, shuffle, drop_last
        self.collate_fn, self.generator = collate_fn or default_collate, generator

    def __iter__(self) -> Iterator[Any]:
        empty = PUBLIC["torch"]["empty"]
        empty((), dtype=dtypes.int64).random_(generator=self.generator)  # a seed for workers, drawn here too
        order = list(range(len(self.dataset)))
        if self.shuffle:
            source = self.generator
            if source is None:
                source = Generator().manual_seed(empty((), dtype=dtypes.int64).random_().item())
            order = randperm(len(order), generator=source).tolist()
        for start in range(0, len(order), self.batch_size):
            places = order[start : start + self.batch_size]
            if len(places) == self.batch_size or not self.drop_last:
                yield self.collate_fn([self.dataset[i] for i in places])

    def __len__(self) -> int:
        whole = len(self.dataset)
        return whole // self.batch_size if self.drop_last else -(-whole // self.batch_size)


DATA = {c.__name__: c for c in (Dataset, TensorDataset, Subset, DataLoader, random_split, default_collate)}


# --- torch.nn.utils -----------------------------------------------------------------------------------------


def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                    foreach: Any = None) -> Tensor:  # fmt: skip
    """Shorten all gradients by one factor, if together they are longer than `max_norm`; returns their length."""
    given = [
        p.grad for p in ([parameters] if isinstance(parameters, Tensor) else parameters) if p.grad is not None
    ]
    if not given:
        return PUBLIC["torch"]["tensor"](0.0)
    with SetMode(False):
        total = norm(PUBLIC["torch"]["stack"]([norm(g, norm_type) for g in given]), norm_type)
        if error_if_nonfinite and not bool(total.isfinite()):
            raise RuntimeError("The total norm of gradients is non-finite, so it cannot be clipped.")
        factor = (max_norm / (total + 1e-6)).clamp(max=1.0)
        for g in given:
            g.mul_(factor)
    return total


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Cut each entry of the gradients at ± a value."""
    for p in [parameters] if isinstance(parameters, Tensor) else parameters:
        if p.grad is not None:
            with SetMode(False):
                p.grad.clamp_(-clip_value, clip_value)


def parameters_to_vector(parameters: Any) -> Tensor:
    """All parameters as one vector."""
    return PUBLIC["torch"]["cat"]([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Any) -> None:
    """One vector's numbers as parameters."""
    start = 0
    for p in parameters:
        p.data = vec[start : start + p.numel()].view(p._shape).detach()
        start += p.numel()


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences of several lengths as one tensor, filled up."""
    parts = list(sequences)
    longest, rest = max(len(p) for p in parts), parts[0]._shape[1:]
    rows = []
    for p in parts:
        fill = p.new_full([longest - len(p), *rest], padding_value)
        rows.append(PUBLIC["torch"]["cat"]([p, fill] if padding_side == "right" else [fill, p]))
    return PUBLIC["torch"]["stack"](rows, 0 if batch_first else 1)


UTILS = {
    f.__name__: f for f in (clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters)
}


# --- torch.testing ------------------------------------------------------------------------------------------

CLOSE = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
}


def assert_close(actual: Any, expected: Any, *, rtol: float | None = None, atol: float | None = None,
                 equal_nan: bool = False, check_dtype: bool = True, check_device: bool = True, check_stride: bool = False,
                 msg: Any = None, allow_subclasses: bool = True, check_layout: bool = True) -> None:  # fmt: skip
    """Raise an AssertionError unless two tensors, numbers, or lists of such agree."""
    settings = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan, "check_dtype": check_dtype, "msg": msg}
    if isinstance(actual, list | tuple) and isinstance(expected, list | tuple):
        if len(actual) != len(expected):
            raise AssertionError(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
        for a, b in zip(actual, expected, strict=True):
            assert_close(a, b, **settings)
        return
    if isinstance(actual, dict) and isinstance(expected, dict):
        if actual.keys() != expected.keys():
            raise AssertionError("The keys of the mappings do not match")
        for key in actual:
            assert_close(actual[key], expected[key], **settings)
        return
    if isinstance(actual, Tensor) != isinstance(expected, Tensor):
        raise TypeError(
            f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}."
        )
    numbers = not isinstance(actual, Tensor)
    a, b = (make([float(x)], (), dtypes.float64) if numbers else x.detach() for x in (actual, expected))
    told = None
    if a._shape != b._shape:
        told = f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}."
    elif a.dtype is not b.dtype and check_dtype:
        told = f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}."
    else:
        kind = dtypes.promote(a.dtype, b.dtype)
        pairs = [CLOSE.get(d.name, (0.0, 0.0)) for d in (a.dtype, b.dtype)]
        rtol, atol = (
            (rtol, atol) if rtol is not None else (max(p[0] for p in pairs), max(p[1] for p in pairs))
        )
        near = a.to(kind).isclose(b.to(kind), rtol, atol, equal_nan)
        if not near.all():
            told = _gap(
                a.double(), b.double(), flat(near), rtol, atol, "Scalars" if numbers else "Tensor-likes"
            )
    if told is not None:
        raise AssertionError(msg(told) if callable(msg) else msg or told)


def _gap(a: Tensor, b: Tensor, near: list[bool], rtol: float, atol: float, what: str) -> str:
    gaps = [0.0 if ok else abs(x - y) for x, y, ok in zip(flat(a), flat(b), near, strict=True)]
    shares = [gap / abs(y) if y else math.inf if gap else 0.0 for gap, y in zip(gaps, flat(b), strict=True)]
    if not a.ndim:
        return (
            f"{what} are not close!\n\nExpected {flat(b)[0]} but got {flat(a)[0]}.\nAbsolute difference: {gaps[0]} (up to "
            f"{atol} allowed)\nRelative difference: {shares[0]} (up to {rtol} allowed)"
        )
    count, lines = near.count(False), []
    for name, column, most in (("absolute", gaps, atol), ("relative", shares, rtol)):
        worst = max(range(len(column)), key=column.__getitem__)
        place, rest = [], worst
        for size in reversed(a._shape):
            place.insert(0, rest % size)
            rest //= size
        lines.append(
            f"Greatest {name} difference: {column[worst]} at index {tuple(place)} (up to {most} allowed)"
        )
    head = f"{what} are not close!\n\nMismatched elements: {count} / {len(near)} ({100 * count / len(near):.1f}%)"
    return "\n".join([head, *lines])
