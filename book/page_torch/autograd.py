"""torch.autograd and torch.func: gradients of outputs, functions with a backward of their own, transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .registry import TORCH
from .tape import TWICE, Mode, Node, checked, edge_of, enable_grad, set_grad_enabled, sweep
from .tensor import Tensor

UNUSED = (
    "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the "
    "desired behavior."
)


def _all(given: Any) -> list[Any]:
    return [given] if isinstance(given, Tensor) or given is None else list(given)


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """The gradients of outputs with respect to inputs, without touching any `grad`."""
    ends, starts = _all(outputs), _all(inputs)
    seeds = [None] * len(ends) if grad_outputs is None else _all(grad_outputs)
    firsts = [checked(t, seed) for t, seed in zip(ends, seeds, strict=True)]
    edges = [edge_of(t) for t in starts]
    if None in edges:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    keep, roots = create_graph if retain_graph is None else retain_graph, [edge_of(t) for t in ends]
    found = sweep(list(zip(roots, firsts, strict=True)), keep=keep, create=create_graph, wanted=edges)
    if any(edge not in found for edge in edges) and not allow_unused and not materialize_grads:
        raise RuntimeError(UNUSED)
    given = [found.get(edge) for edge in edges]
    if materialize_grads:
        given = [t.new_zeros(t._shape) if g is None else g for t, g in zip(starts, given, strict=True)]
    return tuple(given)


def backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: Any = None, create_graph: bool = False
) -> None:
    """The gradients of several outputs, added to the leaves' `grad`."""
    ends = _all(tensors)
    seeds = [None] * len(ends) if grad_tensors is None else _all(grad_tensors)
    roots = [(edge_of(t), checked(t, seed)) for t, seed in zip(ends, seeds, strict=True)]
    sweep(roots, keep=create_graph if retain_graph is None else retain_graph, create=create_graph)


class Context(Node):
    """What `forward` leaves to `backward`; also the function's node."""

    _function: type[Function]
    _kept: tuple[Any, ...] = ()
    needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        self._kept = tensors
        self.saves = [(t, t._storage.version, t._node) for t in tensors if isinstance(t, Tensor)]

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        if self.freed:
            raise RuntimeError(TWICE)
        return self._kept

    def _pulled(self, gradients: list[Any]) -> list[Any]:
        pairs = zip(gradients, self._like, strict=True)
        given = self._function.backward(
            self, *(like.new_zeros(like._shape) if g is None else g for g, like in pairs)
        )
        given = given if isinstance(given, tuple) else (given,)
        if len(given) != len(self.edges):
            told = f"(expected {len(self.edges)}, got {len(given)})"
            raise RuntimeError(f"function {self.name()} returned an incorrect number of gradients {told}")
        for place, (edge, g) in enumerate(zip(self.edges, given, strict=True)):
            if edge and g is not None and g._shape != self._shapes[place]:
                told = f"got {list(g._shape)} but expected shape compatible with {list(self._shapes[place])}"
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {place} - {told}"
                )
        return [(edge, g) for edge, g in zip(self.edges, given, strict=True) if edge]


class Function:
    """A function with a backward pass of its own: subclass it, and call `apply`."""

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward`, and let `backward` pull gradients back."""
        context = type(f"{cls.__name__}Backward", (Context,), {"_function": cls})((), ())
        needed = context.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        recording = Mode.recording
        with set_grad_enabled(False):
            if hasattr(cls, "setup_context"):
                out = cls.forward(*args)
                cls.setup_context(context, args, out)
            else:
                out = cls.forward(context, *args)
        if not (recording and any(needed)):
            return out
        outs = tuple(o.view_as(o) if any(o is a for a in args) else o for o in _all(out))
        context.edges = [edge_of(a) if wanted else None for a, wanted in zip(args, needed, strict=True)]
        context._shapes = [a._shape if isinstance(a, Tensor) else None for a in args]
        context.slots, context._like = len(outs), [o.detach() for o in outs]
        for slot, o in enumerate(outs):
            o._node, o._slot = (context, slot) if o.dtype.kind == "f" else (None, 0)
        return outs if isinstance(out, tuple) else outs[0]


# --- torch.func ---------------------------------------------------------------------------------------------


def _fresh(args: tuple[Any, ...], places: list[int]) -> tuple[list[Any], list[Tensor], bool]:
    """The arguments, those to differentiate by replaced by ones of their own; and whether an outer graph goes on."""
    given, outer = list(args), any(args[place].requires_grad for place in places)
    for place in places:
        x = args[place]
        with enable_grad():
            given[place] = x.view_as(x) if x.requires_grad else x.detach().requires_grad_()
    return given, [given[place] for place in places], outer


def _settled(value: Any, outer: bool) -> Any:
    """A result, cut from the graph unless an outer transform, or a caller, asks for its gradient."""
    if isinstance(value, tuple | list):
        return type(value)(_settled(v, outer) for v in value)
    return value.detach() if isinstance(value, Tensor) and not outer else value


def grad_and_value(func: Callable, argnums: Any = 0) -> Callable:
    """A function that gives the gradient of `func`, and its value."""

    def both(*args: Any, **kwargs: Any) -> Any:
        given, fresh, outer = _fresh(args, [argnums] if isinstance(argnums, int) else list(argnums))
        with enable_grad():
            value = func(*given, **kwargs)
            if not isinstance(value, Tensor) or value.ndim:
                what = (
                    f"scalar tensor, got tensor with {value.ndim} dims"
                    if isinstance(value, Tensor)
                    else f"tensor, got {type(value)}"
                )
                told = f"Expected f(*args) to return a {what}. Maybe you wanted to use the vjp or jacrev APIs instead?"
                raise RuntimeError(f"grad_and_value(f)(*args): {told}")
            found = _gradients(value, fresh)
        return _settled(found[0] if isinstance(argnums, int) else found, outer), _settled(value, outer)

    return both


def _gradients(value: Tensor, fresh: list[Tensor]) -> tuple[Tensor, ...]:
    if not value.requires_grad:
        return tuple(x.new_zeros(x._shape) for x in fresh)
    return grad(value, fresh, create_graph=True, materialize_grads=True)


def func_grad(func: Callable, argnums: Any = 0) -> Callable:
    """A function that gives the gradient of `func`."""
    return lambda *args, **kwargs: grad_and_value(func, argnums)(*args, **kwargs)[0]


def jacrev(func: Callable, argnums: int = 0) -> Callable:
    """A function that gives every derivative of every output: the output's shape, then the input's."""

    def jacobian(*args: Any) -> Tensor:
        given, (x,), outer = _fresh(args, [argnums])
        with enable_grad():
            value = func(*given)
            rows = [_gradients(v, [x])[0] for v in value.reshape(-1).unbind()]
            return _settled(TORCH["stack"](rows).reshape([*value._shape, *x._shape]), outer)

    return jacobian


def jacfwd(func: Callable, argnums: int = 0) -> Callable:
    """The same as `jacrev`, by the same way in the page."""
    return jacrev(func, argnums)


def hessian(func: Callable, argnums: int = 0) -> Callable:
    """A function that gives the second derivatives."""
    return jacrev(jacrev(func, argnums), argnums)


def vmap(func: Callable, in_dims: Any = 0, out_dims: int = 0) -> Callable:
    """A function that runs `func` on each place along a dimension, one after the other, and stacks what it gives."""

    def mapped(*args: Any) -> Any:
        dims = [in_dims] * len(args) if isinstance(in_dims, int) else list(in_dims)
        parts = [None if d is None else a.unbind(d) for a, d in zip(args, dims, strict=True)]
        count = next(len(p) for p in parts if p is not None)
        each = [
            func(*(a if p is None else p[i] for a, p in zip(args, parts, strict=True))) for i in range(count)
        ]
        if isinstance(each[0], tuple):
            return tuple(TORCH["stack"](list(column), out_dims) for column in zip(*each, strict=True))
        return TORCH["stack"](each, out_dims)

    return mapped
