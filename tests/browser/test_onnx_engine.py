"""ONNX Runtime in the page: fetched on a click, equal to PyTorch, and plain about where it cannot be had."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import chromium
import pytest
import torch
from explorable_page import Shown, page_of
from gpt_prompts import assert_same_greedy, drawn_prompts

from course_explorables.base import joined_module
from course_explorables.draw_digit import DrawDigit
from course_explorables.gpt_page import GPTInPage
from course_lib.data.digits import load_digits
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding, rounding_bound
from course_lib.pretrained.digit_network import digit_network
from course_lib.pretrained.gpts import load
from course_lib.text.generation import generate

BUTTON = "Ask ONNX Runtime too"
HEAVY = (".wasm", ".onnx", "ort.wasm.bundle.min.mjs")
_ASK = """async ([name, questions]) => {
  const model = await (models[name] ??= onnxModel(name));
  const answers = [];
  for (const [key, type, data, shape] of questions) {
    const values = type === "int64" ? BigInt64Array.from(data, BigInt) : Float32Array.from(data);
    answers.push([...await model({ [key]: [type, values, shape] })]);
  }
  return answers;
}"""


@pytest.fixture
def ask(site_server, offline_page) -> Callable[..., list[torch.Tensor]]:
    """`ask("digit", inputs, ...)` gives a model's logits, by the built book's ONNX Runtime in Chromium."""
    script = joined_module(("base.mjs", "frame.mjs", "onnx_engine.mjs"))
    script += f"\nwindow.models = {{}};\nwindow.ask = {_ASK};"
    page = page_of(f'<script type="module">{script}</script>').replace(
        "<html", '<html data-content_root="./"'
    )
    watched = offline_page()
    watched.page.route("**/asked.html", lambda route: route.fulfill(body=page, content_type="text/html"))
    watched.page.goto(f"{site_server}/asked.html")
    watched.page.wait_for_function("window.ask !== undefined")

    def answer(name: str, *inputs: torch.Tensor) -> list[torch.Tensor]:
        key, kind = ("ids", "int64") if name == "moby" else ("images", "float32")
        questions = [[key, kind, each.flatten().tolist(), list(each.shape)] for each in inputs]
        found = watched.page.evaluate("given => window.ask(given)", [name, questions])
        watched.assert_clean()
        return [torch.tensor(each) for each in found]

    return answer


def test_a_hundred_digits_have_pytorchs_logits(ask, chance):
    images = load_digits("test").images
    images = images[torch.tensor(chance.sample(range(len(images)), 100))]
    found = ask("digit", images[:1], images[1:])
    with torch.no_grad():
        model = digit_network()
        expected = model(images)
    assert_same_up_to_rounding(torch.cat(found).view(100, 10), expected, terms=additions(model))


def test_the_gpt_answers_as_pytorch_does(ask, chance):
    moby = load("moby").model
    prompts = [torch.tensor([ids]) for ids in drawn_prompts(chance, 10, longest=moby.context)]
    prompts += [torch.full((1, moby.context), 7), torch.tensor([[chance.randrange(moby.vocab_size)]])]
    for ids, logits in zip(prompts, ask("moby", *prompts), strict=True):
        found = logits.view(1, -1, moby.vocab_size)
        with torch.no_grad():
            expected, exact = moby(ids), moby.double()(ids)
            moby.float()
        for each in (found, expected):
            assert_same_up_to_rounding(each, exact, terms=additions(moby))


def test_the_gpts_greedy_text_is_pytorchs(ask, chance):
    model, tokenizer, _ = load("moby")
    ids = tokenizer.encode(chance.choice(["The whale", "Captain Ahab stood upon the", "Call me"]))
    expected = generate(model, torch.tensor(ids), 25, context=model.context).tolist()
    while len(ids) < len(expected):
        (logits,) = ask("moby", torch.tensor([ids]))
        ids.append(logits.view(-1, model.vocab_size)[-1].argmax().item())
    assert_same_greedy(model, ids, expected)


@pytest.fixture
def visit(offline_page) -> Iterator[Callable[[str], tuple[Shown, list[str]]]]:
    """`visit(address)` opens a page; gives its first explorable and the heavy files asked for so far."""

    def opened(address: str) -> tuple[Shown, list[str]]:
        watched = offline_page(viewport={"width": 1000, "height": 900})
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[1]))
        watched.page.goto(address)
        line = watched.page.locator('[data-reading="engine"]')
        root = watched.page.locator(".explorable").filter(has=line).first
        root.locator(".xp-buttons").wait_for()
        return Shown(watched, root), asked

    return opened


def told(shown: Shown) -> tuple[int, float]:
    """How many logits the line speaks of, and how far apart it says they are."""
    line = shown.root.locator('[data-reading="engine"]')
    shown.page.wait_for_function("node => node.textContent.includes('at most')", arg=line.element_handle())
    count, apart = re.search(r"(\d+) logits: at most (\S+) from ours", line.text_content()).groups()
    return int(count), float(apart)


def test_its_weight_is_what_the_button_and_the_chapter_say(site):
    runtime = (site / "_static" / "vendor" / "onnxruntime" / "ort-wasm-simd-threaded.wasm").stat().st_size
    assert round(runtime / 1e6) == 14, "14 MB"
    assert 2000 < runtime / len(joined_module(("network.mjs",))) < 6000, (
        "a few thousand times the hand-written pass"
    )


@pytest.mark.parametrize("chapter", ["06_mnist_classifier", "16_shipping"])
def test_a_click_in_the_book_compares_both_engines_on_every_digit(chapter, visit, site_server):
    shown, asked = visit(f"{site_server}/notebooks/{chapter}.html")
    assert not [name for name in asked if name.endswith(HEAVY)], "nothing heavy before the click"
    shown.root.get_by_role("button", name=BUTTON).click()
    count, apart = told(shown)
    assert count == 10
    model = digit_network()
    with torch.no_grad():
        logits = model(load_digits("test").images)
    assert 0 < apart < rounding_bound(logits, terms=additions(model))
    assert [name for name in asked if name.endswith(HEAVY)] == [
        "ort.wasm.bundle.min.mjs",
        "ort-wasm-simd-threaded.wasm",
        "digit.onnx",
    ]
    shown.root.get_by_role("button", name="Clear").click()
    assert shown.text("engine") == "ONNX Runtime has nothing to compare"
    shown.root.get_by_role("button", name="Example 5").click()
    assert told(shown) != (10, apart)
    shown.assert_sound()


def test_a_click_compares_both_engines_on_the_gpts_whole_window(visit, site_server):
    shown, _ = visit(f"{site_server}/notebooks/11_pretraining_a_gpt.html")
    shown.root.get_by_role("button", name=BUTTON).click()
    count, apart = told(shown)
    model, tokenizer, _ = load("moby")
    assert count == len(tokenizer.encode(GPTInPage().prompt)) * model.vocab_size
    with torch.no_grad():
        logits = model(torch.tensor([tokenizer.encode(GPTInPage().prompt)]))
    bound = rounding_bound(logits, terms=additions(model))
    assert 0 < apart < bound
    shown.root.locator("textarea").fill("Ahab")
    assert told(shown)[0] == len(tokenizer.encode("Ahab")) * model.vocab_size
    shown.root.get_by_role("button", name="Continue").click()
    shown.root.get_by_role("button", name="Stop").wait_for(state="detached")
    longer = (len(tokenizer.encode("Ahab")) + 120) * model.vocab_size
    shown.page.wait_for_function(
        "([node, text]) => node.textContent.includes(text)",
        arg=[shown.root.locator('[data-reading="engine"]').element_handle(), f"{longer} logits"],
    )
    assert told(shown)[1] < 2 * bound  # a longer text, whose largest logit is of the same kind
    shown.assert_sound()


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("file", "serve the book (make serve)"),
        ("no book", "not with a notebook"),
        ("no files", "did not start"),
    ],
)
def test_where_it_cannot_be_had_the_line_says_why_and_the_page_goes_on(place, reason, visit, tmp_path: Path):
    text = page_of(DrawDigit().to_html())
    (tmp_path / "page.html").write_text(
        text if place == "no book" else text.replace("<html", '<html data-content_root="./"'),
        encoding="utf-8",
    )
    with chromium.serve(tmp_path) as address:
        shown, asked = visit(f"{tmp_path.as_uri() if place == 'file' else address}/page.html")
        button = shown.root.get_by_role("button", name=BUTTON)
        for _ in range(2):  # a second click tries anew
            button.click()
            shown.page.wait_for_function(
                "node => node.textContent.includes('did not start')",
                arg=shown.root.locator('[data-reading="engine"]').element_handle(),
            )
            assert reason in shown.text("engine")
            assert button.is_enabled()
        assert place == "no files" or not [name for name in asked if name.endswith(HEAVY)]
        shown.root.get_by_role("button", name="Example 5").click()
        assert shown.text("prediction") == "5"
