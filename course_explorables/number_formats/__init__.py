"""A number dragged along, and what each floating-point format makes of it: bits, neighbours, error."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import traitlets

from course_explorables.base import Explorable
from course_lib.foundations.number_formats import FORMATS, bit_text, encode

LARGEST, SMALLEST = 2.0**130, 2.0**-152
"""The largest and the smallest size the ruler shows: a little beyond fp32 on both sides."""

_CODE = """\
import torch
from course_lib.foundations.number_formats import FORMATS, bit_text, encode, round_to

x = torch.tensor(«value», dtype=torch.float64)
for name, form in FORMATS.items():
    rounded = round_to(x, form)
    error = (rounded - x).abs() / x.abs().clamp(min=1e-300)
    print(f"{name:9} {rounded.item():15.9g}  relative error {error.item():.3e}")
    if form.dtype is not None:  # torch goes through float32, which may round twice
        assert torch.equal(x.float().to(form.dtype).double(), round_to(x.float(), form))

form = FORMATS["«form»"]
print(bit_text(encode(x, form).item(), form))  # «bits»
"""


class NumberFormats(Explorable):
    r"""Drag a number, or switch its bits; see it rounded to each format, and the neighbours it could become.

    $$\text{value} = (-1)^s \, 2^{e - \text{bias}} \, (1 + f/2^F)$$

    Above, the sizes a format can hold, on a logarithmic ruler; below, the numbers of the chosen format next
    to x. The page rounds as `foundations.number_formats` does, bit for bit.

    Args:
        value: x, 0 or of a size from 2⁻¹⁵² to 2¹³⁰.
        form: a key of `FORMATS`, the format whose bits are shown.
        title: what to try.

    Raises:
        ValueError: if `value` is out of range or not finite, or `form` is another word.

    Source: IEEE 754-2019, sections 3.4 and 4.3.1; P. Micikevicius et al., arXiv:2209.05433.
    """

    modules: ClassVar[tuple[str, ...]] = ("rounding.mjs", "number_formats.mjs")
    settings: ClassVar[tuple[str, ...]] = ("value", "form")

    value = traitlets.Float().tag(sync=True, own=True, echo_update=False)
    form = traitlets.Unicode().tag(sync=True, own=True, echo_update=False)
    formats = traitlets.List().tag(sync=True, own=True)

    def __init__(
        self,
        value: float = 0.1,
        form: str = "bf16",
        *,
        title: str = "Find a number that bf16 holds and fp16 does not",
    ) -> None:
        size = abs(value)
        if not (size == 0 or SMALLEST <= size <= LARGEST):
            raise ValueError(f"value must be 0 or of a size from 2**-152 to 2**130, got {value}")
        if form not in FORMATS:
            raise ValueError(f"form must be one of {', '.join(FORMATS)}, got {form!r}")
        super().__init__(
            title=title,
            value=float(value),
            form=form,
            formats=[
                [each.name, each.exponent_bits, each.fraction_bits, each.infinities, each.ties_to_even]
                for each in FORMATS.values()
            ],
            code_template=_CODE,
        )

    def code_values(self) -> dict[str, object]:
        """Return the number as Python writes it, and its bits in the chosen format."""
        form = FORMATS[self.form]
        code = encode(torch.tensor(self.value, dtype=torch.float64), form).item()
        return {"value": _written(self.value), "bits": bit_text(int(code), form)}


def _written(value: float) -> str:
    """Write a float as JavaScript does up to its exponent, and read back the same by either."""
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    return repr(value)
