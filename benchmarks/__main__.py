"""Run the benchmarks, all or by name, print a table and keep the numbers: ``python -m benchmarks``."""

import argparse
import datetime
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.compilation import compiled_against_eager
from benchmarks.digit_training import batches_against_dataloader, loop_against_bare
from benchmarks.gpt import cache_against_none, training_against_nano
from benchmarks.pairs import Comparison
from benchmarks.shipping import each_alone
from course_lib.data.digits import load_digits
from course_lib.files import print_in_any_encoding
from course_lib.records import RESULTS, machine


def table(comparisons: list[Comparison]) -> str:
    """Lay the comparisons out as text, times in milliseconds."""
    lines = [f"{'what':<32}{'baseline':<28}{'ms':>9}   {'candidate':<20}{'ms':>9}   {'ratio':>6}"]
    for comparison in comparisons:
        row = comparison.row()
        lines.append(
            f"{comparison.name:<32}{comparison.baseline:<28}{1000 * row['baseline_median']:>9.1f}   "
            f"{comparison.candidate:<20}{1000 * row['candidate_median']:>9.1f}   {comparison.ratio:>6.3f}"
        )
    return "\n".join(lines)


def digit_training(pairs: int) -> list[Comparison]:
    """Batches and loop of the digit classifiers."""
    digits = load_digits("train")
    return batches_against_dataloader(digits, pairs=pairs) + loop_against_bare(digits, pairs=pairs)


def gpt(pairs: int) -> list[Comparison]:
    """Training and writing of the GPT."""
    return training_against_nano(pairs=pairs) + cache_against_none(pairs=pairs)


def compilation(pairs: int) -> list[Comparison]:
    """The GPT's training step, eager and compiled; takes minutes."""
    return compiled_against_eager(pairs=pairs)


def shipping(pairs: int) -> list[Comparison]:
    """Ways to ship the digit net; needs ONNX Runtime and torchao."""
    return each_alone(pairs)


GROUPS: dict[str, Callable[[int], list[Comparison]]] = {
    "digit_training": digit_training,
    "gpt": gpt,
    "compile": compilation,
    "shipping": shipping,
}


def main() -> None:
    """Measure, print, and write ``measurements/benchmarks/<group>.json`` for each group."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"{', '.join(GROUPS)} (default: all)")
    parser.add_argument("--pairs", type=int, default=5, help="timed pairs of each comparison (default 5)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for the results")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.groups if name not in GROUPS]
    if unknown:
        parser.error(f"group must be one of {', '.join(GROUPS)}, got {unknown[0]!r}")
    for name in arguments.groups or GROUPS:
        comparisons = GROUPS[name](arguments.pairs)
        print(table(comparisons))
        content = {
            "command": f"python -m benchmarks {name} --pairs {arguments.pairs}",
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "comparisons": [comparison.row() for comparison in comparisons],
        }
        arguments.output.mkdir(parents=True, exist_ok=True)
        path = arguments.output / f"{name}.json"
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"written to {path}")


if __name__ == "__main__":
    print_in_any_encoding()
    main()
