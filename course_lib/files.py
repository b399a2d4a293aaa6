"""Atomic file writes, and printing text in any encoding."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tempfile
from pathlib import Path


def write_in_one_step(path: Path, content: bytes) -> None:
    """Atomic write: write beside the file, fsync, then put the new one in its place.

    The folder must exist. After an ``OSError``, or any other interruption, the old file is untouched.
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


def read_verified(path: Path, sha256: str) -> bytes:
    """Read a file after comparing its SHA-256 with the expected one, 64 hexadecimal digits.

    ``ValueError`` names file, expected and found hash.
    """
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} is corrupt or truncated: expected SHA-256 {sha256}, found {found} ({len(content)} bytes)"
        )
    return content
