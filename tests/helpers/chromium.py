"""Chromium with the network cut, and what a page in it did wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Page, Request, Response, Route
from zero_dist.browser import find_chromium, launch, serve, settle

__all__ = [
    "OpenPage",
    "Watched",
    "find_chromium",
    "is_inside",
    "launch",
    "serious",
    "serve",
    "settle",
    "watch",
]

INSIDE_SCHEMES = {"file", "data", "blob", "about"}
INSIDE_HOSTS = {"127.0.0.1", "localhost"}


def is_inside(url: str) -> bool:
    """Whether an address stays on this machine: a file, inline data, or the local server."""
    parts = urlsplit(url)
    return parts.scheme in INSIDE_SCHEMES or (
        parts.scheme in {"http", "ws"} and parts.hostname in INSIDE_HOSTS
    )


@dataclass
class Watched:
    """A page with the network cut, and everything it did wrong.

    Attributes:
        page: the Playwright page.
        outside: addresses it asked for beyond this machine (each request was aborted).
        missing: local addresses answered with an error status, or files that could not be read.
        errors: uncaught exceptions and console errors, as text.
    """

    page: Page
    outside: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def assert_clean(self) -> None:
        """Raise AssertionError if the page asked for anything outside, lost a file, or threw."""
        assert not self.outside, f"{self.page.url} asked for {self.outside}"
        assert not self.missing, f"{self.page.url} did not get {self.missing}"
        assert not self.errors, f"{self.page.url} threw {self.errors}"


def watch(context: BrowserContext) -> Watched:
    """Open a page in `context` whose requests to other machines are aborted and recorded."""
    page = context.new_page()
    watched = Watched(page)

    def decide(route: Route) -> None:
        if is_inside(route.request.url):
            route.continue_()
        else:
            watched.outside.append(route.request.url)
            route.abort()

    page.route("**/*", decide)
    page.on("websocket", lambda socket: None if is_inside(socket.url) else watched.outside.append(socket.url))

    def note_status(answer: Response) -> None:
        if answer.status >= 400:
            watched.missing.append(f"{answer.status} {answer.url}")

    def note_failure(request: Request) -> None:
        if is_inside(request.url) and "ERR_ABORTED" not in (request.failure or ""):
            watched.missing.append(f"{request.failure} {request.url}")

    page.on("response", note_status)
    page.on("requestfailed", note_failure)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on(
        "console", lambda message: watched.errors.append(message.text) if message.type == "error" else None
    )
    return watched


CONTRAST = "color-contrast"
# Of all text that looks alike, on a like ground, one element: its contrast is that of the others.
EXEMPLARS = """() => {
  const seen = new Set();
  for (const element of document.querySelectorAll("body *")) {
    element.removeAttribute("data-exemplar");
    const written = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim();
    if (![...element.childNodes].some(written)) continue;
    const own = getComputedStyle(element);
    const look = [own.color, own.fontSize, own.fontWeight, own.visibility, own.textDecorationLine];
    let placed = 0;
    for (let each = element; each; each = each.parentElement) {
      const { backgroundColor, backgroundImage, opacity, position } = getComputedStyle(each);
      look.push(backgroundColor, backgroundImage, opacity);
      placed += each !== document.body && ["absolute", "fixed"].includes(position);
    }
    const key = look.filter((part) => part !== "rgba(0, 0, 0, 0)" && part !== "none" && part !== "1").join();
    if (placed || !seen.has(key)) element.setAttribute("data-exemplar", "");
    seen.add(key);
  }
  return seen.size;
}"""


def serious(page: Page, context: str | None = None, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds serious or critical on a page at rest, or in a part of it.

    Args:
        page: of Chromium.
        context: a selector of the part. Of a whole page, contrast is looked at on one element of each look.
        rules: of axe, by name; all, if left out.
    """
    settle(page)
    if context is not None:
        return _violations(page, context, {"runOnly": list(rules)} if rules else {})
    found, others = [], [rule for rule in rules if rule != CONTRAST]
    if others or not rules:
        chosen = {"runOnly": others} if rules else {"rules": {CONTRAST: {"enabled": False}}}
        found = _violations(page, None, chosen)
    if (not rules or CONTRAST in rules) and page.evaluate(EXEMPLARS):
        found += _violations(page, "[data-exemplar]", {"runOnly": [CONTRAST]})
    return found


def _violations(page: Page, context: str | None, options: dict[str, object]) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(
        """async ([context, options]) => {
          const { violations } = await axe.run(context ?? document, options);
          return violations;
        }""",
        [context, {"resultTypes": ["violations"], **options}],
    )
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


OpenPage = Callable[..., Watched]
