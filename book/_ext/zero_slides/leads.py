"""The few words of prose that a slide needs: what leads to a formula or a cell, what names its letters."""

from __future__ import annotations

import re

LONGEST_LEAD = 170
LONGEST_LEGEND = 210
BETWEEN_SENTENCES = re.compile(r"(?<=[.?!:])\s+(?=[A-Z“‘\"$*`(0-9])")
RUNS_ON = re.compile(r".*[^.!)”’*]", re.DOTALL)  # into what follows: "so that", "we get:", "what comes out?"


def lead_to(paragraph: str) -> str:
    """The end of a paragraph, if it leads to what follows it.

    Args:
        paragraph: Markdown, one paragraph.

    Returns:
        Its last sentence where that ends with a colon, a question mark or in the middle, with the sentence
        before it where both are short; otherwise nothing.
    """
    *earlier, last = BETWEEN_SENTENCES.split(paragraph.strip())
    if not RUNS_ON.fullmatch(last) or len(last) > LONGEST_LEAD:
        return ""
    if earlier and len(both := f"{earlier[-1]} {last}") <= LONGEST_LEAD:
        return both
    return last


def legend_of(paragraph: str) -> str:
    """The first sentence of a paragraph that goes on where a formula stopped ("with $H$ the matrix of …")."""
    first = BETWEEN_SENTENCES.split(paragraph.strip())[0]
    return first if first[:1].islower() and len(first) <= LONGEST_LEGEND else ""
