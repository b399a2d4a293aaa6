"""torch.optim: optimisers and their schedules; torch.nn.utils, as far as it is needed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .reductions import norm
from .registry import TORCH
from .tape import enable_grad, no_grad
from .tensor import Tensor


class Optimizer:
    """Groups of parameters, their settings, and what is remembered of each."""

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            told = "should be an iterable of Tensors or dicts, but got torch.FloatTensor"
            raise TypeError(f"params argument given to the optimizer {told}")
        self.defaults, self.state, given = defaults, defaultdict(dict), list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        if defaults["lr"] < 0:
            raise ValueError(f"Invalid learning rate: {defaults['lr']}")
        groups = given if isinstance(given[0], dict) else [{"params": given}]
        self.param_groups = [defaults | group | {"params": list(group["params"])} for group in groups]
        for p in (p for group in self.param_groups for p in group["params"]):
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}"
                )
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for p in (p for group in self.param_groups for p in group["params"]):
            p.grad = None if set_to_none or p.grad is None else p.grad.detach().zero_()

    @no_grad
    def step(self, closure: Callable | None = None) -> Any:
        """Change every parameter that has a gradient."""
        loss = enable_grad(closure)() if closure else None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    g = -p.grad if group.get("maximize") else p.grad
                    self._change(p, g, self.state[p], group)
        return loss

    def __repr__(self) -> str:
        lines = []
        for number, group in enumerate(self.param_groups):
            lines += [f"Parameter Group {number}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return f"{type(self).__name__} (\n" + "\n".join(lines) + "\n)"


_SAME = {"maximize": False, "foreach": None, "differentiable": False, "fused": None}


class SGD(Optimizer):
    """θ − η(g + λθ), with momentum if asked."""

    def __init__(
        self, params: Any, lr: float = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0,
        nesterov: bool = False, **rest: Any,
    ) -> None:  # fmt: skip
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, _SAME | settings | {"nesterov": nesterov} | rest)

    def _change(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        g = g.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else g
        if momentum := group["momentum"]:
            if state.get("momentum_buffer") is None:
                state["momentum_buffer"] = g.detach().clone()
            else:
                state["momentum_buffer"].mul_(momentum).add_(g, alpha=1 - group["dampening"])
            kept = state["momentum_buffer"]
            g = g.add(kept, alpha=momentum) if group["nesterov"] else kept
        p.add_(g, alpha=-group["lr"])


class Adam(Optimizer):
    """θ − η m̂ / (√v̂ + ε), m and v running means of g and g²."""

    decoupled, decay = False, 0.0

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: Any = (0.9, 0.999), eps: float = 1e-8, weight_decay: Any = None,
        amsgrad: bool = False, **rest: Any,
    ) -> None:  # fmt: skip
        for place, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {place}: {beta}")
        decay = self.decay if weight_decay is None else weight_decay
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": decay, "amsgrad": amsgrad}
        kinds = {"capturable": False, "decoupled_weight_decay": self.decoupled}
        super().__init__(params, _SAME | kinds | settings | rest)

    def _change(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["step"] = TORCH["tensor"](0.0)
            for name in ("exp_avg", "exp_avg_sq") + ("max_exp_avg_sq",) * group["amsgrad"]:
                state[name] = TORCH["zeros_like"](p)
        state["step"] += 1
        t, (first, second), rate = int(state["step"].item()), group["betas"], group["lr"]
        if group["weight_decay"] and group["decoupled_weight_decay"]:
            p.mul_(1 - rate * group["weight_decay"])
        elif group["weight_decay"]:
            g = g.add(p, alpha=group["weight_decay"])
        mean = state["exp_avg"].lerp_(g, 1 - first)
        square = state["exp_avg_sq"].mul_(second).addcmul_(g, g, value=1 - second)
        if group["amsgrad"]:
            square = state["max_exp_avg_sq"].copy_(state["max_exp_avg_sq"].maximum(square))
        spread = (square.sqrt() / math.sqrt(1 - second**t)).add_(group["eps"])
        p.addcdiv_(mean, spread, value=-rate / (1 - first**t))


class AdamW(Adam):
    """Adam, with the decay applied to the weights themselves."""

    decoupled, decay = True, 1e-2


@no_grad
def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0) -> Tensor:
    """Shorten all gradients by one factor, if together they are longer than `max_norm`; returns their length."""
    given = [
        p.grad for p in ([parameters] if isinstance(parameters, Tensor) else parameters) if p.grad is not None
    ]
    if not given:
        return TORCH["tensor"](0.0)
    total = norm(TORCH["stack"]([norm(g, norm_type) for g in given]), norm_type)
    factor = (max_norm / (total + 1e-6)).clamp(max=1.0)
    for g in given:
        g.mul_(factor)
    return total


def pad_sequence(sequences: Any, batch_first: bool = False, padding_value: float = 0.0) -> Tensor:
    """Sequences of several lengths as one tensor, filled up."""
    longest = max(len(p) for p in sequences)
    fills = [p.new_full([longest - len(p), *p._shape[1:]], padding_value) for p in sequences]
    rows = [TORCH["cat"]([p, fill]) for p, fill in zip(sequences, fills, strict=True)]
    return TORCH["stack"](rows, 0 if batch_first else 1)


OPTIMISERS = {c.__name__: c for c in (Optimizer, SGD, Adam, AdamW)}
for _class in OPTIMISERS.values():
    _class.__module__ = "torch.optim"
