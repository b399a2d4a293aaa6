"""A chapter's text, cut into blocks that a slide can choose from, with nothing left of MyST's own marks.

Directives (`:::{prediction}`) become blocks with a name, roles (`{term}`tensor``) the words they show.
Links to chapters and pages of the book lead from the folder of slides to the built book, unless the caller
has them rewritten for another place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

BOXES = {"prediction": "Prediction", "goes-wrong": "Goes wrong", "in-the-library": "In the library"}

FENCE = re.compile(r"(?P<fence>:{3,}|`{3,})\s*(?:\{(?P<name>[\w-]+)\})?\s*(?P<title>.*)")
HEADING = re.compile(r"(?P<marks>#{1,6}) +(?P<title>.*)")
OPTION = re.compile(r":[\w-]+:.*")
FORMULA_ENDS = re.compile(r"(?P<formula>.*\$\$)\s*(\([\w:.-]+\))?\s*")
ENVIRONMENT = re.compile(r"\\begin\{(?P<name>[\w*]+)\}")
CLAIM = re.compile(r"\*\*[A-Z]\d+\. ")
TARGET = re.compile(r"\([\w:.-]+\)=\s*|%.*|\+\+\+.*")
ROLE = re.compile(  # or code, in which nothing is a role
    r"(?P<code>```[\s\S]*?```|(?<!\})`[^`]+`)|\{(?P<name>[\w:.-]+)\}`(?P<text>[^`<]*?)\s*(?:<[^>`]*>)?`"
)
TO_CHAPTER = re.compile(r"\]\((?P<name>[\w-]+)\.ipynb(?P<place>#[\w-]*)?\)")
TO_PAGE = re.compile(r"\]\(\.\./(?P<name>[\w/-]+)\.(?:md|ipynb)(?P<place>#[\w-]*)?\)")


@dataclass(frozen=True)
class Block:
    """A piece of text.

    Attributes:
        kind: "heading", "formula", "box", "exercise", "table", "code", "prose", or "claim": a paragraph that
            opens with a sentence in bold and a number, as in "**C1. A tensor is an array.**"
        text: what it says, in plain Markdown; a heading's text has no marks.
        title: of a box or an exercise.
        name: of the directive; of code, its language.
    """

    kind: str
    text: str
    title: str = ""
    name: str = ""


def without_roles(text: str) -> str:
    """Text in which a role has become the words it shows, and `{math}` a formula."""

    def shown(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        words = match["text"].strip() or match[0].split("<")[1].split(">")[0]
        return f"${words}$" if match["name"] == "math" else words

    return ROLE.sub(shown, text)


def plain(text: str) -> str:
    """Text without roles, whose links lead from the folder of slides to the book's pages."""
    text = without_roles(text)
    text = TO_CHAPTER.sub(lambda m: f"](../notebooks/{m['name']}.html{m['place'] or ''})", text)
    return TO_PAGE.sub(lambda m: f"](../{m['name']}.html{m['place'] or ''})", text)


def blocks_of(source: str, say: Callable[[str], str] = plain) -> list[Block]:
    """Cut a text cell into blocks.

    Args:
        source: MyST Markdown as the chapters use it.
        say: takes the roles out of a piece of text, and leads its links to where they should go.

    Returns:
        The blocks in their order; joined, they hold all of the text but labels and options.

    Raises:
        ValueError: if a fence or a formula is opened and never closed.
    """
    lines = source.split("\n")
    found: list[Block] = []
    while lines:
        if not lines[0].strip() or TARGET.fullmatch(lines[0]):
            lines.pop(0)
        elif match := HEADING.fullmatch(lines[0]):
            found.append(Block("heading", say(match["title"]), name=f"h{len(match['marks'])}"))
            lines.pop(0)
        elif match := FENCE.fullmatch(lines[0]):
            body = _taken(lines, re.compile(re.escape(match["fence"]) + r"\s*"))[1:-1]
            found.append(_fenced(match, body, say))
        elif lines[0].startswith("$$"):
            found.append(_formula(lines))
        elif match := ENVIRONMENT.match(lines[0]):
            body = _taken(lines, re.compile(rf".*\\end\{{{re.escape(match['name'])}\}}\s*"), first=0)
            found.append(Block("formula", "\n".join(["$$", *body, "$$"])))
        else:
            found.append(_paragraph(lines, say))
    return found


def _taken(lines: list[str], end: re.Pattern[str], first: int = 1) -> list[str]:
    """Take lines up to and with the one that `end` matches, which is not before the line numbered `first`."""
    for place in range(first, len(lines)):
        if end.fullmatch(lines[place]):
            taken, lines[:] = lines[: place + 1], lines[place + 1 :]
            return taken
    raise ValueError(f"text opens {lines[0]!r} and never closes it")


def _formula(lines: list[str]) -> Block:
    one_line = len(lines[0].strip()) > 2 and FORMULA_ENDS.fullmatch(lines[0][2:])
    taken = [lines.pop(0)] if one_line else _taken(lines, FORMULA_ENDS)
    end = FORMULA_ENDS.fullmatch(taken[-1])
    assert end is not None
    return Block("formula", "\n".join([*taken[:-1], end["formula"]]))


def _fenced(match: re.Match[str], body: list[str], say: Callable[[str], str]) -> Block:
    name, title = match["name"], match["title"].strip()
    if name is None and match["fence"].startswith("`"):
        return Block("code", "\n".join(body), name=title)
    while body and OPTION.fullmatch(body[0]):
        body.pop(0)
    text = say("\n".join(body).strip())
    if name == "exercise":
        return Block("exercise", text, say(title), name)
    if name == "math":
        return Block("formula", f"$$\n{text}\n$$")
    return Block("box", text, say(title) or BOXES.get(name or "", ""), name or "")


def _paragraph(lines: list[str], say: Callable[[str], str]) -> Block:
    taken = [lines.pop(0)]
    while lines and lines[0].strip() and not lines[0].startswith(("$$", ":::", "```", "#")):
        taken.append(lines.pop(0))
    text = say("\n".join(taken))
    kind = "table" if text.startswith("|") else "claim" if CLAIM.match(text) else "prose"
    return Block(kind, text)
