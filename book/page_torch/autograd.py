"""torch.autograd and torch.func: gradients of outputs, functions with a backward of their own, transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .registry import PUBLIC, not_in_page
from .tape import Mode, Node, SetMode, checked, edge_of, enable_grad, node_type, sweep
from .tensor import Tensor


def _all(given: Any) -> list[Any]:
    return [given] if isinstance(given, Tensor) or given is None else list(given)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of outputs with respect to inputs, without touching any `grad`."""
    ends, starts = _all(outputs), _all(inputs)
    seeds = _all(grad_outputs) if grad_outputs is not None else [None] * len(ends)
    roots = [
        (edge_of(t), checked(t, seed))
        for t, seed in zip(ends, seeds, strict=True)
        if checked(t, seed) is not None
    ]
    edges = [edge_of(t) for t in starts]
    if None in edges:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    keep = create_graph if retain_graph is None else retain_graph
    found = sweep(roots, keep=keep, create=create_graph, wanted=edges)
    given = [found.get(edge) for edge in edges]
    if None in [None if g is None else 1 for g in given] and not allow_unused and not materialize_grads:
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this "
            "is the desired behavior."
        )
    if materialize_grads:
        given = [t.new_zeros(t._shape) if g is None else g for t, g in zip(starts, given, strict=True)]
    return tuple(g if g is None or create_graph else g.detach() for g in given)


def backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """The gradients of several outputs, added to the leaves' `grad`."""
    ends = _all(tensors)
    seeds = _all(grad_tensors) if grad_tensors is not None else [None] * len(ends)
    roots = [(edge_of(t), seed) for t, seed in ((t, checked(t, s)) for t, s in zip(ends, seeds, strict=True))]
    sweep(roots, keep=create_graph if retain_graph is None else retain_graph, create=create_graph)


class Context(Node):
    """What `forward` leaves to `backward`; also the function's node."""

    def __init__(self) -> None:
        super().__init__((), ())
        self.needs_input_grad: tuple[bool, ...] = ()
        self._kept: tuple[Any, ...] = ()
        self._no_gradient: set[int] = set()
        self.materialize = True

    def save_for_backward(self, *tensors: Any) -> None:
        self._kept = tensors
        self.saves = [(t, t._storage.version) for t in tensors if isinstance(t, Tensor)]

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        if self.freed:
            from .tape import TWICE

            raise RuntimeError(TWICE)
        return self._kept

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        self._no_gradient = {id(t) for t in tensors}

    def mark_dirty(self, *tensors: Tensor) -> None:
        raise not_in_page("ctx.mark_dirty")

    def set_materialize_grads(self, value: bool) -> None:
        self.materialize = value

    def _pulled(self, gradients: list[Any]) -> list[Any]:
        if self.materialize:
            gradients = [
                like.new_zeros(like._shape) if g is None else g
                for g, like in zip(gradients, self._like, strict=True)
            ]
        given = type(self)._function.backward(self, *gradients)
        given = given if isinstance(given, tuple) else (given,)
        if len(given) != len(self.edges):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {len(self.edges)}, got "
                f"{len(given)})"
            )
        for place, (edge, g) in enumerate(zip(self.edges, given, strict=True)):
            if edge and g is not None and g._shape != self._shapes[place]:
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {place} - got {list(g._shape)} but "
                    f"expected shape compatible with {list(self._shapes[place])}"
                )
        return [(edge, g) for edge, g in zip(self.edges, given, strict=True) if edge and g is not None]


class Function:
    """A function with a backward pass of its own: subclass it, and call `apply`."""

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward`, and let `backward` pull gradients back."""
        context = type(f"{cls.__name__}Backward", (Context,), {"_function": cls})()
        tensors = [isinstance(a, Tensor) and a.requires_grad for a in args]
        context.needs_input_grad = tuple(tensors)
        with SetMode(False):
            if hasattr(cls, "setup_context"):
                out = cls.forward(*args)
                cls.setup_context(context, args, out)
            else:
                out = cls.forward(context, *args)
        if not (Mode.recording and any(tensors)):
            return out
        outs = out if isinstance(out, tuple) else (out,)
        context.edges = [edge_of(a) if needed else None for a, needed in zip(args, tensors, strict=True)]
        context._shapes = [a._shape if isinstance(a, Tensor) else None for a in args]
        outs = tuple(o.view_as(o) if any(o is a for a in args) else o for o in outs)
        context.slots, context._like = len(outs), [o.detach() for o in outs]
        for slot, o in enumerate(outs):
            if id(o) not in context._no_gradient and o.dtype.kind == "f":
                o._node, o._slot = context, slot
        return outs if isinstance(out, tuple) else outs[0]


# --- torch.func ---------------------------------------------------------------------------------------------


def _argument(args: tuple[Any, ...], argnums: Any, outer: list[bool]) -> tuple[list[Any], list[Tensor]]:
    """The arguments, those to differentiate by replaced by fresh ones that gradients reach."""
    places = [argnums] if isinstance(argnums, int) else list(argnums)
    given, fresh = list(args), []
    for place in places:
        x = args[place]
        if not isinstance(x, Tensor):
            raise RuntimeError("Expected all inputs to be Tensors to differentiate by")
        outer.append(x.requires_grad)
        with enable_grad():
            given[place] = x.view_as(x) if x.requires_grad else x.detach().requires_grad_()
        fresh.append(given[place])
    return given, fresh


def _settle(value: Any, outer: list[bool]) -> Any:
    """A result, cut from the graph unless an outer transform, or a caller, asks for its gradient."""
    if isinstance(value, tuple | list):
        return type(value)(_settle(v, outer) for v in value)
    return value if not isinstance(value, Tensor) or any(outer) else value.detach()


def grad_and_value(func: Callable, argnums: Any = 0, has_aux: bool = False) -> Callable:
    """A function that gives the gradient of `func`, and its value."""

    def both(*args: Any, **kwargs: Any) -> Any:
        outer: list[bool] = []
        given, fresh = _argument(args, argnums, outer)
        with enable_grad():
            value = func(*given, **kwargs)
            value, aux = value if has_aux else (value, None)
            if not isinstance(value, Tensor):
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a tensor, got {type(value)}"
                )
            if value.ndim:
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a scalar tensor, got tensor with {value.ndim} "
                    "dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            if value.requires_grad:
                found = grad(value, fresh, create_graph=True, materialize_grads=True)
            else:
                found = tuple(x.new_zeros(x._shape) for x in fresh)
        found, value = _settle(found[0] if isinstance(argnums, int) else found, outer), _settle(value, outer)
        return (found, (value, aux)) if has_aux else (found, value)

    return both


def func_grad(func: Callable, argnums: Any = 0, has_aux: bool = False) -> Callable:
    """A function that gives the gradient of `func`."""
    both = grad_and_value(func, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def vjp(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """The value, and a function that pulls a gradient back from it."""
    outer: list[bool] = []
    given, fresh = _argument(primals, tuple(range(len(primals))), outer)
    with enable_grad():
        value = func(*given)

    def pull(*cotangents: Any) -> tuple[Any, ...]:
        with enable_grad():
            return _settle(grad(value, fresh, cotangents, create_graph=True, materialize_grads=True), outer)

    return _settle(value, outer), pull


def jacrev(func: Callable, argnums: int = 0) -> Callable:
    """A function that gives every derivative of every output: outputs' shape, then input's."""

    def jacobian(*args: Any) -> Tensor:
        outer: list[bool] = []
        given, (x,) = _argument(args, argnums, outer)
        with enable_grad():
            value = func(*given)
            rows = [grad(v, x, create_graph=True, materialize_grads=True)[0] for v in value.reshape(-1).unbind()]\
                if value.requires_grad else [x.new_zeros(x._shape) for _ in range(value.numel())]  # fmt: skip
            whole = PUBLIC["torch"]["stack"](rows).reshape([*value._shape, *x._shape])
        return _settle(whole, outer)

    return jacobian


def hessian(func: Callable, argnums: int = 0) -> Callable:
    """A function that gives the second derivatives."""
    return jacrev(jacrev(func, argnums), argnums)


def vmap(func: Callable, in_dims: Any = 0, out_dims: int = 0) -> Callable:
    """A function that runs `func` on each place along a dimension, one after the other, and stacks what it gives."""

    def mapped(*args: Any) -> Any:
        dims = [in_dims] * len(args) if isinstance(in_dims, int) else list(in_dims)
        count = next(a._shape[d] for a, d in zip(args, dims, strict=True) if d is not None)
        each = [
            func(*(a if d is None else a.select(d, i) for a, d in zip(args, dims, strict=True)))
            for i in range(count)
        ]
        stack = PUBLIC["torch"]["stack"]
        if isinstance(each[0], tuple):
            return tuple(stack(list(column), out_dims) for column in zip(*each, strict=True))
        return stack(each, out_dims)

    return mapped


def functional_jacobian(func: Callable, inputs: Any, create_graph: bool = False) -> Tensor:
    """torch.autograd.functional.jacobian."""
    return jacrev(func)(inputs)


def functional_hessian(func: Callable, inputs: Any, create_graph: bool = False) -> Tensor:
    """torch.autograd.functional.hessian."""
    return hessian(func)(inputs)


def gradcheck(func: Callable, inputs: Any, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3) -> bool:
    """Whether the gradients agree with differences of values."""
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    value = func(*given)
    for x in [x for x in given if isinstance(x, Tensor) and x.requires_grad]:
        rows = [grad(v, x, retain_graph=True, materialize_grads=True)[0] for v in value.reshape(-1).unbind()]
        with SetMode(False):
            numbers = x.detach().reshape(-1)
            for i in range(x.numel()):
                before, ends = numbers[i].item(), []
                for sign in (1, -1):
                    numbers[i] = before + sign * eps
                    ends.append(func(*given).reshape(-1).clone())
                    numbers[i] = before
                slope = (ends[0] - ends[1]) / (2 * eps)
                mine = PUBLIC["torch"]["stack"]([row.reshape(-1)[i] for row in rows])
                if not mine.allclose(slope, rtol, atol):
                    raise GradcheckError(
                        f"Jacobian mismatch for output 0 with respect to input {i},\nnumerical:{slope}\nanalytical:{mine}\n"
                    )
    return True


class GradcheckError(RuntimeError):
    """What `gradcheck` raises."""
