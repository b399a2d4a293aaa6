"""The measured table of fine-tuning: what the script reads when, what it records, and how it goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from course_lib.commands import fine_tuning, fine_tuning_methods
from course_lib.commands.classifier_training import (
    TextClassifier,
    cut,
    length_batches,
    optimizer_bytes,
    read_texts,
    train_classifier,
)
from course_lib.commands.fine_tuning import choose, draw, measure, table
from course_lib.commands.fine_tuning_methods import CANDIDATES, METHODS, Task, fit
from course_lib.commands.fine_tuning_record import FINE_TUNING_FILE
from course_lib.data.reviews import EMBEDDED_SHA256, SPLITS, Reviews
from course_lib.models.text_encoder import TextEncoder
from course_lib.pretrained.minilm import SHA256, PretrainedEncoder

ARCHITECTURE = {
    "vocab_size": 40,
    "max_length": 12,
    "d_model": 16,
    "heads": 2,
    "layers": 1,
    "feed_forward": 20,
}
KIND, UNKIND, FILLER = (
    ("fine", "warm", "sly"),
    ("dull", "cold", "thin"),
    ["a", "film", "of", "some", "men", "and", "a", "dog"],
)
VOCABULARY = [*KIND, *UNKIND, *dict.fromkeys(FILLER)]
ADAPTED = CANDIDATES["lora"][0]["targets"]


class Words:
    """A tokenizer of whole words, for texts made here."""

    def encode(self, texts: list[str], *, max_length: int) -> tuple[Tensor, Tensor]:
        rows = [[VOCABULARY.index(word) for word in text.split()][:max_length] for text in texts]
        lengths = torch.tensor([len(row) for row in rows])
        return torch.tensor([[*row, *[0] * (int(lengths.max()) - len(row))] for row in rows]), lengths


def snippets(split: str) -> Reviews:
    """Texts that one word decides, other ones in each split."""
    generator = torch.Generator().manual_seed(SPLITS.index(split))
    texts, labels = [], []
    for i in range({"train": 128, "validation": 24, "test": 36}[split]):
        order = torch.randperm(len(FILLER), generator=generator)[: 2 + i % 5].tolist()
        kind = KIND if i % 2 else UNKIND
        texts.append(" ".join([kind[i % 3], *(FILLER[j] for j in order)]))
        labels.append(i % 2)
    return Reviews(texts, torch.tensor(labels), torch.tensor(labels) * 2.0 - 1)


def small_encoder() -> PretrainedEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return PretrainedEncoder(TextEncoder(**ARCHITECTURE).eval(), Words(), dict(ARCHITECTURE))


class Watched:
    """A task that keeps a record of what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.task = Task(self.load, self.load_encoder, max_length=8)

    def load(self, split: str) -> Reviews:
        self.asked.append(split)
        return snippets(split)

    def load_encoder(self) -> PretrainedEncoder:
        self.asked.append("encoder")
        return small_encoder()


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    for method, candidates in CANDIDATES.items():
        monkeypatch.setitem(fine_tuning_methods.CANDIDATES, method, candidates[:2])


def run(output: Path, watched: Watched, *words: str) -> int:
    arguments = ["--training-examples", "48", "--choice-examples", "32", "--output", str(output), *words]
    return fine_tuning.main(arguments, watched.task)


def settings_of(method: str) -> dict[str, object]:
    return CANDIDATES[fine_tuning_methods.SETTINGS_OF.get(method, method)][0]


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


@pytest.mark.parametrize("method", METHODS)
def test_what_a_run_records(method, watched):
    found = measure(method, settings_of(method), watched.task, examples=48, seed=5)
    d, head = ARCHITECTURE["d_model"], 2 * ARCHITECTURE["d_model"] + 2
    every = sum(parameter.numel() for parameter in small_encoder().model.parameters())
    adapters = ARCHITECTURE["layers"] * len(ADAPTED) * 8 * 2 * d
    words = {word for text in draw(snippets("train"), 48, 5).texts for word in text.split()}
    trained = {
        "tfidf": len(words - {"a"})
        + 1,  # scikit-learn counts words of two letters and more, and an intercept
        "probe": head,
        "lora": adapters + head,
        "peft": adapters + head,
        "full": every + head,
        "random": every + head,
    }[method]
    tensors = {
        "probe": 2,
        "lora": 2 * len(ADAPTED) + 2,
        "peft": 2 * len(ADAPTED) + 2,
        "full": len(list(small_encoder().model.parameters())) + 2,
        "random": len(list(small_encoder().model.parameters())) + 2,
    }
    assert found["trainable_parameters"] == trained
    if method == "tfidf":
        assert found["optimizer_bytes"] is None
    else:  # two float32 averages a number, and a float32 count of updates a tensor that got a gradient
        assert found["optimizer_bytes"] == 8 * trained + 4 * tensors[method]
    assert found["seed"] == 5
    assert found["settings"] == settings_of(method)
    assert found["seconds"] >= 0
    assert found["accuracy"] * len(snippets("test").texts) == pytest.approx(
        round(found["accuracy"] * len(snippets("test").texts))
    )


def test_optimiser_memory_is_the_bytes_of_its_state():
    layer = nn.Linear(5, 3)
    adam = torch.optim.AdamW(layer.parameters())
    assert optimizer_bytes(adam) == 0
    layer(torch.ones(1, 5)).sum().backward()
    adam.step()
    assert optimizer_bytes(adam) == 2 * 4 * (15 + 3) + 2 * 4
    half = nn.Linear(5, 3, dtype=torch.float64)
    momentum = torch.optim.SGD(half.parameters(), momentum=0.9)
    half(torch.ones(1, 5, dtype=torch.float64)).sum().backward()
    momentum.step()
    assert optimizer_bytes(momentum) == 8 * (15 + 3)


@pytest.mark.parametrize("method", ["tfidf", "full", "lora", "peft", "random"])
def test_a_method_learns_words_that_decide(method, watched):
    settings = dict(settings_of(method))
    if method != "tfidf":
        settings |= {"epochs": 25, "batch_size": 16, "learning_rate": 1e-2, "head_learning_rate": 1e-2}
    found = measure(method, settings, watched.task, examples=128, seed=0)
    assert found["accuracy"] > 0.95


@pytest.mark.parametrize("method", ["lora", "peft", "full", "random", "probe"])
def test_what_is_frozen_stays_and_what_is_not_moves(method):
    kept = small_encoder()
    original = {name: tensor.clone() for name, tensor in kept.model.state_dict().items()}
    task = Task(snippets, lambda: kept, 8)
    fit(method, settings_of(method), snippets("train"), task, seed=0)
    now = {
        name.replace(".base_layer", "").replace(".base", ""): t for name, t in kept.model.state_dict().items()
    }
    unchanged = all(torch.equal(original[name], now[name]) for name in original)
    assert unchanged == (method != "full")


def test_a_seed_decides_everything_and_leaves_torchs_own_random_numbers_alone(watched):
    fitted_models = []
    with torch.random.fork_rng(devices=[]):
        for before, seed in ((10, 3), (11, 3), (12, 4)):
            torch.manual_seed(before)
            state = torch.random.get_rng_state()
            fitted_models.append(fit("lora", settings_of("lora"), snippets("train"), watched.task, seed=seed))
            assert torch.equal(state, torch.random.get_rng_state())
    closures = [fitted.predict.__closure__ for fitted in fitted_models]
    heads = [
        next(
            cell.cell_contents for cell in cells if isinstance(cell.cell_contents, TextClassifier)
        ).head.weight
        for cells in closures
    ]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


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


def test_batches_hold_each_text_once_an_epoch_and_little_padding():
    lengths = torch.tensor([3, 9, 4, 4, 8, 2, 9, 1, 5, 5, 7])
    generator = torch.Generator().manual_seed(0)
    batches = length_batches(lengths, 4, generator, epochs=3)
    assert [len(batches), sum(len(b) for b in batches)] == [9, 33]
    for epoch in range(3):
        places = torch.cat(batches[3 * epoch : 3 * epoch + 3])
        assert places.sort().values.tolist() == list(range(11))
    by_length = {tuple(sorted(lengths[b].tolist())) for b in batches}
    assert by_length == {(1, 2, 3, 4), (4, 5, 5, 7), (8, 9, 9)}
    first = [b.tolist() for b in batches]
    assert first[:3] != first[3:6]
    with pytest.raises(ValueError, match="batch_size and epochs must be at least 1, got 0 and 1"):
        length_batches(lengths, 0, generator)


def test_texts_are_read_in_batches_and_returned_in_their_order():
    encoder = small_encoder()
    ids, lengths = encoder.tokenizer.encode(snippets("train").texts, max_length=8)
    model = TextClassifier(encoder.model, 16)
    together = read_texts(model, ids, lengths, batch_size=5)
    with torch.no_grad():
        single = torch.cat([model(*cut(ids, lengths, torch.tensor([i]))) for i in range(len(ids))])
    torch.testing.assert_close(together, single)


def test_a_diverging_loss_stops_and_names_the_update():
    weight = nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.AdamW([weight], lr=1.0)
    with pytest.raises(FloatingPointError, match="the loss is nan at update 1: it diverged"):
        train_classifier(
            lambda places: (weight * torch.nan).expand(len(places), 2),
            torch.zeros(4, dtype=torch.int64),
            [torch.arange(4)],
            optimizer,
        )


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
    try:
        status = run(tmp_path / "out.json", watched, *words)
    except SystemExit as end:
        status = end.code
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


@pytest.mark.usefixtures("few_candidates")
def test_a_missing_package_ends_with_status_2_and_says_which(watched, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "peft", None)
    assert run(tmp_path / "out.json", watched, "--methods", "peft", "--seeds", "1") == 2
    assert "peft" in capsys.readouterr().err


def test_unknown_methods_are_refused(watched):
    with pytest.raises(ValueError, match=r"method must be one of probe, .*, got 'magic'"):
        fit("magic", {}, snippets("train"), watched.task, seed=0)


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
    for run in found["runs"]:
        method = fine_tuning_methods.SETTINGS_OF.get(run["method"], run["method"])
        tried = [t for t in found["choice"]["trials"] if t["method"] == method]
        assert [t["settings"] for t in tried] == CANDIDATES[method]
        best = max(tried, key=lambda trial: trial["validation_accuracy"])
        assert run["settings"] == best["settings"]
    rows = {row.method: row for row in table()}
    every = 22_565_376  # of the encoder, as models.text_encoder counts them
    assert rows["full"].trainable_parameters == rows["random"].trainable_parameters == every + 2 * 384 + 2
    assert rows["lora"].trainable_parameters == rows["peft"].trainable_parameters == 6 * 2 * 8 * 768 + 770
    assert rows["full"].optimizer_bytes > 100 * rows["lora"].optimizer_bytes
    assert rows["lora"].lowest > rows["random"].highest + 0.03
    assert rows["full"].seconds > rows["lora"].seconds
