"""Measure six ways to classify film snippets, several seeds each (a maintainer's script).

    python -m course_lib.commands.fine_tuning

Settings are chosen on the validation split, with a seed of their own; then each method is trained once a seed
(which draws the training snippets, what starts at random, and their order) and meets the test split once.
Every trial and every run is written to pretrained/files/fine_tuning.json as soon as it is done: a script that
was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.commands.fine_tuning_methods import CANDIDATES, METHODS, SETTINGS_OF, Settings, Task, fit
from course_lib.commands.one_line_parser import OneLineParser
from course_lib.commands.provenance import machine
from course_lib.data.reviews import EMBEDDED_SHA256, Reviews, load_reviews
from course_lib.files import write_in_one_step
from course_lib.pretrained.minilm import SHA256, load_minilm
from course_lib.pretrained.shipped import FILES

FINE_TUNING_FILE = FILES / "fine_tuning.json"
TRAINING_EXAMPLES, CHOICE_EXAMPLES, CHOICE_SEED = 3000, 1000, 100
MINILM = Task(load_reviews, load_minilm, max_length=64)
_PACKAGES = ("torch", "peft", "scikit-learn", "tokenizers")


class Row(NamedTuple):
    """A method's line in the table, over its seeds.

    ``lowest``, ``mean``, ``highest``: accuracy on the test split, from 0 to 1. ``trainable_parameters``:
    numbers trained (for ``"tfidf"`` the median, as its vocabulary hangs on the snippets drawn). ``seconds``:
    median processor time of training. ``optimizer_bytes``: kept between updates, ``None`` where it is not
    one of torch's optimisers.
    """

    method: str
    seeds: int
    lowest: float
    mean: float
    highest: float
    trainable_parameters: int
    seconds: float
    optimizer_bytes: int | None


def table(path: Path = FINE_TUNING_FILE) -> list[Row]:
    """Read what was measured, a row a method, the least accurate first.

    Args:
        path: what the command wrote.

    Returns:
        The rows.

    Raises:
        FileNotFoundError: if nothing was measured yet.
        ValueError: if the file is not one of this command's.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    runs = _read(path)["runs"]
    rows = []
    for method in METHODS:
        found = [run for run in runs if run["method"] == method]
        if found:
            accuracies = [run["accuracy"] for run in found]
            rows.append(
                Row(
                    method,
                    len(found),
                    min(accuracies),
                    statistics.mean(accuracies),
                    max(accuracies),
                    round(statistics.median(run["trainable_parameters"] for run in found)),
                    statistics.median(run["seconds"] for run in found),
                    found[0]["optimizer_bytes"],
                )
            )
    return sorted(rows, key=lambda row: row.mean)


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

    Taught in: "Fine-tuning a pretrained encoder".
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
        and ``wall_seconds`` (of training), and ``settings``.

    Raises:
        ValueError: if there are fewer training snippets than ``examples``.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    fitted = fit(method, settings, draw(task.load("train"), examples, seed), task, seed=seed)
    return {
        "method": method,
        "seed": seed,
        "accuracy": _accuracy(fitted.predict, task.load("test")),
        "trainable_parameters": fitted.trainable_parameters,
        "optimizer_bytes": fitted.optimizer_bytes,
        "seconds": round(fitted.seconds, 2),
        "wall_seconds": round(fitted.wall_seconds, 2),
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

    Taught in: "Fine-tuning a pretrained encoder".
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
        ValueError: if a number is out of range, or ``path`` was measured with other data, numbers of
            snippets, candidates or versions, or on another machine.

    Taught in: "Fine-tuning a pretrained encoder".
    """
    if not 1 <= seeds <= CHOICE_SEED:
        raise ValueError(f"seeds must be from 1 to {CHOICE_SEED}, got {seeds}")
    available = len(task.load("train").texts)
    for name, value in {"training-examples": examples, "choice-examples": choice_examples}.items():
        if not 1 <= value <= available:
            raise ValueError(f"{name} must be from 1 to {available}, got {value}")
    found = _begin(path, examples, choice_examples, task.max_length)
    for method in methods:
        settings = _chosen(found, path, SETTINGS_OF.get(method, method), task)
        done = {run["seed"] for run in found["runs"] if run["method"] == method}
        for seed in sorted(set(range(seeds)) - done):
            run = measure(method, settings, task, examples=examples, seed=seed)
            found["runs"].append(run)
            _write(path, found)
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
        if not any(t["method"] == method and t["settings"] == settings for t in trials):
            trial = choose(method, settings, task, examples=found["choice"]["training_examples"])
            trials.append(trial)
            _write(path, found)
            print(f"{method:>6}, {settings}: {trial['validation_accuracy']:.4f} on validation", flush=True)
    mine = [trial for trial in trials if trial["method"] == method]
    return max(mine, key=lambda trial: trial["validation_accuracy"])["settings"]


def _begin(path: Path, examples: int, choice_examples: int, max_length: int) -> dict[str, Any]:
    """Make the record, or read the one that is there if it was measured in the same way."""
    head = {
        "command": "python -m course_lib.commands.fine_tuning",
        "machine": machine(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "data_sha256": EMBEDDED_SHA256,
        "weights_sha256": SHA256["model.safetensors"],
        "training_examples": examples,
        "max_length": max_length,
    }
    choice = {"split": "validation", "seed": CHOICE_SEED, "training_examples": choice_examples}
    if not path.exists():
        date = datetime.date.today().isoformat()
        return {**head, "date": date, "choice": {**choice, "trials": []}, "runs": []}
    found = _read(path)
    for name, value in {**head, "choice": choice}.items():
        saved = found.get(name)
        if name == "choice":
            saved = {key: part for key, part in saved.items() if key != "trials"}
        if saved != value:
            raise ValueError(
                f"output {path} was measured with {name} = {saved}, got {value}: name another --output"
            )
    return found


def _accuracy(predict: Callable[[list[str]], Tensor], reviews: Reviews) -> float:
    return (predict(reviews.texts) == reviews.labels).double().mean().item()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must be JSON: {error}") from error
    if not isinstance(found, dict) or not {"runs", "choice"} <= found.keys():
        raise ValueError(f"{path} must hold runs and choice, as this command writes them")
    return found


def _write(path: Path, found: dict[str, Any]) -> None:
    write_in_one_step(path, (json.dumps(found, indent=1) + "\n").encode())


def _version(package: str) -> str | None:
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
