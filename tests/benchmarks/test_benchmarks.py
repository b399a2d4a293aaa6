"""The benchmarks measure what they say they do; no time is asserted."""

import json
import sys

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks.digit_training import (
    ClassicDigits,
    bare_loop,
    batches_against_dataloader,
    library_loop,
    loop_against_bare,
)
from benchmarks.pairs import Comparison, compare
from course_lib.data.batches import Batches
from course_lib.data.digits import Digits, load_digits
from course_lib.models.image_classifiers import SoftmaxRegression


def few(count: int = 70) -> Digits:
    images, labels = load_digits("test")
    return Digits(images[:count], labels[:count])


def test_pairs_are_interleaved_and_the_ratio_is_their_median() -> None:
    now, calls = [0.0], []
    lengths = {"A": iter([9.0, 4.0, 6.0, 10.0]), "B": iter([9.0, 2.0, 2.0, 1.0])}  # the first is the warm-up

    def call(side: str) -> None:
        calls.append(side)
        now[0] += next(lengths[side])

    found = compare(
        "demo", ("a", lambda: call("A")), ("b", lambda: call("B")), pairs=3, best_of=1, clock=lambda: now[0]
    )
    assert "".join(calls) == "AB" + "AB" + "BA" + "AB"
    assert found.baseline_seconds == (4.0, 6.0, 10.0)
    assert found.candidate_seconds == (2.0, 2.0, 1.0)
    assert found.ratio == 3.0  # of 2, 3 and 10
    assert found.row()["baseline_median"] == 6.0
    assert found.row()["ratio"] == 3.0


def test_a_pairs_time_is_the_least_of_its_calls() -> None:
    now = [0.0]
    lengths = {"A": iter([9.0, 4.0, 3.0, 8.0, 6.0]), "B": iter([9.0, 1.0, 2.0, 5.0, 7.0])}

    def call(side: str) -> None:
        now[0] += next(lengths[side])

    found = compare(
        "demo", ("a", lambda: call("A")), ("b", lambda: call("B")), pairs=2, best_of=2, clock=lambda: now[0]
    )
    assert found.baseline_seconds == (3.0, 6.0)
    assert found.candidate_seconds == (1.0, 5.0)


def test_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="best_of must be at least 1, got 0"):
        compare("demo", ("a", list), ("b", list), best_of=0)
    with pytest.raises(ValueError, match="pairs must be at least 1, got 0"):
        compare("demo", ("a", list), ("b", list), pairs=0)


def test_the_classic_data_set_holds_the_same_digits() -> None:
    digits = few()
    classic = ClassicDigits(digits)
    assert len(classic) == 70
    for index in (0, 33, 69):
        image, label = classic[index]
        torch.testing.assert_close(image, digits.images[index], rtol=0, atol=0)
        assert label == digits.labels[index]


def test_both_loops_do_the_same_work() -> None:
    outcomes = []
    for loop in (bare_loop, library_loop):
        torch.manual_seed(0)
        model = SoftmaxRegression()
        losses = loop(model, Batches(*few(), batch_size=16), 3)
        outcomes.append((losses, model.linear.weight.detach()))
    assert outcomes[0][0] == pytest.approx(outcomes[1][0], rel=1e-9)
    assert torch.equal(outcomes[0][1], outcomes[1][1])
    assert len(outcomes[0][0]) == 3


def test_all_comparisons_run_and_name_both_sides() -> None:
    found = batches_against_dataloader(few(), pairs=1) + loop_against_bare(few(), epochs=1, pairs=1)
    assert [(row.baseline, row.candidate) for row in found] == [
        ("DataLoader, ToTensor", "data.batches"),
        ("DataLoader, TensorDataset", "data.batches"),
        ("bare loop", "training.loop.fit"),
        ("bare loop", "training.loop.fit"),
    ]
    assert all(len(row.baseline_seconds) == len(row.candidate_seconds) == 1 for row in found)


def test_every_way_makes_as_many_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    original = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD, "step", lambda self, *args: (steps.append(1), original(self, *args))[1]
    )
    batches_against_dataloader(few(), pairs=1)
    # 70 digits are 2 batches; 2 comparisons, each a warm-up and 3 timed calls of both sides
    assert len(steps) == 2 * 2 * 4 * 2


def test_the_command_prints_a_table_and_writes_what_it_measured(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = [Comparison("demo", "slow way", "fast way", (0.4, 0.6), (0.1, 0.1))]
    monkeypatch.setattr(command, "batches_against_dataloader", lambda _digits, pairs: measured * pairs)
    monkeypatch.setattr(command, "loop_against_bare", lambda _digits, pairs: measured[:0] * pairs)
    output = tmp_path / "new" / "results"
    monkeypatch.setattr(
        sys, "argv", ["benchmarks", "digit_training", "--pairs", "1", "--output", str(output)]
    )
    command.main()
    assert [path.name for path in output.iterdir()] == ["digit_training.json"]
    written = json.loads((output / "digit_training.json").read_text())
    assert written["command"] == "python -m benchmarks digit_training --pairs 1"
    assert written["comparisons"][0]["ratio"] == pytest.approx(5.0)
    assert written["machine"]["torch"] == torch.__version__.split("+")[0]
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split()[-1] == "5.000"
    assert "500.0" in line
