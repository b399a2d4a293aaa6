"""Run the benchmarks, all or by name, print what they found and keep it: ``python -m benchmarks``."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import course, marking, pages, record
from benchmarks.attention import written_out_against_sdpa
from benchmarks.compilation import compiled_against_eager
from benchmarks.digit_training import batches_against_dataloader, loop_against_others
from benchmarks.digits_to_target import target_against_tutorial
from benchmarks.gpt import cache_against_none, training_against_nano
from benchmarks.lora import lora_against_peft
from benchmarks.pairs import Comparison
from benchmarks.shipping import each_alone
from course_lib.data.digits import load_digits
from course_lib.files import print_in_any_encoding
from course_lib.records import RESULTS, comparison_table


class Group(NamedTuple):
    """What one record holds.

    Attributes:
        measure: gives the record's content, comparisons by pairs or otherwise.
        code: what it measures: if any of these changes, the record is stale.
    """

    measure: Callable[[int], dict[str, Any]]
    code: tuple[str, ...]


def compared(*measures: Callable[..., list[Comparison]]) -> Callable[[int], dict[str, Any]]:
    """A group's measure out of functions that compare two ways in ``pairs``."""

    def measure(pairs: int) -> dict[str, Any]:
        return {"comparisons": [each.row() for one in measures for each in one(pairs=pairs)]}

    return measure


def of_digits(measure: Callable[..., list[Comparison]], *splits: str) -> Callable[..., list[Comparison]]:
    """The same function with the embedded digits given."""
    return lambda pairs: measure(*(load_digits(split) for split in splits), pairs=pairs)


GROUPS = {
    "digit_training": Group(
        compared(
            of_digits(batches_against_dataloader, "train"),
            of_digits(loop_against_others, "train"),
            of_digits(target_against_tutorial, "train", "test"),
        ),
        (
            "course_lib/data/batches.py",
            "course_lib/models/image_classifiers.py",
            "course_lib/training/loop.py",
        ),
    ),
    "gpt": Group(
        compared(training_against_nano, cache_against_none),
        (
            "course_lib/models/gpt.py",
            "course_lib/models/fast_linear.py",
            "course_lib/pretraining/training.py",
            "course_lib/text/generation.py",
        ),
    ),
    "attention": Group(compared(written_out_against_sdpa), ("course_lib/models/attention.py",)),
    "lora": Group(compared(lora_against_peft), ("course_lib/models/lora.py", "course_lib/models/gpt.py")),
    "compile": Group(
        compared(compiled_against_eager), ("benchmarks/compilation.py", "course_lib/models/gpt.py")
    ),
    "shipping": Group(compared(each_alone), ("benchmarks/shipping_ways.py", "course_lib/deploy")),
    "marking": Group(lambda _pairs: marking.measure(), ("course_classroom", "course_exercises")),
    "pages": Group(
        lambda _pairs: pages.measure(),
        ("course_explorables", "book/page_torch", "book/page_runner.py", "book/assets/answers"),
    ),
    "course": Group(lambda _pairs: course.measure(), ("notebooks", "book/_ext")),
}


def summary(content: dict[str, Any]) -> str:
    """Comparisons as a table, anything else as JSON."""
    if "comparisons" in content:
        return comparison_table(content["comparisons"])
    return json.dumps(content, indent=1)


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
    if arguments.pairs < 1:
        parser.error(f"--pairs must be at least 1, got {arguments.pairs}")
    for name in arguments.groups or GROUPS:
        group = GROUPS[name]
        found = group.measure(arguments.pairs)
        print(f"{name}\n{summary(found)}")
        pairs = f" --pairs {arguments.pairs}" if "comparisons" in found else ""
        command = f"python -m benchmarks {name}{pairs}"
        record.write(arguments.output / f"{name}.json", command, group.code, found)


if __name__ == "__main__":
    print_in_any_encoding()
    main()
