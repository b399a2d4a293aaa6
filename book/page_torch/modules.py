"""torch.nn: modules, their parameters and how these begin."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from . import dtypes
from .creation import to as _to
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
        self.__dict__.update(training=True, _parameters={}, _buffers={}, _modules={})

    def __setattr__(self, name: str, value: Any) -> None:
        homes = [self.__dict__.get(home) for home in ("_parameters", "_modules", "_buffers")]
        if isinstance(value, Parameter | Module):
            if homes[0] is None:
                kind = "parameters" if isinstance(value, Parameter) else "module"
                raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
            for home in (self.__dict__, *homes):
                home.pop(name, None)
            homes[isinstance(value, Module)][name] = value
            return
        for home, what, kind in zip(
            homes,
            ("parameter", "child module", "buffer"),
            ("torch.nn.Parameter", "torch.nn.Module", "torch.Tensor"),
            strict=True,
        ):
            if home is not None and name in home:
                if value is not None and not (what == "buffer" and isinstance(value, Tensor)):
                    module = type(value).__module__
                    given = (f"{module}." if module != "builtins" else "") + type(value).__name__
                    raise TypeError(f"cannot assign '{given}' as {what} '{name}' ({kind} or None expected)")
                home[name] = value
                return
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for home in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(home, ()):
                return self.__dict__[home][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def forward(self, *args: Any) -> Any:
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        self._buffers[name] = tensor

    def add_module(self, name: str, module: Module | None) -> None:
        self._modules[name] = module

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

    def _named(self, home: str, recurse: bool = True) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules() if recurse else [("", self)]:
            for name, value in module.__dict__[home].items():
                if value is not None and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(self, recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        return self._named("_parameters", recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (p for _, p in self._named("_parameters", recurse))

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        return self._named("_buffers")

    def buffers(self) -> Iterator[Tensor]:
        return (b for _, b in self._named("_buffers"))

    def state_dict(self, prefix: str = "") -> OrderedDict:
        own = self._parameters | self._buffers
        found = OrderedDict(
            (prefix + name, value.detach()) for name, value in own.items() if value is not None
        )
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

    def apply(self, fn: Callable) -> Module:
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Module:
        for value in [*self.parameters(), *self.buffers()]:
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

    def append(self, module: Module) -> Any:
        self.add_module(str(len(self)), module)
        return self


class ModuleList(Sequential):
    """Modules in a list."""

    forward = Module.forward

    def __init__(self, modules: Any = ()) -> None:
        super().__init__(*modules)


class Linear(Module):
    """y = x Wᵀ + b, W of shape (out_features, in_features)."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features, empty = in_features, out_features, TORCH["empty"]
        self.weight = Parameter(empty(out_features, in_features, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_features, dtype=dtype)) if bias else None)
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


class Embedding(Module):
    """A table of vectors, one per index."""

    def __init__(self, num_embeddings: int, embedding_dim: int, dtype: Any = None) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(TORCH["randn"](num_embeddings, embedding_dim, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        return F["embedding"](input, self.weight)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"


class LayerNorm(Module):
    """Mean 0 and variance 1 over the last dimensions, then scaled and shifted."""

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        self.normalized_shape = (
            (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        )
        self.eps, self.elementwise_affine = eps, elementwise_affine
        for name, start in (("weight", "ones"), ("bias", "zeros")):
            begun = TORCH[start](self.normalized_shape, dtype=dtype)
            self.register_parameter(name, Parameter(begun) if elementwise_affine else None)

    def forward(self, input: Tensor) -> Tensor:
        return F["layer_norm"](input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, bias=True"


class Dropout(Module):
    """Nothing dropped outside training; see `dropout`."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F["dropout"](input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


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
_CLASSES = {"weight": None, "ignore_index": -100, "reduction": "mean"}
_OF_FUNCTIONS: dict[str, tuple[Any, bool, dict[str, Any]]] = {
    "ReLU": ("relu", True, {}), "Tanh": ("tanh", True, {}), "Sigmoid": ("sigmoid", True, {}), "SiLU": ("silu", True, {}),
    "GELU": ("gelu", True, {"approximate": "none"}), "LogSigmoid": ("logsigmoid", True, {}),
    "Softplus": ("softplus", True, {"beta": 1.0, "threshold": 20.0}), "ELU": ("elu", True, {"alpha": 1.0}),
    "LeakyReLU": ("leaky_relu", True, {"negative_slope": 0.01}), "Softmax": ("softmax", True, {"dim": None}),
    "LogSoftmax": ("log_softmax", True, {"dim": None}), "MSELoss": ("mse_loss", False, _MEAN),
    "L1Loss": ("l1_loss", False, _MEAN), "SmoothL1Loss": ("smooth_l1_loss", False, _MEAN | {"beta": 1.0}),
    "HuberLoss": ("huber_loss", False, _MEAN | {"delta": 1.0}), "NLLLoss": ("nll_loss", False, _CLASSES),
    "BCELoss": ("binary_cross_entropy", False, {"weight": None} | _MEAN),
    "BCEWithLogitsLoss": ("binary_cross_entropy_with_logits", False, {"weight": None} | _MEAN | {"pos_weight": None}),
    "CrossEntropyLoss": ("cross_entropy", False, _CLASSES | {"label_smoothing": 0.0}),
    "Flatten": (lambda x, start_dim, end_dim: x.flatten(start_dim, end_dim), True, {"start_dim": 1, "end_dim": -1}),
    "Identity": (lambda x: x, False, {}),
}  # fmt: skip
MODULES = {
    c.__name__: c for c in (Module, Sequential, ModuleList, Linear, Embedding, LayerNorm, Dropout, Parameter)
}
MODULES |= {name: _of_function(name, *entry) for name, entry in _OF_FUNCTIONS.items()}
for _class in MODULES.values():
    _class.__module__ = "torch.nn.modules" if _class is not Parameter else "torch.nn.parameter"


# --- how parameters begin: torch.nn.init --------------------------------------------------------------------


def _fan(tensor: Tensor, which: Any = "fan_in") -> int:
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    return tensor._shape[which == "fan_in"] * math.prod(tensor._shape[2:])


def _gain(nonlinearity: str, param: float | None = None) -> float:
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    return {"relu": math.sqrt(2), "tanh": 5 / 3}.get(nonlinearity, 1.0)


def _kaiming(t: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    return _gain(nonlinearity, a) / math.sqrt(_fan(t, mode))


def _xavier(t: Tensor, gain: float) -> float:
    return gain * math.sqrt(2 / (_fan(t) + _fan(t, "fan_out")))


def _uniform(t: Tensor, std: float) -> Tensor:
    return t.uniform_(-math.sqrt(3) * std, math.sqrt(3) * std)


INIT = {
    "uniform_": lambda tensor, a=0.0, b=1.0: tensor.uniform_(a, b),
    "normal_": lambda tensor, mean=0.0, std=1.0: tensor.normal_(mean, std),
    "zeros_": lambda tensor: tensor.zero_(), "ones_": lambda tensor: tensor.fill_(1),
    "constant_": lambda tensor, val: tensor.fill_(val), "eye_": lambda tensor: tensor.copy_(TORCH["eye"](*tensor._shape)),
    "kaiming_uniform_": lambda tensor, a=0, mode="fan_in", nonlinearity="leaky_relu": _uniform(
        tensor, _kaiming(tensor, a, mode, nonlinearity)),
    "kaiming_normal_": lambda tensor, a=0, mode="fan_in", nonlinearity="leaky_relu": tensor.normal_(
        0, _kaiming(tensor, a, mode, nonlinearity)),
    "xavier_uniform_": lambda tensor, gain=1.0: _uniform(tensor, _xavier(tensor, gain)),
    "xavier_normal_": lambda tensor, gain=1.0: tensor.normal_(0, _xavier(tensor, gain)),
}  # fmt: skip
INIT = {name: no_grad(function) for name, function in INIT.items()} | {"calculate_gain": _gain}
