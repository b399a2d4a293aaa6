"""Exercises of the chapter on linear regression."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer
from course_exercises.rules import AUTOGRAD

# --- the gradient -------------------------------------------------------------------------------------------


def _line_and_points(generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    n = integer(generator, 5, 9)
    x = float64(generator, n) + 1
    slope = 3 if integer(generator, 0, 1) else -3
    return x, slope * x + float64(generator, n), float64(generator), float64(generator)


def line_gradient(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Twice the mean of the residual, once multiplied by x and once by 1."""
    residual = w * x + b - y
    return 2 * (residual * x).mean(), 2 * residual.mean()


LINE_GRADIENT = Exercise(
    name="line_gradient",
    title="The gradient of a line",
    kind="implement",
    points=2,
    inputs=_line_and_points,
    reference=line_gradient,
    rivals=(
        lambda x, y, w, b: tuple(g.abs() for g in line_gradient(x, y, w, b)),
        lambda x, y, w, b: tuple(-g.abs() for g in line_gradient(x, y, w, b)),
    ),
    misconceptions={
        "lost the two": Misconception(
            lambda x, y, w, b: tuple(g / 2 for g in line_gradient(x, y, w, b)),
            "Both are half of what they should be. The square's derivative brings a 2, and nothing here cancels "
            "it. (With ½ in front of the loss it would.)",
        ),
        "divided by n twice": Misconception(
            lambda x, y, w, b: tuple(g / len(x) for g in line_gradient(x, y, w, b)),
            "You divided by n twice: once in a mean, and once more by hand.",
        ),
        "summed": Misconception(
            lambda x, y, w, b: tuple(g * len(x) for g in line_gradient(x, y, w, b)),
            "You added over the points and did not divide by n.",
        ),
        "targets minus predictions": Misconception(
            lambda x, y, w, b: tuple(-g for g in line_gradient(x, y, w, b)),
            "The sign is flipped. In the square it does not matter which is subtracted from which; in its "
            "derivative it does: the prediction comes first.",
        ),
        "x forgotten": Misconception(
            lambda x, y, w, b: (line_gradient(x, y, w, b)[1],) * 2,
            "You gave w and b the same gradient. The slope is multiplied by x on its way in, so its gradient is "
            "multiplied by x on the way back.",
        ),
    },
    slips={
        "w squared": Misconception(
            lambda x, y, w, b: (2 * ((w * x + b - y) * w).mean(), 2 * (w * x + b - y).mean()),
            "You multiplied by w where x belongs: w·x differentiated by w is x.",
        ),
        "no intercept": Misconception(
            lambda x, y, w, _: (2 * ((w * x - y) * x).mean(), 2 * (w * x - y).mean()),
            "You left b out of the prediction.",
        ),
        "not averaged": Misconception(
            lambda x, y, w, b: (2 * (w * x + b - y) * x, 2 * (w * x + b - y)),
            "Those are the gradients of each point. Return their mean.",
        ),
        "targets added": Misconception(
            lambda x, y, w, b: (2 * ((w * x + b + y) * x).mean(), 2 * (w * x + b + y).mean()),
            "You added the targets. The residual is prediction minus target.",
        ),
    },
    next_step="Check it with `four_ways`.",
    without=(AUTOGRAD,),
)


# --- the normal equations -----------------------------------------------------------------------------------


def _table(generator: Generator) -> tuple[Tensor, Tensor]:
    n, d = integer(generator, 8, 12), integer(generator, 2, 3)
    x = float64(generator, n, d) + torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)[:d]
    return x, x @ torch.tensor([2.0, -1.0, 3.0], dtype=torch.float64)[:d] + 5 + 0.3 * float64(generator, n)


def normal_equations(x: Tensor, y: Tensor) -> Tensor:
    """A column of ones in front, for the intercept; then (XᵀX)θ = Xᵀy."""
    design = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1)
    return torch.linalg.solve(design.T @ design, design.T @ y)


NORMAL_EQUATIONS = Exercise(
    name="normal_equations",
    title="Solve it at once",
    kind="implement",
    points=2,
    inputs=_table,
    reference=normal_equations,
    misconceptions={
        "no intercept": Misconception(
            lambda x, y: torch.linalg.solve(x.T @ x, x.T @ y),
            "You fitted a plane through the origin, with no intercept. A column of ones in front of x gives it "
            "one.",
        ),
        "intercept at the end": Misconception(
            lambda x, y: normal_equations(x, y).roll(-1),
            "The coefficients are right and in another order: the intercept comes first.",
        ),
        "one side divided by n": Misconception(
            lambda x, y: normal_equations(x, y) * len(x),
            "You divided one side of the equations by n and not the other.",
        ),
        "centred and forgot": Misconception(
            lambda x, y: torch.cat([torch.zeros(1, dtype=x.dtype), normal_equations(x, y)[1:]]),
            "The slopes are right and the intercept is 0, as if you had fitted centred data and never gone back.",
        ),
        "intercept is the mean": Misconception(
            lambda x, y: torch.cat([y.mean().reshape(1), normal_equations(x, y)[1:]]),
            "Your intercept is the mean of y. It would be, if every column of x had mean 0.",
        ),
    },
    slips={
        "from the centred slopes": Misconception(
            lambda x, y: torch.cat([y.mean().reshape(1), torch.linalg.solve(x.T @ x, x.T @ y)]),
            "You fitted through the origin and put the mean of y in front. Intercept and slopes belong together.",
        ),
        "slopes alone": Misconception(
            lambda x, y: normal_equations(x, y)[1:],
            "The slopes are right, and the intercept is missing from what you return.",
        ),
        "not solved": Misconception(
            lambda x, y: torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1).T @ y,
            "That is Xᵀy, the right-hand side. The equations still have to be solved.",
        ),
        "the predictions": Misconception(
            lambda x, y: torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1) @ normal_equations(x, y),
            "Those are the fitted values, one for each row. Return the coefficients.",
        ),
    },
    next_step="Repeat with torch.linalg.lstsq, and then give both two columns that are nearly equal.",
    tolerance=2e-4,
)


# --- units --------------------------------------------------------------------------------------------------


def _coefficient(generator: Generator) -> tuple[float, int]:
    return integer(generator, 11, 79) / 1000, 5 * integer(generator, 2, 9)


def rescaled_coefficient(coefficient: float, scale: int) -> float:
    """c·x = (c·s)·(x/s)."""
    return coefficient * scale


RESCALED_COEFFICIENT = Exercise(
    name="rescaled_coefficient",
    title="What a coefficient becomes",
    kind="predict",
    points=1,
    inputs=_coefficient,
    question=lambda coefficient, scale: (
        f"A feature's coefficient is {coefficient}. You divide the feature by {scale}, its standard deviation, "
        "and fit again. What is its coefficient now?"
    ),
    reference=rescaled_coefficient,
    misconceptions={
        "divided as well": Misconception(
            lambda coefficient, scale: coefficient / scale,
            "You divided the coefficient along with the feature. Their product has to stay what it was.",
        ),
        "unchanged": Misconception(
            lambda coefficient, scale: coefficient,  # noqa: ARG005
            "The predictions do not change. If the feature shrinks, something has to grow.",
        ),
        "squared": Misconception(
            lambda coefficient, scale: coefficient * scale**2,
            "Once is enough: the variance has no part in it.",
        ),
    },
    slips={
        "the root": Misconception(
            lambda coefficient, scale: coefficient * scale**0.5,
            "You multiplied by the root. It is the deviation that the feature was divided by, not the variance.",
        ),
        "the scale": Misconception(
            lambda _, scale: float(scale),
            "That is the deviation. The coefficient was something before.",
        ),
        "subtracted": Misconception(
            lambda coefficient, scale: coefficient - scale,
            "Scaling multiplies and divides; nothing is subtracted.",
        ),
        "divided by the root": Misconception(
            lambda coefficient, scale: coefficient / scale**0.5,
            "You divided by the root of the deviation. Their product has to stay what it was.",
        ),
    },
    next_step="And what happens to it if you subtract the mean from the feature? To which number does that go?",
    tolerance=1e-6,
    reason="What the feature adds to a prediction has to stay what it was, and c·x = (c·s)·(x/s). So the coefficient grows by the factor by which the feature shrank.",
)


# --- how much is explained ----------------------------------------------------------------------------------


def _predictions(generator: Generator) -> tuple[Tensor, Tensor]:
    """Now and then far too high, all of them: worse than the mean, so that R² is negative."""
    y = 3 * float64(generator, 12) + 4
    return y, 0.7 * y + 1.5 + 8 * integer(generator, 0, 1) + float64(generator, 12)


def r_squared(y: Tensor, predictions: Tensor) -> Tensor:
    """One minus what is left over, as a share of what there was."""
    return 1 - (y - predictions).square().sum() / (y - y.mean()).square().sum()


R_SQUARED = Exercise(
    name="r_squared",
    title="How much is explained?",
    kind="implement",
    points=1,
    inputs=_predictions,
    reference=r_squared,
    misconceptions={
        "the rest": Misconception(
            lambda y, p: 1 - r_squared(y, p),
            "That is the share not explained. Subtract it from 1.",
        ),
        "the squared correlation": Misconception(
            lambda y, p: torch.corrcoef(torch.stack([y, p]))[0, 1] ** 2,
            "That is the squared correlation. It equals R² for a least-squares fit on its own data; for other "
            "predictions it forgives a wrong scale and offset, and R² does not.",
        ),
        "around the mean of the predictions": Misconception(
            lambda y, p: 1 - (y - p).square().sum() / (y - p.mean()).square().sum(),
            "The comparison is with always answering the mean of the targets.",
        ),
        "cut off at 0": Misconception(
            lambda y, p: r_squared(y, p).clamp(min=0),
            "You raised negative values to 0. Predictions may be worse than the mean, and R² says by how much.",
        ),
        "roots": Misconception(
            lambda y, p: 1 - ((y - p).square().sum() / (y - y.mean()).square().sum()).sqrt(),
            "You compared the roots. R² is a ratio of squares.",
        ),
    },
    slips={
        "upside down": Misconception(
            lambda y, p: 1 - (y - y.mean()).square().sum() / (y - p).square().sum(),
            "Your ratio is upside down: what is left over belongs above.",
        ),
        "explained over total": Misconception(
            lambda y, p: (p - y.mean()).square().sum() / (y - y.mean()).square().sum(),
            "That is the spread of the predictions over that of the targets. The two agree for a least-squares fit alone.",
        ),
        "not relative": Misconception(
            lambda y, p: 1 - (y - p).square().mean(),
            "You subtracted the squared error itself from 1. Divide it first by that of always answering the mean.",
        ),
        "absolute values": Misconception(
            lambda y, p: 1 - (y - p).abs().sum() / (y - y.mean()).abs().sum(),
            "You compared absolute values. R² is a ratio of squares.",
        ),
        "the error": Misconception(
            lambda y, p: (y - p).square().mean(),
            "That is the mean squared error, in squared units. R² compares it with that of the mean.",
        ),
        "the residual sum of squares": Misconception(
            lambda y, p: (y - p).square().sum(),
            "That is the residuals' sum of squares. Compare it with that of the mean, and take the ratio from 1.",
        ),
        "not centred": Misconception(
            lambda y, p: 1 - (y - p).square().sum() / y.square().sum(),
            "You compared with always answering 0. Compare with always answering the mean of y.",
        ),
        "the correlation": Misconception(
            lambda y, p: torch.corrcoef(torch.stack([y, p]))[0, 1],
            "That is the correlation, which forgives a wrong scale and offset. R² does not.",
        ),
        "n and n − 1": Misconception(
            lambda y, p: 1 - (y - p).square().mean() / y.var(),
            "You divided by n above and by n − 1 below: `var` does so unless told otherwise.",
        ),
    },
    next_step="Find predictions for which R² is negative. What does that say about them?",
)


# --- ridge --------------------------------------------------------------------------------------------------


def _penalised(generator: Generator) -> tuple[Tensor, Tensor, float]:
    x, y = _table(generator)
    return x, y, 0.1 * integer(generator, 2, 6)


def ridge(x: Tensor, y: Tensor, strength: float) -> Tensor:
    """The mean of the squares, plus λ times the squared slopes; the intercept (first) is not penalised."""
    design = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1)
    penalty = strength * torch.eye(design.shape[1], dtype=x.dtype)
    penalty[0, 0] = 0.0
    return torch.linalg.solve(design.T @ design / len(x) + penalty, design.T @ y / len(x))


def _ridge_with(x: Tensor, y: Tensor, first: float, rest: float) -> Tensor:
    design = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], dim=1)
    diagonal = torch.tensor([first] + [rest] * x.shape[1], dtype=x.dtype)
    return torch.linalg.solve(design.T @ design / len(x) + torch.diag(diagonal), design.T @ y / len(x))


RIDGE = Exercise(
    name="ridge",
    title="A price on large slopes",
    kind="implement",
    points=2,
    inputs=_penalised,
    reference=ridge,
    misconceptions={
        "intercept penalised": Misconception(
            lambda x, y, s: _ridge_with(x, y, s, s),
            "You penalised the intercept too. Adding 100 to every target should add 100 to every prediction, and "
            "with your penalty it does not.",
        ),
        "subtracted": Misconception(
            lambda x, y, s: _ridge_with(x, y, 0.0, -s),
            "You subtracted the penalty, and rewarded large slopes.",
        ),
        "twice": Misconception(
            lambda x, y, s: _ridge_with(x, y, 0.0, 2 * s),
            "The penalty counts double. The factor 2 of its derivative cancels against the 2 of the squares.",
        ),
        "squares summed": Misconception(
            lambda x, y, s: _ridge_with(x, y, 0.0, s / len(x)),
            "You summed the squares where (4.4) averages them, so your penalty is n times too weak.",
        ),
        "no penalty": Misconception(
            lambda x, y, s: normal_equations(x, y),  # noqa: ARG005
            "That is ordinary least squares: the strength has no effect.",
        ),
    },
    slips={
        "one side divided": Misconception(
            lambda x, y, s: _ridge_with(x, y, 0.0, s) * len(x),
            "You divided one side of the equations by n and not the other.",
        ),
        "the textbook's": Misconception(
            lambda x, y, s: _ridge_with(x, y, s / len(x), s / len(x)),
            "That solves XᵀX + λI. In (4.4) XᵀX is divided by n and λ is not, and the intercept is not penalised.",
        ),
        "left undivided": Misconception(
            lambda x, y, s: _ridge_with(x, y, 0.0, s / len(x)) / len(x),
            "You divided one side of the equations by n and not the other.",
        ),
        "through the origin": Misconception(
            lambda x, y, s: torch.linalg.solve(
                x.T @ x / len(x) + s * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y / len(x)
            ),
            "The intercept is missing: a column of ones in front of x gives it one.",
        ),
        "squared strength": Misconception(
            lambda x, y, s: _ridge_with(x, y, 0.0, s**2),
            "You squared the strength. The slopes are squared, λ is not.",
        ),
        "intercept last": Misconception(
            lambda x, y, s: _ridge_with(x, y, 0.0, s).roll(-1),
            "The coefficients are right and in another order: the intercept comes first.",
        ),
        "penalty times n": Misconception(
            lambda x, y, s: _ridge_with(x, y, 0.0, s * len(x)),
            "Your penalty is n times too strong. Once the squares are averaged, λ stands alone.",
        ),
        "only the intercept penalised": Misconception(
            lambda x, y, s: _ridge_with(x, y, s, 0.0),
            "You penalised the intercept and let the slopes go free. It is the other way round.",
        ),
        "half the penalty": Misconception(
            lambda x, y, s: _ridge_with(x, y, 0.0, s / 2),
            "Your penalty counts half. The 2 of its derivative cancels against the 2 of the squares, so λ stays whole.",
        ),
    },
    next_step="Let the strength grow from 0.01 to 10,000 and plot the slopes. Where does the intercept go?",
    tolerance=2e-4,
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (LINE_GRADIENT, NORMAL_EQUATIONS, RESCALED_COEFFICIENT, R_SQUARED, RIDGE)
}
