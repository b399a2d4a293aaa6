"""Recurrent cells (RNN, LSTM, GRU) written out, and the loop that unrolls them along a sequence.

A cell maps an input and a state to the next state with one set of weights for every step. Parameters bear
the names, shapes and initial draws of ``torch.nn``'s cells, so state dicts go both ways.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_ints
from course_lib.models.attention import length_mask

State = TypeVar("State", Tensor, tuple[Tensor, Tensor])


class Cell(nn.Module):
    """What the three cells share: weights for ``gates`` blocks of rows, drawn uniformly from ±1/√hidden_size.

    ``hidden_size`` counts the features of the state, of each half of an LSTM's; ``ValueError`` if a size is
    not an int of at least 1.
    """

    gates = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        check_ints(1, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size = input_size, hidden_size
        rows = self.gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def forward(self, inputs: Tensor, state: State | None = None) -> State:
        """Take one step from inputs (batch, input_size) and a state, zeros for ``None``.

        Returns the next state: h (batch, hidden_size), or for the LSTM (h, c), each of that shape.
        ``ValueError`` if ``inputs`` or ``state`` has another shape.
        """
        if inputs.ndim != 2 or inputs.shape[1] != self.input_size:
            raise ValueError(f"inputs must be (batch, {self.input_size}), got {tuple(inputs.shape)}")
        return self.step(self.project(inputs), self.checked_state(state, inputs))

    def project(self, inputs: Tensor) -> Tensor:
        """W_ih·x + b_ih for inputs (…, input_size): the part that needs no state, (…, gates·hidden_size)."""
        return F.linear(inputs, self.weight_ih, self.bias_ih)

    def step(self, projected: Tensor, state: State) -> State:
        """The next state from projected inputs (batch, gates·hidden_size) and a state."""
        raise NotImplementedError(f"{type(self).__name__} must define step(projected, state)")

    def checked_state(self, state: State | None, inputs: Tensor) -> State:
        """``state`` if it fits ``inputs`` (batch, …), zeros for ``None``, else a ``ValueError``."""
        expected = (inputs.shape[0], self.hidden_size)
        if state is None:
            return inputs.new_zeros(expected)
        if not isinstance(state, Tensor) or state.shape != expected:
            raise ValueError(f"state must be a tensor of shape {expected}, got {_described(state)}")
        return state

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


class RNNCell(Cell):
    """Simple recurrent (Elman) cell: h′ = tanh(W_ih·x + b_ih + W_hh·h + b_hh).

    Source: J. L. Elman, *Cognitive Science* 14, 1990.
    """

    def step(self, projected: Tensor, state: Tensor) -> Tensor:
        return torch.tanh(projected + F.linear(state, self.weight_hh, self.bias_hh))


class GRUCell(Cell):
    r"""Gated recurrent unit: gate r lets the candidate n read the old state, z says how much of it stays.

    $$r = \sigma(x_r + h_r), \; z = \sigma(x_z + h_z), \; n = \tanh(x_n + r \odot h_n), \;
      h' = (1 - z) \odot n + z \odot h$$

    with (x_r, x_z, x_n) = W_ih·x + b_ih and (h_r, h_z, h_n) = W_hh·h + b_hh, blocks in this order.

    Source: K. Cho et al., arXiv:1406.1078, section 2.3; the reset inside the tanh as torch and cuDNN have it.
    """

    gates = 3

    def step(self, projected: Tensor, state: Tensor) -> Tensor:
        x_r, x_z, x_n = projected.chunk(3, dim=1)
        h_r, h_z, h_n = F.linear(state, self.weight_hh, self.bias_hh).chunk(3, dim=1)
        reset, update = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        candidate = torch.tanh(x_n + reset * h_n)
        return candidate + update * (state - candidate)


class LSTMCell(Cell):
    r"""Long short-term memory: a memory c that is only added to and scaled, and an output h read from it.

    $$i = \sigma(a_i), \; f = \sigma(a_f), \; g = \tanh(a_g), \; o = \sigma(a_o), \qquad
      c' = f \odot c + i \odot g, \; h' = o \odot \tanh c'$$

    with (a_i, a_f, a_g, a_o) = W_ih·x + b_ih + W_hh·h + b_hh, blocks in this order. The state is (h, c).

    Source: S. Hochreiter and J. Schmidhuber, *Neural Computation* 9, 1997; forget gate: F. A. Gers et al.,
        *Neural Computation* 12, 2000.
    """

    gates = 4

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        hidden, memory = state
        a_i, a_f, a_g, a_o = (projected + F.linear(hidden, self.weight_hh, self.bias_hh)).chunk(4, dim=1)
        memory = torch.sigmoid(a_f) * memory + torch.sigmoid(a_i) * torch.tanh(a_g)
        return torch.sigmoid(a_o) * torch.tanh(memory), memory

    def checked_state(self, state: tuple[Tensor, Tensor] | None, inputs: Tensor) -> tuple[Tensor, Tensor]:
        if state is None:
            zeros = super().checked_state(None, inputs)
            return zeros, zeros
        if not isinstance(state, tuple) or len(state) != 2:
            raise ValueError(f"state must be a pair (h, c), got {_described(state)}")
        hidden, memory = (super(LSTMCell, self).checked_state(half, inputs) for half in state)
        return hidden, memory


def unroll(
    cell: Cell, inputs: Tensor, state: State | None = None, *, lengths: Tensor | None = None
) -> tuple[Tensor, State]:
    """Unroll a cell along sequences: sₜ = cell(xₜ, sₜ₋₁), its output at each step the h of sₜ.

    Args:
        cell: an ``RNNCell``, ``GRUCell`` or ``LSTMCell``.
        inputs: float, (batch, seq, input_size), seq at least 1.
        state: the state before the first input; ``None`` means zeros.
        lengths: int, (batch,), 1 … seq: the state of a sequence stands still after its last real input,
            so that padding changes nothing. ``None``: all inputs are real.

    Returns:
        ``(outputs, last state)``: outputs (batch, seq, hidden_size), zero where there is padding, and the
        state after each sequence's last real input.

    Raises:
        ValueError: if ``inputs``, ``state`` or ``lengths`` does not fit, or a length leaves 1 … seq.
        TypeError: if ``lengths`` is not an int tensor.
    """
    if inputs.ndim != 3 or inputs.shape[2] != cell.input_size or inputs.shape[1] == 0:
        raise ValueError(
            f"inputs must be (batch, seq, {cell.input_size}) with seq at least 1, got {tuple(inputs.shape)}"
        )
    real = None
    if lengths is not None:
        real = length_mask(lengths, inputs.shape[1])
        if len(real) != len(inputs):
            raise ValueError(
                f"lengths must be ({len(inputs)},), one per sequence, got {tuple(lengths.shape)}"
            )
    state = cell.checked_state(state, inputs)
    outputs = []
    for t, projected in enumerate(cell.project(inputs).unbind(dim=1)):
        following = cell.step(projected, state)
        if real is not None:
            following = _held(real[:, t, None], following, state)
        state = following
        outputs.append(state[0] if isinstance(state, tuple) else state)
    stacked = torch.stack(outputs, dim=1)
    return (stacked if real is None else stacked.masked_fill(~real[:, :, None], 0.0)), state


def _held(real: Tensor, following: State, state: State) -> State:
    """The following state where the input is real (batch, 1), else the state as it was."""
    if isinstance(state, tuple):
        hidden, memory = (torch.where(real, new, old) for new, old in zip(following, state, strict=True))
        return hidden, memory
    return torch.where(real, following, state)


def _described(state: object) -> str:
    return f"shape {tuple(state.shape)}" if isinstance(state, Tensor) else type(state).__name__
