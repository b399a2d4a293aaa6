"""Temperature against preferences and rewards: the distance, and the record as the chapter reads it."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F

from course_lib.assistant.record import TEMPERATURE_FILE, Band, temperature_table
from course_lib.assistant.task import answer, encode_bytes
from course_lib.data.instructions import draw_instructions
from course_lib.models.gpt import GPT
from studies.assistant_temperature import SEEDS, TEMPERATURES, at_temperature


def small(seed: int) -> GPT:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT(256, context=64, d_model=8, heads=1, layers=1).eval()


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


EXAM = draw_instructions(6, split="test", generator=torch.Generator().manual_seed(1))


def test_a_model_is_at_no_distance_from_itself_and_a_lower_temperature_is_at_some():
    model = small(0)
    assert at_temperature(model, model, EXAM, 1.0, drawn(0))["kl"] == 0
    assert at_temperature(model, model, EXAM, 0.3, drawn(0))["kl"] != 0


def test_the_distance_is_the_sum_of_the_answers_log_ratios():
    model, reference, temperature = small(0), small(1), 0.5
    found = at_temperature(model, reference, EXAM, temperature, drawn(0))["kl"]
    prompts = [instruction.prompt for instruction in EXAM]
    texts = answer(model, prompts, temperature=temperature, generator=drawn(0))
    total = 0.0
    for prompt, text in zip(prompts, texts, strict=True):
        ids = torch.tensor(encode_bytes(prompt + text))
        for at in range(len(prompt), len(ids)):
            p = F.log_softmax(model(ids[None, :at])[0, -1] / temperature, dim=-1)[ids[at]]
            q = F.log_softmax(reference(ids[None, :at])[0, -1], dim=-1)[ids[at]]
            total += float(p - q)
    assert found == pytest.approx(total / len(EXAM), rel=1e-4)


def test_the_record_holds_every_seed_and_the_table_its_bands():
    runs = json.loads(TEMPERATURE_FILE.read_text("utf-8"))["runs"]
    assert {(run["stage"], run["seed"], run["temperature"]) for run in runs} == {
        (stage, seed, temperature)
        for stage in ("sft", "dpo", "grpo")
        for seed in range(SEEDS)
        for temperature in TEMPERATURES
    }
    (row,) = [row for row in temperature_table() if (row.stage, row.temperature) == ("sft", 0.3)]
    right = [run["right"] for run in runs if (run["stage"], run["temperature"]) == ("sft", 0.3)]
    assert row.right == Band(min(right), sum(right) / len(right), max(right))
