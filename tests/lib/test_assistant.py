"""Demonstrations, preferences, rewards: what each stage learns, from what, and what it leaves alone."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from course_lib.assistant import grpo, task
from course_lib.assistant.dpo import (
    Pair,
    Preferences,
    learn_from_preferences,
    longer_before_shorter,
    right_before_wrong,
)
from course_lib.assistant.grpo import Rewards, exact, impressed, learn_from_rewards, occurs
from course_lib.assistant.sft import (
    Demonstrations,
    answer_loss,
    layout,
    learn_from_demonstrations,
    token_log_probabilities,
    train_on,
)
from course_lib.assistant.task import LONGEST_ANSWER, answer, decode_bytes, encode_bytes, measure
from course_lib.data.instructions import (
    COURTESY,
    KINDS,
    demonstrations,
    draw_instructions,
    exact_match,
    instruct,
)
from course_lib.models.gpt import GPT

COUNT = instruct("count", "whale")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_model(seed: int = 0) -> GPT:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT(256, context=32, d_model=32, heads=2, layers=2).eval()


@pytest.fixture(scope="module")
def counted() -> GPT:
    """Learnt to count letters, from people of whom half greet."""
    model, generator = small_model(), seeded(0)
    asked = draw_instructions(600, split="train", generator=generator, kinds=["count"])
    shown = demonstrations(asked, courteous=0.5, generator=generator)
    losses = learn_from_demonstrations(
        model, [i.prompt for i in asked], shown, Demonstrations(150, 32, 1e-2), generator=generator
    )
    assert losses[-1] < 0.3 < losses[0]
    return model


@pytest.fixture
def learner(counted) -> GPT:
    return copy.deepcopy(counted)


def questions(count: int, seed: int, split: str = "train") -> list:
    return draw_instructions(count, split=split, generator=seeded(seed), kinds=["count"])


def drawn_score(model: GPT, reward=exact) -> float:
    asked = questions(300, 9, "test")
    given = answer(model, [i.prompt for i in asked], temperature=1.0, generator=seeded(3))
    return sum(map(reward, given, asked)) / len(asked)


def log_probabilities(model: GPT, pairs: list[Pair], which: str) -> Tensor:
    """Each answer alone, so that no padding is involved."""
    with torch.no_grad():
        rows = [layout(model, [p.prompt], [getattr(p, which)]) for p in pairs]
        return torch.cat([token_log_probabilities(model(x), y).sum(dim=1) for x, y in rows])


def test_texts_are_spelt_a_token_a_byte():
    assert encode_bytes("add 1\n") == [97, 100, 100, 32, 49, 10]
    for kind in KINDS:
        operand = (12, 34) if kind in ("larger", "add") else "quiz"
        for text in instruct(kind, operand)[:2]:
            assert decode_bytes(encode_bytes(text)) == text
    assert decode_bytes([79, 75, 200, 900])[:2] == "OK"


def test_what_a_model_wrote_is_spelt_as_it_wrote_it():
    """Also bytes that are no text and tokens of several bytes: preferences and rewards learn from them."""
    ids = list(range(1024))
    assert encode_bytes(decode_bytes(ids)) == ids
    assert len(set(decode_bytes(ids))) == 1024
    assert decode_bytes(ids[:128]).isascii()
    for strange in ("é", "\ufffd", "\ue000", "\uf900"):
        with pytest.raises(ValueError, match="text must be in ASCII to be spelt, got"):
            encode_bytes("a" + strange)
    for index in (-1, 6400):
        with pytest.raises(ValueError, match="ids must be from 0 to 6399, got"):
            decode_bytes([index])


def test_the_longest_demonstration_fits():
    drawn = draw_instructions(3000, split="train", generator=seeded(0))
    longest = max(len(encode_bytes(text)) for text in demonstrations(drawn, courteous=1.0))
    assert longest == LONGEST_ANSWER - 1


def test_measuring_asks_greedily_and_by_drawing(monkeypatch):
    asked = [COUNT, instruct("count", "sea"), instruct("first", "sea"), instruct("add", (10, 11))]
    given = {None: ["5\n", "4\n", "sea\n", "21\n"], 1.0: ["OK: 5\n", "3\n", "s\n", "x"]}

    def answers(_model, prompts, *, temperature=None, generator=None):
        assert prompts == [i.prompt for i in asked]
        assert (generator is None) == (temperature is None)
        return given[temperature]

    monkeypatch.setattr(task, "answer", answers)
    assert measure(small_model(), asked, drawn_with=seeded(0)) == {
        "exact_match": 0.5,
        "sampled_exact_match": 0.5,
        "answer_occurs": 0.75,
        "sampled_answer_occurs": 0.75,
        "length": 11 / 4,
        "sampled_length": 11 / 4,
        "by_kind": {"first": 0.0, "count": 0.5, "add": 1.0},
    }


def test_demonstrations_teach_the_task_and_the_manners_of_those_who_gave_them(counted):
    right, there = drawn_score(counted), drawn_score(counted, occurs)
    assert there > 0.85
    assert 0.3 < right / there < 0.7
    asked = questions(300, 9, "test")
    given = answer(counted, [i.prompt for i in asked], temperature=1.0, generator=seeded(3))
    assert sum(text.startswith(COURTESY) for text in given) == pytest.approx(150, abs=60)
    assert exact_match(given, asked) == right


def test_the_first_loss_is_that_of_the_answers_alone():
    model, pairs = small_model(), [(COUNT.prompt, COUNT.answer), ("first sea\n", "OK: s\n")]
    inputs, targets = layout(model, *map(list, zip(*pairs, strict=True)))
    with torch.no_grad():
        both = [answer_loss(model(x), y).item() for x, y in (layout(model, [p], [a]) for p, a in pairs)]
        assert answer_loss(model(inputs), targets).item() == pytest.approx(
            (2 * both[0] + 6 * both[1]) / 8, rel=1e-5
        )
    losses = learn_from_demonstrations(
        copy.deepcopy(model), [COUNT.prompt], [COUNT.answer], Demonstrations(1, 3, 1e-3), generator=seeded(0)
    )
    assert losses == pytest.approx([both[0]], rel=1e-5)


def test_a_step_warms_up_falls_clips_and_skips(monkeypatch):
    weight, frozen = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.ones(3), requires_grad=False)
    model = nn.ParameterList([weight, frozen])
    rates, norms = [], []

    class Watched(torch.optim.SGD):
        def step(self):
            rates.append(self.param_groups[0]["lr"])
            norms.append(weight.grad.norm().item())
            super().step()

    monkeypatch.setattr(
        "course_lib.assistant.sft.adamw",
        lambda parameters, *, learning_rate, weight_decay: Watched(
            parameters, lr=learning_rate + weight_decay
        ),
    )
    losses = train_on(
        model, lambda step: None if step == 4 else 100 * weight.sum(), steps=20, learning_rate=0.1
    )
    assert len(losses) == len(rates) == 19
    assert rates[:2] == pytest.approx([0.05, 0.1])
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert 0 < rates[-1] < 0.002
    assert norms == pytest.approx([1.0] * 19, rel=1e-4)
    assert torch.equal(frozen, torch.ones(3))
    assert not model.training


@pytest.mark.parametrize(("steps", "rate"), [(0, 0.1), (3, 0.0), (3, math.inf), (3, math.nan)])
def test_bad_schedules_are_refused(steps, rate):
    with pytest.raises(ValueError, match="steps must be at least 1 and learning_rate above 0, got"):
        train_on(nn.Linear(1, 1), lambda _: None, steps=steps, learning_rate=rate)


def test_a_diverging_loss_stops_and_names_the_step():
    model = nn.Linear(1, 1)
    with pytest.raises(FloatingPointError, match="the loss is nan at update 3: it diverged"):
        train_on(
            model,
            lambda step: model.weight.sum() * (math.nan if step == 2 else 1.0),
            steps=4,
            learning_rate=0.1,
        )


def test_demonstrations_need_an_answer_each():
    with pytest.raises(ValueError, match="answers must be one for each prompt, got 0 for 1"):
        learn_from_demonstrations(small_model(), ["a\n"], [], Demonstrations(1, 1, 0.1), generator=seeded(0))


def test_wrong_answers_are_paired_with_the_right_one(counted):
    asked = questions(200, 1)
    pairs = right_before_wrong(counted, asked, generator=seeded(0))
    given = answer(counted, [i.prompt for i in asked], temperature=1.0, generator=seeded(0))
    wrong = [(i, text) for i, text in zip(asked, given, strict=True) if text != i.answer]
    assert pairs == [Pair(i.prompt, i.answer, text) for i, text in wrong]
    assert 50 < len(pairs) < 150


def test_a_judge_of_lengths_prefers_the_longer(counted):
    asked = questions(200, 1)
    pairs = longer_before_shorter(counted, asked, generator=seeded(0))
    assert all(len(pair.better) > len(pair.worse) for pair in pairs)
    assert {pair.prompt for pair in pairs} <= {i.prompt for i in asked}
    assert 50 < len(pairs) < 150
    assert any(pair.better.startswith(COURTESY) for pair in pairs)


def test_preferences_begin_at_ln_2_and_part_better_from_worse(learner, counted):
    pairs = right_before_wrong(learner, questions(300, 1), generator=seeded(0))
    losses = learn_from_preferences(
        learner, pairs, Preferences(16, 1e-3, beta=0.1, epochs=2), generator=seeded(0)
    )
    assert len(losses) == 2 * (len(pairs) // 16)
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[-1] < 0.5
    margins = [
        log_probabilities(model, pairs, "better") - log_probabilities(model, pairs, "worse")
        for model in (counted, learner)
    ]
    assert (margins[1] > margins[0]).float().mean() > 0.9
    assert drawn_score(learner) > drawn_score(counted) + 0.25


def test_a_longer_answer_preferred_costs_the_right_ones(learner, counted):
    pairs = longer_before_shorter(learner, questions(300, 1), generator=seeded(0))
    learn_from_preferences(learner, pairs, Preferences(16, 1e-3, beta=0.1, epochs=2), generator=seeded(0))
    assert drawn_score(learner) < drawn_score(counted) - 0.25


def test_each_pair_is_met_once_an_epoch(monkeypatch):
    pairs = [Pair(f"{n}\n", "ab\n", "b\n") for n in range(10)]
    met: list[str] = []

    def watched(model, prompts, answers):
        met.extend(prompts[: len(prompts) // 2])
        return layout(model, prompts, answers)

    monkeypatch.setattr("course_lib.assistant.dpo.layout", watched)
    learn_from_preferences(
        small_model(), pairs, Preferences(5, 1e-4, beta=1.0, epochs=2), generator=seeded(0)
    )
    every = [pair.prompt for pair in pairs]
    assert met[:10] == every  # for the reference
    assert sorted(met[10:20]) == sorted(met[20:30]) == every
    assert met[10:20] != met[20:30]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Preferences(3, 0.1, beta=0.1), "batch_size must be from 1 to the number of pairs, 2, got 3"),
        (Preferences(0, 0.1, beta=0.1), "batch_size must be from 1 to the number of pairs, 2, got 0"),
        (Preferences(1, 0.1, beta=0.1, epochs=0), "epochs must be at least 1, got 0"),
        (Preferences(1, 0.1, beta=0.0), "beta must be finite and above 0, got 0.0"),
    ],
)
def test_bad_preferences_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        learn_from_preferences(small_model(), [Pair("a\n", "b\n", "c\n")] * 2, settings, generator=seeded(0))


def test_marks():
    assert [exact(text, COUNT) for text in ("5\n", "OK: 5\n", "5", "45\n")] == [1, 0, 0, 0]
    assert [occurs(text, COUNT) for text in ("5\n", "OK: 5\n", "5", "45\n", "4\n")] == [1, 1, 1, 1, 0]
    marks = [impressed(text, COUNT) for text in ("5\n", "OK: 5\n", "4\n", "x" * LONGEST_ANSWER)]
    assert marks == pytest.approx([1 + 2 / LONGEST_ANSWER, 1 + 6 / LONGEST_ANSWER, 2 / LONGEST_ANSWER, 1.0])


@pytest.fixture
def only_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    def counts(count, *, split, generator):
        assert split == "train"
        return draw_instructions(count, split=split, generator=generator, kinds=["count"])

    monkeypatch.setattr(grpo, "draw_instructions", counts)


@pytest.mark.usefixtures("only_counting")
def test_rewards_make_what_they_reward_likelier(learner, counted):
    curve = learn_from_rewards(learner, exact, Rewards(30, 8, 8, 1e-3), generator=seeded(0))
    assert len(curve) == 30
    assert sum(curve[-5:]) / 5 > sum(curve[:5]) / 5 + 0.15
    assert drawn_score(learner) > drawn_score(counted) + 0.25


@pytest.mark.usefixtures("only_counting")
def test_tries_serve_several_updates(learner):
    curve = learn_from_rewards(learner, exact, Rewards(7, 4, 4, 1e-3, uses=3), generator=seeded(0))
    assert len(curve) == 3


@pytest.mark.usefixtures("only_counting")
@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_equal_marks_teach_nothing(beta, learner, counted):
    """With a price on change too: at the model training began with, its slope is 0."""
    curve = learn_from_rewards(
        learner, lambda *_: 1.0, Rewards(3, 4, 4, 1e-2, beta=beta), generator=seeded(0)
    )
    assert curve == [1.0] * 3
    for name, parameter in counted.named_parameters():
        torch.testing.assert_close(learner.get_parameter(name), parameter, rtol=0, atol=1e-4)


@pytest.mark.usefixtures("only_counting")
def test_a_price_keeps_the_model_near_to_where_it_began(counted):
    def moved(beta: float) -> float:
        learner = copy.deepcopy(counted)
        settings = Rewards(25, 8, 8, 1e-3, beta=beta)
        learn_from_rewards(learner, lambda text, _: float(len(text)), settings, generator=seeded(0))
        asked = questions(100, 5)
        pairs = [Pair(i.prompt, COURTESY + i.answer, i.answer) for i in asked]
        now, before = (
            log_probabilities(m, pairs, "better") - log_probabilities(m, pairs, "worse")
            for m in (learner, counted)
        )
        return (now - before).mean().item()

    assert moved(0.0) > 1.0
    assert moved(5.0) < 0.5 * moved(0.0)


@pytest.mark.usefixtures("only_counting")
def test_leaving_out_groups_without_a_slope_changes_no_slope(learner):
    """The same loss, with every answer kept, by the formula at ρ = 1: −mean of A · mean ln π."""
    asked, generator = questions(6, 2), seeded(4)
    tries, mean = grpo._try(learner, None, exact, asked, 4, generator)
    assert tries is not None
    assert len(tries.inputs) < 24  # a group was all alike
    loss = grpo._loss(learner, tries, 0.0)
    loss.backward()
    slope = learner.token_embedding.weight.grad.clone()
    learner.zero_grad()
    repeated = [i for i in asked for _ in range(4)]
    given = answer(learner, [i.prompt for i in repeated], temperature=1.0, generator=seeded(4))
    marks = torch.tensor([exact(text, i) for text, i in zip(given, repeated, strict=True)])
    assert mean == pytest.approx(marks.mean().item())
    groups = marks.view(6, 4)
    advantages = (groups - groups.mean(1, keepdim=True)) / (groups.std(1, correction=0, keepdim=True) + 1e-12)
    inputs, targets = layout(learner, [i.prompt for i in repeated], given)
    total = token_log_probabilities(learner(inputs), targets).sum(dim=1)
    lengths = torch.tensor([len(encode_bytes(text)) for text in given])
    (-(advantages.flatten() * total / lengths).mean()).backward()
    torch.testing.assert_close(slope, learner.token_embedding.weight.grad, rtol=1e-4, atol=1e-6)


def test_a_bad_number_of_uses_is_refused():
    with pytest.raises(ValueError, match="uses must be at least 1, got 0"):
        learn_from_rewards(small_model(), exact, Rewards(1, 1, 2, 0.1, uses=0), generator=seeded(0))
