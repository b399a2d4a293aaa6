"""Measure what a language model forgets while it learns something new (a maintainer's script).

    python -m studies.forgetting

The shipped English model goes on with film snippets: plainly or through adapters, at two learning rates each;
or with a quarter of every batch from Moby-Dick, which it came from. Writes measurements/forgetting.json,
losses on held-out text of both kinds, and low_rank_change.safetensors, what plain training at the lower rate
did to one weight matrix.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save

from course_lib.command_line import OneLineParser
from course_lib.data.reviews import EMBEDDED_SHA256
from course_lib.files import print_in_any_encoding, write_in_one_step
from course_lib.models.lora import count_parameters
from course_lib.pretrained.gpts import SHIPPED, load
from course_lib.pretraining.pretrain import CORPORA
from course_lib.records import MEASUREMENTS, machine
from studies.continued_pretraining import (
    ALPHA,
    BATCH_SIZE,
    HELD_OUT_TOKENS,
    TARGETS,
    Plan,
    go_on,
    load_texts,
)

FORGETTING_FILE = MEASUREMENTS / "forgetting.json"
CHANGE_NAME = "low_rank_change.safetensors"
CHANGED_WEIGHT = "blocks.2.attention.output_proj.weight"
CHANGED_BY = Plan("plain", 3e-4)
PLANS = (
    CHANGED_BY,
    Plan("plain", 3e-3),
    Plan("lora", 3e-3, rank=8),
    Plan("lora", 1e-2, rank=8),
    Plan("rehearsal", 3e-3, rehearsed=BATCH_SIZE // 4),
)


def measure(path: Path, *, steps: int, evaluate_every: int, seeds: int) -> None:
    """Go on by every plan and seed; write the losses, and beside them one weight's change.

    Args:
        path: the JSON; ``low_rank_change.safetensors`` goes into the same folder.
        steps: updates a run, at least 1.
        evaluate_every: updates between measurements, at least 1.
        seeds: runs a plan, at least 1.

    Raises:
        ValueError: if a number is below 1, or the folder is not there; nothing is run then.
        FloatingPointError: if a loss diverges; nothing is written then.
    """
    for name, value in {"steps": steps, "evaluate-every": evaluate_every, "seeds": seeds}.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if not path.parent.is_dir():
        raise ValueError(f"output must be in a folder that is there, {path.parent} is not")
    texts = load_texts(load("moby").tokenizer)
    head = {
        "command": f"python -m studies.forgetting --steps {steps} "
        f"--evaluate-every {evaluate_every} --seeds {seeds}",
        "date": datetime.date.today().isoformat(),
        "weights_sha256": SHIPPED["moby"][0],
        "data_sha256": {"moby": CORPORA["moby"], "reviews": EMBEDDED_SHA256},
    }
    runs, change = [], torch.empty(0)
    for plan in PLANS:
        for seed in range(seeds):
            model = load("moby").model
            before = model.get_parameter(CHANGED_WEIGHT).detach().clone()
            started = time.process_time()
            history = go_on(model, plan, texts, steps=steps, evaluate_every=evaluate_every, seed=seed)
            seconds = round(time.process_time() - started, 1)
            trainable = count_parameters(model).trainable
            runs.append({**plan._asdict(), "seed": seed, "trainable_parameters": trainable})
            runs[-1] |= {"seconds": seconds, "history": history}
            if plan == CHANGED_BY and seed == 0:
                change = model.get_parameter(CHANGED_WEIGHT).detach() - before
            last = history[-1]
            print(
                f"{plan.name:>9} at {plan.learning_rate:g}, seed {seed}: Moby-Dick "
                f"{history[0]['moby_loss']:.3f} → {last['moby_loss']:.3f}, snippets "
                f"{history[0]['reviews_loss']:.3f} → {last['reviews_loss']:.3f} nats per token",
                flush=True,
            )
    settings = {
        "steps": steps,
        "batch_size": BATCH_SIZE,
        "alpha": ALPHA,
        "targets": list(TARGETS),
        "held_out_tokens": HELD_OUT_TOKENS,
    }
    content = {**head, "machine": machine(), **settings, "runs": runs}
    of_change = {
        "weight": CHANGED_WEIGHT,
        "learning_rate": CHANGED_BY.learning_rate,
        "steps": steps,
        "seed": 0,
    }
    metadata = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in (head | of_change).items()
    }
    write_in_one_step(path.with_name(CHANGE_NAME), save({"change": change.half()}, metadata=metadata))
    write_in_one_step(path, (json.dumps(content, indent=1) + "\n").encode())


def main(words: list[str] | None = None) -> int:
    """Run the command.

    Args:
        words: its arguments; ``None`` means the command line's.

    Returns:
        Exit status: 0; 1 where training diverged, 2 where an argument is bad.
    """
    parser = OneLineParser(
        prog="forgetting", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=96, help="updates a run")
    parser.add_argument("--evaluate-every", type=int, default=16, help="updates between two measurements")
    parser.add_argument("--seeds", type=int, default=2, help="runs a plan")
    parser.add_argument("--output", type=Path, default=FORGETTING_FILE)
    arguments = parser.parse_args(words)
    try:
        measure(
            arguments.output,
            steps=arguments.steps,
            evaluate_every=arguments.evaluate_every,
            seeds=arguments.seeds,
        )
    except (ValueError, OSError) as error:
        print(f"forgetting: {error}", file=sys.stderr)
        return 2
    except FloatingPointError as error:
        print(f"forgetting: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
