"""The three classifiers against sums written out by hand, and the page's weights."""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from course_lib.data.digits import EMBEDDED_SHA256
from course_lib.models.image_classifiers import MLP, ConvNet, SoftmaxRegression
from course_lib.pretrained.digit_network import WEIGHTS, digit_network
from studies.digit_weights import write_weights
from studies.recipes import measure_accuracy


def images(batch: int = 3) -> Tensor:
    return torch.rand(batch, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(batch))


def by_loops(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve one image, (C, H, W), by definition: slide, multiply, add; the kernel is not flipped."""
    out_channels, _, height, width = weight.shape
    rows, columns = maps.shape[1] - height + 1, maps.shape[2] - width + 1
    result = torch.empty(out_channels, rows, columns, dtype=maps.dtype)
    for row in range(rows):
        for column in range(columns):
            window = maps[:, row : row + height, column : column + width]
            result[:, row, column] = (weight * window).sum(dim=(1, 2, 3)) + bias
    return result


def halved(maps: Tensor) -> Tensor:
    """Pool by 2×2: the largest of the four grids of every second pixel; an odd last row is dropped."""
    rows, columns = maps.shape[1] // 2 * 2, maps.shape[2] // 2 * 2
    corners = [maps[:, i:rows:2, j:columns:2] for i in (0, 1) for j in (0, 1)]
    return torch.stack(corners).amax(0)


def test_softmax_regression_is_one_matrix() -> None:
    model = SoftmaxRegression().double()
    x = images()
    wanted = torch.einsum("brc,krc->bk", x[:, 0], model.linear.weight.view(10, 28, 28)) + model.linear.bias
    torch.testing.assert_close(model(x), wanted)


@pytest.mark.parametrize("hidden", [1, 7, 128])
def test_mlp_is_two_matrices_and_a_bend(hidden: int) -> None:
    model = MLP(hidden).double()
    flat = images().reshape(3, 784)
    inner = flat @ model.first.weight.T + model.first.bias
    bent = torch.where(inner > 0, inner, torch.zeros_like(inner))
    torch.testing.assert_close(model(images()), bent @ model.second.weight.T + model.second.bias)


def test_convnet_is_what_its_docstring_says() -> None:
    """Here the ReLU comes before the pool: the two orders must agree."""
    model = ConvNet().double().eval()
    x = images(2)
    logits, features = model(x), model.features(x)
    for i in range(2):
        maps = halved(by_loops(x[i], model.conv1.weight, model.conv1.bias).clamp(min=0))
        assert maps.shape == (16, 12, 12)
        maps = halved(by_loops(maps, model.conv2.weight, model.conv2.bias).clamp(min=0))
        assert maps.shape == (32, 5, 5)
        maps = by_loops(maps, model.conv3.weight, model.conv3.bias).clamp(min=0)
        torch.testing.assert_close(features[i], maps)
        torch.testing.assert_close(logits[i], model.linear.weight @ maps.reshape(432) + model.linear.bias)


def test_the_convolution_by_loops_is_torchs() -> None:
    random = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 6, 5, dtype=torch.float64, generator=random)
    weight = torch.randn(3, 2, 3, 2, dtype=torch.float64, generator=random)
    bias = torch.randn(3, dtype=torch.float64, generator=random)
    torch.testing.assert_close(by_loops(maps, weight, bias), F.conv2d(maps[None], weight, bias)[0])
    torch.testing.assert_close(halved(maps), F.max_pool2d(maps[None], 2)[0])


@pytest.mark.parametrize(
    ("model", "parameters"),
    [(SoftmaxRegression(), 7850), (MLP(), 101_770), (MLP(5), 3985), (ConvNet(), 23_258)],
)
def test_parameter_counts(model: nn.Module, parameters: int) -> None:
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("kind", [SoftmaxRegression, MLP, ConvNet])
def test_every_parameter_gets_a_gradient_and_logits_have_their_shape(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = kind().double()
    logits = model(images(4))
    assert logits.shape == (4, 10)
    F.cross_entropy(logits, torch.arange(4)).backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("kind", [SoftmaxRegression, MLP, ConvNet])
def test_wrong_images_are_refused(kind: type[nn.Module]) -> None:
    for shape in ((28, 28), (2, 28, 28), (2, 3, 28, 28), (2, 1, 32, 32), (2, 784)):
        with pytest.raises(ValueError, match=r"images must have shape \(batch, 1, 28, 28\), got"):
            kind()(torch.zeros(shape))
    with pytest.raises(TypeError, match=r"images must be floating point, in .* got torch.uint8"):
        kind()(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))


def test_mlp_refuses_no_hidden_units() -> None:
    with pytest.raises(ValueError, match="hidden must be at least 1, got 0"):
        MLP(0)


def test_the_pages_weights_are_small_whole_and_good() -> None:
    tensors = load_file(WEIGHTS)
    assert {name: tuple(t.shape) for name, t in tensors.items()} == {
        name: tuple(t.shape) for name, t in ConvNet().state_dict().items()
    }
    assert {t.dtype for t in tensors.values()} == {torch.float16}
    assert all(torch.isfinite(t).all() for t in tensors.values())
    assert WEIGHTS.stat().st_size <= 70_000
    with safe_open(WEIGHTS, framework="pt") as file:
        provenance = file.metadata()
    assert provenance["data_sha256"] == EMBEDDED_SHA256
    accuracy = measure_accuracy(digit_network())
    assert accuracy == pytest.approx(float(provenance["test_accuracy"]), abs=1e-3)
    assert accuracy >= 0.985


def test_write_weights_rounds_to_half_precision(tmp_path: object) -> None:
    torch.manual_seed(1)
    model = ConvNet()
    path = tmp_path / "weights.safetensors"
    accuracy = write_weights(model, path, seed=1)
    for name, tensor in digit_network(path).state_dict().items():
        error = (tensor - model.state_dict()[name]).abs().max().item()
        largest = model.state_dict()[name].abs().max().item()
        assert 0 < error <= math.ldexp(largest, -11)  # half a unit in the last of 11 bits
    assert accuracy == measure_accuracy(digit_network(path))
    assert list(tmp_path.iterdir()) == [path]
    header = path.read_bytes()
    size = int.from_bytes(header[:8], "little")
    assert json.loads(header[8 : 8 + size])["__metadata__"]["seed"] == "1"


def test_dropout_takes_three_tenths_of_the_features_in_train_mode_only() -> None:
    torch.manual_seed(0)
    model = ConvNet()
    with torch.no_grad():
        model.linear.weight.fill_(1.0)
        model.linear.bias.zero_()
        model.conv3.weight.zero_()
        model.conv3.bias.fill_(1.0)  # every feature is 1, so a logit counts those that are left
        left = model.train()(torch.rand(200, 1, 28, 28))[:, 0] * 0.7
        whole = model.eval()(torch.rand(5, 1, 28, 28))
    assert torch.equal(whole, torch.full((5, 10), 432.0))
    torch.testing.assert_close(left, left.round(), rtol=0, atol=1e-3)
    assert left.mean().item() == pytest.approx(0.7 * 432, abs=5 * math.sqrt(432 * 0.3 * 0.7 / 200))
