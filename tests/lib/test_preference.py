"""SFT, DPO and GRPO: each loss against its formula, a program of its own, and what it was derived from."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.assistant.dpo import dpo_loss
from course_lib.assistant.grpo import clipped_policy_loss, group_advantages
from course_lib.assistant.sft import (
    IGNORE_INDEX,
    answer_loss,
    prompts_with_answers,
    token_log_probabilities,
)
from course_lib.models.gpt import GPT
from course_lib.text.generation import generate
from course_lib.training.loop import fit

N = IGNORE_INDEX
VOCABULARY = 7
PROMPTS, ANSWERS = [[3, 4, 5], [6], [2, 2]], [[1, 2], [3, 4, 5, 1], [1]]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact(values: list) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gpt(seed: int = 0) -> GPT:
    """In float64, in eval mode, its logits far from even."""
    torch.manual_seed(seed)
    model = GPT(VOCABULARY, context=8, d_model=16, heads=2, layers=2).double().eval()
    with torch.no_grad():
        model.token_embedding.weight.mul_(30)
    return model


def test_prompts_and_answers_are_laid_out_as_promised():
    inputs, targets = prompts_with_answers(PROMPTS, ANSWERS)
    assert inputs.tolist() == [[3, 4, 5, 1], [6, 3, 4, 5], [2, 2, 0, 0]]
    assert targets.tolist() == [[N, N, 1, 2], [3, 4, 5, 1], [N, 1, N, N]]


def test_the_loss_is_the_cross_entropy_of_the_answers_tokens_alone():
    _, targets = prompts_with_answers(PROMPTS, ANSWERS)
    logits = drawn(3, 4, VOCABULARY).requires_grad_()
    loss, asked = answer_loss(logits, targets), targets != N
    torch.testing.assert_close(loss, F.cross_entropy(logits[asked], targets[asked]))
    loss.backward()
    assert torch.equal(logits.grad[~asked], torch.zeros_like(logits.grad[~asked]))
    assert logits.grad[asked].any(dim=-1).all()


@torch.no_grad()
def test_a_log_probability_is_the_sum_over_tokens_read_one_by_one():
    model = gpt()
    inputs, targets = prompts_with_answers(PROMPTS, ANSWERS)
    found = token_log_probabilities(model(inputs), targets).sum(dim=1)
    for total, prompt, answer in zip(found.tolist(), PROMPTS, ANSWERS, strict=True):
        product, read = 1.0, list(prompt)
        for token in answer:
            product *= torch.softmax(model(torch.tensor([read]))[0, -1], dim=0)[token].item()
            read.append(token)
        assert total == pytest.approx(math.log(product), abs=1e-10)


@torch.no_grad()
def test_the_probabilities_of_all_answers_of_two_tokens_sum_to_one():
    answers = [list(pair) for pair in itertools.product(range(VOCABULARY), repeat=2)]
    inputs, targets = prompts_with_answers([[3, 1, 4]] * len(answers), answers)
    answers = token_log_probabilities(gpt()(inputs), targets).sum(dim=1)
    assert answers.exp().sum().item() == pytest.approx(1, abs=1e-12)


@torch.no_grad()
def test_padding_and_company_change_no_log_probability():
    model = gpt()
    inputs, targets = prompts_with_answers(PROMPTS, ANSWERS)
    together = token_log_probabilities(model(inputs), targets)
    assert torch.equal(together == 0, targets == N)
    others, same = prompts_with_answers(PROMPTS, ANSWERS, pad=6)
    assert torch.equal(same, targets)
    torch.testing.assert_close(token_log_probabilities(model(others), targets), together, rtol=0, atol=1e-12)
    for row, (prompt, answer) in enumerate(zip(PROMPTS, ANSWERS, strict=True)):
        one, wanted = prompts_with_answers([prompt], [answer])
        alone = token_log_probabilities(model(one), wanted).sum(dim=1)
        torch.testing.assert_close(together[row].sum(), alone[0], rtol=0, atol=1e-12)


def test_a_model_fitted_with_it_gives_the_answers():
    model = gpt().float()
    batch = prompts_with_answers(PROMPTS, ANSWERS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    fit(model, [batch], answer_loss, optimizer, epochs=40, progress=False)
    for prompt, answer in zip(PROMPTS, ANSWERS, strict=True):
        written = generate(model, torch.tensor(prompt), len(answer), context=8)
        assert written.tolist()[-len(answer) :] == answer


@pytest.mark.parametrize(
    ("prompts", "answers", "message"),
    [
        ([], [], "answers must be one for each prompt, got 0 for 0 prompts"),
        ([[1], [2]], [[1]], "answers must be one for each prompt, got 1 for 2 prompts"),
        ([[1], []], [[1], [2]], "prompts must hold at least one token each, number 1 is empty"),
        ([[1], [2]], [[], [2]], "answers must hold at least one token each, number 0 is empty"),
    ],
)
def test_pairs_that_are_none_are_refused(prompts, answers, message):
    with pytest.raises(ValueError, match=message):
        prompts_with_answers(prompts, answers)


@pytest.mark.parametrize("function", [answer_loss, token_log_probabilities])
@pytest.mark.parametrize(
    ("logits", "targets", "error", "message"),
    [
        (drawn(1, 2, 3), torch.ones(1, 2), TypeError, r"targets must be int64, got torch\.float32"),
        (drawn(1, 2), torch.ones(1, 2).long(), ValueError, "logits must be .batch, seq, vocab. for"),
        (drawn(1, 3, 3), torch.ones(1, 2).long(), ValueError, r"got \(1, 3, 3\) and \(1, 2\)"),
        (drawn(1, 2, 3), torch.tensor([[1, 3]]), ValueError, "targets must be -100 or from 0 to 2, got 3"),
        (drawn(1, 2, 3), torch.tensor([[-1, 2]]), ValueError, "targets must be -100 or from 0 to 2, got -1"),
        (drawn(2, 1, 3), torch.tensor([[1], [N]]), ValueError, "ask for a token in each row, row 1 does not"),
    ],
)
def test_logits_and_targets_that_do_not_fit_are_refused(function, logits, targets, error, message):
    with pytest.raises(error, match=message):
        function(logits, targets)


def test_dpo_is_its_formula_written_in_floats():
    rows = [drawn(5, seed=seed) - 3 for seed in range(4)]
    total = 0.0
    for better, worse, better_0, worse_0 in zip(*(row.tolist() for row in rows), strict=True):
        odds = (math.exp(better - better_0) / math.exp(worse - worse_0)) ** 0.3
        total -= math.log(odds / (1 + odds)) / 5
    assert dpo_loss(*rows, beta=0.3).item() == pytest.approx(total, abs=1e-12)


def test_dpo_starts_at_ln_2_and_lets_only_the_policy_learn():
    better, worse = (drawn(4, seed=seed).requires_grad_() for seed in (1, 2))
    references = [better.detach().clone().requires_grad_(), worse.detach().clone().requires_grad_()]
    loss = dpo_loss(better, worse, *references, beta=0.5)
    assert loss.item() == pytest.approx(math.log(2), abs=1e-15)
    loss.backward()
    torch.testing.assert_close(better.grad, torch.full((4,), -0.5 / 2 / 4).double())
    torch.testing.assert_close(worse.grad, -better.grad)
    assert references[0].grad is None
    assert references[1].grad is None


def test_dpo_survives_margins_that_overflow_an_exp():
    far = torch.tensor([5000.0, -5000.0])
    zero = torch.zeros(2)
    assert dpo_loss(far, -far, zero, zero, beta=1.0).item() == pytest.approx(5000)


def test_dpo_is_least_at_the_policy_it_was_derived_from():
    """Choices by Bradley–Terry, all pairs of five answers: the best policy is π₀·exp(r/β), normalised."""
    rewards, reference, beta = drawn(5, seed=1), torch.log_softmax(drawn(5, seed=2), dim=0), 0.4
    best = torch.log_softmax(reference + rewards / beta, dim=0)
    i, j = torch.tensor(list(itertools.permutations(range(5), 2))).T
    chosen = torch.sigmoid(rewards[i] - rewards[j])

    def expected_loss(scores: Tensor) -> Tensor:
        policy = torch.log_softmax(scores, dim=0)
        pairs = torch.stack(
            [
                dpo_loss(
                    policy[a : a + 1],
                    policy[b : b + 1],
                    reference[a : a + 1],
                    reference[b : b + 1],
                    beta=beta,
                )
                for a, b in zip(i.tolist(), j.tolist(), strict=True)
            ]
        )
        return (chosen * pairs).sum() / chosen.sum()

    def slope(at: Tensor) -> Tensor:
        scores = at.clone().requires_grad_()
        return torch.autograd.grad(expected_loss(scores), scores)[0]

    assert slope(best).abs().max() < 1e-14
    assert slope(reference).abs().max() > 1e-3
    lowest = expected_loss(best)
    assert all(expected_loss(best + 0.1 * drawn(5, seed=seed)) > lowest for seed in range(5, 15))


def test_bradley_terry_sees_differences_alone():
    better, worse = drawn(6, seed=1), drawn(6, seed=2)
    zeros = torch.zeros(2, 6).double()
    loss = dpo_loss(better, worse, *zeros, beta=1.0)
    torch.testing.assert_close(dpo_loss(better + 7, worse + 7, *zeros, beta=1.0), loss)
    torch.testing.assert_close(
        loss, F.binary_cross_entropy_with_logits(better - worse, torch.ones(6).double())
    )


@pytest.mark.parametrize(
    ("place", "wrong", "error", "message"),
    [
        (0, torch.ones(3).long(), TypeError, "better must be a floating-point tensor, got torch.int64"),
        (1, torch.ones(2), ValueError, "worse must be as long as better, got 2 and 3"),
        (2, torch.ones(3, 1), ValueError, r"reference_better must be \(n,\) with n at least 1, got \(3, 1\)"),
        (3, [1.0, 1.0, 1.0], TypeError, "reference_worse must be a floating-point tensor, got list"),
    ],
)
def test_pairs_of_other_shapes_are_refused(place, wrong, error, message):
    rows = [torch.ones(3)] * 4
    rows[place] = wrong
    with pytest.raises(error, match=message):
        dpo_loss(*rows, beta=0.1)


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
def test_a_beta_out_of_range_is_refused(beta):
    with pytest.raises(ValueError, match="beta must be finite and above 0"):
        dpo_loss(*[torch.ones(3)] * 4, beta=beta)


def test_no_pair_at_all_is_refused():
    with pytest.raises(ValueError, match=r"better must be \(n,\) with n at least 1, got \(0,\)"):
        dpo_loss(*[torch.ones(0)] * 4, beta=0.1)


def test_advantages_are_standard_scores_within_each_group():
    rewards = drawn(3, 5)
    advantages = group_advantages(rewards)
    for row, found in zip(rewards.tolist(), advantages.tolist(), strict=True):
        mean, spread = statistics.fmean(row), statistics.pstdev(row)
        assert found == pytest.approx([(r - mean) / spread for r in row], abs=1e-12)
    torch.testing.assert_close(group_advantages(3 * rewards + drawn(3, 1, seed=1)), advantages)
    assert group_advantages(torch.tensor([[1.0, 0, 0, 0]])).tolist() == [
        pytest.approx([math.sqrt(3), *[-1 / math.sqrt(3)] * 3])
    ]


@pytest.mark.parametrize("reward", [0.0, 0.1, 1 / 3, 1e30])
@pytest.mark.parametrize("size", [2, 3, 7])
def test_a_group_of_equal_rewards_teaches_nothing(reward, size):
    advantages = group_advantages(torch.stack([torch.full((size,), reward), torch.arange(float(size))]))
    assert advantages[0].tolist() == [0.0] * size
    assert advantages[1].all() or size % 2


@pytest.mark.parametrize(
    ("rewards", "error", "message"),
    [
        (torch.ones(2, 3).long(), TypeError, "rewards must be a floating-point tensor, got torch.int64"),
        (torch.ones(3), ValueError, r"rewards must be \(groups, k\) with k at least 2, got \(3,\)"),
        (torch.ones(3, 1), ValueError, r"k at least 2, got \(3, 1\)"),
        (torch.tensor([[1.0, math.nan]]), ValueError, "rewards must be finite"),
    ],
)
def test_rewards_without_a_group_are_refused(rewards, error, message):
    with pytest.raises(error, match=message):
        group_advantages(rewards)


ASKED = torch.tensor([[True, True, False], [False, True, False]])
GAINS = exact([2.0, -1.0])


def test_on_fresh_answers_the_slope_is_that_of_the_plain_policy_gradient():
    log_probabilities = (drawn(2, 3) - 2).requires_grad_()
    clipped_policy_loss(log_probabilities, log_probabilities.detach(), GAINS, ASKED).backward()
    expected = exact([[-2 / 2 / 2, -2 / 2 / 2, 0], [0, 1 / 2, 0]])
    torch.testing.assert_close(log_probabilities.grad, expected)


@pytest.mark.parametrize(
    ("ratio", "gain", "worth", "held"),
    [
        (1.1, 1.0, 1.1, False),
        (1.5, 1.0, 1.2, True),
        (0.5, 1.0, 0.5, False),
        (0.5, -1.0, -0.8, True),
        (1.5, -1.0, -1.5, False),
        (0.9, -1.0, -0.9, False),
    ],
)
def test_the_clip_holds_what_already_moved_far_enough_and_nothing_else(ratio, gain, worth, held):
    log_probability = exact([[math.log(ratio) - 1]]).requires_grad_()
    loss = clipped_policy_loss(
        log_probability,
        exact([[-1.0]]),
        exact([gain]),
        torch.tensor([[True]]),
    )
    assert loss.item() == pytest.approx(-worth, abs=1e-12)
    loss.backward()
    assert log_probability.grad.item() == pytest.approx(0 if held else -ratio * gain, abs=1e-12)


def test_the_penalty_is_the_kl_divergence_on_average():
    """Four answers of one token, drawn in exactly the policy's proportions."""
    policy, reference = exact([0.5, 0.25, 0.25]), exact([0.2, 0.3, 0.5])
    drawn_tokens = [0, 0, 1, 2]
    now, start = policy.log()[drawn_tokens][:, None], reference.log()[drawn_tokens][:, None]
    zeros, asked = torch.zeros(4).double(), torch.ones(4, 1, dtype=torch.bool)
    loss = clipped_policy_loss(now, now, zeros, asked, reference=start, beta=0.7)
    divergence = F.kl_div(reference.log(), policy, reduction="sum")
    assert loss.item() == pytest.approx(0.7 * divergence.item(), abs=1e-12)


@pytest.mark.parametrize("times", [0.25, 0.9, 1.0, 4.0])
def test_the_penalty_of_a_token_is_never_negative(times):
    now = exact([[-2.0]])
    start = now + math.log(times)
    nothing = exact([0.0])
    loss = clipped_policy_loss(now, now, nothing, torch.tensor([[True]]), reference=start, beta=0.5)
    assert loss.item() == pytest.approx(0.5 * (times - math.log(times) - 1), abs=1e-12)
    assert loss.item() >= 0


def test_every_answer_counts_alike_however_long():
    now = drawn(2, 3) - 2
    loss = clipped_policy_loss(now, now, GAINS, ASKED)
    assert loss.item() == pytest.approx(-(2.0 - 1.0) / 2)


@pytest.mark.parametrize("junk", [-math.inf, math.inf, math.nan, 1e4])
def test_what_is_not_asked_may_hold_anything(junk):
    now, old, start = (drawn(2, 3, seed=seed) - 2 for seed in range(3))
    clean = clipped_policy_loss(now, old, GAINS, ASKED, reference=start, beta=0.1)
    spoilt = [x.masked_fill(~ASKED, junk) for x in (now, old, start)]
    current = spoilt[0].requires_grad_()
    loss = clipped_policy_loss(current, spoilt[1], GAINS, ASKED, reference=spoilt[2], beta=0.1)
    assert torch.equal(loss, clean)
    loss.backward()
    assert current.grad.isfinite().all()
    assert not current.grad[~ASKED].any()


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"asked": torch.ones(2, 3)}, TypeError, "asked must be bool, True at an answer's tokens"),
        ({"log_probabilities": torch.ones(3)}, ValueError, r"log_probabilities must be \(n, seq\)"),
        ({"old": torch.ones(2, 4)}, ValueError, r"old must be \(2, 3\) as log_probabilities, got \(2, 4\)"),
        ({"advantages": torch.ones(3)}, ValueError, r"advantages must be \(2,\), one per answer, got \(3,\)"),
        ({"asked": torch.tensor([[True] * 3, [False] * 3])}, ValueError, "in each row, row 1 has none"),
        ({"clip": 0.0}, ValueError, "clip must be above 0 and below 1, got 0.0"),
        ({"clip": 1.0}, ValueError, "clip must be above 0 and below 1, got 1.0"),
        ({"beta": -0.1}, ValueError, "beta must be finite and at least 0, got -0.1"),
        ({"beta": 0.1}, ValueError, "got none, beta=0.1"),
        ({"reference": torch.ones(2, 3)}, ValueError, "got one, beta=0.0"),
        ({"reference": torch.ones(2, 2), "beta": 0.1}, ValueError, r"reference must be \(2, 3\)"),
    ],
)
def test_policies_and_answers_that_do_not_fit_are_refused(changed, error, message):
    given = {
        "log_probabilities": torch.zeros(2, 3),
        "old": torch.zeros(2, 3),
        "advantages": torch.ones(2),
        "asked": ASKED,
    }
    with pytest.raises(error, match=message):
        clipped_policy_loss(**given | changed)
