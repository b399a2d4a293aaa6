"""Figures show the data they were given, and the same data gives the same bytes."""

from __future__ import annotations

import io

import matplotlib

matplotlib.use("agg")

import itertools

import matplotlib.pyplot as plt
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from course_lib import plots
from course_lib.foundations.scalar_autograd import Value


@pytest.fixture
def ax():
    with plt.rc_context():
        plots.use_book_style("svg")
        figure, ax = plt.subplots()
        yield ax
        plt.close(figure)


def svg_of(figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue().decode()


def displayed(ys) -> str:
    """The SVG that a notebook stores of a line."""
    figure, ax = plt.subplots()
    ax.plot(ys)
    ax.scatter(range(len(ys)), ys)
    ax.fill_between(range(len(ys)), ys, -1)
    formatter = InteractiveShell.instance().display_formatter.formatters["image/svg+xml"]
    shown = formatter(figure)
    plt.close(figure)
    return shown


@pytest.mark.usefixtures("ax")
def test_another_processors_last_digits_leave_the_stored_figure_as_it_is():
    x = torch.linspace(-1, 1, 9, dtype=torch.float64) ** 3
    stored = displayed(x.tolist())
    assert displayed((x * (1 + 2e-7)).tolist()) == stored
    assert displayed((x + 0.01).tolist()) != stored
    assert plots._in_hundredths('<path d="M -0.504321 -0.001 L 1 2"/>') == '<path d="M -0.5 0 L 1 2"/>'
    assert plots._in_hundredths('<g transform="scale(0.015625)"/>') == '<g transform="scale(0.015625)"/>'


def test_curves_draw_each_line_and_label_it_without_overlap(ax):
    x = torch.linspace(0, 1, 5)
    assert plots.curves(ax, x, {"one": x, "two": x + 0.001, "three": 2 * x}) is ax
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 5]
    assert [list(line.get_ydata()) for line in drawn] == [x.tolist(), (x + 0.001).tolist(), (2 * x).tolist()]
    labels = {text.get_text(): text.xy[1] for text in ax.texts}
    assert labels.keys() == {"one", "two", "three"}
    heights = sorted(labels.values())
    assert min(b - a for a, b in itertools.pairwise(heights)) > 0.07


def test_curves_refuse_lines_of_another_length(ax):
    with pytest.raises(ValueError, match=r"lines\['short'\] has 2 points but x has 3"):
        plots.curves(ax, [0, 1, 2], {"short": [0, 1]})


def test_pictures_show_each_image_under_its_title():
    figure, axes = plt.subplots(1, 2)
    images = [torch.rand(4, 4), torch.rand(4, 4)]
    plots.pictures(axes, images, ["a", "b"])
    for ax, image, title in zip(axes, images, "ab", strict=True):
        assert torch.equal(torch.tensor(ax.images[0].get_array().data), image)
        assert ax.get_title() == title
    plots.headline(figure, "two")
    assert figure.get_suptitle() == "two"
    plt.close(figure)


def test_signed_map_is_centred_at_zero(ax):
    plots.signed_map(ax, torch.tensor([[-1.0, 3.0]]))
    assert ax.images[0].get_clim() == (-3.0, 3.0)


def test_confusion_writes_every_count(ax):
    plots.confusion(ax, torch.tensor([[9, 1], [0, 7]]))
    assert sorted(text.get_text() for text in ax.texts) == ["1", "7", "9"]
    assert ax.images[0].get_array().max() == 1.0


def test_confusion_leaves_small_counts_to_their_colour(ax):
    plots.confusion(ax, torch.tensor([[9, 1], [3, 7]]), least=3)
    assert sorted(text.get_text() for text in ax.texts) == ["3", "7", "9"]


def test_reliability_places_a_dot_a_bin(ax):
    plots.reliability(ax, torch.tensor([0.2, 0.8]), torch.tensor([0.3, 0.7]), torch.tensor([5, 10]))
    dots = [number for dot in ax.collections[0].get_offsets().tolist() for number in dot]
    assert dots == pytest.approx([0.2, 0.3, 0.8, 0.7])
    small, large = ax.collections[0].get_sizes()
    assert large > small


def test_the_graph_shows_every_value_and_gradient(ax):
    x, w = Value(3.0, "x"), Value(-2.0, "w")
    y = x * w + x
    y.backward()
    plots.computation_graph(ax, y)
    texts = "\n".join(text.get_text() for text in ax.texts)
    for expected in ("x", "w", "(×)", "(+)", "3\ngrad -1", "-2\ngrad 3", "-6\ngrad 1", "-3\ngrad 1"):
        assert expected in texts
    places = [(round(t.xyann[0], 3), round(t.xyann[1], 3)) for t in ax.texts if t.get_text() == ""]
    assert len(places) == 4, "one arrow per use"


def test_a_value_used_twice_by_one_operation_has_two_arrows_side_by_side(ax):
    s = Value(2.0, "s")
    plots.computation_graph(ax, s * s)
    bows = [text.arrowprops["connectionstyle"] for text in ax.texts if text.get_text() == ""]
    assert len(set(bows)) == 2


def test_the_same_data_gives_the_same_bytes():
    texts = []
    for _ in range(2):
        with plt.rc_context():
            plots.use_book_style("svg")
            figure, ax = plt.subplots()
            plots.curves(ax, [0, 1], {"a": [0, 1]})
            texts.append(svg_of(figure))
            plt.close(figure)
    assert texts[0] == texts[1]
    assert "<text" in texts[0], "words stay words"


def test_an_unknown_format_is_named():
    with pytest.raises(ValueError, match="figure_format must be 'svg' or 'png', got 'gif'"):
        plots.use_book_style("gif")
