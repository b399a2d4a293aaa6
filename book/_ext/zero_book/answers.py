"""What an exercise needs to be answered in the page: its stub, its cases and verdicts, and the judge.

Below each exercise stands a box that `assets/answers/answers.js` brings to life at the first click. What it
asks for then is written here: for each chapter a script with its exercises, and once the Python that runs in
the page. Both hold what a reference *gave* on the cases, never its source.
"""

from __future__ import annotations

import ast
import base64
import functools
import html
import importlib
import json
import math
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_classroom import chapter_exercises, checker, checker_builder, release_notebook
from course_classroom.assignment import Assignment
from course_exercises.exercise import BOOK_SEED, Exercise
from course_exercises.forms import DIGITS
from course_exercises.slips import FACTORS
from zero_book import handout
from zero_book.travelling import number_of

FOLDER = Path("_static", "answers")
OVERVIEW = "book/my_answers"
SOURCES = Path(__file__).resolve().parents[2]
NOTEBOOKS = SOURCES.parent / "notebooks"
RUNNING = (1, 2, 3, 4, 7, 9)  # chapters whose cells need little but torch
CELLS = "cells_in_the_page"  # where a page's metadata says which of its cells run in it
DRAWS = 6  # of a prediction: the book's own, and those that *Another one* goes through


class PageTorch(SphinxDirective):
    """Lists what the torch of the page has, by module."""

    def run(self) -> list[nodes.Node]:
        """A bullet for each module, its names in the order of the alphabet."""
        sys.path.insert(0, str(SOURCES))
        covered = importlib.import_module("page_torch").covered()
        sys.path.remove(str(SOURCES))
        modules: dict[str, list[str]] = {}
        for name in covered:
            home, _, last = name.rpartition(".")
            modules.setdefault(home, []).append(last)
        bullets = nodes.bullet_list()
        for home, names in modules.items():
            text = nodes.paragraph(
                "", "", nodes.strong("", home), nodes.Text(": " + ", ".join(sorted(names)))
            )
            bullets += nodes.list_item("", text)
        return [bullets]


def box(exercise: str, kind: str) -> nodes.raw:
    """The place below an exercise where it is answered; empty without JavaScript."""
    place = f'<div class="answer-here" data-exercise="{html.escape(exercise)}" data-kind="{kind}"></div>'
    return nodes.raw("", place, format="html")


def answerable(kind: str, edition: str) -> bool:
    """Whether an exercise is answered in an edition's pages: what a prediction's page knows gives it away."""
    return kind == "implement" or edition != "student"


def exercises_of(docname: str, edition: str = "") -> dict[str, dict[str, Any]]:
    """The exercises of a chapter, by name, as the page's script takes them; none of another page."""
    found = {stub.exercise: (chapter_exercises.load(stub.exercise), stub) for stub in _stubs_of(docname)}
    return {name: _posed(*one) for name, one in found.items() if answerable(one[0].kind, edition)}


def packed(data: Any) -> bytes:
    """Data as the page unpacks them: less to load, and nothing a reader of the site's files stumbles over."""
    return zlib.compress(json.dumps(data).encode(), 9)


def notebook_of(docname: str) -> dict[str, Any]:
    """The notebook that a reader's answers go into: the chapter's exercises as an assignment, all blank.

    `classroom grade` marks it against the assignment of that name released with the book's seed.
    """
    stubs = _stubs_of(docname)
    items = tuple(stub.item(place) for place, stub in enumerate(stubs, start=1))
    return release_notebook.notebook(Assignment(handout.name_of(docname), items, BOOK_SEED), stubs)


def code_of(docname: str) -> list[str]:
    """The sources of a chapter's code cells."""
    cells = json.loads((NOTEBOOKS / f"{Path(docname).name}.ipynb").read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def setup_of(docname: str) -> str:
    """What a page runs before anything else: the chapter's first cell, then what its other cells import."""
    first, *others = code_of(docname)
    python = (source for source in others if not source.startswith("%%"))
    found = (node for source in python for node in ast.parse(source).body)
    imports = [ast.unparse(node) for node in found if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join([first, *dict.fromkeys(imports)])


def mark_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Find out which of a chapter's cells run in the page, and give each a place for its editor."""
    docname = app.env.docname
    if number_of(docname) not in RUNNING:
        return
    script = SOURCES / "scripts" / f"{CELLS}.py"
    for source in (
        script,
        *(SOURCES / "page_torch").rglob("*.py"),
        SOURCES / "page_runner.py",
    ):
        app.env.note_dependency(str(source))
    command = [sys.executable, "-IS", str(script), str(NOTEBOOKS / f"{Path(docname).name}.ipynb")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    app.env.metadata[docname][CELLS] = done.stdout
    found, code = json.loads(done.stdout), code_of(docname)
    for file in found["files"]:
        app.env.note_dependency(str(SOURCES.parent / file))
    running = {code[number]: number for number in found["cells"]}
    for cell in list(doctree.findall(is_code_cell)):
        (block, *_) = [*cell.findall(nodes.literal_block), None]
        number = running.get(block.astext().strip("\n")) if block is not None else None
        if number is not None:
            place = f'<div class="run-here" data-cell="{number}"></div>'
            # Behind the cell, not in it: what a cell holds may be folded away.
            cell.parent.insert(cell.parent.index(cell) + 1, nodes.raw("", place, format="html"))


def is_code_cell(node: nodes.Node) -> bool:
    """Whether a node is a notebook's code cell."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def python_of_the_page(files: set[str]) -> dict[str, dict[str, Any]]:
    """What runs in the page, by package: torch's stand-in, the judge, what calls them; of each file the text.

    Args:
        files: of course_lib, that the cells need, from the repository's root.
    """
    torch = {
        file.relative_to(SOURCES / "page_torch").as_posix(): file.read_text("utf-8")
        for file in sorted((SOURCES / "page_torch").rglob("*.py"))
    }
    judge = {
        f"{name.partition('.')[2]}.py": source
        for name, source in checker_builder.carried(checker.__name__).items()
    }
    runner = {"page_runner.py": (SOURCES / "page_runner.py").read_text("utf-8")}
    library = {path: _content(SOURCES.parent / path) for path in sorted(files)}
    return {"page_torch": torch, "checker": {"__init__.py": "", **judge}, ".": library, "": runner}


def prediction(exercise: Exercise, seed: int) -> dict[str, Any]:
    """One draw of a prediction: the question, and what is said of each answer that is known.

    Of each the judge itself is asked, so that the page need only find which of them an answer is.
    """
    posed = exercise.on(seed, in_full=True)
    (wanted,) = posed.wanted
    mistaken = [given for (given,) in posed.mistaken().values() if not isinstance(given, Exception)]
    verdicts = [(value, posed.judge(value)) for value in (wanted, *mistaken, *_changed(wanted))]
    # What is only refused stays out: its message shows a value that the reader need not have typed.
    said = [(value, v.message) for value, v in verdicts if v.status == "right" or v.misconception or v.family]
    return {
        "question": exercise.ask(seed),
        "decimals": exercise.decimals,
        "tolerance": exercise.tolerance,
        "answers": [[_written(value), text] for value, text in said],
    }


def _content(path: Path) -> str | dict[str, str]:
    """A file's text, or under "base64" its bytes."""
    if path.suffix == ".py":
        return path.read_text("utf-8")
    return {"base64": base64.b64encode(path.read_bytes()).decode()}


def _posed(exercise: Exercise, stub: chapter_exercises.Stub) -> dict[str, Any]:
    plain = {"kind": exercise.kind, "title": exercise.title, "symbol": stub.symbol}
    if exercise.kind == "predict":
        return plain | {"draws": [prediction(exercise, BOOK_SEED + k) for k in range(DRAWS)]}
    # As text: JSON for JavaScript has no NaN, and Python's has.
    data = json.dumps(checker_builder.locked(exercise, stub.exercise, BOOK_SEED))
    return plain | {"stub": stub.source, "data": data}


def _changed(wanted: Any) -> list[Any]:
    """A right answer with a common slip in it: a factor, a sign, upside down, one more or less."""
    if isinstance(wanted, list | tuple):
        changed = [
            (*wanted[:place], value, *wanted[place + 1 :])
            for place, part in enumerate(wanted)
            for value in _changed(part)
        ]
        return [tuple(reversed(wanted)), *_alike(wanted), *changed]
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not math.isfinite(wanted):
        return []
    scaled = [wanted * factor for factor in (*FACTORS, -1)]
    digits = [] if wanted == round(wanted) else [float(f"{wanted:.{n}e}") for n in range(DIGITS - 1)]
    return [*scaled, *digits, *([1 / wanted] if wanted else []), wanted + 1, wanted - 1]


def _alike(wanted: list[Any] | tuple[Any, ...]) -> list[Any]:
    """Several right numbers with one slip in all of them: a sign, per cent for shares or the reverse."""
    if not all(isinstance(part, int | float) and not isinstance(part, bool) for part in wanted):
        return []
    return [tuple(factor * part for part in wanted) for factor in (-1, 100, 0.01)]


def _written(value: Any) -> Any:
    """A value for JavaScript, which does not tell 2 from 2.0 or a tuple from a list."""
    if isinstance(value, list | tuple):
        return {"parts": [_written(part) for part in value]}
    if isinstance(value, str):
        return {"text": value}
    return {"number": float(value), "whole": type(value) is int}


@functools.cache
def _stubs() -> list[chapter_exercises.Stub]:
    return chapter_exercises.find_stubs(NOTEBOOKS)


def stub_of(exercise: str) -> chapter_exercises.Stub:
    """How the chapters pose an exercise, "topic/name"."""
    return next(stub for stub in _stubs() if stub.exercise == exercise)


def _stubs_of(docname: str) -> list[chapter_exercises.Stub]:
    return [stub for stub in _stubs() if stub.number == number_of(docname)]


def add_scripts(
    app: Sphinx, pagename: str, _template: str, _context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page with answers the script that wakes its boxes, and write what a chapter's asks for."""
    if doctree is None or app.builder.format != "html":
        return
    exercises = exercises_of(pagename, app.config.book_edition)
    if not exercises and pagename != OVERVIEW:
        return
    app.add_js_file("answers/answers.js", defer="defer")
    app.add_css_file("answers/answers.css")
    if exercises:
        code, running = code_of(pagename), app.env.metadata[pagename].get(CELLS)
        cells = {number: code[number] for number in json.loads(running)["cells"]} if running else {}
        chapter = {
            "setup": setup_of(pagename),
            "cells": cells,
            "exercises": exercises,
            "notebook": notebook_of(pagename),
        }
        target = Path(app.outdir, FOLDER, "chapters", f"{Path(pagename).name}.js")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = base64.b64encode(packed(chapter)).decode()
        target.write_text(f'zeroAnswers.open("{text}");\n', "utf-8")


def write_python(app: Sphinx, exception: Exception | None) -> None:
    """Write the page's Python once, and the list of all exercises for the page that counts them."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir, FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        found = [json.loads(page[CELLS])["files"] for page in app.env.metadata.values() if CELLS in page]
        files = {path for each in found for path in each}
        (folder / "python.bin").write_bytes(packed(python_of_the_page(files)))
        pages = {number: name for name in sorted(app.env.found_docs) if (number := number_of(name))}
        chapters: dict[str, dict[str, Any]] = {}
        for stub in _stubs():
            if not answerable(chapter_exercises.load(stub.exercise).kind, app.config.book_edition):
                continue
            page = pages[stub.number]
            chapter = chapters.setdefault(page, {"page": page, "title": stub.chapter, "exercises": []})
            chapter["exercises"].append([stub.exercise, stub.title])
        text = f"zeroAnswers.list({json.dumps(list(chapters.values()))});\n"
        (folder / "exercises.js").write_text(text, "utf-8")


def register(app: Sphinx) -> None:
    """Write what the boxes ask for, page by page."""
    app.add_directive("page-torch", PageTorch)
    app.connect("doctree-read", mark_cells)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write_python)
