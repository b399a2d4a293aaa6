"""Rollouts: answers of many prompts at once are those of each prompt alone, cut where they end."""

from __future__ import annotations

import pytest
import torch

from course_lib.assistant.task import generate_batch
from course_lib.models.gpt import GPT
from course_lib.text.generation import generate

END, LONGEST, CONTEXT = 3, 6, 16
PROMPTS = [[1, 2, 4], [5], [6, 7], [1, 2, 5], [5], [8, 1, 2, 4, 9, 1]]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model() -> GPT:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = GPT(10, context=CONTEXT, d_model=16, heads=2, layers=2).eval()
        for parameter in made.parameters():  # far from uniform, so that answers differ
            parameter.data.mul_(6)
        return made


def test_greedy_answers_are_those_of_each_prompt_alone(model):
    answers = generate_batch(model, PROMPTS, end=END, longest=LONGEST)
    for prompt, found in zip(PROMPTS, answers, strict=True):
        whole = generate(model, torch.tensor(prompt), LONGEST, context=CONTEXT)[len(prompt) :].tolist()
        expected = whole[: whole.index(END) + 1] if END in whole else whole
        assert found == expected
    assert len({tuple(a) for a in answers}) > 2


def test_drawn_answers_end_with_the_token_that_ends_them_or_are_cut(model):
    answers = generate_batch(
        model, PROMPTS * 20, end=END, longest=LONGEST, temperature=2.0, generator=seeded(0)
    )
    ended = [a for a in answers if a[-1] == END]
    assert all(END not in a[:-1] for a in ended)
    assert all(len(a) == LONGEST and END not in a for a in answers if a[-1] != END)
    assert 0 < len(ended) < len(answers)
    assert len({tuple(a) for a, p in zip(answers, PROMPTS * 20, strict=True) if p == [5]}) > 10


def test_the_generator_decides(model):
    def drawn(seed: int) -> list[list[int]]:
        return generate_batch(
            model, PROMPTS, end=END, longest=LONGEST, temperature=2.0, generator=seeded(seed)
        )

    state = torch.random.get_rng_state()
    assert drawn(1) == drawn(1) != drawn(2)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("prompts", "longest", "message"),
    [
        ([], 3, r"prompts must hold at least one token each, got lengths \[\]"),
        ([[1], []], 3, r"prompts must hold at least one token each, got lengths \[1, 0\]"),
        ([[1]], 0, "longest must be an int of at least 1, got 0"),
        ([[1]], True, "longest must be an int of at least 1, got True"),
        ([[1], [1] * 14], 3, "context must hold prompt and answer, got 16 for 14 and 3 tokens"),
    ],
)
def test_what_cannot_be_answered_is_refused(model, prompts, longest, message):
    with pytest.raises(ValueError, match=message):
        generate_batch(model, prompts, end=END, longest=longest)
