"""The benchmarks measure what they say they do; no time is asserted."""

import json
import subprocess
import sys

import nbformat
import pytest
import torch

import benchmarks.attention
import benchmarks.lora
from benchmarks import __main__ as command
from benchmarks import course, digits_to_target
from benchmarks.attention import written_out_against_sdpa
from benchmarks.digit_training import (
    ClassicDigits,
    bare_loop,
    batches_against_dataloader,
    library_loop,
    lightning_loop,
    loop_against_others,
)
from benchmarks.digits_to_target import ClassicJittered, target_against_tutorial
from benchmarks.lora import lora_against_peft, of_peft, trainable
from benchmarks.pairs import Comparison, compare
from course_lib.data.batches import Batches
from course_lib.data.digits import Digits, load_digits
from course_lib.models.image_classifiers import SoftmaxRegression
from course_lib.records import changed_since


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


def test_all_loops_do_the_same_work() -> None:
    outcomes = []
    for loop in (bare_loop, library_loop, lightning_loop):
        torch.manual_seed(0)
        model = SoftmaxRegression()
        losses = loop(model, Batches(*few(), batch_size=16), 3)
        outcomes.append((losses, model.linear.weight.detach()))
    (bare, weight), (library, same), (last, after_lightning) = outcomes
    assert bare == pytest.approx(library, rel=1e-9)
    assert torch.equal(weight, same)
    assert torch.equal(weight, after_lightning)
    assert last == pytest.approx(bare[-1], rel=1e-5)
    assert len(bare) == 3


def test_all_comparisons_run_and_name_both_sides() -> None:
    found = batches_against_dataloader(few(), pairs=1) + loop_against_others(few(), epochs=1, pairs=1)
    assert [(row.baseline, row.candidate) for row in found] == [
        ("DataLoader, ToTensor", "data.batches"),
        ("DataLoader, TensorDataset", "data.batches"),
        *[("bare loop", "training.loop.fit"), ("Lightning", "training.loop.fit")] * 2,
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


def test_a_tutorials_digits_are_turned_and_shifted_and_named_as_they_are() -> None:
    digits = few()
    classic = ClassicJittered(digits)
    torch.manual_seed(0)
    drawn, again = classic[3][0], classic[3][0]
    assert drawn.shape == (1, 28, 28)
    assert not torch.equal(drawn, again)
    assert not torch.equal(drawn, digits.images[3])
    assert classic[3][1] == digits.labels[3]


def test_both_feeds_train_to_the_target_from_each_seed_and_take_turns(monkeypatch) -> None:
    order = []
    original = digits_to_target.train_until

    def watched(*args, batches, seed, **kwargs):
        order.append((seed, batches is None))
        return original(*args, batches=batches, seed=seed, **kwargs)

    monkeypatch.setattr(digits_to_target, "train_until", watched)
    train, test = few(320), few(100)
    (found,) = target_against_tutorial(train, test, target=0.3, pairs=2)
    assert order == [(0, False), (0, True), (1, True), (1, False)]
    assert len(found.baseline_seconds) == len(found.candidate_seconds) == 2
    assert all(
        1 <= epochs < 60 for epochs in found.facts["baseline_epochs"] + found.facts["candidate_epochs"]
    )
    with pytest.raises(RuntimeError, match=r"seed 0: .* after 1 epochs"):
        target_against_tutorial(few(64), test, target=1.0, pairs=1, most_epochs=1)


def test_attention_written_out_is_held_against_torchs_before_it_is_timed(monkeypatch) -> None:
    found = written_out_against_sdpa(pairs=1, lengths=(8, 16))
    assert [row.facts for row in found] == [{"seq": 8}, {"seq": 16}]
    monkeypatch.setattr(benchmarks.attention, "attention", lambda q, _k, _v, **_: (q, None))
    with pytest.raises(RuntimeError, match="at 8 positions the two ways differ by"):
        written_out_against_sdpa(pairs=1, lengths=(8,))


def test_lora_and_peft_train_the_same_numbers(monkeypatch) -> None:
    (found,) = lora_against_peft(pairs=1, updates=1)
    assert found.facts == {"trainable": sum(p.numel() for p in trainable(of_peft()))}
    monkeypatch.setattr(benchmarks.lora, "linears", lambda _model: ["blocks.0.expand"])
    monkeypatch.setattr(benchmarks.lora, "of_the_library", of_peft_of_more)
    with pytest.raises(RuntimeError, match=r"peft trains .* parameters and the library"):
        lora_against_peft(pairs=1, updates=1)


def of_peft_of_more():
    """Adapters on every layer, wherever the other way has them."""
    model = benchmarks.lora.plain()
    benchmarks.lora.add_lora(model, "*", 2, 2.0)
    return model


def test_a_course_is_run_and_its_book_built_three_times(tmp_path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import time; time.sleep(0.2)")])
    path = tmp_path / "one.ipynb"
    nbformat.write(notebook, path)
    found = course.notebooks([path, path])
    assert set(found["seconds"]) == {"one"}
    assert found["total_seconds"] >= 0.2
    log = tmp_path / "log"
    built = course.book(("sh", "-c", f"tail -n 1 {course.TOUCHED} >> {log}; ls _toc.yml .venv/bin >> {log}"))
    assert set(built) == {"cold_seconds", "again_seconds", "touched_seconds"}
    assert log.read_text().count("One more line.") == 1
    assert log.read_text().count("_toc.yml") == 3
    with pytest.raises(subprocess.CalledProcessError):
        course.book(("false",))


def test_the_command_prints_a_table_and_writes_what_it_measured(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = [Comparison("demo", "slow way", "fast way", (0.4, 0.6), (0.1, 0.1))]
    group = command.GROUPS["digit_training"]._replace(
        measure=command.compared(lambda pairs: measured * pairs)
    )
    monkeypatch.setitem(command.GROUPS, "digit_training", group)
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
    assert written["code"].keys() == set(group.code)
    assert not changed_since(written)
    line = capsys.readouterr().out.splitlines()[3]
    assert line.split()[-1] == "5.00"
    assert "500.0" in line
