"""Exercises of the chapter on making an assistant of a language model."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

IGNORE_INDEX = -100

# --- only the answer is asked for ---------------------------------------------------------------------------


def _prompt_and_answer(generator: Generator) -> tuple[Tensor, Tensor]:
    prompt = torch.randint(3, 90, (integer(generator, 3, 6),), generator=generator)
    return prompt, torch.randint(100, 190, (integer(generator, 3, 5),), generator=generator)


def answer_targets(prompt: Tensor, answer: Tensor) -> Tensor:
    """The last token of the prompt is the first to be asked for something: the answer's first token."""
    return torch.cat([torch.full((len(prompt) - 1,), IGNORE_INDEX), answer])


ANSWER_TARGETS = Exercise(
    name="answer_targets",
    title="Ask for the answer only",
    kind="implement",
    points=2,
    inputs=_prompt_and_answer,
    reference=answer_targets,
    misconceptions={
        "the prompt asked as well": Misconception(
            lambda prompt, answer: torch.cat([prompt[1:], answer]),
            "You ask for the prompt's own tokens too. The model would be trained to write instructions, not to "
            "follow them.",
        ),
        "not shifted": Misconception(
            lambda prompt, answer: torch.cat([torch.full((len(prompt),), IGNORE_INDEX), answer[:-1]]),
            "Your targets are not shifted: each position is asked for the token it reads. The input is prompt and "
            "answer without the last token; a position's target is the token after it.",
        ),
        "first token never asked": Misconception(
            lambda prompt, answer: torch.cat([torch.full((len(prompt),), IGNORE_INDEX), answer[1:]]),
            "No position is asked for the answer's first token. The prompt's last position should predict it.",
        ),
        "zero for not asked": Misconception(
            lambda prompt, answer: torch.cat([torch.zeros(len(prompt) - 1, dtype=torch.int64), answer]),
            "You marked the prompt with 0, which is a token like any other: cross_entropy would ask for it. The mark "
            "for “not asked” is −100.",
        ),
    },
    slips={
        "one too many": Misconception(
            lambda prompt, answer: torch.cat([torch.full((len(prompt),), IGNORE_INDEX), answer]),
            "Your targets are one longer than the input, which has no last token: there is one mark too many.",
        ),
        "the answer marked": Misconception(
            lambda prompt, answer: torch.cat([prompt[1:], torch.full((len(answer),), IGNORE_INDEX)]),
            "You masked the answer and ask for the prompt.",
        ),
        "the answer alone": Misconception(
            lambda prompt, answer: answer,  # noqa: ARG005
            "The answer's tokens are right. The prompt's places need their marks in front.",
        ),
        "one too few": Misconception(
            lambda prompt, answer: torch.cat([torch.full((len(prompt) - 2,), IGNORE_INDEX), answer]),
            "One mark is missing in front.",
        ),
        "minus one": Misconception(
            lambda prompt, answer: torch.cat([torch.full((len(prompt) - 1,), -1), answer]),
            "You marked the prompt with −1. The mark for “not asked” is −100.",
        ),
        "prompt and answer": Misconception(
            lambda prompt, answer: torch.cat([prompt, answer]),
            "Those are the tokens, neither shifted nor marked.",
        ),
        "the answer in front": Misconception(
            lambda prompt, answer: torch.cat([answer, torch.full((len(prompt) - 1,), IGNORE_INDEX)]),
            "Your marks stand behind the answer. The prompt comes first, so they belong in front.",
        ),
    },
    next_step="What share of the loss was the prompt's, before you masked it?",
)


# --- who wins -----------------------------------------------------------------------------------------------


def chance_to_win(better: float, worse: float) -> float:
    """Bradley–Terry: the sigmoid of the difference of the rewards."""
    return 1 / (1 + math.exp(worse - better))


CHANCE_TO_WIN = Exercise(
    name="chance_to_win",
    title="Who wins?",
    kind="predict",
    points=1,
    inputs=lambda generator: (integer(generator, 26, 34) / 10, integer(generator, 6, 10) / 10),
    question=lambda better, worse: (
        f"Two answers have the rewards {better} and {worse}. By Bradley and Terry, with what probability is the "
        "first preferred, to two decimals?"
    ),
    reference=chance_to_win,
    misconceptions={
        "shares of the sum": Misconception(
            lambda better, worse: better / (better + worse),
            "You divided the rewards by their sum. They are exponents: add the same number to both, and nothing may "
            "change.",
        ),
        "the other one": Misconception(
            lambda better, worse: 1 / (1 + math.exp(better - worse)),
            "That is the probability that the second is preferred.",
        ),
        "the difference": Misconception(
            lambda better, worse: better - worse,
            "That is the difference of the rewards, the logit. A sigmoid makes a probability of it.",
        ),
        "one reward alone": Misconception(
            lambda better, _: 1 / (1 + math.exp(-better)),
            "You compared the first reward with 0. Compare it with the other one.",
        ),
    },
    slips={
        "per cent": Misconception(
            lambda better, worse: 100 * chance_to_win(better, worse),
            "Right, in per cent. A probability lies between 0 and 1.",
        ),
        "certain": Misconception(
            lambda *_: 1.0,
            "The better answer wins more often, not always.",
        ),
        "exponential": Misconception(
            lambda better, worse: math.exp(better - worse),
            "Those are the odds. The probability is odds/(1 + odds).",
        ),
        "a coin": Misconception(
            lambda *_: 0.5,
            "That would be the chance if both rewards were equal.",
        ),
    },
    next_step="How large must the difference be for nine wins in ten?",
    tolerance=1e-2,
    decimals=2,
    reason="By Bradley and Terry the probability is the sigmoid of the difference of the two rewards. Only the difference counts: adding the same number to both changes nothing.",
)


# --- preferences without a reward model ---------------------------------------------------------------------


def _four_log_probabilities(generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    rows = [-20 + 3 * float64(generator, 5) for _ in range(4)]
    return (*rows, integer(generator, 1, 4) / 10)


def dpo_loss(better: Tensor, worse: Tensor, ref_better: Tensor, ref_worse: Tensor, beta: float) -> Tensor:
    """How much more the policy prefers the better answer than the reference does, through a sigmoid."""
    return -F.logsigmoid(beta * ((better - ref_better) - (worse - ref_worse))).mean()


DPO_LOSS = Exercise(
    name="dpo_loss",
    title="Preferences, directly",
    kind="implement",
    points=3,
    inputs=_four_log_probabilities,
    reference=dpo_loss,
    misconceptions={
        "no reference": Misconception(
            lambda better, worse, _rb, _rw, beta: -F.logsigmoid(beta * (better - worse)).mean(),
            "You left out the reference model. What counts is how far the policy has moved towards an answer, not "
            "how probable the answer was to begin with.",
        ),
        "no beta": Misconception(
            lambda better, worse, ref_better, ref_worse, _: (
                -F.logsigmoid((better - ref_better) - (worse - ref_worse)).mean()
            ),
            "You left out beta, the price of moving away from the reference.",
        ),
        "the worse answer rewarded": Misconception(
            lambda better, worse, ref_better, ref_worse, beta: (
                -F.logsigmoid(beta * ((worse - ref_worse) - (better - ref_better))).mean()
            ),
            "Your loss falls when the worse answer gains. Reverse the difference.",
        ),
        "a probability for a loss": Misconception(
            lambda better, worse, ref_better, ref_worse, beta: (
                -torch.sigmoid(beta * ((better - ref_better) - (worse - ref_worse))).mean()
            ),
            "You took the sigmoid itself. The loss is minus its logarithm; use F.logsigmoid, which does not "
            "underflow.",
        ),
    },
    slips={
        "a sum": Misconception(
            lambda better, worse, rb, rw, beta: -F.logsigmoid(beta * ((better - rb) - (worse - rw))).sum(),
            "You added over the pairs. Return the mean.",
        ),
        "beta outside": Misconception(
            lambda better, worse, rb, rw, beta: -beta * F.logsigmoid((better - rb) - (worse - rw)).mean(),
            "beta stands outside the sigmoid. It scales the difference inside.",
        ),
        "mean inside": Misconception(
            lambda better, worse, rb, rw, beta: -F.logsigmoid(beta * ((better - rb) - (worse - rw)).mean()),
            "You averaged before the sigmoid. Each pair has a loss of its own; average those.",
        ),
        "divided by beta": Misconception(
            lambda better, worse, rb, rw, beta: -F.logsigmoid(((better - rb) - (worse - rw)) / beta).mean(),
            "You divided by beta. It multiplies the difference.",
        ),
        "no minus": Misconception(
            lambda better, worse, rb, rw, beta: F.logsigmoid(beta * ((better - rb) - (worse - rw))).mean(),
            "The minus is missing: a loss falls as the sigmoid rises.",
        ),
        "no sigmoid": Misconception(
            lambda better, worse, rb, rw, beta: -(beta * ((better - rb) - (worse - rw))).mean(),
            "The log-sigmoid is missing: without it the loss has no lower bound.",
        ),
        "references added": Misconception(
            lambda better, worse, rb, rw, beta: -F.logsigmoid(beta * ((better + rb) - (worse + rw))).mean(),
            "The reference's log-probabilities come in with the wrong sign, or have changed places. Each is taken off its own answer's.",
        ),
        "not averaged": Misconception(
            lambda better, worse, rb, rw, beta: -F.logsigmoid(beta * ((better - rb) - (worse - rw))),
            "Those are the losses of the pairs. Return their mean.",
        ),
        "logarithm of the mean": Misconception(
            lambda better, worse, rb, rw, beta: (
                -torch.sigmoid(beta * ((better - rb) - (worse - rw))).mean().log()
            ),
            "You averaged the probabilities and took the logarithm last. Each pair has a loss of its own; average those.",
        ),
    },
    next_step="What is the loss while the policy still equals the reference?",
)


# --- better than its group ----------------------------------------------------------------------------------


def _rewards_in_groups(generator: Generator) -> tuple[Tensor]:
    rewards = float64(generator, 3, integer(generator, 4, 6))
    return (rewards + torch.tensor([[0.0], [2.0], [5.0]], dtype=torch.float64),)


def group_advantages(rewards: Tensor) -> Tensor:
    """Each answer against the others to the same question, in their standard deviations."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / centred.square().mean(dim=1, keepdim=True).sqrt()


GROUP_ADVANTAGES = Exercise(
    name="group_advantages",
    title="Better than its group",
    kind="implement",
    points=2,
    inputs=_rewards_in_groups,
    reference=group_advantages,
    misconceptions={
        "over all groups": Misconception(
            lambda rewards: (rewards - rewards.mean()) / rewards.std(correction=0),
            "You compared with all answers to all questions. Then an easy question makes every answer to it look "
            "good; compare within the row.",
        ),
        "divided by n − 1": Misconception(
            lambda rewards: (rewards - rewards.mean(1, keepdim=True)) / rewards.std(1, keepdim=True),
            "You divided the squares by k − 1, torch's default. Here they are divided by k.",
        ),
        "not divided": Misconception(
            lambda rewards: rewards - rewards.mean(dim=1, keepdim=True),
            "You subtracted the mean and stopped. Divide by the group's standard deviation.",
        ),
        "not centred": Misconception(
            lambda rewards: rewards / rewards.std(dim=1, correction=0, keepdim=True),
            "You push up every answer with a reward above 0. Subtract the group's mean first.",
        ),
    },
    slips={
        "down the columns": Misconception(
            lambda rewards: (rewards - rewards.mean(0)) / rewards.std(0, correction=0),
            "You compared down the columns, across questions. A group is a row.",
        ),
        "down the columns, k − 1": Misconception(
            lambda rewards: (rewards - rewards.mean(0)) / rewards.std(0),
            "You compared down the columns, across questions. A group is a row.",
        ),
        "variance": Misconception(
            lambda rewards: (
                (rewards - rewards.mean(1, keepdim=True)) / rewards.var(1, correction=0, keepdim=True)
            ),
            "You divided by the variance. Take its root.",
        ),
        "variance, k − 1": Misconception(
            lambda rewards: (rewards - rewards.mean(1, keepdim=True)) / rewards.var(1, keepdim=True),
            "You divided by the variance. Take its root.",
        ),
        "all groups, k − 1": Misconception(
            lambda rewards: (rewards - rewards.mean()) / rewards.std(),
            "You compared with all answers to all questions. Compare within the row.",
        ),
        "one deviation": Misconception(
            lambda rewards: (rewards - rewards.mean(1, keepdim=True)) / rewards.std(correction=0),
            "You divided by one deviation for all. Each row has its own.",
        ),
        "eps added": Misconception(
            lambda rewards: (
                (rewards - rewards.mean(1, keepdim=True))
                / (rewards.std(1, correction=0, keepdim=True) + 1e-4)
            ),
            "Nearly: you added a small number to the deviation, as libraries do. Here there is none.",
        ),
        "ranks": Misconception(
            lambda rewards: rewards.argsort(1).argsort(1),
            "Those are ranks. How far an answer lies from its group's mean counts, in units of the deviation.",
        ),
        "a softmax": Misconception(
            lambda rewards: rewards.softmax(dim=1),
            "You took a softmax, which is never negative. Half of a group should be pushed down: subtract the mean, divide by the deviation.",
        ),
    },
    next_step="All answers of a group are right. What is your advantage, and what should it be?",
)


# --- a step that is not too long ----------------------------------------------------------------------------


def _ratios_and_advantages(generator: Generator) -> tuple[Tensor, Tensor, Tensor, float]:
    old = -3 + float64(generator, 12)
    new = old + 0.6 * float64(generator, 12)
    return new, old, float64(generator, 12), 0.1 * integer(generator, 1, 3)


def clipped_loss(new: Tensor, old: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """The smaller of two gains: as it is, and with the ratio held near 1."""
    ratio = (new - old).exp()
    held = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, held * advantages).mean()


def _clipped_variant(choose=torch.minimum, sign=-1.0, upside_down=False, only_held=False):
    def variant(new: Tensor, old: Tensor, advantages: Tensor, clip: float) -> Tensor:
        ratio = (old - new).exp() if upside_down else (new - old).exp()
        held = ratio.clamp(1 - clip, 1 + clip) * advantages
        return sign * (held if only_held else choose(ratio * advantages, held)).mean()

    return variant


CLIPPED_LOSS = Exercise(
    name="clipped_loss",
    title="No further than that",
    kind="implement",
    points=3,
    inputs=_ratios_and_advantages,
    reference=clipped_loss,
    misconceptions={
        "the larger gain": Misconception(
            _clipped_variant(choose=torch.maximum),
            "You took the larger of the two gains. The smaller one is the cautious estimate: it never pays to move "
            "further than the clip.",
        ),
        "always clipped": Misconception(
            _clipped_variant(only_held=True),
            "You always clipped. Where a bad token has become likelier, the clip would take away the gradient that "
            "should bring it back; that is why the minimum is there.",
        ),
        "a gain, not a loss": Misconception(
            _clipped_variant(sign=1.0),
            "That is the gain. An optimiser minimises, so flip the sign.",
        ),
        "ratio upside down": Misconception(
            _clipped_variant(upside_down=True),
            "Your ratio is old over new. It must grow when the policy makes a token likelier.",
        ),
    },
    slips={
        "no exponential": Misconception(
            lambda new, old, advantages, clip: (
                -torch.minimum(
                    (new - old) * advantages, (new - old).clamp(1 - clip, 1 + clip) * advantages
                ).mean()
            ),
            "The exponential is missing: the ratio is e to the difference of the log-probabilities.",
        ),
        "clipped around zero": Misconception(
            lambda new, old, advantages, clip: (
                -torch.minimum(
                    (new - old).exp() * advantages, (new - old).exp().clamp(-clip, clip) * advantages
                ).mean()
            ),
            "You clipped the ratio between −ε and ε. It should stay near 1.",
        ),
        "a sum": Misconception(
            lambda new, old, advantages, clip: clipped_loss(new, old, advantages, clip) * len(new),
            "You added over the tokens. Return the mean.",
        ),
        "the smaller ratio": Misconception(
            lambda new, old, advantages, clip: (
                -(
                    torch.minimum((new - old).exp(), (new - old).exp().clamp(1 - clip, 1 + clip)) * advantages
                ).mean()
            ),
            "Your ratio is held from above only, whatever the sign of the advantage. It is the smaller gain that counts: multiply by the advantage first.",
        ),
        "never clipped": Misconception(
            lambda new, old, advantages, clip: -((new - old).exp() * advantages).mean(),  # noqa: ARG005
            "Nothing was clipped.",
        ),
        "not averaged": Misconception(
            lambda new, old, advantages, clip: (
                -torch.minimum(
                    (new - old).exp() * advantages, (new - old).exp().clamp(1 - clip, 1 + clip) * advantages
                )
            ),
            "Those are the losses of the tokens. Return their mean.",
        ),
        "advantages clipped": Misconception(
            lambda new, old, advantages, clip: -((new - old).exp() * advantages.clamp(-clip, clip)).mean(),
            "You clipped the advantages. It is the ratio that is held near 1.",
        ),
    },
    next_step="For which tokens is the gradient exactly zero?",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (ANSWER_TARGETS, CHANCE_TO_WIN, DPO_LOSS, GROUP_ADVANTAGES, CLIPPED_LOSS)
}
