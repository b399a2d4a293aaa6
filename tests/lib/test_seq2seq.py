"""The encoder–decoder of two cells against torch's parts, and what it may and may not look at."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.models.seq2seq import Seq2Seq, write_greedily

START, END = 1, 2
both = pytest.mark.parametrize("attention", [False, True], ids=["fixed", "attention"])
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def made(attention: bool, seed: int = 0) -> Seq2Seq:
    torch.manual_seed(seed)
    return Seq2Seq(9, 7, embedding=4, hidden=6, attention=attention).double()


def ids(*shape: int, vocab: int = 7, seed: int = 0) -> Tensor:
    return torch.randint(3, vocab, shape, generator=torch.Generator().manual_seed(seed))


SOURCE, LENGTHS, TARGET = ids(3, 5, vocab=9), torch.tensor([5, 2, 4]), ids(3, 4, seed=1)


def of_torchs_parts(model: Seq2Seq, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
    """The same model from nn.GRU, packed sequences and scaled_dot_product_attention."""
    encoder, decoder = (nn.GRU(4, 6, batch_first=True).double() for _ in range(2))
    for ours, theirs in ((model.encoder, encoder), (model.decoder, decoder)):
        theirs.load_state_dict({f"{name}_l0": value for name, value in ours.state_dict().items()})
    packed = nn.utils.rnn.pack_padded_sequence(
        F.embedding(source, model.source_embedding.weight), lengths, batch_first=True, enforce_sorted=False
    )
    outputs, last = encoder(packed)
    outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    decoded, _ = decoder(F.embedding(target, model.target_embedding.weight), last)
    if model.query_proj is None:
        context = last[0][:, None].expand_as(decoded)
    else:
        allowed = (torch.arange(source.shape[1]) < lengths[:, None])[:, None]
        query = decoded @ model.query_proj.weight.T
        context = F.scaled_dot_product_attention(query, outputs, outputs, attn_mask=allowed)
    on_state, on_context = model.mix.weight.chunk(2, dim=1)
    mixed = torch.tanh(decoded @ on_state.T + context @ on_context.T)
    return mixed @ model.output.weight.T + model.output.bias


@both
def test_logits_are_those_of_torchs_parts(attention):
    model = made(attention)
    expected = of_torchs_parts(model, SOURCE, LENGTHS, TARGET)
    torch.testing.assert_close(model(SOURCE, LENGTHS, TARGET), expected, **CLOSE)


@both
def test_every_parameter_learns(attention):
    model = made(attention)
    F.cross_entropy(model(SOURCE, LENGTHS, TARGET).flatten(0, 1), TARGET.flatten()).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())
    counts = sum(p.numel() for p in made(True).parameters()) - sum(
        p.numel() for p in made(False).parameters()
    )
    assert counts == 6 * 6


@both
def test_a_later_target_token_changes_no_earlier_logits(attention):
    model, changed = made(attention), TARGET.clone()
    changed[:, 2:] = (changed[:, 2:] - 2) % 4 + 3
    before, after = model(SOURCE, LENGTHS, TARGET), model(SOURCE, LENGTHS, changed)
    torch.testing.assert_close(before[:, :2], after[:, :2], rtol=0, atol=1e-12)
    assert not torch.isclose(before[:, 2:], after[:, 2:]).any()


@both
def test_padding_changes_nothing_and_a_batch_is_its_singles(attention):
    model = made(attention)
    longer = F.pad(SOURCE, (0, 3), value=5)
    longer[1, 2:] = 8
    together = model(SOURCE, LENGTHS, TARGET)
    torch.testing.assert_close(model(longer, LENGTHS, TARGET), together, rtol=0, atol=1e-12)
    for row, n in enumerate(LENGTHS.tolist()):
        alone = model(SOURCE[row : row + 1, :n], LENGTHS[row : row + 1], TARGET[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, **CLOSE)


def test_without_attention_the_last_state_is_all_there_is():
    model = made(False)
    memory, state = model.encode(SOURCE, LENGTHS)
    assert memory.shape == (3, 1, 6)
    assert torch.equal(memory[:, 0], state)
    memory, state = made(True).encode(SOURCE, LENGTHS)
    assert memory.shape == (3, 5, 6)
    torch.testing.assert_close(memory[torch.arange(3), LENGTHS - 1], state, rtol=0, atol=0)


def test_attention_weights_belong_to_real_tokens():
    model = made(True)
    memory, state = model.encode(SOURCE, LENGTHS)
    mask = (torch.arange(5) < LENGTHS[:, None])[:, None, None]
    _, _, weights = model.decode(TARGET, state, memory, mask)
    assert weights.shape == (3, 4, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4).double())
    assert not weights[1, :, 2:].any()
    assert weights[1, :, :2].all()


@both
def test_translating_is_the_likeliest_next_token_again_and_again(attention):
    """Each written token is the argmax that teacher forcing gives on what was written before."""
    endings = set()
    for seed in range(6):
        model = made(attention, seed)
        with torch.no_grad():
            model.output.bias[END] += 0.3  # so that some texts end early
        written = model.translate(SOURCE, LENGTHS, start=START, end=END, max_new_tokens=6)
        target_in = F.pad(written[:, :-1], (1, 0), value=START)
        best = model(SOURCE, LENGTHS, target_in).argmax(-1)
        for row, told in zip(written.tolist(), best.tolist(), strict=True):
            stop = row.index(END) + 1 if END in row else len(row)
            endings.add(stop)
            assert row[:stop] == told[:stop]
            assert set(row[stop:]) <= {END}
        alone = model.translate(SOURCE[1:2, :2], LENGTHS[1:2], start=START, end=END, max_new_tokens=6)
        assert written[1, : alone.shape[1]].tolist() == alone[0].tolist()
    assert len(endings) > 1


def test_greedy_writing_stops_when_all_have_ended():
    plan = torch.tensor([[5, END, 4, 4, 4, 4], [6, 6, 6, END, 5, 5]])

    def next_logits(so_far: Tensor) -> Tensor:
        return F.one_hot(plan[:, so_far.shape[1] - 1], 7).float()

    opening = torch.full((2, 1), START)
    written = write_greedily(next_logits, opening, end=END, max_new_tokens=6)
    assert written.tolist() == [[5, END, END, END], [6, 6, 6, END]]
    short = write_greedily(next_logits, opening, end=END, max_new_tokens=2)
    assert short.tolist() == [[5, END], [6, 6]]
    with pytest.raises(ValueError, match="max_new_tokens must be at least 1, got 0"):
        write_greedily(next_logits, opening, end=END, max_new_tokens=0)


MODEL = made(True)
TOO_HIGH = torch.full((3, 5), 9)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Seq2Seq(0, 5), ValueError, "source_vocab must be at least 1, got 0"),
        (lambda: Seq2Seq(5, 5, hidden=0), ValueError, "hidden must be at least 1, got 0"),
        (lambda: Seq2Seq(5, 5, embedding=-1), ValueError, "embedding must be at least 1, got -1"),
        (lambda: MODEL(TOO_HIGH, LENGTHS, TARGET), ValueError, "source must be from 0 to 8, got 9 … 9"),
        (lambda: MODEL(SOURCE, LENGTHS, TARGET - 9), ValueError, "target_in must be from 0 to 6, got -"),
        (lambda: MODEL(SOURCE[:, :0], LENGTHS, TARGET), ValueError, r"source must be .* got \(3, 0\)"),
        (lambda: MODEL(SOURCE, LENGTHS, TARGET[:, :0]), ValueError, r"target_in must be .* got \(3, 0\)"),
        (lambda: MODEL(SOURCE[0], LENGTHS, TARGET), ValueError, r"source must be .* got \(5,\)"),
        (
            lambda: MODEL(SOURCE.double(), LENGTHS, TARGET),
            TypeError,
            "source must be int64 or int32, got torch.float64",
        ),
        (lambda: MODEL(SOURCE, [5, 2, 4], TARGET), TypeError, "lengths must be an int tensor, got list"),
        (
            lambda: MODEL(SOURCE, LENGTHS + 1, TARGET),
            ValueError,
            r"lengths must lie in 1 … 5, got \[6, 3, 5\]",
        ),
        (
            lambda: MODEL(SOURCE, LENGTHS - 2, TARGET),
            ValueError,
            r"lengths must lie in 1 … 5, got \[3, 0, 2\]",
        ),
        (
            lambda: MODEL(SOURCE, LENGTHS[:2], TARGET),
            ValueError,
            "source_lengths must hold one length per source, got 2 for 3",
        ),
        (
            lambda: MODEL(SOURCE, LENGTHS, TARGET[:1]),
            ValueError,
            "target_in must hold one target per source, got 1 for 3",
        ),
        (
            lambda: MODEL.translate(SOURCE, LENGTHS, start=7, end=2, max_new_tokens=3),
            ValueError,
            "start must be from 0 to 6, got 7",
        ),
        (
            lambda: MODEL.translate([[3]], LENGTHS, start=1, end=2, max_new_tokens=3),
            TypeError,
            "source must be int64 or int32, got list",
        ),
        (
            lambda: MODEL.translate(SOURCE, LENGTHS, start=1, end=-2, max_new_tokens=3),
            ValueError,
            "end must be from 0 to 6, got -2",
        ),
        (
            lambda: MODEL.translate(SOURCE, LENGTHS, start=1, end=2, max_new_tokens=0),
            ValueError,
            "max_new_tokens must be at least 1, got 0",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
