"""Writing that does not break: files are replaced in one step, text is printed in any encoding."""

import io
import os
import sys
import tempfile
from pathlib import Path


def write_in_one_step(path: Path, content: bytes) -> None:
    """Write beside the file, make sure the bytes are on the disk, then put them in its place.

    Args:
        path: the file to write; its folder must exist.
        content: all of it.

    Raises:
        OSError: if it cannot be written. The old file, if there was one, is untouched then, and after any
            other interruption as well.
    """
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def print_in_any_encoding() -> None:
    """Let standard output and standard error print ``?`` for a character that their encoding lacks.

    Python raises ``UnicodeEncodeError`` instead, and on Windows a pipe or a file has an encoding of 256
    characters (before Python 3.15): a program that prints "→" works on the screen and breaks behind ``>``.
    Every program of the book calls this first. The encoding stays, since a pipe's reader expects it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a notebook's or a test's own stream takes any character
            stream.reconfigure(errors="replace")
