"""The editions of the book, and the student's: it gives nothing away, and hands out the exercises."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import built_site
import editions
import given_away
import pytest
from sphinx.errors import ConfigError
from zero_book import edition, handout, solutions

from course_classroom.__main__ import main
from course_classroom.chapter_exercises import load
from course_exercises.exercise import BOOK_SEED

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = [name for name, stubs in editions.BY_CHAPTER.items() if stubs]


@pytest.fixture(scope="module")
def student() -> Path:
    """The student edition, built as a person builds it."""
    built = editions.make("book", "EDITION=student")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr[-4000:]
    assert built.stdout.splitlines()[-1] == "The book: _build/student/index.html"
    return ROOT / "_build" / "student"


# --- which edition ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["teacher", "student instructor", "Student"])
def test_make_knows_no_other_edition(name: str):
    refused = editions.make("book", f"EDITION={name}")
    assert refused.returncode == 2
    assert not refused.stdout
    (line,) = refused.stderr.splitlines()
    assert f"EDITION must be student, instructor or left out, got '{name}'" in line


def test_each_edition_has_a_folder_of_its_own():
    """Pages as read differ, so what Sphinx keeps of them must not be shared either."""
    commands = {
        name: editions.make("-n", "book", f"EDITION={name}").stdout for name in ("", "student", "instructor")
    }
    assert "--path-output .\n" in commands[""]
    assert "rm " not in commands[""]
    for name in ("student", "instructor"):
        assert f"BOOK_EDITION={name} " in commands[name]
        assert f"--path-output _build/.{name}\n" in commands[name]
        assert commands[name].splitlines()[-1] == f'echo "The book: _build/{name}/index.html"'


@pytest.mark.parametrize("name", ["", "student", "instructor"])
def test_the_environment_names_the_edition(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(edition.VARIABLE, name)
    assert edition.from_environment() == name


def test_an_edition_that_is_none_stops_the_build(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(edition.VARIABLE, "teacher")
    with pytest.raises(ConfigError, match="must be 'student', 'instructor' or empty, got 'teacher'"):
        edition.from_environment()


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("", [["dropdown", "solution"]]),
        ("student", []),
        ("instructor", [["dropdown", "solution"], ["dropdown", "marking"]]),
    ],
)
def test_what_stands_below_an_exercise(name: str, classes: list[list[str]]):
    boxes, _ = solutions.boxes_below("ex-autograd-central-slope", name)
    assert [box["classes"] for box in boxes] == classes
    with pytest.raises(LookupError, match="ex-autograd-nothing"):
        solutions.boxes_below("ex-autograd-nothing", name)


def test_every_page_says_which_edition_it_is(site: Path, student: Path):
    assert editions.labels(site) == {""}
    assert editions.labels(student) == {"Student edition"}


# --- the student's ------------------------------------------------------------------------------------------


def test_the_student_edition_gives_nothing_away(student: Path):
    found = given_away.leaks(student)
    assert not any(found.values()), found


def test_the_search_of_the_student_edition_gives_nothing_away(student: Path):
    assert not given_away.searched_words(student)


def test_what_is_searched_for_would_be_found(site: Path):
    """The readers' book shows every solution, so the search is no empty one."""
    every = {stub.exercise for stub in given_away.ALL}
    found = given_away.leaks(site)
    assert {leak.exercise for leak in found["solutions"]} == every
    reasons = {given_away.plain(given_away.load(stub.exercise).reason or "") for stub in given_away.ALL}
    assert {leak.what for leak in found["hints"]} <= reasons, "a solution gives its reason, and no hint"
    assert not found["names"]
    chapters = {path.stem for path in given_away.NOTEBOOKS if path.stem[:2].isdigit()}
    assert {leak.file for leak in given_away.searched_words(site)} == chapters


def test_a_solution_in_a_download_or_a_script_would_be_found(tmp_path: Path):
    stub = next(stub for stub in given_away.ALL if stub.exercise == "autograd/central_slope")
    line = max(given_away.secret_lines(stub), key=len)
    hint = max(given_away.secret_hints(stub), key=len)
    (tmp_path / "a.js").write_text(f"x = '{line}';", "utf8")
    (tmp_path / "b.ipynb").write_text(json.dumps({"cells": [{"source": ["# so\n", line]}]}), "utf8")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("c/DATA.md", f"Some say: {hint}")
    found = given_away.leaks(tmp_path)
    assert {leak.file for leak in found["solutions"]} == {"a.js", "b.ipynb"}
    assert {leak.file for leak in found["hints"]} == {"c.zip/c/DATA.md"}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_hands_out_its_exercises(student: Path, chapter: str):
    page = editions.article(student, chapter)
    assert not page.find_all(class_=["solution", "marking"])
    (said,) = page.find_all(class_="handout")
    assert said.find_next(class_="exercise") is page.find(class_="exercise")
    zipped = (student / "notebooks" / said.find("a", download=True)["href"]).resolve()
    with zipfile.ZipFile(zipped) as archive:
        name = zipped.stem
        assert {Path(member).name for member in archive.namelist()} == {
            f"{name}.ipynb",
            "DATA.md",
            "checker.py",
        }
        notebook = json.loads(archive.read(f"{name}/{name}.ipynb"))
    asked = [
        cell["metadata"]["course_lib"]["exercise"]
        for cell in notebook["cells"]
        if cell["metadata"].get("course_lib", {}).get("role") == "answer"
    ]
    on_page = [solutions.name_of(box["id"]) for box in page.find_all(class_="exercise")]
    assert asked == on_page
    points = sum(load(name).points for name in on_page)
    assert f"{len(on_page)} exercises, {points} points" in said.get_text()


def test_an_instructor_can_mark_what_the_book_hands_out(student: Path, tmp_path: Path):
    """The release of the same name, chapter and seed is the same zip, whatever marks are given on."""
    name = handout.name_of("notebooks/02_autograd")
    arguments = ["release", name, "--chapter", "2", "--seed", str(BOOK_SEED), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    handed_out = (student / "downloads" / f"{name}.zip").read_bytes()
    assert (tmp_path / "out" / f"{name}.zip").read_bytes() == handed_out


def test_links_of_the_student_edition_lead_somewhere(student: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(built_site, "SITE", student)
    for cached in (built_site.soup, built_site.identifiers):
        cached.cache_clear()
    found = {page: built_site.broken_links(page) for page in built_site.pages()}
    outside = [built_site.outside_resources(page) for page in built_site.pages()]
    for cached in (built_site.soup, built_site.identifiers):
        cached.cache_clear()
    assert len(found) > len(CHAPTERS)
    assert not {page: links for page, links in found.items() if links}
    assert not any(outside)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_student_edition_on_a_phone(offline_page, student: Path, mode: str):
    editions.looks_right(offline_page, student, "02_autograd", mode, handed_out=1)
