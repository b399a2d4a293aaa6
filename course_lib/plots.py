"""The book's figures: one style, one meaning for each colour.

Every function takes an axes and plain data, draws, and returns the axes. None of them trains or computes
anything but positions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.foundations.scalar_autograd import Value, topological_order

# Okabe and Ito's palette, safe for colour-blind readers; each hue means one thing throughout the book.
COLOURS = {
    "data": "#0072B2",
    "model": "#E69F00",
    "parameter": "#009E73",
    "gradient": "#D55E00",
    "loss": "#CC79A7",
    "grey": "#757575",
    "light": "#B5B5B5",
}
INK = "#757575"  # legible on the white and on the dark page alike

_SMALL_TITLE = {"fontsize": 9.5, "fontweight": "normal", "loc": "center"}

_STYLE = {
    "figure.figsize": (6.4, 3.6),
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 150,
    "savefig.transparent": True,
    "svg.hashsalt": "pytorch-from-zero",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"],
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": COLOURS["light"],
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.prop_cycle": plt.cycler(
        color=[COLOURS[k] for k in ("data", "model", "parameter", "gradient", "loss")]
    ),
    "figure.facecolor": "none",
    "grid.color": "#9A9A9A",
    "grid.alpha": 0.25,
    "grid.linewidth": 0.8,
    "image.cmap": "cividis",
    "legend.frameon": False,
    "lines.linewidth": 2.2,
    "xtick.color": INK,
    "ytick.color": INK,
}


def use_book_style(figure_format: str = "svg") -> None:
    """Set the book's style for every figure that follows, in this kernel.

    ``"svg"`` is for figures of exact data, ``"png"`` for pictures with many pixels.
    """
    if figure_format not in ("svg", "png"):
        raise ValueError(f"figure_format must be 'svg' or 'png', got {figure_format!r}")
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    plt.rcParams.update(_STYLE)
    # bbox_inches=None keeps the size asked for; without a date the same data gives the same bytes.
    metadata = {"Date": None} if figure_format == "svg" else {"Software": None}
    set_matplotlib_formats(figure_format, metadata=metadata, bbox_inches=None)
    if figure_format == "svg":
        formatter = InteractiveShell.instance().display_formatter.formatters["image/svg+xml"]
        draw = formatter.for_type(Figure)
        formatter.for_type(Figure, lambda figure: _in_hundredths(draw(figure)))


def _in_hundredths(svg: str) -> str:
    """Round an SVG's coordinates to 0.01 pt, which no eye sees.

    Matplotlib writes six decimals; in the sixth, two processors differ, and the comparison of a notebook's
    outputs with the stored ones fails over nothing.
    """

    def rounded(number: re.Match[str]) -> str:
        return f"{round(float(number[0]), 2) + 0.0:.2f}".rstrip("0").rstrip(".")  # + 0.0: no "-0"

    def attribute(found: re.Match[str]) -> str:
        return found[1] + re.sub(r"-?\d+\.\d{3,}", rounded, found[2])

    return re.sub(r'((?:\bd|\bx|\by|points)="|(?:translate|rotate)\()([^")]*)', attribute, svg)


def curves(
    ax: Axes,
    x: Sequence[float] | Tensor,
    lines: Mapping[str, Sequence[float] | Tensor],
    colours: Mapping[str, str] | None = None,
) -> Axes:
    """Draw up to six lines over one x, each labelled at its right end instead of in a legend.

    ``lines`` holds ordinates of shape (n,) by label, ``colours`` a key of `COLOURS` for each label.
    ``ValueError`` if a line's length differs from that of ``x``.
    """
    xs = _numbers(x)
    ends = []
    for label, y in lines.items():
        ys = _numbers(y)
        if len(ys) != len(xs):
            raise ValueError(f"lines[{label!r}] has {len(ys)} points but x has {len(xs)}")
        colour = COLOURS[colours[label]] if colours else None
        (line,) = ax.plot(xs, ys, color=colour)
        ends.append((ys[-1], label, line.get_color()))
    _label_ends(ax, xs[-1], ends)
    return ax


def pictures(axes: Sequence[Axes], images: Sequence[Tensor], titles: Sequence[str] = ()) -> Sequence[Axes]:
    """Show one greyscale picture of shape (height, width) per axes, without ticks, titled if `titles` are."""
    for i, (ax, image) in enumerate(zip(axes, images, strict=True)):
        ax.imshow(image.detach().cpu().numpy(), cmap="gray_r", interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        for spine in ax.spines.values():
            spine.set_visible(False)
        if titles:
            ax.set_title(titles[i], **_SMALL_TITLE)
    return axes


def headline(fig: Figure, text: str) -> None:
    """Put one finding over a row of several axes, where a single axes would carry it as its title."""
    fig.suptitle(text, x=0.01, ha="left", fontsize=11, fontweight="bold")


def signed_map(ax: Axes, values: Tensor, *, title: str = "") -> Axes:
    """Show signed values of shape (height, width): blue below zero, orange above, white at zero."""
    from matplotlib.colors import LinearSegmentedColormap

    diverging = LinearSegmentedColormap.from_list("signed", [COLOURS["data"], "#F7F7F7", COLOURS["gradient"]])
    largest = float(values.abs().max()) or 1.0
    ax.imshow(values.detach().cpu().numpy(), cmap=diverging, vmin=-largest, vmax=largest)
    ax.set(xticks=[], yticks=[])
    if title:
        ax.set_title(title, **_SMALL_TITLE)
    ax.grid(False)
    return ax


def confusion(ax: Axes, counts: Tensor, *, least: int = 1) -> Axes:
    """Draw a confusion matrix: true class down, predicted class across, hits faint so that errors stand out.

    ``counts`` is int64 of shape (classes, classes), and those below ``least`` are left to their colour.
    """
    errors = counts.clone().float()
    errors.fill_diagonal_(0)
    ax.imshow(errors.numpy(), cmap="cividis", vmin=0, vmax=max(1.0, errors.max().item()))
    for row, line in enumerate(counts.tolist()):
        for column, count in enumerate(line):
            if count >= least:
                dark = row == column or errors[row, column] < 0.6 * errors.max()
                ax.text(
                    column, row, str(count), ha="center", va="center", fontsize=8, color="w" if dark else "k"
                )
    ticks = range(len(counts))
    ax.set(xticks=ticks, yticks=ticks, xlabel="predicted digit", ylabel="true digit")
    ax.grid(False)
    return ax


def reliability(ax: Axes, confidence: Tensor, accuracy: Tensor, counts: Tensor) -> Axes:
    """Draw accuracy against stated confidence, one dot per bin, its area the number of examples in the bin.

    ``confidence`` is the mean predicted probability, ``accuracy`` the share that was right; each is (bins,).
    """
    ax.plot([0, 1], [0, 1], color=COLOURS["grey"], linestyle="--", linewidth=1.4)
    ax.scatter(
        _numbers(confidence),
        _numbers(accuracy),
        s=[15 + 260 * n / max(1, int(counts.max())) for n in counts.tolist()],
        color=COLOURS["model"],
        edgecolor="#5A3E00",
        zorder=3,
    )
    ax.set(
        xlabel="stated confidence (probability)",
        ylabel="share that was right",
        xlim=(0, 1.03),
        ylim=(0, 1.05),
    )
    return ax


def computation_graph(ax: Axes, root: Value, *, gradients: bool = True) -> Axes:
    """Draw a `Value` and all it was computed from, left to right, with values and, if wanted, gradients."""
    nodes = topological_order(root)
    depth: dict[int, int] = {}
    for node in nodes:
        depth[id(node)] = 1 + max((depth[id(p)] for p in node.parents), default=-1)
    for node in reversed(nodes):  # an input stands just left of its first use
        uses = [depth[id(c)] for c in nodes if any(p is node for p in c.parents)]
        depth[id(node)] = min(uses) - 1 if uses and not node.parents else depth[id(node)]
    columns: dict[int, list[Value]] = {}
    for node in nodes:
        columns.setdefault(depth[id(node)], []).append(node)
    tallest = max(len(column) for column in columns.values())
    place = {}
    for x, column in columns.items():
        for row, node in enumerate(column):
            place[id(node)] = (x * 1.9, (tallest - 1) / 2 - row + (len(column) - tallest) / 2)
    for node in nodes:
        for edge, parent in enumerate(node.parents):
            twins = sum(other is parent for other in node.parents)  # s × s: two arrows, bowed apart
            bow = 0.5 * (edge - (twins - 1) / 2) if twins > 1 else 0.0
            ax.annotate(
                "",
                xy=place[id(node)],
                xytext=place[id(parent)],
                arrowprops={
                    "arrowstyle": "->",
                    "connectionstyle": f"arc3,rad={bow}",
                    "color": COLOURS["light"],
                    "lw": 1.6,
                    "shrinkA": 24,
                    "shrinkB": 24,
                },
            )
    for node in nodes:
        _draw_node(ax, node, place[id(node)], gradients)
    ax.set(xlim=(-0.9, max(columns) * 1.9 + 0.9), ylim=(-(tallest) / 2 - 0.15, tallest / 2 + 0.15))
    ax.axis("off")
    return ax


def _draw_node(ax: Axes, node: Value, place: tuple[float, float], gradients: bool) -> None:
    x, y = place
    colour = COLOURS["grey"] if node.parents else COLOURS["parameter"]
    name = " ".join(part for part in (node.label, node.operation and f"({node.operation})") if part)
    ax.text(x, y + 0.27, name, ha="center", va="center", fontsize=10, fontweight="bold")
    box = {"boxstyle": "round,pad=0.35", "facecolor": "none", "edgecolor": colour, "linewidth": 1.8}
    text = f"{node.data:.4g}" + (f"\ngrad {node.grad:.4g}" if gradients else "")
    ax.text(x, y - 0.08, text, ha="center", va="center", fontsize=9, bbox=box)


def _label_ends(ax: Axes, x: float, ends: list[tuple[float, str, str]]) -> None:
    """Write each label at its line's end, pushed apart where they would touch."""
    low, high = ax.get_ylim()
    logarithmic = ax.get_yscale() == "log"
    ends = sorted(ends, key=lambda end: end[0])
    room = ax.transAxes.inverted()
    last = -1.0
    for y, label, colour in ends:
        height = float(room.transform(ax.transData.transform((x, min(max(y, low), high))))[1])
        height = max(height, last + 0.075)
        last = height
        ax.annotate(
            label,
            xy=(1.0, height),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            annotation_clip=False,
        )
        ax.plot(
            [1.0, 1.008], [height, height], transform=ax.transAxes, color=colour, clip_on=False, linewidth=4
        )
    if not logarithmic:
        ax.set_ylim(low, high)
    ax.set_xlim(right=x)


def _numbers(values: Sequence[float] | Tensor) -> list[float]:
    return (
        values.detach().cpu().flatten().tolist() if isinstance(values, Tensor) else [float(v) for v in values]
    )
