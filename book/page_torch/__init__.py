"""A small torch for the web page: tensors and autograd in plain Python, which does as torch does or says it cannot.

`install()` puts it in torch's place, so that `import torch` and its submodules find it. `covered()` names all that
it has; whatever else torch has raises "not in the page: run this in JupyterLab".
"""

from __future__ import annotations

import math
import sys
import types
from typing import Any

from . import autograd as _autograd
from . import (
    creation,
    data,
    dtypes,
    indexing,
    linear_algebra,
    pointwise,
    printing,
    randomness,
    reductions,
    shapes,
)
from . import functional as _functional
from . import linalg as _linalg
from . import modules as _modules
from . import optim as _optim
from . import tape, tensor
from .names import absent, missing
from .registry import PUBLIC, NotInPage

__version__ = "2.0.0+page"


def _module(name: str, about: str, contents: dict[str, Any]) -> types.ModuleType:
    """A module of torch's, which knows what it lacks."""
    made = types.ModuleType(f"torch.{name}" if name else "torch", about)
    made.__dict__.update(contents)
    made.__path__ = []
    made.__getattr__ = lambda wanted: _lacking(made.__name__, wanted)
    return made


def _lacking(home: str, name: str) -> Any:
    raise missing(home, name, f"module '{home}' has no attribute '{name}'")


_F = _module("nn.functional", "Functions of layers and losses.", PUBLIC["torch.nn.functional"])
_rnn = _module("nn.utils.rnn", "Sequences of several lengths.", {"pad_sequence": data.pad_sequence})
_nn_utils = _module("nn.utils", "What is done to parameters.", data.UTILS | {"rnn": _rnn})
_init = _module("nn.init", "How parameters begin.", _modules.INIT)
_parameter = _module("nn.parameter", "Parameters.", {"Parameter": _modules.Parameter})
nn = _module(
    "nn",
    "Modules.",
    _modules.MODULES | {"functional": _F, "utils": _nn_utils, "init": _init, "parameter": _parameter},
)
_schedules = _module("optim.lr_scheduler", "Rates that change.", _optim.SCHEDULES)
optim = _module("optim", "Optimisers.", _optim.OPTIMISERS | {"lr_scheduler": _schedules})
linalg = _module("linalg", "Linear algebra.", PUBLIC["torch.linalg"] | {"LinAlgError": _linalg.LinAlgError})
_derivatives = {"jacobian": _autograd.functional_jacobian, "hessian": _autograd.functional_hessian}
_jacobians = _module("autograd.functional", "Jacobians.", _derivatives)
_grad_mode = {
    name: getattr(tape, name) for name in ("no_grad", "enable_grad", "set_grad_enabled", "inference_mode")
}
_AUTOGRAD = {"grad": _autograd.grad, "backward": _autograd.backward, "Function": _autograd.Function,
             "gradcheck": _autograd.gradcheck, "functional": _jacobians}  # fmt: skip
autograd = _module("autograd", "Gradients.", _AUTOGRAD | _grad_mode)
_FUNC = {"grad": _autograd.func_grad, "grad_and_value": _autograd.grad_and_value, "vjp": _autograd.vjp,
         "jacrev": _autograd.jacrev, "jacfwd": _autograd.jacrev, "hessian": _autograd.hessian,
         "vmap": _autograd.vmap}  # fmt: skip
func = _module("func", "Transforms of functions.", _FUNC)
_utils_data = _module("utils.data", "Data sets and loaders.", data.DATA)
utils = _module("utils", "Odds and ends.", {"data": _utils_data})
testing = _module("testing", "Assertions.", {"assert_close": data.assert_close})
random = _module("random", "The stream of random numbers.", {
    "fork_rng": randomness.fork_rng, "manual_seed": PUBLIC["torch"]["manual_seed"],
    "get_rng_state": PUBLIC["torch"]["get_rng_state"], "set_rng_state": PUBLIC["torch"]["set_rng_state"]})  # fmt: skip
cuda = _module("cuda", "No GPU here.", {"is_available": lambda: False, "device_count": lambda: 0})


class Layout:
    """How a tensor's numbers are kept."""

    def __repr__(self) -> str:
        return "torch.strided"


strided = Layout()
tensor.Tensor.layout = strided
_CONSTANTS = {
    "pi": math.pi,
    "inf": math.inf,
    "nan": math.nan,
    "e": math.e,
    "newaxis": None,
    "strided": strided,
}
_CLASSES = {"Tensor": tensor.Tensor, "Size": dtypes.Size, "dtype": dtypes.dtype, "device": dtypes.device,
            "finfo": dtypes.finfo, "iinfo": dtypes.iinfo, "Generator": randomness.Generator}  # fmt: skip
_SETTINGS = {"set_printoptions": printing.set_printoptions, "is_grad_enabled": tape.is_grad_enabled,
             "default_generator": randomness.default_generator, "is_inference_mode_enabled": lambda: False,
             "set_num_threads": lambda count: None, "get_num_threads": lambda: 1,
             "use_deterministic_algorithms": lambda mode, warn_only=False: None}  # fmt: skip
_PARTS = {"nn": nn, "optim": optim, "linalg": linalg, "autograd": autograd, "func": func, "utils": utils,
          "testing": testing, "random": random, "cuda": cuda}  # fmt: skip
torch = _module(
    "",
    "A small torch.",
    PUBLIC["torch"]
    | dtypes.BY_NAME
    | {"bool": dtypes.bool_}
    | _CONSTANTS
    | _CLASSES
    | _SETTINGS
    | _grad_mode
    | _PARTS
    | {
        "vmap": _autograd.vmap,
        "__version__": __version__,
        "_VF": None,
        "return_types": types.SimpleNamespace(),
    },
)
absent(tensor.Tensor)


def _all_modules(module: types.ModuleType) -> dict[str, types.ModuleType]:
    found = {module.__name__: module}
    for part in list(vars(module).values()):
        if isinstance(part, types.ModuleType) and part.__name__.startswith("torch."):
            found |= _all_modules(part)
    return found


class _Finder:
    """Says of a module of torch's that the page lacks it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.startswith("torch."):
            raise ModuleNotFoundError(f"{name} is not in the page: run this in JupyterLab", name=name)


def install() -> types.ModuleType:
    """Put this in torch's place: `import torch` finds it from here on."""
    sys.modules.update(_all_modules(torch))
    sys.meta_path.insert(0, _Finder())
    return torch


def covered() -> list[str]:
    """All that the page has of torch, in order: "torch.Tensor.softmax", "torch.nn.Linear", …"""
    found = {f"torch.Tensor.{name}" for name in dir(tensor.Tensor) if not name.startswith("_") and _has(name)}
    for home, module in _all_modules(torch).items():
        found |= {
            f"{home}.{name}" for name, value in vars(module).items()
            if not name.startswith("_") and not isinstance(value, types.ModuleType)
        }  # fmt: skip
    return sorted(found)


def _has(name: str) -> bool:
    from .names import Absent

    return not isinstance(vars(tensor.Tensor).get(name), Absent)
