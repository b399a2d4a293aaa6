"""Exercises of the chapter on recurrent networks and sequence to sequence."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

# --- a gradient on its way back -----------------------------------------------------------------------------


def steps_until_a_hundredth(factor: float) -> int:
    """factorᵗ < 1/100 first holds at the next whole number above ln 0.01 / ln factor."""
    return math.ceil(math.log(0.01) / math.log(factor))


STEPS_UNTIL_A_HUNDREDTH = Exercise(
    name="steps_until_a_hundredth",
    title="How far back can it feel?",
    kind="predict",
    points=1,
    inputs=lambda generator: (integer(generator, 70, 92) / 100,),
    question=lambda factor: (
        f"Each step back in time multiplies a gradient by {factor}. After how many steps has it first fallen "
        "below a hundredth of what it was?"
    ),
    reference=steps_until_a_hundredth,
    misconceptions={
        "a step too early": Misconception(
            lambda factor: math.floor(math.log(0.01) / math.log(factor)),
            "By then it is still just above a hundredth. You rounded down where the question asks for the first "
            "step below.",
        ),
        "subtracted": Misconception(
            lambda factor: math.ceil(0.99 / (1 - factor)),
            "You subtracted the same amount at every step. The gradient is multiplied, so it loses a share of what is "
            "left.",
        ),
        "a tenth": Misconception(
            lambda factor: math.ceil(math.log(0.1) / math.log(factor)),
            "By then a tenth is left. A hundredth takes twice as long.",
        ),
    },
    slips={
        "half": Misconception(
            lambda factor: math.ceil(math.log(0.5) / math.log(factor)),
            "By then half is left. The question asks for a hundredth.",
        ),
        "a thousandth": Misconception(
            lambda factor: math.ceil(math.log(0.001) / math.log(factor)),
            "By then a thousandth is left. The question asks for a hundredth.",
        ),
        "not whole": Misconception(
            lambda factor: math.log(0.01) / math.log(factor),
            "That is where it is exactly a hundredth. Steps are whole: which is the first below?",
        ),
        "a step too late": Misconception(
            lambda factor: steps_until_a_hundredth(factor) + 1,
            "It was below a hundredth one step before.",
        ),
    },
    next_step="With 1.05 instead, after how many steps is it a hundred times larger?",
    tolerance=1e-9,
    reason="After n steps the gradient has been multiplied by fⁿ, which falls below 0.01 once n exceeds ln 0.01/ln f. The first whole number beyond that is the answer.",
)


# --- one step of a plain RNN --------------------------------------------------------------------------------


def _rnn_case(generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    batch, inputs, hidden = integer(generator, 2, 4), 3, 5
    return (
        float64(generator, batch, inputs),
        float64(generator, batch, hidden),
        float64(generator, hidden, inputs),
        float64(generator, hidden, hidden),
        float64(generator, hidden),
    )


def rnn_step(x: Tensor, state: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor) -> Tensor:
    """One affine map of input and state together, then tanh once."""
    return torch.tanh(x @ weight_ih.T + state @ weight_hh.T + bias)


RNN_STEP = Exercise(
    name="rnn_step",
    title="One step of a recurrent network",
    kind="implement",
    points=2,
    inputs=_rnn_case,
    reference=rnn_step,
    misconceptions={
        "no tanh": Misconception(
            lambda x, state, w_ih, w_hh, bias: x @ w_ih.T + state @ w_hh.T + bias,
            "Without tanh the state is a linear function of all inputs, and grows without limit.",
        ),
        "forgot the state": Misconception(
            lambda x, _state, w_ih, _w_hh, bias: torch.tanh(x @ w_ih.T + bias),
            "Your new state does not depend on the old one: nothing is remembered.",
        ),
        "tanh of each part": Misconception(
            lambda x, state, w_ih, w_hh, bias: torch.tanh(x @ w_ih.T) + torch.tanh(state @ w_hh.T + bias),
            "You squashed the two parts one by one, so the state can reach ±2. Add first, then tanh once.",
        ),
        "W h instead of W transposed": Misconception(
            lambda x, state, w_ih, w_hh, bias: torch.tanh(x @ w_ih.T + state @ w_hh + bias),
            "Rows are examples here, so both weights stand transposed on the right. `weight_hh` is square, and "
            "no error tells you.",
        ),
    },
    slips={
        "two tanhs": Misconception(
            lambda x, state, w_ih, w_hh, bias: torch.tanh(torch.tanh(x @ w_ih.T + state @ w_hh.T + bias)),
            "tanh was applied twice. Once is enough.",
        ),
        "tanh of each part, bias first": Misconception(
            lambda x, state, w_ih, w_hh, bias: torch.tanh(x @ w_ih.T + bias) + torch.tanh(state @ w_hh.T),
            "You squashed the two parts one by one, so the state can reach ±2. Add first, then tanh once.",
        ),
        "sigmoid": Misconception(
            lambda x, state, w_ih, w_hh, bias: torch.sigmoid(x @ w_ih.T + state @ w_hh.T + bias),
            "You used a sigmoid, which is never negative. A plain RNN has tanh.",
        ),
        "no bias": Misconception(
            lambda x, state, w_ih, w_hh, bias: torch.tanh(x @ w_ih.T + state @ w_hh.T),  # noqa: ARG005
            "The bias is missing.",
        ),
        "bias outside": Misconception(
            lambda x, state, w_ih, w_hh, bias: torch.tanh(x @ w_ih.T + state @ w_hh.T) + bias,
            "You added the bias after tanh. It belongs inside.",
        ),
        "the input forgotten": Misconception(
            lambda x, state, w_ih, w_hh, bias: torch.tanh(state @ w_hh.T + bias),  # noqa: ARG005
            "Your new state does not depend on the input.",
        ),
        "relu": Misconception(
            lambda x, state, w_ih, w_hh, bias: torch.relu(x @ w_ih.T + state @ w_hh.T + bias),
            "You used relu. A plain RNN has tanh.",
        ),
        "bias twice": Misconception(
            lambda x, state, weight_ih, weight_hh, bias: torch.tanh(
                x @ weight_ih.T + state @ weight_hh.T + 2 * bias
            ),
            "You added the bias twice. torch's RNN has two; here there is one.",
        ),
        "state subtracted": Misconception(
            lambda x, state, weight_ih, weight_hh, bias: torch.tanh(
                x @ weight_ih.T - state @ weight_hh.T + bias
            ),
            "You subtracted the state's part. The two parts add up.",
        ),
    },
    next_step="Compare it with nn.RNNCell. Why does torch keep two biases where one would do?",
)


# --- the LSTM's two states ----------------------------------------------------------------------------------


def _lstm_case(generator: Generator) -> tuple[Tensor, Tensor]:
    hidden = integer(generator, 5, 7)
    return 2 * float64(generator, 3, 4 * hidden), 2 * float64(generator, 3, hidden)


def lstm_step(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Forget a share of the old cell, write a share of the candidate, show a share of the result."""
    i, f, g, o = gates.chunk(4, dim=-1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def _lstm_variant(candidate=torch.tanh, forget=True, squash=True, old=False):
    def step(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g, o = gates.chunk(4, dim=-1)
        new = (f.sigmoid() if forget else 1.0) * cell + i.sigmoid() * candidate(g)
        shown = cell if old else new
        return o.sigmoid() * (shown.tanh() if squash else shown), new

    return step


def _lstm_in_order(gates: Tensor, cell: Tensor, order: str) -> tuple[Tensor, Tensor]:
    part = dict(zip(order, gates.chunk(4, dim=-1), strict=True))
    return lstm_step(torch.cat([part[name] for name in "ifgo"], dim=-1), cell)


def _lstm_bare(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = gates.chunk(4, dim=-1)
    cell = f * cell + i * g.tanh()
    return o * cell.tanh(), cell


LSTM_STEP = Exercise(
    name="lstm_step",
    title="What an LSTM keeps and what it shows",
    kind="implement",
    points=3,
    inputs=_lstm_case,
    reference=lstm_step,
    misconceptions={
        "a sigmoid for the candidate": Misconception(
            _lstm_variant(candidate=torch.sigmoid),
            "The candidate is not a gate. With a sigmoid it could only ever add to the cell; tanh can also "
            "subtract.",
        ),
        "never forgets": Misconception(
            _lstm_variant(forget=False),
            "You kept all of the old cell. The forget gate decides what share of it stays.",
        ),
        "showed the cell bare": Misconception(
            _lstm_variant(squash=False),
            "The state that is shown is o · tanh(cell). Without the tanh it grows with the cell.",
        ),
        "showed the old cell": Misconception(
            _lstm_variant(old=True),
            "You showed the cell as it was before this step. The output gate looks at the new one.",
        ),
    },
    slips={
        "order f i g o": Misconception(
            lambda gates, cell: _lstm_in_order(gates, cell, "figo"),
            "You read the four parts as f, i, g, o. Here they stand as i, f, g, o, which is torch's order.",
        ),
        "order i f o g": Misconception(
            lambda gates, cell: _lstm_in_order(gates, cell, "ifog"),
            "You read the four parts as i, f, o, g. Here they stand as i, f, g, o, which is torch's order.",
        ),
        "cell first": Misconception(
            lambda gates, cell: lstm_step(gates, cell)[::-1],
            "You returned the cell first. The state that is shown comes first, as in torch.",
        ),
        "gates bare": Misconception(
            lambda gates, cell: _lstm_bare(gates, cell),
            "The gates were not squashed: a share lies between 0 and 1, and a sigmoid keeps it there.",
        ),
        "state not gated": Misconception(
            lambda gates, cell: (lstm_step(gates, cell)[1].tanh(), lstm_step(gates, cell)[1]),
            "The cell is right; the output gate has no effect on what is shown.",
        ),
        "coupled gates": Misconception(
            lambda gates, cell: lstm_step(
                torch.cat([gates.chunk(4, -1)[0], -gates.chunk(4, -1)[0], *gates.chunk(4, -1)[2:]], -1), cell
            ),
            "You kept 1 − i of the old cell, as a GRU does. An LSTM has a forget gate of its own.",
        ),
    },
    next_step="Set the forget gate's bias to 1 at the start. What does that do to a young network's memory?",
)


# --- teacher forcing ----------------------------------------------------------------------------------------


def _targets(generator: Generator) -> tuple[Tensor, int]:
    batch, seq = integer(generator, 2, 9), integer(generator, 5, 9)
    return torch.randint(3, 30, (batch, seq), generator=generator), integer(generator, 0, 2)


def _with_start(target: Tensor, start: int) -> Tensor:
    return torch.cat([torch.full_like(target[:, :1], start), target[:, :-1]], dim=1)


def teacher_forcing(target: Tensor, start: int) -> tuple[Tensor, Tensor]:
    """At each place the decoder reads what stood one place before, and is asked for what stands there."""
    return _with_start(target, start), target


TEACHER_FORCING = Exercise(
    name="teacher_forcing",
    title="What the decoder reads, what it is asked",
    kind="implement",
    points=2,
    inputs=_targets,
    reference=teacher_forcing,
    misconceptions={
        "the answer leaks": Misconception(
            lambda target, _: (target, target),
            "The decoder reads the very token it is asked for. Its loss will fall to zero by copying, and "
            "without the target it will write nonsense.",
        ),
        "start among the answers": Misconception(
            lambda target, start: (_with_start(target, start), _with_start(target, start)),
            "You shifted the labels as well. Nobody is ever asked to predict the start token, and the last "
            "token would never be learnt.",
        ),
        "shifted the labels": Misconception(
            lambda target, start: (target, _with_start(target, start)),
            "You shifted the wrong one: your decoder reads a token and is asked for the one before it.",
        ),
        "lost the last token": Misconception(
            lambda target, start: (_with_start(target, start), target[:, :-1]),
            "Input and labels have different lengths: each token read is one question, the last included.",
        ),
    },
    slips={
        "cut instead of shifted": Misconception(
            lambda target, _: (target[:, :-1], target[:, 1:]),
            "You cut one token off each, so the start token is never read and the first token never asked for. Put the start in front.",
        ),
        "one too long": Misconception(
            lambda target, start: (torch.cat([torch.full_like(target[:, :1], start), target], dim=1), target),
            "The labels are right; the input is one token longer. The last token is asked for, and never read.",
        ),
        "rolled": Misconception(
            lambda target, _: (target.roll(1, dims=1), target),
            "The labels are right. `roll` puts each sequence's last token in front, where the start token belongs.",
        ),
        "the start alone": Misconception(
            lambda target, start: (torch.full_like(target, start), target),
            "The labels are right. Your decoder reads nothing but start tokens.",
        ),
        "swapped": Misconception(
            lambda target, start: (target, _with_start(target, start)),
            "The two are the wrong way round, or the wrong one was shifted.",
        ),
    },
    next_step="At translation time there is no target. What does the decoder read then?",
)


# --- a loss that ignores padding ----------------------------------------------------------------------------


def _padded_logits(generator: Generator) -> tuple[Tensor, Tensor, int]:
    """Any token may be the padding."""
    batch, seq, vocab = 4, integer(generator, 6, 8), 5
    logits, pad = 2 * float64(generator, batch, seq, vocab), integer(generator, 0, vocab - 1)
    labels = torch.randint(0, vocab - 1, (batch, seq), generator=generator)
    labels += labels >= pad
    lengths = torch.tensor([seq, 2, 3, integer(generator, 4, 5)])
    return logits, labels.masked_fill(torch.arange(seq) >= lengths[:, None], pad), pad


def _token_losses(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")


def padded_loss(logits: Tensor, labels: Tensor, pad: int) -> Tensor:
    """The mean over real tokens only: their losses added up, divided by their number."""
    real = labels != pad
    return _token_losses(logits, labels)[real].mean()


PADDED_LOSS = Exercise(
    name="padded_loss",
    title="Leave the padding out",
    kind="implement",
    points=2,
    inputs=_padded_logits,
    reference=padded_loss,
    misconceptions={
        "padding counted": Misconception(
            lambda logits, labels, _: _token_losses(logits, labels).mean(),
            "You trained the network to predict padding, which is easy and makes up most of the loss in a ragged batch.",
        ),
        "divided by all places": Misconception(
            lambda logits, labels, pad: (
                (_token_losses(logits, labels) * (labels != pad)).sum() / labels.numel()
            ),
            "The padding is out of the sum, but still in the number you divide by: the same sentence costs "
            "less when it stands beside a longer one.",
        ),
        "a mean of means": Misconception(
            lambda logits, labels, pad: (
                (_token_losses(logits, labels) * (labels != pad)).sum(1) / (labels != pad).sum(1)
            ).mean(),
            "You averaged within each sequence first, so a token of a short one weighs more. Each token "
            "should count once.",
        ),
        "a sum": Misconception(
            lambda logits, labels, pad: _token_losses(logits, labels)[labels != pad].sum(),
            "That is the sum. Divide by the number of real tokens, or the learning rate would depend on it.",
        ),
    },
    slips={
        "reshaped": Misconception(
            lambda logits, labels, pad: F.cross_entropy(
                logits.reshape(len(labels), logits.shape[2], -1), labels, ignore_index=pad
            ),
            "You reshaped where a transpose is needed: the numbers of different tokens are mixed.",
        ),
        "divided by the batch": Misconception(
            lambda logits, labels, pad: _token_losses(logits, labels)[labels != pad].sum() / len(labels),
            "You divided by the number of sequences. Divide by the number of real tokens.",
        ),
        "the padding only": Misconception(
            lambda logits, labels, pad: _token_losses(logits, labels)[labels == pad].mean(),
            "You averaged over the padding: the mask is inverted.",
        ),
        "not averaged": Misconception(
            lambda logits, labels, pad: _token_losses(logits, labels)[labels != pad],
            "Those are the losses of the real tokens. Return their mean.",
        ),
        "the first place alone": Misconception(
            lambda logits, labels, pad: F.cross_entropy(logits[:, 0], labels[:, 0], ignore_index=pad),
            "You asked for the first token of each sequence alone. Every real token counts.",
        ),
        "softmax twice": Misconception(
            lambda logits, labels, pad: F.cross_entropy(logits.softmax(-1).mT, labels, ignore_index=pad),
            "You took a softmax first. `cross_entropy` wants logits, and takes its own.",
        ),
    },
    next_step="F.cross_entropy can do it by itself. Which argument?",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (STEPS_UNTIL_A_HUNDREDTH, RNN_STEP, LSTM_STEP, TEACHER_FORCING, PADDED_LOSS)
}
