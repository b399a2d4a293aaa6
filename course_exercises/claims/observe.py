"""Run something and see what it returned, what it warned of, and how it failed."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Observation:
    """What one call did.

    Attributes:
        value: what it returned; None if it failed.
        error: the name of the exception it ended with; empty if it returned.
        warnings: the distinct names of the warnings it gave, in alphabetical order.
    """

    value: Any
    error: str
    warnings: tuple[str, ...]


def observe(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Observation:
    """Call a function; its warnings are collected and its exception is caught, whatever the filters say.

    Args:
        function: anything callable.
        args: passed on.
        kwargs: passed on.

    Returns:
        An ``Observation``. Interrupts are no exceptions and pass through.
    """
    value, error = None, ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = function(*args, **kwargs)
        except Exception as problem:
            error = type(problem).__name__
    return Observation(value, error, tuple(sorted({warning.category.__name__ for warning in caught})))
