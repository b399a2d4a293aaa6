"""torch.nn: modules, their parameters and how these begin."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from . import dtypes
from .creation import to as _to
from .randomness import Generator
from .registry import PUBLIC, not_in_page
from .tape import SetMode
from .tensor import Tensor, _over

F = PUBLIC["torch.nn.functional"]


class Parameter(Tensor):
    """A tensor that a module learns."""

    __module__ = "torch.nn.parameter"

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        data = PUBLIC["torch"]["empty"](0) if data is None else data
        made = _over(data._storage, data._shape, data.dtype, data._stride, data._offset, cls)
        return made.requires_grad_(requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + Tensor.__repr__(self)

    __str__ = __repr__


class Module:
    """A function with parameters, made of smaller ones."""

    __module__ = "torch.nn.modules.module"

    def __init__(self) -> None:
        for name, value in (
            ("training", True),
            ("_parameters", {}),
            ("_buffers", {}),
            ("_modules", {}),
            ("_hooks", []),
        ):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_unsaved", set())

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter | Module) and "_parameters" not in self.__dict__:
            kind = "parameters" if isinstance(value, Parameter) else "module"
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        homes = [self.__dict__.get(home) for home in ("_parameters", "_modules", "_buffers")]
        if isinstance(value, Parameter | Module):
            self.__dict__.pop(name, None)
            for home in homes:
                home.pop(name, None)
            homes[0 if isinstance(value, Parameter) else 1][name] = value
            return
        for place, home in enumerate(homes):
            if home is not None and name in home:
                if value is not None and not (place == 2 and isinstance(value, Tensor)):
                    wanted = (
                        "torch.nn.Parameter or None",
                        "torch.nn.Module or None",
                        "torch.Tensor or None",
                    )[place]
                    told = ("parameter", "child module", "buffer")[place]
                    raise TypeError(f"cannot assign '{_kind(value)}' as {told} '{name}' ({wanted} expected)")
                home[name] = value
                return
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for home in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(home, ()):
                return self.__dict__[home][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for home in (self._parameters, self._buffers, self._modules):
            if name in home:
                del home[name]
                return
        object.__delattr__(self, name)

    def forward(self, *args: Any) -> Any:
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        out = self.forward(*args, **kwargs)
        for hook in list(self._hooks):
            changed = hook(self, args, out)
            out = out if changed is None else changed
        return out

    def register_forward_hook(self, hook: Callable) -> Any:
        from .tensor import Handle

        self._hooks.append(hook)
        return Handle(self._hooks, hook)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        self._buffers[name] = tensor
        if not persistent:
            self._unsaved.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        self._modules[name] = module

    register_module = add_module

    def named_modules(self, memo: Any = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        seen = set() if memo is None else memo
        if id(self) not in seen:
            seen.add(id(self))
            yield prefix, self
            for name, child in self.named_children():
                yield from child.named_modules(seen, f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((name, child) for name, child in self._modules.items() if child is not None)

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def _named(self, home: str, recurse: bool, prefix: str = "") -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules() if recurse else [("", self)]:
            for name, value in module.__dict__[home].items():
                if value is not None and id(value) not in seen:
                    seen.add(id(value))
                    yield ".".join(filter(None, (prefix, path, name))), value

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        return self._named("_parameters", recurse, prefix)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (p for _, p in self._named("_parameters", recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        return self._named("_buffers", recurse, prefix)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (b for _, b in self._named("_buffers", recurse))

    def get_submodule(self, target: str) -> Module:
        found = self
        for name in filter(None, target.split(".")):
            found = getattr(found, name)
        return found

    def state_dict(self, prefix: str = "") -> OrderedDict:
        found: OrderedDict = OrderedDict()
        for name, value in (
            self._parameters | {k: v for k, v in self._buffers.items() if k not in self._unsaved}
        ).items():
            if value is not None:
                found[prefix + name] = value.detach()
        for name, child in self.named_children():
            found.update(child.state_dict(f"{prefix}{name}."))
        return found

    def load_state_dict(self, state_dict: Any, strict: bool = True) -> Any:
        own = dict(self._named("_parameters", True)) | dict(self._named("_buffers", True))
        mine = self.state_dict().keys()
        missing = [key for key in mine if key not in state_dict]
        extra = [key for key in state_dict if key not in mine]
        told = []
        if strict and extra:
            told.append("Unexpected key(s) in state_dict: " + ", ".join(f'"{k}"' for k in extra) + ". ")
        if strict and missing:
            told.append("Missing key(s) in state_dict: " + ", ".join(f'"{k}"' for k in missing) + ". ")
        for key in mine:
            if key in state_dict and state_dict[key]._shape != own[key]._shape:
                told.append(
                    f"size mismatch for {key}: copying a param with shape {state_dict[key].shape} from checkpoint, the "
                    f"shape in current model is {own[key].shape}."
                )
        if told:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(told)
            )
        with SetMode(False):
            for key in mine:
                if key in state_dict:
                    own[key].copy_(state_dict[key])
        return _Keys(missing, extra)

    def train(self, mode: bool = True) -> Module:
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Module:
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad = None if set_to_none else parameter.grad.detach().zero_()

    def apply(self, fn: Callable) -> Module:
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Module:
        for value in [*self.parameters(), *self.buffers()]:
            given = [a for a in args if not (isinstance(a, dtypes.dtype) and value.dtype.kind != "f")]
            with SetMode(False):
                value.data = _to(value.detach(), *given, **kwargs)
        return self

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self._modules.items()]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        return f"{type(self).__name__}(\n  " + "\n  ".join([*([extra] if extra else []), *lines]) + "\n)"

    def extra_repr(self) -> str:
        return ""


for _name in ("double", "float", "half", "bfloat16"):
    setattr(Module, _name, lambda self, _kind=dtypes.BY_NAME[_name]: self.to(_kind))
Module.cpu = lambda self: self


class _Keys(tuple):
    def __new__(cls, missing: list[str], extra: list[str]) -> _Keys:
        made = super().__new__(cls, (missing, extra))
        made.missing_keys, made.unexpected_keys = missing, extra
        return made

    def __repr__(self) -> str:
        return (
            "<All keys matched successfully>"
            if not any(self)
            else f"_IncompatibleKeys(missing_keys={self[0]}, unexpected_keys={self[1]})"
        )


def _kind(value: Any) -> str:
    home = type(value).__module__
    return f"{home}.{type(value).__name__}" if home != "builtins" else type(value).__name__


class Sequential(Module):
    """Modules one after the other."""

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = (
            modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else enumerate(modules)
        )
        for name, module in named:
            self.add_module(str(name), module)

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

    def __init__(self, modules: Any = ()) -> None:
        super().__init__(*modules)

    forward = Module.forward

    def __getitem__(self, place: Any) -> Any:
        found = list(self._modules.values())[place]
        return type(self)(found) if isinstance(place, slice) else found


class ModuleDict(Module):
    """Modules by name."""

    def __init__(self, modules: Any = ()) -> None:
        super().__init__()
        self._modules.update(dict(modules))

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self._modules[name] = module

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def keys(self) -> Any:
        return self._modules.keys()

    def values(self) -> Any:
        return self._modules.values()

    def items(self) -> Any:
        return self._modules.items()


class Linear(Module):
    """y = x Wᵀ + b, W of shape (out_features, in_features)."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(PUBLIC["torch"]["empty"](out_features, in_features, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(PUBLIC["torch"]["empty"](out_features, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0
            uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return F["linear"](input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class Embedding(Module):
    """A table of vectors, one per index."""

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self.weight = Parameter(PUBLIC["torch"]["randn"](num_embeddings, embedding_dim, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        return F["embedding"](input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"


class LayerNorm(Module):
    """Mean 0 and variance 1 over the last dimensions, then scaled and shifted."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = (
            (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        )
        self.eps, self.elementwise_affine = eps, elementwise_affine
        ones, zeros = (
            PUBLIC["torch"][name](self.normalized_shape, dtype=dtype) for name in ("ones", "zeros")
        )
        self.register_parameter("weight", Parameter(ones) if elementwise_affine else None)
        self.register_parameter("bias", Parameter(zeros) if elementwise_affine and bias else None)

    def forward(self, input: Tensor) -> Tensor:
        return F["layer_norm"](input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class Flatten(Module):
    """Some neighbouring dimensions as one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """What comes in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Dropout(Module):
    """Nothing dropped outside training; see `dropout`."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F["dropout"](input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


def _of_function(name: str, function: str, *settings: tuple[str, Any], shown: bool = True) -> type[Module]:
    """A module that calls a function with settings, such as `dim`."""

    def start(self: Module, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        names = [key for key, _ in settings]
        given = dict(settings) | dict(zip(names, args, strict=False)) | kwargs
        self.__dict__.update(given)
        object.__setattr__(self, "_settings", tuple(given))

    def forward(self: Module, *inputs: Tensor) -> Tensor:
        return F[function](*inputs, **{key: getattr(self, key) for key in self._settings if key != "inplace"})

    def extra(self: Module) -> str:
        pairs = ((key, getattr(self, key)) for key in self._settings)
        return (
            ", ".join(f"{key}={value!r}" for key, value in pairs if not (key == "inplace" and not value))
            if shown
            else ""
        )

    return type(name, (Module,), {"__init__": start, "forward": forward, "extra_repr": extra})


ACTIVATIONS = {
    "ReLU": _of_function("ReLU", "relu", ("inplace", False)),
    "Tanh": _of_function("Tanh", "tanh"),
    "Sigmoid": _of_function("Sigmoid", "sigmoid"),
    "GELU": _of_function("GELU", "gelu", ("approximate", "none")),
    "SiLU": _of_function("SiLU", "silu", ("inplace", False)),
    "Softplus": _of_function("Softplus", "softplus", ("beta", 1.0), ("threshold", 20.0)),
    "LogSigmoid": _of_function("LogSigmoid", "logsigmoid"),
    "LeakyReLU": _of_function("LeakyReLU", "leaky_relu", ("negative_slope", 0.01), ("inplace", False)),
    "ELU": _of_function("ELU", "elu", ("alpha", 1.0), ("inplace", False)),
    "Softmax": _of_function("Softmax", "softmax", ("dim", None)),
    "LogSoftmax": _of_function("LogSoftmax", "log_softmax", ("dim", None), shown=False),
}
LOSSES = {
    "MSELoss": _of_function("MSELoss", "mse_loss", ("reduction", "mean"), shown=False),
    "L1Loss": _of_function("L1Loss", "l1_loss", ("reduction", "mean"), shown=False),
    "SmoothL1Loss": _of_function("SmoothL1Loss", "smooth_l1_loss", ("reduction", "mean"), ("beta", 1.0), shown=False),
    "HuberLoss": _of_function("HuberLoss", "huber_loss", ("reduction", "mean"), ("delta", 1.0), shown=False),
    "BCELoss": _of_function("BCELoss", "binary_cross_entropy", ("weight", None), ("reduction", "mean"), shown=False),
    "BCEWithLogitsLoss": _of_function(
        "BCEWithLogitsLoss", "binary_cross_entropy_with_logits", ("weight", None), ("reduction", "mean"), ("pos_weight", None), shown=False),
    "NLLLoss": _of_function("NLLLoss", "nll_loss", ("weight", None), ("ignore_index", -100), ("reduction", "mean"), shown=False),
    "CrossEntropyLoss": _of_function(
        "CrossEntropyLoss", "cross_entropy", ("weight", None), ("ignore_index", -100), ("reduction", "mean"),
        ("label_smoothing", 0.0), shown=False),
}  # fmt: skip
MODULES = {c.__name__: c for c in (Module, Sequential, ModuleList, ModuleDict, Linear, Embedding, LayerNorm, Flatten,
                                   Identity, Dropout, Parameter)} | ACTIVATIONS | LOSSES  # fmt: skip
for _class in MODULES.values():
    _class.__module__ = "torch.nn.parameter" if _class is Parameter else "torch.nn.modules"


# --- how parameters begin: torch.nn.init --------------------------------------------------------------------


def _fans(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    rest = math.prod(tensor._shape[2:])
    return tensor._shape[1] * rest, tensor._shape[0] * rest


def _begun(fill: Callable) -> Callable:
    def begin(tensor: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Tensor:
        with SetMode(False):
            return fill(tensor, *args, **({"generator": generator} if generator else {}), **kwargs)

    begin.__name__ = fill.__name__
    begin.__module__ = "torch.nn.init"
    return begin


uniform_ = _begun(lambda tensor, a=0.0, b=1.0, **kw: tensor.uniform_(a, b, **kw))
normal_ = _begun(lambda tensor, mean=0.0, std=1.0, **kw: tensor.normal_(mean, std, **kw))
zeros_ = _begun(lambda tensor: tensor.zero_())
ones_ = _begun(lambda tensor: tensor.fill_(1))
constant_ = _begun(lambda tensor, val: tensor.fill_(val))
eye_ = _begun(lambda tensor: tensor.copy_(PUBLIC["torch"]["eye"](*tensor._shape)))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much a nonlinearity shrinks its input's deviation, inverted."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    return {"relu": math.sqrt(2), "tanh": 5 / 3, "selu": 0.75}.get(nonlinearity, 1.0)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", **kw: Any
) -> Tensor:
    """Uniform, so that a layer keeps the size of its input through a ReLU."""
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fans(tensor)[mode != "fan_in"])
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, **kw)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", **kw: Any
) -> Tensor:
    """Normal, so that a layer keeps the size of its input through a ReLU."""
    return normal_(
        tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fans(tensor)[mode != "fan_in"]), **kw
    )


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, **kw: Any) -> Tensor:
    """Uniform, between what keeps the input's size and what keeps the gradient's."""
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, **kw)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, **kw: Any) -> Tensor:
    """Normal, between what keeps the input's size and what keeps the gradient's."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_fans(tensor))), **kw)


INIT = {f.__name__ if f.__name__ != "<lambda>" else n: f for n, f in {
    "uniform_": uniform_, "normal_": normal_, "zeros_": zeros_, "ones_": ones_, "constant_": constant_, "eye_": eye_,
    "calculate_gain": calculate_gain, "kaiming_uniform_": kaiming_uniform_, "kaiming_normal_": kaiming_normal_,
    "xavier_uniform_": xavier_uniform_, "xavier_normal_": xavier_normal_}.items()}  # fmt: skip
