"""The shipped GPTs: whole or refused, as good as their cards say, and made by the command they name."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as to_bytes

from course_lib.pretrained import gpts
from course_lib.pretrained.gpts import load, parse
from course_lib.pretraining import pretrain
from course_lib.pretraining.pretrain import CORPORA, corpus_text, encode_split
from course_lib.text.evaluation import model_loss
from course_lib.text.generation import generate
from course_lib.text.tokenizers import BytePairTokenizer, CharacterTokenizer
from studies import ship

NAMES = ["moby", "tang"]


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def contents(name: str) -> tuple[bytes, bytes]:
    return tuple((gpts.FILES / f"{name}.{end}").read_bytes() for end in ("safetensors", "json"))


def test_a_model_comes_ready_to_use(name):
    model, tokenizer, card = load(name)
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert isinstance(tokenizer, BytePairTokenizer if name == "moby" else CharacterTokenizer)
    assert tokenizer.vocab_size == model.vocab_size == card["model"]["vocab_size"]
    assert "tokenizer" not in card
    ids = torch.tensor(tokenizer.encode("\n\n"))
    with_cache, without = (
        generate(model, ids, model.context + 10, context=model.context, use_cache=use_cache)
        for use_cache in (True, False)
    )
    assert torch.equal(with_cache, without)


def test_values_are_those_of_the_file_in_float16(name):
    weights = parse_tensors(contents(name)[0])
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    state = load(name).model.state_dict()
    assert all(torch.equal(state[key], tensor.float()) for key, tensor in weights.items())
    assert len(contents(name)[0]) < 3_500_000


def test_the_card_tells_what_was_done(name):
    model, tokenizer, card = load(name)
    words = card["command"].split()
    assert words[:3] == ["python", "-m", "course_lib.pretraining"]
    arguments = pretrain.parser().parse_args(words[3:])
    assert arguments.corpus == name
    for key in ("layers", "heads", "d_model", "context"):
        assert getattr(arguments, key) == card["model"][key]
    assert arguments.seed == card["seed"]
    assert card["data_sha256"] == CORPORA[name]
    assert card["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    history = card["training"]["history"]
    assert history[-1]["step"] == arguments.steps
    least = min(row["validation_loss"] for row in history)
    # Rounding to float16 costs next to nothing.
    assert card["validation"]["nats_per_token"]["model"] == pytest.approx(least, abs=2e-3)
    assert {"processor", "threads", "torch", "python"} <= card["training"]["machine"].keys()
    encoded = encode_split(tokenizer, corpus_text(name, "validation"))
    assert card["validation"]["tokens"] == len(encoded.ids) - 1
    nats, bits = card["validation"]["nats_per_token"], card["validation"]["bits_per_byte"]
    for way in ("model", "bigram", "unigram"):
        whole = bits[way] * math.log(2) * len(encoded.text.encode())
        assert whole == pytest.approx(nats[way] * (len(encoded.ids) - 1))


def test_the_card_states_the_true_losses(name):
    model, tokenizer, card = load(name)
    found = ship.validation_losses(model, tokenizer, name)
    for way, loss in card["validation"]["nats_per_token"].items():
        assert found["nats_per_token"][way] == pytest.approx(loss, abs=1e-4), way


def test_the_model_beats_what_only_counts(name):
    nats = load(name).card["validation"]["nats_per_token"]
    assert nats["model"] < nats["bigram"] - 0.1
    assert nats["bigram"] < nats["unigram"]


def test_sampled_english_reads_as_words():
    samples = load("moby").card["samples"]
    assert samples["words"] >= 2000
    assert samples["known_words"] > 0.85
    assert samples["known_words_of_character_bigrams"] < 0.5 * samples["known_words"]


def test_sampled_poems_keep_the_form():
    samples = load("tang").card["samples"]
    assert samples["poems"] >= 200
    assert samples["quatrains"] > 0.85
    assert samples["quatrains_of_character_bigrams"] < 0.1


def test_the_first_sample_is_what_the_model_writes(name):
    model, tokenizer, card = load(name)
    text = ship.write_samples(model, tokenizer, card["samples"]["prompt"], tokens=60)[0]
    assert len(text) > 30
    assert card["samples"]["first"].startswith(text)


@pytest.mark.parametrize("end", ["safetensors", "json"])
@pytest.mark.parametrize("damage", ["one bit", "truncated"])
def test_a_damaged_file_is_refused_by_name_and_hash(end, damage, tmp_path: Path, monkeypatch):
    for each in ("safetensors", "json"):
        content = bytearray((gpts.FILES / f"moby.{each}").read_bytes())
        if each == end:
            if damage == "one bit":
                content[-9] ^= 1
            else:
                del content[-100:]
            found = hashlib.sha256(content).hexdigest()
        (tmp_path / f"moby.{each}").write_bytes(content)
    monkeypatch.setattr(gpts, "FILES", tmp_path)
    with pytest.raises(ValueError, match=rf"moby\.{end} is corrupt or truncated: expected SHA-256") as caught:
        load("moby")
    assert found in str(caught.value)
    (tmp_path / f"moby.{end}").unlink()
    with pytest.raises(FileNotFoundError):
        load("moby")


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="name must be one of moby, tang, got 'gpt2'"):
        load("gpt2")


def test_a_tokenizer_of_another_vocabulary_is_refused():
    weights, card = contents("moby")
    record = json.loads(card)
    record["tokenizer"]["merges"].pop()
    with pytest.raises(ValueError, match="the tokenizer has 1023 tokens, the model 1024"):
        parse(weights, json.dumps(record).encode())
    tang_card = json.loads(contents("tang")[1])
    tang_card["model"] |= {key: record["model"][key] for key in ("context", "layers", "heads", "d_model")}
    with pytest.raises(ValueError, match=r"weights: token_embedding.weight must be .* got \(1024, 128\)"):
        parse(weights, json.dumps(tang_card).encode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("final_norm.bias"), r"lack \['final_norm.bias'\], hold besides \[\]"),
        (lambda tensors: tensors.update(extra=torch.zeros(1)), r"lack \[\], hold besides \['extra'\]"),
        (
            lambda tensors: tensors.update({"final_norm.bias": torch.zeros(3)}),
            r"final_norm.bias must be \(128,\) as in the model, got \(3,\)",
        ),
    ],
)
def test_other_parameters_are_refused(change, message):
    weights, card = contents("moby")
    tensors = parse_tensors(weights)
    change(tensors)
    with pytest.raises(ValueError, match=message):
        parse(to_bytes(tensors), card)


def test_files_of_another_form_are_refused():
    weights, card = contents("moby")
    with pytest.raises(ValueError, match="weights must be a whole safetensors file"):
        parse(weights[:-8], card)
    for bad in (b"{", b"[]", b"{}", b"\xff"):
        with pytest.raises(ValueError, match="card must be JSON with model and tokenizer"):
            parse(weights, bad)


def test_shipping_rounds_measures_and_writes(tmp_path: Path):
    """A small run through both commands; its card must state the loss of the rounded values."""
    words = "--corpus moby --tokenizer characters --layers 1 --heads 2 --d-model 8 --context 32 --steps 30"
    more = ["--batch-size", "4", "--threads", "1", "--device", "cpu", "--quiet", "--warmup", "2"]
    assert pretrain.main([*words.split(), *more, "--learning-rate", "0.01", "--out", str(tmp_path)]) == 0
    hashes = ship.ship(tmp_path, "small", tmp_path)
    written = {file: (tmp_path / file).read_bytes() for file in hashes}
    assert {file: hashlib.sha256(content).hexdigest() for file, content in written.items()} == hashes
    model, tokenizer, card = parse(written["small.safetensors"], written["small.json"])
    encoded = encode_split(tokenizer, corpus_text("moby", "validation"))
    stated = card["validation"]["nats_per_token"]["model"]
    assert model_loss(model, encoded.ids, context=32) == pytest.approx(stated, abs=1e-5)
    assert card["training"]["history"][-1]["step"] == 30
    assert card["command"].startswith("python -m course_lib.pretraining --corpus moby")
