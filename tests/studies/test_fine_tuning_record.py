"""The record of what fine-tuning measured: kept, refused, and read as a table."""

from __future__ import annotations

import json

import pytest
from small_snippets import run

from course_lib.data.reviews import EMBEDDED_SHA256
from course_lib.fine_tuning import FINE_TUNING_FILE, table
from course_lib.pretrained.minilm import SHA256
from studies import fine_tuning_methods
from studies.fine_tuning_methods import CANDIDATES, METHODS


@pytest.mark.usefixtures("few_candidates")
def test_a_record_measured_otherwise_is_left_alone(watched, tmp_path, capsys, monkeypatch):
    path = tmp_path / "out.json"
    words = ("--methods", "tfidf", "--seeds", "1")
    assert run(path, watched, *words) == 0
    content = path.read_bytes()
    capsys.readouterr()
    assert run(path, watched, *words, "--training-examples", "50") == 2
    assert "measured with training_examples = 48, got 50: name another --output" in capsys.readouterr().err
    assert run(path, watched, *words, "--choice-examples", "31") == 2
    assert "'training_examples': 32}" in capsys.readouterr().err
    monkeypatch.setitem(fine_tuning_methods.CANDIDATES, "tfidf", [{"words": 1, "C": 7.0}])
    assert run(path, watched, *words) == 2
    assert "holds runs of tfidf with other settings" in capsys.readouterr().err
    assert json.loads(path.read_bytes())["runs"] == json.loads(content)["runs"]


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"runs": []}', b"\xff\xfe"])
def test_a_file_that_is_no_record_is_refused(content, watched, tmp_path, capsys):
    path = tmp_path / "out.json"
    path.write_bytes(content)
    assert run(path, watched) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert path.read_bytes() == content
    with pytest.raises(ValueError, match=r"out\.json must (be JSON|hold runs and choice)"):
        table(path)


def test_the_table_has_a_row_a_method_with_its_band(tmp_path):
    def run(method: str, seed: int, accuracy: float, seconds: float, numbers: int) -> dict[str, object]:
        row = {"method": method, "seed": seed, "accuracy": accuracy, "seconds": seconds, "settings": {}}
        return row | {"trainable_parameters": numbers, "optimizer_bytes": None if method == "tfidf" else 80}

    runs = [
        run("full", 0, 0.8, 30.0, 9),
        run("tfidf", 0, 0.7, 1.0, 100),
        run("full", 1, 0.9, 10.0, 9),
        run("tfidf", 1, 0.5, 3.0, 104),
        run("full", 2, 0.88, 20.0, 9),
    ]
    path = tmp_path / "out.json"
    path.write_text(json.dumps({"runs": runs, "choice": {"trials": []}}))
    low, high = table(path)
    assert low == ("tfidf", 2, 0.5, 0.6, 0.7, 102, 2.0, None)
    assert high._replace(mean=0.0) == ("full", 3, 0.8, 0.0, 0.9, 9, 20.0, 80)
    assert high.mean == pytest.approx(0.86)
    with pytest.raises(FileNotFoundError):
        table(tmp_path / "none.json")


def test_the_committed_table():
    found = json.loads(FINE_TUNING_FILE.read_text("utf-8"))
    assert found["data_sha256"] == EMBEDDED_SHA256
    assert found["weights_sha256"] == SHA256["model.safetensors"]
    assert found["choice"]["split"] == "validation"
    assert found["choice"]["seed"] not in {run["seed"] for run in found["runs"]}
    assert {(run["method"], run["seed"]) for run in found["runs"]} == {
        (m, s) for m in METHODS for s in range(3)
    }
    for trained in found["runs"]:
        method = fine_tuning_methods.SETTINGS_OF.get(trained["method"], trained["method"])
        tried = [t for t in found["choice"]["trials"] if t["method"] == method]
        assert [t["settings"] for t in tried] == CANDIDATES[method]
        best = max(tried, key=lambda trial: trial["validation_accuracy"])
        assert trained["settings"] == best["settings"]
    rows = {row.method: row for row in table()}
    every = 22_565_376  # of the encoder, as models.encoder counts them
    assert rows["full"].trainable_parameters == rows["random"].trainable_parameters == every + 2 * 384 + 2
    assert rows["lora"].trainable_parameters == rows["peft"].trainable_parameters == 6 * 2 * 8 * 768 + 770
    assert rows["full"].optimizer_bytes > 100 * rows["lora"].optimizer_bytes
    assert rows["lora"].lowest > rows["random"].highest + 0.03
    assert rows["full"].seconds > rows["lora"].seconds
