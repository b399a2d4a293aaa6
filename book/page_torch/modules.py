"""torch.nn: modules, their parameters and how these begin."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from . import dtypes
from .creation import to as _to
from .names import missing
from .registry import PUBLIC, TORCH
from .tape import no_grad
from .tensor import Tensor, over

F = PUBLIC["torch.nn.functional"]


class Parameter(Tensor):
    """A tensor that a module learns."""

    def __new__(cls, data: Tensor, requires_grad: bool = True) -> Parameter:
        made = over(data._storage, data._shape, data.dtype, data._stride, data._offset, cls)
        return made.requires_grad_(requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + Tensor.__repr__(self)


class Module:
    """A function with parameters, made of smaller ones."""

    def __init__(self) -> None:
        self.__dict__.update(training=True, _parameters={}, _modules={})

    def __setattr__(self, name: str, value: Any) -> None:
        parameters, modules = (self.__dict__.get(home) for home in ("_parameters", "_modules"))
        if isinstance(value, Parameter | Module):
            if parameters is None:
                kind = "parameters" if isinstance(value, Parameter) else "module"
                raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
            for home in (self.__dict__, parameters, modules):
                home.pop(name, None)
            (parameters if isinstance(value, Parameter) else modules)[name] = value
        elif parameters and name in parameters and value is not None:
            module = type(value).__module__
            given = (f"{module}." if module != "builtins" else "") + type(value).__name__
            raise TypeError(
                f"cannot assign '{given}' as parameter '{name}' (torch.nn.Parameter or None expected)"
            )
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for home in ("_parameters", "_modules"):
            if name in self.__dict__.get(home, ()):
                return self.__dict__[home][name]
        raise missing("torch.nn.Module", name, f"'{type(self).__name__}' object has no attribute '{name}'")

    def forward(self, *args: Any) -> Any:
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def named_modules(self, memo: Any = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        seen = set() if memo is None else memo
        if self not in seen:
            seen.add(self)
            yield prefix, self
            for name, child in self.named_children():
                yield from child.named_modules(seen, f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((name, child) for name, child in self._modules.items() if child is not None)

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def named_parameters(self, recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        seen: set[int] = set()
        for path, module in self.named_modules() if recurse else [("", self)]:
            for name, value in module._parameters.items():
                if value is not None and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (p for _, p in self.named_parameters(recurse))

    def state_dict(self, prefix: str = "") -> OrderedDict:
        own = self._parameters.items()
        found = OrderedDict((prefix + name, value.detach()) for name, value in own if value is not None)
        for name, child in self.named_children():
            found.update(child.state_dict(f"{prefix}{name}."))
        return found

    def load_state_dict(self, state_dict: Any, strict: bool = True) -> None:
        mine, told = self.state_dict(), []
        lists = {"Unexpected": state_dict.keys() - mine.keys(), "Missing": mine.keys() - state_dict.keys()}
        for what, keys in lists.items():
            if strict and keys:
                told.append(
                    f"{what} key(s) in state_dict: " + ", ".join(f'"{k}"' for k in sorted(keys)) + ". "
                )
        for key in mine.keys() & state_dict.keys():
            if state_dict[key]._shape != mine[key]._shape:
                shapes = f"{state_dict[key].shape} from checkpoint, the shape in current model is {mine[key].shape}."
                told.append(f"size mismatch for {key}: copying a param with shape {shapes}")
        if told:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(told)
            )
        for key in mine.keys() & state_dict.keys():
            mine[key].copy_(state_dict[key].detach())

    def train(self, mode: bool = True) -> Module:
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in self.parameters():
            parameter.grad = (
                None if set_to_none or parameter.grad is None else parameter.grad.detach().zero_()
            )

    def to(self, *args: Any, **kwargs: Any) -> Module:
        for value in self.parameters():
            if value.dtype.kind == "f":
                value.data = _to(value.detach(), *args, **kwargs)
        return self

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self._modules.items()]
        inside = "\n  " + "\n  ".join(lines) + "\n" if lines else self.extra_repr()
        return f"{type(self).__name__}({inside})"

    def extra_repr(self) -> str:
        return ""


for _name in ("double", "float", "half", "bfloat16"):
    setattr(Module, _name, lambda self, _kind=dtypes.BY_NAME[_name]: self.to(_kind))


class Sequential(Module):
    """Modules one after the other."""

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = (
            modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else enumerate(modules)
        )
        self._modules.update({str(name): module for name, module in named})

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, place: Any) -> Any:
        found = list(self._modules.values())[place]
        return type(self)(*found) if isinstance(place, slice) else found


class Linear(Module):
    """y = x Wᵀ + b, W of shape (out_features, in_features)."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features, empty = in_features, out_features, TORCH["empty"]
        self.weight = Parameter(empty(out_features, in_features, dtype=dtype))
        self._parameters["bias"] = Parameter(empty(out_features, dtype=dtype)) if bias else None
        INIT["kaiming_uniform_"](self.weight, a=math.sqrt(5))
        if bias:
            bound = 1 / math.sqrt(in_features) if in_features else 0
            INIT["uniform_"](self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return F["linear"](input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


def _of_function(name: str, function: str | Callable, shown: bool, settings: dict[str, Any]) -> type[Module]:
    """A module that calls a function with settings, such as `dim`."""

    def start(self: Module, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        self._settings = settings | dict(zip(settings, args, strict=False)) | kwargs
        self.__dict__.update(self._settings)

    def forward(self: Module, *inputs: Tensor) -> Tensor:
        return (F[function] if isinstance(function, str) else function)(*inputs, **self._settings)

    def extra(self: Module) -> str:
        return ", ".join(f"{key}={value!r}" for key, value in self._settings.items()) if shown else ""

    return type(name, (Module,), {"__init__": start, "forward": forward, "extra_repr": extra})


_MEAN = {"reduction": "mean"}
_OF_FUNCTIONS: dict[str, tuple[Any, bool, dict[str, Any]]] = {
    "ReLU": ("relu", True, {}), "Tanh": ("tanh", True, {}), "Sigmoid": ("sigmoid", True, {}),
    "SiLU": ("silu", True, {}), "GELU": ("gelu", True, {"approximate": "none"}), "LogSigmoid": ("logsigmoid", True, {}),
    "LeakyReLU": ("leaky_relu", True, {"negative_slope": 0.01}), "SmoothL1Loss": ("smooth_l1_loss", False, _MEAN),
    "Identity": (lambda x: x, False, {}),
    "Softmax": ("softmax", True, {"dim": None}), "MSELoss": ("mse_loss", False, _MEAN),
    "L1Loss": ("l1_loss", False, _MEAN), "NLLLoss": ("nll_loss", False, {"weight": None, "ignore_index": -100} | _MEAN),
    "BCEWithLogitsLoss": ("binary_cross_entropy_with_logits", False, {"weight": None} | _MEAN | {"pos_weight": None}),
    "CrossEntropyLoss": ("cross_entropy", False, {"weight": None, "ignore_index": -100} | _MEAN | {"label_smoothing": 0.0}),
    "Flatten": (lambda x, start_dim, end_dim: x.flatten(start_dim, end_dim), True, {"start_dim": 1, "end_dim": -1}),
}  # fmt: skip
MODULES = {c.__name__: c for c in (Module, Sequential, Linear, Parameter)}
MODULES |= {name: _of_function(name, *entry) for name, entry in _OF_FUNCTIONS.items()}
for _class in MODULES.values():
    _class.__module__ = "torch.nn.modules" if _class is not Parameter else "torch.nn.parameter"


# --- how parameters begin: torch.nn.init --------------------------------------------------------------------


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Uniform, so that a layer keeps the size of its input through a ReLU."""
    gain = math.sqrt(2 / (1 + a**2)) if nonlinearity in ("relu", "leaky_relu") else 1.0
    bound = math.sqrt(3) * gain / math.sqrt(tensor._shape[mode == "fan_in"] * math.prod(tensor._shape[2:]))
    return tensor.uniform_(-bound, bound)


INIT = {
    "uniform_": lambda tensor, a=0.0, b=1.0: tensor.uniform_(a, b),
    "normal_": lambda tensor, mean=0.0, std=1.0: tensor.normal_(mean, std),
    "zeros_": lambda tensor: tensor.zero_(), "ones_": lambda tensor: tensor.fill_(1),
    "constant_": lambda tensor, val: tensor.fill_(val), "kaiming_uniform_": kaiming_uniform_,
}  # fmt: skip
INIT = {name: no_grad(function) for name, function in INIT.items()}
