"""The page for the instructor: how the class did, what it misunderstands, and what needs a person."""

from __future__ import annotations

import html
import io
import statistics
from collections import Counter
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.classroom.assignment import Assignment
from course_lib.classroom.feedback import page, plain
from course_lib.classroom.marks import STATUSES, StudentMarks
from course_lib.plots import COLOURS, INK

MOST_BARS = 8
FIGURE_NAME = "overview.svg"


def commonest_misconceptions(everyone: Sequence[StudentMarks]) -> list[tuple[str, str, int]]:
    """Exercise, misconception, and how many students showed it; the commonest first."""
    counts = Counter(
        (mark.exercise, mark.misconception) for s in everyone for mark in s.marks if mark.misconception
    )
    return [
        (exercise, name, n) for (exercise, name), n in sorted(counts.items(), key=lambda x: (-x[1], x[0]))
    ]


def statuses_by_exercise(assignment: Assignment, everyone: Sequence[StudentMarks]) -> dict[str, Counter[str]]:
    """How many students got which status, by exercise."""
    return {
        item.exercise: Counter(m.status for s in everyone for m in s.marks if m.exercise == item.exercise)
        for item in assignment.items
    }


def as_markdown(assignment: Assignment, everyone: Sequence[StudentMarks]) -> str:
    """The overview as Markdown; `FIGURE_NAME` lies beside it.

    Args:
        assignment: what was marked.
        everyone: all students' marks, at least one.

    Taught in: "For instructors".
    """
    lines = [
        f"# {assignment.name}: overview",
        "",
        _sentence(everyone),
        "",
        f"![{_finding(everyone)}]({FIGURE_NAME})",
    ]
    lines += ["", "| exercise | " + " | ".join(STATUSES) + " |", "|---" * (len(STATUSES) + 1) + "|"]
    for exercise, counts in statuses_by_exercise(assignment, everyone).items():
        lines.append(f"| {exercise} | " + " | ".join(str(counts[status]) for status in STATUSES) + " |")
    lines += ["", "## Commonest misconceptions", ""]
    hints = _hints(assignment)
    for exercise, name, count in commonest_misconceptions(everyone):
        lines.append(f"- {count} × {exercise}, {name}: {hints[exercise][name]}")
    lines += [] if commonest_misconceptions(everyone) else ["None was recognised."]
    lines += ["", "## What needs a person", ""]
    needs = [(s.student, line) for s in everyone for line in s.needs_a_person]
    lines += [f"- {plain(student)}: {plain(line)}" for student, line in needs] or ["Nothing: all was marked."]
    return "\n".join([*lines, ""])


def as_html(assignment: Assignment, everyone: Sequence[StudentMarks]) -> str:
    """The overview as a page with links to each student's feedback; see `as_markdown`."""
    finding = html.escape(_finding(everyone))
    parts = [f"<h1>{html.escape(assignment.name)}: overview</h1><p>{html.escape(_sentence(everyone))}</p>"]
    parts.append(f'<p><img src="{FIGURE_NAME}" alt="{finding}"></p>')
    head = "".join(f"<th>{status}</th>" for status in ("exercise", *STATUSES))
    parts.append(f"<table><tr>{head}</tr>")
    for exercise, counts in statuses_by_exercise(assignment, everyone).items():
        cells = "".join(f'<td class="number">{counts[status]}</td>' for status in STATUSES)
        parts.append(f"<tr><td>{html.escape(exercise)}</td>{cells}</tr>")
    parts.append("</table><h2>Commonest misconceptions</h2><ul>")
    hints = _hints(assignment)
    for exercise, name, count in commonest_misconceptions(everyone):
        parts.append(f"<li>{count} × {html.escape(f'{exercise}, {name}: {hints[exercise][name]}')}</li>")
    parts.append("</ul><h2>What needs a person</h2><ul>")
    for student in everyone:
        for line in student.needs_a_person:
            parts.append(f"<li>{html.escape(f'{student.student}: {line}')}</li>")
    parts.append("</ul><h2>Students</h2><table><tr><th>student</th><th>points</th></tr>")
    for student in everyone:
        points = f"{student.total} of {student.of}"
        parts.append(f"<tr><td>{html.escape(student.student)}</td><td>{points}</td></tr>")
    parts.append("</table>")
    return page(f"{assignment.name}: overview", "".join(parts))


def figure(everyone: Sequence[StudentMarks]) -> bytes:
    """The figure of the overview as SVG: students by points, and the commonest misconceptions.

    The same marks give the same bytes. Text and axes are grey, legible on a light page and on a dark one.
    """
    with matplotlib.rc_context({"svg.hashsalt": "marks", "svg.fonttype": "none", "font.size": 10}):
        drawn = Figure(figsize=(9.6, 3.6), layout="constrained", facecolor="none")
        totals, mistakes = drawn.subplots(1, 2, width_ratios=(2, 3))
        _draw_totals(totals, everyone)
        _draw_misconceptions(mistakes, commonest_misconceptions(everyone)[:MOST_BARS])
        for ax in (totals, mistakes):
            ax.set_facecolor("none")
            ax.spines[["top", "right"]].set_visible(False)
            ax.spines[["left", "bottom"]].set_color(INK)
            ax.tick_params(colors=INK)
            for text in (ax.xaxis.label, ax.yaxis.label, ax.title, *ax.texts):
                text.set_color(INK)
        content = io.BytesIO()
        drawn.savefig(content, format="svg", metadata={"Date": None}, transparent=True)
    return content.getvalue()


def _draw_totals(ax: Axes, everyone: Sequence[StudentMarks]) -> None:
    highest = max(student.of for student in everyone)
    counts = Counter(student.total for student in everyone)
    ax.bar(range(highest + 1), [counts[points] for points in range(highest + 1)], color=COLOURS["data"])
    ax.set(xlabel=f"points, of {highest}", ylabel="students")
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_title(f"Half the class has {_median(everyone):g} points or more", loc="left", fontsize=10.5)


def _draw_misconceptions(ax: Axes, commonest: list[tuple[str, str, int]]) -> None:
    names = [f"{name}\n{exercise.partition('/')[2]}" for exercise, name, _ in reversed(commonest)]
    ax.barh(names, [count for *_, count in reversed(commonest)], color=COLOURS["gradient"])
    ax.set(xlabel="students")
    ax.xaxis.get_major_locator().set_params(integer=True)
    title = (
        f"Commonest: {commonest[0][1]} ({commonest[0][2]})"
        if commonest
        else "No misconception was recognised"
    )
    ax.set_title(title, loc="left", fontsize=10.5)


def _median(everyone: Sequence[StudentMarks]) -> float:
    return statistics.median(student.total for student in everyone)


def _finding(everyone: Sequence[StudentMarks]) -> str:
    commonest = commonest_misconceptions(everyone)
    said = (
        f"the commonest misconception is {commonest[0][1]}"
        if commonest
        else "no misconception was recognised"
    )
    return f"Two bar charts: half the class has {_median(everyone):g} points or more; {said}."


def _sentence(everyone: Sequence[StudentMarks]) -> str:
    totals = [student.total for student in everyone]
    needs = sum(bool(student.needs_a_person) for student in everyone)
    return (
        f"{len(everyone)} submissions. Mean {statistics.mean(totals):.2f}, median {_median(everyone):g}, "
        f"lowest {min(totals)}, highest {max(totals)} of {max(s.of for s in everyone)} points; "
        f"{needs} need a person."
    )


def _hints(assignment: Assignment) -> dict[str, dict[str, str]]:
    return {
        item.exercise: {name: m.hint for name, m in item.load().misconceptions.items()}
        for item in assignment.items
    }
