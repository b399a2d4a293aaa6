"""Loss and score of a translator: each text counts once, however long and in whatever batch."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data.batches import Batches
from course_lib.training.metrics import exact_match, token_cross_entropy

END, PAD = 2, 0


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_equally_long_texts_give_torchs_cross_entropy_in_value_and_gradient():
    logits = draw(3, 4, 6).requires_grad_()
    targets = torch.randint(1, 6, (3, 4), generator=torch.Generator().manual_seed(0))
    ours, theirs = (
        token_cross_entropy(logits, targets),
        F.cross_entropy(logits.flatten(0, 1), targets.flatten()),
    )
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (ours, theirs)))


def test_each_text_counts_once_and_padding_not_at_all():
    logits, targets = draw(2, 3, 6), torch.tensor([[4, PAD, PAD], [3, 5, END]])
    by_hand = []
    for row, text in zip(logits.tolist(), targets.tolist(), strict=True):
        losses = [math.log(sum(map(math.exp, z))) - z[y] for z, y in zip(row, text, strict=True) if y != PAD]
        by_hand.append(sum(losses) / len(losses))
    assert token_cross_entropy(logits, targets).item() == pytest.approx(sum(by_hand) / 2, rel=1e-12)
    singles = [token_cross_entropy(logits[i : i + 1], targets[i : i + 1]).item() for i in (0, 1)]
    assert singles == pytest.approx(by_hand, rel=1e-12)
    moved = logits.clone()
    moved[0, 1:] += draw(2, 6, seed=1)
    assert token_cross_entropy(moved, targets) == token_cross_entropy(logits, targets)


class Says(nn.Module):
    """A pretended translator: writes what its plan holds for a source's first id."""

    def __init__(self, plan: dict[int, list[int]]) -> None:
        super().__init__()
        self.plan = plan
        self.modes: list[bool] = []

    def translate(
        self, source: Tensor, source_lengths: Tensor, *, start: int, end: int, max_new_tokens: int
    ) -> Tensor:
        assert (start, end, len(source_lengths)) == (1, END, len(source))
        self.modes.append(self.training)
        rows = [self.plan[first][:max_new_tokens] for first in source[:, 0].tolist()]
        longest = max(map(len, rows))
        return torch.tensor([row + [end] * (longest - len(row)) for row in rows])


TARGETS = torch.tensor([[5, 6, END, PAD], [7, END, PAD, PAD], [5, 5, 5, END], [8, END, PAD, PAD]])
PAIRS = (torch.tensor([[10], [11], [12], [13]]), torch.ones(4).long(), torch.zeros(4, 4).long(), TARGETS)


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_a_text_matches_up_to_its_end_or_not_at_all(batch_size):
    model = Says({10: [5, 6, END, 9], 11: [7, 9, END], 12: [5, 5, 5, END], 13: [8]})
    batches = Batches(*PAIRS, batch_size=batch_size, shuffle=False)
    assert exact_match(model, batches) == 3 / 4
    assert model.modes == [False] * len(batches)
    assert model.training


@pytest.mark.parametrize("wrong", [[5, 6, 6], [6, 6, END], [5, END], [END], [5, 6, 7, END]])
def test_one_wrong_token_is_a_wrong_text(wrong):
    model = Says({10: wrong}).eval()
    assert exact_match(model, [tuple(tensor[:1] for tensor in PAIRS)]) == 0
    assert not model.training


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"logits must be \(batch, t, vocab\) .* got \(2, 3\) and \(2, 3\)"):
        token_cross_entropy(torch.zeros(2, 3), torch.ones(2, 3).long())
    with pytest.raises(ValueError, match=r"got \(2, 4, 5\) and \(2, 3\)"):
        token_cross_entropy(torch.zeros(2, 4, 5), torch.ones(2, 3).long())
    with pytest.raises(ValueError, match="a real token in each row, row 1 is padding"):
        token_cross_entropy(torch.zeros(2, 3, 5), torch.tensor([[1, 0, 0], [0, 0, 0]]))
    with pytest.raises(ValueError, match="batches must hold at least one text"):
        exact_match(Says({}), [])
