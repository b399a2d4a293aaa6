"""The embedded digits, the script that makes them, and the full set from a pretended mirror."""

import gzip
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import MNIST

from course_lib.data import digits
from studies import build_digits


@pytest.mark.parametrize(("split", "count"), [("train", 8_000), ("test", 2_000)])
def test_embedded_digits_have_the_promised_form(split: str, count: int) -> None:
    images, labels = digits.load_digits(split)
    assert images.shape == (count, 1, 28, 28)
    assert images.dtype == torch.float32
    assert (images.min().item(), images.max().item()) == (0.0, 1.0)
    assert labels.shape == (count,)
    assert labels.dtype == torch.int64
    assert labels.bincount(minlength=10).min() > 0.08 * count  # every digit, about a tenth each
    assert labels.max() == 9


def test_pixels_are_bytes_over_255() -> None:
    images = digits.load_digits("test").images
    bytes_back = (images.double() * 255).round()
    torch.testing.assert_close(images, (bytes_back / 255).float(), rtol=0, atol=0)


def test_no_test_digit_is_a_training_digit() -> None:
    train = {image.numpy().tobytes() for image in digits.load_digits("train").images}
    test = {image.numpy().tobytes() for image in digits.load_digits("test").images}
    assert len(train) + len(test) == 10_000
    assert not train & test


def test_each_digit_looks_like_its_label() -> None:
    """The nearest mean image of the training digits names most test digits: labels belong to images."""
    train, test = digits.load_digits("train"), digits.load_digits("test")
    means = torch.stack([train.images[train.labels == digit].mean(0).flatten() for digit in range(10)])
    nearest = torch.cdist(test.images.flatten(1), means).argmin(1)
    assert (nearest == test.labels).float().mean() > 0.75


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"split": "valid"}, "split must be 'train' or 'test', got 'valid'"),
        ({"source": "web"}, "source must be 'embedded' or 'full', got 'web'"),
    ],
)
def test_unknown_split_or_source(call: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        digits.load_digits(**call)


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty"])
def test_a_damaged_file_is_refused_by_name_and_hash(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(digits.EMBEDDED_FILE.read_bytes())
    if damage == "one bit":
        content[len(content) // 2] ^= 1
    else:
        content = content[: 0 if damage == "empty" else len(content) // 2]
    path = tmp_path / "digits.npz"
    path.write_bytes(content)
    monkeypatch.setattr(digits, "EMBEDDED_FILE", path)
    with pytest.raises(ValueError, match="is corrupt or truncated") as caught:
        digits.load_digits()
    for part in (str(path), digits.EMBEDDED_SHA256, hashlib.sha256(content).hexdigest()):
        assert part in str(caught.value)
    assert path.read_bytes() == content


def fake_package(folder: Path, per_digit: int) -> np.ndarray:
    """Write an npm package of random digits, every image unlike all others; give its bytes back."""
    pixels = np.random.default_rng(0).integers(0, 256, (10, per_digit, 28, 28), dtype=np.uint8)
    (folder / "src" / "digits").mkdir(parents=True)
    for digit in range(10):
        values = [round(value / 255, 3) for value in pixels[digit].reshape(-1).tolist()]
        (folder / "src" / "digits" / f"{digit}.json").write_text(json.dumps({"data": values}))
    return pixels


def test_build_digits_restores_every_byte_and_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_digits, "EXAMPLES", 30)
    pixels = fake_package(tmp_path / "package", per_digit=3)
    output = tmp_path / "digits.npz"
    sha256 = build_digits.write_digits(tmp_path / "package", output)
    assert sha256 == hashlib.sha256(output.read_bytes()).hexdigest()
    with np.load(output) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    found = sorted((int(label), image.tobytes()) for image, label in zip(images, labels, strict=True))
    wanted = sorted((digit, image.tobytes()) for digit in range(10) for image in pixels[digit])
    assert found == wanted
    assert labels.tolist() != sorted(labels.tolist())  # shuffled
    assert [path.name for path in tmp_path.glob("*.npz")] == ["digits.npz"]


def test_build_digits_refuses_other_packages(tmp_path: Path) -> None:
    fake_package(tmp_path, per_digit=2)
    with pytest.raises(ValueError, match="holds 20 images, expected 10000"):
        build_digits.write_digits(tmp_path, tmp_path / "digits.npz")
    (tmp_path / "src" / "digits" / "4.json").write_text(json.dumps({"data": [0.0] * 783}))
    with pytest.raises(ValueError, match=r"4\.json does not hold whole 28×28 images"):
        build_digits.write_digits(tmp_path, tmp_path / "digits.npz")
    assert not (tmp_path / "digits.npz").exists()


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror on disk with 5 training and 3 test digits, and an empty cache."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    random = np.random.default_rng(1)
    for split, count in (("train", 5), ("test", 3)):
        arrays = random.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.uint8)
        for name, array in zip(digits.FILES[split], arrays, strict=True):
            (folder / name).write_bytes(idx(array))
    hashes = [
        (path.name, hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest())
        for path in folder.iterdir()
    ]
    monkeypatch.setattr(MNIST, "resources", hashes)
    monkeypatch.setattr(MNIST, "mirrors", ["file:///nowhere/", folder.as_uri() + "/"])
    monkeypatch.setenv("COURSE_LIB_CACHE", str(tmp_path / "cache"))
    return folder


def test_full_digits_come_from_the_second_mirror_and_then_from_the_cache(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = digits.load_digits("test", source="full")
    raw = gzip.decompress((mirror / digits.FILES["test"][0]).read_bytes())
    wanted = torch.frombuffer(bytearray(raw[16:]), dtype=torch.uint8).reshape(3, 1, 28, 28) / 255
    torch.testing.assert_close(first.images, wanted, rtol=0, atol=0)
    assert first.labels.tolist() == [0, 1, 2]
    monkeypatch.setattr(MNIST, "mirrors", [])
    again = digits.load_digits("test", source="full")
    assert torch.equal(again.images, first.images)


def test_without_a_network_the_embedded_digits_are_used_and_it_says_so(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MNIST, "mirrors", [(mirror / "gone").as_uri() + "/"])
    with pytest.warns(UserWarning, match="full MNIST is out of reach .* using the embedded digits"):
        found = digits.load_digits("train", source="full")
    assert torch.equal(found.images, digits.load_digits("train").images)


def test_a_download_with_another_hash_is_refused_and_not_kept(mirror: Path, tmp_path: Path) -> None:
    name = digits.FILES["train"][0]
    damaged = (mirror / name).read_bytes()[:-4]
    (mirror / name).write_bytes(damaged)
    with pytest.raises(ValueError, match=f"{name} as downloaded .* expected MD5 .* found") as caught:
        digits.load_digits("train", source="full")
    assert hashlib.md5(damaged, usedforsecurity=False).hexdigest() in str(caught.value)
    assert not (tmp_path / "cache" / "mnist" / name).exists()


def test_a_damaged_cache_is_refused_by_name(mirror: Path, tmp_path: Path) -> None:
    digits.load_digits("train", source="full")
    path = tmp_path / "cache" / "mnist" / digits.FILES["train"][1]
    path.write_bytes(b"not a gzip file")
    with pytest.raises(ValueError, match="delete it to fetch it again") as caught:
        digits.load_digits("train", source="full")
    assert str(path) in str(caught.value)
    assert dict(MNIST.resources)[path.name] in str(caught.value)
    assert sorted(mirror.iterdir())  # the mirror is not what was read


def test_an_interrupted_download_leaves_nothing(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    assert len(list(mirror.iterdir())) == 4
    monkeypatch.setattr(digits.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        digits.load_digits("train", source="full")
    assert list((tmp_path / "cache" / "mnist").iterdir()) == []


def test_the_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_LIB_CACHE", str(tmp_path))
    assert digits.cache_folder() == tmp_path
    monkeypatch.delenv("COURSE_LIB_CACHE")
    monkeypatch.setattr(digits.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert digits.cache_folder() == tmp_path / "xdg" / "course_lib"
