"""The shipping benchmark measures what it says and refuses a way that errs; its table shows all of it."""

from __future__ import annotations

import pytest
import torch

from benchmarks import shipping as benchmark
from benchmarks import shipping_ways
from benchmarks.shipping import BATCHES, judge, shipping
from benchmarks.shipping_ways import WAYS, Shipped, as_it_is
from course_lib.pretrained.digit_network import digit_network
from course_lib.records import load_record, shipping_table
from course_lib.training.memory import storage_bytes

QUICK = ("torch.export", "ONNX Runtime", "int8, by hand", "int8, ONNX Runtime", "half the weights 0")


@pytest.fixture(scope="module")
def measured():
    return shipping(pairs=1, ways={name: WAYS[name] for name in QUICK}, test_digits=200)


def test_every_way_is_timed_at_both_batches_against_eager(measured):
    assert [(found.candidate, found.facts["batch"]) for found in measured] == [
        (name, batch) for name in QUICK for batch in BATCHES
    ]
    assert {found.baseline for found in measured} == {"eager"}


def test_ways_of_the_same_arithmetic_are_right_alike_and_others_differ(measured):
    facts = {found.candidate: found.facts for found in measured}
    for name in ("torch.export", "ONNX Runtime"):
        assert facts[name]["difference"] <= 1e-5
        assert facts[name]["accuracy"] == facts[name]["baseline_accuracy"]
    for name in ("int8, by hand", "int8, ONNX Runtime", "half the weights 0"):
        assert 1e-4 < facts[name]["difference"] < 0.6
        assert facts[name]["accuracy"] > facts[name]["baseline_accuracy"] - 0.03


def test_bytes_are_those_of_the_files(measured):
    facts = {found.candidate: found.facts for found in measured}
    weights = storage_bytes(digit_network().state_dict().values())
    assert weights < facts["half the weights 0"]["bytes"] == facts["torch.export"]["baseline_bytes"]
    assert facts["int8, by hand"]["bytes"] < 0.35 * weights
    assert weights < facts["ONNX Runtime"]["bytes"]
    assert facts["int8, ONNX Runtime"]["bytes"] < 0.5 * facts["ONNX Runtime"]["bytes"]


def test_a_way_that_should_repeat_the_net_and_does_not_is_refused():
    def wrong() -> Shipped:
        model = digit_network()
        return as_it_is()._replace(run=lambda images: model(images) + 0.01)

    with pytest.raises(RuntimeError, match="wrong way and eager differ by"):
        shipping(pairs=1, ways={"wrong way": wrong}, test_digits=64)


def test_every_way_is_run_as_often_as_the_record_says():
    seen = []

    def counted() -> Shipped:
        eager = as_it_is()
        return eager._replace(run=lambda images: (seen.append(len(images)), eager.run(images))[1])

    shipping(pairs=2, ways={"counted": counted}, test_digits=64)
    # one untimed turn and the best of three for each of two pairs
    assert seen.count(1) == 1 + (1 + 2 * 3) * BATCHES[1]  # the first answer, waited for
    assert seen.count(64) == (1 + 2 * 3) * BATCHES[64] + 1  # and the digits it is judged on


def test_every_way_gets_a_process_of_its_own(monkeypatch):
    """The name travels there, the measurement comes back; ways of the parent's own do not."""
    monkeypatch.setattr(benchmark, "WAYS", {"half the weights 0": None})
    found = benchmark.each_alone(pairs=1)
    assert [(each.candidate, each.facts["batch"]) for each in found] == [
        ("half the weights 0", batch) for batch in BATCHES
    ]
    assert found[0].facts["bytes"] == as_it_is().bytes


def test_judgement_by_hand():
    logits, labels = torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([1, 1])
    assert judge(logits, logits + 0.5, labels) == (0.5, pytest.approx(0.5 / 3.5))


def test_half_the_channels_are_trained_once_more(monkeypatch):
    epochs = []
    monkeypatch.setattr(shipping_ways, "fit", lambda *_args, **settings: epochs.append(settings["epochs"]))
    narrow = shipping_ways.half_the_channels()
    assert epochs == [1]
    assert narrow.bytes < 0.4 * as_it_is().bytes
    assert not narrow.run.training


def test_the_committed_record_holds_every_way_and_its_table_shows_it():
    record = load_record("shipping")
    assert [row["candidate"] for row in record["comparisons"][:: len(BATCHES)]] == list(WAYS)
    lines = shipping_table(record).splitlines()
    assert len(lines) == 3 + len(WAYS)
    assert max(map(len, lines)) <= 76  # what a page shows without a break
    for name, line in zip(WAYS, lines[2:-1], strict=True):
        row = next(row for row in record["comparisons"] if row["candidate"] == name)
        assert line.startswith(name)
        assert f"{row['facts']['bytes']:,}" in line
        assert f"{row['ratio']:.2f}" in line
        assert row["facts"]["by"] in lines[-1]
        assert f" {row['facts']['first_answer_seconds']:.1f}" in line
        assert row["facts"]["accuracy"] > 0.95


def test_the_record_bears_out_what_the_chapter_says_of_it():
    ratios, facts = {}, {}
    for row in load_record("shipping")["comparisons"]:
        ratios[row["candidate"], row["facts"]["batch"]] = row["ratio"]
        facts[row["candidate"]] = row["facts"]
    names = list(WAYS)
    assert max(names, key=lambda name: ratios[name, 1]) == "ONNX Runtime"
    assert max(names, key=lambda name: ratios[name, 64]) == "ONNX Runtime"
    for batch in BATCHES:
        assert min(names, key=lambda name, batch=batch: ratios[name, batch]) == "int8, by hand"
        assert ratios["int8, ONNX Runtime", batch] < ratios["ONNX Runtime", batch]
    ahead = {batch: ratios["ONNX Runtime", batch] / ratios["AOTInductor", batch] for batch in BATCHES}
    assert ahead[1] > 2 * ahead[64] > 2
    slower = {batch: ratios["torch.compile", batch] / ratios["int8, torchao", batch] for batch in BATCHES}
    assert 1.7 < slower[1] < 2.3
    assert 0.6 < slower[64] < 0.75
    assert 0.8 < ratios["half the weights 0", 1] < 1.25
    assert 0.8 < ratios["half the weights 0", 64] < 1.25
    assert ratios["half the channels", 64] > 1.5
    for name in ("torch.compile", "AOTInductor"):
        assert 1 < ratios[name, 1] < ratios[name, 64]
    waits = {name: each["first_answer_seconds"] for name, each in facts.items()}
    assert waits["half the weights 0"] < 1 < min(waits["torch.compile"], waits["AOTInductor"])
    assert facts["AOTInductor"]["bytes"] == max(each["bytes"] for each in facts.values())
    for name in ("int8, by hand", "int8, torchao", "int8, ONNX Runtime"):
        assert facts[name]["bytes"] < 0.5 * facts[name]["baseline_bytes"]
        assert abs(facts[name]["accuracy"] - facts[name]["baseline_accuracy"]) < 0.002


def test_another_benchmarks_record_is_refused():
    with pytest.raises(
        ValueError, match="must be of the benchmark shipping, got 'python -m benchmarks compile"
    ):
        shipping_table(load_record("compile"))
