"""Generation: filtered logits, fair draws, and one rule for a full context with and without the cache."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_lib.models.gpt import GPT
from course_lib.text.generation import generate, next_token_logits

NO_SETTING = {"temperature": 1.0}


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    made = GPT(40, context=12, d_model=16, heads=2, layers=2)
    with torch.no_grad():  # far from its start, and no token longer than others, lest one win every time
        for parameter in made.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn_like(parameter))
        made.token_embedding.weight.copy_(nn.functional.normalize(made.token_embedding.weight))
    return made.eval()


def prompt(*shape: int) -> Tensor:
    return torch.randint(40, shape, generator=torch.Generator().manual_seed(5))


def plain_greedy(model: nn.Module, ids: Tensor, new_tokens: int, context: int) -> Tensor:
    """The rule in its plainest form, for one text."""
    text, window = ids.tolist(), ids.tolist()
    for _ in range(new_tokens):
        if len(window) > context:
            window = window[-(context - context // 2) :]
        with torch.no_grad():
            best = model(torch.tensor([window]))[0, -1].argmax().item()
        text.append(best)
        window.append(best)
    return torch.tensor(text)


@pytest.mark.parametrize("length", [1, 5, 11, 12])
def test_greedy_text_is_the_same_with_and_without_the_cache_beyond_the_context(model, length):
    ids = prompt(length)
    expected = plain_greedy(model, ids, 45, 12)
    assert len(set(expected[length:].tolist())) > 5
    for use_cache in (True, False):
        assert torch.equal(generate(model, ids, 45, context=12, use_cache=use_cache), expected)


@pytest.mark.parametrize("context", [1, 2, 7])
def test_a_shorter_context_than_the_models_is_kept_too(model, context):
    expected = plain_greedy(model, prompt(1), 30, context)
    for use_cache in (True, False):
        assert torch.equal(generate(model, prompt(1), 30, context=context, use_cache=use_cache), expected)


def test_drawn_texts_are_the_same_with_and_without_the_cache(model):
    texts = [
        generate(
            model,
            prompt(3, 4),
            30,
            context=12,
            temperature=0.9,
            top_k=20,
            top_p=0.95,
            generator=torch.Generator().manual_seed(8),
            use_cache=use_cache,
        )
        for use_cache in (True, False)
    ]
    assert torch.equal(*texts)
    assert texts[0].shape == (3, 34)
    assert torch.equal(texts[0][:, :4], prompt(3, 4))


def test_a_batch_is_written_as_its_rows_are(model):
    together = generate(model, prompt(4, 3), 25, context=12)
    for row, text in zip(prompt(4, 3), together, strict=True):
        assert torch.equal(generate(model, row, 25, context=12), text)


def test_the_mode_is_left_as_it_was_and_dropout_is_off(model):
    torch.manual_seed(0)
    with_dropout = GPT(40, context=12, d_model=16, heads=2, layers=2, dropout=0.5)
    with_dropout.load_state_dict(model.state_dict())
    with_dropout.train()
    assert torch.equal(
        generate(with_dropout, prompt(4), 20, context=12), generate(model, prompt(4), 20, context=12)
    )
    assert with_dropout.training
    assert not model.training


def test_no_new_tokens_give_the_prompt(model):
    assert torch.equal(generate(model, prompt(4), 0, context=12), prompt(4))


class Constant(nn.Module):
    """A model that gives the same logits for every next token."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def new_cache(self) -> None:
        """It needs none."""

    def forward(self, ids: Tensor, cache: None = None) -> Tensor:
        assert cache is None
        return self.logits.expand(*ids.shape, -1)


# Upper 0.1 % points of the chi-square distribution, by degrees of freedom.
CHI_SQUARE = {2: 13.816, 3: 16.266, 5: 20.515}


@pytest.mark.parametrize(
    ("keywords", "kept"),
    [
        ({"temperature": 1.0}, 6),
        ({"temperature": 2.5}, 6),
        ({"temperature": 1.0, "top_k": 4}, 4),
        ({"temperature": 0.5, "top_p": 0.9}, 3),
    ],
)
def test_tokens_are_drawn_as_often_as_their_probability_says(keywords, kept):
    logits = torch.tensor([0.3, -1.0, 1.2, 0.9, -0.2, 0.0])
    scaled = (logits / keywords["temperature"]).tolist()
    powers = sorted(((math.exp(value), token) for token, value in enumerate(scaled)), reverse=True)[:kept]
    total = sum(power for power, _ in powers)
    draws = 8000
    text = generate(
        Constant(logits),
        torch.zeros(draws, 1, dtype=torch.int64),
        1,
        context=4,
        generator=torch.Generator().manual_seed(11),
        **keywords,
    )
    counts = torch.bincount(text[:, 1], minlength=6).tolist()
    statistic = sum(
        (counts[token] - draws * power / total) ** 2 / (draws * power / total) for power, token in powers
    )
    assert sum(counts[token] for _, token in powers) == draws
    assert statistic < CHI_SQUARE[kept - 1]


LOGITS = st.lists(st.floats(-8, 8), min_size=1, max_size=12).map(torch.tensor)


@given(LOGITS, st.integers(1, 15))
def test_top_k_keeps_the_k_largest(logits, k):
    kept = next_token_logits(logits, top_k=k)
    places = torch.isfinite(kept)
    assert places.sum() == min(k, len(logits))
    assert torch.equal(kept[places], logits[places])
    if not places.all():
        assert logits[places].min() >= logits[~places].max()


@given(LOGITS, st.floats(0.01, 1.0))
def test_top_p_keeps_the_shortest_run_that_reaches_p(logits, p):
    kept = torch.isfinite(next_token_logits(logits, top_p=p))
    probabilities = logits.double().softmax(0)
    if p < 1:
        assert probabilities[kept].sum() >= p - 1e-6
        without_last = probabilities[kept].sum() - probabilities[kept].min()
        assert kept.sum() == 1 or without_last < p + 1e-6
    else:
        assert kept.all()
    if not kept.all():
        assert probabilities[kept].min() >= probabilities[~kept].max() - 1e-9


@given(LOGITS, st.floats(0.1, 5.0))
@settings(max_examples=50)
def test_temperature_divides_and_all_rows_are_filtered_alike(logits, temperature):
    torch.testing.assert_close(next_token_logits(logits, temperature=temperature), logits / temperature)
    rows = torch.stack([logits, logits.flip(0)])[None]
    filtered = next_token_logits(rows, temperature=temperature, top_k=3, top_p=0.8)
    alone = [
        next_token_logits(row, temperature=temperature, top_k=3, top_p=0.8)
        for row in (logits, logits.flip(0))
    ]
    assert torch.equal(filtered[0], torch.stack(alone))


@pytest.mark.parametrize("kept", range(1, 8))
def test_a_run_that_sums_to_exactly_p_has_reached_it(kept):
    assert torch.isfinite(next_token_logits(torch.zeros(8), top_p=kept / 8)).sum() == kept


def test_of_equal_logits_the_smaller_id_is_kept_and_the_input_is_not_changed():
    logits = torch.zeros(5)
    assert torch.isfinite(next_token_logits(logits, top_k=2)).tolist() == [True, True, False, False, False]
    assert torch.isfinite(next_token_logits(logits, top_p=0.5)).tolist() == [True, True, True, False, False]
    assert torch.count_nonzero(logits) == 0


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"temperature": 0.0}, "temperature must be finite and above 0, got 0.0; .* greedy"),
        ({"temperature": -1.0}, "temperature must be finite and above 0, got -1.0"),
        ({"temperature": math.nan}, "temperature must be finite and above 0, got nan"),
        ({"top_k": 0}, "top_k must be an int of at least 1, got 0"),
        ({"top_k": 2.0}, "top_k must be an int of at least 1, got 2.0"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, got 0.0"),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1, got 1.5"),
        ({"top_p": math.nan}, "top_p must be above 0 and at most 1, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(model, keywords, message):
    with pytest.raises(ValueError, match=message):
        next_token_logits(torch.zeros(4), **(NO_SETTING | keywords))
    with pytest.raises(ValueError, match=message):
        generate(model, prompt(3), 2, context=12, **(NO_SETTING | keywords))


@pytest.mark.parametrize(
    ("ids", "keywords", "error", "message"),
    [
        (torch.zeros(0, dtype=torch.int64), {}, ValueError, "ids must hold at least one token"),
        (torch.zeros(0, 3, dtype=torch.int64), {}, ValueError, "ids must hold at least one token"),
        (
            torch.zeros(13, dtype=torch.int64),
            {},
            ValueError,
            "ids must fit the context of 12, got a prompt of 13",
        ),
        (torch.zeros(1, 1, 1, dtype=torch.int64), {}, ValueError, r"ids must be \(seq,\) or \(batch, seq\)"),
        (torch.zeros(3), {}, TypeError, "ids must be int64, got torch.float32"),
        (prompt(3), {"new_tokens": -1}, ValueError, "new_tokens must be an int of at least 0, got -1"),
        (prompt(3), {"context": 0}, ValueError, "context must be an int of at least 1, got 0"),
        (prompt(3), {"top_k": 3}, ValueError, "give a temperature, or leave them out"),
    ],
)
def test_bad_prompts_and_numbers_are_refused(model, ids, keywords, error, message):
    arguments = {"new_tokens": 2, "context": 12} | keywords
    with pytest.raises(error, match=message):
        generate(model, ids, **arguments)
