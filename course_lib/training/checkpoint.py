"""Checkpoints: one file with everything a run needs to go on as if it had never stopped.

The file is a safetensors file: all tensors, and a JSON text in its metadata for what is not a tensor. Nothing
in it is executed when it is read, as a pickle would be. A SHA-256 over every byte (taken with its own 64
digits set to zero) seals it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from course_lib.checks import check_at_least
from course_lib.files import write_in_one_step


def flatten(state: Any) -> tuple[Any, dict[str, Tensor]]:
    """Split a nested state into what JSON can hold and the tensors.

    Dicts become ``{"dict": [[key, value], …]}`` (so int keys survive), lists ``{"list": …}``, tuples
    ``{"tuple": …}``, tensors ``{"tensor": name}``; numbers, strings, booleans and None stay. Gives the JSON
    tree, and contiguous copies of the tensors on the CPU by name; ``TypeError`` names the place of anything
    else.
    """
    tensors: dict[str, Tensor] = {}

    def visit(node: Any, place: str) -> Any:
        if isinstance(node, Tensor):
            tensors[place] = node.detach().cpu().clone().contiguous()
            return {"tensor": place}
        if isinstance(node, dict):
            for key in node:
                if isinstance(key, bool) or not isinstance(key, str | int):
                    raise TypeError(f"{place or 'state'} has the key {key!r}; keys must be str or int")
            return {"dict": [[key, visit(value, f"{place}/{key}")] for key, value in node.items()]}
        if isinstance(node, list | tuple):
            kind = "list" if isinstance(node, list) else "tuple"
            return {kind: [visit(value, f"{place}/{index}") for index, value in enumerate(node)]}
        if node is None or isinstance(node, str | bool | int | float):
            return node
        raise TypeError(f"{place or 'state'} holds a {type(node).__name__}, which a checkpoint cannot keep")

    return visit(state, ""), tensors


def unflatten(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of ``flatten``; ``KeyError`` if a tensor or a kind of node is unknown."""
    if not isinstance(tree, dict):
        return tree
    [(kind, content)] = tree.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: unflatten(value, tensors) for key, value in content}
    if kind == "list":
        return [unflatten(value, tensors) for value in content]
    if kind == "tuple":
        return tuple(unflatten(value, tensors) for value in content)
    raise KeyError(kind)


_NO_HASH = "0" * 64
_SEAL = b'"sha256":"'


class Checkpoint(NamedTuple):
    """What ``load`` hands back: the ``step`` and the ``extra`` that ``save`` was given."""

    step: int
    extra: Any


def save(
    path: str | os.PathLike[str],
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    generators: Mapping[str, torch.Generator] | None = None,
    step: int = 0,
    extra: Any = None,
) -> None:
    """Write a checkpoint in one step: after an interruption the old file is there, whole, or the new one is.

    Written are the model's parameters and buffers, the states of what else is given (``generators`` of your
    own, by name), torch's global random state and those of the accelerators; ``step``, where the run stands,
    e.g. updates or epochs so far; and ``extra``, anything made of dicts (with str or int keys), lists,
    tuples, numbers, strings, None and tensors. The folder of ``path`` must exist.

    ``ValueError`` if ``step`` is negative; ``TypeError`` names the place where ``extra``, or a state, holds
    something else; after an ``OSError`` the old file is untouched.
    """
    check_at_least(0, step=step)
    state = {
        "step": step,
        "extra": extra,
        "model": dict(model.state_dict()),
        "optimizer": _named_state(optimizer),
        "schedule": _named_state(schedule),
        "random": {
            "cpu": torch.get_rng_state(),
            # asking a GPU for its state would start it, which a run on the CPU must not do
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
            "generators": {name: generator.get_state() for name, generator in (generators or {}).items()},
        },
    }
    tree, tensors = flatten(state)
    content = to_bytes(tensors, metadata={"state": json.dumps(tree), "sha256": _NO_HASH})
    unsealed = _SEAL + _NO_HASH.encode()
    sealed = _SEAL + hashlib.sha256(content).hexdigest().encode()
    # The first occurrence is the header's: quotes within the state's own text are escaped there.
    write_in_one_step(Path(path), content.replace(unsealed, sealed, 1))


def load(
    path: str | os.PathLike[str],
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    generators: Mapping[str, torch.Generator] | None = None,
    restore_random: bool = True,
) -> Checkpoint:
    """Read a checkpoint into objects made as those that were saved; all of them, or on any error none.

    The model must have the same names, shapes and dtypes, optimiser and schedule be of the same class, over
    the same parameters; generators take the states saved under their names. ``restore_random`` sets torch's
    global random states as well. ``ValueError`` if the file is corrupt or truncated (names file, expected and
    found hash), or an object does not fit what was saved (names it and the difference); nothing has been
    changed then.
    """
    state = _read(Path(path))
    _check_model(model, state["model"])
    _check_class("optimizer", optimizer, state["optimizer"])
    _check_class("schedule", schedule, state["schedule"])
    saved_generators = state["random"]["generators"]
    for name, generator in (generators or {}).items():
        if name not in saved_generators:
            raise ValueError(f"generators: {name!r} is not in {path}, which has {sorted(saved_generators)}")
        if generator.get_state().shape != saved_generators[name].shape:
            raise ValueError(f"generators: {name!r} was saved from another kind than {generator.device}")
    if optimizer is not None:
        try:  # checks groups and sizes before it changes anything, so it goes first
            optimizer.load_state_dict(state["optimizer"]["state"])
        except ValueError as error:
            raise ValueError(f"optimizer does not fit the one saved in {path}: {error}") from error
    if schedule is not None:
        schedule.load_state_dict(state["schedule"]["state"])
    model.load_state_dict(state["model"])
    for name, generator in (generators or {}).items():
        generator.set_state(saved_generators[name])
    if restore_random:
        torch.set_rng_state(state["random"]["cpu"])
        for index, random_state in enumerate(state["random"]["cuda"]):
            if index < torch.cuda.device_count():
                torch.cuda.set_rng_state(random_state, index)
    return Checkpoint(state["step"], state["extra"])


def _named_state(
    owner: torch.optim.Optimizer | torch.optim.lr_scheduler.LRScheduler | None,
) -> dict[str, Any] | None:
    return None if owner is None else {"class": type(owner).__name__, "state": owner.state_dict()}


def _read(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    before, seal, after = content.partition(_SEAL)
    expected, rest = after[:64], after[64:]
    found = hashlib.sha256(before + seal + _NO_HASH.encode() + rest).hexdigest()
    if not seal or found.encode() != expected:
        stated = repr(expected.decode("ascii", "backslashreplace")) if seal else "none in the file"
        raise ValueError(
            f"{path} is corrupt or truncated: expected SHA-256 {stated}, found {found} ({len(content)} bytes)"
        )
    try:
        header_size = int.from_bytes(content[:8], "little")
        tree = json.loads(json.loads(content[8 : 8 + header_size])["__metadata__"]["state"])
        return unflatten(tree, parse_tensors(content))
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is sealed but no checkpoint of ours: {error}") from error


def _check_model(model: nn.Module, saved: dict[str, Tensor]) -> None:
    own = model.state_dict()
    missing, unknown = own.keys() - saved.keys(), saved.keys() - own.keys()
    if missing or unknown:
        raise ValueError(
            f"model does not fit the checkpoint: {sorted(missing)} not saved, {sorted(unknown)} not wanted"
        )
    for name, tensor in own.items():
        if (tensor.shape, tensor.dtype) != (saved[name].shape, saved[name].dtype):
            raise ValueError(
                f"model does not fit the checkpoint: {name} is {tuple(tensor.shape)} {tensor.dtype}, "
                f"saved as {tuple(saved[name].shape)} {saved[name].dtype}"
            )


def _check_class(role: str, owner: object | None, saved: dict[str, Any] | None) -> None:
    if owner is None:
        return
    if saved is None:
        raise ValueError(f"{role} was given, but the checkpoint holds none")
    if type(owner).__name__ != saved["class"]:
        raise ValueError(f"{role} must be a {saved['class']}, as saved; got a {type(owner).__name__}")
