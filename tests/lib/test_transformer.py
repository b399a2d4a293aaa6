"""The Transformer against torch's, its cost against the counters, and what it may not look at."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_exercises.claims.on_training import transformer_class
from course_lib.models.attention import MultiHeadAttention
from course_lib.models.cost import forward_flops, parameter_count
from course_lib.models.positions import sinusoidal
from course_lib.models.transformer import DecoderLayer, EncoderLayer, FeedForward, Residual, Transformer

START, END = 1, 2
CLOSE = {"rtol": 1e-8, "atol": 1e-10}
both_norms = pytest.mark.parametrize("norm", ["pre", "post"])
SIZES = {"d_model": 8, "heads": 2, "layers": 2, "feed_forward": 12, "max_length": 12}


def made(norm: str = "pre", seed: int = 0) -> Transformer:
    """In float64, every parameter drawn so that it counts."""
    model = Transformer(9, 7, norm=norm, **SIZES).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return model


def ids(*shape: int, vocab: int = 7, seed: int = 0) -> Tensor:
    return torch.randint(3, vocab, shape, generator=torch.Generator().manual_seed(seed))


SOURCE, LENGTHS, TARGET = ids(3, 5, vocab=9), torch.tensor([5, 2, 4]), ids(3, 4, seed=1)


def of_attention(ours: MultiHeadAttention, name: str) -> dict[str, Tensor]:
    """Our tensors under torch's names."""
    three = [ours.query_proj, ours.key_proj, ours.value_proj]
    return {
        f"{name}.in_proj_weight": torch.cat([p.weight for p in three]),
        f"{name}.in_proj_bias": torch.cat([p.bias for p in three]),
        f"{name}.out_proj.weight": ours.output_proj.weight,
        f"{name}.out_proj.bias": ours.output_proj.bias,
    }


def of_layer(ours: EncoderLayer | DecoderLayer) -> dict[str, Tensor]:
    """A layer's tensors under torch's names; its norms are numbered in the order of the sublayers."""
    named = of_attention(ours.attention, "self_attn")
    norms = [ours.attention_residual.norm, ours.feed_forward_residual.norm]
    if isinstance(ours, DecoderLayer):
        named |= of_attention(ours.cross_attention, "multihead_attn")
        norms.insert(1, ours.cross_attention_residual.norm)
    for module, name in (
        (ours.feed_forward.expand, "linear1"),
        (ours.feed_forward.contract, "linear2"),
        *((norm, f"norm{i}") for i, norm in enumerate(norms, start=1)),
    ):
        named |= {f"{name}.weight": module.weight, f"{name}.bias": module.bias}
    return named


def in_torchs_names(model: Transformer) -> dict[str, Tensor]:
    named = {}
    for stack in ("encoder", "decoder"):
        for i, layer in enumerate(getattr(model, stack)):
            named |= {f"{stack}.layers.{i}.{name}": value for name, value in of_layer(layer).items()}
        final = getattr(model, f"{stack}_norm")
        if isinstance(final, nn.LayerNorm):
            named |= {f"{stack}.norm.weight": final.weight, f"{stack}.norm.bias": final.bias}
    return named


def torchs(model: Transformer, norm: str) -> nn.Transformer:
    """nn.Transformer with our weights; as in ours, only pre-norm stacks end in a norm."""
    theirs = nn.Transformer(8, 2, 2, 2, 12, dropout=0.0, batch_first=True, norm_first=norm == "pre").double()
    if norm == "post":
        theirs.encoder.norm = theirs.decoder.norm = None
    theirs.load_state_dict(in_torchs_names(model))
    return theirs


@both_norms
@pytest.mark.filterwarnings("ignore:.*nested.*:UserWarning")
def test_logits_and_gradients_are_torchs(norm):
    model = made(norm)
    theirs = torchs(model, norm)
    x, y = (
        math.sqrt(8) * F.embedding(tokens, table.weight) + sinusoidal(tokens.shape[1], 8).double()
        for tokens, table in ((SOURCE, model.source_embedding), (TARGET, model.target_embedding))
    )
    padded = torch.arange(5) >= LENGTHS[:, None]
    future = torch.ones(4, 4).triu(1).bool()
    decoded = theirs(x, y, tgt_mask=future, src_key_padding_mask=padded, memory_key_padding_mask=padded)
    expected = F.linear(decoded, model.output.weight, model.output.bias)
    ours = model(SOURCE, LENGTHS, TARGET)
    torch.testing.assert_close(ours, expected, **CLOSE)
    tide = torch.randn(ours.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    slopes = copy.deepcopy(model)  # the same names, gradients for weights
    (ours * tide).sum().backward()
    (expected * tide).sum().backward(inputs=list(theirs.parameters()))
    for slope, parameter in zip(slopes.parameters(), model.parameters(), strict=True):
        slope.data = parameter.grad
    wanted = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    torch.testing.assert_close(in_torchs_names(slopes), wanted, **CLOSE)


@both_norms
def test_a_later_target_token_changes_no_earlier_logits(norm):
    model, changed = made(norm), TARGET.clone()
    changed[:, 2:] = (changed[:, 2:] - 2) % 4 + 3
    before, after = model(SOURCE, LENGTHS, TARGET), model(SOURCE, LENGTHS, changed)
    torch.testing.assert_close(before[:, :2], after[:, :2], rtol=0, atol=1e-12)
    assert not torch.isclose(before[:, 2:], after[:, 2:]).any()


@both_norms
def test_padding_changes_nothing_and_a_batch_is_its_singles(norm):
    model = made(norm)
    longer = F.pad(SOURCE, (0, 3), value=5)
    longer[1, 2:] = 8
    together = model(SOURCE, LENGTHS, TARGET)
    torch.testing.assert_close(model(longer, LENGTHS, TARGET), together, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        model(SOURCE, LENGTHS, F.pad(TARGET, (0, 2)))[:, :4], together, rtol=0, atol=1e-12
    )
    for row, n in enumerate(LENGTHS.tolist()):
        alone = model(SOURCE[row : row + 1, :n], LENGTHS[row : row + 1], TARGET[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=1e-12)


def test_every_source_token_reaches_every_position_and_order_counts():
    model = made()
    swapped = SOURCE.clone()
    swapped[0, [0, 1]] = SOURCE[0, [1, 0]]
    assert SOURCE[0, 0] != SOURCE[0, 1]
    moved = ~torch.isclose(model.encode(SOURCE, LENGTHS), model.encode(swapped, LENGTHS)).all(-1)
    assert moved.tolist() == [[True] * 5, [False] * 5, [False] * 5]


@both_norms
def test_translating_is_the_likeliest_next_token_again_and_again(norm):
    endings = set()
    for seed in range(5):
        model = made(norm, seed)
        with torch.no_grad():
            model.output.bias[END] += 2.0  # so that some texts end early
        written = model.translate(SOURCE, LENGTHS, start=START, end=END, max_new_tokens=6)
        best = model(SOURCE, LENGTHS, F.pad(written[:, :-1], (1, 0), value=START)).argmax(-1)
        for row, told in zip(written.tolist(), best.tolist(), strict=True):
            stop = row.index(END) + 1 if END in row else len(row)
            endings.add(stop)
            assert row[:stop] == told[:stop]
            assert set(row[stop:]) <= {END}
    assert len(endings) > 1


@both_norms
@settings(max_examples=15)
@given(
    vocabs=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    heads=st.sampled_from([1, 2]),
    width=st.integers(1, 6),
    layers=st.integers(1, 3),
    feed_forward=st.integers(1, 20),
    batch=st.integers(1, 3),
    lengths=st.tuples(st.integers(1, 7), st.integers(1, 7)),
)
def test_parameters_and_operations_by_formula(
    norm, vocabs, heads, width, layers, feed_forward, batch, lengths
):
    sizes = {"d_model": 2 * width, "layers": layers, "feed_forward": feed_forward}
    model = Transformer(*vocabs, heads=heads, norm=norm, **sizes)
    assert parameter_count(*vocabs, norm=norm, **sizes) == sum(p.numel() for p in model.parameters())
    source, target = (torch.zeros(batch, n, dtype=torch.int64) for n in lengths)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        model(source, torch.full((batch,), lengths[0]), target)
    assert forward_flops(batch, *lengths, target_vocab=vocabs[1], **sizes) == counter.get_total_flops()


def test_the_residual_has_its_norm_before_or_after():
    x = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    before, after = Residual(6, "pre", 0.0), Residual(6, "post", 0.0)
    torch.testing.assert_close(before.leave(x, 2 * before.enter(x)), x + 2 * F.layer_norm(x, (6,)))
    torch.testing.assert_close(after.leave(x, 2 * after.enter(x)), F.layer_norm(3 * x, (6,)))


def test_dropout_is_where_it_was_asked_for_and_off_in_eval():
    model = Transformer(9, 7, dropout=0.25, **SIZES)
    drops = [module.p for module in model.modules() if isinstance(module, nn.Dropout)]
    assert drops == [0.25] * (1 + 2 * 2 + 2 * 3)
    assert not torch.equal(model(SOURCE, LENGTHS, TARGET), model(SOURCE, LENGTHS, TARGET))
    model.eval()
    assert torch.equal(model(SOURCE, LENGTHS, TARGET), model(SOURCE, LENGTHS, TARGET))


def test_the_repaired_class_of_claim_k2_runs():
    """The facts that the claim's ruling asks for, of this class."""
    model = Transformer(9, 7, dropout=0.1, **SIZES)
    dropout_became = "dropout" if model.dropout.p == 0.1 and len(model.decoder) == 2 else "num_decoder_layers"
    error = ""
    try:
        model(SOURCE, LENGTHS, TARGET).sum().backward()
    except Exception as raised:
        error = type(raised).__name__
    assert transformer_class("", dropout_became, "", error) == "runs"
    assert transformer_class("", dropout_became, "", "TypeError") == "does not run"
    with pytest.raises(TypeError, match="target_in"):
        model(SOURCE, LENGTHS)


def test_embeddings_start_as_large_as_positions():
    model = Transformer(1000, 7, **(SIZES | {"d_model": 64}))
    scaled = 8 * model.source_embedding.weight
    assert scaled.std().item() == pytest.approx(1.0, rel=0.02)
    assert "positions" not in model.state_dict()


MODEL = made()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Transformer(0, 7, **SIZES), ValueError, "source_vocab must be at least 1, got 0"),
        (
            lambda: Transformer(9, 7, **(SIZES | {"layers": 0})),
            ValueError,
            "layers must be at least 1, got 0",
        ),
        (lambda: Transformer(9, 7, **(SIZES | {"heads": 3})), ValueError, "multiple of heads, got d_model=8"),
        (
            lambda: Transformer(9, 7, **(SIZES | {"d_model": 7, "heads": 7})),
            ValueError,
            "d_model must be even .* got 7",
        ),
        (
            lambda: Transformer(9, 7, norm="both", **SIZES),
            ValueError,
            "norm must be 'pre' or 'post', got 'both'",
        ),
        (lambda: Transformer(9, 7, dropout=1.0, **SIZES), ValueError, "dropout must lie in .* got 1.0"),
        (lambda: FeedForward(8, 0), ValueError, "feed_forward must be at least 1, got 0"),
        (
            lambda: MODEL(ids(3, 13), LENGTHS, TARGET),
            ValueError,
            "source must have at most max_length=12 .* 13",
        ),
        (
            lambda: MODEL(SOURCE, LENGTHS, ids(3, 13)),
            ValueError,
            "target must have at most max_length=12 .* 13",
        ),
        (lambda: MODEL(SOURCE + 4, LENGTHS, TARGET), ValueError, "source must be from 0 to 8"),
        (lambda: MODEL(SOURCE[:, :0], LENGTHS, TARGET), ValueError, r"source must be .* got \(3, 0\)"),
        (
            lambda: MODEL(SOURCE, LENGTHS + 1, TARGET),
            ValueError,
            r"lengths must lie in 1 … 5, got \[6, 3, 5\]",
        ),
        (
            lambda: MODEL(SOURCE.float(), LENGTHS, TARGET),
            TypeError,
            "source must be int64 or int32, got torch.float32",
        ),
        (
            lambda: MODEL.translate(SOURCE, LENGTHS, start=1, end=2, max_new_tokens=13),
            ValueError,
            "max_new_tokens must be at most 12, got 13",
        ),
        (
            lambda: MODEL.translate(SOURCE, LENGTHS, start=1, end=7, max_new_tokens=3),
            ValueError,
            "end must be from 0 to 6, got 7",
        ),
        (
            lambda: parameter_count(9, 7, d_model=0, layers=1, feed_forward=1),
            ValueError,
            "d_model must be at least 1, got 0",
        ),
        (
            lambda: parameter_count(9, 7, d_model=2, layers=1, feed_forward=1, norm="none"),
            ValueError,
            "norm must be 'pre' or 'post', got 'none'",
        ),
        (
            lambda: forward_flops(1, 0, 1, target_vocab=1, d_model=2, layers=1, feed_forward=1),
            ValueError,
            "source must be at least 1, got 0",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
