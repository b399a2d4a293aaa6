"""The assistant's record: what a run writes, how a stopped one goes on, and the committed numbers."""

from __future__ import annotations

import json

import pytest
import torch
from exit_status import exit_status

from course_lib.assistant import stages
from course_lib.assistant.dpo import Preferences
from course_lib.assistant.grpo import Rewards
from course_lib.assistant.record import (
    ASSISTANT_FILE,
    LABELS,
    by_kind,
    read,
    table,
)
from course_lib.assistant.sft import Demonstrations
from course_lib.assistant.stages import FULL, LIVE, Budget, Outcome
from course_lib.assistant.task import LONGEST_ANSWER
from course_lib.data.instructions import KINDS
from course_lib.data.text import MOBY_DICK_SHA256
from course_lib.models.gpt import GPT
from course_lib.models.lora import adapters
from course_lib.pretrained.gpts import SHIPPED, Pretrained
from course_lib.text.tokenizers import CharacterTokenizer
from studies import assistant, assistant_stages
from studies.assistant_record import markdown, thinned
from studies.assistant_stages import (
    AFTER_DEMONSTRATIONS,
    ALPHA,
    PRICE,
    RANK,
    STAGES,
    TARGETS,
    run_stage,
)

TINY = Budget(40, 40, Demonstrations(3, 4, 1e-3), Preferences(4, 1e-3, beta=0.1), Rewards(2, 2, 2, 1e-3))
SETTINGS = {"vocab_size": 256, "context": 32, "d_model": 16, "heads": 2, "layers": 1}


def small_model() -> GPT:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GPT(**SETTINGS).eval()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small model in place of the shipped one, and budgets to go with it."""

    def load_small(name: str) -> Pretrained:
        assert name == "moby"
        return Pretrained(small_model(), CharacterTokenizer("ab"), {"model": SETTINGS})

    for module in (stages, assistant_stages):
        monkeypatch.setattr(module, "load", load_small)
    monkeypatch.setitem(assistant.BUDGETS, "full", TINY)
    monkeypatch.setitem(assistant.BUDGETS, "live", TINY._replace(shown=41))


def run(output, *words: str) -> int:
    return assistant.main(["--output", str(output), "--asked", "12", "--seeds", "1", *words])


def same(one: GPT, other: GPT) -> bool:
    """The same parameters, adapters aside."""
    states = [
        {name.replace(".base", ""): tensor for name, tensor in model.state_dict().items()}
        for model in (one, other)
    ]
    return all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_every_stage_is_measured_and_written(tmp_path, capsys):
    path = tmp_path / "out.json"
    assert run(path) == 0
    found = read(path)
    assert [(run["stage"], run["seed"]) for run in found["runs"]] == [(stage, 0) for stage in STAGES]
    for one in found["runs"]:
        assert one.keys() >= {"exact_match", "sampled_exact_match", "sampled_answer_occurs", "by_kind"}
        assert 0 <= one["exact_match"] <= one["answer_occurs"] <= 1
        assert 0 < one["sampled_length"] <= LONGEST_ANSWER
    curves = {one["stage"]: len(one["curve"]) for one in found["runs"]}
    assert curves["pretrained"] == 0
    assert curves["sft"] == curves["sft_lora"] == curves["sft_untrained"] == TINY.demonstrations.steps
    assert curves["grpo"] == curves["more"] == TINY.rewards.steps
    assert curves["dpo"] >= 1
    assert found["budget"]["rewards"] == TINY.rewards._asdict()
    assert found["split"] == "test"
    assert markdown(path) in capsys.readouterr().out


def test_each_stage_starts_from_the_model_it_should(monkeypatch):
    model = small_model()
    for stage in AFTER_DEMONSTRATIONS:
        outcome = run_stage(stage, TINY, 0, after=model)
        assert same(model, small_model())
        assert outcome.model is not model
    assert same(run_stage("pretrained", TINY, 0).model, small_model())
    assert not same(run_stage("sft", TINY, 0).model, small_model())
    adapted = run_stage("sft_lora", TINY, 0).model
    assert same(small_model(), adapted)
    assert len(adapters(adapted)) == 4
    assert all(adapter.B.any() for adapter in adapters(adapted).values())
    monkeypatch.setattr(assistant_stages, "run_sft", lambda model, *_: Outcome(model, []))
    untrained = [run_stage("sft_untrained", TINY, seed).model for seed in (0, 1, 1)]
    assert same(untrained[1], untrained[2])
    assert not same(untrained[0], untrained[1])


def test_what_the_stages_differ_in(monkeypatch):
    seen = []

    def rewards(_model, reward, settings, *, generator, draws):
        assert draws is generator
        seen.append((reward.__name__, settings))
        return []

    def preferences(_model, pairs, settings, *, generator):
        seen.append((pairs, settings, generator.initial_seed()))
        return []

    monkeypatch.setattr(stages, "learn_from_rewards", rewards)
    monkeypatch.setattr(stages, "learn_from_preferences", preferences)
    for stage in ("grpo", "grpo_impressed", "grpo_impressed_kl"):
        run_stage(stage, TINY, 3, after=small_model())
    assert seen == [
        ("exact", TINY.rewards),
        ("impressed", TINY.rewards),
        ("impressed", TINY.rewards._replace(beta=PRICE)),
    ]
    seen.clear()
    for stage in ("dpo", "dpo_longer"):
        run_stage(stage, TINY, 3, after=small_model())
    right, longer = (pairs for pairs, _, _ in seen)
    assert seen[0][1:] == seen[1][1:] == (TINY.preferences, 3)
    assert all(len(pair.better) > len(pair.worse) for pair in longer)
    assert all(len(pair.better) <= 6 for pair in right)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("magic", "stage must be one of pretrained, .*, got 'magic'"),
        ("dpo", "after must be a model that learnt from demonstrations for 'dpo', got None"),
    ],
)
def test_unknown_stages_are_refused(stage, message):
    with pytest.raises(ValueError, match=message):
        run_stage(stage, TINY, 0)


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    records = []
    for name, words in (("a", ()), ("b", ()), ("c", ("--stages", "sft", "grpo"))):
        assert run(tmp_path / name, *words) == 0
        records.append(
            {
                r["stage"]: {k: v for k, v in r.items() if k != "seconds"}
                for r in read(tmp_path / name)["runs"]
            }
        )
    assert records[0] == records[1]
    assert records[2] == {stage: records[0][stage] for stage in ("sft", "grpo")}


def test_a_stopped_script_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    path, real, begun = tmp_path / "out.json", run_stage, []

    def stops(stage, *rest, **named):
        if stage == "grpo" and not begun:
            begun.append(stage)
            raise KeyboardInterrupt
        return real(stage, *rest, **named)

    monkeypatch.setattr(assistant, "run_stage", stops)
    assert run(path) == 130
    assert "keeps what is done" in capsys.readouterr().err
    before = read(path)["runs"]
    assert before[-1]["stage"] == "dpo"
    assert run(path) == 0
    after = read(path)["runs"]
    assert after[: len(before)] == before
    assert [one["stage"] for one in after] == list(STAGES)
    whole = tmp_path / "whole.json"
    assert run(whole) == 0
    for one, other in zip(after, read(whole)["runs"], strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_a_record_measured_otherwise_is_left_alone(tmp_path, capsys):
    path = tmp_path / "out.json"
    assert run(path, "--stages", "pretrained") == 0
    content = path.read_bytes()
    capsys.readouterr()
    for words, said in (
        (["--split", "validation"], "measured with split = test, got validation: name another --output"),
        (["--asked", "13"], "measured with asked = 12, got 13: name another --output"),
        (["--budget", "live"], "'shown': 41"),
    ):
        assert run(path, *words) == 2
        assert said in capsys.readouterr().err
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stages", "magic"], "argument --stages: invalid choice: 'magic'"),
        (["--seeds", "0"], "seeds must be at least 1, got 0"),
        (["--asked", "0"], "asked must be at least 1, got 0"),
        (["--split", "train"], "argument --split: invalid choice: 'train'"),
        (["--device", "abacus"], "preference must name a torch device, got 'abacus'"),
    ],
)
def test_bad_arguments_end_with_status_2_and_one_line(words, message, tmp_path, capsys):
    status = exit_status(run, tmp_path / "out.json", *words)
    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith(f"assistant: {message}")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path, capsys):
    assert run(tmp_path / "no" / "out.json") == 2
    assert "output must be in a folder that is there" in capsys.readouterr().err


def test_a_diverging_loss_ends_with_status_1(tmp_path, monkeypatch, capsys):
    fast = TINY._replace(demonstrations=Demonstrations(30, 4, 1e30))
    monkeypatch.setitem(assistant.BUDGETS, "full", fast)
    assert run(tmp_path / "out.json", "--stages", "sft") == 1
    assert "it diverged" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"runs": 1}', b"\xff\xfe"])
def test_a_file_that_is_no_record_is_refused(content, tmp_path, capsys):
    path = tmp_path / "out.json"
    path.write_bytes(content)
    assert run(path) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert path.read_bytes() == content
    with pytest.raises(ValueError, match=r"out\.json must (be JSON|hold runs)"):
        table(path)


def test_the_table_has_a_row_a_stage_with_its_bands(tmp_path):
    def one(stage: str, seed: int, right: float) -> dict[str, object]:
        shares = dict.fromkeys(("sampled_exact_match", "sampled_answer_occurs", "sampled_length"), right / 2)
        kinds = {"add": right, "count": 1.0}
        return {
            "stage": stage,
            "seed": seed,
            "exact_match": right,
            "by_kind": kinds,
            "seconds": 4.0 - seed,
        } | shares

    runs = [one("grpo", 0, 0.8), one("sft", 0, 0.5), one("grpo", 1, 0.7), one("grpo", 2, 0.9)]
    path = tmp_path / "out.json"
    path.write_text(json.dumps({"runs": runs}))
    first, second = table(path)
    assert (first.stage, first.seeds, first.exact_match) == ("sft", 1, (0.5, 0.5, 0.5))
    assert (second.stage, second.seeds, second.seconds) == ("grpo", 3, 3.0)
    assert second.exact_match == pytest.approx((0.7, 0.8, 0.9))
    assert second.sampled_exact_match == pytest.approx((0.35, 0.4, 0.45))
    assert by_kind(path)["grpo"] == pytest.approx({"add": 0.8, "count": 1.0})
    assert markdown(path).splitlines()[2:] == [
        "| demonstrations (SFT) | 50 (50–50) | 25 (25–25) | 25 (25–25) | 0.2 |",
        "| SFT, then rewards (GRPO) | 80 (70–90) | 40 (35–45) | 40 (35–45) | 0.4 |",
    ]
    with pytest.raises(FileNotFoundError):
        table(tmp_path / "none.json")


def test_a_long_curve_is_thinned_to_means():
    assert thinned([]) == []
    assert thinned([0.12345, 2.0]) == [0.1235, 2.0]
    assert thinned(list(map(float, range(100)))) == list(range(100))
    long = thinned(list(map(float, range(250))))
    assert len(long) == 84
    assert long[:2] == [1.0, 4.0]
    assert long[-1] == 249.0


def test_every_stage_has_a_label():
    assert LABELS.keys() == set(STAGES)
    assert list(LABELS) == list(STAGES)


def test_the_live_budget_is_the_smaller():
    assert LIVE.demonstrations.steps < FULL.demonstrations.steps
    assert LIVE.rewards.steps < FULL.rewards.steps


def test_the_committed_record():
    found = read()
    assert found["weights_sha256"] == SHIPPED["moby"][0]
    assert found["data_sha256"] == MOBY_DICK_SHA256
    assert found["split"] == "test"
    assert found["price"] == PRICE
    assert found["adapters"] == {"rank": RANK, "alpha": ALPHA, "targets": list(TARGETS)}
    assert found["budget"]["rewards"] == FULL.rewards._asdict()
    assert found["budget"]["demonstrations"] == FULL.demonstrations._asdict()
    assert found["budget"]["preferences"] == FULL.preferences._asdict()
    assert {(run["stage"], run["seed"]) for run in found["runs"]} == {
        (s, n) for s in STAGES for n in range(3)
    }
    assert all(run["by_kind"].keys() == set(KINDS) for run in found["runs"])
    assert ASSISTANT_FILE.stat().st_size < 60_000
    rows = {row.stage: row for row in table()}
    assert rows["pretrained"].exact_match.highest < 0.02
    for other in ("sft_untrained", "sft_lora"):
        assert rows["sft"].exact_match.lowest > rows[other].exact_match.highest + 0.1
    right = {(run["stage"], run["seed"]): run["exact_match"] for run in found["runs"]}
    for better in ("dpo", "grpo"):
        assert all(right[better, seed] > right["sft", seed] + 0.03 for seed in range(3))
        assert rows[better].sampled_exact_match.lowest > rows["more"].sampled_exact_match.highest + 0.05
    priced = rows["grpo_impressed_kl"].sampled_exact_match
    assert rows["grpo_impressed"].sampled_exact_match.highest + 0.1 < priced.lowest
    assert priced.highest < rows["sft"].sampled_exact_match.lowest
    for careless in ("dpo_longer", "grpo_impressed"):
        assert rows[careless].sampled_exact_match.highest < rows["sft"].sampled_exact_match.lowest
    assert rows["dpo_longer"].sampled_length.lowest > rows["sft"].sampled_length.highest
