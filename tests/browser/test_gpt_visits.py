"""The GPT in the page as readers meet it: from a file and a server, in any theme, with any text pasted."""

from __future__ import annotations

from pathlib import Path

import chromium
import pytest
from explorable_page import Shown, page_of
from touch_everything import by_keys, by_mouse, small_targets

from benchmarks import pages as measured
from course_explorables.gpt_page import LONGEST, GPTInPage, write_weights
from course_lib.pretrained.gpts import load


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A small site: a page two folders deep that says where its root is, as Sphinx writes it."""
    write_weights("moby", tmp_path)
    page = tmp_path / "part" / "chapter" / "page.html"
    page.parent.mkdir(parents=True)
    text = page_of(GPTInPage().to_html(), GPTInPage("Ahab", greedy=True).to_html())
    page.write_text(text.replace("<html", '<html data-content_root="../../"'), encoding="utf-8")
    return tmp_path


@pytest.fixture
def show_gpt(show, tmp_path: Path):
    """`show` with the weights beside the page."""
    write_weights("moby", tmp_path)
    return show


@pytest.mark.parametrize("origin", ["file", "server"])
def test_a_page_anywhere_in_a_site_finds_the_weights_below_its_root(origin, site, offline_page):
    watched = offline_page()
    with chromium.serve(site) as address:
        root = site.as_uri() if origin == "file" else address
        watched.page.goto(f"{root}/part/chapter/page.html")
        for place in range(2):
            shown = Shown(watched, watched.page.locator(".explorable").nth(place))
            shown.root.get_by_role("button", name="Continue").click()
            shown.root.locator(".xp-chip.written").nth(100).wait_for(state="attached")
            shown.assert_sound()
    assert watched.page.locator("script[src]").count() == 1, "two on a page load the weights once"


def test_without_the_weights_the_page_says_so(offline_page, tmp_path):
    file = tmp_path / "alone.html"
    file.write_text(page_of(GPTInPage().to_html()), encoding="utf-8")
    watched = offline_page()
    watched.page.goto(file.as_uri())
    waiting = watched.page.locator(".xp-waiting")
    watched.page.wait_for_function("document.querySelector('.xp-waiting').textContent.includes('not found')")
    assert "gpt/moby.js" in waiting.text_content()
    assert not watched.outside


def test_a_broken_script_is_told_from_a_model(offline_page, tmp_path):
    (tmp_path / "gpt").mkdir()
    (tmp_path / "gpt" / "moby.js").write_text("globalThis.courseModels = {};")
    file = tmp_path / "broken.html"
    file.write_text(page_of(GPTInPage().to_html()), encoding="utf-8")
    watched = offline_page()
    watched.page.goto(file.as_uri())
    watched.page.wait_for_function(
        "document.querySelector('.xp-waiting').textContent.includes('the script holds no model')"
    )


@pytest.mark.parametrize("width", [360, 900])
def test_moves_by_mouse_and_by_keys(width, show_gpt):
    shown = show_gpt(GPTInPage(), width=width)
    start = shown.everything()
    assert by_mouse(shown) == 2
    shown.reset()
    assert shown.everything() == start
    assert by_keys(shown) == 2
    shown.reset()
    assert shown.everything() == start
    shown.root.get_by_role("button", name="Continue").press("Enter")
    shown.root.locator(".xp-chip.written").nth(119).wait_for(state="attached")
    assert small_targets(shown) == []
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown.assert_sound()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(theme, show_gpt):
    shown = show_gpt(GPTInPage(), theme=theme)
    shown.root.get_by_role("button", name="Continue").click()
    shown.root.locator(".xp-chip.written").nth(119).wait_for(state="attached")
    shown.code()
    found = chromium.serious(shown.page)
    assert not found, found


def test_nothing_moves_unasked_and_focus_can_be_seen(offline_page, tmp_path):
    write_weights("moby", tmp_path)
    file = tmp_path / "page.html"
    file.write_text(page_of(GPTInPage().to_html()), encoding="utf-8")
    watched = offline_page(reduced_motion="reduce")
    watched.page.goto(file.as_uri())
    watched.page.locator(".xp-buttons").wait_for()
    before = watched.page.locator(".explorable").text_content()
    watched.page.wait_for_timeout(300)
    assert watched.page.locator(".explorable").text_content() == before
    assert watched.page.evaluate("document.getAnimations().length === 0")
    for _ in range(6):
        watched.page.keyboard.press("Tab")
        width = "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        assert watched.page.evaluate(width) >= 2


def test_the_benchmark_counts_what_the_page_writes(site, browser, monkeypatch):
    with chromium.serve(site) as address:
        found = measured.gpt(browser, address, "part/chapter/page.html")
        assert set(found) == {"ready_ms", "tokens_per_second"}
        monkeypatch.setattr(measured, "NEW_TOKENS", 121)
        with pytest.raises(RuntimeError, match="the page wrote 120 tokens, expected 121"):
            measured.gpt(browser, address, "part/chapter/page.html")


HOSTILE = {
    "nothing": "",
    "one emoji": "🐋",
    "half an emoji": "\ud83d whale",
    "controls": "\x00\x07\x1b[31m\u202e\ufeff\u2028x",
    "markup": "</script><img src=x onerror=alert(1)>",
    "quotes": "\"\"\"\\\\\n''' «text» «ids» $& ${x}",
    "one long word": "a" * LONGEST,
    "beyond the longest": "whale " * 40_000,
    "emoji without end": "🏴‍☠️" * 2_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_is_pasted_the_page_goes_on(kind, show_gpt):
    shown = show_gpt(GPTInPage(greedy=True))
    text = HOSTILE[kind]
    # As a paste arrives: Playwright's own fill cannot carry half a surrogate pair.
    shown.page.evaluate(
        "units => { const area = document.querySelector('textarea');"
        " area.value = units.map((unit) => String.fromCharCode(unit)).join('');"
        " area.dispatchEvent(new InputEvent('input', { bubbles: true })); }",
        [int.from_bytes(pair, "little") for pair in _units(text)],
    )
    go = shown.root.get_by_role("button", name="Continue")
    notice = shown.root.locator(".xp-notice").text_content()
    context = load("moby").model.context
    if kind == "nothing":
        assert go.is_disabled()
        assert "the model needs a token" in notice
        assert shown.text("p0") == shown.text("entropy") == shown.text("nats") == "·"
        with pytest.raises(ValueError, match="ids must be"):
            exec(shown.code(), {})
    else:
        kept = shown.root.locator("textarea").input_value()
        assert len(_units(kept)) <= LONGEST
        ids = load("moby").tokenizer.encode(kept)
        assert shown.number("tokens") == len(ids)
        assert ("forgotten" in notice) == (len(ids) > context and len(text) <= LONGEST)
        assert (f"the first {LONGEST} characters" in notice) == (len(_units(text)) > LONGEST)
        names: dict = {}
        exec(shown.code(), names)
        assert names["text"] == kept
        share = names["next_token"].max().item()
        assert shown.number("p0") == pytest.approx(share, abs=1.01e-4)
        go.click()
        shown.root.locator(".xp-chip.written").nth(99).wait_for(state="attached")
    shown.assert_sound()


def _units(text: str) -> list[bytes]:
    """A text's UTF-16 units, two bytes each."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    return [encoded[k : k + 2] for k in range(0, len(encoded), 2)]
