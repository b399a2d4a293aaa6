"""Colour maps for the page: a few stops of matplotlib's, so that figures and explorables agree."""

from __future__ import annotations

import matplotlib
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_hex

_SIGNED = LinearSegmentedColormap.from_list("signed", ["#0072B2", "#F7F7F7", "#D55E00"])


def palette(name: str, stops: int = 11) -> list[str]:
    """Sample a colour map at equal steps from its lower end to its upper one.

    Args:
        name: "signed", blue for negative and orange for positive with a light grey zero, or one of
            matplotlib's maps.
        stops: colours taken, at least 2; the page interpolates between them.

    Returns:
        Hexadecimal colours, `stops` of them.

    Raises:
        ValueError: if there is no map of that name, or `stops` < 2.
    """
    if stops < 2:
        raise ValueError(f"stops must be at least 2, got {stops}")
    if name != "signed" and name not in matplotlib.colormaps:
        raise ValueError(f"name must be 'signed' or one of matplotlib's colour maps, got {name!r}")
    colours: Colormap = _SIGNED if name == "signed" else matplotlib.colormaps[name]
    return [to_hex(colours(k / (stops - 1))) for k in range(stops)]
