"""Exercises of the chapter on automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Cubic:
    """x ↦ ax³ + bx² + cx, summed over the entries: a function with a curvature everywhere."""

    a: float
    b: float
    c: float

    def __call__(self, x: Tensor) -> Tensor:
        return (self.a * x**3 + self.b * x**2 + self.c * x).sum()


def _cubic(generator: Generator) -> Cubic:
    a, b, c = (torch.rand(3, generator=generator) * 2 + 0.5).tolist()
    return Cubic(a, b, c if integer(generator, 0, 1) else -c)


# --- backward, twice ----------------------------------------------------------------------------------------


def _square_case(generator: Generator) -> tuple[int, int]:
    a = int(torch.randint(3, 8, (), generator=generator))
    return a, a + int(torch.randint(1, 4, (), generator=generator))


def gradient_after_two(a: int, x: int) -> float:
    """Each backward adds 2ax to what stands in x.grad."""
    leaf = torch.tensor(float(x), requires_grad=True)
    for _ in range(2):
        (a * leaf**2).backward()
    return leaf.grad.item()


GRADIENT_AFTER_TWO = Exercise(
    name="gradient_after_two",
    title="Backward, twice",
    kind="predict",
    points=1,
    inputs=_square_case,
    question=lambda a, x: (
        f"`x = torch.tensor({x}.0, requires_grad=True)`. Twice in a row: `y = {a} * x**2; y.backward()`. "
        "What number is `x.grad` now?"
    ),
    reference=gradient_after_two,
    misconceptions={
        "the second replaces the first": Misconception(
            lambda a, x: float(2 * a * x),
            "That is the gradient of one pass. The second pass does not replace it: `backward` adds.",
        ),
        "the value": Misconception(
            lambda a, x: float(a * x**2),
            "That is y itself. `x.grad` holds the slope of y at x.",
        ),
        "the second derivative": Misconception(
            lambda a, x: float(2 * a),  # noqa: ARG005
            "That is the second derivative. Calling `backward` twice differentiates the same y twice over, "
            "not the derivative once more.",
        ),
        "the product of the two": Misconception(
            lambda a, x: float((2 * a * x) ** 2),
            "You multiplied the two passes. Along one path derivatives multiply; separate passes add up.",
        ),
    },
    slips={
        "the factor 2 lost": Misconception(
            lambda a, x: float(2 * a * x),
            "You added the two passes, and lost the 2 that differentiating x² brings.",
        ),
        "the factor 2 lost, once": Misconception(
            lambda a, x: float(a * x),
            "Differentiating x² gives 2x, and each of the two passes adds its gradient.",
        ),
        "two values": Misconception(
            lambda a, x: float(2 * a * x**2),
            "That is twice the value of y. `x.grad` holds slopes.",
        ),
        "a left out": Misconception(
            lambda _, x: float(4 * x),
            "The factor in front of x² belongs to the slope too.",
        ),
    },
    next_step="Where in a training loop must `x.grad` go back to nothing, and which call does it?",
    reason="Each pass finds the slope 2ax. backward adds it to x.grad, so after two passes x.grad holds 4ax.",
)


# --- a derivative from values -------------------------------------------------------------------------------


def _difference_case(generator: Generator) -> tuple[Function, Tensor, float]:
    return _cubic(generator), float64(generator), 0.05 * integer(generator, 2, 6)


def central_slope(f: Function, x: Tensor, h: float) -> Tensor:
    """Rise over run, the run being from x − h to x + h."""
    return (f(x + h) - f(x - h)) / (2 * h)


CENTRAL_SLOPE = Exercise(
    name="central_slope",
    title="A slope from two values",
    kind="implement",
    points=1,
    inputs=_difference_case,
    reference=central_slope,
    rivals=(lambda f, x, h: central_slope(f, x, h).abs(),),
    misconceptions={
        "forward difference": Misconception(
            lambda f, x, h: (f(x + h) - f(x)) / h,
            "That is the forward difference. It works, with an error of order h; step to both sides and the "
            "error falls to order h².",
        ),
        "backward difference": Misconception(
            lambda f, x, h: (f(x) - f(x - h)) / h,
            "That is the backward difference. Step to both sides of x, not only to the left.",
        ),
        "forgot the two": Misconception(
            lambda f, x, h: (f(x + h) - f(x - h)) / h,
            "Your slope is twice as steep as it should be. From x − h to x + h the run is longer than h.",
        ),
        "other sign": Misconception(
            lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h),
            "The sign is flipped: subtract the value on the left from the value on the right.",
        ),
    },
    slips={
        "h in the numerator": Misconception(
            lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h,
            "`a / 2 * h` divides by 2 and multiplies by h: the denominator needs brackets.",
        ),
        "not divided": Misconception(
            lambda f, x, h: f(x + h) - f(x - h),
            "That is the rise. Divide it by the run.",
        ),
        "the mean of values": Misconception(
            lambda f, x, h: (f(x + h) + f(x - h)) / (2 * h),
            "You added the two values. Their difference is the rise.",
        ),
        "half step": Misconception(
            lambda f, x, h: (f(x + h / 2) - f(x - h / 2)) / h,
            "That is a central difference with half the step: use x − h and x + h.",
        ),
        "brackets above": Misconception(
            lambda f, x, h: f(x + h) - f(x - h) / (2 * h),
            "Only the second value is divided. Put the difference in brackets, then divide.",
        ),
        "twice the step": Misconception(
            lambda f, x, h: (f(x + 2 * h) - f(x - 2 * h)) / (4 * h),
            "That is a central difference with twice the step: use x − h and x + h.",
        ),
        "a step of one": Misconception(
            lambda f, x, _: (f(x + 1) - f(x - 1)) / 2,
            "You stepped by 1 to each side. Step by h.",
        ),
    },
    next_step="Halve h three times. By what factor does the error fall each time, and why?",
)


# --- through a linear layer ---------------------------------------------------------------------------------


def _linear_case(generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    batch, inputs, outputs = 5, 3, 4
    return (
        float64(generator, batch, inputs),
        float64(generator, outputs, inputs),
        float64(generator, batch, outputs),
    )


def linear_backward(x: Tensor, w: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of y = xWᵀ + b with respect to x, W and b, given that of the loss with respect to y."""
    return upstream @ w, upstream.T @ x, upstream.sum(dim=0)


LINEAR_BACKWARD = Exercise(
    name="linear_backward",
    title="Back through a linear layer",
    kind="implement",
    points=3,
    inputs=_linear_case,
    reference=linear_backward,
    misconceptions={
        "weight gradient transposed": Misconception(
            lambda x, w, upstream: (upstream @ w, x.T @ upstream, upstream.sum(dim=0)),
            "The gradient of W has W's transposed shape. A gradient always has the shape of what it belongs "
            "to: W is (outputs, inputs).",
        ),
        "bias averaged": Misconception(
            lambda x, w, upstream: (upstream @ w, upstream.T @ x, upstream.mean(dim=0)),
            "You averaged the bias gradient over the batch. b was used once for every example, and the "
            "contributions of all uses add up. (A mean over the batch, if there is one, is already in "
            "`upstream`.)",
        ),
        "bias not summed": Misconception(
            lambda x, w, upstream: (upstream @ w, upstream.T @ x, upstream),
            "b has one number per output, and so has its gradient. It was broadcast over the batch going forward; "
            "going back, that becomes a sum over the batch.",
        ),
        "upstream ignored": Misconception(
            lambda x, w, upstream: (
                torch.ones_like(upstream) @ w,
                torch.ones_like(upstream).T @ x,
                torch.ones_like(upstream).sum(dim=0),
            ),
            "You differentiated the sum of y. The chain rule multiplies by `upstream`, the gradient that "
            "arrives from the loss.",
        ),
        "weights averaged": Misconception(
            lambda x, w, upstream: (upstream @ w, upstream.T @ x / len(x), upstream.sum(dim=0)),
            "You divided the gradient of W by the batch size. Whether the loss is a mean is decided in the "
            "loss, and `upstream` already knows.",
        ),
    },
    slips={
        "bias over the features": Misconception(
            lambda x, w, upstream: (upstream @ w, upstream.T @ x, upstream.sum(dim=1)),
            "The first two are right. The gradient of b is summed over the examples, not over the outputs.",
        ),
        "bias over everything": Misconception(
            lambda x, w, upstream: (upstream @ w, upstream.T @ x, upstream.sum()),
            "The first two are right. The gradient of b has one number for each output.",
        ),
    },
    next_step="Check it with `four_ways`, for a loss of your own on top.",
)


# --- the slope in a direction -------------------------------------------------------------------------------


def _direction_case(generator: Generator) -> tuple[Function, Tensor, Tensor]:
    return _cubic(generator), float64(generator, 3), 2 * float64(generator, 3)


def directional_derivative(f: Function, x: Tensor, v: Tensor) -> Tensor:
    """The gradient's component along v: ∇f·u with u = v/|v|."""
    gradient = torch.func.grad(f)(x)
    return gradient @ (v / v.norm())


DIRECTIONAL_DERIVATIVE = Exercise(
    name="directional_derivative",
    title="The slope in a direction",
    kind="implement",
    points=2,
    inputs=_direction_case,
    reference=directional_derivative,
    misconceptions={
        "did not normalise": Misconception(
            lambda f, x, v: torch.func.grad(f)(x) @ v,
            "Twice as long a v would give you twice the slope, yet it points the same way. Slope is rise over "
            "distance: divide v by its length first.",
        ),
        "the gradient itself": Misconception(
            lambda f, x, v: torch.func.grad(f)(x),  # noqa: ARG005
            "That is the gradient, one number for each coordinate. The slope in one direction is one number: "
            "the gradient's component along it.",
        ),
        "the steepest slope": Misconception(
            lambda f, x, v: torch.func.grad(f)(x).norm(),  # noqa: ARG005
            "That is the slope in the steepest direction, the same for every v. Along v it is smaller by the "
            "cosine of the angle between the two.",
        ),
        "divided twice": Misconception(
            lambda f, x, v: torch.func.grad(f)(x) @ v / v.norm() ** 2,
            "You divided by the squared length of v. Once is enough.",
        ),
    },
    slips={
        "forward difference": Misconception(
            lambda f, x, v: (f(x + 1e-3 * v) - f(x)) / 1e-3,
            "That is close to ∇f·v, by a difference quotient and for a v that is not of length 1. Take the gradient, and a unit vector.",
        ),
        "the size": Misconception(
            lambda f, x, v: (torch.func.grad(f)(x) @ v / v.norm()).abs(),
            "The size is right. A slope downhill is negative.",
        ),
        "per coordinate": Misconception(
            lambda f, x, v: torch.func.grad(f)(x) * v / v.norm(),
            "Those are the products, coordinate by coordinate. Their sum is the slope.",
        ),
        "gradient normalised": Misconception(
            lambda f, x, v: torch.func.grad(f)(x) @ v / torch.func.grad(f)(x).norm(),
            "You divided by the length of the gradient. It is v that must have length 1.",
        ),
        "divided by the sum": Misconception(
            lambda f, x, v: torch.func.grad(f)(x) @ (v / v.sum()),
            "You divided v by the sum of its entries. Its length is `v.norm()`, the root of the sum of their squares.",
        ),
        "the gradient at v": Misconception(
            lambda f, _, v: torch.func.grad(f)(v) @ v / v.norm(),
            "You took the gradient at v. It belongs at x; v only gives the direction.",
        ),
        "the second derivative": Misconception(
            lambda f, x, v: v @ torch.func.hessian(f)(x) @ v / v.norm() ** 2,
            "That is the curvature along v, a second derivative. The slope is a first one.",
        ),
    },
    next_step="In which direction is the slope zero? Find one for the first case, and check.",
)


# --- a function with its own backward -----------------------------------------------------------------------


def _sigmoid_case(generator: Generator) -> tuple[Tensor, Tensor]:
    return torch.sigmoid(2 * float64(generator, 6)), float64(generator, 6)


def sigmoid_backward(y: Tensor, upstream: Tensor) -> Tensor:
    """σ′ = σ(1 − σ), and σ is what the forward pass saved."""
    return upstream * y * (1 - y)


SIGMOID_BACKWARD = Exercise(
    name="sigmoid_backward",
    title="A backward of your own",
    kind="implement",
    points=2,
    inputs=_sigmoid_case,
    reference=sigmoid_backward,
    misconceptions={
        "applied the sigmoid again": Misconception(
            lambda y, upstream: upstream * torch.sigmoid(y) * (1 - torch.sigmoid(y)),
            "y is already σ(x): the forward pass saved its output. You applied σ once more.",
        ),
        "upstream forgotten": Misconception(
            lambda y, upstream: y * (1 - y),  # noqa: ARG005
            "That is the local derivative. The chain rule multiplies it by what arrives from above.",
        ),
        "the slope of tanh": Misconception(
            lambda y, upstream: upstream * (1 - y**2),
            "1 − y² is the derivative of tanh. Differentiate 1/(1 + e⁻ˣ) and write the result with y.",
        ),
        "plus for minus": Misconception(
            lambda y, upstream: upstream * y * (1 + y),
            "At y near 1 the sigmoid is flat, and your derivative is 2 there. Look at the sign in the bracket.",
        ),
    },
    slips={
        "squared": Misconception(
            lambda y, upstream: upstream * y**2,
            "The second factor is 1 − y, not y.",
        ),
        "one factor": Misconception(
            lambda y, upstream: upstream * (1 - y),
            "The factor y is missing: σ′ = σ(1 − σ).",
        ),
        "y alone": Misconception(
            lambda y, upstream: upstream * y,
            "The factor 1 − y is missing: σ′ = σ(1 − σ).",
        ),
        "summed": Misconception(
            lambda y, upstream: (upstream * y * (1 - y)).sum(),
            "The products are right, and then you added them. Each entry of x has a gradient of its own.",
        ),
        "divided": Misconception(
            lambda y, upstream: upstream / (y * (1 - y)),
            "You divided by the local derivative. The chain rule multiplies.",
        ),
        "no brackets": Misconception(
            lambda y, upstream: upstream * y * 1 - y,
            "`a * 1 - y` subtracts y at the end: the factor 1 − y needs brackets.",
        ),
        "added": Misconception(
            lambda y, upstream: upstream + y * (1 - y),
            "You added the local derivative to what arrives from above. The chain rule multiplies.",
        ),
    },
    next_step="Wrap it in a torch.autograd.Function and let torch.autograd.gradcheck judge it.",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        GRADIENT_AFTER_TWO,
        CENTRAL_SLOPE,
        LINEAR_BACKWARD,
        DIRECTIONAL_DERIVATIVE,
        SIGMOID_BACKWARD,
    )
}
