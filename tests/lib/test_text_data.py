"""The two embedded corpora, and the script that makes them."""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from pathlib import Path

import pytest

from course_lib.data import text
from course_lib.data.text import load_moby_dick, load_tang, quatrains_as_text
from studies import build_text


def test_moby_dick_is_split_by_whole_chapters():
    train, validation = load_moby_dick(), load_moby_dick("validation")
    held_out = validation.split("\n\n\n")
    numbers = [int(re.match(r"CHAPTER (\d+)\. ", chapter)[1]) for chapter in held_out]
    assert numbers == list(range(10, 131, 10))
    kept = train.split("\n\n\n")
    assert len(kept) == 136 - 13
    assert kept[0].startswith("CHAPTER 1. Loomings.\n\nCall me Ishmael. Some years ago--never mind how long")
    assert kept[-1].startswith("Epilogue")
    assert not any(chapter in train for chapter in held_out)
    assert len(train) + len(validation) > 1_190_000


def test_moby_dick_is_plain_and_unwrapped():
    whole = load_moby_dick() + "\n\n\n" + load_moby_dick("validation")
    assert all(character == "\n" or " " <= character <= "~" for character in whole)
    assert not re.search(r"  | \n|\n |\n{4}", whole)
    # A line end within a paragraph parts verses; a wrapped line would go on with a small letter.
    assert not re.search(r"[^\n]\n[a-z]", whole)
    assert "The ribs and terrors in the whale,\nArched over me a dismal gloom,\nWhile all God's" in whole


def test_tang_quatrains_are_strict_and_counted():
    train, validation = load_tang(), load_tang("validation")
    assert len(train) + len(validation) == 10_247
    assert 900 < len(validation) < 1025
    for quatrain in train + validation:
        assert len(quatrain) == 4
        assert all(re.fullmatch("[\u4e00-\u9fff]{7}", line) for line in quatrain)
    assert len(set(train + validation)) == 10_247
    assert ("月落烏啼霜滿天", "江楓漁父對愁眠", "姑蘇城外寒山寺", "夜半鐘聲到客船") in train + validation


def test_no_line_of_a_validation_quatrain_was_trained_on():
    seen = {line for quatrain in load_tang() for line in quatrain}
    assert not any(line in seen for quatrain in load_tang("validation") for line in quatrain)


def test_quatrains_are_written_with_an_empty_line_after_each():
    poems = load_tang()[:2]
    assert quatrains_as_text(poems) == "\n".join(poems[0]) + "\n\n" + "\n".join(poems[1]) + "\n\n"
    assert quatrains_as_text([]) == ""


@pytest.mark.parametrize("load", [load_moby_dick, load_tang])
def test_an_unknown_split_is_refused(load):
    with pytest.raises(ValueError, match="split must be 'train' or 'validation', got 'test'"):
        load("test")


@pytest.mark.parametrize(("load", "name"), [(load_moby_dick, "MOBY_DICK"), (load_tang, "TANG")])
@pytest.mark.parametrize("damage", ["truncated", "one bit"])
def test_a_damaged_file_is_refused_by_name_and_hash(load, name, damage, tmp_path: Path, monkeypatch):
    content = bytearray(getattr(text, f"{name}_FILE").read_bytes())
    if damage == "truncated":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 1
    path = tmp_path / "text.xz"
    path.write_bytes(content)
    monkeypatch.setattr(text, f"{name}_FILE", path)
    with pytest.raises(ValueError, match="is corrupt or truncated") as caught:
        load()
    for part in (str(path), getattr(text, f"{name}_SHA256"), hashlib.sha256(content).hexdigest()):
        assert part in str(caught.value)


def embedded(path: Path) -> str:
    return lzma.decompress(path.read_bytes()).decode("utf-8")


def test_the_script_rebuilds_moby_dick_from_a_package_of_the_sources_form(tmp_path: Path):
    chapters = embedded(text.MOBY_DICK_FILE).split("\n\n\n")
    data = tmp_path / "package" / "data"
    data.mkdir(parents=True)
    names = [f"chapter_{number}.txt" for number in range(1, 136)] + ["epilogue.txt"]
    (data / "file_list.json").write_text(json.dumps(["contents.txt", *names]))
    for name, chapter in zip(names, chapters, strict=True):
        (data / name).write_text(chapter.replace("--", "—") + "\n", "utf-8")
    rebuilt = build_text.read_moby_dick(tmp_path / "package")
    assert rebuilt == embedded(text.MOBY_DICK_FILE)
    path = tmp_path / "moby.xz"
    sha256 = build_text.write_text(rebuilt, path)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert embedded(path) == rebuilt
    (data / "file_list.json").write_text(json.dumps(names[:-1]))
    with pytest.raises(ValueError, match="holds 135 chapters, expected 136"):
        build_text.read_moby_dick(tmp_path / "package")


def test_a_chapter_is_cleaned_as_promised():
    source = "CHAPTER 1. Sea.\n\nOne—two \n  three.\n \n     A verse,     And a verse."
    source += "\n\n   *a note      that goes on\n"
    assert build_text.clean_chapter(source) == (
        "CHAPTER 1. Sea.\n\nOne--two\nthree.\n\nA verse,\nAnd a verse.\n\n*a note that goes on"
    )
    with pytest.raises(ValueError, match="has 'é' after 'caf'"):
        build_text.clean_chapter("café")
    with pytest.raises(ValueError, match="must hold a chapter"):
        build_text.clean_chapter(" \n ")


def test_the_script_rebuilds_the_quatrains_from_a_package_of_the_sources_form(tmp_path: Path):
    folder = tmp_path / "dist" / "quantangshi"
    folder.mkdir(parents=True)
    quatrains = [load_tang("train")[index] for index in range(30)]
    poems = [["{}，{}。".format(*q[:2]), "{}，{}。".format(*q[2:])] for q in quatrains]
    poems.insert(3, ["秦川雄帝宅，函谷壯皇居。"])
    poems.insert(5, poems[0])
    for number, part in ((2000, poems[20:]), (0, poems[:10]), (1000, poems[10:20])):
        path = folder / f"poet.tang.{number}.json"
        path.write_text(json.dumps([{"paragraphs": p, "author": "x"} for p in part]), "utf-8")
    train, validation = build_text.read_tang(tmp_path).split("\n\n")
    rows = [" ".join(quatrain) for quatrain in quatrains]
    assert validation.splitlines() == [rows[9], rows[19], rows[29]]
    assert train.splitlines() == [row for index, row in enumerate(rows) if index not in (9, 19, 29)]
    with pytest.raises(FileNotFoundError, match=r"holds no poet\.tang"):
        build_text.read_tang(tmp_path / "elsewhere")


def test_a_quatrain_that_shares_a_line_stays_with_training():
    lines = [tuple(f"{number}-{line}" for line in range(4)) for number in range(20)]
    lines[9] = (*lines[9][:3], lines[2][3])
    train, validation = build_text.divide_quatrains(lines)
    assert validation == [lines[19]]
    assert train == lines[:19]


@pytest.mark.parametrize(
    "poem",
    [
        "一二三四五六七，一二三四五六七。一二三四五六七，一二三四五六七？",
        "一二三四五六七，一二三四五六七。一二三四五六七，一二三四五六。",
        "一二三四五六□，一二三四五六七。一二三四五六七，一二三四五六七。",
        "",
    ],
)
def test_other_forms_are_no_strict_quatrains(poem):
    assert build_text.strict_quatrains([poem]) == []
