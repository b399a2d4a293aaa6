"""A training exercise, judged by its answers alone: what learned is right, known failures show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_exercises.optimisers import EXERCISES

EXERCISE = EXERCISES["disc_or_ring"]
SEEDS = range(5)


def trained(layers: Callable[[], list[nn.Module]], make: Callable, steps: int, batch: int = 80):
    """An answer as a student would write it, with a model, an optimiser and batches of its own."""

    def answer(points, labels, unseen):
        torch.manual_seed(3)
        model = nn.Sequential(*layers())
        optimizer = make(model.parameters())
        for _ in range(steps):
            chosen = torch.randperm(len(points))[:batch]
            optimizer.zero_grad()
            F.cross_entropy(model(points[chosen]), labels[chosen]).backward()
            optimizer.step()
        return model(unseen).argmax(dim=1)

    return answer


def bent() -> list[nn.Module]:
    return [nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2)]


def deep() -> list[nn.Module]:
    return [nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2)]


def straight() -> list[nn.Module]:
    return [nn.Linear(2, 64), nn.Linear(64, 2)]


@pytest.mark.parametrize(
    "answer",
    [
        trained(bent, lambda p: torch.optim.Adam(p, 1e-2), 300),
        trained(bent, lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), 300),
        trained(deep, lambda p: torch.optim.AdamW(p, 1e-2), 200, batch=64),
    ],
    ids=["Adam", "SGD", "AdamW, batches"],
)
def test_whatever_learned_it_is_right(answer):
    assert [EXERCISE.judge(answer, seed).status for seed in SEEDS] == ["right"] * len(SEEDS)


@pytest.mark.parametrize(
    ("answer", "recognised"),
    [
        (trained(straight, lambda p: torch.optim.Adam(p, 1e-2), 200), "the ring everywhere"),
        (trained(bent, lambda p: torch.optim.SGD(p, 1e30), 30), "the disc everywhere"),
    ],
    ids=["no bend", "diverged"],
)
def test_training_that_failed_is_recognised_by_what_it_answers(answer, recognised):
    for seed in SEEDS:
        verdict = EXERCISE.judge(answer, seed)
        assert (verdict.status, verdict.misconception) == ("wrong", recognised)


def test_what_hardly_trained_is_wrong():
    answer = trained(bent, lambda p: torch.optim.Adam(p, 1e-3), 3)
    assert {EXERCISE.judge(answer, seed).status for seed in SEEDS} == {"wrong"}


def test_the_unseen_points_lie_off_every_edge_and_both_classes_are_among_them():
    for seed in SEEDS:
        for points, labels, unseen in EXERCISE.cases(seed):
            seen, radius = points.norm(dim=1), unseen.norm(dim=1)
            assert seen[labels == 0].max() < 1
            assert seen[labels == 1].min() >= 2
            assert ((radius < 0.71) | (radius > 2.19) & (radius < 2.81)).all()
            assert EXERCISE.reference(points, labels, unseen).equal((radius > 1.5).long())
            assert labels.bincount().tolist() == [20, 60]
            assert (radius > 1.5).sum() == 30
