"""No wrong answer is called right, and no right one wrong: edits of every reference, and rounding."""

from __future__ import annotations

import copy
import dataclasses
import math
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from every_exercise import EXERCISES
from mutants import Trial, mutants

from course_exercises.random_inputs import float64, integer, outcome, tell_apart

SEEDS = range(20)
SAME_AXIS = "the same axis, counted from the other end"
SIGN = "the sign is lost in what follows"
SIZE = "only the size is read, and it is the same"
TYPE = "the result has the same type without"

# What makes no difference whatever the inputs: by exercise, a piece of the edited line, and why.
EQUAL = {
    "group_advantages": {"dim=-1": SAME_AXIS},
    "attend": {"key.shape[-1]": SIZE},
    "attend_causally": {
        "scores.shape,": "a triangle of any batch is the same triangle",
        "scores.shape[:]": "a triangle of any batch is the same triangle",
        "scores.shape[-3:]": "a triangle of any batch is the same triangle",
        "scores.shape[-4:]": "a triangle of any batch is the same triangle",
        "scores.shape[0:]": "a triangle of any batch is the same triangle",
    },
    "split_heads": {"transpose(1, -2)": SAME_AXIS},
    "directional_derivative": {
        "v / v.norm() @ gradient": "a product of two vectors is symmetric",
        "_minus(v).norm()": SIGN,
    },
    "collate_padded": {
        "len(s) for s in _": SIZE,
        "shape[-1]": SAME_AXIS,
    },
    "huber": {
        "targets - predictions": SIGN,
        "size < delta": "both pieces give the same at delta",
    },
    "epoch_shard": {"torch.manual_seed(seed)": "torch's own generator, seeded alike, draws the same"},
    "mean_gradient": {"_minus(counts)": "the sign stands above and below the line"},
    "zero_bytes": {"[:stage]) / devices": "the parameters are a multiple of the devices"},
    "mean_pool": {
        "None];": TYPE,
        ".to();": TYPE,
        ".to(states)": TYPE,
    },
    "to_bf16": {
        "-2.0 **": "the step's sign is divided by and multiplied with",
        "_minus(x).abs()": SIGN,
    },
    "scaled_updates": {
        "scale //= 2": "the scale is a power of two",
        "(updates, scale)": "a list of rows is taken for the tensor of them",
    },
    "merge": {"place != len(ids)": "a pair never reaches beyond the end"},
    "with_temperature": {"softmax(dim=0)": SAME_AXIS},
    "nucleus": {
        "scatter(-1": SAME_AXIS,
        "cumsum(dim=0)": SAME_AXIS,
        "kept = probabilities.scatter": "every place is written",
    },
    "cached_step": {f"math.sqrt({name}.shape": SIZE for name in ("key", "value", "keys", "values")},
    "normal_equations": {"len(x), 1), x]": TYPE, "dim=-1": SAME_AXIS, "len(y)": SIZE},
    "r_squared": {"predictions - y": SIGN, "y.mean() - y": SIGN},
    "ridge": {
        "torch.eye(design.shape[1])": TYPE,
        "len(x), 1), x]": TYPE,
        "penalty[0,] = 0.0": "the rest of that row is 0 already",
        "dim=-1": SAME_AXIS,
        "design.shape[-1]": SAME_AXIS,
        "len(y)": SIZE,
    },
    "log_softmax": {
        "_more(logits).max": "any shift that keeps the exponentials finite cancels",
        "dim=1": SAME_AXIS,
    },
    "cross_entropy": {"dim=1": SAME_AXIS, "len(logits)": SIZE},
    "precision_and_recall": {
        "confusion.diagonal();": "a quotient of whole numbers is floating point",
        "dim=-1": SAME_AXIS,
    },
    "adam_step": {"_minus(gradient) ** 2": SIGN},
    "clip_by_norm": {"_minus(gradients)": SIGN},
    "warmup_cosine": {
        "step <= warmup": "both pieces give 1 there",
        "step < _more(warmup)": "both pieces give 1 at the one step that changes sides",
        "(warmup - step)": "the cosine is even",
        "(warmup - total)": "the cosine is even",
    },
    "lstm_step": {"dim=1": SAME_AXIS},
    "teacher_forcing": {"dim=-1": SAME_AXIS, "(target)[:, :1], start)": SIZE},
    "quantise": {f"clamp({low}": "the least number lands on −128" for low in (-129, -256)},
    "sure_digits": {".max(dim=-1)": SAME_AXIS, "softmax(dim=-1)": SAME_AXIS},
    "standardise": {"_minus(x).std": SIGN},
    "squared_distances": {
        "y[None, :, :] - x": SIGN,
        "- y;": "broadcasting puts the 1 in front",
        "x[:, None] -": "what is left out of an index is taken whole",
        "- y[:, :]": "broadcasting puts the 1 in front",
        "- y[None, :]": "what is left out of an index is taken whole",
    },
    "mean_squared_error": {
        "(targets - predictions": SIGN,
        "squeeze()": "no other dimension has size 1",
        "squeeze(-1)": SAME_AXIS,
    },
    "sinusoid": {
        "d_model / 2": "d_model is even",
        "(d_model // 2);": "float32 is precise enough",
        "_more(d_model) // 2": "d_model is even",
        "dim=1": SAME_AXIS,
    },
    "exact_match": {
        "_before_the_end(end, target)": "equality is symmetric",
        "_before_the_end(written, end)": "up to the first difference both are the same text",
        "double().mean();": "a tensor without dimensions counts as its number",
        "== target) + ~asked": "or, of truth values",
        "all(dim=-1)": SAME_AXIS,
        "long() <= 0": "a count of earlier ends is never negative",
        "long() - (target": "0 is its own negative",
        "cumsum(dim=-1)": SAME_AXIS,
    },
}  # fmt: skip

# How little of a training run shows in the classes it answers is for test_training_exercise.
JUDGED_BY_TRAINING = {"disc_or_ring"}
ALL = list(EXERCISES.values())
WRITTEN = [
    pytest.param(exercise, id=exercise.name)
    for exercise in ALL
    if exercise.kind == "implement" and exercise.name not in JUDGED_BY_TRAINING
]
PREDICTED = [pytest.param(exercise, id=exercise.name) for exercise in ALL if exercise.kind == "predict"]


@cache
def trials(name: str) -> list[Trial]:
    (exercise,) = (e for e in ALL if e.name == name)
    return [Trial.of(exercise, seed) for seed in SEEDS]


def reason(name: str, text: str) -> str | None:
    """The piece of the edited line by which an edit is known to make no difference."""
    old, new = (f"{side};" for side in text.split(" → "))
    return next((piece for piece in EQUAL.get(name, {}) if piece in new and piece not in old), None)


@pytest.mark.parametrize("exercise", WRITTEN)
def test_every_edit_that_makes_a_difference_is_refused_on_every_seed(exercise):
    made, survived, reasons = 0, [], set()
    for mutant in mutants(exercise):
        made += 1
        if seeds := [
            seed
            for seed, trial in zip(SEEDS, trials(exercise.name), strict=True)
            if trial.right(mutant.function)
        ]:
            known = reason(exercise.name, mutant.text) if len(seeds) == len(SEEDS) else None
            reasons.add(known)
            if known is None:
                survived.append(f"{mutant.text} (seeds {seeds})")
    assert made >= 20
    assert not survived, "called right:\n" + "\n".join(survived)
    unused = EQUAL.get(exercise.name, {}).keys() - reasons
    assert not unused, f"no edit makes no difference for these reasons: {unused}"


@pytest.mark.parametrize("exercise", WRITTEN)
def test_the_judge_says_the_same_of_edited_programs(exercise):
    for number, mutant in enumerate(mutants(exercise)):
        if number % 16 == 3:
            for seed in (0, 7):
                right = exercise.judge(mutant.function, seed).status == "right"
                assert right == trials(exercise.name)[seed].right(mutant.function), mutant.text


def test_inputs_too_weak_to_show_a_mistake_are_found_out():
    from course_exercises.optimisers import ADAM_STEP

    def weak(generator):
        gradient = 1e-6 * float64(generator, 3)
        return (
            float64(generator, 3),
            float64(generator, 3),
            float64(generator, 3).square(),
            gradient,
            integer(generator, 2, 6),
        )

    exercise = dataclasses.replace(ADAM_STEP, inputs=weak)
    trial = Trial.of(exercise, 0)
    right = [mutant.text for mutant in mutants(exercise) if trial.right(mutant.function)]
    assert any(text.endswith("v = 0.999 * v") for text in right)


def test_an_edited_loop_without_end_is_stopped():
    from course_exercises.language_model import MERGE

    trial = Trial.of(MERGE, 0)
    endless = [m for m in mutants(MERGE) if m.text == "place += 1 → nothing"]
    assert [trial.right(mutant.function) for mutant in endless] == [False]


# --- what a draw must show ----------------------------------------------------------------------------------


def equal(one, other):
    return one == other


@pytest.mark.parametrize(
    ("cases", "good"),
    [
        ([(2, 1), (3, 2)], True),
        ([(2, 1), (2, 2)], False),  # an argument that never changes
        ([(2, 1)], False),  # 2 · 2 = 2²
        ([(3, 1)], True),
        ([(0, 5)], False),
    ],
)
def test_a_draw_is_good_enough_if_all_answers_differ(cases, good):
    known = [lambda a, b: 2 * a, lambda a, b: a**2]  # noqa: ARG005
    assert tell_apart(cases, known, (), equal) is good


def test_a_rival_must_differ_from_all_known_answers_but_not_from_other_rivals():
    known = [lambda a: 2 * a, lambda a: a**2]
    assert tell_apart([(3,)], known, [lambda _: 7, lambda _: 7], equal)
    assert not tell_apart([(3,)], known, [lambda _: 9], equal)
    assert not tell_apart([(3,)], known, [lambda _: 6], equal)


@pytest.mark.parametrize("exercise", PREDICTED)
def test_a_prediction_tells_all_answers_apart_on_every_seed(exercise):
    functions = [exercise.reference, *(m.function for m in exercise.misconceptions.values())]
    for seed in range(201):
        assert tell_apart(exercise.cases(seed), functions, exercise.rivals, exercise.agrees), seed


# --- rounding -----------------------------------------------------------------------------------------------


def cast(value, dtype):
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, list | tuple):
        return type(value)(cast(v, dtype) for v in value)
    return value


def stretched(value):
    """A result one per cent too large, once for each of its parts."""
    if isinstance(value, list | tuple):
        for at, part in enumerate(value):
            for other in stretched(part):
                yield [*value[:at], other, *value[at + 1 :]]
    elif isinstance(value, float) or (
        isinstance(value, torch.Tensor) and value.is_floating_point() and value.any()
    ):
        yield 1.01 * value


@pytest.mark.parametrize("exercise", WRITTEN)
def test_either_precision_is_right_and_one_per_cent_is_wrong(exercise):
    for seed in range(50):
        for case in exercise.cases(seed):
            wanted = exercise.reference(*copy.deepcopy(case))
            assert exercise.agrees(cast(wanted, torch.float32), wanted)
            for dtype in (torch.float32, torch.float64):
                assert exercise.agrees(exercise.reference(*cast(copy.deepcopy(case), dtype)), wanted), seed
            assert not any(exercise.agrees(wrong, wanted) for wrong in stretched(wanted)), seed


def shifted_back(logits):
    largest = logits.max(dim=1, keepdim=True).values
    return logits - (largest + (logits - largest).exp().sum(dim=1, keepdim=True).log())


def rescaled_later(theta, m, v, gradient, t):
    m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient * gradient
    root = math.sqrt(1 - 0.999**t)
    return theta - 0.1 * root / (1 - 0.9**t) * m / (v.sqrt() + 1e-3 * root)


OTHER_WAYS = {
    "log_softmax": [shifted_back, lambda z: F.log_softmax(z, 1), lambda z: z - z.logsumexp(1, keepdim=True)],
    "normal_equations": [
        lambda x, y: torch.linalg.lstsq(torch.cat([torch.ones_like(x[:, :1]), x], 1), y[:, None]).solution[
            :, 0
        ]
    ],
    "adam_step": [rescaled_later],
    "squared_distances": [
        lambda x, y: (x**2).sum(1)[:, None] - 2 * x @ y.T + (y**2).sum(1),
        lambda x, y: torch.cdist(x, y) ** 2,
    ],
    "attend": [F.scaled_dot_product_attention],
    "layer_norm": [lambda x, weight, bias, eps: F.layer_norm(x, weight.shape, weight, bias, eps)],
    "padded_loss": [
        lambda z, labels, pad: F.cross_entropy(z.flatten(0, 1), labels.flatten(), ignore_index=pad)
    ],
    "huber": [lambda p, t, delta: F.huber_loss(p, t, delta=delta)],
    "quantise": [
        lambda x: (
            (scale := (x.max() - x.min()) / 255),
            (zero := -128 - (x.min() / scale).round()),
            ((x / scale).round() + zero).clamp(-128, 127),
        )
    ],
    "cross_entropy": [F.cross_entropy],
    "standardise": [lambda x: (x - x.mean(0)) / x.var(0, correction=0).sqrt()],
}


@pytest.mark.parametrize("exercise", [p for p in WRITTEN if p.id in OTHER_WAYS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_other_right_ways_are_right_in_either_precision(exercise, dtype):
    for way in OTHER_WAYS[exercise.name]:
        for seed in range(50):
            given = [outcome(way, cast(case, dtype)) for case in exercise.cases(seed)]
            verdict = exercise.judge_outcomes(given, seed)
            assert verdict.status == "right", (seed, verdict.message)


def test_what_breaks_down_for_huge_logits_is_refused():
    from course_exercises.mnist_classifier import LOG_SOFTMAX

    ways = [
        lambda z: z.softmax(1).log(),
        lambda z: (z.softmax(1) + 1e-9).log(),
        lambda z: z - z.exp().sum(1, keepdim=True).log(),
        lambda z: (z - z.max()) - (z - z.max()).exp().sum(1, keepdim=True).log(),
    ]
    for way in ways:
        assert {LOG_SOFTMAX.judge(way, seed).status for seed in range(50)} == {"wrong"}
