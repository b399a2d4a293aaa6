"""What a loader's batches make of a gradient: an arrow for each batch beside that of the whole data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import traitlets
from torch.utils import data

from course_explorables.base import Explorable
from course_lib.data.cars import load_cars

_CODE = """\
import torch
from torch.utils import data

z = torch.tensor(«z», dtype=torch.float64)  # weight, standardised
y = torch.tensor(«y», dtype=torch.float64)  # litres per 100 km
theta = torch.tensor(«theta», dtype=torch.float64, requires_grad=True)
draw = torch.Generator().manual_seed(0)
loader = data.DataLoader(
    data.TensorDataset(z, y), batch_size=«batch_size», shuffle=«shuffle», generator=draw
)
for epoch in range(«epoch»):
    batches = list(loader)


def gradient(z, y):
    loss = ((theta[0] * z + theta[1] - y) ** 2).mean()
    return torch.autograd.grad(loss, theta)[0]


full = gradient(z, y)
for batch in batches:
    cosine = torch.cosine_similarity(gradient(*batch), full, dim=0).clamp(-1, 1)
    print(f"{len(batch[0])} cars, {cosine.acos().rad2deg():.1f} degrees from the full gradient")
"""
_CARS, _EPOCHS = 24, 20
_PLANE = ((-6.0, 14.0), (3.0, 17.0))


class MiniBatches(Explorable):
    r"""Drag w and b of a line; see the gradient of each batch of one epoch, and that of all 24 cars.

    $$g_B = \frac{2}{|B|} \sum_{i \in B} (w z_i + b - y_i) \begin{pmatrix} z_i \\ 1 \end{pmatrix}$$

    Unshuffled, the cars come as the file has them, by weight. Shuffled, they come as a ``DataLoader`` with a
    generator of seed 0 draws them.

    Args:
        theta: (w, b), w from −6 to 14 and b from 3 to 17.
        batch_size: from 1 to 24.
        shuffle: whether the loader shuffles.
        epoch: which epoch is seen, from 1 to 20.
        title: what to try.

    Raises:
        ValueError: if a setting lies outside its range.
    """

    modules: ClassVar[tuple[str, ...]] = ("plane.mjs", "mini_batches.mjs")
    settings: ClassVar[tuple[str, ...]] = ("theta", "batch_size", "shuffle", "epoch")

    theta = traitlets.List().tag(sync=True, own=True, echo_update=False)
    batch_size = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    shuffle = traitlets.Bool().tag(sync=True, own=True, echo_update=False)
    epoch = traitlets.Int().tag(sync=True, own=True, echo_update=False)
    cars = traitlets.List().tag(sync=True, own=True)
    orders = traitlets.List().tag(sync=True, own=True)

    def __init__(
        self,
        theta: Sequence[float] = (0.0, 6.0),
        *,
        batch_size: int = 6,
        shuffle: bool = False,
        epoch: int = 1,
        title: str = "Make every batch's arrow point where the thick one points",
    ) -> None:
        place = [float(value) for value in theta]
        if len(place) != 2 or not all(low <= v <= high for v, (low, high) in zip(place, _PLANE, strict=True)):
            raise ValueError(f"theta must be w from -6 to 14 and b from 3 to 17, got {tuple(place)}")
        for name, value, most in (("batch_size", batch_size, _CARS), ("epoch", epoch, _EPOCHS)):
            if not 1 <= value <= most:
                raise ValueError(f"{name} must lie between 1 and {most}, got {value}")
        loader = data.DataLoader(
            range(_CARS), batch_size=_CARS, shuffle=True, generator=torch.Generator().manual_seed(0)
        )
        super().__init__(
            title=title,
            theta=place,
            batch_size=batch_size,
            shuffle=bool(shuffle),
            epoch=epoch,
            cars=_cars_by_weight(),
            orders=[order.tolist() for _ in range(_EPOCHS) for order in loader],
            code_template=_CODE,
        )

    def code_values(self) -> dict[str, object]:
        """Return the cars' coordinates, one list each."""
        return {"z": [z for z, _ in self.cars], "y": [y for _, y in self.cars]}


def _cars_by_weight() -> list[list[float]]:
    """Every sixteenth car of the table sorted by weight: (weight standardised, litres per 100 km)."""
    cars = load_cars()
    order = cars.weight_kg.argsort(stable=True)
    chosen = order[[(2 * k + 1) * len(order) // (2 * _CARS) for k in range(_CARS)]]
    weight, litres = cars.weight_kg[chosen], cars.litres_per_100km[chosen]
    z = (weight - weight.mean()) / weight.std(correction=0)
    return [[round(a, 3), round(b, 1)] for a, b in zip(z.tolist(), litres.tolist(), strict=True)]
