"""The built book in a headless Chromium: what pages weigh, frames, the GPT and Python in the page.

A page's weight is what it loads before anything is clicked, as it is and compressed by gzip. A frame is
the main thread's work from a pointer's movement until what follows from it has been painted. A page counts as
ready for the GPT once the first probabilities stand on it, for Python once the worker answers. Tokens a
second run from the press on *Continue* to the last token on screen, drawing included.
"""

from __future__ import annotations

import gzip
import statistics
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, Locator, Page

from course_classroom import chapter_exercises
from course_explorables.gpt_page import NEW_TOKENS
from tests.helpers.chromium import launch, serve
from tests.helpers.known_answers import carried, sources

SITE = Path(__file__).parents[1] / "_build" / "html"
GPT_PAGE = "notebooks/11_pretraining_a_gpt.html"
PYTHON_PAGE = "notebooks/02_autograd.html"
VISITS = 5
STEPS = 40
"""Movements of the pointer in one drag."""

_READY = "() => document.querySelector('.xp-next:enabled') && performance.now()"
_WRITE = """() => new Promise((resolve) => {
  const root = document.querySelector('[data-explorable^="gptinpage-"]');
  const go = root.querySelector('.xp-actions button');
  const since = performance.now();
  const look = () => {
    const written = root.querySelectorAll('.xp-chip.written').length;
    if (go.textContent === 'Continue') resolve([written, performance.now() - since]);
    else requestAnimationFrame(look);
  };
  go.click();
  requestAnimationFrame(look);
})"""
_WATCH_FRAMES = """() => {
  window.frames_ = [];
  const channel = new MessageChannel();
  let since = 0;
  channel.port1.onmessage = () => { window.frames_.push(performance.now() - since); since = 0; };
  addEventListener('pointermove', () => {
    if (since) return;
    since = performance.now();
    requestAnimationFrame(() => channel.port2.postMessage(0));
  }, { capture: true });
}"""
_CHECK = """async ([exercise, symbol, source]) => {
  const since = performance.now();
  await zeroAnswers.python.ask("check", { exercise, symbol, source }, () => {}, 60);
  return performance.now() - since;
}"""
_RUN = "(source) => zeroAnswers.python.ask('run', { source }, () => {}, 60)"
_START = """async () => {
  await zeroAnswers.python.start();
  return performance.now();
}"""


def weights(browser: Browser, address: str, pages: list[str]) -> list[dict[str, object]]:
    """What each page loads in a fresh context before anything is clicked.

    Args:
        browser: a running Chromium.
        address: of the site.
        pages: below it.

    Returns:
        ``page``, ``requests``, ``bytes`` and ``gzip_bytes`` of each.
    """
    found = []
    for page in pages:
        context = browser.new_context()
        tab, bodies = context.new_page(), {}
        tab.on("response", lambda response, bodies=bodies: bodies.setdefault(response.url, response))
        tab.goto(f"{address}/{page}", wait_until="networkidle")
        loaded = [_body(answer) for url, answer in list(bodies.items()) if urlsplit(url).scheme == "http"]
        context.close()
        found.append(
            {
                "page": page,
                "requests": len(loaded),
                "bytes": sum(map(len, loaded)),
                "gzip_bytes": sum(len(gzip.compress(body)) for body in loaded),
            }
        )
    return found


def drag(tab: Page, what: Locator) -> list[float]:
    """Drag something round in a small circle; milliseconds of each frame."""
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.evaluate("() => { window.frames_.length = 0; }")
    tab.mouse.move(x, y)
    tab.mouse.down()
    for place in range(STEPS):
        across = (place if place < STEPS // 2 else STEPS - place) * 3
        tab.mouse.move(x + across, y - across / 3)
    tab.mouse.up()
    return tab.evaluate("() => window.frames_")


def frames(browser: Browser, address: str, pages: list[str]) -> list[dict[str, object]]:
    """The frames of every explorable on the pages, while the first thing that can be dragged is dragged.

    Args:
        browser: a running Chromium.
        address: of the site.
        pages: below it.

    Returns:
        ``page``, ``explorable`` (its title), ``frames``, ``median_ms`` and ``worst_ms``.
    """
    found = []
    for page in pages:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        tab = context.new_page()
        tab.goto(f"{address}/{page}", wait_until="networkidle")
        tab.evaluate(_WATCH_FRAMES)
        for explorable in tab.locator(".explorable").all():
            for kind in (".xp-handle .xp-mark", ".xp-surface", "input[type=range]"):
                target = explorable.locator(kind).first
                if target.count() and target.is_visible():
                    break
            else:
                continue
            taken = drag(tab, target)
            found.append(
                {
                    "page": page,
                    "explorable": explorable.locator(".xp-title").inner_text(),
                    "frames": len(taken),
                    "median_ms": round(statistics.median(taken), 2),
                    "worst_ms": round(max(taken), 2),
                }
            )
        context.close()
    return found


def gpt(browser: Browser, address: str, page: str = GPT_PAGE) -> dict[str, float]:
    """Open the page in a fresh context, nothing cached, and let its GPT write once.

    Args:
        browser: a running Chromium.
        address: of the site.
        page: one that holds the explorable, its weights beside it.

    Returns:
        ``ready_ms``, from the start of the navigation, and ``tokens_per_second``.

    Raises:
        RuntimeError: if fewer tokens were written than asked for.
    """
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{address}/{page}", wait_until="commit")
    ready = tab.wait_for_function(_READY, polling="raf").json_value()
    written, milliseconds = tab.evaluate(_WRITE)
    context.close()
    if written != NEW_TOKENS:
        raise RuntimeError(f"the page wrote {written} tokens, expected {NEW_TOKENS}")
    return {"ready_ms": round(ready, 1), "tokens_per_second": round(1000 * written / milliseconds, 1)}


def python(browser: Browser, address: str, page: str = PYTHON_PAGE) -> dict[str, object]:
    """Start the page's Python with nothing cached, again with all cached, and check every exercise's answers.

    Args:
        browser: a running Chromium.
        address: of the site.
        page: a chapter's.

    Returns:
        ``first_ms`` and ``again_ms`` from the click to a ready worker, ``gzip_bytes`` loaded by it, and
        ``check_ms``, one per known answer.
    """
    number = int(Path(page).name.split("_")[0])
    stubs = [
        stub
        for stub in chapter_exercises.find_stubs()
        if stub.number == number and chapter_exercises.load(stub.exercise).kind == "implement"
    ]
    context = browser.new_context()
    started, loaded, checks = [], {}, []
    for visit in range(2):
        tab = context.new_page()
        tab.goto(f"{address}/{page}", wait_until="networkidle")
        if visit == 0:
            context.on("response", lambda response: loaded.setdefault(response.url, response))
        box = tab.locator(".answer-here[data-kind=implement]").first
        since = tab.evaluate("() => performance.now()")
        box.get_by_role("button").click()
        box.locator(".cm-content").wait_for()
        started.append(tab.evaluate(_START) - since)
        if visit == 0:
            weight = sum(len(gzip.compress(_body(answer))) for answer in list(loaded.values()))
        tab.evaluate(_RUN, carried())
        for stub in stubs:
            for source in sources(stub).values():
                checks.append(tab.evaluate(_CHECK, [stub.exercise, stub.symbol, source]))
        tab.close()
    context.close()
    return {
        "page": page,
        "first_ms": round(started[0], 1),
        "again_ms": round(started[1], 1),
        "gzip_bytes": weight,
        "check_ms": [round(taken, 1) for taken in checks],
    }


def _body(response: object) -> bytes:
    try:
        return response.body()
    except Error:  # a script that was replaced by another while it loaded has none
        return b""


def measure(site: Path = SITE, visits: int = VISITS) -> dict[str, object]:
    """Measure all of it.

    Args:
        site: a built book.
        visits: of the GPT's page, at least 1.

    Returns:
        ``weights``, ``frames``, ``gpt`` and ``python``.

    Raises:
        FileNotFoundError: if there is no book there.
    """
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"site must be a built book: run make book; there is none at {site.name}")
    pages = sorted(str(path.relative_to(site)) for path in site.glob("notebooks/*.html"))
    pages = ["book/intro.html", *pages]
    with serve(site) as address, launch() as browser:
        return {
            "weights": weights(browser, address, pages),
            "frames": frames(browser, address, pages),
            "gpt": [gpt(browser, address) for _ in range(visits)],
            "python": [
                python(browser, address, page) for page in (PYTHON_PAGE, "notebooks/09_attention.html")
            ],
        }
