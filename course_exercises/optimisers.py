"""Exercises of the chapter on optimisers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import float64, integer

# --- the first step of Adam ---------------------------------------------------------------------------------


def _steep_start(generator: Generator) -> tuple[float, int]:
    return 10.0 ** -integer(generator, 1, 4), 37 * integer(generator, 2, 20)


def first_step(rate: float, slope: int) -> float:
    """m̂ = g and √v̂ = |g|: their quotient is the sign, whatever the slope."""
    return rate * slope / abs(slope)


FIRST_STEP = Exercise(
    name="first_step",
    title="How long is Adam's first step?",
    kind="predict",
    points=1,
    inputs=_steep_start,
    question=lambda rate, slope: (
        f"Adam with lr={rate:g} and default betas stands where the slope is {slope}. How far does its very "
        "first step go? (ignore eps)"
    ),
    reference=first_step,
    misconceptions={
        "as far as SGD": Misconception(
            lambda rate, slope: rate * slope,
            "That is SGD's step. Adam divides by the root of the second moment, and that root scales with the slope too.",
        ),
        "without bias correction": Misconception(
            lambda rate, slope: rate * 0.1 / math.sqrt(0.001),  # noqa: ARG005
            "You left out the bias correction: m is a tenth of the gradient and v a thousandth of its square, "
            "and both are divided by exactly that before use.",
        ),
        "first moment uncorrected": Misconception(
            lambda rate, slope: 0.1 * rate,  # noqa: ARG005
            "You corrected the second moment and not the first. After one step m = 0.1·g, and m̂ = m/0.1.",
        ),
    },
    slips={
        "the sign": Misconception(
            lambda rate, slope: -rate * slope / abs(slope),
            "The length is right. The question is how far, without a direction.",
        ),
        "one": Misconception(
            lambda rate, slope: 1.0,  # noqa: ARG005
            "The quotient m̂/√v̂ is 1. The rate multiplies it.",
        ),
        "divided by the slope": Misconception(
            lambda rate, slope: rate / slope,
            "You divided by the slope alone. m̂ holds it too.",
        ),
        "second moment uncorrected": Misconception(
            lambda rate, slope: rate / math.sqrt(0.001),  # noqa: ARG005
            "You corrected the first moment and not the second.",
        ),
    },
    next_step="And the second step, if the slope has halved? Check with torch.optim.Adam.",
    tolerance=1e-6,
    reason="After one step bias correction gives m̂ = g and v̂ = g². Their quotient m̂/√v̂ is the sign of the slope, so the step is as long as the learning rate.",
)


# --- Adam ---------------------------------------------------------------------------------------------------


def _away_from_zero(generator: Generator, size: int) -> Tensor:
    """Numbers of size 0.5 to 1.5, of both signs."""
    sign = torch.where(torch.randperm(size, generator=generator) % 2 == 0, 1.0, -1.0)
    return sign * (0.5 + torch.rand(size, generator=generator, dtype=torch.float64))


def _adam_case(generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    """Old moments, gradient and eps all have their say: √v̂ is about 0.01, and half of it comes from the gradient."""
    m, gradient = (0.02 * _away_from_zero(generator, 4) for _ in range(2))
    v = 4e-7 * _away_from_zero(generator, 4).abs()
    return float64(generator, 4), m, v, gradient, integer(generator, 2, 6)


def adam_step(theta: Tensor, m: Tensor, v: Tensor, gradient: Tensor, t: int) -> Tensor:
    """lr = 0.1, betas = (0.9, 0.999), eps = 1e-3; t counts from 1."""
    m = 0.9 * m + 0.1 * gradient
    v = 0.999 * v + 0.001 * gradient**2
    return theta - 0.1 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-3)


def _adam_from(theta: Tensor, m: Tensor, v: Tensor, t: int) -> Tensor:
    """The same from moments that somebody has updated, in one way or another."""
    return theta - 0.1 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-3)


def _adam_variant(correct: bool = True, shift: int = 0, root: bool = True, inside: bool = False):
    def step(theta: Tensor, m: Tensor, v: Tensor, gradient: Tensor, t: int) -> Tensor:
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        if correct:
            m, v = m / (1 - 0.9 ** (t + shift)), v / (1 - 0.999 ** (t + shift))
        if inside:
            return theta - 0.1 * m / (v + 1e-3).sqrt()
        return theta - 0.1 * m / ((v.sqrt() if root else v) + 1e-3)

    return step


ADAM_STEP = Exercise(
    name="adam_step",
    title="One step of Adam",
    kind="implement",
    points=3,
    inputs=_adam_case,
    reference=adam_step,
    misconceptions={
        "no bias correction": Misconception(
            _adam_variant(correct=False),
            "The moments start at 0 and are still too small: divide m by 1 − β₁ᵗ and v by 1 − β₂ᵗ.",
        ),
        "counted from zero": Misconception(
            _adam_variant(shift=-1),
            "Your correction uses t − 1. The first step has t = 1, or the denominator would be zero.",
        ),
        "no root": Misconception(
            _adam_variant(root=False),
            "You divided by v̂ itself. It is a mean of squared gradients; its root has the gradient's unit.",
        ),
        "eps under the root": Misconception(
            _adam_variant(inside=True),
            "You added eps under the root. Adam adds it to the root: √v̂ + ε.",
        ),
    },
    slips={
        "only the first corrected": Misconception(
            lambda theta, m, v, gradient, t: (
                theta
                - 0.1
                * ((0.9 * m + 0.1 * gradient) / (1 - 0.9**t))
                / ((0.999 * v + 0.001 * gradient**2).sqrt() + 1e-3)
            ),
            "You corrected m and not v.",
        ),
        "only the second corrected": Misconception(
            lambda theta, m, v, gradient, t: (
                theta
                - 0.1
                * (0.9 * m + 0.1 * gradient)
                / (((0.999 * v + 0.001 * gradient**2) / (1 - 0.999**t)).sqrt() + 1e-3)
            ),
            "You corrected v and not m.",
        ),
        "counted one further": Misconception(
            _adam_variant(shift=1),
            "Your correction uses t + 1. The first step has t = 1, and t is given.",
        ),
        "climbed": Misconception(
            lambda theta, m, v, gradient, t: 2 * theta - adam_step(theta, m, v, gradient, t),
            "You added the step. It goes against the gradient.",
        ),
        "the update alone": Misconception(
            lambda theta, m, v, gradient, t: theta - adam_step(theta, m, v, gradient, t),
            "That is the step. The new theta is asked for.",
        ),
        "no eps": Misconception(
            lambda theta, m, v, gradient, t: (
                theta
                - 0.1
                * ((0.9 * m + 0.1 * gradient) / (1 - 0.9**t))
                / ((0.999 * v + 0.001 * gradient**2) / (1 - 0.999**t)).sqrt()
            ),
            "ε is missing from the denominator, or is far smaller than the 1e-3 asked for.",
        ),
        "plain SGD": Misconception(
            lambda theta, _m, _v, gradient, _t: theta - 0.1 * gradient,
            "That is a step of SGD: the moments have no part in it.",
        ),
        "betas swapped": Misconception(
            lambda theta, m, v, gradient, t: (
                theta
                - 0.1
                * (0.999 * m + 0.001 * gradient)
                / (1 - 0.999**t)
                / (((0.9 * v + 0.1 * gradient**2) / (1 - 0.9**t)).sqrt() + 1e-3)
            ),
            "You swapped the betas: 0.9 belongs to m, 0.999 to v.",
        ),
        "weights swapped": Misconception(
            lambda theta, m, v, gradient, t: _adam_from(
                theta, 0.1 * m + 0.9 * gradient, 0.001 * v + 0.999 * gradient**2, t
            ),
            "You swapped β and 1 − β: the old moment has the weight β, the new gradient 1 − β.",
        ),
        "moments not updated": Misconception(
            lambda theta, m, v, _gradient, t: _adam_from(theta, m, v, t),
            "The gradient has no part in it: `m` and `v` are the moments before this step, and (7.4) comes first.",
        ),
        "gradient not squared": Misconception(
            lambda theta, m, v, gradient, t: _adam_from(
                theta, 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient.abs(), t
            ),
            "The second moment takes the square of the gradient.",
        ),
        "the moments too": Misconception(
            lambda theta, m, v, gradient, t: torch.stack(
                [
                    adam_step(theta, m, v, gradient, t),
                    0.9 * m + 0.1 * gradient,
                    0.999 * v + 0.001 * gradient**2,
                ]
            ),
            "You returned the moments as well. The new parameters alone are asked for.",
        ),
    },
    next_step="Turn it into AdamW: one more line. Before or after the step, does it matter?",
)


# --- decoupled decay ----------------------------------------------------------------------------------------


def _decay_case(generator: Generator) -> tuple[Tensor, Tensor, float, float]:
    rate, decay = 0.1 * integer(generator, 1, 4), 0.05 * integer(generator, 1, 4)
    return _away_from_zero(generator, 4), float64(generator, 4), rate, decay


def decoupled_decay_step(theta: Tensor, update: Tensor, rate: float, decay: float) -> Tensor:
    """The weights shrink on their own; the update (m̂/(√v̂ + ε), say) knows nothing of it."""
    return theta - rate * decay * theta - rate * update


DECOUPLED_DECAY_STEP = Exercise(
    name="decoupled_decay_step",
    title="Decay, decoupled",
    kind="implement",
    points=1,
    inputs=_decay_case,
    reference=decoupled_decay_step,
    misconceptions={
        "decay without the rate": Misconception(
            lambda theta, update, rate, decay: theta - decay * theta - rate * update,
            "You shrank by λ. In AdamW it is η·λ, so that the schedule of the rate also applies to the decay.",
        ),
        "grew": Misconception(
            lambda theta, update, rate, decay: theta + rate * decay * theta - rate * update,
            "Your weights grow. Decay pulls towards zero.",
        ),
        "decayed the update": Misconception(
            lambda theta, update, rate, decay: theta - rate * (1 - decay) * update,
            "You shrank the update. Weight decay shrinks the weights.",
        ),
        "towards zero by a constant": Misconception(
            lambda theta, update, rate, decay: theta - rate * decay * theta.sign() - rate * update,
            "You subtracted the same amount from every weight: that is an L1 penalty. Decay is proportional to "
            "the weight.",
        ),
    },
    slips={
        "after the step": Misconception(
            lambda theta, update, rate, decay: (theta - rate * update) * (1 - rate * decay),
            "You shrank the weights after the update, so the update shrinks too. Both start from the old theta.",
        ),
        "no rate on the update": Misconception(
            lambda theta, update, rate, decay: theta - rate * decay * theta - update,
            "The update is not multiplied by the learning rate.",
        ),
        "no decay": Misconception(
            lambda theta, update, rate, decay: theta - rate * update,  # noqa: ARG005
            "The decay has no effect.",
        ),
        "rate twice": Misconception(
            lambda theta, update, rate, decay: theta - rate * (update + rate * decay * theta),
            "In your decay the rate counts twice: η·λ is all that multiplies the weight.",
        ),
        "added the update": Misconception(
            lambda theta, update, rate, decay: theta - rate * decay * theta + rate * update,
            "You added the update. It goes against the gradient.",
        ),
        "multiplied by decay": Misconception(
            lambda theta, update, rate, decay: theta * decay - rate * update,
            "You kept only the share λ of the weight. A step keeps 1 − ηλ of it.",
        ),
    },
    next_step="With no gradient at all, after how many steps has a weight halved?",
)


# --- clipping -----------------------------------------------------------------------------------------------


def _two_gradients(generator: Generator) -> tuple[list[Tensor], float]:
    gradients = [3 * float64(generator, 4), 0.2 * float64(generator, 2, 3)]
    norm = float(torch.cat([g.flatten() for g in gradients]).norm())
    return gradients, norm * (0.5 if integer(generator, 0, 1) else 1.5)


def clip_by_norm(gradients: list[Tensor], longest: float) -> list[Tensor]:
    """One factor for all, and only if the whole is too long."""
    norm = torch.cat([g.flatten() for g in gradients]).norm()
    return [g * (longest / norm).clamp(max=1.0) for g in gradients]


CLIP_BY_NORM = Exercise(
    name="clip_by_norm",
    title="Clip the length, keep the direction",
    kind="implement",
    points=2,
    inputs=_two_gradients,
    reference=clip_by_norm,
    misconceptions={
        "each tensor by itself": Misconception(
            lambda gradients, longest: [g * (longest / g.norm()).clamp(max=1.0) for g in gradients],
            "You clipped each tensor by its own length. That changes the direction; what is limited is the length of all of them together.",
        ),
        "always scaled": Misconception(
            lambda gradients, longest: [
                g * longest / torch.cat([h.flatten() for h in gradients]).norm() for g in gradients
            ],
            "You scaled short gradients up. Clipping only ever shortens.",
        ),
        "clipped the values": Misconception(
            lambda gradients, longest: [g.clamp(-longest, longest) for g in gradients],
            "You cut each entry at ±max. That changes the direction, and the length may still be too large.",
        ),
        "squared length": Misconception(
            lambda gradients, longest: [
                g * (longest / torch.cat([h.flatten() for h in gradients]).square().sum()).clamp(max=1.0)
                for g in gradients
            ],
            "You divided by the squared length. Take the root.",
        ),
    },
    slips={
        "sum of norms": Misconception(
            lambda gradients, longest: [
                g * (longest / sum(h.norm() for h in gradients)).clamp(max=1.0) for g in gradients
            ],
            "You added the lengths. The length of the whole is the root of the sum of their squares.",
        ),
        "largest norm": Misconception(
            lambda gradients, longest: [
                g * (longest / max(h.norm() for h in gradients)).clamp(max=1.0) for g in gradients
            ],
            "You took the longest tensor for the whole. The length of all together is the root of the sum of the squares.",
        ),
        "sum of sizes": Misconception(
            lambda gradients, longest: [
                g * (longest / sum(h.abs().sum() for h in gradients)).clamp(max=1.0) for g in gradients
            ],
            "You added absolute values. The length is the root of the sum of squares.",
        ),
        "never": Misconception(
            lambda gradients, _: gradients,
            "Nothing was clipped.",
        ),
        "unit length": Misconception(
            lambda gradients, _: [g / torch.cat([h.flatten() for h in gradients]).norm() for g in gradients],
            "Yours always has length 1. The limit is given, and short gradients stay.",
        ),
    },
    next_step="Log the norm before clipping: how often does it exceed your limit in a healthy run?",
    draws=8,
)


# --- a schedule ---------------------------------------------------------------------------------------------


def _steps_on_both_sides(generator: Generator) -> tuple[int, int, int]:
    """On the way up, the last step of it included, soon after the top, and on the way down."""
    warmup, total = integer(generator, 8, 40), integer(generator, 80, 120)
    places = [warmup - 1, integer(generator, 1, warmup - 2), warmup + integer(generator, 2, 6)]
    return [*places, integer(generator, warmup + 7, total - 5)][integer(generator, 0, 3)], warmup, total


def warmup_cosine(step: int, warmup: int, total: int) -> float:
    """Up in a straight line, down along half a cosine."""
    if step < warmup:
        return step / warmup
    done = (step - warmup) / (total - warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


WARMUP_COSINE = Exercise(
    name="warmup_cosine",
    title="Up a line, down a cosine",
    kind="implement",
    points=2,
    inputs=_steps_on_both_sides,
    reference=warmup_cosine,
    rivals=(
        lambda step, warmup, total: warmup_cosine(step, warmup if step + 1 < warmup else 0, total),
        lambda step, warmup, total: step / warmup if step < 20 else warmup_cosine(step, warmup, total),
    ),
    misconceptions={
        "cosine from the beginning": Misconception(
            lambda step, warmup, total: (
                step / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * step / total))
            ),
            "Your cosine does not start at the end of the warm-up, so the factor jumps there. Its own progress "
            "runs from 0 at `warmup` to 1 at `total`.",
        ),
        "a whole turn": Misconception(
            lambda step, warmup, total: (
                step / warmup
                if step < warmup
                else 0.5 * (1 + math.cos(2 * math.pi * (step - warmup) / (total - warmup)))
            ),
            "Your cosine makes a whole turn and ends where it began, at the top. Half a turn ends at zero.",
        ),
        "below zero": Misconception(
            lambda step, warmup, total: (
                step / warmup if step < warmup else math.cos(math.pi * (step - warmup) / (total - warmup))
            ),
            "A cosine falls to −1: with a negative rate you would climb. Shift it up by 1 and halve it.",
        ),
        "a straight line down": Misconception(
            lambda step, warmup, total: (
                step / warmup if step < warmup else 1 - (step - warmup) / (total - warmup)
            ),
            "That is a triangle. The way down follows half a cosine.",
        ),
    },
    slips={
        "no pi": Misconception(
            lambda step, warmup, total: (
                step / warmup if step < warmup else 0.5 * (1 + math.cos((step - warmup) / (total - warmup)))
            ),
            "π is missing: half a turn is π, not 1.",
        ),
        "one step further": Misconception(
            lambda step, warmup, total: (
                (step + 1) / warmup if step < warmup else warmup_cosine(step, warmup, total)
            ),
            "In the warm-up you count one step further: the rate at step s is s/warmup.",
        ),
        "no warm-up": Misconception(
            lambda step, warmup, total: 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))),
            "The warm-up is missing: up to its end the rate grows in a straight line.",
        ),
        "a cosine alone": Misconception(
            lambda step, warmup, total: 0.5 * (1 + math.cos(math.pi * step / total)),  # noqa: ARG005
            "The warm-up is missing, and `warmup` with it: up to there the rate grows in a straight line, and the "
            "cosine starts after it.",
        ),
        "not shifted": Misconception(
            lambda step, warmup, total: (
                step / warmup
                if step < warmup
                else 0.5 * math.cos(math.pi * (step - warmup) / (total - warmup))
            ),
            "The warm-up is right. Your cosine is halved and not shifted: it runs from ½ to −½. Add 1 before you halve it.",
        ),
        "minus the cosine": Misconception(
            lambda step, warmup, total: (
                step / warmup if step < warmup else 1 - warmup_cosine(step, warmup, total)
            ),
            "The warm-up is right. After it yours rises from 0 to 1: the sign of the cosine is plus.",
        ),
        "half a turn of 180": Misconception(
            lambda step, warmup, total: (
                step / warmup
                if step < warmup
                else 0.5 * (1 + math.cos(180 * (step - warmup) / (total - warmup)))
            ),
            "The warm-up is right. `math.cos` works in radians: half a turn is π, not 180.",
        ),
        "a quarter turn": Misconception(
            lambda step, warmup, total: (
                step / warmup if step < warmup else math.cos(math.pi / 2 * (step - warmup) / (total - warmup))
            ),
            "That is a quarter of a turn, which falls steeply at the end. Half a turn, shifted and halved, lands softly.",
        ),
        "not halved": Misconception(
            lambda step, warmup, total: (
                step / warmup if step < warmup else 2 * warmup_cosine(step, warmup, total)
            ),
            "The warm-up is right. The cosine, shifted up by 1, starts at 2: halve it.",
        ),
        "degrees": Misconception(
            lambda step, warmup, total: (
                step / warmup
                if step < warmup
                else 0.5 * (1 + math.cos(math.radians((step - warmup) / (total - warmup))))
            ),
            "The warm-up is right. Your cosine hardly moves: half a turn is π in radians.",
        ),
        "a sine": Misconception(
            lambda step, warmup, total: (
                step / warmup
                if step < warmup
                else 0.5 * (1 + math.sin(math.pi * (step - warmup) / (total - warmup)))
            ),
            "The warm-up is right. Then you took a sine, which starts in the middle and rises first.",
        ),
        "warm-up upside down": Misconception(
            lambda step, warmup, total: (
                warmup / max(step, 1) if step < warmup else warmup_cosine(step, warmup, total)
            ),
            "The cosine is right. In the warm-up the ratio is upside down: it grows from 0 to 1.",
        ),
        "a cosine up": Misconception(
            lambda step, warmup, total: (
                0.5 * (1 - math.cos(math.pi * step / warmup))
                if step < warmup
                else warmup_cosine(step, warmup, total)
            ),
            "The way down is right. The way up is a straight line here, not a cosine.",
        ),
    },
    next_step="Feed it to torch.optim.lr_scheduler.LambdaLR and plot what the optimiser gets.",
    draws=10,
)


# --- training, judged by its answers ------------------------------------------------------------------------


def _disc_and_ring(generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """20 points of a disc and 60 of the ring round it, their classes, and 60 unseen ones off every edge."""
    labels = (torch.randperm(80, generator=generator) % 4 > 0).long()
    outside = torch.arange(60) % 2

    def scatter(least: Tensor, most: Tensor) -> Tensor:
        turn, share = torch.rand(2, len(least), generator=generator)
        radius, angle = least + share * (most - least), 2 * math.pi * turn
        return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)

    points = scatter(2.0 * labels, 1.0 + 2.0 * labels)
    unseen = scatter(2.2 * outside, 0.7 + 2.1 * outside)
    return points, labels, unseen


def disc_or_ring(points: Tensor, labels: Tensor, unseen: Tensor) -> Tensor:
    """A hidden layer that bends, Adam, a hundred steps on all points at once."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        F.cross_entropy(model(points), labels).backward()
        optimizer.step()
    return model(unseen).argmax(dim=1)


DISC_OR_RING = Exercise(
    name="disc_or_ring",
    title="Train one, be judged by its answers",
    kind="implement",
    points=3,
    inputs=_disc_and_ring,
    reference=disc_or_ring,
    misconceptions={
        "the ring everywhere": Misconception(
            lambda points, labels, unseen: torch.ones(len(unseen), dtype=torch.int64),  # noqa: ARG005
            "Every point came out as ring, the class with more points. Is there anything in your model that bends? "
            "(Layers with nothing between them are one layer, and a straight line does no better here.) Is it "
            "trained at all? Do predictions and targets have the same shape when they meet in the loss?",
        ),
        "the disc everywhere": Misconception(
            lambda points, labels, unseen: torch.zeros(len(unseen), dtype=torch.int64),  # noqa: ARG005
            "Every point came out as class 0, which is also what `argmax` makes of nan. Print the loss while "
            "you train; a smaller learning rate may save it.",
        ),
        "the other way round": Misconception(
            lambda points, labels, unseen: 1 - disc_or_ring(points, labels, unseen),
            "You know every class and always say the other one: the least likely one, perhaps, or a loss that "
            "was climbed.",
        ),
        "the points it knows": Misconception(
            lambda points, labels, unseen: disc_or_ring(points, labels, points),  # noqa: ARG005
            "These are the classes of the points you trained on. The points to classify are in `unseen`.",
        ),
    },
    next_step="How few steps are enough, with Adam and with SGD? (A limit on the radius needs none, but who told you of it?)",
    draws=2,
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        FIRST_STEP,
        ADAM_STEP,
        DECOUPLED_DECAY_STEP,
        CLIP_BY_NORM,
        WARMUP_COSINE,
        DISC_OR_RING,
    )
}
