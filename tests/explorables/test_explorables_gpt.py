"""The GPT in the page, its Python side: small html, weights beside it, printed code that runs."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load as parse_tensors
from zero_book import weights

from course_explorables import gpt_page
from course_explorables.gpt_page import FOLDER, NEW_TOKENS, GPTInPage, window_start, write_weights
from course_lib.pretrained import gpts
from course_lib.text.generation import generate, next_token_logits
from course_lib.text.tokenizers import BytePairTokenizer, CharacterTokenizer


@pytest.fixture(scope="module")
def moby():
    return gpts.load("moby")


def test_html_is_small_the_same_each_time_and_free_of_the_weights():
    html = GPTInPage().to_html()
    assert html == GPTInPage().to_html()
    assert len(html.encode()) < 60_000
    assert html.count("</script") == 1
    assert GPTInPage("</script><b>").to_html().count("</script") == 1
    state = html.rsplit('", ', 1)[1]
    assert '"merges"' not in state
    assert '"weights"' not in state
    assert '"model_settings"' not in state


def test_a_notebook_gets_the_file_s_bytes_and_a_plain_text_without_them(moby):
    widget = GPTInPage("A whale")
    tensors = parse_tensors(bytes(widget.weights))
    for name, parameter in moby.model.state_dict().items():
        assert torch.equal(tensors[name].float(), parameter), name
    assert widget.model_settings == moby.card["model"]
    assert [tuple(pair) for pair in widget.merges] == moby.tokenizer.merges
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == widget.to_html()
    assert data["text/plain"] == (
        "GPTInPage(prompt='A whale', written=[], greedy=False, temperature=0.8, top_k=40, layer=2, head=1, "
        "query=-1, seed=0)"
    )


def test_the_script_holds_the_model_whole(tmp_path, moby):
    file = write_weights("moby", tmp_path / "site")
    assert file == tmp_path / "site" / FOLDER / "moby.js"
    text = file.read_text("utf-8")
    begin, end = '(globalThis.courseModels ??= {})["moby"] = ', ";\n"
    assert text.startswith(begin)
    assert text.endswith(end)
    content = json.loads(text.removeprefix(begin).removesuffix(end))
    assert content["settings"] == moby.card["model"]
    assert BytePairTokenizer(content["merges"]).merges == moby.tokenizer.merges
    tensors = parse_tensors(base64.b64decode(content["weights"]))
    for name, parameter in moby.model.state_dict().items():
        assert torch.equal(tensors[name].float(), parameter), name
    assert write_weights("moby", tmp_path / "again").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("context", [1, 2, 7, 16])
def test_the_window_begins_where_generate_begins_it(context):
    seen = []

    class Recorder(torch.nn.Module):
        def forward(self, ids, cache=None):
            assert cache is None
            seen.append((int(ids[0, 0]), int(ids[0, -1]) + 1))
            logits = torch.zeros(1, ids.shape[1], 200)
            logits[0, -1, int(ids[0, -1]) + 1] = 1  # each token is its own place in the text
            return logits

    generate(Recorder(), torch.tensor([0]), 90, context=context, use_cache=False)
    assert len(seen) == 90
    for first, length in seen:
        assert window_start(length, context) == first, (length, context)


@pytest.mark.parametrize("greedy", [True, False])
def test_the_printed_code_continues_the_text_and_shows_the_next_tokens(greedy, capsys, moby):
    widget = GPTInPage(
        '"Thar she «blows»!"\n\t🐋 \\', greedy=greedy, temperature=0.7, top_k=3, layer=1, head=2
    )
    widget.written = [300, 301, 302]
    names: dict = {}
    exec(widget.code(), names)
    model, tokenizer, _ = moby
    ids = torch.tensor([*tokenizer.encode(widget.prompt), 300, 301, 302])
    assert torch.equal(names["ids"], ids)
    with torch.no_grad():
        logits, weights = model(ids[None], need_weights=True)
    shown = logits[0, -1] if greedy else next_token_logits(logits[0, -1], temperature=0.7, top_k=3)
    torch.testing.assert_close(names["next_token"], shown.softmax(0))
    torch.testing.assert_close(names["attention"], weights[1][0, 2])
    printed = capsys.readouterr().out
    best = names["next_token"].argmax()
    assert printed.startswith(f"{names['next_token'][best]:.4f} {tokenizer.tokens[best]}\n")
    options = (
        {} if greedy else {"temperature": 0.7, "top_k": 3, "generator": torch.Generator().manual_seed(0)}
    )
    expected = generate(model, ids, NEW_TOKENS, context=model.context, **options)
    assert torch.equal(names["continuation"], expected)


def test_the_printed_code_forgets_what_the_page_forgets(moby):
    widget = GPTInPage("the whale and " * 120, greedy=True)
    names: dict = {}
    exec(widget.code(), names)
    ids = moby.tokenizer.encode(widget.prompt)
    context = moby.model.context
    assert len(ids) > context
    assert names["ids"].tolist() == ids[window_start(len(ids), context) :]
    assert len(names["ids"]) <= context


def test_an_empty_prompt_is_refused_by_the_printed_code_in_words():
    with pytest.raises(ValueError, match="ids must be"):
        exec(GPTInPage("").code(), {})


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"prompt": 3}, TypeError, "prompt must be a string, got 3"),
        ({"prompt": "a" * 10_001}, ValueError, "prompt must be at most 10000 characters, .* got 10001"),
        ({"prompt": "\ud83d"}, ValueError, "prompt must be .* no surrogates"),
        ({"name": "nobody"}, ValueError, "name must be one of moby"),
        ({"temperature": 0.0}, ValueError, "temperature must lie between 0.1 and 3, got 0.0"),
        ({"temperature": float("nan")}, ValueError, "temperature must lie between 0.1 and 3, got nan"),
        ({"top_k": 0}, ValueError, r"top_k must be None or from 1 to \d+, got 0"),
        ({"top_k": 10**6}, ValueError, r"top_k must be None or from 1 to \d+, got 1000000"),
        ({"layer": 99}, ValueError, "layer must be a whole number from 0 to .*, got 99"),
        ({"head": -1}, ValueError, "head must be a whole number from 0 to .*, got -1"),
        ({"seed": 2**31}, ValueError, "seed must be a whole number from 0 to 2147483647"),
    ],
)
def test_errors_name_the_parameter(options, error, text):
    with pytest.raises(error, match=text):
        GPTInPage(**options)


def test_a_build_that_ends_well_has_the_script_in_its_site(tmp_path):
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=str(tmp_path))
    weights.write_models(app, RuntimeError("the build failed"))
    assert list(tmp_path.iterdir()) == []
    weights.write_models(app, None)
    expected = write_weights("moby", tmp_path / "again")
    assert (tmp_path / FOLDER / "moby.js").read_bytes() == expected.read_bytes()


def test_window_start_refuses_what_is_no_length():
    for length, context in ((-1, 4), (3, 0)):
        with pytest.raises(ValueError, match="length must be at least 0 and context at least 1"):
            window_start(length, context)


def test_a_model_of_characters_is_refused(monkeypatch, moby):
    foreign = gpts.Pretrained(moby.model, CharacterTokenizer("ab"), moby.card)
    monkeypatch.setattr(gpt_page.gpts, "load", lambda _: foreign)
    with pytest.raises(ValueError, match="name must be a model with a byte-pair tokenizer, got 'letters'"):
        write_weights("letters", None)
