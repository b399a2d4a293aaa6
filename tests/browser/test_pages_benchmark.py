"""The benchmark of the pages measures the built book: what is loaded, dragged, started and checked."""

from __future__ import annotations

import pytest

from benchmarks import pages


def test_a_page_weighs_what_it_loads_before_a_click(browser, site, site_server):
    (intro, faq) = pages.weights(browser, site_server, ["book/intro.html", "book/faq.html"])
    for found in (intro, faq):
        assert found["requests"] > 5
        assert found["gzip_bytes"] < found["bytes"]
        assert found["bytes"] >= (site / found["page"]).stat().st_size
    assert intro["page"] == "book/intro.html"


def test_every_explorable_of_a_page_is_dragged_and_its_frames_timed(browser, site_server):
    found = pages.frames(browser, site_server, ["notebooks/04_linear_regression.html"])
    assert len(found) >= 2
    for row in found:
        assert row["frames"] >= pages.STEPS // 2
        assert 0 < row["median_ms"] <= row["worst_ms"]


def test_python_is_started_twice_and_every_known_answer_checked(browser, site_server):
    found = pages.python(browser, site_server)
    assert found["gzip_bytes"] > 1e6
    assert found["again_ms"] > 0
    assert len(found["check_ms"]) >= 10


def test_without_a_book_nothing_is_measured(tmp_path):
    with pytest.raises(FileNotFoundError, match="run make book"):
        pages.measure(tmp_path)
