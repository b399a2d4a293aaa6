"""How a command ends, whether it returns its status or argparse raises it."""

from __future__ import annotations

from collections.abc import Callable


def exit_status(command: Callable[..., int], *words: object) -> object:
    """The status of ``command(*words)``."""
    try:
        return command(*words)
    except SystemExit as end:
        return end.code
