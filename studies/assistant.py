"""Measure the way from a language model to an assistant (a maintainer's script).

    python -m studies.assistant

Each seed teaches the shipped English model by demonstrations, and from there on by more of them, by
preferences and by rewards, good ones and careless ones; each model then meets the held-out instructions once.
Every run is written to measurements/assistant.json as soon as it is done: a script that was stopped goes
on where it was. Settings were chosen with ``--split validation --output`` another file.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import torch

from course_lib.assistant.record import ASSISTANT_FILE
from course_lib.assistant.stages import FULL, LIVE, Budget
from course_lib.assistant.task import measure
from course_lib.command_line import OneLineParser
from course_lib.data.instructions import Instruction, draw_instructions
from course_lib.files import print_in_any_encoding
from course_lib.models.gpt import GPT
from course_lib.runtime import get_device
from studies.assistant_record import begin, markdown, thinned
from studies.assistant_stages import AFTER_DEMONSTRATIONS, STAGES, run_stage
from studies.records import write

BUDGETS = {"live": LIVE, "full": FULL}
ASKED, ASKING_SEED = 800, 1  # instructions every model meets: the same for all


def measure_all(
    path: Path,
    *,
    budget: Budget,
    stages: tuple[str, ...],
    seeds: int,
    split: str,
    asked: int,
    device: torch.device | str = "cpu",
) -> None:
    """Measure what ``path`` does not hold yet, writing after each stage.

    Args:
        path: the JSON to go on with, or to begin.
        budget: of every stage.
        stages: which to measure, each one of ``STAGES``.
        seeds: 0 … seeds − 1.
        split: whose words are asked, ``"test"`` or ``"validation"``.
        asked: how many instructions, at least 1.
        device: where to compute.

    Raises:
        ValueError: if a number is below 1, the folder of ``path`` is not there, or ``path`` was measured
            otherwise.
        FloatingPointError: if a loss diverges.
    """
    for name, value in {"seeds": seeds, "asked": asked}.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if not path.parent.is_dir():
        raise ValueError(f"output must be in a folder that is there, {path.parent} is not")
    found = begin(path, budget, split, asked)
    exam = draw_instructions(asked, split=split, generator=torch.Generator().manual_seed(ASKING_SEED))
    for seed in range(seeds):
        done = {run["stage"] for run in found["runs"] if run["seed"] == seed}
        wanted = [stage for stage in STAGES if stage in stages and stage not in done]
        after: GPT | None = None
        if any(stage in AFTER_DEMONSTRATIONS for stage in wanted) and "sft" not in wanted:
            after = run_stage("sft", budget, seed, device=device).model
        for stage in wanted:
            run, model = _run(stage, budget, seed, exam, after, device)
            if stage == "sft":
                after = model
            found["runs"].append(run)
            write(path, found)
            print(
                f"{stage:>14}, seed {seed}: {run['exact_match']:.3f} right, drawn "
                f"{run['sampled_exact_match']:.3f}, occurs {run['sampled_answer_occurs']:.3f}, "
                f"{run['seconds']:.1f} s",
                flush=True,
            )


def main(words: list[str] | None = None) -> int:
    """Run the command.

    Args:
        words: its arguments; ``None`` means the command line's.

    Returns:
        Exit status: 0; 1 where training diverged, 2 where an argument is bad, 130 where it was stopped.
    """
    parser = OneLineParser(
        prog="assistant", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--budget", choices=BUDGETS, default="full")
    parser.add_argument("--seeds", type=int, default=3, help="runs a stage")
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--asked", type=int, default=ASKED, help="instructions each model meets")
    parser.add_argument("--device", default="cpu", help="where to compute, cuda for one")
    parser.add_argument("--output", type=Path, default=ASSISTANT_FILE)
    arguments = parser.parse_args(words)
    try:
        measure_all(
            arguments.output,
            budget=BUDGETS[arguments.budget],
            stages=tuple(arguments.stages),
            seeds=arguments.seeds,
            split=arguments.split,
            asked=arguments.asked,
            device=get_device(arguments.device),
        )
    except (ValueError, OSError) as error:
        print(f"assistant: {error}", file=sys.stderr)
        return 2
    except FloatingPointError as error:
        print(f"assistant: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"assistant: stopped; {arguments.output} keeps what is done", file=sys.stderr)
        return 130
    print(markdown(arguments.output))
    return 0


def _run(
    stage: str,
    budget: Budget,
    seed: int,
    exam: list[Instruction],
    after: GPT | None,
    device: torch.device | str,
) -> tuple[dict[str, Any], GPT]:
    started = time.process_time()
    model, curve = run_stage(stage, budget, seed, after=after, device=device)
    seconds = round(time.process_time() - started, 1)
    draws = torch.Generator(model.token_embedding.weight.device).manual_seed(seed)
    found = measure(model, exam, drawn_with=draws)
    rounded = {name: value if name == "by_kind" else round(value, 6) for name, value in found.items()}
    rounded["by_kind"] = {kind: round(share, 6) for kind, share in found["by_kind"].items()}
    run = {"stage": stage, "seed": seed, "seconds": seconds, **rounded}
    return run | {"curve": thinned(curve)}, model


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
