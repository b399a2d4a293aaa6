"""The first use of a term in each chapter links to the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

PAGE = "book/glossary"
# Where a link would disturb, or stand within another one.
QUIET = (
    nodes.title,
    nodes.rubric,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.caption,
    nodes.table,
)


def key(term: str) -> str:
    """A term as it is looked up: in small letters, a hyphen as a space."""
    return term.lower().replace("-", " ")


def pattern(terms: list[str]) -> re.Pattern[str]:
    """What finds a term in the singular or the plural, longer ones first; a hyphen may be a space."""
    words = (re.escape(key(term)).replace(r"\ ", "[- ]") for term in sorted(terms, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])({'|'.join(words)})(?:e?s)?(?![\w-])", re.IGNORECASE)


def pieces(text: str, terms: re.Pattern[str], seen: set[str]) -> Iterator[tuple[str, str | None]]:
    """A text in pieces, each with the term that it is the first use of, or None; `seen` grows."""
    start = 0
    for match in terms.finditer(text):
        term = key(match[1])
        if term not in seen:
            seen.add(term)
            yield text[start : match.start()], None
            yield match[0], term
            start = match.end()
    yield text[start:], None


class FirstUses(SphinxPostTransform):
    """Make the first use of each term of the glossary a link, in chapters, outside of code and headings."""

    default_priority = 20

    def run(self, **_: object) -> None:
        """Walk a chapter's text in order; other pages stay as they are."""
        if not self.env.docname.startswith("notebooks/"):
            return
        objects = self.env.domaindata["std"]["objects"]
        ids = {
            key(name): label
            for (kind, name), (page, label) in objects.items()
            if (kind, page) == ("term", PAGE)
        }
        if not ids:
            return
        terms, seen = pattern([*ids]), set()
        address = self.app.builder.get_relative_uri(self.env.docname, PAGE)
        for text in [*self.document.findall(nodes.Text)]:
            parents, parent = [], text.parent
            while parent is not None:
                parents.append(parent)
                parent = parent.parent
            if any(isinstance(each, QUIET) or "cell" in each.get("classes", []) for each in parents):
                continue
            found = [*pieces(text.astext(), terms, seen)]
            if len(found) > 1:
                text.parent.replace(
                    text,
                    [
                        nodes.reference(
                            "", piece, refuri=f"{address}#{ids[term]}", internal=True, classes=["term"]
                        )
                        if term
                        else nodes.Text(piece)
                        for piece, term in found
                        if piece
                    ],
                )


def depend(app: Sphinx, _doctree: nodes.document) -> None:
    """A chapter is read again when the glossary changes."""
    if app.env.docname.startswith("notebooks/"):
        app.env.note_dependency(app.env.doc2path(PAGE))


def register(app: Sphinx) -> None:
    """Link chapters to the glossary."""
    app.add_post_transform(FirstUses)
    app.connect("doctree-read", depend)
