"""How fast the GPT in the page is, in a headless Chromium from a local server: ``python -m benchmarks.page``.

A page counts as ready once the first probabilities stand on it. Tokens a second run from the press on
*Continue* to the last token on screen, drawing included.
"""

import argparse
import datetime
import json
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from course_explorables.gpt_page import NEW_TOKENS, GPTInPage, write_weights
from course_lib.files import print_in_any_encoding
from course_lib.records import RESULTS, machine
from tests.helpers.chromium import launch, serve

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


def visit(browser: Browser, address: str) -> dict[str, float]:
    """Open the page in a fresh context, without anything cached, and let it write once.

    Args:
        browser: a running Chromium.
        address: of a page that holds the explorable, its weights beside it.

    Returns:
        ``ready_ms``, from the start of the navigation, and ``tokens_per_second``.
    """
    context = browser.new_context()
    page = context.new_page()
    page.goto(address, wait_until="commit")
    ready = page.wait_for_function(_READY, polling="raf").json_value()
    written, milliseconds = page.evaluate(_WRITE)
    context.close()
    if written != NEW_TOKENS:
        raise RuntimeError(f"the page wrote {written} tokens, expected {NEW_TOKENS}")
    return {"ready_ms": ready, "tokens_per_second": 1000 * written / milliseconds}


def measure(site: Path, page: str, visits: int) -> dict[str, object]:
    """Visit a page several times.

    Args:
        site: the folder to serve.
        page: the page's address below it.
        visits: how often, at least 1.

    Returns:
        The page, all values, and the median of each.
    """
    with serve(site) as address, launch() as browser:
        values = [visit(browser, f"{address}/{page}") for _ in range(visits)]
    columns = {name: [round(value[name], 1) for value in values] for name in values[0]}
    medians = {f"{name}_median": statistics.median(column) for name, column in columns.items()}
    return {"page": page, **columns, **medians}


def main() -> None:
    """Measure, print, and write ``measurements/benchmarks/page.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5, help="how often each page is opened (default 5)")
    parser.add_argument("--site", type=Path, help="a built book, to measure one of its pages too")
    parser.add_argument("--page", default="notebooks/11_pretraining_a_gpt.html", help="that page")
    parser.add_argument("--output", type=Path, default=RESULTS / "page.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_weights("moby", Path(folder))
        html = GPTInPage(greedy=True).to_html()
        (Path(folder) / "explorable.html").write_text(f"<!doctype html>{html}", encoding="utf-8")
        results = [measure(Path(folder), "explorable.html", arguments.visits)]
    if arguments.site is not None:
        results.append(measure(arguments.site, arguments.page, arguments.visits))
    for result in results:
        print(
            f"{result['page']}: ready after {result['ready_ms_median']:.0f} ms, "
            f"{result['tokens_per_second_median']:.0f} tokens/s (medians of {arguments.visits})"
        )
    content = {
        "command": f"python -m benchmarks.page --visits {arguments.visits}",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "pages": results,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"written to {arguments.output}")


if __name__ == "__main__":
    print_in_any_encoding()
    main()
