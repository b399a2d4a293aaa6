"""What only counts, and what is measured on a text: against plain Python, and against true text."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib.data.batches import RandomWindows
from course_lib.models.gpt import GPT
from course_lib.text.evaluation import (
    bigram_loss,
    bits_per_byte,
    consecutive_windows,
    model_loss,
    quatrain_share,
    unigram_loss,
)

IDS = st.lists(st.integers(0, 5), min_size=2, max_size=40)


def plain_unigram(train: list[int], test: list[int], vocabulary: int) -> float:
    counts = Counter(train)
    losses = [-math.log((counts[token] + 1) / (len(train) + vocabulary)) for token in test[1:]]
    return sum(losses) / len(losses)


def plain_bigram(train: list[int], test: list[int], vocabulary: int) -> float:
    counts, pairs = Counter(train), Counter(itertools.pairwise(train))
    losses = []
    for before, after in itertools.pairwise(test):
        unigram = (counts[after] + 1) / (len(train) + vocabulary)
        followed = sum(number for (first, _), number in pairs.items() if first == before)
        kinds = sum(first == before for first, _ in pairs)
        p = (pairs[before, after] + kinds * unigram) / (followed + kinds) if followed else unigram
        losses.append(-math.log(p))
    return sum(losses) / len(losses)


@given(IDS, IDS)
def test_counting_models_equal_their_plain_form(train, test):
    tensors = torch.tensor(train), torch.tensor(test)
    assert unigram_loss(*tensors, 6) == pytest.approx(plain_unigram(train, test, 6), rel=1e-9)
    assert bigram_loss(*tensors, 6) == pytest.approx(plain_bigram(train, test, 6), rel=1e-9)


@given(IDS)
def test_the_bigram_guesses_are_probabilities(train):
    ids = torch.tensor(train)
    for before in range(6):
        total = sum(math.exp(-bigram_loss(ids, torch.tensor([before, after]), 6)) for after in range(6))
        assert total == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("measure", [unigram_loss, bigram_loss])
def test_counting_models_refuse_bad_ids(measure):
    good = torch.tensor([0, 1, 2])
    with pytest.raises(ValueError, match=r"test_ids must be \(n,\) with n at least 2, got \(1,\)"):
        measure(good, good[:1], 3)
    with pytest.raises(ValueError, match=r"train_ids must be \(n,\)"):
        measure(good[None], good, 3)
    with pytest.raises(ValueError, match="test_ids must be from 0 to 2, got 0 … 3"):
        measure(good, torch.tensor([0, 3]), 3)
    with pytest.raises(ValueError, match="train_ids must be from 0 to 2, got -1 … 2"):
        measure(torch.tensor([-1, 2]), good, 3)


def test_a_models_loss_is_that_of_its_windows_one_by_one():
    torch.manual_seed(0)
    model = GPT(11, context=8, d_model=8, heads=2, layers=1, dropout=0.3).train()
    ids = torch.randint(11, (53,))
    losses = []
    model.eval()
    with torch.no_grad():
        for start in range(0, 52, 8):
            window = ids[start : start + 8]
            log_p = model(window[None, : len(ids) - 1 - start])[0].log_softmax(-1)
            targets = ids[start + 1 : start + 9]
            losses += [-log_p[place, token].item() for place, token in enumerate(targets.tolist())]
    model.train()
    assert len(losses) == 52
    found = model_loss(model, ids, context=8, batch_size=4)
    assert found == pytest.approx(sum(losses) / 52, rel=1e-5)
    assert model.training


def test_a_uniform_model_has_the_loss_of_a_die():
    class Uniform(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.zero = nn.Parameter(torch.zeros(1))

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.zero.expand(*ids.shape, 6)

    assert model_loss(Uniform(), torch.arange(6), context=4) == pytest.approx(math.log(6))
    assert bits_per_byte(math.log(256), 3, "abc") == pytest.approx(8)
    assert bits_per_byte(math.log(2), 3, "風") == pytest.approx(1)


@given(st.integers(2, 40), st.integers(1, 9), st.integers(1, 4))
def test_every_token_but_the_first_is_a_target_once(length, context, batch_size):
    ids = torch.arange(length)
    windows = list(consecutive_windows(ids, context=context, batch_size=batch_size))
    assert torch.cat([targets.flatten() for _, targets in windows]).tolist() == list(range(1, length))
    for inputs, targets in windows:
        assert torch.equal(inputs + 1, targets)
        assert inputs.shape[0] <= batch_size
        assert inputs.shape[1] <= context


def test_random_windows_are_true_windows_from_all_places():
    generator = torch.Generator().manual_seed(0)
    windows = RandomWindows(torch.arange(10, 20), context=4, batch_size=50, generator=generator)
    inputs, targets = windows.draw()
    assert inputs.shape == targets.shape == (50, 4)
    assert torch.equal(inputs + 1, targets)
    assert (inputs.diff() == 1).all()
    assert set(inputs[:, 0].tolist()) == set(range(10, 16))
    state = generator.get_state()
    again = windows.draw()
    generator.set_state(state)
    assert torch.equal(windows.draw()[0], again[0])


def test_windows_that_do_not_fit_are_refused():
    generator = torch.Generator()
    with pytest.raises(ValueError, match="n above the context of 4, got \\(4,\\)"):
        RandomWindows(torch.arange(4), context=4, batch_size=1, generator=generator)
    with pytest.raises(ValueError, match="context must be at least 1, got 0"):
        RandomWindows(torch.arange(9), context=0, batch_size=1, generator=generator)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        list(consecutive_windows(torch.arange(9), context=4, batch_size=0))
    with pytest.raises(ValueError, match="n at least 2"):
        list(consecutive_windows(torch.arange(1), context=4))


def test_quatrains_are_told_from_other_forms():
    good = "\n".join(["一二三四五六七"] * 4) + "\n\n"
    assert quatrain_share(good * 3 + "一二三") == 1
    assert quatrain_share(good + good.replace("七\n", "七七\n", 1)) == 0.5
    assert quatrain_share(good + "一二三四五六七\n\n" + good + "\n\n") == 0.5
    with pytest.raises(ValueError, match="must hold a poem"):
        quatrain_share("一二三")


@pytest.mark.parametrize(("nats", "tokens", "text"), [(1.0, 0, "a"), (1.0, 1, "")])
def test_bits_a_byte_of_nothing_are_refused(nats, tokens, text):
    with pytest.raises(ValueError, match=r"must (be|hold) at least"):
        bits_per_byte(nats, tokens, text)
