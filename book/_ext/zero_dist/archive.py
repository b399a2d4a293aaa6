"""Zip files that are the same whenever and wherever they are made."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterable
from pathlib import Path


def write_zip(target: Path, files: Iterable[tuple[str, bytes]], date: datetime.date) -> None:
    """Write a zip of (name, content), in that order, every file of that date.

    `mimetype` is stored as it is, as an EPUB asks; everything else is compressed.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for name, content in files:
            entry = zipfile.ZipInfo(name, (date.year, date.month, date.day, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            made.writestr(entry, content)


def zip_folder(target: Path, folder: Path, date: datetime.date) -> None:
    """Write a zip of every file below a folder."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    write_zip(target, ((name, (folder / name).read_bytes()) for name in names), date)
