"""The full MNIST, fetched once into a cache folder: each file whole and checked, or not there at all."""

import gzip
import hashlib
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
from torchvision.datasets import MNIST

from course_lib.files import write_in_one_step

TIMEOUT_SECONDS = 20
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


class NoNetworkError(OSError):
    """No mirror answered; the message says what the last one did."""


def cache_folder() -> Path:
    """Where downloads are kept: ``COURSE_LIB_CACHE`` if set, else ``course_lib`` in the user's cache folder.

    Returns:
        The folder's path; it need not exist yet.

    Taught in: "MNIST classifier".
    """
    if chosen := os.environ.get("COURSE_LIB_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "course_lib"


def full_arrays(split: str) -> tuple[np.ndarray, np.ndarray]:
    """One split of the full MNIST, downloaded if the cache lacks it.

    Mirrors and MD5 hashes are torchvision's own. A file is written beside its place, checked, and moved there
    in one step, so that an interrupted download leaves nothing behind that could be taken for the real file.

    Args:
        split: ``"train"`` or ``"test"``.

    Returns:
        images uint8 (n, 28, 28) in 0 … 255 and labels uint8 (n,) in 0 … 9; n = 60,000 or 10,000.

    Raises:
        NoNetworkError: if a file is not cached and no mirror answers.
        ValueError: if a cached or downloaded file has another hash than expected; names file and both hashes.

    Taught in: "MNIST classifier".
    """
    folder = cache_folder() / "mnist"
    hashes = dict(MNIST.resources)
    contents = []
    for name in FILES[split]:
        path = folder / name
        if not path.exists():
            _download(name, path, hashes[name])
        content = path.read_bytes()
        _check(content, hashes[name], f"{path} (delete it to fetch it again)")
        contents.append(content)
    return _decode_idx(contents[0]), _decode_idx(contents[1])


def _download(name: str, path: Path, md5: str) -> None:
    content, failure = None, None
    for mirror in MNIST.mirrors:
        try:
            with urllib.request.urlopen(mirror + name, timeout=TIMEOUT_SECONDS) as response:
                content = response.read()
            break
        except OSError as error:  # URLError, timeouts and broken connections are all OSErrors
            failure = error
    if content is None:
        raise NoNetworkError(f"{name}: {failure}") from failure
    _check(content, md5, f"{name} as downloaded from {mirror}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_in_one_step(path, content)


def _check(content: bytes, md5: str, name: str) -> None:
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(f"{name} is corrupt or truncated: expected MD5 {md5}, found {found}")


def _decode_idx(content: bytes) -> np.ndarray:
    """Read idx: two zero bytes, a type byte (8 = uint8), the number of dimensions, the sizes, the data."""
    raw = gzip.decompress(content)
    dimensions = raw[3]
    shape = np.frombuffer(raw, dtype=">u4", count=dimensions, offset=4)
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()
