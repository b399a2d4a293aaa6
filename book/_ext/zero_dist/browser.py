"""The one place that starts Chromium, serves it a folder, and waits until a page has come to rest."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

BINARIES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Path of a Chromium on PATH, or of the file that CHROMIUM names; None where there is none."""
    named = os.environ.get("CHROMIUM")
    candidates = (named,) if named else BINARIES
    return next((path for path in map(shutil.which, candidates) if path), None)


@contextmanager
def launch() -> Iterator[Browser]:
    """Start a headless Chromium and close it afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


# Formulas are typeset, in their own fonts; what unfolds has faded in; what scrolls can be reached by keys.
AT_REST = """async () => {
  const frames = async (count) => { while (count--) await new Promise(requestAnimationFrame); };
  const ends = (each) => each.effect.getComputedTiming().endTime < Infinity;
  await window.MathJax?.startup?.promise;
  do { await document.fonts.ready; await frames(2); } while (document.fonts.status === "loading");
  await Promise.allSettled(document.getAnimations().filter(ends).map((each) => each.finished));
  await frames(3);
}"""


def settle(page: Page) -> None:
    """Wait until a page has loaded and come to rest."""
    page.wait_for_load_state("load")
    page.wait_for_function("() => !window.MathJax || window.MathJax.startup?.promise")
    page.evaluate(AT_REST)


# A letter that looks like one no font has, a private one, is drawn as a box.
BOXES = """() => {
  const pen = new OffscreenCanvas(32, 32).getContext("2d", { willReadFrequently: true });
  pen.font = "20px sans-serif";
  const drawn = (letter) => {
    pen.clearRect(0, 0, 32, 32);
    pen.fillText(letter, 2, 24);
    return pen.getImageData(0, 0, 32, 32).data.join();
  };
  const box = drawn("\\ue5e5");
  const letters = new Set([...document.querySelectorAll("article")].flatMap((each) => [...each.innerText]));
  return [...letters].filter((letter) => letter.trim() && drawn(letter) === box).join("");
}"""


def without_glyph(page: Page) -> str:
    """The letters of a page's articles for which this machine has no font."""
    return page.evaluate(BOXES)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that keeps its log to itself."""

    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *_: object) -> None:
        """Print nothing: a test's output is its own."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve `folder` on a free local port; yields the address without a closing slash."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
