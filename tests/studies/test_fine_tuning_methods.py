"""Each way of fine-tuning: what it trains, what it leaves alone, what it counts."""

from __future__ import annotations

import pytest
import torch
from small_snippets import (
    ADAPTED,
    ARCHITECTURE,
    settings_of,
    small_encoder,
    snippets,
)
from torch import nn

from course_lib.fine_tuning import (
    cut,
    length_batches,
    read_texts,
    train_classifier,
)
from course_lib.models.encoder import TextClassifier
from course_lib.training.memory import optimizer_bytes
from studies.fine_tuning import draw, measure
from studies.fine_tuning_methods import METHODS, Task, fit


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
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
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


def test_unknown_methods_are_refused(watched):
    with pytest.raises(ValueError, match=r"method must be one of probe, .*, got 'magic'"):
        fit("magic", {}, snippets("train"), watched.task, seed=0)


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


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (torch.tensor([0, 1, 2, 1]), ValueError, "labels must be from 0 to 1, got 2"),
        (torch.tensor([0, -1, 1, 1]), ValueError, "labels must be from 0 to 1, got -1"),
        (torch.tensor([0.0, 1.0, 1.0, 0.0]), TypeError, "labels must be int64, got torch.float32"),
    ],
)
def test_labels_out_of_range_are_named_and_nothing_is_trained(labels, error, message):
    weight = nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.AdamW([weight], lr=1.0)
    with pytest.raises(error, match=message):
        train_classifier(
            lambda places: weight.expand(len(places), 2),
            labels,
            [torch.tensor([0]), torch.arange(4)],
            optimizer,
        )
    assert torch.equal(weight, torch.zeros(2))
    assert not optimizer.state
