"""The command that measures fine-tuning: what it reads when, what it refuses, and how it goes on."""

from __future__ import annotations

import json
import sys

import pytest
from exit_status import exit_status
from small_snippets import (
    run,
    settings_of,
    snippets,
)

from studies import fine_tuning
from studies.fine_tuning import choose, draw, measure
from studies.fine_tuning_methods import CANDIDATES, METHODS


@pytest.mark.parametrize("method", METHODS)
def test_choosing_never_reads_the_test_split(method, watched):
    trial = choose(method, settings_of(method), watched.task, examples=32)
    assert watched.asked.count("validation") == 1
    assert "test" not in watched.asked
    assert 0 <= trial["validation_accuracy"] <= 1


@pytest.mark.parametrize("method", METHODS)
def test_a_run_reads_the_test_split_once_and_last(method, watched):
    measure(method, settings_of(method), watched.task, examples=48, seed=0)
    assert watched.asked.count("test") == 1
    assert watched.asked[-1] == "test"
    assert "validation" not in watched.asked


@pytest.mark.usefixtures("few_candidates")
def test_the_whole_command_reads_the_test_split_once_a_run(watched, tmp_path, capsys):
    assert run(tmp_path / "out.json", watched, "--methods", "probe", "tfidf", "--seeds", "2") == 0
    assert watched.asked.count("test") == 4
    assert watched.asked.count("validation") == 4
    assert capsys.readouterr().out.count("over 2 seeds") == 2


@pytest.mark.usefixtures("few_candidates")
def test_the_settings_best_on_validation_are_run(watched, tmp_path, monkeypatch):
    def judged(method: str, settings: dict[str, object], *_, **__) -> dict[str, object]:
        good = settings == CANDIDATES["probe"][1]
        return {"method": method, "settings": settings, "validation_accuracy": 0.9 if good else 0.5}

    monkeypatch.setattr(fine_tuning, "choose", judged)
    assert run(tmp_path / "out.json", watched, "--methods", "probe", "--seeds", "1") == 0
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert [run["settings"] for run in found["runs"]] == [CANDIDATES["probe"][1]]


@pytest.mark.usefixtures("few_candidates")
def test_a_stopped_script_goes_on_where_it_was(watched, tmp_path, monkeypatch, capsys):
    path = tmp_path / "out.json"
    words = ("--methods", "probe", "lora", "--seeds", "2")
    real, calls = measure, []

    def stops(*arguments, **named):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(named["seed"])
        return real(*arguments, **named)

    monkeypatch.setattr(fine_tuning, "measure", stops)
    assert run(path, watched, *words) == 130
    assert "keeps what is done" in capsys.readouterr().err
    before = json.loads(path.read_text("utf-8"))
    assert [(r["method"], r["seed"]) for r in before["runs"]] == [("probe", 0), ("probe", 1), ("lora", 0)]

    monkeypatch.setattr(fine_tuning, "measure", real)
    watched.asked.clear()
    assert run(path, watched, *words) == 0
    after = json.loads(path.read_text("utf-8"))
    assert after["runs"][:3] == before["runs"]
    assert after["choice"] == before["choice"]
    assert [(r["method"], r["seed"]) for r in after["runs"][3:]] == [("lora", 1)]
    assert watched.asked.count("test") == 1

    whole = tmp_path / "whole.json"
    assert run(whole, watched, *words) == 0
    scores = [[r["accuracy"] for r in json.loads(p.read_text("utf-8"))["runs"]] for p in (path, whole)]
    assert scores[0] == scores[1]


@pytest.mark.usefixtures("few_candidates")
def test_a_trial_is_kept_when_the_next_is_stopped(watched, tmp_path, monkeypatch):
    path, real = tmp_path / "out.json", choose

    def stops(method, settings, *rest, **named):
        if settings == CANDIDATES["tfidf"][1]:
            raise KeyboardInterrupt
        return real(method, settings, *rest, **named)

    monkeypatch.setattr(fine_tuning, "choose", stops)
    assert run(path, watched, "--methods", "tfidf") == 130
    kept = json.loads(path.read_text("utf-8"))["choice"]["trials"]
    assert [trial["settings"] for trial in kept] == [CANDIDATES["tfidf"][0]]


@pytest.mark.usefixtures("few_candidates")
def test_peft_runs_with_the_settings_chosen_for_lora(watched, tmp_path):
    assert run(tmp_path / "out.json", watched, "--methods", "peft", "--seeds", "1") == 0
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert {trial["method"] for trial in found["choice"]["trials"]} == {"lora"}
    assert found["runs"][0]["settings"] in CANDIDATES["lora"]


def test_drawn_snippets_are_different_ones_with_their_labels():
    train = snippets("train")
    places = {text: i for i, text in reversed(list(enumerate(train.texts)))}
    drawn = draw(train, 20, 1)
    assert len(drawn.texts) == 20
    assert [train.labels[places[text]] for text in drawn.texts] == drawn.labels.tolist()
    assert draw(train, 20, 1).texts == drawn.texts
    assert draw(train, 20, 2).texts != drawn.texts
    assert sorted(draw(train, 128, 0).texts) == sorted(train.texts)
    with pytest.raises(ValueError, match="examples must be from 1 to 128, got 129"):
        draw(train, 129, 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--methods", "magic"], "argument --methods: invalid choice: 'magic'"),
        (["--seeds", "0"], "seeds must be from 1 to 100, got 0"),
        (["--seeds", "101"], "seeds must be from 1 to 100, got 101"),
        (["--training-examples", "0"], "training-examples must be from 1 to 128, got 0"),
        (["--choice-examples", "129"], "choice-examples must be from 1 to 128, got 129"),
        (["--seeds", "two"], "argument --seeds: invalid int value: 'two'"),
    ],
)
def test_bad_arguments_end_with_status_2_and_one_line(words, message, watched, tmp_path, capsys):
    status = exit_status(run, tmp_path / "out.json", watched, *words)
    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith(f"fine_tuning: {message}")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused_before_anything_is_trained(watched, tmp_path, capsys):
    assert run(tmp_path / "no" / "out.json", watched) == 2
    assert "output must be in a folder that is there" in capsys.readouterr().err
    assert "encoder" not in watched.asked


@pytest.mark.usefixtures("few_candidates")
def test_a_missing_package_ends_with_status_2_and_says_which(watched, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "peft", None)
    assert run(tmp_path / "out.json", watched, "--methods", "peft", "--seeds", "1") == 2
    assert "peft" in capsys.readouterr().err
