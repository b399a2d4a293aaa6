"""The GPT in the page, by mouse and keys, against PyTorch for the text that stands there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from gpt_prompts import drawn_prompts

from course_explorables.gpt_page import GPTInPage, write_weights
from course_lib.pretrained.gpts import load
from course_lib.text.generation import generate, next_token_logits


@pytest.fixture(scope="module")
def moby():
    return load("moby")


@pytest.fixture
def show_gpt(show, tmp_path: Path):
    """`show` with the weights beside the page."""
    write_weights("moby", tmp_path)
    return show


def ids_of(shown, moby):
    """The prompt's ids and the written ones, from the printed code."""
    code = shown.code()
    text = ast.literal_eval(code.split("\ntext = ")[1].split("\n")[0])
    after = code.split("ids = torch.tensor(tokenizer.encode(text)")[1].split(", dtype")[0]
    return moby.tokenizer.encode(text), ast.literal_eval(after.removeprefix(" + ") or "[]")


def finish(shown):
    shown.root.get_by_role("button", name="Continue", exact=True).wait_for(timeout=20_000)


def compare(shown, moby, *, temperature=None, top_k=None, layer=2, head=1):
    """Bars, entropy, surprise and the attention told are PyTorch's for the text on the page."""
    typed, written = ids_of(shown, moby)
    ids = torch.tensor([typed + written])
    with torch.no_grad():
        logits, weights = moby.model(ids, need_weights=True)
    last = logits[0, -1]
    if temperature is not None:
        last = next_token_logits(last, temperature=temperature, top_k=top_k)
    shares = last.softmax(0)
    best = shares.topk(10).values.tolist()
    for k, share in enumerate(best):
        if share > 0:
            assert shown.number(f"p{k}") == pytest.approx(share, abs=1.01e-4)
        else:
            assert shown.text(f"p{k}") == "·"
    assert shown.number("entropy") == pytest.approx(torch.special.entr(shares).sum().item(), abs=1e-3)
    if len(typed) > 1:
        losses = torch.nn.functional.cross_entropy(logits[0, : len(typed) - 1], ids[0, 1 : len(typed)])
        assert shown.number("nats") == pytest.approx(losses.item(), abs=1e-3)
    row = weights[layer][0, head, -1]
    told = shown.text("told").split(":")[0]
    assert float(told) == pytest.approx(row.max().item(), abs=1.01e-4)


@pytest.mark.parametrize("width", [360, 700])
def test_prompts_choices_and_heads_equal_pytorch(width, show_gpt, moby, chance):
    shown = show_gpt(GPTInPage(), width=width)
    compare(shown, moby, temperature=0.8, top_k=40)
    for ids in drawn_prompts(chance, 2, shortest=3, longest=30):
        shown.root.locator("textarea").fill(moby.tokenizer.decode(ids).replace("\r", ""))
        compare(shown, moby, temperature=0.8, top_k=40)
    for slider, presses in (("Temperature", 4), ("Top-k", 3)):
        shown.root.get_by_label(slider).focus()
        for _ in range(presses):
            shown.page.keyboard.press("ArrowLeft")
    compare(shown, moby, temperature=0.4, top_k=5)
    layer, head = chance.randrange(len(moby.model.blocks)), chance.randrange(4)
    shown.root.get_by_role("group", name="Attention of layer").get_by_role("button").nth(layer).click()
    shown.root.get_by_role("group", name="head", exact=True).get_by_role("button").nth(head).click()
    shown.root.get_by_role("button", name="the likeliest").click()
    compare(shown, moby, layer=layer, head=head)
    shown.reset()
    compare(shown, moby, temperature=0.8, top_k=40)
    assert shown.root.locator("textarea").input_value() == GPTInPage().prompt
    shown.assert_sound()


@pytest.mark.parametrize("prompt", ["The whale", "I am 42 🐋 and", "\n"])
def test_continue_writes_what_pytorch_writes(prompt, show_gpt, moby):
    shown = show_gpt(GPTInPage(prompt, greedy=True))
    shown.root.get_by_role("button", name="Continue").click()
    finish(shown)
    typed, written = ids_of(shown, moby)
    assert len(written) == 120
    expected = generate(moby.model, torch.tensor(typed), 120, context=moby.model.context)
    assert typed + written == expected.tolist()
    assert shown.root.locator("textarea").input_value() == moby.tokenizer.decode(typed + written)
    assert shown.number("tokens") == len(expected)
    compare(shown, moby)
    names: dict = {}
    exec(GPTInPage(prompt, greedy=True).code(), names)
    assert names["continuation"].tolist() == typed + written
    shown.assert_sound()


def test_a_text_beyond_the_context_forgets_its_older_half_as_pytorch_does(show_gpt, moby, chance):
    (ids,) = drawn_prompts(chance, 1, shortest=230, longest=250)
    text = moby.tokenizer.decode(ids).replace("\r", "")
    shown = show_gpt(GPTInPage(text, greedy=True))
    shown.root.get_by_role("button", name="Continue").click()
    finish(shown)
    typed, written = ids_of(shown, moby)
    expected = generate(moby.model, torch.tensor(typed), 120, context=moby.model.context)
    assert typed + written == expected.tolist()
    assert "are forgotten" in shown.root.locator(".xp-notice").text_content()
    names: dict = {}
    exec(shown.code(), names)
    shares = names["next_token"].topk(10).values
    assert [shown.number(f"p{k}") for k in range(10)] == pytest.approx(shares.tolist(), abs=1.01e-4)
    shown.assert_sound()


def test_a_drawn_continuation_takes_only_tokens_it_may_and_a_seed_repeats_it(show_gpt, moby):
    shown = show_gpt(GPTInPage("The sea", temperature=1.3, top_k=5))

    def continued(button):
        shown.root.get_by_role("button", name=button).click()
        finish(shown)
        return ids_of(shown, moby)

    typed, first = continued("Continue")
    with torch.no_grad():
        logits = moby.model(torch.tensor([typed + first]))[0, len(typed) - 1 : -1]
    rank = (logits > logits.gather(1, torch.tensor(first)[:, None])).sum(1)
    assert rank.max() < 5
    assert rank.unique().numel() == 5, "120 draws take every one of five"
    _, second = continued("Another continuation")
    assert second != first
    shown.reset()
    assert ids_of(shown, moby)[1] == []
    assert continued("Continue")[1] == first
    shown.assert_sound()


def test_a_press_on_a_bar_takes_that_token(show_gpt, moby, chance):
    shown = show_gpt(GPTInPage("The captain"))
    for step in range(4):
        typed, written = ids_of(shown, moby)
        with torch.no_grad():
            order = moby.model(torch.tensor([typed + written]))[0, -1].topk(10).indices
        k = chance.randrange(10)
        shown.root.locator(".xp-next").nth(k).press("Enter")
        assert ids_of(shown, moby)[1] == [*written, order[k].item()]
        assert shown.number("tokens") == len(typed) + step + 1
    compare(shown, moby, temperature=0.8, top_k=40)


def test_chips_are_the_tokens_and_keys_choose_whose_attention_is_shown(show_gpt, moby, chance):
    shown = show_gpt(GPTInPage("The great white whale swam about", layer=1, head=2))
    typed, _ = ids_of(shown, moby)
    chips = shown.root.locator(".xp-chip")
    tokens = [moby.tokenizer.tokens[k].replace(" ", "·") for k in typed]
    assert chips.all_text_contents() == tokens
    with torch.no_grad():
        weights = moby.model(torch.tensor([typed]), need_weights=True)[1][1][0, 2]
    chips.last.focus()
    for key in ("Home", *["ArrowRight"] * chance.randint(1, 4)):
        shown.page.keyboard.press(key)
    chosen = [chip.get_attribute("aria-pressed") for chip in chips.all()].index("true")
    told = shown.text("told")
    assert told.endswith(f": “{tokens[chosen]}” looks most at “{tokens[weights[chosen].argmax()]}”")
    heights = [
        float(chip.evaluate("node => node.style.getPropertyValue('--weight')")) for chip in chips.all()
    ]
    assert heights == pytest.approx((weights[chosen] / weights[chosen].max()).tolist(), abs=1e-3)
    # The mouse over the map tells any weight.
    svg = shown.root.locator(".xp-map svg")
    svg.evaluate("node => node.scrollIntoView({ block: 'center' })")
    box = svg.bounding_box()
    row = chance.randrange(1, len(typed))
    column = chance.randrange(row + 1)
    pitch = box["width"] / len(typed)
    shown.page.mouse.move(box["x"] + (column + 0.5) * pitch, box["y"] + (row + 0.5) * pitch)
    value, text = shown.text("told").split(": ", 1)
    assert text == f"“{tokens[row]}” looks at “{tokens[column]}”"
    assert float(value) == pytest.approx(weights[row, column].item(), abs=1.01e-4)
    shown.assert_sound()


# Within the page, so that nothing is written between the first token seen and the act.
INTERRUPT = """act => new Promise((done) => {
  const named = (name) => [...document.querySelectorAll('button')].find((each) => each.textContent === name);
  const area = document.querySelector('textarea');
  const acts = {
    stop: () => named('Stop').click(),
    reset: () => named('Reset').click(),
    focus: () => area.focus(),
    edit() {
      area.value = 'Ahab';
      area.dispatchEvent(new InputEvent('input', { bubbles: true }));
    },
  };
  const look = () => {
    if (!document.querySelector('.xp-chip.written')) return requestAnimationFrame(look);
    acts[act]();
    done();
  };
  named('Continue').click();
  look();
})"""


@pytest.mark.parametrize("act", ["stop", "reset", "focus", "edit"])
def test_a_continuation_can_be_ended_in_the_midst(act, show_gpt, moby):
    shown = show_gpt(GPTInPage())
    start = shown.everything()
    shown.page.evaluate(INTERRUPT, act)
    finish(shown)
    before = shown.everything()
    shown.page.wait_for_timeout(150)
    assert shown.everything() == before
    typed, written = ids_of(shown, moby)
    assert typed == moby.tokenizer.encode("Ahab" if act == "edit" else GPTInPage().prompt)
    if act in ("reset", "edit"):
        assert written == []
    else:
        assert 0 < len(written) < 120
    shown.root.get_by_role("button", name="Hide the PyTorch code").click()
    shown.reset()
    assert shown.everything() == start
    shown.assert_sound()


def test_both_goals_are_within_reach(show_gpt, moby):
    shown = show_gpt(GPTInPage())
    goals = shown.root.locator(".xp-goals li")
    assert [goal.get_attribute("class") for goal in goals.all()] == [None, None]
    ids = generate(moby.model, torch.tensor(moby.tokenizer.encode("The")), 40, context=moby.model.context)
    shown.root.locator("textarea").fill(moby.tokenizer.decode(ids.tolist()))
    compare(shown, moby, temperature=0.8, top_k=40)
    assert goals.nth(0).get_attribute("class") == "reached"
    shown.root.locator("textarea").fill("QZXJ%KQ7~zqVX^wJqZ")
    assert goals.nth(1).get_attribute("class") == "reached"
    compare(shown, moby, temperature=0.8, top_k=40)
