"""The positional encoding explorable's Python side: its words, its printed code, its errors."""

from __future__ import annotations

import pytest
import torch

from course_explorables.positional_encoding import WIDTHS, PositionalEncoding, query_and_key
from course_lib.models.positions import rotate, sinusoidal


@pytest.mark.parametrize("width", WIDTHS)
def test_the_two_words_resemble_each_other_at_every_width(width):
    query, key = query_and_key(width)
    assert query.shape == key.shape == (width,)
    assert torch.cosine_similarity(query, key, dim=0) > 0.5
    wide = query_and_key(128)
    assert torch.equal(query, wide[0][:width])
    assert torch.equal(key, wide[1][:width])


@pytest.mark.parametrize(("query", "key", "width", "base"), [(0, 63, 16, 100), (40, 3, 128, 12_300.5)])
def test_the_printed_code_gives_the_librarys_scores(query, key, width, base, capsys):
    widget = PositionalEncoding("RoPE", query=query, key=key, width=width, base=base)
    exec(widget.code(), {})
    first, second = capsys.readouterr().out.splitlines()
    q, k = query_and_key(width)
    places = sinusoidal(64, width, base=base, dtype=torch.float64)
    turned = [rotate(each[None], torch.tensor([at]), base) for each, at in ((q, query), (k, key))]
    assert first == (
        f"sinusoid: P·P {places[query] @ places[key]:.6f}, "
        f"with words {(q + places[query]) @ (k + places[key]):.6f}"
    )
    assert second == f"RoPE: {(turned[0] * turned[1]).sum():.6f}"


def test_a_whole_base_is_printed_whole():
    assert "width, base = 64, 10000\n" in PositionalEncoding().code()
    assert "base = 64, 123.5\n" in PositionalEncoding(base=123.5).code()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kind": "learned"}, "kind must be 'sinusoid' or 'RoPE', got 'learned'"),
        ({"query": 64}, "query must be a whole number from 0 to 63, got 64"),
        ({"key": -1}, "key must be a whole number from 0 to 63, got -1"),
        ({"key": 1.5}, "key must be a whole number from 0 to 63, got 1.5"),
        ({"width": 48}, "width must be one of 16, 32, 64, 128, got 48"),
        ({"base": 99.0}, "base must lie between 100 and 100000, got 99"),
        ({"base": float("nan")}, "base must lie between 100 and 100000, got nan"),
    ],
)
def test_errors_name_the_parameter(options, text):
    with pytest.raises(ValueError, match=text):
        PositionalEncoding(**options)


@pytest.mark.parametrize("width", [0, 3, 130])
def test_query_and_key_refuse_a_width_they_do_not_have(width):
    with pytest.raises(ValueError, match=f"width must be an even number from 2 to 128, got {width}"):
        query_and_key(width)
