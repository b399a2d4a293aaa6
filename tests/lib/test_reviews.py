"""The embedded film snippets, and the script that makes them."""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
from collections import Counter
from pathlib import Path

import pytest
import torch

from course_lib.data import reviews
from course_lib.data.reviews import SPLITS, load_reviews
from studies import build_reviews
from studies.build_reviews import letters_and_digits, scored_snippets, split_of


def test_there_are_as_many_as_promised_and_both_kinds():
    loaded = {split: load_reviews(split) for split in SPLITS}
    assert {split: len(r.texts) for split, r in loaded.items()} == {
        "train": 8077,
        "validation": 993,
        "test": 1000,
    }
    for r in loaded.values():
        assert r.labels.shape == r.scores.shape == (len(r.texts),)
        assert r.labels.dtype == torch.int64
        assert r.scores.dtype == torch.float32
        assert torch.equal(r.labels, (r.scores > 0).long())
        assert 0.45 < r.labels.float().mean() < 0.55
        assert r.scores.abs().min() >= 0.5
        assert r.scores.abs().max() <= 4


def test_no_text_is_in_two_splits_nor_twice_in_one():
    keys = Counter(letters_and_digits(text) for split in SPLITS for text in load_reviews(split).texts)
    assert len(keys) == 10_070
    assert max(keys.values()) == 1
    for split in SPLITS:
        assert all(split_of(text) == split for text in load_reviews(split).texts)


def test_texts_are_clean_and_scores_are_theirs():
    train = load_reviews()
    scores = dict(zip(train.texts, train.scores.tolist(), strict=True))
    assert scores["Effective but too tepid biopic"] == pytest.approx(-0.6)
    assert scores["Horrible."] == pytest.approx(-3.13333333333)
    for split in SPLITS:
        for text in load_reviews(split).texts:
            assert text == " ".join(text.split())
            assert "&amp;" not in text
            assert text.isprintable()


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split must be one of train, validation, test, got 'dev'"):
        load_reviews("dev")


@pytest.mark.parametrize("damage", ["truncated", "one bit"])
def test_a_damaged_file_is_refused_by_name_and_hash(damage, tmp_path: Path, monkeypatch):
    content = bytearray(reviews.EMBEDDED_FILE.read_bytes())
    if damage == "truncated":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 1
    path = tmp_path / "reviews.xz"
    path.write_bytes(content)
    monkeypatch.setattr(reviews, "EMBEDDED_FILE", path)
    with pytest.raises(ValueError, match="is corrupt or truncated") as caught:
        load_reviews()
    for part in (str(path), reviews.EMBEDDED_SHA256, hashlib.sha256(content).hexdigest()):
        assert part in str(caught.value)


def packed(member: str, content: bytes) -> bytes:
    """A .tar.gz of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_the_script_rebuilds_the_file_from_an_archive_of_the_sources_form(tmp_path: Path):
    lines = lzma.decompress(reviews.EMBEDDED_FILE.read_bytes()).decode("utf-8").split("\n")
    rows = [line.split("\t") for line in lines if line]
    table = "".join(f"{i}\t{score}\t{text.replace('&', '&amp;')}\n" for i, (score, text) in enumerate(rows))
    table += "0\t-0.49\tFaint praise.\n1\t1.0\tEFFECTIVE, but too tepid... biopic!\n"
    inner = packed(build_reviews.TABLE, table.encode("utf-8"))
    source, path = tmp_path / "source.tar.gz", tmp_path / "reviews.xz"
    source.write_bytes(packed(build_reviews.INNER_ARCHIVE, inner))
    sha256 = build_reviews.write_reviews(source, path, hashlib.sha256(source.read_bytes()).hexdigest())
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert lzma.decompress(path.read_bytes()).decode("utf-8") == "\n".join(lines)


@pytest.mark.parametrize("member", [build_reviews.INNER_ARCHIVE, build_reviews.TABLE])
def test_another_archive_is_refused_and_nothing_is_written(member, tmp_path: Path):
    inner = packed(build_reviews.TABLE if member == build_reviews.INNER_ARCHIVE else "other.txt", b"")
    outer = packed(
        "other.tar.gz" if member == build_reviews.INNER_ARCHIVE else build_reviews.INNER_ARCHIVE, inner
    )
    source, path = tmp_path / "source.tar.gz", tmp_path / "reviews.xz"
    source.write_bytes(outer)
    with pytest.raises(ValueError, match="is corrupt or truncated"):
        build_reviews.write_reviews(source, path)
    with pytest.raises(ValueError, match=f"archive must hold {member}"):
        build_reviews.write_reviews(source, path, hashlib.sha256(outer).hexdigest())
    with pytest.raises(ValueError, match=f"archive must hold {build_reviews.INNER_ARCHIVE}"):
        build_reviews.read_table(outer[:40])
    assert not path.exists()


def test_the_first_of_equal_texts_is_kept_and_the_lukewarm_are_not():
    table = "1\t0.5\tA  fine   film\n2\t-0.5\ta FINE film!\n3\t0.4999\tWell.\n4\t-4\tS&amp;M\n5\t2\t...\n"
    assert scored_snippets(table) == [("0.5", "A fine film"), ("-4", "S&M")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2\tgood\ttext", "line 2 must be number, score and text"),
        ("2\t1.0", "line 2 must be number, score and text"),
        ("2\t4.5\ttext", "line 2: the score must be from -4 to 4, got 4.5"),
        ("2\tnan\ttext", "line 2: the score must be from -4 to 4, got nan"),
    ],
)
def test_a_line_that_is_no_scored_snippet_is_named(line, message):
    with pytest.raises(ValueError, match=message):
        scored_snippets(f"1\t1.0\tFine.\n{line}\n")
