"""Jittered images against a bilinear interpolation written out pixel by pixel."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data.batches import Batches, Jittered
from course_lib.foundations.rounding import rounding_bound


def sample(image: np.ndarray, x: float, y: float) -> float:
    """The image's value between its pixels; 0 beyond them."""
    total = 0.0
    for column in (math.floor(x), math.floor(x) + 1):
        for row in (math.floor(y), math.floor(y) + 1):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                total += image[row, column] * (1 - abs(x - column)) * (1 - abs(y - row))
    return total


def slack(images: torch.Tensor) -> float:
    """The map is computed in float32, in ten steps at most, up to the width; a pixel is worth 2 at most."""
    return 2 * rounding_bound(torch.tensor([float(max(images.shape[2:]))]), terms=10)


@settings(max_examples=15, deadline=None)
@given(degrees=st.floats(0, 90), scale=st.floats(0, 0.5), shift=st.floats(0, 3), seed=st.integers(0, 1000))
def test_distortion_is_the_documented_map(degrees: float, scale: float, shift: float, seed: int) -> None:
    images = torch.rand(2, 1, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    jitter = Jittered(
        [], degrees=degrees, scale=scale, shift=shift, generator=torch.Generator().manual_seed(seed)
    )
    found = jitter.distort(images)
    draws = torch.rand(4, 2, generator=torch.Generator().manual_seed(seed)).double().numpy() * 2 - 1
    for i in range(2):
        angle, factor = draws[0, i] * math.radians(degrees), 1 + draws[1, i] * scale
        for row in range(5):
            for column in range(8):
                x, y = column - 3.5, row - 2.0  # from the image's centre, in pixels
                x_in = factor * (math.cos(angle) * x - math.sin(angle) * y) + draws[2, i] * shift
                y_in = factor * (math.sin(angle) * x + math.cos(angle) * y) + draws[3, i] * shift
                wanted = sample(images[i, 0].numpy(), x_in + 3.5, y_in + 2.0)
                assert found[i, 0, row, column].item() == pytest.approx(wanted, abs=slack(images))


def test_zero_settings_change_nothing() -> None:
    images = torch.rand(3, 1, 28, 28)
    found = Jittered([], degrees=0, scale=0, shift=0).distort(images)
    torch.testing.assert_close(found, images, rtol=0, atol=slack(images))


def test_batches_keep_their_labels_and_change_anew_each_pass() -> None:
    images, labels = torch.rand(10, 1, 28, 28), torch.arange(10)
    batches = Jittered(
        Batches(images, labels, batch_size=4, shuffle=False), generator=torch.Generator().manual_seed(0)
    )
    first, second = list(batches), list(batches)
    assert len(batches) == len(first) == 3
    assert [y.tolist() for _, y in first] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert all(x.dtype == images.dtype and x.shape[1:] == (1, 28, 28) for x, _ in first)
    assert not any(torch.equal(a, b) for (a, _), (b, _) in zip(first, second, strict=True))
    values = torch.cat([x for x, _ in first])
    assert values.min() >= 0
    assert values.max() <= images.max() + 1e-6


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"degrees": 181}, "degrees must lie in 0 … 180, got 181"),
        ({"degrees": math.nan}, "degrees must lie in 0 … 180, got nan"),
        ({"scale": 1.0}, "scale must lie in 0 ≤ scale < 1, got 1.0"),
        ({"shift": -1}, "shift must be a finite number of pixels, at least 0, got -1"),
        ({"shift": math.inf}, "shift must be a finite number of pixels, at least 0, got inf"),
    ],
)
def test_bad_settings(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Jittered([], **setting)


def test_bad_images() -> None:
    with pytest.raises(ValueError, match=r"images must have shape \(batch, C, H, W\), got \(28, 28\)"):
        Jittered([]).distort(torch.zeros(28, 28))
