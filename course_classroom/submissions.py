"""Submissions: found, and read as untrusted notebooks and zips.

No link is followed on any part of a path: folders are opened one inside the other, and none if it is a link.
A zip is read where it lies; nothing is unpacked, so nothing in it can be written anywhere.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import hashlib
import io
import json
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from course_classroom.assignment import Assignment

LARGEST_NOTEBOOK = 20 * 2**20
LARGEST_ZIP = 100 * 2**20
MOST_CELLS = 1000
MOST_FILES = 2000  # looked at below one student's folder
DEEPEST = 12
EARLIEST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)  # no copy of this kit is older
AHEAD = datetime.timedelta(hours=1)  # that a clock may be wrong by
# How learning platforms name what is downloaded from them: Moodle's folders and files, Canvas's files.
MOODLE = re.compile(r"(?P<student>.+)_(?P<number>\d+)_assignsubmission_[a-z]+_.*", re.DOTALL)
CANVAS = re.compile(r"(?P<student>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_.+", re.DOTALL)


class Unreadable(ValueError):
    """A file that is no notebook of this assignment; the message says why."""


@dataclass(frozen=True)
class File:
    """One file of a submission.

    Attributes:
        name: its path within the submission.
        read: gives its content; raises `Unreadable` where it is a link, no plain file or too large.
        written: when it was last written, in UTC; None if nobody knows.
        link: whether it is a link, which is not followed.
    """

    name: str
    read: Callable[[], bytes] = field(repr=False)
    written: datetime.datetime | None = None
    link: bool = False


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes:
        student: the id, as the folder or the file is named, or as a pattern finds it in there.
        file: the notebook, or None where there is not exactly one.
        handed_in: when, in UTC; None if nobody knows.
        status: "unreadable" or "missing" where it cannot be marked at all, else None.
        problem: why, in words.
        doubt: what is odd about the time, or "".
    """

    student: str
    file: File | None
    handed_in: datetime.datetime | None = None
    status: Literal["unreadable", "missing"] | None = None
    problem: str = ""
    doubt: str = ""

    @property
    def when(self) -> str:
        """The time in ISO 8601, or "" where nobody knows."""
        return "" if self.handed_in is None else self.handed_in.isoformat()


@dataclass(frozen=True)
class Cell:
    """A code cell: its number among all cells from 1, its source, and the exercise it answers, if any."""

    number: int
    source: str
    exercise: str | None


@dataclass(frozen=True)
class Found:
    """What lies below a folder of submissions.

    Attributes:
        submissions: one per student, in the order of their ids.
        passed_over: files that belong to no student.
        without_student: ids for which a time was given, and that nobody has.
    """

    submissions: list[Submission]
    passed_over: list[str] = field(default_factory=list)
    without_student: list[str] = field(default_factory=list)


def find(folder: Path, name: str, times: dict[str, datetime.datetime] | None = None) -> list[Submission]:
    """List the submissions below a folder; see `look_through`, which also tells what else lies there."""
    return look_through(folder, name, times).submissions


def look_through(
    folder: Path,
    name: str,
    times: dict[str, datetime.datetime] | None = None,
    pattern: re.Pattern[str] | None = None,
    released: datetime.datetime | None = None,
) -> Found:
    """List what was handed in below a folder, or in a zip of one.

    A student is a folder that holds ``<name>.ipynb``, ``<name>/<name>.ipynb`` or one notebook of any name, or
    is a file ``<student>.ipynb`` or ``<student>.zip``. A folder may hold a zip instead of a notebook. Names
    of Moodle's and Canvas's are recognised. Hidden files, and what macOS adds to a zip, are passed over.

    Args:
        folder: the folder, or the zip, of submissions.
        name: the assignment's.
        times: by student, when they handed in; by default, when the file was last written.
        pattern: finds the group ``student`` in the name of a folder or file; what it does not match is passed
            over.
        released: before which nothing can have been handed in.

    Raises:
        ValueError: if `folder` is neither, or holds no submission.
    """
    if not folder.is_dir() and not folder.is_file():
        raise ValueError(f"submissions must be a folder or a zip, got {folder}")
    entries: dict[str, list[File]] = {}
    try:
        files = _below(folder.resolve()) if folder.is_dir() else _in_zip(File(folder.name, folder.read_bytes))
        for file in files:
            entries.setdefault(file.name.partition("/")[0], []).append(file)
    except Unreadable as error:
        raise ValueError(f"submissions must be a folder or a zip: {error}") from error
    if folder.is_dir():
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False) and not _is_hidden(entry.name):
                entries.setdefault(_text(entry.name), [])
    passed_over, by_student = [], {}
    ids = _ids(sorted(entries), pattern)
    for entry, files in sorted(entries.items()):
        student = ids[entry]
        if student is None or _is_stray(entry, files):
            passed_over.append(entry)
            continue
        submission = _of_entry(entry, student, files, name)
        key = unicodedata.normalize("NFC", student).casefold()
        by_student.setdefault(key, []).append(_dated(submission, times, released))
    if not by_student:
        raise ValueError(f"submissions must hold at least one, {folder} is empty")
    submissions = [_only(same) for _, same in sorted(by_student.items())]
    known = {submission.student for submission in submissions}
    return Found(submissions, passed_over, sorted(set(times or ()) - known))


def read_times(path: Path) -> dict[str, datetime.datetime]:
    """Read when students handed in, from a CSV with the columns ``student`` and ``handed_in`` (ISO 8601).

    A time without a zone is taken as UTC.

    Raises:
        OSError: if the file cannot be opened.
        ValueError: naming the line that is wrong.
    """
    times = {}
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"student", "handed_in"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} must have the columns student and handed_in, got {rows.fieldnames}")
        for row in rows:
            try:
                time = datetime.datetime.fromisoformat(row["handed_in"])
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"{path}, line {rows.line_num}: handed_in must be a time such as 2027-01-31T23:59:00Z, "
                    f"got {row['handed_in']!r}"
                ) from error
            times[row["student"]] = time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
    return times


def read_notebook(path: Path | File, assignment: Assignment) -> tuple[list[Cell], str]:
    """The code cells of a submission, checks left out, and the SHA-256 of the file.

    A check's cell that sets an answer itself is one of the answer's cells. Where a notebook has lost what
    says which assignment it is of, it is taken for this one if it sets one of its answers.

    Args:
        path: a regular file of at most 20 MiB, or a file that `look_through` found.
        assignment: what it should be a notebook of.

    Raises:
        Unreadable: if it is a link or no plain file, too large, no JSON, no notebook of format 4, of another
            assignment, or has more than 1000 cells.
    """
    file = path if isinstance(path, File) else _file(path)
    name, content = file.name.rpartition("/")[2], file.read()
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{name} is not a notebook: it is not JSON") from error
    if (
        not isinstance(notebook, dict)
        or notebook.get("nbformat") != 4
        or not isinstance(notebook.get("cells"), list)
    ):
        raise Unreadable(f"{name} is not a notebook of format 4")
    if len(notebook["cells"]) > MOST_CELLS:
        raise Unreadable(f"{name} has {len(notebook['cells'])} cells; {MOST_CELLS} is the most")
    symbols = {item.exercise: item.symbol for item in assignment.items}
    cells = [_cell(number, cell, symbols) for number, cell in enumerate(notebook["cells"], start=1)]
    kept = [cell for cell in cells if cell is not None]
    given = _course(notebook).get("assignment")
    if given is not None and given != assignment.name:
        raise Unreadable(f"{name} belongs to assignment {str(given)[:60]!r}, not {assignment.name!r}")
    answers = any(cell.exercise or any(_sets(cell.source, s) for s in symbols.values()) for cell in kept)
    if given is None and not answers:
        raise Unreadable(
            f"{name} does not say which assignment it belongs to, and answers none of {assignment.name!r}"
        )
    return kept, hashlib.sha256(content).hexdigest()


def _ids(names: list[str], pattern: re.Pattern[str] | None) -> dict[str, str | None]:
    """The student of each entry; None where a pattern finds none. Namesakes keep their number."""
    plain, numbers = {}, {}
    for name in names:
        stem = re.sub(r"\.(ipynb|zip)$", "", name)
        if pattern is not None:
            match = pattern.search(stem) or pattern.search(name)
            plain[name] = match["student"] if match else None
            continue
        match = MOODLE.fullmatch(name) or (CANVAS.fullmatch(name) if stem != name else None)
        plain[name] = match["student"] if match else stem
        numbers[name] = match["number"] if match else ""
    by_student: dict[str | None, set[str]] = {}
    for name, student in plain.items():
        by_student.setdefault(student, set()).add(numbers.get(name, ""))
    return {
        name: f"{student}_{numbers[name]}" if len(by_student[student]) > 1 and numbers.get(name) else student
        for name, student in plain.items()
    }


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_stray(entry: str, files: list[File]) -> bool:
    """Whether an entry is a file that is no hand-in: neither a notebook nor a zip."""
    alone = len(files) == 1 and files[0].name == entry and not files[0].link
    return alone and not entry.endswith((".ipynb", ".zip"))


def _of_entry(entry: str, student: str, files: list[File], name: str) -> Submission:
    """What a student's folder or file holds; whatever is the matter with it stays with this student."""
    try:
        if [file.name for file in files] == [entry] and files[0].link:
            problem = f"{entry} is a link, which is not followed"
            return Submission(student, None, status="unreadable", problem=problem)
        notebooks = [file for file in files if file.name.endswith(".ipynb")]
        for file in files:
            if file.name.endswith(".zip") and not file.link and not notebooks:
                notebooks += [f for f in _in_zip(file) if f.name.endswith(".ipynb")]
    except Unreadable as error:
        return Submission(student, None, status="unreadable", problem=str(error))
    wanted = (entry, f"{entry}/{name}.ipynb", f"{entry}/{name}/{name}.ipynb")
    chosen = [file for file in notebooks if file.name in wanted] or notebooks
    if len(chosen) == 1:
        return Submission(student, chosen[0])
    if not chosen:
        links = [file.name for file in files if file.link]
        if links:
            problem = f"{links[0].partition('/')[2]} is a link, which is not followed"
            return Submission(student, None, status="unreadable", problem=problem)
        where = "zip" if entry.endswith(".zip") else "folder"
        return Submission(student, None, status="missing", problem=f"the {where} holds no notebook")
    listed = ", ".join(sorted(file.name.removeprefix(f"{entry}/") for file in chosen)[:5])
    problem = f"several notebooks were handed in: {listed}"
    return Submission(student, None, status="unreadable", problem=problem)


def _dated(
    submission: Submission,
    times: dict[str, datetime.datetime] | None,
    released: datetime.datetime | None,
) -> Submission:
    """The submission with its time, and with what is odd about that."""
    student, file = submission.student, submission.file
    known = (times or {}).get(student)
    when = known or (file.written if file else None)
    doubt = ""
    if times and known is None and file:
        doubt = "no time is given for this student: the file's own was taken"
    if when is not None and when > datetime.datetime.now(datetime.UTC) + AHEAD:
        doubt = f"handed in at {when.isoformat()}, which is in the future"
    if when is not None and when < (released or EARLIEST):
        doubt = f"handed in at {when.isoformat()}, before the assignment was released"
    status, problem = submission.status, submission.problem
    return Submission(student, file, when, status, problem, doubt)


def _only(submissions: list[Submission]) -> Submission:
    if len(submissions) == 1:
        return submissions[0]
    places = [s.file.name if s.file else s.student for s in submissions]
    problem = f"handed in {len(submissions)} times under one id: {', '.join(places)}"
    return Submission(submissions[0].student, None, status="unreadable", problem=problem)


def _text(name: str) -> str:
    """A file's name as text that can be written anywhere, whatever bytes it has."""
    return os.fsencode(name).decode("utf-8", "replace")


def _below(folder: Path) -> Iterator[File]:
    """The files below a folder, links among them but not what they lead to."""
    yield from _walk(folder, ())


def _walk(root: Path, parts: tuple[str, ...]) -> Iterator[File]:
    """The files below `root`/`parts`, at most MOST_FILES in each entry of `root`."""
    count = 0
    try:
        entries = sorted(os.scandir(root.joinpath(*parts)), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        inner = (*parts, entry.name)
        hidden = entry.name.startswith("__MACOSX") or entry.name.startswith(".")
        if hidden or count > MOST_FILES:
            continue
        if entry.is_dir(follow_symlinks=False):
            if len(inner) <= DEEPEST:
                for file in _walk(root, inner):
                    yield file
                    count += bool(parts)
            if entry.name.endswith(".ipynb"):
                yield _file_at(root, inner)
        else:
            count += bool(parts)
            yield _file_at(root, inner)


def _file(path: Path) -> File:
    return _file_at(path.parent.resolve(), (path.name,))


def _file_at(root: Path, parts: tuple[str, ...]) -> File:
    written, link = None, False
    with contextlib.suppress(OSError, OverflowError, ValueError):
        about = root.joinpath(*parts).lstat()
        link = stat.S_ISLNK(about.st_mode)
        written = datetime.datetime.fromtimestamp(int(about.st_mtime), datetime.UTC)
    return File(_text("/".join(parts)), lambda: _bytes(root, parts), written, link)


def _bytes(root: Path, parts: tuple[str, ...]) -> bytes:
    """All of a regular file, each part of whose path below `root` is opened from the one before, no link."""
    name = _text(parts[-1])
    most = LARGEST_ZIP if name.endswith(".zip") else LARGEST_NOTEBOOK
    no_link = getattr(os, "O_NOFOLLOW", 0)
    with contextlib.ExitStack() as opened:
        place: int | None = None
        try:
            if os.open in os.supports_dir_fd and no_link:
                place = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
                opened.callback(os.close, place)
                for part in parts[:-1]:
                    place = os.open(part, os.O_RDONLY | os.O_DIRECTORY | no_link, dir_fd=place)
                    opened.callback(os.close, place)
                handle = os.open(parts[-1], os.O_RDONLY | no_link | os.O_NONBLOCK, dir_fd=place)
            else:
                whole = root.joinpath(*parts)
                if whole.resolve() != whole:
                    raise Unreadable(f"{name} is a link, which is not followed")
                handle = os.open(whole, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            opened.callback(os.close, handle)
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                raise Unreadable(f"{name} is not a file")
            if about.st_size > most:
                raise Unreadable(f"{name} has {about.st_size // 2**20} MiB; {most // 2**20} MiB is the most")
            with os.fdopen(os.dup(handle), "rb") as file:
                return file.read(most + 1)
        except OSError as error:
            linked = any(root.joinpath(*parts[:n]).is_symlink() for n in range(1, len(parts) + 1))
            reason = "is a link, which is not followed" if linked else f"cannot be opened ({error.strerror})"
            raise Unreadable(f"{name} {reason}") from error


def _in_zip(file: File) -> Iterator[File]:
    """The files in a zip, as if it were a folder of its name's; links and paths that lead out are left out.

    Raises:
        Unreadable: if it is no zip.
    """
    content = file.read()
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        members = archive.infolist()[: 10 * MOST_FILES]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"{file.name.rpartition('/')[2]} is not a zip that can be read") from error
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        leads_out = ".." in parts or parts[0] == "" or ":" in parts[0]
        hidden = any(_is_hidden(part) for part in parts)
        if member.is_dir() or leads_out or hidden:
            continue
        link = stat.S_ISLNK(member.external_attr >> 16)
        written = None
        with contextlib.suppress(ValueError):
            written = datetime.datetime(*member.date_time, tzinfo=datetime.UTC)
        yield File(member.filename, _unzipped(archive, member, link), file.written or written, link)


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo, link: bool) -> Callable[[], bytes]:
    name = member.filename.rpartition("/")[2]
    most = LARGEST_ZIP if name.endswith(".zip") else LARGEST_NOTEBOOK

    def read() -> bytes:
        if link:
            raise Unreadable(f"{name} is a link, which is not followed")
        try:
            with archive.open(member) as inside:
                content = inside.read(most + 1)  # whatever size it claims to have
        except (
            zipfile.BadZipFile,
            OSError,
            EOFError,
            RuntimeError,
            NotImplementedError,
            zlib.error,
        ) as error:
            raise Unreadable(f"{name} cannot be unzipped") from error
        if len(content) > most:
            raise Unreadable(f"{name} has more than {most // 2**20} MiB, which is the most")
        return content

    return read


def _course(thing: dict[str, Any]) -> dict[str, Any]:
    """The course's own part of the metadata of a notebook or cell; empty where there is none."""
    part: Any = thing
    for key in ("metadata", "course_lib"):
        part = part.get(key) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else {}


def _cell(number: int, cell: Any, symbols: dict[str, str]) -> Cell | None:
    """The code cell, or None for what is not run: text, and the checks that the student was given."""
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return None
    source, course = cell.get("source"), _course(cell)
    source = "".join(map(str, source)) if isinstance(source, list) else source
    if not isinstance(source, str):
        return None
    exercise = course.get("exercise")
    known = exercise if isinstance(exercise, str) and exercise in symbols else None
    if course.get("role") in ("check", "question"):
        return Cell(number, source, known) if any(_sets(source, s) for s in symbols.values()) else None
    return Cell(number, source, known if course.get("role") == "answer" else None)


def _sets(source: str, symbol: str) -> bool:
    """Whether a cell's text looks as if it set a name: Python need not be able to read it."""
    name = re.escape(symbol)
    definition = rf"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+{name}\b"
    return (
        re.search(rf"{definition}|^[ \t]*{name}[ \t]*(?::[^=\n]+)?=(?!=)", source, re.MULTILINE) is not None
    )
