"""The cells against torch's, a step and a sequence long, and what padding may not change."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_lib.models.attention import length_mask
from course_lib.models.recurrent import Cell, GRUCell, LSTMCell, RNNCell, unroll

CELLS = {
    RNNCell: (nn.RNNCell, nn.RNN),
    GRUCell: (nn.GRUCell, nn.GRU),
    LSTMCell: (nn.LSTMCell, nn.LSTM),
}
every_cell = pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
EXACT = {"rtol": 1e-10, "atol": 1e-12}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parts(state: Tensor | tuple[Tensor, Tensor]) -> list[Tensor]:
    """h, or h and c."""
    return list(state) if isinstance(state, tuple) else [state]


def a_state(kind: type[Cell], batch: int, hidden: int) -> Tensor | tuple[Tensor, Tensor]:
    h = draw(batch, hidden, seed=8)
    return (h, draw(batch, hidden, seed=9)) if kind is LSTMCell else h


def gradients(outputs: list[Tensor], inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """Of a weighted sum of all outputs, the weights drawn so that every entry counts."""
    total = sum((draw(*o.shape, seed=i + 20) * o).sum() for i, o in enumerate(outputs))
    return torch.autograd.grad(total, inputs)


def compare(ours: list[Tensor], theirs: list[Tensor], at: list[Tensor], weights: tuple[list, list]) -> None:
    """Values, and gradients of inputs and weights, are the same."""
    torch.testing.assert_close(ours, theirs, **EXACT)
    torch.testing.assert_close(gradients(ours, at + weights[0]), gradients(theirs, at + weights[1]), **EXACT)


@every_cell
def test_a_seeded_cell_is_torchs_to_the_bit(kind):
    torch.manual_seed(3)
    ours = kind(4, 6)
    torch.manual_seed(3)
    theirs = CELLS[kind][0](4, 6)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


@every_cell
@pytest.mark.parametrize("with_state", [False, True])
@settings(max_examples=10)
@given(batch=st.integers(1, 4), size=st.integers(1, 5), hidden=st.integers(1, 6))
def test_one_step_is_torchs_in_values_and_gradients(kind, with_state, batch, size, hidden):
    ours, theirs = kind(size, hidden).double(), CELLS[kind][0](size, hidden).double()
    theirs.load_state_dict(ours.state_dict())
    x = draw(batch, size).requires_grad_()
    state = a_state(kind, batch, hidden) if with_state else None
    starts = [s.requires_grad_() for s in parts(state)] if with_state else []
    compare(
        parts(ours(x, state)),
        parts(theirs(x, state)),
        [x, *starts],
        (list(ours.parameters()), list(theirs.parameters())),
    )


@every_cell
@pytest.mark.parametrize("seq", [1, 7])
def test_a_sequence_is_torchs_in_values_and_gradients(kind, seq):
    ours, theirs = kind(3, 5).double(), CELLS[kind][1](3, 5, batch_first=True).double()
    theirs.load_state_dict({f"{name}_l0": value for name, value in ours.state_dict().items()})
    x = draw(4, seq, 3).requires_grad_()
    state = a_state(kind, 4, 5)
    outputs, last = unroll(ours, x, state)
    begin = tuple(s[None] for s in state) if isinstance(state, tuple) else state[None]
    their_outputs, their_last = theirs(x, begin)
    compare(
        [outputs, *parts(last)],
        [their_outputs, *(s[0] for s in parts(their_last))],
        [x],
        (list(ours.parameters()), list(theirs.parameters())),
    )


@every_cell
def test_ragged_lengths_are_torchs_packed_sequences(kind):
    ours, theirs = kind(3, 5).double(), CELLS[kind][1](3, 5, batch_first=True).double()
    theirs.load_state_dict({f"{name}_l0": value for name, value in ours.state_dict().items()})
    x, lengths = draw(4, 6, 3).requires_grad_(), torch.tensor([2, 6, 1, 4])
    outputs, last = unroll(ours, x, lengths=lengths)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    their_outputs, their_last = theirs(packed)
    padded, _ = nn.utils.rnn.pad_packed_sequence(their_outputs, batch_first=True)
    compare(
        [outputs, *parts(last)],
        [padded, *(s[0] for s in parts(their_last))],
        [x],
        (list(ours.parameters()), list(theirs.parameters())),
    )


@every_cell
def test_padding_changes_nothing_whatever_stands_in_it(kind):
    cell, lengths = kind(3, 5).double(), torch.tensor([2, 4])
    x = draw(2, 4, 3)
    x[0, 2:] = 0.0
    spoilt = torch.cat([x, torch.full((2, 3, 3), 1e3, dtype=torch.float64)], dim=1)
    spoilt[0, 2:] = -1e3
    outputs, last = unroll(cell, x, lengths=lengths)
    longer, same_last = unroll(cell, spoilt, lengths=lengths)
    torch.testing.assert_close(parts(last), parts(same_last), **EXACT)
    torch.testing.assert_close(outputs, longer[:, :4], **EXACT)
    assert not longer[0, 2:].any()
    alone, _ = unroll(cell, x[:1, :2])
    torch.testing.assert_close(outputs[:1, :2], alone, **EXACT)


@every_cell
def test_a_later_input_changes_no_earlier_output(kind):
    cell, x = kind(3, 5).double(), draw(2, 6, 3)
    changed = x.clone()
    changed[:, 4:] += 1.0
    before, after = unroll(cell, x)[0], unroll(cell, changed)[0]
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.isclose(before[:, 4:], after[:, 4:]).any()


def test_real_tokens_are_those_before_the_length():
    expected = torch.tensor([[True, False, False], [True, True, True]])
    assert torch.equal(length_mask(torch.tensor([1, 3])), expected)
    assert length_mask(torch.tensor([1, 3]), 5).shape == (2, 5)


X = torch.zeros(2, 4, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: RNNCell(0, 2), ValueError, "input_size must be an int of at least 1, got 0"),
        (lambda: GRUCell(2, 1.5), ValueError, "hidden_size must be an int of at least 1, got 1.5"),
        (lambda: LSTMCell(True, 2), ValueError, "input_size must be an int of at least 1, got True"),
        (lambda: RNNCell(3, 5)(X), ValueError, r"inputs must be \(batch, 3\), got \(2, 4, 3\)"),
        (
            lambda: RNNCell(3, 5)(X[:, 0], torch.zeros(1, 5)),
            ValueError,
            r"state must be .* \(2, 5\), got shape \(1, 5\)",
        ),
        (
            lambda: LSTMCell(3, 5)(X[:, 0], torch.zeros(2, 5)),
            ValueError,
            r"state must be a pair \(h, c\), got shape \(2, 5\)",
        ),
        (
            lambda: LSTMCell(3, 5)(X[:, 0], (torch.zeros(2, 5), torch.zeros(2, 4))),
            ValueError,
            r"got shape \(2, 4\)",
        ),
        (lambda: unroll(RNNCell(3, 5), X[:, :0]), ValueError, r"seq at least 1, got \(2, 0, 3\)"),
        (lambda: unroll(RNNCell(2, 5), X), ValueError, r"inputs must be \(batch, seq, 2\)"),
        (
            lambda: unroll(RNNCell(3, 5), X, lengths=torch.tensor([0, 4])),
            ValueError,
            r"lengths must lie in 1 … 4, got \[0, 4\]",
        ),
        (
            lambda: unroll(RNNCell(3, 5), X, lengths=torch.tensor([1, 5])),
            ValueError,
            r"lengths must lie in 1 … 4, got \[1, 5\]",
        ),
        (
            lambda: unroll(RNNCell(3, 5), X, lengths=torch.tensor([1, 2, 3])),
            ValueError,
            r"lengths must be \(2,\), one per sequence, got \(3,\)",
        ),
        (
            lambda: unroll(RNNCell(3, 5), X, lengths=torch.ones(2)),
            TypeError,
            "lengths must be an int tensor, got torch.float32",
        ),
        (lambda: length_mask([1, 2]), TypeError, "lengths must be an int tensor, got list"),
        (lambda: length_mask(torch.ones(2, 2).long()), ValueError, r"lengths must be \(batch,\)"),
        (lambda: length_mask(torch.ones(0).long()), ValueError, r"at least one entry, got \(0,\)"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
