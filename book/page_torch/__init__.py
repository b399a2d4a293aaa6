"""A small torch for the web page: tensors and autograd in plain Python, which does as torch does or says it cannot.

`install()` puts it in torch's place, so that `import torch` and its submodules find it. `covered()` names all that
it has; whatever else torch has raises "not in the page: run this in JupyterLab".
"""

from __future__ import annotations

import math
import sys
import types
from typing import Any

from . import (  # noqa: F401
    autograd,
    dtypes,
    functional,
    joins,
    linalg,
    modules,
    operators,
    optim,
    printing,
    randomness,
    tape,
)
from .names import Absent, absent, missing
from .registry import PUBLIC
from .tensor import Tensor

VERSION = "2.15.0+page"


def _module(name: str, contents: dict[str, Any]) -> types.ModuleType:
    """A module of torch's, which knows what it lacks."""
    made = types.ModuleType(f"torch.{name}" if name else "torch")
    for key, value in contents.items():
        if callable(value) and str(getattr(value, "__module__", "")).startswith(__name__):
            value.__module__, value.__name__ = made.__name__, key
    made.__dict__.update(contents, __path__=[], __getattr__=lambda wanted: _lacking(made.__name__, wanted))
    return made


def _lacking(home: str, name: str) -> Any:
    raise missing(home, name, f"module '{home}' has no attribute '{name}'")


class Layout:
    """How a tensor's numbers are kept, or laid out in memory."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


Tensor.layout = strided = Layout("strided")
_CONTIGUOUS = {name: Layout(name) for name in ("contiguous_format", "preserve_format")}


def is_available() -> bool:
    """There is no accelerator in the page."""
    return False


def current_accelerator(check_available: bool = False) -> None:
    """None: there is no accelerator in the page."""


is_available.__module__ = current_accelerator.__module__ = "torch.accelerator"
_MODES = {name: getattr(tape, name) for name in ("no_grad", "enable_grad", "set_grad_enabled")}
_AUTOGRAD = {name: getattr(autograd, name) for name in ("grad", "backward", "Function")}
_FUNC = {name: getattr(autograd, name) for name in ("grad_and_value", "jacrev", "hessian", "vmap")}
_STREAM = ("manual_seed", "get_rng_state", "set_rng_state", "initial_seed")
_rnn = _module("nn.utils.rnn", {"pad_sequence": optim.pad_sequence})
_NN = {
    "functional": _module("nn.functional", PUBLIC["torch.nn.functional"]),
    "utils": _module("nn.utils", {"clip_grad_norm_": optim.clip_grad_norm_, "rnn": _rnn}),
    "init": _module("nn.init", modules.INIT),
    "parameter": _module("nn.parameter", {"Parameter": modules.Parameter}),
}
_PARTS = {
    "nn": _module("nn", modules.MODULES | _NN),
    "optim": _module(
        "optim",
        optim.OPTIMISERS,
    ),
    "linalg": _module("linalg", PUBLIC["torch.linalg"] | {"LinAlgError": linalg.LinAlgError}),
    "autograd": _module("autograd", _AUTOGRAD | _MODES),
    "func": _module("func", _FUNC | {"grad": autograd.func_grad, "jacfwd": autograd.jacfwd}),
    "testing": _module("testing", {"assert_close": printing.assert_close}),
    "random": _module("random", {"fork_rng": randomness.fork_rng} | {n: PUBLIC["torch"][n] for n in _STREAM}),
    "cuda": _module("cuda", {"is_available": lambda: False}),
    "accelerator": _module("accelerator", {f.__name__: f for f in (is_available, current_accelerator)}),
}
_CLASSES = (
    Tensor,
    dtypes.Size,
    dtypes.dtype,
    dtypes.device,
    dtypes.finfo,
    dtypes.iinfo,
    randomness.Generator,
)
torch = _module(
    "",
    PUBLIC["torch"] | dtypes.BY_NAME | _MODES | _PARTS | {c.__name__: c for c in _CLASSES}
    | {"pi": math.pi, "inf": math.inf, "nan": math.nan, "e": math.e, "newaxis": None, "strided": strided} | _CONTIGUOUS
    | {"vmap": autograd.vmap, "set_printoptions": printing.set_printoptions, "__version__": VERSION}
    | {"is_grad_enabled": lambda: tape.Mode.recording, "default_generator": randomness.default_generator},
)  # fmt: skip
absent(Tensor)


def _modules(module: types.ModuleType) -> dict[str, types.ModuleType]:
    """A module of torch's and all below it, by name."""
    below = [part for part in vars(module).values() if isinstance(part, types.ModuleType)]
    return {module.__name__: module} | {
        name: found for part in below for name, found in _modules(part).items()
    }


class _Finder:
    """Says of a module of torch's that the page lacks it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.startswith("torch."):
            raise ModuleNotFoundError(f"{name} is not in the page: run this in JupyterLab", name=name)


def install() -> types.ModuleType:
    """Put this in torch's place: `import torch` finds it from here on."""
    sys.modules.update(_modules(torch))
    sys.meta_path.insert(0, _Finder())
    return torch


def covered() -> list[str]:
    """All that the page has of torch, in order: "torch.Tensor.softmax", "torch.nn.Linear", …"""
    methods = [
        n for n in dir(Tensor) if not n.startswith("_") and not isinstance(vars(Tensor).get(n), Absent)
    ]
    found = {f"torch.Tensor.{name}" for name in methods}
    for home, module in _modules(torch).items():
        names = (
            n
            for n, v in vars(module).items()
            if not n.startswith("_") and not isinstance(v, types.ModuleType)
        )
        found |= {f"{home}.{name}" for name in names}
    return sorted(found)
