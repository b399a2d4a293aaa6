"""Measure whether preferences and rewards do more than a lower temperature (a maintainer's script).

    python -m studies.assistant_temperature

Each seed teaches the shipped English model by demonstrations, and from there by preferences and by rewards,
with the budget of ``studies.assistant``; each model answers the held-out instructions, hot and cold.
The record is measurements/assistant_temperature.json.
"""

from __future__ import annotations

import argparse
import datetime
import sys

import torch
from torch import Tensor

from course_lib.assistant.record import TEMPERATURE_FILE, temperature_table
from course_lib.assistant.sft import IGNORE_INDEX, layout, token_log_probabilities
from course_lib.assistant.stages import FULL
from course_lib.assistant.task import answer
from course_lib.data.instructions import Instruction, answer_occurs, draw_instructions, exact_match
from course_lib.files import print_in_any_encoding
from course_lib.models.gpt import GPT
from course_lib.records import machine
from studies.assistant import ASKED, ASKING_SEED
from studies.assistant_stages import run_stage
from studies.records import write

SEEDS, TEMPERATURES = 5, (1.0, 0.5, 0.3)


def at_temperature(
    model: GPT, reference: GPT, exam: list[Instruction], temperature: float, noise: torch.Generator
) -> dict[str, float]:
    """Draw one answer to each instruction and mark it.

    Args:
        model: that answers.
        reference: from which the distance is taken, at temperature 1.
        exam: the instructions.
        temperature: above 0, at which the answers are drawn.
        noise: draws them.

    Returns:
        ``right``, the share of exact answers; ``plain``, of those that hold the right one, the share that
        hold nothing else; ``kl``, an estimate of KL(model at this temperature ‖ reference), nats per answer.
    """
    prompts = [instruction.prompt for instruction in exam]
    given = answer(model, prompts, temperature=temperature, generator=noise)
    right = exact_match(given, exam)
    inputs, targets = layout(reference, prompts, given)
    with torch.no_grad():
        gap = token_log_probabilities(model(inputs) / temperature, targets)
        gap = gap - token_log_probabilities(reference(inputs), targets)
    kl: Tensor = (gap * (targets != IGNORE_INDEX)).sum(dim=1).mean()
    occurs = answer_occurs(given, exam)
    return {"right": right, "plain": right / occurs if occurs else 0.0, "kl": kl.item()}


def main() -> int:
    """Run the command; the record is replaced."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    exam = draw_instructions(ASKED, split="test", generator=torch.Generator().manual_seed(ASKING_SEED))
    runs = []
    for seed in range(SEEDS):
        sft = run_stage("sft", FULL, seed).model
        models = {"sft": sft} | {
            stage: run_stage(stage, FULL, seed, after=sft).model for stage in ("dpo", "grpo")
        }
        for stage, model in models.items():
            for temperature in TEMPERATURES:
                found = at_temperature(model, sft, exam, temperature, torch.Generator().manual_seed(seed))
                rounded = {name: round(value, 4) for name, value in found.items()}
                runs.append({"stage": stage, "seed": seed, "temperature": temperature, **rounded})
                print(runs[-1], flush=True)
    head = {"command": "python -m studies.assistant_temperature", "machine": machine(), "asked": ASKED}
    write(TEMPERATURE_FILE, {**head, "date": datetime.date.today().isoformat(), "runs": runs})
    for row in temperature_table():
        print(*row)
    return 0


if __name__ == "__main__":
    print_in_any_encoding()
    sys.exit(main())
