"""Attention against torch's two implementations, and the properties that make it what it is."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_lib.models.attention import (
    MultiHeadAttention,
    attention,
    causal_mask,
    merge_heads,
    padding_mask,
    split_heads,
)

EXACT = {"rtol": 1e-9, "atol": 1e-12}
few = settings(max_examples=25)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(output: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """Of a weighted sum of the output, the weights drawn so that every entry counts."""
    return torch.autograd.grad((draw(*output.shape, seed=99) * output).sum(), inputs, materialize_grads=True)


def masks(kind: str, batch: int, queries: int, keys: int) -> Tensor | None:
    """No mask, a causal one, ragged lengths, or both; every query has a key."""
    lengths = torch.randint(1, keys + 1, (batch,), generator=torch.Generator().manual_seed(keys))
    padded = padding_mask(lengths, keys)
    causal = torch.ones(queries, keys, dtype=torch.bool).tril()
    return {"none": None, "causal": causal, "padding": padded, "both": causal & padded}[kind]


every_mask = pytest.mark.parametrize("kind", ["none", "causal", "padding", "both"])
sizes = {
    "batch": st.integers(1, 3),
    "heads": st.integers(1, 3),
    "queries": st.integers(1, 6),
    "keys": st.integers(1, 6),
    "head_dim": st.integers(1, 5),
}


@every_mask
@few
@given(**sizes, scale=st.one_of(st.none(), st.floats(0.1, 2)))
def test_attention_is_torchs_in_values_and_gradients(kind, batch, heads, queries, keys, head_dim, scale):
    q = draw(batch, heads, queries, head_dim, seed=1).requires_grad_()
    k = draw(batch, heads, keys, head_dim, seed=2).requires_grad_()
    v = draw(batch, heads, keys, head_dim + 1, seed=3).requires_grad_()
    mask = masks(kind, batch, queries, keys)
    ours, weights = attention(q, k, v, mask=mask, scale=scale)
    theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
    torch.testing.assert_close(ours, theirs, **EXACT)
    torch.testing.assert_close(gradients(ours, [q, k, v]), gradients(theirs, [q, k, v]), **EXACT)
    assert weights.min() >= 0
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights.sum(-1)), **EXACT)
    if mask is not None:
        assert not weights[~mask.expand_as(weights)].any()


def test_attention_by_loops():
    """The definition in Python's floats: one query at a time, one key at a time."""
    q, k, v = draw(3, 4, seed=1), draw(5, 4, seed=2), draw(5, 2, seed=3)
    ours, weights = attention(q, k, v)
    for i, query in enumerate(q.tolist()):
        scores = [sum(a * b for a, b in zip(query, key, strict=True)) / 2 for key in k.tolist()]
        total = sum(math.exp(s) for s in scores)
        shares = [math.exp(s) / total for s in scores]
        assert weights[i].tolist() == pytest.approx(shares, rel=1e-12)
        mean = [sum(w * row[j] for w, row in zip(shares, v.tolist(), strict=True)) for j in range(2)]
        assert ours[i].tolist() == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("need_weights", [False, True])
def test_a_query_with_nothing_to_attend_to_gives_zeros_and_no_nan(need_weights):
    q, k, v = (draw(1, 1, 3, 4, seed=s).requires_grad_() for s in (1, 2, 3))
    mask = causal_mask(3).clone()
    mask[1] = False
    if need_weights:
        output, weights = attention(q, k, v, mask=mask)
        assert not weights[0, 0, 1].any()
    else:
        output = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    assert not output[0, 0, 1].any()
    assert output[0, 0, [0, 2]].all()
    at_query, *others = gradients(output, [q, k, v])
    assert not at_query[0, 0, 1].any()
    assert all(gradient.isfinite().all() and gradient.any() for gradient in [at_query, *others])


def test_scores_of_any_size_overflow_nothing():
    q = torch.full((2, 3), 1e3)
    _, weights = attention(q, torch.cat([q, -q]), torch.ones(4, 1))
    torch.testing.assert_close(weights, torch.tensor([[0.5, 0.5, 0.0, 0.0]]).expand(2, 4))


def test_heads_are_cut_and_joined():
    x = torch.arange(12.0).reshape(1, 2, 6)
    cut = split_heads(x, 3)
    assert cut[0, 1].tolist() == [[2, 3], [8, 9]]
    assert torch.equal(merge_heads(cut), x)


def pair(d_model: int, heads: int, *, bias: bool = True) -> tuple[MultiHeadAttention, nn.MultiheadAttention]:
    """Ours and torch's with the same weights, biases drawn so that they count."""
    ours = MultiHeadAttention(d_model, heads, bias=bias).double()
    with torch.no_grad():
        for i, parameter in enumerate(ours.parameters()):
            parameter.copy_(draw(*parameter.shape, seed=i + 1) / math.sqrt(d_model))
    theirs = nn.MultiheadAttention(d_model, heads, bias=bias, batch_first=True).double()
    three = [ours.query_proj, ours.key_proj, ours.value_proj]
    state = {
        "in_proj_weight": torch.cat([p.weight for p in three]),
        "out_proj.weight": ours.output_proj.weight,
    }
    if bias:
        state |= {"in_proj_bias": torch.cat([p.bias for p in three]), "out_proj.bias": ours.output_proj.bias}
    theirs.load_state_dict(state)
    return ours, theirs


def stacked(ours: MultiHeadAttention, found: dict[str, Tensor]) -> list[Tensor]:
    """Our gradients in the order of torch's parameters: in_proj weight and bias, out_proj weight and bias."""
    kinds = [kind for kind in ("weight", "bias") if f"output_proj.{kind}" in dict(ours.named_parameters())]
    joined = [torch.cat([found[f"{p}_proj.{kind}"] for p in ("query", "key", "value")]) for kind in kinds]
    return joined + [found[f"output_proj.{kind}"] for kind in kinds]


@every_mask
@pytest.mark.parametrize("need_weights", [False, True])
@few
@given(
    batch=st.integers(1, 3),
    heads=st.integers(1, 3),
    queries=st.integers(1, 5),
    keys=st.integers(1, 5),
    head_dim=st.integers(1, 4),
    cross=st.booleans(),
    bias=st.booleans(),
)
def test_multi_head_attention_is_torchs(
    kind, need_weights, batch, heads, queries, keys, head_dim, cross, bias
):
    keys = keys if cross else queries
    ours, theirs = pair(heads * head_dim, heads, bias=bias)
    x = draw(batch, queries, heads * head_dim, seed=7).requires_grad_()
    y = draw(batch, keys, heads * head_dim, seed=8).requires_grad_() if cross else x
    at = [x, y] if cross else [x]
    mask = masks(kind, batch, queries, keys)
    full = None if mask is None else ~mask.expand(batch, heads, queries, keys).flatten(0, 1)
    output, weights = ours(x, y if cross else None, mask=mask, need_weights=need_weights)
    expected, their_weights = theirs(x, y, y, attn_mask=full, average_attn_weights=False)
    torch.testing.assert_close(output, expected, **EXACT)
    if need_weights:
        torch.testing.assert_close(weights, their_weights, **EXACT)
    else:
        assert weights is None
    names = [name for name, _ in ours.named_parameters()]
    at_ours = gradients(output, at + list(ours.parameters()))
    at_theirs = gradients(expected, at + list(theirs.parameters()))
    torch.testing.assert_close(at_ours[: len(at)], at_theirs[: len(at)], **EXACT)
    by_name = dict(zip(names, at_ours[len(at) :], strict=True))
    their_names = [name for name, _ in theirs.named_parameters()]
    order = ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]
    wanted = dict(zip(their_names, at_theirs[len(at) :], strict=True))
    torch.testing.assert_close(
        stacked(ours, by_name), [wanted[name] for name in order if name in wanted], **EXACT
    )


def test_weights_start_as_torchs_do():
    """The same spread, not the same draws: Xavier for the three projections stacked, no bias."""
    torch.manual_seed(0)
    ours = MultiHeadAttention(96, 4)
    theirs = nn.MultiheadAttention(96, 4)
    three = torch.cat([ours.query_proj.weight, ours.key_proj.weight, ours.value_proj.weight])
    for one, other in ((three, theirs.in_proj_weight), (ours.output_proj.weight, theirs.out_proj.weight)):
        assert one.abs().max().item() == pytest.approx(other.abs().max().item(), rel=1e-3)
        assert one.std().item() == pytest.approx(other.std().item(), rel=0.02)
    assert not any(p.any() for name, p in ours.named_parameters() if name.endswith("bias"))


@few
@given(seed=st.integers(0, 1000), seq=st.integers(2, 6), head_dim=st.integers(1, 4))
def test_without_mask_and_positions_order_means_nothing(seed, seq, head_dim):
    ours, _ = pair(2 * head_dim, 2)
    x = draw(2, seq, 2 * head_dim, seed=seed)
    order = torch.randperm(seq, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(ours(x)[0][:, order], ours(x[:, order])[0], **EXACT)


@pytest.mark.parametrize("need_weights", [False, True])
@few
@given(seed=st.integers(0, 1000), seq=st.integers(2, 6), cut=st.data())
def test_a_future_token_changes_nothing_before_it(need_weights, seed, seq, cut):
    ours, _ = pair(6, 2)
    at = cut.draw(st.integers(1, seq - 1))
    x = draw(2, seq, 6, seed=seed)
    changed = x.clone()
    changed[:, at:] = draw(2, seq - at, 6, seed=seed + 1)
    before, _ = ours(x, mask=causal_mask(seq), need_weights=need_weights)
    after, _ = ours(changed, mask=causal_mask(seq), need_weights=need_weights)
    torch.testing.assert_close(before[:, :at], after[:, :at], rtol=0, atol=1e-12)
    assert not torch.isclose(before[:, at:], after[:, at:]).all()


@pytest.mark.parametrize("need_weights", [False, True])
def test_longer_padding_changes_nothing_whatever_stands_in_it(need_weights):
    ours, _ = pair(6, 2)
    lengths = torch.tensor([2, 4, 1])
    x = draw(3, 4, 6)
    longer = torch.cat([x, 1e3 * draw(3, 5, 6, seed=1)], dim=1)
    longer[0, 2:], longer[2, 1:] = -1e3, 1e3
    short, _ = ours(x, mask=padding_mask(lengths), need_weights=need_weights)
    long, _ = ours(longer, mask=padding_mask(lengths, 9), need_weights=need_weights)
    for row, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(short[row, :n], long[row, :n], rtol=0, atol=1e-12)
        alone, _ = ours(x[row : row + 1, :n], need_weights=need_weights)
        torch.testing.assert_close(short[row : row + 1, :n], alone, rtol=0, atol=1e-12)


def test_masks_are_what_they_say():
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    mask = padding_mask(torch.tensor([1, 3]))
    assert mask.shape == (2, 1, 1, 3)
    assert mask[:, 0, 0].tolist() == [[True, False, False], [True, True, True]]
    assert padding_mask(torch.tensor([1, 3]), 7).shape == (2, 1, 1, 7)


X = torch.zeros(2, 3, 4)
OURS = MultiHeadAttention(4, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: causal_mask(0), ValueError, "seq must be an int of at least 1, got 0"),
        (lambda: causal_mask(2.0), ValueError, "seq must be an int of at least 1, got 2.0"),
        (lambda: padding_mask(torch.tensor([0])), ValueError, r"lengths must lie in 1 … 0, got \[0\]"),
        (
            lambda: padding_mask(torch.tensor([2, 5]), 4),
            ValueError,
            r"lengths must lie in 1 … 4, got \[2, 5\]",
        ),
        (lambda: padding_mask(torch.ones(2)), TypeError, "lengths must be an int tensor, got torch.float32"),
        (lambda: attention(X, X[..., :2], X), ValueError, r"head_dim\), got \(2, 3, 4\) and \(2, 3, 2\)"),
        (lambda: attention(X, X, X[:, :2]), ValueError, r"one row per key.* got \(2, 3, 4\) and \(2, 2, 4\)"),
        (lambda: attention(X, X[:, :0], X[:, :0]), ValueError, "one row per key, at least one"),
        (
            lambda: attention(X, X, X, mask=torch.ones(3, 3)),
            TypeError,
            "mask must be a bool .* torch.float32",
        ),
        (
            lambda: attention(X, X, X, mask=torch.ones(3, 4).bool()),
            ValueError,
            r"mask must broadcast to \(2, 3, 3\), got \(3, 4\)",
        ),
        (
            lambda: attention(X, X, X, mask=torch.ones(1, 1, 3, 3).bool()),
            ValueError,
            r"mask must broadcast to \(2, 3, 3\), got \(1, 1, 3, 3\)",
        ),
        (lambda: attention(X, X, X, scale=math.nan), ValueError, "scale must be finite, got nan"),
        (lambda: MultiHeadAttention(6, 4), ValueError, "multiple of heads, got d_model=6 and heads=4"),
        (lambda: MultiHeadAttention(6, 0), ValueError, "multiple of heads, got d_model=6 and heads=0"),
        (lambda: MultiHeadAttention(0, 2), ValueError, "multiple of heads, got d_model=0 and heads=2"),
        (lambda: OURS(X[:, :0]), ValueError, r"query must be \(batch, seq, 4\) with seq at least 1"),
        (lambda: OURS(X[0]), ValueError, r"query must be .* got \(3, 4\)"),
        (lambda: OURS(X, X[:1]), ValueError, r"key must be .* got \(1, 3, 4\)"),
        (lambda: OURS(X, X[:, :, :2]), ValueError, r"key must be .* got \(2, 3, 2\)"),
        (lambda: OURS(X, X, X[:, :2]), ValueError, "value must hold 3 positions as key, got 2"),
        (lambda: OURS(X, mask=torch.ones(3, 3)), TypeError, "mask must be a bool tensor"),
        (
            lambda: OURS(X, mask=torch.ones(2, 3).bool()),
            ValueError,
            r"broadcast to \(2, 2, 3, 3\), got \(2, 3\)",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
