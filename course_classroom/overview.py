"""The overview page for the instructor: results, common misunderstandings, and what needs a person."""

from __future__ import annotations

import html
import io
import statistics
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_classroom.assignment import Assignment, counted
from course_classroom.feedback import page, plain
from course_classroom.marks import STATUSES, StudentMarks, file_name
from course_classroom.submissions import Found
from course_lib.plots import COLOURS, INK

MOST_BARS = 8
MISCONCEPTIONS = "Commonest misconceptions"
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


def unrecognised(everyone: Sequence[StudentMarks]) -> list[tuple[str, str, list[str]]]:
    """Exercise, what was said, and the students of wrong answers that show no known misconception.

    Answers of which the same was said stand together, the largest group first.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for student in everyone:
        for mark in student.marks:
            if mark.status == "wrong" and mark.misconception is None:
                said = mark.message.partition(": not yet. ")[2] or mark.message
                groups.setdefault((mark.exercise, said), []).append(student.student)
    listed = [(exercise, said, students) for (exercise, said), students in groups.items()]
    return sorted(listed, key=lambda group: (-len(group[2]), group[0], group[1]))


def as_markdown(assignment: Assignment, everyone: Sequence[StudentMarks], found: Found | None = None) -> str:
    """The overview as Markdown; `FIGURE_NAME` lies beside it.

    Args:
        assignment: what was marked.
        everyone: all students' marks, at least one.
        found: what else lay among the submissions.
    """
    lines = [
        f"# {assignment.name}: overview",
        "",
        _sentence(everyone),
        "",
        f"![{_finding(everyone)}]({FIGURE_NAME})",
    ]
    lines += ["", "| exercise | points | " + " | ".join(STATUSES) + " |", "|---" * (len(STATUSES) + 2) + "|"]
    points = {item.exercise: item.points for item in assignment.items}
    for exercise, counts in statuses_by_exercise(assignment, everyone).items():
        cells = " | ".join(str(counts[status]) for status in STATUSES)
        lines.append(f"| {exercise} | {points[exercise]} | {cells} |")
    for title, entries, nothing in _lists(assignment, everyone, found):
        lines += ["", f"## {title}", "", *(_listed(title, entries) or [nothing])]
    head = " | ".join(item.exercise for item in assignment.items)
    lines += ["", "## Students", "", f"| student | {head} | total |", "|---" * (len(points) + 2) + "|"]
    for student in everyone:
        cells = " | ".join(f"{mark.points:g}" for mark in student.marks)
        link = f"[{plain(student.student)}]({_address(student, 'md')})"
        lines.append(f"| {link} | {cells} | {student.total:g} of {student.of} |")
    return "\n".join([*lines, ""])


def as_html(assignment: Assignment, everyone: Sequence[StudentMarks], found: Found | None = None) -> str:
    """The overview as a page with links to each student's feedback; see `as_markdown`."""
    finding = html.escape(_finding(everyone))
    parts = [f"<h1>{html.escape(assignment.name)}: overview</h1><p>{html.escape(_sentence(everyone))}</p>"]
    parts.append(f'<p><img src="{FIGURE_NAME}" alt="{finding}"></p>')
    head = "".join(f"<th>{status}</th>" for status in ("exercise", "points", *STATUSES))
    parts.append(f'<div class="wide"><table><tr>{head}</tr>')
    points = {item.exercise: item.points for item in assignment.items}
    for exercise, counts in statuses_by_exercise(assignment, everyone).items():
        numbers = [points[exercise], *(counts[status] for status in STATUSES)]
        cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
        parts.append(f"<tr><td>{html.escape(exercise)}</td>{cells}</tr>")
    parts.append("</table></div>")
    for title, entries, nothing in _lists(assignment, everyone, found):
        listed = "".join(f"<li>{html.escape(entry)}</li>" for entry in entries)
        parts.append(f"<h2>{title}</h2>" + (f"<ul>{listed}</ul>" if entries else f"<p>{nothing}</p>"))
    head = "".join(f"<th>{html.escape(item.exercise)}</th>" for item in assignment.items)
    parts.append(f'<h2>Students</h2><div class="wide"><table><tr><th>student</th>{head}<th>total</th></tr>')
    for student in everyone:
        cells = "".join(f'<td class="number">{mark.points:g}</td>' for mark in student.marks)
        link = f'<a href="{html.escape(_address(student, "html"))}">{html.escape(student.student)}</a>'
        total = f'<td class="number">{student.total:g} of {student.of}</td>'
        parts.append(f"<tr><td>{link}</td>{cells}{total}</tr>")
    parts.append("</table></div>")
    return page(f"{assignment.name}: overview", "".join(parts))


def _listed(title: str, entries: list[str]) -> list[str]:
    """Entries as Markdown: hints are the course's own, and nothing else is taken for markup."""
    return [f"- {entry if title == MISCONCEPTIONS else plain(entry)}" for entry in entries]


def _lists(
    assignment: Assignment, everyone: Sequence[StudentMarks], found: Found | None
) -> list[tuple[str, list[str], str]]:
    """The overview's lists: title, entries, and what stands there if there are none."""
    hints = _hints(assignment)
    mistakes = [
        f"{count} × {exercise}, {name}: {hints[exercise][name]}"
        for exercise, name, count in commonest_misconceptions(everyone)
    ]
    others = [
        f"{len(students)} × {exercise}: {said} ({', '.join(students)})"
        for exercise, said, students in unrecognised(everyone)
    ]
    needs = [f"{student.student}: {line}" for student in everyone for line in student.needs_a_person]
    lists = [
        (MISCONCEPTIONS, mistakes, "None was recognised."),
        ("Wrong in other ways", others, "Nothing: each wrong answer showed a known misconception."),
        ("What needs a person", needs, "Nothing: all was marked."),
    ]
    decisions = [f"{student.student}: {line}" for student in everyone for line in student.decisions]
    passed_over = list(found.passed_over) if found else []
    nobody = list(found.without_student) if found else []
    also = (
        ("Decided by a person", decisions),
        ("Files that belong to no student", passed_over),
        ("Times for nobody who handed in", nobody),
    )
    return lists + [(title, entries, "") for title, entries in also if entries]


def _address(student: StudentMarks, ending: str) -> str:
    """Where a student's feedback lies, seen from the overview."""
    return f"feedback/{quote(file_name(student.student))}.{ending}"


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
            for text in (ax.xaxis.label, ax.yaxis.label, *ax.texts):
                text.set_color(INK)
        content = io.BytesIO()
        drawn.savefig(content, format="svg", metadata={"Date": None}, transparent=True)
    return content.getvalue()


def _draw_totals(ax: Axes, everyone: Sequence[StudentMarks]) -> None:
    highest = max(student.of for student in everyone)
    counts = Counter(int(student.total) for student in everyone)  # a half point counts with the whole below
    ax.bar(range(highest + 1), [counts[points] for points in range(highest + 1)], color=COLOURS["data"])
    ax.set(xlabel=f"points, of {highest}", ylabel="students")
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_title(
        f"Half the class has {_median(everyone):g} points or more", loc="left", fontsize=10.5, color=INK
    )


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
    ax.set_title(title, loc="left", fontsize=10.5, color=INK)


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
        f"{counted(len(everyone), 'submission')}. Mean {statistics.mean(totals):.2f}, "
        f"median {_median(everyone):g}, "
        f"lowest {min(totals):g}, highest {max(totals):g} of {max(s.of for s in everyone)} points; "
        f"{needs} {'needs' if needs == 1 else 'need'} a person."
    )


def _hints(assignment: Assignment) -> dict[str, dict[str, str]]:
    return {
        item.exercise: {name: m.hint for name, m in item.load().misconceptions.items()}
        for item in assignment.items
    }
