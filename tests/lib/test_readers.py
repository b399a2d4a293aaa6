"""A reader of sentences is MiniLM where it is installed, and the book's own GPT where it is not."""

from __future__ import annotations

import pytest
import torch

from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.models.encoder import mean_pool
from course_lib.models.lora import add_lora
from course_lib.pretrained import encoders, gpts, minilm

TEXTS = ["A whale of a film.", "", "Dull; 鯨 and all", "the same again " * 30]


@pytest.fixture(params=["installed", "missing"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> encoders.Reader:
    """The reader with the package and without."""
    if request.param == "missing":
        monkeypatch.setattr(minilm, "installed", lambda: False)
    return encoders.load_encoder()


def test_it_says_which_it_is(reader, request):
    missing = "missing" in request.node.name
    assert reader.name == ("our GPT" if missing else "MiniLM")
    assert reader.d_model == (128 if missing else 384)
    assert not reader.model.training


def test_a_text_is_read_alike_alone_and_in_a_batch(reader):
    ids, lengths = reader.tokenizer.encode(TEXTS, max_length=40)
    assert lengths.max() <= 40
    with torch.no_grad():
        together = mean_pool(reader.model(ids, lengths), lengths)
        for i, text in enumerate(TEXTS):
            alone_ids, alone_lengths = reader.tokenizer.encode([text], max_length=40)
            assert alone_lengths.item() == lengths[i]
            alone = mean_pool(reader.model(alone_ids, alone_lengths), alone_lengths)
            assert_same_up_to_rounding(alone[0], together[i], terms=additions(reader.model) + 40)
    assert together.shape == (len(TEXTS), reader.d_model)


def test_its_targets_take_adapters(reader):
    assert len(add_lora(reader.model, reader.targets, 2, 4.0)) >= 4


def test_the_gpt_reads_with_the_features_its_logits_are_made_of():
    moby = gpts.load("moby")
    ids = torch.tensor([moby.tokenizer.encode("Call me Ishmael.")])
    with torch.no_grad():
        hidden = encoders.GPTEncoder(moby.model)(ids, torch.tensor([ids.shape[1]]))
        torch.testing.assert_close(hidden @ moby.model.token_embedding.weight.T, moby.model(ids))


def test_bad_input_is_named():
    moby = gpts.load("moby")
    model, tokenizer = encoders.GPTEncoder(moby.model), encoders.BytePairEncoder(moby.tokenizer)
    with pytest.raises(ValueError, match="ids must be at most 256 tokens per row, got 257"):
        model(torch.zeros(1, 257, dtype=torch.int64), torch.tensor([257]))
    with pytest.raises(ValueError, match=r"lengths must lie in 1 … 4, got \[0\]"):
        model(torch.zeros(1, 4, dtype=torch.int64), torch.tensor([0]))
    with pytest.raises(ValueError, match="texts must hold at least one text"):
        tokenizer.encode([], max_length=8)
    with pytest.raises(ValueError, match="max_length must be at least 1, got 0"):
        tokenizer.encode(["a"], max_length=0)
