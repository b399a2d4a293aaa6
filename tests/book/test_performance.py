"""The page Performance: every figure is a record's, and a record of other code or another layout says so."""

from __future__ import annotations

import json
import re
import statistics

import pytest
from bs4 import BeautifulSoup
from zero_book import performance

from benchmarks.__main__ import GROUPS
from course_lib import records

NAMES = [*GROUPS, "gpu"]


def page(site) -> str:
    html = (site / "book" / "performance.html").read_text("utf-8")
    return BeautifulSoup(html, "html.parser").article.get_text()


def test_every_record_stands_on_the_page_with_its_command_and_day(site):
    text = page(site)
    for name in NAMES:
        record = records.load_record(name)
        assert record["command"] in text
        assert record["date"] in text


def test_the_ratios_and_times_on_the_page_are_the_records(site):
    text = page(site)
    rows = [row for name in NAMES for row in records.load_record(name).get("comparisons", ())]
    assert len(rows) > 20
    for row in rows:
        pairs = zip(row["baseline_seconds"], row["candidate_seconds"], strict=True)
        assert f"\n{statistics.median(b / c for b, c in pairs):.2f}\n" in text


def test_no_figure_of_a_measurement_is_typed_on_the_page():
    source = (records.ROOT / "book" / "performance.md").read_text("utf-8")
    prose = re.sub(r"\]\([^)]*\)|\[chapter \d+|\[Chapter \d+", "", source)
    assert set(re.findall(r"\d+(?:\.\d+)?", prose)) == {"1", "98", "2", "60", "16.7"}


def test_attention_s_exponent_is_that_of_a_made_up_power_law():
    def row(seq):
        times = [seq**2.5 * 1e-9], [seq**2 * 1e-9]
        return {
            **dict(zip(("baseline_seconds", "candidate_seconds"), times, strict=True)),
            **{"baseline_median": times[0][0], "candidate_median": times[1][0], "ratio": seq**0.5},
            **{"name": "n", "baseline": "by hand", "candidate": "kernel", "facts": {"seq": seq}},
        }

    text = performance.exponents({"comparisons": [row(seq) for seq in (64, 512, 1024)]})
    assert "Between 512 and 1,024 positions" in text
    assert "2.50 for `by hand` and 2.00 for `kernel`" in text


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0001234, "0.123"), (0.01, "10.0"), (0.4567, "457"), (12.3456, "12,346")]
)
def test_times_have_three_digits(seconds, shown):
    assert performance.milliseconds(seconds) == shown


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """One record in a folder of its own, with a file whose code it measured."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("print(1)\n")
    record = dict(records.load_record("lora"))
    record["code"] = records.code_hashes(["code"], tmp_path)

    def written(**changes):
        (tmp_path / "lora.json").write_text(json.dumps(record | changes))
        return performance.laid_out("lora")

    original = records.load_record
    monkeypatch.setattr(performance, "load_record", lambda name: original(name, tmp_path))
    monkeypatch.setattr(performance, "changed_since", lambda found: records.changed_since(found, tmp_path))
    return tmp_path, written


def test_a_record_of_the_code_as_it_stands_is_not_stale(copied):
    _, written = copied
    text, stale = written()
    assert "models.lora" in text
    assert not stale


def test_a_record_of_changed_code_is_stale_and_still_shown(copied):
    folder, written = copied
    (folder / "code" / "a.py").write_text("print(2)\n")
    text, stale = written()
    assert "models.lora" in text
    assert stale == "Since this was measured, code changed."
    (folder / "code" / "a.py").unlink()
    assert written()[1] == "Since this was measured, code changed."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": 2}, "must be of schema version 1, got 2"),
        ({"code": {}}, "must record the code it measured"),
    ],
)
def test_a_record_of_another_layout_says_so(copied, changes, said):
    _, written = copied
    assert said in written(**changes)[1]


@pytest.mark.usefixtures("copied")
def test_where_there_is_no_record_the_page_says_what_writes_it():
    assert performance.laid_out("gpt") == ("", "There is no record yet: python -m benchmarks gpt writes it.")


def test_a_notebook_s_prose_is_not_its_code(tmp_path):
    def digest(prose, code):
        cells = [{"cell_type": "markdown", "source": prose}, {"cell_type": "code", "source": [code]}]
        (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
        return records.code_hashes(["n.ipynb"], tmp_path)["n.ipynb"]

    assert digest("a", "1") == digest("b", "1") != digest("a", "2")
    assert records.code_hashes(["gone.py"], tmp_path) == {"gone.py": "missing"}
