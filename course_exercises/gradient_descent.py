"""Exercises of the chapter on gradient descent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import integer

# --- one step -----------------------------------------------------------------------------------------------


def _bowl(generator: Generator) -> tuple[int, int, float]:
    curvature, start = integer(generator, 3, 9), integer(generator, 2, 5)
    return curvature, start, 0.1


def one_step(curvature: int, start: int, rate: float) -> float:
    """The slope at θ is cθ; the step goes against it, η times as far."""
    return start - rate * curvature * start


ONE_STEP = Exercise(
    name="one_step",
    title="One step",
    kind="predict",
    points=1,
    inputs=_bowl,
    question=lambda curvature, start, rate: (
        f"J(θ) = ½·{curvature}·θ². You stand at θ = {start} and take one step with learning rate {rate}. "
        "Where do you land?"
    ),
    reference=one_step,
    misconceptions={
        "uphill": Misconception(
            lambda curvature, start, rate: start + rate * curvature * start,
            "You climbed. The gradient points uphill; the step is subtracted.",
        ),
        "lost the half": Misconception(
            lambda curvature, start, rate: start - 2 * rate * curvature * start,
            "Your slope is twice too large. Differentiating θ² gives 2θ, and the ½ in front takes the 2 away.",
        ),
        "a step of the learning rate": Misconception(
            lambda curvature, start, rate: start - rate,  # noqa: ARG005
            "You walked a distance of η. The learning rate is multiplied by the slope: steep ground, long step.",
        ),
        "forgot the curvature": Misconception(
            lambda curvature, start, rate: start - rate * start,  # noqa: ARG005
            "You used the slope of ½θ². The constant in front of θ² scales the slope as well.",
        ),
    },
    slips={
        "the step, not the place": Misconception(
            lambda curvature, start, rate: rate * curvature * start,
            "That is the length of the step. The question is where it lands.",
        ),
        "the slope": Misconception(
            lambda curvature, start, _: curvature * start,
            "That is the slope at θ. The step is η times as long, against it.",
        ),
        "the value for the slope": Misconception(
            lambda curvature, start, rate: start - rate * curvature * start**2 / 2,
            "You subtracted η times J itself. The step is η times the slope of J.",
        ),
        "the loss there": Misconception(
            lambda curvature, start, rate: curvature * (start - rate * curvature * start) ** 2 / 2,
            "That is the loss at the new place. The place itself is asked for.",
        ),
        "no rate": Misconception(
            lambda curvature, start, _: start - curvature * start,
            "You subtracted the whole slope. The learning rate shortens the step.",
        ),
        "half the slope": Misconception(
            lambda curvature, start, rate: start - rate * curvature * start / 2,
            "Your step is half as long as it should be: the 2 from differentiating θ² cancels the ½.",
        ),
        "the curvature alone": Misconception(
            lambda curvature, start, rate: start - rate * curvature,
            "You subtracted η times the curvature. The slope is the curvature times θ.",
        ),
    },
    next_step="Which learning rate would have landed exactly on 0?",
    reason="The slope of ½aθ² is aθ. The step goes against it, to θ − η·aθ.",
)


# --- the boundary -------------------------------------------------------------------------------------------


def _hessian(generator: Generator) -> tuple[Tensor]:
    basis, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    eigenvalues = torch.rand(3, generator=generator, dtype=torch.float64) * 4 + torch.tensor([0.5, 5.0, 10.0])
    return (basis @ torch.diag(eigenvalues) @ basis.T,)


def largest_stable_rate(hessian: Tensor) -> Tensor:
    """|1 − ηλ| < 1 for the largest eigenvalue implies it for all the others."""
    return 2 / torch.linalg.eigvalsh(hessian).max()


LARGEST_STABLE_RATE = Exercise(
    name="largest_stable_rate",
    title="The boundary",
    kind="implement",
    points=2,
    inputs=_hessian,
    reference=largest_stable_rate,
    misconceptions={
        "one over L": Misconception(
            lambda hessian: 1 / torch.linalg.eigvalsh(hessian).max(),
            "1/L is the rate that lands on the bottom along the steepest direction. The boundary is twice as "
            "far: there the step mirrors you across the valley.",
        ),
        "the flattest direction": Misconception(
            lambda hessian: 2 / torch.linalg.eigvalsh(hessian).min(),
            "You used the smallest eigenvalue. The flattest direction would allow that rate; the steepest "
            "one blows up long before.",
        ),
        "the trace": Misconception(
            lambda hessian: 2 / torch.trace(hessian),
            "The trace is the sum of the eigenvalues. It is the largest one alone that decides.",
        ),
        "upside down": Misconception(
            lambda hessian: torch.linalg.eigvalsh(hessian).max() / 2,
            "Your rate grows with the curvature. The sharper the valley, the shorter the step must be.",
        ),
    },
    slips={
        "the diagonal": Misconception(
            lambda hessian: 2 / hessian.diagonal().max(),
            "You used the largest entry of the diagonal. The curvature is largest along an eigenvector, and that is seldom an axis.",
        ),
        "the mean": Misconception(
            lambda hessian: 2 / torch.linalg.eigvalsh(hessian).mean(),
            "You took the mean of the eigenvalues. The steepest direction decides alone.",
        ),
        "the Frobenius norm": Misconception(
            lambda hessian: 2 / hessian.norm(),
            "The Frobenius norm is larger than the largest eigenvalue: this rate is safe, and not the largest.",
        ),
        "both ends": Misconception(
            lambda hessian: 2 / (torch.linalg.eigvalsh(hessian).max() + torch.linalg.eigvalsh(hessian).min()),
            "That is the best rate, 2/(L + μ). The largest stable rate does not depend on the flattest direction.",
        ),
        "the largest eigenvalue": Misconception(
            lambda hessian: torch.linalg.eigvalsh(hessian).max(),
            "That is the largest curvature. The rate is 2 over it.",
        ),
        "the largest entry": Misconception(
            lambda hessian: 2 / hessian.max(),
            "You used the largest entry. The curvature is largest along an eigenvector.",
        ),
        "the determinant": Misconception(
            lambda hessian: 2 / torch.linalg.det(hessian),
            "You divided by the determinant, the product of all eigenvalues. The largest one alone decides.",
        ),
    },
    next_step="Start along the eigenvector of the smallest eigenvalue: does the boundary move? Try it.",
)


# --- the loop -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pull:
    """The gradient of ½c|θ − t|² + ½(Σθ)² + ¼Σθ⁴: the middle term couples the entries."""

    curvature: float
    target: float

    def __call__(self, theta: Tensor) -> Tensor:
        return self.curvature * (theta - self.target) + theta.sum() + theta**3


Gradient = Callable[[Tensor], Tensor]


def _descent_case(generator: Generator) -> tuple[Gradient, Tensor, float, int]:
    curvature, target = (torch.rand(2, generator=generator) + 0.5).tolist()
    start = torch.randn(3, generator=generator, dtype=torch.float64)
    return Pull(curvature, target), start, 0.01 * integer(generator, 3, 7), integer(generator, 3, 6)


def gradient_descent(gradient: Gradient, start: Tensor, rate: float, steps: int) -> Tensor:
    """A fresh gradient at every point reached."""
    theta = start
    for _ in range(steps):
        theta = theta - rate * gradient(theta)
    return theta


def _with_the_first_gradient(gradient: Gradient, start: Tensor, rate: float, steps: int) -> Tensor:
    return start - steps * rate * gradient(start)


def _one_entry_after_the_other(gradient: Gradient, start: Tensor, rate: float, steps: int) -> Tensor:
    theta = start.clone()
    for _ in range(steps):
        for i in range(len(theta)):
            theta[i] -= rate * gradient(theta)[i]
    return theta


GRADIENT_DESCENT = Exercise(
    name="gradient_descent",
    title="The loop",
    kind="implement",
    points=2,
    inputs=_descent_case,
    reference=gradient_descent,
    misconceptions={
        "uphill": Misconception(
            lambda gradient, start, rate, steps: gradient_descent(gradient, start, -rate, steps),
            "Each step goes uphill. Subtract.",
        ),
        "one step short": Misconception(
            lambda gradient, start, rate, steps: gradient_descent(gradient, start, rate, steps - 1),
            "You took one step too few. Count how often your loop's body runs.",
        ),
        "the gradient of the start": Misconception(
            _with_the_first_gradient,
            "You computed the gradient once, at the start, and walked on along it. The slope has to be felt "
            "again at every new point.",
        ),
        "the rate divided": Misconception(
            lambda gradient, start, rate, steps: gradient_descent(gradient, start, rate / steps, steps),
            "You divided the learning rate by the number of steps. Each of them takes the full rate.",
        ),
    },
    slips={
        "one step only": Misconception(
            lambda gradient, start, rate, _: start - rate * gradient(start),
            "That is the place after one step. Does `return` stand inside the loop?",
        ),
        "the gradient there": Misconception(
            lambda gradient, start, rate, steps: gradient(gradient_descent(gradient, start, rate, steps)),
            "That is the gradient at the final point. Return the point itself.",
        ),
        "no step": Misconception(
            lambda _gradient, start, _rate, _steps: start,
            "That is the start: none of the steps reaches what you return.",
        ),
        "one entry after the other": Misconception(
            _one_entry_after_the_other,
            "You moved one entry and then took the next entry's slope at the half-moved point. All entries move "
            "together, by one gradient.",
        ),
        "full slopes": Misconception(
            lambda gradient, start, _, steps: gradient_descent(gradient, start, 1.0, steps),
            "The learning rate has no effect: your steps are as long as the slope.",
        ),
        "one step more": Misconception(
            lambda gradient, start, rate, steps: gradient_descent(gradient, start, rate, steps + 1),
            "You took one step too many. Count how often your loop's body runs.",
        ),
    },
    next_step="Return the whole path as a (steps + 1, …) tensor, and plot the loss along it.",
)


# --- how many steps -----------------------------------------------------------------------------------------


def _narrow_valley(generator: Generator) -> tuple[int, float]:
    return integer(generator, 5, 400), 10.0 ** integer(generator, 4, 7)


def steps_needed(condition_number: int, reduction: float) -> int:
    """With the best rate the distance shrinks by (κ − 1)/(κ + 1) a step."""
    shrink = (condition_number - 1) / (condition_number + 1)
    return math.ceil(math.log(reduction) / -math.log(shrink))


STEPS_NEEDED = Exercise(
    name="steps_needed",
    title="How many steps?",
    kind="implement",
    points=2,
    inputs=_narrow_valley,
    reference=steps_needed,
    rivals=(lambda condition_number, reduction: steps_needed(condition_number, 1.01 * reduction),),
    misconceptions={
        "the rate 1/L": Misconception(
            lambda condition_number, reduction: math.ceil(
                math.log(reduction) / -math.log(1 - 1 / condition_number)
            ),
            "1 − 1/κ is the factor for the rate 1/L. The best rate balances the two ends of the spectrum and "
            "needs about half as many steps.",
        ),
        "rounded down": Misconception(
            lambda condition_number, reduction: steps_needed(condition_number, reduction) - 1,
            "You rounded down, and are not there yet: the last step is needed whole.",
        ),
        "decimal logarithm below": Misconception(
            lambda condition_number, reduction: math.ceil(
                math.log10(reduction) / -math.log((condition_number - 1) / (condition_number + 1))
            ),
            "You mixed logarithms of base 10 and base e. Either base will do, but the same one above and below.",
        ),
        "the loss instead of the distance": Misconception(
            lambda condition_number, reduction: math.ceil(
                math.log(reduction) / -2 / math.log((condition_number - 1) / (condition_number + 1))
            ),
            "That is the number for the loss, which falls with the square of the distance. The question asks "
            "for the distance.",
        ),
    },
    slips={
        "the approximation": Misconception(
            lambda condition_number, reduction: math.ceil(condition_number / 2 * math.log(reduction)),
            "That is (κ/2)·ln r, which comes close for large κ and is not exact.",
        ),
        "κ alone": Misconception(
            lambda condition_number, reduction: math.ceil(condition_number * math.log(reduction)),
            "That is κ·ln r, close to what the rate 1/L needs: the best rate needs half as many.",
        ),
        "not a whole number": Misconception(
            lambda condition_number, reduction: (
                math.log(reduction) / -math.log((condition_number - 1) / (condition_number + 1))
            ),
            "That is where the curve crosses. Steps are whole: which is the first that is enough?",
        ),
        "one more": Misconception(
            lambda condition_number, reduction: steps_needed(condition_number, reduction) + 1,
            "One step fewer is enough already. `ceil` gives the first whole number that is.",
        ),
    },
    next_step="For large κ the answer is close to (κ/2)·ln(reduction). Derive it: ln((κ+1)/(κ−1)) ≈ 2/κ.",
)


# --- noise --------------------------------------------------------------------------------------------------


def _two_batch_sizes(generator: Generator) -> tuple[int, int]:
    small = 4 * integer(generator, 1, 16)
    return small, small * integer(generator, 2, 8) ** 2


def noise_ratio(small: int, large: int) -> float:
    """Variances fall as 1/b, so deviations fall as 1/√b."""
    return math.sqrt(small / large)


NOISE_RATIO = Exercise(
    name="noise_ratio",
    title="What a larger batch buys",
    kind="predict",
    points=1,
    inputs=_two_batch_sizes,
    question=lambda small, large: (
        f"You go from batches of {small} to batches of {large} examples. By what factor does the standard "
        "deviation of the gradient's noise change?"
    ),
    reference=noise_ratio,
    misconceptions={
        "the variance": Misconception(
            lambda small, large: small / large,
            "That is the factor for the variance. The standard deviation is its root.",
        ),
        "the other way": Misconception(
            lambda small, large: math.sqrt(large / small),
            "You have it upside down: averaging over more examples makes the gradient less noisy.",
        ),
        "no change": Misconception(
            lambda small, large: 1.0,  # noqa: ARG005
            "The mean of the gradient does not change with the batch size. Its scatter does.",
        ),
    },
    slips={
        "variance upside down": Misconception(
            lambda small, large: large / small,
            "That is how many times larger the batch is. The deviation changes with one over its root.",
        ),
        "what is gained": Misconception(
            lambda small, large: 1 - math.sqrt(small / large),
            "That is the share that goes away. The factor says what is left.",
        ),
    },
    next_step="So to halve the noise you pay with how many times the work?",
    reason="The variance of a mean over B examples falls as 1/B. The standard deviation is its root, so it changes by the root of old over new.",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (ONE_STEP, LARGEST_STABLE_RATE, GRADIENT_DESCENT, STEPS_NEEDED, NOISE_RATIO)
}
