"""Rebuild the embedded cars table from the Python package ``vega_datasets`` (a maintainer's script).

Get the package with ``pip download --no-deps vega_datasets==0.9.0``, unpack the wheel, then

    python -m studies.build_cars path/to/vega_datasets/_data/cars.json

Five of the nine columns are kept, in the source's order and units, missing values included.
"""

import argparse
import hashlib
import json
from pathlib import Path

from course_lib.data.cars import EMBEDDED_FILE, EMBEDDED_SHA256
from course_lib.files import print_in_any_encoding, read_verified, write_in_one_step

SOURCE_SHA256 = "f686a53678b21f4231e2f6a5ba7ce5761d9d39204fccdea1caa29fb8c460e319"
COLUMNS = {
    "names": "Name",
    "years": "Year",
    "pounds": "Weight_in_lbs",
    "horsepower": "Horsepower",
    "miles_per_gallon": "Miles_per_Gallon",
}
MAY_BE_MISSING = ("horsepower", "miles_per_gallon")


def build_table(rows: list[dict[str, object]]) -> dict[str, list[object]]:
    """Turn the source's rows into columns; a date such as "1970-01-01" becomes the year 1970.

    Args:
        rows: one dict a car, with the source's column names; a missing value is ``None``.

    Returns:
        ``names``, ``years``, ``pounds``, ``horsepower`` and ``miles_per_gallon``, equally long.

    Raises:
        ValueError: if there are no rows, a row lacks a column, or a value is neither a number above 0 nor a
            missing power or fuel use; names the row and the column.
    """
    if not rows:
        raise ValueError("rows must hold at least one car, got none")
    table: dict[str, list[object]] = {name: [] for name in COLUMNS}
    for position, row in enumerate(rows):
        for name, source in COLUMNS.items():
            if source not in row:
                raise ValueError(f"row {position} has no column {source}")
            value = int(str(row[source])[:4]) if name == "years" else row[source]
            if name != "names" and not (value is None and name in MAY_BE_MISSING):
                number = isinstance(value, int | float) and not isinstance(value, bool)
                if not (number and 0 < value < float("inf")):
                    raise ValueError(
                        f"row {position}: {source} must be a finite number above 0, got {value!r}"
                    )
            table[name].append(value)
    return table


def write_cars(source: Path, path: Path, sha256: str = SOURCE_SHA256) -> str:
    """Write the table as JSON, a column a line.

    Args:
        source: the package's ``cars.json``.
        path: where to write; replaced in one step.
        sha256: the expected SHA-256 of ``source``.

    Returns:
        The written file's SHA-256, the same on every machine.

    Raises:
        ValueError: if ``source`` has another SHA-256, or as ``build_table``; nothing is written then.
        FileNotFoundError: if ``source`` is missing.
    """
    table = build_table(json.loads(read_verified(source, sha256)))
    lines = [f" {json.dumps(name)}: {json.dumps(column)}" for name, column in table.items()]
    content = ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")
    write_in_one_step(path, content)
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Write the embedded cars file and say whether ``cars.py`` expects it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="cars.json of the Python package vega_datasets 0.9.0")
    parser.add_argument(
        "--output", type=Path, default=EMBEDDED_FILE, help="file to write (default: the embedded one)"
    )
    arguments = parser.parse_args()
    sha256 = write_cars(arguments.source, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes, SHA-256 {sha256}")
    if sha256 != EMBEDDED_SHA256:
        raise SystemExit(f"cars.EMBEDDED_SHA256 is {EMBEDDED_SHA256}: set it to the hash above")


if __name__ == "__main__":
    print_in_any_encoding()
    main()
