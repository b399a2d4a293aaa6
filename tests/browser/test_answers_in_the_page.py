"""Functions answered in the page: Python in Chromium, the network cut, and the verdicts of JupyterLab."""

from __future__ import annotations

import csv
import json
import statistics
import time
from pathlib import Path

import cells_in_the_page
import chromium
import known_answers
import pytest
from zero_book import answers

from course_classroom import chapter_exercises
from course_classroom.__main__ import main as classroom
from course_classroom.release import release
from course_classroom.standalone_source import standalone
from course_exercises.exercise import BOOK_SEED

ROOT = Path(__file__).resolve().parents[2]
STUBS = [
    stub
    for stub in chapter_exercises.find_stubs()
    if chapter_exercises.load(stub.exercise).kind == "implement"
]
CHAPTERS = sorted({stub.number for stub in STUBS})
ASK = """async ([task, given, limit]) => {
  let shown = "";
  const result = await zeroAnswers.python.ask(task, given, (text) => { shown += text; }, limit);
  return { ...result, shown };
}"""


class Chapter:
    """A chapter's page, with its Python started."""

    def __init__(self, browser, site: Path, address: str, number: int) -> None:
        self.context = browser.new_context()
        self.watched = chromium.watch(self.context)
        self.page = self.watched.page
        (path,) = site.glob(f"notebooks/{number:02}_*.html")
        self.page.goto(f"{address}/notebooks/{path.name}")
        box = self.page.locator(".answer-here[data-kind=implement]").first
        box.get_by_role("button").click()
        box.locator(".cm-content").wait_for()
        self.page.evaluate("() => zeroAnswers.python.start()")

    def ask(self, task: str, limit: float | None = None, **given: str) -> dict[str, str]:
        """One task of the page's worker."""
        return self.page.evaluate(ASK, [task, given, limit or 60])


def function_of(stub, mistake: str):
    """The book's own answer."""
    exercise = chapter_exercises.load(stub.exercise)
    return exercise.reference if not mistake else (exercise.misconceptions | exercise.slips)[mistake].function


@pytest.mark.parametrize("number", CHAPTERS)
def test_every_known_answer_is_judged_as_in_jupyterlab(browser, site, site_server, number, record_property):
    chapter = Chapter(browser, site, site_server, number)
    assert not chapter.ask("run", source=known_answers.carried())["error"]
    seconds, wrong = [], []
    for stub in (stub for stub in STUBS if stub.number == number):
        exercise = chapter_exercises.load(stub.exercise)
        for mistake, source in (
            known_answers.sources(stub) | {"no Python": f"def {stub.symbol}(:\n"}
        ).items():
            begin = time.monotonic()
            found = chapter.ask("check", exercise=stub.exercise, symbol=stub.symbol, source=source)
            seconds.append(time.monotonic() - begin)
            if mistake == "no Python":
                if found["status"] != "error" or "SyntaxError" not in found["message"]:
                    wrong.append((stub.exercise, mistake, found))
                continue
            if mistake == "blank":
                status, message = "unanswered", None
            else:
                verdict = exercise.on(in_full=True).judge(function_of(stub, mistake))
                status, message = verdict.status, verdict.message
            if found["status"] != status or message not in (None, found["message"]):
                wrong.append((stub.exercise, mistake, found["message"], message))
    chapter.watched.assert_clean()
    chapter.context.close()
    record_property("answers", len(seconds))
    record_property("median seconds", round(statistics.median(seconds), 3))
    assert not wrong, json.dumps(wrong, indent=1)


@pytest.fixture(scope="module")
def autograd(browser, site, site_server):
    """Chapter 2 with Python started."""
    chapter = Chapter(browser, site, site_server, 2)
    yield chapter
    chapter.context.close()


RAISED = """async ([task, given, limit]) => {
  try {
    return (await zeroAnswers.python.ask(task, given, () => {}, limit)).error;
  } catch (error) {
    return error.message;
  }
}"""


@pytest.mark.parametrize(
    ("source", "limit", "told"),
    [
        ("while True: pass", 1, "Stopped: it ran for 1 seconds."),
        ("x = []\nwhile True: x.append(bytearray(10**8))", 60, "memory"),
        ("def f(): return f()\nf()", 60, "calls itself"),
        ("import requests", 60, "`requests` is not in the page"),
        ("import torchvision", 60, "`torchvision` is not in the page"),
        ("torch.stft(torch.ones(8), 4)", 60, "torch.stft is not in the page: run this in JupyterLab"),
        ("torch.nope", 60, "nope"),
        ("input()", 60, "waits for the keyboard"),
        ("raise SystemExit(3)", 60, "SystemExit: 3"),
    ],
)
def test_what_a_page_cannot_do_is_told_and_the_next_cell_runs(autograd, source, limit, told):
    assert told in autograd.page.evaluate(RAISED, ["run", {"source": source}, limit])
    autograd.page.evaluate("() => zeroAnswers.python.start()")
    assert autograd.ask("run", source="print(torch.ones(2).sum())")["shown"] == "tensor(2.)\n"


def test_ten_megabytes_of_print_are_cut(autograd):
    shown = autograd.ask("run", source="for _ in range(1000): print('x' * 10_000)")["shown"]
    assert 20_000 <= len(shown) < 20_100
    assert shown.endswith("left out here.\n")


def test_the_reader_sees_her_own_lines_of_a_traceback(autograd):
    source = "def f(x):\n    return x.view(3)\n\nf(torch.ones(2))"
    assert autograd.ask("run", source=source)["error"] == (
        "line 4: f(torch.ones(2))\nline 2: return x.view(3)\n"
        "RuntimeError: shape '[3]' is invalid for input of size 2"
    )


RIGHT = "def central_slope(f, x, h):\n    return (f(x + h) - f(x - h)) / (2 * h)\n"
SETTLED = "(box) => !['', 'busy', undefined].includes(box.querySelector('.answer-verdict').dataset.status)"


def box_of(page, exercise="autograd/central_slope"):
    return page.locator(f'.answer-here[data-exercise="{exercise}"]')


def write(page, box, text):
    """Put a text in the place of all that stands in an editor."""
    box.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_by_keys_alone_on_a_phone(offline_page, site_server):
    watched = offline_page(viewport={"width": 360, "height": 740})
    page = watched.page
    page.goto(f"{site_server}/notebooks/02_autograd.html")
    chromium.settle(page)
    loaded = page.evaluate("() => performance.getEntriesByType('resource').map((each) => each.name)")
    assert not [name for name in loaded if "pyodide" in name or "codemirror" in name or "chapters" in name]
    box = box_of(page)
    box.get_by_role("button", name="Answer here").focus()
    page.keyboard.press("Enter")
    box.locator(".cm-content").wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(RIGHT)
    page.keyboard.press("Tab")  # leaves the editor
    assert page.evaluate("document.activeElement.textContent") == "Check"
    page.keyboard.press("Enter")
    page.wait_for_function(
        f"() => ({SETTLED})(document.querySelector('{'.answer-here[data-kind=implement]'}'))"
    )
    assert box.locator(".answer-verdict").get_attribute("data-status") == "right"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    prediction = page.locator(".answer-here[data-kind=predict]")
    prediction.get_by_role("button").focus()
    page.keyboard.press("Enter")
    prediction.locator("input").wait_for()
    page.keyboard.type("160")
    page.keyboard.press("Enter")
    assert prediction.locator(".answer-verdict").get_attribute("data-status") == "right"
    watched.assert_clean()
    assert not chromium.serious(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert not chromium.serious(page)


def test_a_text_is_kept_and_shared_between_tabs_and_survives_a_cleared_store(browser, site_server):
    context = browser.new_context()
    one, other = chromium.watch(context).page, chromium.watch(context).page
    for page in (one, other):
        page.goto(f"{site_server}/notebooks/02_autograd.html")
        box_of(page).get_by_role("button").click()
        box_of(page).locator(".cm-content").wait_for()
    other.evaluate("() => document.activeElement.blur()")
    write(one, box_of(one), RIGHT)
    other.wait_for_function("() => document.querySelector('.cm-content').textContent.includes('2 * h')")
    one.evaluate("() => localStorage.clear()")
    assert "2 * h" in box_of(one).locator(".cm-content").inner_text()
    one.keyboard.press("Control+End")
    one.keyboard.insert_text("# kept\n")
    one.reload()
    box_of(one).get_by_role("button", name="Go on with your answer").click()
    assert "# kept" in box_of(one).locator(".cm-content").inner_text()
    context.close()


def test_an_old_browser_and_a_file_say_what_they_need(offline_page, site, site_server):
    old = offline_page()
    old.page.add_init_script("delete window.WebAssembly")
    old.page.goto(f"{site_server}/notebooks/02_autograd.html")
    box = box_of(old.page)
    box.get_by_role("button").click()
    box.get_by_role("button", name="Check").click()
    assert "no WebAssembly" in box.locator(".answer-verdict").inner_text()
    file = offline_page().page
    file.goto((site / "notebooks" / "02_autograd.html").as_uri())
    box_of(file).get_by_role("button").click()
    file.get_by_text("python -m http.server").first.wait_for()
    prediction = file.locator(".answer-here[data-kind=predict]")
    prediction.get_by_role("button").click()
    prediction.locator("input").fill("160")
    prediction.locator("input").press("Enter")
    assert prediction.locator(".answer-verdict").get_attribute("data-status") == "right"


def marked(download, stubs, folder: Path) -> dict[str, str]:
    """A downloaded notebook's line in the marks, when its assignment was released with the book's seed."""
    handed_in = folder / "handed_in" / "ada.ipynb"
    handed_in.parent.mkdir()
    download.save_as(handed_in)
    out, marks = folder / "out", folder / "marks"
    release(download.suggested_filename.removesuffix(".ipynb"), stubs, out, seed=BOOK_SEED)
    assignment = out / "instructor" / "assignment.json"
    assert classroom(["grade", str(assignment), str(handed_in.parent), str(marks)]) == 0
    with (marks / "marks.csv").open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    return row


def test_answers_are_counted_downloaded_and_marked(browser, site_server, tmp_path):
    context = browser.new_context()
    page = chromium.watch(context).page
    page.goto(f"{site_server}/notebooks/02_autograd.html")
    box = box_of(page)
    box.get_by_role("button").click()
    write(page, box, RIGHT)
    box.get_by_role("button", name="Check").click()
    page.wait_for_function(f"() => ({SETTLED})(document.querySelector('.answer-here[data-kind=implement]'))")
    prediction = page.locator(".answer-here[data-kind=predict]")
    prediction.get_by_role("button").click()
    prediction.locator("input").fill("160")
    prediction.locator("input").press("Enter")
    page.goto(f"{site_server}/book/my_answers.html")
    section = page.locator("section", has_text="2 · Autograd").last
    assert "2 of 5 done" in section.inner_text()
    with page.expect_download() as download:
        section.get_by_role("button", name="Download my answers").click()
    row = marked(
        download.value, chapter_exercises.select(chapter_exercises.find_stubs(), chapters=[2]), tmp_path
    )
    states = {name.removeprefix("autograd/"): text for name, text in row.items() if name.endswith("status")}
    assert states["gradient_after_two status"] == states["central_slope status"] == "ok"
    assert states["sigmoid_backward status"] == "unanswered"
    assert row["total"] == "2"
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Clear all answers").click()
    page.get_by_text("0 of 5 done").first.wait_for()
    assert not page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('zero.')).length")
    context.close()


def test_a_chapter_is_done_by_keys_alone_on_a_phone_and_marked(browser, site_server, tmp_path):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    watched = chromium.watch(context)
    page = watched.page
    page.goto(f"{site_server}/notebooks/02_autograd.html")
    stubs = chapter_exercises.select(chapter_exercises.find_stubs(), chapters=[2])
    for place, stub in enumerate(stubs, start=1):
        box, exercise = box_of(page, stub.exercise), chapter_exercises.load(stub.exercise)
        box.get_by_role("button").focus()
        page.keyboard.press("Enter")
        if exercise.kind == "predict":
            box.locator("input").wait_for()
            page.keyboard.type(repr(exercise.reference(*exercise.cases()[0])))
        else:
            box.locator(".cm-content").wait_for()
            page.keyboard.press("Control+a")
            page.keyboard.insert_text(standalone(stub.item(place), stub.source))
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        verdict = box.locator(".answer-verdict")
        verdict.and_(page.locator("[data-status=right]")).wait_for()
    watched.assert_clean()
    page.goto(f"{site_server}/book/my_answers.html")
    page.get_by_role("button", name="Download my answers to 2").focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    row = marked(download.value, stubs, tmp_path)
    assert row["total"] == row["of"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


@pytest.mark.parametrize("number", answers.RUNNING)
def test_the_cells_that_run_in_the_page_show_their_stored_output(browser, site, site_server, number):
    chapter = Chapter(browser, site, site_server, number)
    (path,) = (ROOT / "notebooks").glob(f"{number:02}_*.ipynb")
    cells = [c for c in json.loads(path.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    running = [
        int(n) for n in chapter.page.locator(".run-here").evaluate_all("all => all.map(x => x.dataset.cell)")
    ]
    assert len(running) > len(cells) / 4
    for cell in (cells[n] for n in running):
        found = chapter.ask("run", source="".join(cell["source"]))
        assert cells_in_the_page.alike(cell, found["shown"], found["error"]), (found, cell["source"])
    chapter.context.close()


def test_a_cell_is_edited_and_run_after_those_above_it(offline_page, site_server):
    watched = offline_page()
    page = watched.page
    page.goto(f"{site_server}/notebooks/02_autograd.html")
    box = page.locator(".run-here").nth(3)
    box.get_by_role("button", name="Edit and run").click()
    write(page, box, "'y_of' in globals()")
    box.get_by_role("button", name="Run").click()
    box.locator(".answer-output", has_text="True").wait_for()
    # A worker that was renewed, by whatever else on the page, has run none of them.
    page.evaluate("async () => { zeroAnswers.python.stop(); await zeroAnswers.python.start(); }")
    write(page, box, "'now', 'y_of' in globals()")
    box.get_by_role("button", name="Run").click()
    box.locator(".answer-output", has_text="('now', True)").wait_for()
    watched.assert_clean()
