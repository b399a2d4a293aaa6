"""Cars of the model years 1970 to 1982: how heavy, how strong, how thirsty.

Origin: D. Donoho and E. Ramos, "PRIMDATA: Data sets for use with PRIM-H", 1982, the table of the American
Statistical Association's data exposition of 1983; ours comes from the Python package ``vega_datasets`` 0.9.0
and was made by ``python -m studies.build_cars``. Licences: DATA_LICENSES.md.
"""

import json
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.files import read_verified

EMBEDDED_FILE = Path(__file__).parent / "files" / "cars.json"
EMBEDDED_SHA256 = "288077243a84b44826b5a854c0d40da217113c5bdad028a12d70ca518e3f9245"
KG_PER_POUND = 0.45359237
KW_PER_HORSEPOWER = 550 * 0.3048 * KG_PER_POUND * 9.80665 / 1000
LITRES_PER_100KM_TIMES_MPG = 100 * 3.785411784 / 1.609344


class Cars(NamedTuple):
    """A car in each position, in the order of the source.

    ``weight_kg``: float64, (n,), in kg.
    ``power_kw``: float64, (n,), engine power in kW.
    ``litres_per_100km``: float64, (n,), fuel used over 100 km, in litres.
    ``names``: n strings, maker and model in small letters; a model sold for years has several rows.
    ``years``: int64, (n,), model year. The source has 61 cars of 1982 and none of 1981: it seems to have
    merged the two.
    """

    weight_kg: Tensor
    power_kw: Tensor
    litres_per_100km: Tensor
    names: tuple[str, ...]
    years: Tensor


def load_cars() -> Cars:
    r"""Load the 392 cars of which weight, power and fuel use are all known, in metric units.

    $$\begin{gathered}
      1\,\text{lb} = 0.45359237\,\text{kg}, \qquad
      \frac{\text{l}}{100\,\text{km}} = \frac{100 \cdot 3.785411784}{1.609344\,\text{mpg}}
      = \frac{235.215}{\text{mpg}}, \\
      1\,\text{hp} = 550 \cdot 0.3048 \cdot 0.45359237 \cdot 9.80665\,\text{W} = 0.74570\,\text{kW}
      \end{gathered}$$

    with the international pound, the mechanical horsepower (550 foot-pounds per second) and miles per US
    gallon. Of the 406 rows 14 lack a value, 8 the fuel use and 6 the power, and are left out. ``ValueError``
    if the file's SHA-256 is not the expected one; names file, expected and found hash.
    """
    table = json.loads(read_verified(EMBEDDED_FILE, EMBEDDED_SHA256))
    rows = range(len(table["names"]))
    known = [row for row in rows if all(column[row] is not None for column in table.values())]

    def column(name: str, dtype: torch.dtype = torch.float64) -> Tensor:
        return torch.tensor([table[name][row] for row in known], dtype=dtype)

    return Cars(
        weight_kg=column("pounds") * KG_PER_POUND,
        power_kw=column("horsepower") * KW_PER_HORSEPOWER,
        litres_per_100km=LITRES_PER_100KM_TIMES_MPG / column("miles_per_gallon"),
        names=tuple(table["names"][row] for row in known),
        years=column("years", torch.int64),
    )
