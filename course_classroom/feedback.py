"""The feedback page for a student: marks per answer, and which misunderstanding each shows."""

from __future__ import annotations

import datetime
import html
import re

from course_classroom.assignment import Assignment
from course_classroom.marks import UNDECIDED, Mark, StudentMarks

WORDS = {
    "ok": "right",
    "wrong": "not right yet",
    "unanswered": "not answered",
    "timeout": "did not end",
    "crash": "could not be run",
    "missing": "not found",
    "unreadable": "could not be read",
    "look": "to be looked at",
    "busy": "to be marked again",
    "decided": "decided by your instructor",
}
_STYLE = """
body { font: 1rem/1.55 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff; overflow-wrap: break-word; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .25rem .9rem .25rem 0; }
tr { border-bottom: 1px solid #bbb; } td.number { text-align: right; } code { font-size: .95em; }
img { max-width: 100%; } .wide { overflow-x: auto; } a { color: inherit; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } tr { border-color: #555; } }
"""


def as_markdown(assignment: Assignment, student: StudentMarks) -> str:
    """One student's feedback as Markdown.

    Args:
        assignment: what was marked.
        student: the marks. Whatever in them the student may have written is shown as text.

    Returns:
        The page. It holds no input, no expected value and no code of the marking.
    """
    lines = [f"# Feedback on {assignment.name}", "", plain(student.student), ""]
    lines += [f"**{student.total:g} of {student.of} points**{_handed_in(student)}", ""]
    if _is_undecided(student):
        return "\n".join(
            [*lines, f"Your submission could not be marked: {plain(student.problem.rstrip('.'))}.", ""]
        )
    lines += ["| exercise | result | points |", "|---|---|---|"]
    titles = _titles(assignment)
    lines += [f"| {titles[m.exercise]} | {WORDS[m.status]} | {m.points:g} of {m.of} |" for m in student.marks]
    for mark in student.marks:
        said = _said(mark)
        text = said if _is_ours(mark) else plain(said)
        lines += ["", f"## {titles[mark.exercise]}", "", text or WORDS[mark.status].capitalize() + "."]
    if student.notes:
        lines += ["", "## As your notebook ran", "", *(f"- {plain(note)}" for note in student.notes)]
    return "\n".join([*lines, ""])


def as_html(assignment: Assignment, student: StudentMarks) -> str:
    """One student's feedback as a page that stands alone; see `as_markdown`."""
    head = f"<h1>Feedback on {html.escape(assignment.name)}</h1><p>{html.escape(student.student)}</p>"
    total = f"<p><strong>{student.total:g} of {student.of} points</strong>{_handed_in(student)}</p>"
    if _is_undecided(student):
        body = f"<p>Your submission could not be marked: {html.escape(student.problem.rstrip('.'))}.</p>"
        return page(f"Feedback on {assignment.name}", head + total + body)
    titles = {name: html.escape(title) for name, title in _titles(assignment).items()}
    rows = "".join(
        f"<tr><td>{titles[m.exercise]}</td><td>{WORDS[m.status]}</td><td>{m.points:g} of {m.of}</td></tr>"
        for m in student.marks
    )
    table = f"<table><tr><th>exercise</th><th>result</th><th>points</th></tr>{rows}</table>"
    sections = "".join(
        f"<h2>{titles[m.exercise]}</h2><p>{_with_marks(_said(m)) or WORDS[m.status].capitalize() + '.'}</p>"
        for m in student.marks
    )
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in student.notes)
    ran = f"<h2>As your notebook ran</h2><ul>{notes}</ul>" if notes else ""
    return page(f"Feedback on {assignment.name}", head + total + table + sections + ran)


def page(title: str, body: str) -> str:
    """A page of HTML that stands alone; `body` is HTML, `title` is text."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:\">"
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def plain(text: str) -> str:
    """Text for Markdown, none of which is taken as markup."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>&~$-])", r"\\\1", " ".join(text.split()))


def _titles(assignment: Assignment) -> dict[str, str]:
    return {item.exercise: item.load().title for item in assignment.items}


def _said(mark: Mark) -> str:
    """The message, without the title that stands above it."""
    _, found, rest = mark.message.partition(": not yet. ")
    if found:
        return rest
    _, found, rest = mark.message.partition(": right.")
    return f"Right.{rest}" if found and mark.status == "ok" else mark.message


def _is_ours(mark: Mark) -> bool:
    """Whether the message is the course's own Markdown, such as a hint, and not what a student wrote."""
    return mark.misconception is not None or mark.status in ("ok", "unanswered")


def _is_undecided(student: StudentMarks) -> bool:
    return bool(student.problem) and any(mark.status in UNDECIDED for mark in student.marks)


def _handed_in(student: StudentMarks) -> str:
    return f", handed in on {readable_time(student.handed_in)}" if student.handed_in else ""


def readable_time(text: str) -> str:
    """A time in ISO 8601 as people write it, "27 November 2026, 18:06 UTC"; anything else as it is."""
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = "UTC" if time.utcoffset() in (None, datetime.timedelta()) else f"UTC{time:%z}"
    return f"{time.day} {time:%B %Y, %H:%M} {zone}"


def _with_marks(text: str) -> str:
    """Text as HTML, its `code` and *emphasis* kept and nothing else."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?!\w)", r"<em>\1</em>", text)
