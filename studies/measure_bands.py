"""Measure the bands of ``course_lib.bands``: every recipe, every seed (a maintainer's script, about
twenty minutes).

    python -m studies.measure_bands                       # all of them
    python -m studies.measure_bands mnist.mlp.accuracy    # this one; the others stay as they are

A band must be able to fail: each recipe is also trained at a tenth of its learning rate, and the script
writes nothing unless every one of those numbers falls outside.
"""

import argparse
import datetime
import json
import platform
from pathlib import Path
from typing import Any

import torch

from course_lib.bands import BANDS_FILE, widened
from course_lib.files import print_in_any_encoding, write_in_one_step
from studies.recipes import RECIPES as IMAGE_RECIPES
from studies.recipes import Recipe
from studies.recipes_assistant import RECIPES as ASSISTANT_RECIPES
from studies.recipes_fine_tuning import RECIPES as FINE_TUNING_RECIPES
from studies.recipes_sequences import RECIPES as SEQUENCE_RECIPES

RECIPES = IMAGE_RECIPES | SEQUENCE_RECIPES | FINE_TUNING_RECIPES | ASSISTANT_RECIPES
SLOW_SEEDS = (0, 1)


def measure(
    recipe: Recipe, seeds: tuple[int, ...], slow_seeds: tuple[int, ...] = SLOW_SEEDS
) -> dict[str, Any]:
    """Measure one recipe's band, and see that a tenth of the learning rate falls outside.

    Args:
        recipe: how to train and measure.
        seeds: at least ten, all different.
        slow_seeds: those to train at a tenth of the learning rate, at least one.

    Returns:
        The band's entry for the JSON file: low, high, values by seed, values at a tenth of the rate, causes.

    Raises:
        ValueError: if there are fewer than ten different seeds, no slow seed, or a number at a tenth of
            the rate lies inside.
    """
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds must all be different, got {seeds}")
    if not slow_seeds:
        raise ValueError("slow_seeds must hold at least one seed, got none")
    examples, sha256 = recipe.data()
    rate = recipe.learning_rate
    values = [recipe.measure(recipe.train(examples, seed, rate)) for seed in seeds]
    low, high = widened(values)
    slow = [recipe.measure(recipe.train(examples, seed, rate / 10)) for seed in slow_seeds]
    for value in slow:
        if low <= value <= high:
            raise ValueError(
                f"band {low:.4f} … {high:.4f} lets a tenth of the learning rate pass: {value:.4f}"
            )
    return {
        "low": round(low, 6),
        "high": round(high, 6),
        "seeds": list(seeds),
        "values": [round(value, 6) for value in values],
        "learning_rate": rate,
        "values_at_a_tenth": [round(value, 6) for value in slow],
        "causes_below": list(recipe.below),
        "causes_above": list(recipe.above),
        "measured": {
            "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            "torch": torch.__version__.split("+")[0],
            "threads": torch.get_num_threads(),
            "data_sha256": sha256,
        },
    }


def main() -> None:
    """Measure the bands named on the command line, or all, and rewrite the JSON file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RECIPES)}")
    parser.add_argument("--output", type=Path, default=BANDS_FILE)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - RECIPES.keys()
    if unknown:
        parser.error(f"no recipe named {', '.join(sorted(unknown))}; there are {', '.join(RECIPES)}")
    path: Path = arguments.output
    bands = json.loads(path.read_text(encoding="utf-8"))["bands"] if path.exists() else {}
    for name in arguments.names or RECIPES:
        bands[name] = measure(RECIPES[name], tuple(range(RECIPES[name].seeds)))
        entry = bands[name]
        print(f"{name}: {entry['low']:.4f} … {entry['high']:.4f}, at a tenth {entry['values_at_a_tenth']}")
        content = {"command": "python -m studies.measure_bands", "bands": bands}
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        write_in_one_step(path, text.encode("utf-8"))


if __name__ == "__main__":
    print_in_any_encoding()
    main()
