"""Nested states as a JSON tree plus a flat dict of tensors, and back, exactly."""

from typing import Any

from torch import Tensor


def flatten(state: Any) -> tuple[Any, dict[str, Tensor]]:
    """Split a nested state into what JSON can hold and the tensors.

    Dicts become ``{"dict": [[key, value], …]}`` (so int keys survive), lists ``{"list": …}``, tuples
    ``{"tuple": …}``, tensors ``{"tensor": name}``; numbers, strings, booleans and None stay.

    Args:
        state: dicts with str or int keys, lists, tuples, int, float, str, bool, None and tensors, nested at
            will.

    Returns:
        The JSON tree, and contiguous copies of the tensors on the CPU by name.

    Raises:
        TypeError: if anything else is found; names the place.

    Taught in: "MNIST classifier".
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
    """Put a state together again: the inverse of ``flatten``.

    Args:
        tree: a JSON tree that ``flatten`` made.
        tensors: its tensors by name.

    Returns:
        The nested state.

    Raises:
        KeyError: if a tensor or a kind of node is unknown.

    Taught in: "MNIST classifier".
    """
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
