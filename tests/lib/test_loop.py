"""The training loop against loops written by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data.batches import Batches
from course_lib.data.digits import load_digits
from course_lib.models.image_classifiers import ConvNet
from course_lib.training.loop import History, evaluate, fit
from course_lib.training.metrics import classification_metrics


def problem(examples: int = 10, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(examples, 4, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(0, 3, (examples,), generator=generator)


def linear(seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(4, 3).double()


def sgd(model: nn.Module, lr: float = 0.5) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), lr=lr)


def test_it_makes_the_steps_a_hand_written_loop_makes() -> None:
    inputs, targets = problem()
    batches = Batches(inputs, targets, batch_size=4, shuffle=False)
    model, hand = linear(), linear()
    history = fit(model, batches, F.cross_entropy, sgd(model), epochs=3, progress=False)
    for epoch in range(3):
        losses = []
        for start in (0, 4, 8):
            x, y = inputs[start : start + 4], targets[start : start + 4]
            logits = x @ hand.weight.T + hand.bias
            losses.append((logits.logsumexp(1) - logits[range(len(y)), y]).sum())
            gradients = torch.autograd.grad(losses[-1] / len(y), [hand.weight, hand.bias])
            with torch.no_grad():
                hand.weight -= 0.5 * gradients[0]
                hand.bias -= 0.5 * gradients[1]
        assert history["train_loss"][epoch] == pytest.approx(sum(losses).item() / 10, rel=1e-12)
    torch.testing.assert_close(model.weight, hand.weight)
    torch.testing.assert_close(model.bias, hand.bias)


def test_losses_are_means_over_examples_not_over_batches() -> None:
    """A learning rate of 0 moves nothing: both losses are the data set's own, ragged last batch or not."""
    inputs, targets = problem()
    batches = Batches(inputs, targets, batch_size=4, shuffle=False)  # 4, 4 and 2 examples
    model = linear()
    whole = F.cross_entropy(model(inputs), targets).item()
    over_batches = sum(F.cross_entropy(model(x), y).item() for x, y in batches) / 3
    assert abs(whole - over_batches) > 1e-3  # the mistake would show
    history = fit(
        model, batches, F.cross_entropy, sgd(model, lr=0.0), epochs=1, validation=batches, progress=False
    )
    assert history.last == pytest.approx({"train_loss": whole, "val_loss": whole}, rel=1e-12)


@pytest.mark.parametrize("accumulate", [2, 3, 7])
def test_accumulated_batches_step_as_one_large_batch(accumulate: int) -> None:
    inputs, targets = problem(examples=17)  # batches of 3 … 3 and 2; the last group is short as well
    small = Batches(inputs, targets, batch_size=3, shuffle=False)
    large = Batches(inputs, targets, batch_size=3 * accumulate, shuffle=False)
    model, reference = linear(), linear()
    history = fit(
        model,
        small,
        F.cross_entropy,
        sgd(model),
        epochs=2,
        accumulate=accumulate,
        clip_norm=0.3,
        progress=False,
    )
    wanted = fit(reference, large, F.cross_entropy, sgd(reference), epochs=2, clip_norm=0.3, progress=False)
    torch.testing.assert_close(model.weight, reference.weight, rtol=1e-12, atol=1e-12)
    assert history["train_loss"] == pytest.approx(wanted["train_loss"], rel=1e-12)


def test_clipping_shortens_a_long_gradient_and_leaves_a_short_one() -> None:
    inputs, targets = problem()
    for clip_norm in (0.05, 100.0):
        model, hand = linear(), linear()
        before = hand.weight.detach().clone()
        F.cross_entropy(hand(inputs), targets).backward()
        norm = math.sqrt(sum(p.grad.square().sum().item() for p in hand.parameters()))
        assert 0.05 < norm < 100.0
        factor = min(1.0, clip_norm / norm)
        batches = Batches(inputs, targets, batch_size=10, shuffle=False)
        fit(model, batches, F.cross_entropy, sgd(model), epochs=1, clip_norm=clip_norm, progress=False)
        torch.testing.assert_close(
            model.weight, before - 0.5 * factor * hand.weight.grad, rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize(("accumulate", "updates"), [(1, 6), (2, 4)])
def test_the_schedule_steps_once_an_update(accumulate: int, updates: int) -> None:
    model = linear()
    optimizer = sgd(model)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    batches = Batches(*problem(), batch_size=4)
    fit(
        model,
        batches,
        F.cross_entropy,
        optimizer,
        epochs=2,
        schedule=schedule,
        accumulate=accumulate,
        progress=False,
    )
    assert optimizer.param_groups[0]["lr"] == 0.5 * 0.5**updates


class NoisyWhenTraining(nn.Module):
    """Linear, with dropout that takes everything: in train mode the logits are the bias."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = linear()
        self.drop = nn.Dropout(1.0)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.drop(self.inner(inputs))


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_uses_eval_mode_builds_no_graph_and_restores_the_mode(training: bool) -> None:
    inputs, targets = problem()
    model = NoisyWhenTraining().train(training)
    graphs = []

    def loss_function(outputs: Tensor, y: Tensor) -> Tensor:
        graphs.append(outputs.requires_grad)
        return F.cross_entropy(outputs, y)

    scores = evaluate(model, Batches(inputs, targets, batch_size=4), loss_function)
    assert scores == {"loss": pytest.approx(F.cross_entropy(model.inner(inputs), targets).item())}
    assert graphs == [False] * 3
    assert model.training is training


def test_fit_trains_in_train_mode_validates_in_eval_mode_and_restores_the_mode() -> None:
    inputs, targets = problem()
    batches = Batches(inputs, targets, batch_size=10)
    model = NoisyWhenTraining().eval()
    history = fit(
        model, batches, F.cross_entropy, sgd(model, 0.0), epochs=1, validation=batches, progress=False
    )
    assert history.last["train_loss"] == pytest.approx(math.log(3))  # all logits dropped
    assert history.last["val_loss"] == pytest.approx(F.cross_entropy(model.inner(inputs), targets).item())
    assert model.training is False


def test_validation_metrics_are_those_of_the_whole_set() -> None:
    inputs, targets = problem(examples=23)
    model = linear()
    validation = Batches(inputs, targets, batch_size=5, shuffle=False)
    metrics = classification_metrics(3)
    history = fit(
        model,
        Batches(*problem(seed=1)),
        F.cross_entropy,
        sgd(model),
        epochs=2,
        validation=validation,
        metrics=metrics,
        progress=False,
    )
    assert set(history.columns) == {"train_loss"} | {
        f"val_{n}" for n in ("loss", "accuracy", "precision", "recall", "f1")
    }
    right = (model(inputs).argmax(1) == targets).double().mean().item()
    assert history.last["val_accuracy"] == pytest.approx(right)
    assert evaluate(model, validation, F.cross_entropy, metrics=metrics)["accuracy"] == pytest.approx(right)


def test_a_model_may_take_several_inputs() -> None:
    class Dot(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return self.scale * (left * right).sum(1)

    left, right = problem()[0], problem(seed=1)[0]
    model = Dot()
    batches = Batches(left, right, 3 * (left * right).sum(1), batch_size=10)
    fit(model, batches, F.mse_loss, sgd(model, 0.1), epochs=60, progress=False)
    assert model.scale.item() == pytest.approx(3.0, abs=1e-6)


def test_a_nan_loss_stops_before_the_update_and_names_epoch_step_and_parameter() -> None:
    inputs, targets = problem()
    model = linear()
    with torch.no_grad():
        model.bias[1] = math.nan
    kept = model.weight.detach().clone()
    with pytest.raises(
        FloatingPointError, match="loss is nan in epoch 1, step 1; parameter 'bias' holds NaN"
    ):
        fit(model, Batches(inputs, targets), F.cross_entropy, sgd(model), epochs=1, progress=False)
    assert torch.equal(model.weight, kept)


def test_bad_data_is_told_apart_from_a_spoilt_parameter() -> None:
    inputs, targets = problem()
    inputs[9] = math.inf
    model = linear()
    batches = Batches(inputs, targets, batch_size=4, shuffle=False)
    with pytest.raises(
        FloatingPointError, match=r"epoch 1, step 3; every parameter is finite: look at this batch"
    ):
        fit(model, batches, F.cross_entropy, sgd(model), epochs=1, progress=False)


def test_a_learning_rate_beyond_the_stable_one_ends_in_the_error() -> None:
    inputs, _ = problem()
    model = nn.Linear(4, 1).double()
    batches = Batches(inputs, inputs[:, :1], batch_size=10)
    with pytest.raises(FloatingPointError, match=r"loss is (inf|nan) in epoch \d+, step 1"):
        fit(model, batches, F.mse_loss, sgd(model, 1e6), epochs=100, progress=False)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_computes_low_and_keeps_parameters_high(dtype: torch.dtype) -> None:
    inputs, targets = problem(examples=32)
    model = linear().float()
    seen = []
    model.register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    batches = Batches(inputs.float(), targets, batch_size=7, shuffle=False)
    history = fit(model, batches, F.cross_entropy, sgd(model), epochs=8, amp_dtype=dtype, progress=False)
    assert set(seen) == {dtype}
    assert model.weight.dtype == torch.float32
    reference = linear().float()
    wanted = fit(reference, batches, F.cross_entropy, sgd(reference), epochs=8, progress=False)
    assert history["train_loss"] == pytest.approx(wanted["train_loss"], rel=5e-3)
    torch.testing.assert_close(model.weight, reference.weight, rtol=0, atol=0.02)
    assert (model.weight - linear().weight).abs().max() > 0.2  # and it did move


@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("share", [0.25, 4.0])
def test_clipping_measures_the_gradient_itself_in_every_precision(dtype: torch.dtype | None, share: float):
    """float16 multiplies the loss by 65,536, which must be out of the gradient before its norm is taken."""
    inputs, targets = problem()
    model, before = linear().float(), linear().float()
    F.cross_entropy(before(inputs.float()), targets).backward()
    norm = torch.cat([p.grad.flatten() for p in before.parameters()]).norm().item()
    batches = Batches(inputs.float(), targets, batch_size=10)
    settings = {"epochs": 1, "clip_norm": share * norm, "amp_dtype": dtype, "progress": False}
    fit(model, batches, F.cross_entropy, sgd(model, lr=1.0), **settings)
    moved = torch.cat(
        [(p - q).flatten() for p, q in zip(model.parameters(), before.parameters(), strict=True)]
    )
    assert moved.norm().item() == pytest.approx(min(share, 1.0) * norm, rel=0.02)


def test_a_small_convnet_learns_twenty_digits_by_heart() -> None:
    torch.manual_seed(0)
    images, labels = load_digits("train")
    batches = Batches(images[:20], labels[:20], batch_size=8)
    model = ConvNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    fit(model, batches, F.cross_entropy, optimizer, epochs=40, progress=False)
    scores = evaluate(model, batches, F.cross_entropy, metrics=classification_metrics(10))
    assert scores["accuracy"] == 1.0
    assert scores["loss"] < 0.01


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be an int of at least 1, got 0"),
        ({"epochs": 1.5}, "epochs must be an int of at least 1, got 1.5"),
        ({"accumulate": 0}, "accumulate must be an int of at least 1, got 0"),
        ({"clip_norm": 0.0}, "clip_norm must be above 0, got 0.0"),
        ({"clip_norm": math.nan}, "clip_norm must be above 0, got nan"),
        (
            {"amp_dtype": torch.int8},
            "amp_dtype must be torch.bfloat16, torch.float16 or None, got torch.int8",
        ),
        ({"metrics": classification_metrics(3)}, "metrics are measured on validation, which is None"),
    ],
)
def test_bad_settings(settings: dict[str, object], message: str) -> None:
    model = linear()
    with pytest.raises(ValueError, match=message):
        fit(
            model,
            Batches(*problem()),
            F.cross_entropy,
            sgd(model),
            **{"epochs": 1, "progress": False} | settings,
        )


def test_batches_must_hold_something_in_every_epoch() -> None:
    model = linear()
    for batches, epoch in (([], 1), (iter(Batches(*problem())), 2)):
        with pytest.raises(ValueError, match=f"re-iterable and not empty, it yielded none in epoch {epoch}"):
            fit(model, batches, F.cross_entropy, sgd(model), epochs=2, progress=False)
    with pytest.raises(ValueError, match="batches must hold at least one example"):
        evaluate(model, [], F.cross_entropy)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y: y + 1, r"targets torch.int64 \(10,\) from 1 to 3: Target 3 is out of bounds"),
        (lambda y: y.float(), r"targets torch.float32 \(10,\) from 0.0 to 2.0"),
        (lambda y: y[:, None], r"targets torch.int64 \(10, 1\)"),
    ],
)
def test_targets_the_loss_refuses_are_described(spoil: object, message: str) -> None:
    inputs, targets = problem()
    targets[:3] = torch.tensor([0, 1, 2])
    model = linear()
    with pytest.raises(ValueError, match="loss_function refuses outputs torch.float64 .*" + message):
        fit(model, [(inputs, spoil(targets))], F.cross_entropy, sgd(model), epochs=1, progress=False)


def test_a_loss_without_reduction_is_refused() -> None:
    model = linear()

    def unreduced(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, reduction="none")

    message = r"loss_function refuses outputs .* 10 elements cannot be converted to Scalar"
    with pytest.raises(ValueError, match=message):
        fit(model, Batches(*problem()), unreduced, sgd(model), epochs=1, progress=False)
    with pytest.raises(ValueError, match=message):
        evaluate(model, Batches(*problem()), unreduced)


def test_progress_goes_to_stderr_or_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    model = linear()
    fit(model, Batches(*problem(), batch_size=4), F.cross_entropy, sgd(model), epochs=2, progress=False)
    assert capsys.readouterr() == ("", "")
    fit(model, Batches(*problem(), batch_size=4), F.cross_entropy, sgd(model), epochs=2, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "/6 " in err


def test_history_is_a_table() -> None:
    history = History()
    assert repr(history) == "History: no epoch yet"
    with pytest.raises(ValueError, match="no epoch has finished"):
        _ = history.last
    history.append({"train_loss": 1.25, "val_loss": 2.0})
    history.append({"train_loss": 0.5, "val_loss": 1.0})
    assert history["val_loss"] == [2.0, 1.0]
    assert history.last == {"train_loss": 0.5, "val_loss": 1.0}
    assert [row["train_loss"] for row in history.rows] == [1.25, 0.5]
    assert repr(history).splitlines()[2].split() == ["2", "0.5000", "1.0000"]
    with pytest.raises(KeyError, match="no column 'loss', it has"):
        history["loss"]
    with pytest.raises(ValueError, match=r"row must have the columns .* got \['train_loss'\]"):
        history.append({"train_loss": 0.1})
