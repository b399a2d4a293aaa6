"""Writing files so that an interruption leaves the old one whole."""

import os
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
