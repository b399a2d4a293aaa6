"""Exercises of the chapter on GPUs, mixed precision and torch.compile."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from course_exercises.exercise import Exercise, Misconception
from course_exercises.random_inputs import integer

# --- timing -------------------------------------------------------------------------------------------------


def too_fast(calls: int, launch: float, work: float) -> float:
    """The device is done a launch after the start and all the work later; the clock stops after the launches."""
    return (launch + calls * work) / (calls * launch)


TOO_FAST = Exercise(
    name="too_fast",
    title="A clock that does not wait",
    kind="predict",
    points=2,
    inputs=lambda generator: (
        integer(generator, 3, 6),
        float(10 * integer(generator, 1, 3)),
        float(10 * integer(generator, 20, 60)),
    ),
    question=lambda calls, launch, work: (
        f"To queue a product takes the CPU {launch:g} µs, to compute it takes the GPU {work:g} µs. You note the time, "
        f"queue {calls} products, and note the time again, without synchronising. By what factor do the products "
        "look faster than they are? (They really take from the first time noted until the GPU is done. It begins "
        "with the first product once that is queued, and never has to wait for the next.)"
    ),
    reference=too_fast,
    misconceptions={
        "the clock believed": Misconception(
            lambda *_: 1.0,
            "That would be an honest clock. Nothing in this code waits for the GPU.",
        ),
        "one after the other": Misconception(
            lambda _, launch, work: (launch + work) / launch,
            "You let the GPU wait for every launch. While it computes one product, the CPU queues the next.",
        ),
        "one launch": Misconception(
            lambda calls, launch, work: (launch + calls * work) / launch,
            "The clock runs while all products are queued, not the first alone.",
        ),
        "upside down": Misconception(
            lambda calls, launch, work: calls * launch / (launch + calls * work),
            "You divided the wrong way round: a factor below 1 would mean slower.",
        ),
    },
    slips={
        "work over launch": Misconception(
            lambda _, launch, work: work / launch,
            "That is what it tends to with very many products. Here there are few: count the first launch too.",
        ),
        "no first launch": Misconception(
            lambda calls, launch, work: work * calls / (calls * launch),
            "You left out the first launch, before which the GPU has nothing to do.",
        ),
        "one product": Misconception(
            lambda calls, launch, work: (launch + work) / (calls * launch),
            "You let the GPU compute one product. It computes all of them.",
        ),
        "launch over work": Misconception(
            lambda _, launch, work: launch / work,
            "You divided the wrong way round, and left out the first launch.",
        ),
        "the difference": Misconception(
            lambda _, launch, work: work - launch,
            "You subtracted. A factor is a quotient of two times: the real one over the measured one.",
        ),
        "the work alone": Misconception(
            lambda calls, _, work: calls * work,
            "That is the GPU's time for all products, in µs. The factor compares two times.",
        ),
    },
    next_step="With thousands of products in the queue the factor becomes work/launch. When would it be 1?",
    tolerance=1e-3,
    reason="The GPU is done after one launch and n products, but the clock stops as soon as the n launches are queued. The factor is (launch + n·work)/(n·launch).",
)


# --- bytes of training --------------------------------------------------------------------------------------


def training_gibibytes(parameters: int, devices: int) -> float:
    """fp32 weights whole on each device; 4 bytes of gradient and 8 of Adam's averages shared out."""
    return parameters * (4 + 12 / devices) / 2**30


TRAINING_GIBIBYTES = Exercise(
    name="training_gibibytes",
    title="What one device of several holds",
    kind="predict",
    points=2,
    inputs=lambda generator: (10**8 * integer(generator, 11, 39), 2 ** integer(generator, 2, 4)),
    question=lambda parameters, devices: (
        f"A model of {parameters / 1e9:g} billion float32 parameters is trained with Adam on {devices} devices that "
        "share out gradients and the optimiser's averages, but not the weights (ZeRO's second stage). How many GiB "
        "of weights, gradients and averages does each hold? (Activations and Adam's counts left out.)"
    ),
    reference=training_gibibytes,
    misconceptions={
        "all shared out": Misconception(
            lambda parameters, devices: 16 * parameters / devices / 2**30,
            "You shared out the weights as well. That is the third stage, FSDP; here each device has them all.",
        ),
        "nothing shared out": Misconception(
            lambda parameters, _: 16 * parameters / 2**30,
            "That is what one device alone would hold. Gradients and averages are divided.",
        ),
        "gradients whole": Misconception(
            lambda parameters, devices: parameters * (8 + 8 / devices) / 2**30,
            "You shared out the averages only, which is the first stage. Divide the gradients too.",
        ),
        "one average": Misconception(
            lambda parameters, devices: parameters * (4 + 8 / devices) / 2**30,
            "Adam keeps two averages per parameter, of the gradient and of its square.",
        ),
        "billions of bytes": Misconception(
            lambda parameters, devices: parameters * (4 + 12 / devices) / 1e9,
            "That is GB, 10⁹ bytes. A GiB is 2³⁰ bytes, 7 % more.",
        ),
    },
    slips={
        "two-byte weights": Misconception(
            lambda parameters, devices: parameters * (2 + 12 / devices) / 2**30,
            "A float32 weight takes four bytes.",
        ),
        "weights forgotten": Misconception(
            lambda parameters, devices: parameters * 12 / devices / 2**30,
            "The weights themselves are missing: they are whole on each device.",
        ),
        "gradients forgotten": Misconception(
            lambda parameters, devices: parameters * (4 + 8 / devices) / 2**30,
            "The gradients are missing: four bytes, shared out.",
        ),
        "weights alone": Misconception(
            lambda parameters, _: 4 * parameters / 2**30,
            "Those are the weights. Gradients and averages come on top, shared out.",
        ),
        "all devices together": Misconception(
            lambda parameters, devices: parameters * (4 + 12 / devices) * devices / 2**30,
            "That is what all devices hold together. How much does each?",
        ),
    },
    next_step="From how many devices on are the weights more than half of it?",
    tolerance=5e-3,
    reason="Each device holds all weights, 4 bytes per parameter, and its share of the other 12, for gradients and Adam's two averages. Divided by 2³⁰, the bytes are GiB.",
)


# --- rounding -----------------------------------------------------------------------------------------------


def _numbers_and_ties(generator: Generator) -> tuple[Tensor]:
    """Numbers that need nine and ten digits, some half-way, above 1 and below, the last a step below a power of two."""
    whole = 128 + torch.randperm(127, generator=generator)[:8].double()
    fractions = torch.tensor([0.0, 0.25, 0.5, 0.5, 0.75, 0.5, 0.25, 0.25])
    whole[2] -= whole[2] % 2  # a tie above an even number, and one above an odd one
    whole[3] += 1 - whole[3] % 2
    whole[-1] = 255.0
    sign = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0])
    large, small = 2.0 ** integer(generator, -6, 3), 2.0 ** integer(generator, -20, -9)
    return (sign * (whole + fractions) * torch.tensor([large, small]).repeat(4).double(),)


def to_bf16(x: Tensor) -> Tensor:
    """In steps of 2^(E−7), with 2^E the power of two at or below |x|: torch.round takes ties to even."""
    step = 2.0 ** (x.abs().log2().floor() - 7)
    return (x / step).round() * step


def _with(rounding: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: rounding(x, 2.0 ** (x.abs().log2().floor() - 7))


TO_BF16 = Exercise(
    name="to_bf16",
    title="Eight digits",
    kind="implement",
    points=2,
    inputs=_numbers_and_ties,
    reference=to_bf16,
    misconceptions={
        "cut off": Misconception(
            _with(lambda x, step: (x / step).trunc() * step),
            "You cut the last digits off. Every number moves towards 0, and a long sum drifts with it: round.",
        ),
        "ties away from zero": Misconception(
            _with(lambda x, step: x.sign() * (x.abs() / step + 0.5).floor() * step),
            "Half-way cases all went away from 0. The rule sends each to the neighbour whose last digit is 0.",
        ),
        "ties upwards": Misconception(
            _with(lambda x, step: (x / step + 0.5).floor() * step),
            "Half-way cases all went up, towards +∞. The rule sends each to the neighbour whose last digit is 0.",
        ),
        "one digit too few": Misconception(
            _with(lambda x, step: (x / (2 * step)).round() * (2 * step)),
            "Your steps are twice as wide as they should be. Seven digits are stored, and the leading 1 before them is not.",
        ),
        "fixed steps": Misconception(
            lambda x: (x * 128).round() / 128,
            "Your steps are 1/128 everywhere, as they are between 1 and 2. They grow with the number's power of two.",
        ),
    },
    slips={
        "eight stored": Misconception(
            _with(lambda x, step: (x / (step / 2)).round() * (step / 2)),
            "Your steps are half as wide as bfloat16's: seven digits are stored, and the leading 1 is the eighth.",
        ),
        "fp16": Misconception(
            lambda x: x.half().double(),
            "Those are the numbers of float16, with eleven digits and a narrow range.",
        ),
        "floor": Misconception(
            _with(lambda x, step: (x / step).floor() * step),
            "You rounded down, towards −∞. Round to the nearest.",
        ),
        "up": Misconception(
            _with(lambda x, step: (x / step).ceil() * step),
            "You rounded up, towards +∞. Round to the nearest.",
        ),
        "not rounded": Misconception(
            lambda x: x,
            "Nothing was rounded.",
        ),
        "whole numbers": Misconception(
            lambda x: x.round(),
            "You rounded to whole numbers. The step depends on the size of the number.",
        ),
    },
    next_step="Compare with x.float().to(torch.bfloat16). What does yours make of 0, and how would you mend it?",
    tolerance=1e-12,
    without=("bfloat16",),
)


# --- loss scaling -------------------------------------------------------------------------------------------


def _gradients_and_scale(generator: Generator) -> tuple[Tensor, float]:
    powers = torch.randint(-27, -19, (3, 6), generator=generator).double()
    # float32 holds them exactly, so they are the same to who computes in it
    gradients = (1 + torch.rand(3, 6, generator=generator)).double() * 2.0**powers
    gradients = gradients * torch.tensor([1.0, -1.0] * 3)
    gradients[1, integer(generator, 0, 5)] *= 2.0**35
    return gradients, float(2 ** integer(generator, 13, 15))


def scaled_updates(gradients: Tensor, scale: float) -> tuple[Tensor, float]:
    """Scale before fp16 sees them and unscale after; where that overflows, skip the step and halve the scale."""
    updates = []
    for row in gradients:
        seen = (row * scale).half()
        if seen.isfinite().all():
            updates.append(seen.double() / scale)
        else:
            updates.append(torch.zeros_like(row))
            scale /= 2
    return torch.stack(updates), scale


def _row_by_row(
    update: Callable[[Tensor, float], Tensor], *, halves: bool = True
) -> Callable[[Tensor, float], tuple[Tensor, float]]:
    def function(gradients: Tensor, scale: float) -> tuple[Tensor, float]:
        updates = []
        for row in gradients:
            updates.append(update(row, scale))
            if halves and not (row * scale).half().isfinite().all():
                scale /= 2
        return torch.stack(updates), scale

    return function


def _skipped(row: Tensor, scale: float, unscale: Callable[[Tensor, float], Tensor]) -> Tensor:
    seen = (row * scale).half()
    return unscale(seen, scale) if seen.isfinite().all() else torch.zeros_like(row)


def _scaled_by(factor: float) -> Callable[[Tensor, float], tuple[Tensor, float]]:
    def function(gradients: Tensor, scale: float) -> tuple[Tensor, float]:
        updates = []
        for row in gradients:
            updates.append(_skipped(row, scale, lambda seen, scale: seen.double() / scale))
            if not (row * scale).half().isfinite().all():
                scale *= factor
        return torch.stack(updates), scale

    return function


SCALED_UPDATES = Exercise(
    name="scaled_updates",
    title="Gradients too small for fp16",
    kind="implement",
    points=3,
    inputs=_gradients_and_scale,
    reference=scaled_updates,
    misconceptions={
        "no scale": Misconception(
            lambda gradients, scale: (gradients.half().double(), scale),
            "Small gradients have become 0, and others have lost digits: below 2⁻¹⁴ fp16 has fewer and fewer, below 2⁻²⁵ none.",
        ),
        "never unscaled": Misconception(
            _row_by_row(lambda row, scale: _skipped(row, scale, lambda seen, _: seen.double())),
            "These are still scaled: the optimiser would take steps thousands of times too long.",
        ),
        "unscaled in fp16": Misconception(
            _row_by_row(lambda row, scale: _skipped(row, scale, lambda seen, scale: (seen / scale).double())),
            "You unscaled in fp16, and rounded again, to numbers it does not have. Convert first, then divide.",
        ),
        "overflow let through": Misconception(
            _row_by_row(lambda row, scale: (row * scale).half().double() / scale),
            "An infinite gradient reached the optimiser, and every weight after it is lost. Skip such a step.",
        ),
        "scale kept": Misconception(
            _row_by_row(
                lambda row, scale: _skipped(row, scale, lambda seen, scale: seen.double() / scale),
                halves=False,
            ),
            "You skipped the step and kept the scale: the next large gradient overflows again. Halve it.",
        ),
        "holes filled": Misconception(
            _row_by_row(
                lambda row, scale: ((row * scale).half().double() / scale).nan_to_num(posinf=0, neginf=0)
            ),
            "You set the infinite entries to 0 and took the step with the others: a direction nobody computed.",
        ),
    },
    slips={
        "cast before scaling": Misconception(
            _row_by_row(
                lambda row, scale: _skipped(
                    row, scale, lambda _, scale: (row.half() * scale).double() / scale
                )
            ),
            "Small gradients were cast to half before they were scaled: what was lost then, no scale brings back.",
        ),
        "cast before scaling, everywhere": Misconception(
            lambda gradients, scale: ((gradients.half() * scale).double() / scale, scale),
            "The gradients were cast to half before they were scaled: what was lost then, no scale brings back.",
        ),
        "untouched": Misconception(
            lambda gradients, scale: (gradients, scale),
            "Nothing was rounded: the gradients never were in fp16.",
        ),
        "scale doubled": Misconception(
            _scaled_by(2.0),
            "After an overflow your scale grows. Halve it.",
        ),
    },
    next_step="PyTorch's torch.amp.GradScaler does this, and doubles the scale after 2,000 good steps. Why should it?",
    tolerance=1e-15,
)


# --- utilisation --------------------------------------------------------------------------------------------


def utilisation(parameters: int, tokens_per_second: float, peak: float) -> float:
    """Six operations per parameter and token: two forward, four backward."""
    return 6 * parameters * tokens_per_second / peak


UTILISATION = Exercise(
    name="utilisation",
    title="How much of the machine is at work?",
    kind="predict",
    points=1,
    inputs=lambda generator: (
        10**6 * integer(generator, 90, 160),
        float(1000 * integer(generator, 200, 400)),
        1e12 * integer(generator, 300, 900),
    ),
    question=lambda parameters, tokens_per_second, peak: (
        f"A GPT of {parameters / 1e6:g} million parameters trains at {tokens_per_second:,.0f} tokens per second on a "
        f"device that could do {peak / 1e12:g}·10¹² operations per second. What share of that does the model use? "
        "(Count a multiplication and its addition as two; leave attention's scores out; answer as a fraction.)"
    ),
    reference=utilisation,
    misconceptions={
        "forward only": Misconception(
            lambda parameters, tokens_per_second, peak: 2 * parameters * tokens_per_second / peak,
            "That is the forward pass. The backward pass needs two products for each of those.",
        ),
        "a multiplication is all": Misconception(
            lambda parameters, tokens_per_second, peak: 3 * parameters * tokens_per_second / peak,
            "You counted each multiplication with its addition as one operation; the device's number counts two.",
        ),
        "backward as cheap as forward": Misconception(
            lambda parameters, tokens_per_second, peak: 4 * parameters * tokens_per_second / peak,
            "The backward pass needs two products where the forward pass needs one: for the inputs and the weights.",
        ),
        "in per cent": Misconception(
            lambda parameters, tokens_per_second, peak: 600 * parameters * tokens_per_second / peak,
            "Right, in per cent. The question asks for a fraction.",
        ),
    },
    slips={
        "eight": Misconception(
            lambda parameters, tokens_per_second, peak: 8 * parameters * tokens_per_second / peak,
            "You counted eight operations, as with checkpointing. Without it there are two forward and four backward.",
        ),
        "one": Misconception(
            lambda parameters, tokens_per_second, peak: parameters * tokens_per_second / peak,
            "You counted one operation for each parameter and token. There are two forward and four backward.",
        ),
        "upside down": Misconception(
            lambda parameters, tokens_per_second, peak: peak / (6 * parameters * tokens_per_second),
            "You divided the wrong way round: a share is not above 1.",
        ),
        "forward, per cent": Misconception(
            lambda parameters, tokens_per_second, peak: 200 * parameters * tokens_per_second / peak,
            "That is the forward pass alone, and in per cent.",
        ),
    },
    next_step="With checkpointing the forward pass is computed twice. Does this share rise, fall or stay?",
    tolerance=5e-3,
    reason="Forward takes two operations per parameter and token, and backward twice as many, which makes six. Six times parameters times tokens per second is the work done; divided by what the device could do, it is the share used.",
)


EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (TOO_FAST, TRAINING_GIBIBYTES, TO_BF16, SCALED_UPDATES, UTILISATION)
}
