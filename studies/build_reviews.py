"""Rebuild the embedded film snippets from the source archive of ``vaderSentiment`` (a maintainer's script).

Get it with ``pip download --no-deps --no-binary :all: vaderSentiment==3.3.2``, then

    python -m studies.build_reviews path/to/vaderSentiment-3.3.2.tar.gz
"""

import argparse
import hashlib
import html
import io
import re
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from course_lib.data.reviews import EMBEDDED_FILE, EMBEDDED_SHA256, SPLIT_BREAK, SPLITS
from course_lib.files import print_in_any_encoding, read_verified
from studies.build_text import write_text

SOURCE_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER_ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
TABLE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
FAINTEST, STRONGEST = 0.5, 4.0
TENTHS = {"train": range(2, 10), "validation": range(1, 2), "test": range(1)}


def read_table(archive: bytes) -> str:
    """Take the table of scored snippets out of the archive within the archive.

    Args:
        archive: content of ``vaderSentiment-3.3.2.tar.gz``.

    Returns:
        The table: a snippet a line, as number, tab, mean score, tab, text.

    Raises:
        ValueError: if ``archive`` is no such archive; names what is missing.
    """
    content = archive
    for member in (INNER_ARCHIVE, TABLE):
        try:
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as opened:
                content = opened.extractfile(member).read()
        except (tarfile.TarError, zlib.error, OSError, EOFError, KeyError) as error:
            raise ValueError(f"archive must hold {member}: {error}") from error
    return content.decode("utf-8")


def scored_snippets(table: str) -> list[tuple[str, str]]:
    """Keep the snippets that are clearly for or against, each text once, with its first score.

    Two texts are one if their letters and digits are the same, whatever their case. Runs of spaces, which
    stand where the source has lost a dash, become one; ``&amp;`` becomes ``&``.

    Args:
        table: as ``read_table`` gives it.

    Returns:
        Pairs of score, as it is written in the source, and text; scores of size 0.5 to 4.

    Raises:
        ValueError: if a line is not number, score and text, or a score leaves −4 … 4; names the line.
    """
    kept: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(table.splitlines(), start=1):
        fields = line.split("\t")
        try:
            _, score, text = fields
            size = abs(float(score))
        except ValueError as error:
            raise ValueError(f"line {number} must be number, score and text, got {line!r}") from error
        if not size <= STRONGEST:
            raise ValueError(f"line {number}: the score must be from -4 to 4, got {score}")
        cleaned = " ".join(html.unescape(text).split())
        if size >= FAINTEST and letters_and_digits(cleaned):
            kept.setdefault(letters_and_digits(cleaned), (score, cleaned))
    return list(kept.values())


def letters_and_digits(text: str) -> str:
    """What decides whether two texts are one: words in small letters, a space between them."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def split_of(text: str) -> str:
    """The split of a text, by the first eight bytes of the SHA-256 of its letters and digits, modulo ten."""
    digest = hashlib.sha256(letters_and_digits(text).encode("utf-8")).digest()
    tenth = int.from_bytes(digest[:8], "big") % 10
    return next(name for name, tenths in TENTHS.items() if tenth in tenths)


def as_content(snippets: Iterable[tuple[str, str]]) -> str:
    """Write snippets as ``load_reviews`` reads them: score, tab, text; an empty line between the splits.

    Args:
        snippets: pairs of score and text.

    Returns:
        The file's text.
    """
    lines: dict[str, list[str]] = {name: [] for name in SPLITS}
    for score, text in snippets:
        lines[split_of(text)].append(f"{score}\t{text}")
    return SPLIT_BREAK.join("\n".join(lines[name]) for name in SPLITS)


def write_reviews(source: Path, path: Path, sha256: str = SOURCE_SHA256) -> str:
    """Write the embedded file, compressed with xz.

    Args:
        source: ``vaderSentiment-3.3.2.tar.gz``.
        path: where to write; replaced in one step.
        sha256: the expected SHA-256 of ``source``.

    Returns:
        The written file's SHA-256. Another liblzma may compress to other bytes of equal content.

    Raises:
        ValueError: if ``source`` has another SHA-256, or as ``read_table`` and ``scored_snippets``; nothing
            is written then.
        FileNotFoundError: if ``source`` is missing.
    """
    content = as_content(scored_snippets(read_table(read_verified(source, sha256))))
    return write_text(content, path)


def main() -> None:
    """Write the embedded file and say whether ``data/reviews.py`` expects it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="source archive of the Python package vaderSentiment 3.3.2")
    parser.add_argument(
        "--output", type=Path, default=EMBEDDED_FILE, help="file to write (default: the embedded one)"
    )
    arguments = parser.parse_args()
    sha256 = write_reviews(arguments.source, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes, SHA-256 {sha256}")
    if sha256 != EMBEDDED_SHA256:
        raise SystemExit(f"reviews.EMBEDDED_SHA256 is {EMBEDDED_SHA256}: set it to the hash above")


if __name__ == "__main__":
    print_in_any_encoding()
    main()
