"""Pruning: which weights go, what stays equal, what gets smaller and what does not."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.utils.flop_counter import FlopCounterMode

from course_lib.data.digits import load_digits
from course_lib.deploy.pruning import prune_channels, prune_weights
from course_lib.foundations.rounding import additions, assert_same_up_to_rounding
from course_lib.pretrained.digit_network import digit_network
from course_lib.training.memory import storage_bytes

CHAIN = ("conv1", "conv2", "conv3", "linear")


def zero_share(model: nn.Module) -> float:
    """The share of zeros among the weights of linear layers and convolutions."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    weights = torch.cat([layer.weight.flatten() for layer in layers])
    return int((weights == 0).sum()) / len(weights)


def operations(model: nn.Module, images: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(images)
    return counter.get_total_flops()


def layer_of(weight: list[list[float]]) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight))
    layer.weight.data = torch.tensor(weight)
    return layer


def test_the_smallest_weights_by_hand():
    layer = layer_of([[0.5, -0.1, 2.0], [-3.0, 0.0, 0.2]])
    assert prune_weights(layer, 0.5).weight.tolist() == [[0.5, 0, 2.0], [-3.0, 0, 0]]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
def test_torchs_own_pruning_keeps_the_same(share):
    torch.manual_seed(0)
    layer = nn.Linear(13, 7)
    ours = prune_weights(layer, share).weight
    if share:
        prune.l1_unstructured(layer, "weight", amount=share)
    assert torch.equal(ours, layer.weight)
    assert zero_share(prune_weights(nn.Linear(13, 7), share)) == round(share * 91) / 91


def test_of_equal_weights_exactly_the_share_goes():
    assert prune_weights(layer_of([[1.0] * 10]), 0.3).weight.tolist() == [[0.0] * 3 + [1.0] * 7]


def test_zeros_take_as_many_bytes_and_operations_as_before():
    model, images = digit_network(), load_digits("test").images[:2]
    sparse = prune_weights(model, 0.9)
    assert zero_share(sparse) == pytest.approx(0.9, abs=1e-3)
    assert storage_bytes(sparse.state_dict().values()) == storage_bytes(model.state_dict().values())
    assert operations(sparse, images) == operations(model, images)
    assert zero_share(model) < 0.01  # the model itself is as it was
    assert torch.equal(sparse.conv1.bias, model.conv1.bias)


def test_a_third_of_the_weights_can_go_before_accuracy_does():
    model, (images, labels) = digit_network(), load_digits("test")
    found = {}
    with torch.no_grad():
        for share in (0.0, 0.3, 0.95):
            found[share] = (prune_weights(model, share)(images).argmax(1) == labels).float().mean().item()
    assert found[0.3] > found[0.0] - 0.01
    assert found[0.95] < found[0.0] - 0.1


def test_without_channels_the_model_does_what_it_would_with_their_outputs_at_zero():
    """Weights into and out of the channels that go, all zeros, in the model of full width."""
    model, images = digit_network(), load_digits("test").images[:20]
    narrow = prune_channels(model, CHAIN, 0.5)
    assert [tuple(getattr(narrow, name).weight.shape) for name in CHAIN] == [
        (8, 1, 5, 5), (16, 8, 3, 3), (24, 16, 3, 3), (10, 216),
    ]  # fmt: skip
    wide = digit_network()
    for name, after in itertools.pairwise(CHAIN):
        layer, reader = getattr(wide, name), getattr(wide, after)
        sums = layer.weight.detach().abs().flatten(1).sum(1)
        gone = sums.argsort()[: len(sums) // 2]
        places = reader.weight.shape[1] // len(sums)
        with torch.no_grad():
            for channel in gone.tolist():
                layer.weight[channel] = 0
                layer.bias[channel] = 0
                reader.weight[:, channel * places : (channel + 1) * places] = 0
    with torch.no_grad():
        assert_same_up_to_rounding(narrow(images), wide(images), terms=additions(wide))


def test_fewer_channels_are_fewer_operations_and_bytes():
    model, images = digit_network(), load_digits("test").images[:2]
    narrow = prune_channels(model, CHAIN, 0.5)
    assert operations(narrow, images) < 0.4 * operations(model, images)
    left = 8 * (25 + 1) + 16 * (8 * 9 + 1) + 24 * (16 * 9 + 1) + 10 * (24 * 9 + 1)
    assert storage_bytes(narrow.state_dict().values()) == 4 * left
    assert (narrow.conv1.out_channels, narrow.conv2.in_channels, narrow.linear.in_features) == (8, 8, 216)
    assert model.conv1.out_channels == 16


def test_nothing_pruned_is_the_model_itself_and_one_output_always_stays():
    model, images = digit_network(), load_digits("test").images[:5]
    with torch.no_grad():
        assert torch.equal(prune_channels(model, CHAIN, 0.0)(images), model(images))
    assert prune_channels(model, CHAIN, 0.99).conv1.out_channels == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prune_weights(nn.Linear(2, 2), 1.1), "share must be from 0 to 1, got 1.1"),
        (lambda: prune_weights(nn.Linear(2, 2), float("nan")), "share must be from 0 to 1, got nan"),
        (lambda: prune_weights(nn.ReLU(), 0.5), "nn.Linear or nn.Conv2d, got ReLU"),
        (lambda: prune_channels(digit_network(), CHAIN, 1), "share must be below 1 for channels"),
        (lambda: prune_channels(digit_network(), CHAIN[:1], 0.5), "at least two layers"),
        (lambda: prune_channels(digit_network(), ("conv1", "pool"), 0.5), "got 'pool'"),
        (lambda: prune_channels(digit_network(), ("conv3", "conv2"), 0.5), "conv2 reads 16, conv3 gives 48"),
    ],
)
def test_what_cannot_be_pruned_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
