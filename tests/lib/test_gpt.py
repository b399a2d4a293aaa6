"""The GPT: equal to GPT-2 as transformers has it, causal, and the same with a cache as without."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.models.attention import causal_mask
from course_lib.models.encoder import TextEncoder
from course_lib.models.gpt import GPT, KeyValueCache
from course_lib.models.seq2seq import Seq2Seq
from course_lib.models.transformer import Transformer
from course_lib.training.compilation import GraphCounter

SHAPES = [  # vocabulary, context, d_model, heads, layers, batch, seq
    (50, 16, 24, 3, 2, 2, 16),
    (1024, 64, 128, 4, 4, 3, 40),
    (7, 5, 8, 1, 1, 1, 1),
    (300, 33, 30, 5, 3, 4, 17),
]


def small(seed: int = 0, **changes: object) -> GPT:
    torch.manual_seed(seed)
    settings = {"vocab_size": 50, "context": 16, "d_model": 24, "heads": 3, "layers": 2} | changes
    model = GPT(settings.pop("vocab_size"), **settings)
    shake(model)
    return model.eval()


def shake(model: GPT) -> None:
    """Give every parameter, biases too, a size at which a mistake shows."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))


def draw(shape: tuple[int, ...], vocab_size: int = 50, seed: int = 1) -> Tensor:
    return torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(seed))


def as_gpt2(model: GPT) -> GPT2LMHeadModel:
    """transformers' GPT-2 with copies of our parameters; its linear maps hold the transposed matrix."""
    block = model.blocks[0]
    config = GPT2Config(
        vocab_size=model.vocab_size,
        n_positions=model.context,
        n_embd=model.token_embedding.embedding_dim,
        n_layer=len(model.blocks),
        n_head=block.attention.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
    )
    peer = GPT2LMHeadModel(config)
    state = {
        "transformer.wte.weight": model.token_embedding.weight,
        "transformer.wpe.weight": model.position_embedding.weight,
        "transformer.ln_f.weight": model.final_norm.weight,
        "transformer.ln_f.bias": model.final_norm.bias,
        "lm_head.weight": model.token_embedding.weight,
    }
    pairs = {
        "ln_1": "attention_norm",
        "attn.c_attn": "attention.qkv_proj",
        "attn.c_proj": "attention.output_proj",
        "ln_2": "feed_forward_norm",
        "mlp.c_fc": "expand",
        "mlp.c_proj": "contract",
    }
    for index, block in enumerate(model.blocks):
        for theirs, ours in pairs.items():
            layer = block.get_submodule(ours)
            weight = layer.weight if theirs.startswith("ln") else layer.weight.T
            state[f"transformer.h.{index}.{theirs}.weight"] = weight
            state[f"transformer.h.{index}.{theirs}.bias"] = layer.bias
    peer.load_state_dict({name: tensor.detach().clone() for name, tensor in state.items()})
    return peer.eval()


@pytest.mark.parametrize(("vocab_size", "context", "d_model", "heads", "layers", "batch", "seq"), SHAPES)
def test_logits_equal_those_of_gpt2(vocab_size, context, d_model, heads, layers, batch, seq):
    torch.manual_seed(seq)
    model = GPT(vocab_size, context=context, d_model=d_model, heads=heads, layers=layers).eval()
    shake(model)
    peer = as_gpt2(model).double()
    ids = draw((batch, seq), vocab_size)
    with torch.no_grad():
        exact = peer(ids).logits
        torch.testing.assert_close(model.double()(ids), exact, rtol=1e-10, atol=1e-10)
        assert_same_up_to_rounding(model.float()(ids), exact, terms=additions(model))


def test_loss_and_gradients_equal_those_of_gpt2():
    model = small()
    peer = as_gpt2(model).double()
    model.double()
    ids = draw((2, 12))
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    their_loss = F.cross_entropy(peer(ids[:, :-1]).logits.flatten(0, 1), ids[:, 1:].flatten())
    torch.testing.assert_close(loss, their_loss)
    loss.backward()
    their_loss.backward()
    torch.testing.assert_close(model.token_embedding.weight.grad, peer.transformer.wte.weight.grad)
    ours, theirs = model.blocks[0].attention.qkv_proj.weight, peer.transformer.h[0].attn.c_attn.weight
    torch.testing.assert_close(ours.grad, theirs.grad.T)


def test_parameters_are_as_many_as_the_formula_says():
    model = small()
    layers, d, vocabulary, context = 2, 24, 50, 16
    expected = 12 * layers * d**2 + 13 * layers * d + (vocabulary + context + 2) * d
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_weights_start_as_promised():
    torch.manual_seed(0)
    model = GPT(2000, context=128, d_model=128, heads=4, layers=4)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert torch.count_nonzero(parameter) == 0, name
        elif "norm" in name:
            assert torch.equal(parameter, torch.ones_like(parameter)), name
        else:
            added = name.endswith(("output_proj.weight", "contract.weight"))
            expected = 0.02 / 8**0.5 if added else 0.02
            assert parameter.std().item() == pytest.approx(expected, rel=0.03), name


@pytest.mark.parametrize("changed", [1, 7, 15])
def test_a_future_token_changes_nothing_before_it(changed):
    model = small()
    ids = draw((2, 16))
    other = ids.clone()
    other[:, changed] = (other[:, changed] + 1) % 50
    with torch.no_grad():
        for keywords in ({}, {"need_weights": True}):
            before, after = (model(each, **keywords) for each in (ids, other))
            if keywords:
                before, after = before[0], after[0]
            torch.testing.assert_close(before[:, :changed], after[:, :changed], rtol=0, atol=0)
            assert (before[:, changed:] - after[:, changed:]).abs().amax(dim=(0, 2)).min() > 1e-3


def test_a_batch_equals_its_rows_one_by_one():
    model = small()
    ids = draw((5, 13))
    with torch.no_grad():
        rows = torch.cat([model(row[None]) for row in ids])
        assert_same_up_to_rounding(model(ids), rows, terms=additions(model))


@pytest.mark.parametrize("chunks", [[1] * 16, [5, 1, 1, 4, 5], [3, 2, 11], [15, 1], [16], [1, 15]])
def test_reading_in_parts_with_a_cache_equals_reading_at_once(chunks):
    model = small()
    ids = draw((3, 16))
    with torch.no_grad():
        whole, weights = model(ids, need_weights=True)
        assert_same_up_to_rounding(model(ids), whole, terms=additions(model))
        for need_weights in (False, True):
            cache, parts, end = model.new_cache(), [], 0
            for length in chunks:
                part = model(ids[:, end : end + length], cache, need_weights=need_weights)
                end += length
                assert cache.length == end
                if need_weights:
                    part, maps = part
                    for layer, found in enumerate(maps):
                        expected = weights[layer][:, :, end - length : end, :end]
                        assert_same_up_to_rounding(found, expected, terms=additions(model))
                parts.append(part)
            assert_same_up_to_rounding(torch.cat(parts, dim=1), whole, terms=additions(model))


def test_weights_are_shares_of_what_came_before():
    _, weights = small()(draw((2, 9)), need_weights=True)
    assert [tuple(layer.shape) for layer in weights] == [(2, 3, 9, 9)] * 2
    for layer in weights:
        torch.testing.assert_close(layer.sum(-1), torch.ones(2, 3, 9))
        assert torch.count_nonzero(layer.triu(1)) == 0
        assert (layer.tril() + torch.ones(9, 9).triu(1)).min() > 0


def test_the_cache_hands_out_what_it_holds():
    model = small()
    cache = model.new_cache()
    assert cache.storage() == []
    with torch.no_grad():
        model(draw((2, 4)), cache)
    stored = cache.storage()
    assert len(stored) == 2
    assert {tuple(tensor.shape) for pair in stored for tensor in pair} == {(2, 3, 4, 8)}


DROPOUTS = {  # a model, its inputs, its dropouts: one per embedding and per residual branch
    "GPT": (lambda p: small(dropout=p), (draw((2, 8)),), 1 + 2 * 2),
    "TextEncoder": (
        lambda p: TextEncoder(50, d_model=24, heads=3, layers=2, feed_forward=32, max_length=16, dropout=p),
        (draw((2, 8)), torch.tensor([8, 5])),
        1 + 2 * 2,
    ),
    "Transformer": (
        lambda p: Transformer(50, 50, d_model=24, heads=3, layers=2, feed_forward=32, dropout=p),
        (draw((2, 8)), torch.tensor([8, 5]), draw((2, 6))),
        2 + 2 * 2 + 3 * 2,
    ),
}


@pytest.mark.parametrize(("make", "inputs", "places"), DROPOUTS.values(), ids=DROPOUTS)
def test_every_dropout_acts_by_itself_and_in_train_mode_only(make, inputs, places, monkeypatch):
    model, dropout, calls, acting = make(0.5), F.dropout, [], set()

    def one_at_a_time(x: Tensor, p: float = 0.5, training: bool = True, _inplace: bool = False) -> Tensor:
        calls.append((p, training))
        return dropout(x, p, training and len(calls) - 1 in acting)

    def output() -> Tensor:
        calls.clear()
        with torch.no_grad():
            return model(*inputs)

    monkeypatch.setattr(F, "dropout", one_at_a_time)
    acting = set(range(places))
    expected = model.eval()(*inputs)
    assert torch.equal(output(), expected)
    model.train()
    for place in range(places):
        acting = {place}
        assert not torch.allclose(output(), expected, atol=1e-3), place
        assert calls == [(0.5, True)] * places


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocab_size": 0}, "vocab_size must be an int of at least 1, got 0"),
        ({"context": -1}, "context must be an int of at least 1, got -1"),
        ({"layers": 1.5}, "layers must be an int of at least 1, got 1.5"),
        ({"heads": True}, "heads must be an int of at least 1, got True"),
        ({"heads": 5}, "d_model must be a multiple of heads, got d_model=24, heads=5"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, got 1.0"),
    ],
)
def test_impossible_shapes_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        (torch.zeros(2, 17, dtype=torch.int64), ValueError, "ids must fit the context of 16, got 17$"),
        (torch.zeros(2, 0, dtype=torch.int64), ValueError, r"neither of them 0, got \(2, 0\)"),
        (torch.zeros(3, dtype=torch.int64), ValueError, r"ids must be \(batch, seq\).* got \(3,\)"),
        (torch.zeros(1, 3), TypeError, "ids must be int64 or int32, got torch.float32"),
        (torch.tensor([[3, 50]]), ValueError, "ids must be from 0 to 49, got 3 … 50"),
        (torch.tensor([[-1, 4]]), ValueError, "ids must be from 0 to 49, got -1 … 4"),
    ],
)
def test_bad_ids_are_refused(ids, error, message):
    with pytest.raises(error, match=message):
        small()(ids)


def test_a_full_cache_is_refused_and_unchanged():
    model = small()
    cache = model.new_cache()
    with torch.no_grad():
        model(draw((1, 14)), cache)
        with pytest.raises(ValueError, match="ids must fit the context of 16, got 3 after 14 already read"):
            model(draw((1, 3)), cache)
        assert cache.length == 14
        with pytest.raises(ValueError, match="cache is made for"):
            model(draw((2, 1)), cache)


def test_the_caches_own_checks():
    with pytest.raises(ValueError, match="layers must be at least 1, got 0"):
        KeyValueCache(0, 4)
    cache = KeyValueCache(1, 4)
    for new in (0, 5):
        with pytest.raises(ValueError, match=f"new must be from 1 to 4, got {new}"):
            cache.advance(new)
    five = torch.zeros(1, 1, 5, 2)
    with pytest.raises(ValueError, match="cache holds 0 of 4 positions, 5 more do not fit"):
        cache.extend(0, five, five)
    with pytest.raises(ValueError, match="before must be an int of at least 0, got -1"):
        causal_mask(1, -1)
    assert causal_mask(2, 2).tolist() == [[True, True, True, False], [True] * 4]


LATE = torch.tensor([[0, 3, 50]])
LENGTHS = torch.tensor([3])
EARLY = torch.zeros(1, 3, dtype=torch.int64)


@pytest.mark.parametrize(
    "call",
    [
        lambda: GPT(50, context=8, d_model=8, heads=2, layers=1)(LATE),
        lambda: TextEncoder(50, d_model=8, heads=2, layers=1, feed_forward=8, max_length=8)(LATE, LENGTHS),
        lambda: Transformer(50, 50, d_model=8, heads=2, layers=1, feed_forward=8)(LATE, LENGTHS, EARLY),
        lambda: Transformer(50, 50, d_model=8, heads=2, layers=1, feed_forward=8)(EARLY, LENGTHS, LATE),
        lambda: Seq2Seq(50, 50, hidden=8)(LATE, LENGTHS, EARLY),
        lambda: Seq2Seq(50, 50, hidden=8)(EARLY, LENGTHS, LATE),
    ],
)
def test_an_id_out_of_range_is_refused_before_it_is_looked_up(call, monkeypatch):
    """On a GPU the lookup would not raise: it would take the device away from the process."""

    def lookup(_, ids: torch.Tensor, *__, **___) -> torch.Tensor:
        if ids.max() >= 50:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return torch.zeros(*ids.shape, 8)

    monkeypatch.setattr(F, "embedding", lookup)
    with pytest.raises(ValueError, match=r"50"):
        call()


def test_ids_are_not_looked_at_where_that_would_break_a_graph_or_there_are_no_numbers():
    counter = GraphCounter(GPT(50, context=8, d_model=8, heads=2, layers=1), fullgraph=True)
    assert counter(EARLY).shape == (1, 3, 50)
    with torch.device("meta"):
        model = GPT(50, context=8, d_model=8, heads=2, layers=1)
    assert model(LATE.to("meta")).shape == (1, 3, 50)
