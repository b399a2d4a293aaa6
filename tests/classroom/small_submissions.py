"""A small assignment of four exercises, honest answers to it, and notebooks made of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from course_classroom.assignment import Assignment, Item

CHAPTER = "Sequences"
PREDICTION = Item("sequences/steps_until_a_hundredth", "steps", "predict", 1, CHAPTER)
RNN = Item("sequences/rnn_step", "rnn_step", "implement", 2, CHAPTER)
FORCING = Item("sequences/teacher_forcing", "teacher_forcing", "implement", 2, CHAPTER)
LOSS = Item("sequences/padded_loss", "padded_loss", "implement", 3, CHAPTER)
ASSIGNMENT = Assignment("week1", (PREDICTION, RNN, FORCING, LOSS), seed=11, marking_seed=4711)

SETUP = "import math\nimport torch\nimport torch.nn.functional as F\n%matplotlib inline\n"
RIGHT: dict[Item, str] = {
    PREDICTION: f"steps = {PREDICTION.load().reference(*PREDICTION.load().cases(ASSIGNMENT.seed)[0])}",
    RNN: (
        "def rnn_step(x, state, weight_ih, weight_hh, bias):\n"
        "    return torch.tanh(bias + x @ weight_ih.mT + state @ weight_hh.mT)"
    ),
    FORCING: (
        "def teacher_forcing(target, start):\n"
        "    first = torch.full((len(target), 1), start)\n"
        "    return torch.hstack([first, target[:, :-1]]), target"
    ),
    LOSS: (
        "def padded_loss(logits, labels, pad):\n"
        "    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad)"
    ),
}
BLANK: dict[Item, str] = {
    PREDICTION: "steps = ...",
    RNN: "def rnn_step(x, state, weight_ih, weight_hh, bias):\n    ...",
    FORCING: "def teacher_forcing(target, start):\n    raise NotImplementedError",
    LOSS: "def padded_loss(logits, labels, pad):\n    ...",
}


def code(source: str, **course: str) -> dict[str, Any]:
    """A code cell with the course's metadata."""
    metadata = {"course_lib": course} if course else {}
    return {
        "cell_type": "code", "metadata": metadata, "source": source.splitlines(keepends=True),
        "outputs": [], "execution_count": None,
    }  # fmt: skip


def notebook(answers: dict[Item, str], *, before: str = "", name: str = "week1") -> dict[str, Any]:
    """A student's notebook: set-up, a cell of the student's own, then an answer and a check of each item."""
    cells = [{"cell_type": "markdown", "metadata": {}, "source": ["# Week 1"]}, code(SETUP, role="setup")]
    if before:
        cells.append(code(before))
    for item, source in answers.items():
        cells.append(code(source, role="answer", exercise=item.exercise))
        cells.append(code(f"check({item.symbol})", role="check", exercise=item.exercise))
    metadata = {"course_lib": {"assignment": name, "schema": 1}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def hand_in(folder: Path, student: str, content: dict[str, Any]) -> Path:
    """Put a notebook where a student's submission lies."""
    path = folder / student / "week1.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return path
