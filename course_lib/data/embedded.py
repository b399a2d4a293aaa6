"""The package's own data files, read only if every byte is the expected one."""

import hashlib
from pathlib import Path


def read_verified(path: Path, sha256: str) -> bytes:
    """Read a file after comparing its SHA-256 with the expected one.

    Args:
        path: the file.
        sha256: its expected SHA-256, 64 hexadecimal digits.

    Returns:
        Its content.

    Raises:
        ValueError: if the SHA-256 is another; names file, expected and found hash.
        FileNotFoundError: if there is no such file.

    Taught in: "Data and modules".
    """
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} is corrupt or truncated: expected SHA-256 {sha256}, found {found} ({len(content)} bytes)"
        )
    return content
