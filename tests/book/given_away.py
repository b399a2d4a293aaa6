"""Finds what a site gives away of the exercises: lines of references, hints, names of misconceptions.

What the book shows anyway, in a notebook's cells and outputs or on a prose page, is no secret, and is found
by comparing with those sources.
"""

from __future__ import annotations

import functools
import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sphinx.search.en import SearchEnglish

from course_classroom import standalone_source
from course_classroom.chapter_exercises import Stub, find_stubs, load

ROOT = Path(__file__).resolve().parents[2]
ALL = find_stubs()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WORD = re.compile(r"\w+")
TAG = re.compile(r"<[^>]*>")
MARKUP = re.compile(r"[`*]")
LONG_ENOUGH = 20  # characters of a line that is looked for within other lines too


def _strings(value: Any) -> Iterator[str]:
    """Every string in a piece of JSON; a list of lines as one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(line, str) for line in value):
        yield "".join(value)
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def notebook_text(path: Path) -> str:
    """All that a notebook's cells and outputs say."""
    return "\n".join(_strings(json.loads(path.read_text("utf8"))["cells"]))


def plain(text: str) -> str:
    """Text on one line, without the marks of code and emphasis."""
    return " ".join(MARKUP.sub("", text).split())


@dataclass(frozen=True)
class Text:
    """A text in the forms in which it is searched."""

    whole: str
    plain: str
    lines: frozenset[str]
    words: frozenset[str]

    @classmethod
    def of(cls, whole: str) -> Text:
        lines = frozenset(line.strip() for line in whole.splitlines())
        return cls(whole, plain(whole), lines, frozenset(WORD.findall(whole)))

    def has_line(self, line: str) -> bool:
        """Whether a line stands here by itself, or, if it is long enough, within another."""
        if line in self.lines:
            return True
        return len(line) >= LONG_ENOUGH and self.words.issuperset(WORD.findall(line)) and line in self.whole

    def says(self, sentence: str) -> bool:
        """Whether a sentence stands here, however it is broken into lines."""
        return self.words.issuperset(WORD.findall(sentence)) and sentence in self.plain


@functools.cache
def shown() -> Text:
    """What the book's own sources show every reader."""
    pages = [path.read_text("utf8") for path in sorted((ROOT / "book").rglob("*.md"))]
    return Text.of("\n".join([*map(notebook_text, NOTEBOOKS), *pages]))


@functools.cache
def secret_lines(stub: Stub) -> frozenset[str]:
    """The lines of a reference, and of what it needs, that say more than any program of its kind does."""
    lines = [
        line for line in standalone_source.lines_of(stub.item(1)) if not line.startswith(("import ", "from "))
    ]
    lines += [line.removeprefix("return ") for line in lines]  # a lambda returns without saying so
    return frozenset(line for line in lines if len(WORD.findall(line)) > 1 and not shown().has_line(line))


@functools.cache
def secret_hints(stub: Stub) -> frozenset[str]:
    """An exercise's hints, and the reason of a prediction's solution."""
    exercise = load(stub.exercise)
    hints = [misconception.hint for misconception in exercise.misconceptions.values()]
    said = map(plain, [*hints, exercise.reason] if exercise.reason else hints)
    return frozenset(hint for hint in said if not shown().says(hint))


@functools.cache
def secret_names(stub: Stub) -> frozenset[str]:
    """The names of an exercise's misconceptions, if they are more than a word."""
    names = load(stub.exercise).misconceptions
    return frozenset(name for name in names if " " in name and not shown().says(name))


def texts(site: Path) -> Iterator[tuple[str, Text]]:
    """Every file of a site that is ours as text, members of zips too; a page with its markup and without."""
    vendored = site / "_static" / "vendor"  # Python's own library has a `return theta`, too
    for path in sorted(p for p in site.rglob("*") if p.is_file() and vendored not in p.parents):
        name, content = path.relative_to(site).as_posix(), path.read_bytes()
        if path.suffix == ".zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for member in archive.namelist():
                    yield f"{name}/{member}", _text(member, archive.read(member))
        else:
            yield name, _text(name, content)


def _text(name: str, content: bytes) -> Text:
    text = content.decode("utf8", "ignore")
    if name.endswith(".html"):
        forms = (text, TAG.sub("", text), TAG.sub("\n", text))  # code is one line with tags, terms are not
        text = html.unescape("\n".join(forms))
    elif name.endswith(".ipynb"):
        text = "\n".join(_strings(json.loads(text)))
    return Text.of(text)


@dataclass(frozen=True)
class Leak:
    """Something secret, and where it stands."""

    exercise: str
    what: str
    file: str


def leaks(site: Path) -> dict[str, list[Leak]]:
    """What a site gives away: "solutions", "hints", and "names" of misconceptions."""
    found: dict[str, list[Leak]] = {"solutions": [], "hints": [], "names": []}
    for name, text in texts(site):
        for stub in ALL:
            seen = {
                "solutions": filter(text.has_line, secret_lines(stub)),
                "hints": filter(text.says, secret_hints(stub)),
                "names": secret_names(stub) & text.lines,
            }
            for kind, secrets in seen.items():
                found[kind] += [Leak(stub.exercise, secret, name) for secret in secrets]
    return found


def searched_words(site: Path) -> list[Leak]:
    """Words of a reference under which the search finds its chapter, though the chapter never uses them."""
    content = (site / "searchindex.js").read_text("utf8")
    index = json.loads(content[content.index("(") + 1 : content.rindex(")")])
    language = SearchEnglish({})
    stem = functools.cache(lambda word: language.stem(word.lower()))
    found = []
    for path in NOTEBOOKS:
        number = index["docnames"].index(f"notebooks/{path.stem}")
        here = {
            term
            for term, places in index["terms"].items()
            if number in (places if isinstance(places, list) else [places])
        }
        own = set(map(stem, language.split(notebook_text(path))))
        for stub in ALL:
            if path.stem.startswith(f"{stub.number:02}_"):
                words = set(language.split("\n".join(secret_lines(stub))))
                found += [Leak(stub.exercise, word, path.stem) for word in words if stem(word) in here - own]
    return found
