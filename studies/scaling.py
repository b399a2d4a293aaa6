"""Measure how a GPT's loss falls with its size and its training tokens (a maintainer's script).

    python -m studies.scaling

Trains a model of every width for every budget of tokens on Moby-Dick, each with a learning-rate schedule of
its own that ends with the budget, and writes measurements/scaling.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import tempfile
from pathlib import Path

from course_lib.files import print_in_any_encoding, write_in_one_step
from course_lib.pretraining.pretrain import CORPORA, pretrain
from course_lib.pretraining.pretrain import parser as pretrain_parser
from course_lib.records import MEASUREMENTS, machine

SCALING_FILE = MEASUREMENTS / "scaling.json"
WIDTHS = (16, 32, 64, 128)
BUDGETS = (2**18, 2**20)  # tokens
LAYERS, HEADS, CONTEXT, BATCH_SIZE = 2, 2, 64, 16
LEARNING_RATE = 3e-3


def measure(width: int, tokens: int, seed: int) -> dict[str, float | int]:
    """Train one model and measure its least validation loss.

    Args:
        width: d_model, an even number, at least 2.
        tokens: training tokens, repeats counted; rounded down to whole updates of 1,024.
        seed: seeds weights and windows.

    Returns:
        ``d_model``, ``parameters`` (all), ``block_parameters`` (without embeddings and last norm),
        ``tokens``, ``validation_loss`` in nats per token, ``seconds``.

    Raises:
        ValueError: if ``tokens`` is too few for one update, or ``width`` does not fit two heads.
    """
    steps = tokens // (BATCH_SIZE * CONTEXT)
    if steps < 1:
        raise ValueError(f"tokens must be at least {BATCH_SIZE * CONTEXT}, one update, got {tokens}")
    with tempfile.TemporaryDirectory() as folder:
        words = {
            "--layers": LAYERS,
            "--heads": HEADS,
            "--d-model": width,
            "--context": CONTEXT,
            "--batch-size": BATCH_SIZE,
            "--steps": steps,
            "--learning-rate": LEARNING_RATE,
            "--warmup": steps // 20,
            "--dropout": 0,
            "--seed": seed,
            "--evaluate-every": max(1, steps // 4),
            "--checkpoint-every": steps,
            "--device": "cpu",
            "--out": Path(folder) / "run",
        }
        flat = [str(part) for pair in words.items() for part in pair]
        result = pretrain(pretrain_parser().parse_args([*flat, "--quiet"]))
    return {
        "d_model": width,
        "parameters": result["parameters"],
        "block_parameters": LAYERS * (12 * width**2 + 13 * width),
        "tokens": steps * BATCH_SIZE * CONTEXT,
        "validation_loss": result["validation_loss"],
        "seconds": result["seconds"],
    }


def write_scaling(path: Path, *, widths: tuple[int, ...], budgets: tuple[int, ...], seed: int) -> None:
    """Measure every width at every budget and write rows and provenance as JSON.

    Args:
        path: where to write; replaced in one step when all is measured.
        widths: values of d_model.
        budgets: training tokens.
        seed: seeds every run.
    """
    rows = []
    for tokens in budgets:
        for width in widths:
            rows.append(measure(width, tokens, seed))
            print(f"{tokens:>9,} tokens, width {width:>3}: {rows[-1]['validation_loss']:.4f} nats per token")
    content = {
        "command": f"python -m studies.scaling --seed {seed}",
        "seed": seed,
        "data_sha256": CORPORA["moby"],
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "layers": LAYERS,
        "heads": HEADS,
        "context": CONTEXT,
        "batch_size": BATCH_SIZE,
        "rows": rows,
    }
    write_in_one_step(path, (json.dumps(content, indent=1) + "\n").encode())


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=SCALING_FILE)
    arguments = parser.parse_args()
    write_scaling(arguments.output, widths=WIDTHS, budgets=BUDGETS, seed=arguments.seed)


if __name__ == "__main__":
    print_in_any_encoding()
    main()
