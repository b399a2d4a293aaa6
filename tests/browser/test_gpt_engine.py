"""The engine of the GPT in the page against PyTorch: logits, attention, greedy text, byte pairs, draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from explorable_page import page_of
from gpt_prompts import assert_same_greedy, drawn_prompts

from course_explorables.base import joined_module
from course_explorables.gpt_page import window_start, write_weights
from course_lib.data.text import load_moby_dick
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.pretrained.gpts import load
from course_lib.text.generation import generate, next_token_logits

ENGINE = ("base.mjs", "frame.mjs", "safetensors.mjs", "byte_pair.mjs", "gpt_network.mjs")
# What a test asks of the engine: the page's own functions, a list of ids in, plain numbers out.
_QUESTIONS = """
const { settings, merges, weights } = globalThis.courseModels.moby;
const net = network(settings, parseSafetensors(fromBase64(weights)));
const tokenizer = bytePairs(merges);
window.tested = {
  encode: (texts) => texts.map((text) => tokenizer.encode(text)),
  decode: (all) => all.map((ids) => tokenizer.decode(ids)),
  logits(all) {
    return all.map(([ids, places]) => {
      const kept = reader(net);
      follow(net, kept, ids);
      return places.map((k) => [...kept.logits.subarray(k * net.vocabulary, (k + 1) * net.vocabulary)]);
    });
  },
  attention(ids) {
    const kept = reader(net);
    follow(net, kept, ids.slice(0, 3)); // a detour: what was read of another text must leave no trace
    follow(net, kept, [...ids.slice(0, 2), 7, 7, 7]);
    follow(net, kept, ids);
    const row = (table, m) => [...table.subarray(m * net.context, m * net.context + ids.length)];
    return kept.weights.map((table) => ids.map((_, m) => row(table, m)));
  },
  greedy(ids, more) {
    const kept = reader(net);
    for (let k = 0; k < more; k += 1) {
      follow(net, kept, ids.slice(windowStart(ids.length, net.context)));
      const last = kept.ids.length - 1;
      const logits = kept.logits.subarray(last * net.vocabulary, (last + 1) * net.vocabulary);
      ids = [...ids, logits.indexOf(logits.reduce((top, each) => Math.max(top, each)))];
    }
    return ids;
  },
  shares: (logits, temperature, most) => [...probabilities(logits, temperature, most).shares],
  draws: (shares, chances) => chances.map((each) => drawToken(shares, each)),
  chances: (seed, count) => Array.from({ length: count }, (_, place) => chance(seed, place)),
  windows: (context, count) => Array.from({ length: count }, (_, length) => windowStart(length, context)),
};"""


@pytest.fixture(scope="module")
def moby():
    return load("moby")


@pytest.fixture
def ask(offline_page, tmp_path: Path) -> Callable[..., object]:
    """`ask("logits", arguments, ...)` calls a function of the page's engine on the shipped weights."""
    write_weights("moby", tmp_path)
    script = joined_module(ENGINE) + _QUESTIONS
    file = tmp_path / "engine.html"
    body = f'<script src="gpt/moby.js"></script><script type="module">{script}</script>'
    file.write_text(page_of(body), encoding="utf-8")
    watched = offline_page()
    watched.page.goto(file.as_uri())
    watched.page.wait_for_function("window.tested !== undefined")
    watched.assert_clean()

    def call(name: str, *arguments: object) -> object:
        return watched.page.evaluate(f"given => window.tested.{name}(...given)", list(arguments))

    return call


def test_logits_equal_pytorchs_on_twenty_prompts(ask, moby, chance):
    prompts = drawn_prompts(chance, 18, longest=moby.model.context)
    prompts += [[chance.randrange(moby.model.vocab_size)], prompts[0][:1] * moby.model.context]
    places = [sorted({chance.randrange(len(ids)), len(ids) - 1}) for ids in prompts]
    found = ask("logits", list(zip(prompts, places, strict=True)))
    for ids, rows, answer in zip(prompts, places, found, strict=True):
        with torch.no_grad():
            expected = moby.model(torch.tensor([ids]))[0, rows]
        assert_same_up_to_rounding(torch.tensor(answer), expected, terms=additions(moby.model))


def test_attention_of_every_layer_and_head_equals_pytorchs(ask, moby, chance):
    (ids,) = drawn_prompts(chance, 1, shortest=8, longest=60)
    with torch.no_grad():
        _, weights = moby.model(torch.tensor([ids]), need_weights=True)
    found = torch.tensor(ask("attention", ids)).tril()
    expected = torch.cat([each[0] for each in weights])
    assert_same_up_to_rounding(found, expected, terms=additions(moby.model))


def test_greedy_continuations_are_pytorchs_token_by_token(ask, moby, chance):
    prompts = drawn_prompts(chance, 3, longest=40)
    prompts += drawn_prompts(chance, 1, shortest=220, longest=moby.model.context)  # outgrows the context
    for ids in prompts:
        expected = generate(moby.model, torch.tensor(ids), 70, context=moby.model.context)
        assert_same_greedy(moby.model, ask("greedy", ids, 70), expected.tolist())


ODD = [
    "",
    " ",
    "\n\n\t \r\n",
    "whale  whale\tWHALE, the whale's 42nd 4,2",
    "🐋🏴‍☠️ naïve façade — “quoted” … café",
    "鯨は海へ 白鯨 \u3000\u00a0\u2028\ufeff",
    "\x00\x01\x7f\x80\xff \ufffd",
    "a" * 1000 + "🙂" * 50 + " " * 70,
    "abc1def!ghi_jkl-mno",
]


def test_byte_pairs_equal_pythons_on_odd_texts_and_drawn_ones(ask, moby, chance):
    letters = "etaoin shrdlu\n\t.,'09éß鯨🐋"
    texts = ODD + ["".join(chance.choices(letters, k=chance.randint(1, 60))) for _ in range(40)]
    start = chance.randrange(10**5)
    texts.append(load_moby_dick("validation")[start : start + 3000])
    expected = [moby.tokenizer.encode(text) for text in texts]
    assert ask("encode", texts) == expected
    assert ask("decode", expected) == texts
    broken = [chance.choices(range(moby.model.vocab_size), k=20) for _ in range(40)]
    assert ask("decode", broken) == [moby.tokenizer.decode(ids) for ids in broken]


def test_what_is_drawn_follows_the_distribution(ask, chance):
    logits = [chance.gauss(0, 3) for _ in range(200)]
    temperature, top_k = chance.uniform(0.3, 2), chance.choice([None, 1, 7, 50])
    exact = torch.tensor(logits, dtype=torch.float64)
    expected = next_token_logits(exact, temperature=temperature, top_k=top_k)
    shares = expected.softmax(0)
    found = ask("shares", logits, temperature, top_k or 0)
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), shares, rtol=0, atol=1e-12)
    # The token where the cumulated shares pass the number drawn …
    chances = [chance.random() for _ in range(300)]
    places = torch.searchsorted(shares.cumsum(0), torch.tensor(chances, dtype=torch.float64), right=True)
    assert ask("draws", found, chances) == places.tolist()
    # … and the numbers drawn are even, and new for every seed and place.
    drawn = torch.tensor([ask("chances", seed, 500) for seed in chance.sample(range(2**31), 20)])
    counts = torch.histc(drawn, bins=20, min=0, max=1)
    chi_squared = ((counts - 500) ** 2 / 500).sum().item()
    assert chi_squared < 60, "twenty bins: mean 19, one in 4 million above 60"
    assert drawn.unique().numel() > 9_990
    lag = torch.corrcoef(torch.stack([drawn[:, :-1].flatten(), drawn[:, 1:].flatten()]))[0, 1]
    assert abs(lag) < 5 / math.sqrt(drawn.numel())


def test_the_window_is_pythons(ask):
    for context in (1, 2, 9, 256):
        assert ask("windows", context, 700) == [window_start(length, context) for length in range(700)]
