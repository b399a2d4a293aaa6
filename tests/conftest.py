"""What every test may ask for: the repository, the built site, and a Chromium without a network.

def test_page(offline_page, site_server):
    watched = offline_page(color_scheme="dark", viewport={"width": 360, "height": 740})
    watched.page.goto(f"{site_server}/book/intro.html")
    watched.assert_clean()
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import chromium
import headroom
import pytest
from derivative_table import pytest_terminal_summary  # noqa: F401, a hook by being here
from hypothesis import settings
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent

# The only reasons for which a test may be skipped in CI. Each says why CI cannot run it.
ALLOWED_SKIPS = ("needs a CUDA device", "needs an x86 processor", "needs Linux namespaces for students' code")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def site() -> Path:
    """The built book's folder; fails where the book was not built (`make book`)."""
    folder = ROOT / "_build" / "html"
    if not (folder / "index.html").is_file():
        pytest.fail(f"{folder} holds no book: run `make book` first", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def site_server(site: Path) -> Iterator[str]:
    """Address of a local server of the built book, without a closing slash."""
    with chromium.serve(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; the test is skipped where none is found."""
    if chromium.find_chromium() is None:
        pytest.skip("no Chromium found")
    with chromium.launch() as started:
        yield started


@pytest.fixture
def offline_page(browser: Browser) -> Iterator[chromium.OpenPage]:
    """Opens pages with the network cut: `offline_page(**context_options) -> Watched`."""
    contexts = []

    def open_page(**options: object) -> chromium.Watched:
        contexts.append(browser.new_context(**options))
        return chromium.watch(contexts[-1])

    yield open_page
    for context in contexts:
        context.close()


# Without a stopwatch: the machine may be busy, and the cases are what counts.
settings.register_profile("book", deadline=None, print_blob=True)
settings.load_profile("book")


def pytest_configure(config: pytest.Config) -> None:
    """Where HEADROOM names a folder, measure how much of its tolerance each comparison uses."""
    if os.environ.get("HEADROOM"):
        config.pluginmanager.register(headroom.Meter(Path(os.environ["HEADROOM"])))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The reason a skipped report gives, without pytest's prefix."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI, turn a skip whose reason is not in ALLOWED_SKIPS into a failure. An xfail is not a skip."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = _reason(report)
        if reason not in ALLOWED_SKIPS:
            report.outcome = "failed"
            report.longrepr = f"skipped in CI, where every test must run: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report():
    report = yield
    _forbid_skip(report)
    return report
