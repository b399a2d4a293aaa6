"""torch.optim: optimisers and their schedules."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .registry import PUBLIC
from .tape import SetMode, enable_grad
from .tensor import Tensor


class Optimizer:
    """Groups of parameters, their settings, and what is remembered of each."""

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults, self.state, self.param_groups = defaults, defaultdict(dict), []
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got torch.FloatTensor"
            )
        given = list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        if "lr" in defaults and defaults["lr"] < 0:
            raise ValueError(f"Invalid learning rate: {defaults['lr']}")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """One more group, with settings of its own."""
        params = param_group["params"]
        params = (
            [params] if isinstance(params, Tensor) else [p[1] if isinstance(p, tuple) else p for p in params]
        )
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}"
                )
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor")
        self.param_groups.append(self.defaults | param_group | {"params": params})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad = None if set_to_none else p.grad.detach().zero_()

    def step(self, closure: Callable | None = None) -> Any:
        """Change every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with SetMode(False):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._change(p, p.grad, self.state[p], group)
        return loss

    def _change(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered, parameters by their number."""
        numbers = {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [
            {**group, "params": [numbers[id(p)] for p in group["params"]]} for group in self.param_groups
        ]
        return {"state": {numbers[id(p)]: dict(s) for p, s in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember what another remembered."""
        params = [p for group in self.param_groups for p in group["params"]]
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=True):
            group.update({key: value for key, value in saved.items() if key != "params"})
        for number, saved in state_dict["state"].items():
            self.state[params[number]] = {
                k: v.clone() if isinstance(v, Tensor) else v for k, v in saved.items()
            }

    def __repr__(self) -> str:
        lines = []
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return f"{type(self).__name__} (\n" + "\n".join(lines) + "\n)"


class SGD(Optimizer):
    """θ − η(g + λθ), with momentum if asked."""

    def __init__(self, params: Any, lr: float = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0,
                 nesterov: bool = False, *, maximize: bool = False, foreach: Any = None, differentiable: bool = False,
                 fused: Any = None) -> None:  # fmt: skip
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        rest = {
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, settings | rest)

    def _change(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        g = -g if group["maximize"] else g
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

    decoupled = False

    def __init__(self, params: Any, lr: float = 1e-3, betas: Any = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
                 amsgrad: bool = False, *, foreach: Any = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False, fused: Any = None, decoupled_weight_decay: bool = False) -> None:  # fmt: skip
        for place, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {place}: {beta}")
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        rest = {"maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
                "fused": fused, "decoupled_weight_decay": decoupled_weight_decay or self.decoupled}  # fmt: skip
        super().__init__(params, settings | rest)

    def _change(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["step"] = PUBLIC["torch"]["tensor"](0.0)
            state["exp_avg"], state["exp_avg_sq"] = (PUBLIC["torch"]["zeros_like"](p) for _ in range(2))
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = PUBLIC["torch"]["zeros_like"](p)
        state["step"] += 1
        t, (first, second), rate = int(state["step"].item()), group["betas"], group["lr"]
        g = -g if group["maximize"] else g
        if decay := group["weight_decay"]:
            if group["decoupled_weight_decay"]:
                p.mul_(1 - rate * decay)
            else:
                g = g.add(p, alpha=decay)
        mean = state["exp_avg"].lerp_(g, 1 - first)
        square = state["exp_avg_sq"].mul_(second).addcmul_(g, g, value=1 - second)
        if group["amsgrad"]:
            square = state["max_exp_avg_sq"].copy_(state["max_exp_avg_sq"].maximum(square))
        spread = (square.sqrt() / math.sqrt(1 - second**t)).add_(group["eps"])
        p.addcdiv_(mean, spread, value=-rate / (1 - first**t))


class AdamW(Adam):
    """Adam, with the decay applied to the weights themselves."""

    decoupled = True

    def __init__(self, params: Any, lr: float = 1e-3, betas: Any = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2, amsgrad: bool = False, **settings: Any) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **settings)


class LRScheduler:
    """A rate that changes with the steps."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer, self.last_epoch = optimizer, last_epoch
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.step()

    def step(self, epoch: Any = None) -> None:
        """Go on by one step, and set the rates."""
        self.last_epoch += 1
        for place, group in enumerate(self.optimizer.param_groups):
            group["lr"] = self.rate(self.base_lrs[place], self.last_epoch, place)

    def rate(self, base: float, step: int, place: int) -> float:
        """A group's rate after some steps."""
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """The rates now."""
        return [group["lr"] for group in self.optimizer.param_groups]


class LambdaLR(LRScheduler):
    """The first rate times a function of the step."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, list | tuple) else [lr_lambda] * groups
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int, place: int) -> float:
        return base * self.lr_lambdas[place](step)


class StepLR(LRScheduler):
    """The rate times gamma every so many steps."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int, place: int) -> float:
        return base * self.gamma ** (step // self.step_size)


class ExponentialLR(LRScheduler):
    """The rate times gamma at every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int, place: int) -> float:
        return base * self.gamma**step


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the first rate down to the least."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int, place: int) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * step / self.T_max)) / 2


OPTIMISERS = {c.__name__: c for c in (Optimizer, SGD, Adam, AdamW)}
SCHEDULES = {c.__name__: c for c in (LRScheduler, LambdaLR, StepLR, ExponentialLR, CosineAnnealingLR)}
for _class in OPTIMISERS.values():
    _class.__module__ = "torch.optim"
for _class in SCHEDULES.values():
    _class.__module__ = "torch.optim.lr_scheduler"
