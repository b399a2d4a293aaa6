"""Measure six ways to classify film snippets, several seeds each (a maintainer's script).

    python -m studies.fine_tuning

Settings are chosen on the validation split, with a seed of their own; then each method is trained once a seed
(which draws the training snippets, what starts at random, and their order) and meets the test split once.
Every trial and every run is written to measurements/fine_tuning.json as soon as it is done: a script that
was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.command_line import OneLineParser
from course_lib.data.reviews import Reviews, load_reviews
from course_lib.files import print_in_any_encoding
from course_lib.fine_tuning import FINE_TUNING_FILE, table
from course_lib.pretrained.minilm import load_minilm
from studies.fine_tuning_methods import CANDIDATES, METHODS, SETTINGS_OF, Settings, Task, fit
from studies.fine_tuning_record import CHOICE_SEED, begin
from studies.records import write

TRAINING_EXAMPLES, CHOICE_EXAMPLES = 3000, 1000
MINILM = Task(load_reviews, load_minilm, max_length=64)


def choose(method: str, settings: Settings, task: Task, *, examples: int) -> dict[str, Any]:
    """Try settings: train on some snippets, measure on the validation split.

    Args:
        method: as for ``fine_tuning_methods.fit``.
        settings: to try.
        task: where texts and weights come from; its test split is not read.
        examples: training snippets, at least 1.

    Returns:
        ``method``, ``settings`` and ``validation_accuracy``.

    Raises:
        ValueError: if there are fewer training snippets than ``examples``.
    """
    fitted = fit(method, settings, draw(task.load("train"), examples, CHOICE_SEED), task, seed=CHOICE_SEED)
    accuracy = _accuracy(fitted.predict, task.load("validation"))
    return {"method": method, "settings": settings, "validation_accuracy": accuracy}


def measure(method: str, settings: Settings, task: Task, *, examples: int, seed: int) -> dict[str, Any]:
    """Train with settings chosen before, then read the test split, once.

    Args:
        method: as for ``fine_tuning_methods.fit``.
        settings: chosen on the validation split.
        task: where texts and weights come from.
        examples: training snippets, at least 1.
        seed: draws the snippets, what starts at random, and the order.

    Returns:
        ``method``, ``seed``, ``accuracy`` (test), ``trainable_parameters``, ``optimizer_bytes``, ``seconds``
        (processor time of training), and ``settings``.

    Raises:
        ValueError: if there are fewer training snippets than ``examples``.
    """
    fitted = fit(method, settings, draw(task.load("train"), examples, seed), task, seed=seed)
    return {
        "method": method,
        "seed": seed,
        "accuracy": _accuracy(fitted.predict, task.load("test")),
        "trainable_parameters": fitted.trainable_parameters,
        "optimizer_bytes": fitted.optimizer_bytes,
        "seconds": round(fitted.seconds, 2),
        "settings": settings,
    }


def draw(reviews: Reviews, examples: int, seed: int) -> Reviews:
    """Take some snippets at random, each at most once.

    Args:
        reviews: to take from.
        examples: how many, at least 1.
        seed: decides which.

    Returns:
        The snippets, in random order.

    Raises:
        ValueError: if ``examples`` is below 1 or above what there is.
    """
    if not 1 <= examples <= len(reviews.texts):
        raise ValueError(f"examples must be from 1 to {len(reviews.texts)}, got {examples}")
    places = torch.randperm(len(reviews.texts), generator=torch.Generator().manual_seed(seed))[:examples]
    texts = [reviews.texts[i] for i in places.tolist()]
    return Reviews(texts, reviews.labels[places], reviews.scores[places])


def measure_all(
    path: Path,
    *,
    methods: tuple[str, ...],
    seeds: int,
    examples: int,
    choice_examples: int,
    task: Task = MINILM,
) -> None:
    """Choose settings and measure what ``path`` does not hold yet, writing after each step.

    Args:
        path: the JSON to go on with, or to begin.
        methods: which to measure, in this order.
        seeds: 0 … seeds − 1, fewer than ``CHOICE_SEED``.
        examples: training snippets a run.
        choice_examples: training snippets a trial.
        task: where texts and weights come from.

    Raises:
        ValueError: if a number is out of range, the folder of ``path`` is not there, or ``path`` was measured
            with other data, settings, numbers of snippets or versions, or on another machine.
    """
    if not 1 <= seeds <= CHOICE_SEED:
        raise ValueError(f"seeds must be from 1 to {CHOICE_SEED}, got {seeds}")
    available = len(task.load("train").texts)
    for name, value in {"training-examples": examples, "choice-examples": choice_examples}.items():
        if not 1 <= value <= available:
            raise ValueError(f"{name} must be from 1 to {available}, got {value}")
    if not path.parent.is_dir():
        raise ValueError(f"output must be in a folder that is there, {path.parent} is not")
    found = begin(path, examples, choice_examples, task.max_length)
    for method in methods:
        settings = _chosen(found, path, SETTINGS_OF.get(method, method), task)
        done = {run["seed"]: run["settings"] for run in found["runs"] if run["method"] == method}
        if any(used != settings for used in done.values()):
            raise ValueError(
                f"output {path} holds runs of {method} with other settings: name another --output"
            )
        for seed in sorted(set(range(seeds)) - done.keys()):
            run = measure(method, settings, task, examples=examples, seed=seed)
            found["runs"].append(run)
            write(path, found)
            print(
                f"{method:>6}, seed {seed}: {run['accuracy']:.4f} right, {run['seconds']:.1f} s", flush=True
            )


def main(words: list[str] | None = None, task: Task = MINILM) -> int:
    """Run the command.

    Args:
        words: its arguments; ``None`` means the command line's.
        task: where texts and weights come from.

    Returns:
        Exit status: 0; 1 where training diverged, 2 where an argument is bad or a package is missing, 130
        where it was stopped.
    """
    parser = OneLineParser(
        prog="fine_tuning", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", type=int, default=3, help="runs a method")
    parser.add_argument("--training-examples", type=int, default=TRAINING_EXAMPLES, help="snippets a run")
    parser.add_argument("--choice-examples", type=int, default=CHOICE_EXAMPLES, help="snippets a trial")
    parser.add_argument("--output", type=Path, default=FINE_TUNING_FILE)
    arguments = parser.parse_args(words)
    try:
        measure_all(
            arguments.output,
            methods=tuple(arguments.methods),
            seeds=arguments.seeds,
            examples=arguments.training_examples,
            choice_examples=arguments.choice_examples,
            task=task,
        )
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"fine_tuning: {error}", file=sys.stderr)
        return 2
    except FloatingPointError as error:
        print(f"fine_tuning: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"fine_tuning: stopped; {arguments.output} keeps what is done", file=sys.stderr)
        return 130
    for row in table(arguments.output):
        memory = "" if row.optimizer_bytes is None else f"{row.optimizer_bytes / 2**20:.1f} MiB"
        print(
            f"{row.method:>6}: {row.lowest:.3f} … {row.highest:.3f} over {row.seeds} seeds, "
            f"{row.trainable_parameters:,} trained, {row.seconds:.1f} s, {memory or 'no torch optimiser'}"
        )
    return 0


def _chosen(found: dict[str, Any], path: Path, method: str, task: Task) -> Settings:
    """Try the candidates not tried yet, and take the best; of equals the first."""
    trials = found["choice"]["trials"]
    for settings in CANDIDATES[method]:
        if not any(trial["settings"] == settings for trial in _trials(trials, method)):
            trial = choose(method, settings, task, examples=found["choice"]["training_examples"])
            trials.append(trial)
            write(path, found)
            print(f"{method:>6}, {settings}: {trial['validation_accuracy']:.4f} on validation", flush=True)
    return max(_trials(trials, method), key=lambda trial: trial["validation_accuracy"])["settings"]


def _trials(trials: list[dict[str, Any]], method: str) -> list[dict[str, Any]]:
    return [t for t in trials if t["method"] == method and t["settings"] in CANDIDATES[method]]


def _accuracy(predict: Callable[[list[str]], Tensor], reviews: Reviews) -> float:
    return (predict(reviews.texts) == reviews.labels).double().mean().item()


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
